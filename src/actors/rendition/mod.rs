//! One converted rendition: waits for a lease, runs its pipeline between two feeds, and tries
//! again when the pipeline fails.

mod pace;
mod supply;
mod task;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::breakers::RenditionBreakers;
use super::ingest::Ingest;
use super::plan::RenditionKey;
use super::pool::Pool;
use crate::admission::{Job, LeaseId, Ticket};
use crate::base::ids::ClientId;
use crate::base::shared::{Lease, Shareable};
use crate::config::Profile;
use crate::feed::{Feed, Retention};
use crate::ingest::IngestError;
use crate::pipeline::{Library, PipelineId};
use crate::stream::StreamId;
use pace::Pace;
use task::Task;

/// What every rendition needs.
#[derive(Clone, Debug)]
pub struct RenditionDeps {
    /// The pipelines.
    pub library: Arc<Library>,
    /// Leases for them.
    pub pool: Pool,
    /// Which renditions fail again and again.
    pub breakers: RenditionBreakers,
    /// The encode settings, by name.
    pub profiles: Arc<BTreeMap<String, Profile>>,
    /// Encoder threads of one pipeline.
    pub threads: u32,
    /// What a feed keeps.
    pub retention: Retention,
    /// How far back in the source it begins, so that its viewers have something to buffer.
    pub lead: Duration,
    /// How long it outlives its last viewer.
    pub linger: Duration,
    /// How long a pipeline may take to end.
    pub teardown_deadline: Duration,
    /// A pipeline of this age is replaced at the next keyframe; `None` lets it grow old.
    pub max_age: Option<Duration>,
}

/// How far a rendition is.
#[derive(Clone, Debug, Default)]
pub enum RenditionStatus {
    /// It waits for a lease.
    #[default]
    Queued,
    /// Its pipeline starts.
    Starting,
    /// Its pipeline runs.
    Running,
    /// The queue was full: it never ran.
    QueueFull,
    /// Too few file descriptors were left: it never ran.
    OutOfDescriptors,
    /// It gave up.
    Failed(Arc<IngestError>),
}

/// A rendition. Viewers and HLS windows hold leases on it.
#[derive(Debug)]
pub struct Rendition {
    /// What it delivers.
    pub feed: Arc<Feed>,
    status: watch::Receiver<RenditionStatus>,
    board: Arc<Board>,
    pool: Pool,
    cancel: CancellationToken,
    linger: Duration,
}

/// The pipeline that works for a rendition now.
#[derive(Clone, Debug)]
pub struct Live {
    /// The lease that it runs under.
    pub lease: LeaseId,
    /// What it does, by which its cost is known.
    pub job: Job,
    /// Which it is.
    pub pipeline: PipelineId,
    /// When it came to run.
    pub started: Instant,
    pace: Arc<Pace>,
}

impl Live {
    /// How far its output lies behind the source, beyond what a pipeline holds by its nature.
    pub fn lag(&self) -> Duration {
        self.pace.lag()
    }
}

/// What the rendition and its task tell each other.
#[derive(Debug, Default)]
struct Board {
    state: Mutex<Posted>,
    evicted: CancellationToken,
}

#[derive(Debug, Default)]
struct Posted {
    ticket: Option<Ticket>,
    live: Option<Live>,
    eviction: Option<Arc<IngestError>>,
}

impl Board {
    fn set_ticket(&self, ticket: Option<Ticket>) {
        self.state().ticket = ticket;
    }

    fn live(&self, live: Option<Live>) {
        self.state().live = live;
    }

    /// Resolves when the pool wants the place back, with the reason.
    async fn evicted(&self) -> Arc<IngestError> {
        self.evicted.cancelled().await;
        let reason = self.state().eviction.clone();
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, Posted> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rendition {
    /// Queues for a lease and then runs, in a task of its own.
    pub fn start(
        (stream, key): (StreamId, RenditionKey),
        source: Lease<StreamId, Ingest>,
        client: ClientId,
        deps: RenditionDeps,
    ) -> Self {
        let (feed, publisher) = Feed::new(deps.retention);
        let (status_sender, status) = watch::channel(RenditionStatus::default());
        let cancel = CancellationToken::new();
        let board = Arc::new(Board::default());
        let (pool, linger) = (deps.pool.clone(), deps.linger);
        let task = Task {
            stream,
            key,
            source,
            client,
            deps,
            publisher,
            status: status_sender,
            board: Arc::clone(&board),
            cancel: cancel.clone(),
        };
        tokio::spawn(task.run());
        Self {
            feed,
            status,
            board,
            pool,
            cancel,
            linger,
        }
    }

    /// Its status, as it changes.
    pub fn status(&self) -> watch::Receiver<RenditionStatus> {
        self.status.clone()
    }

    /// Its place in the queue, from 1, while it waits.
    pub fn queue_position(&self) -> Option<usize> {
        let ticket = self.board.state().ticket;
        self.pool.position(ticket?)
    }

    /// The pipeline that works for it, while one does.
    pub fn live(&self) -> Option<Live> {
        self.board.state().live.clone()
    }

    /// Ends it because its place is needed, or because it takes too much; its viewers are told.
    pub fn evict(&self, reason: Arc<IngestError>) {
        self.board.state().eviction.get_or_insert(reason);
        self.board.evicted.cancel();
    }
}

impl Shareable for Rendition {
    fn linger(&self) -> Duration {
        // One that does not run yet has nothing worth keeping, and while others wait for a
        // lease an unwatched pipeline makes room at once.
        let runs = matches!(*self.status.borrow(), RenditionStatus::Running);
        if runs && self.pool.figures().queued == 0 {
            self.linger
        } else {
            Duration::ZERO
        }
    }
    fn is_alive(&self) -> bool {
        let over = matches!(
            *self.status.borrow(),
            RenditionStatus::Failed(_)
                | RenditionStatus::QueueFull
                | RenditionStatus::OutOfDescriptors
        );
        let ending = self.cancel.is_cancelled() || self.board.evicted.is_cancelled();
        !over && !ending && self.status.has_changed().is_ok()
    }
    fn stop(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Rendition {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
