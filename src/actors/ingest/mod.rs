//! The one live pull of a stream: a task that pulls its sources as the failover says, and pumps what
//! comes into the feed.

mod attempt;
mod look;
mod pump;
pub(super) mod slot;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::accounts::Accounts;
use crate::accounts::PlaceId;
use crate::base::shared::Shareable;
use crate::feed::{Feed, Retention};
use crate::ingest::demand::Looks;
use crate::ingest::failover::SourceState;
use crate::ingest::observer::Observer;
use crate::ingest::{Demand, Dialer, Fetcher, IngestError, Progress};
use crate::metrics;
use crate::pipeline::Library;
use crate::stream::{AccountId, Definition};
use task::Task;

/// What every ingest needs.
#[derive(Clone, Debug)]
pub struct IngestDeps {
    /// HTTP to sources.
    pub fetcher: Fetcher,
    /// Other connections to sources.
    pub dialer: Dialer,
    /// Folder whose files may be sources.
    pub media_dir: Option<PathBuf>,
    /// Pipelines for sources that GStreamer makes.
    pub library: Arc<Library>,
    /// Leases for those.
    pub pool: super::pool::Pool,
    /// Connections that providers count.
    pub accounts: Accounts,
    /// How a picture is encoded that TS cannot carry.
    pub convert: crate::pipeline::Profile,
    /// What a feed keeps.
    pub retention: Retention,
    /// How far a feed runs ahead at the start.
    pub lead: Duration,
    /// Shortest and longest pause between attempts.
    pub backoff: (Duration, Duration),
    /// How long a source may take to answer, unless it says otherwise. Its first byte of media may
    /// take twice as long.
    pub timeout: Duration,
    /// Without media for this long a source counts as stalled.
    pub stall_timeout: Duration,
    /// How long a pipeline may take to end.
    pub teardown_deadline: Duration,
}

/// What an ingest does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IngestPhase)]
pub enum Phase {
    /// It waits for a connection among those of the source's account.
    Waiting,
    /// It connects, or waits for the first keyframe.
    #[default]
    Connecting,
    /// Media flows; or, of a source that is sampled, its playlist has been read and the last look at
    /// it succeeded.
    Live,
    /// It pauses after a failure.
    BackingOff,
}

/// An ingest's status.
#[derive(Clone, Debug, Default)]
pub struct IngestStatus {
    /// What it does.
    pub phase: Phase,
    /// What for. A continuous source is never sampled, but scanned.
    pub demand: Demand,
    /// Attempts since the start.
    pub attempts: u64,
    /// The failure of the newest attempt that failed, until media flows again.
    pub error: Option<Arc<IngestError>>,
    /// The longest segment that the source announces.
    pub target_duration: Option<Duration>,
    /// The place in the account's queue, while it waits.
    pub waits: Option<(AccountId, PlaceId)>,
    /// Which of the sources it pulls, from 0.
    pub source: usize,
    /// Each source, in order.
    pub sources: Arc<[SourceState]>,
    /// How far the newest attempt has come, and what it found out about its source.
    pub progress: Option<Arc<Progress>>,
    /// Each source was tried without success since media last flowed.
    pub exhausted: bool,
}

impl IngestStatus {
    /// Whether media flows for viewers.
    pub fn is_shown(&self) -> bool {
        self.phase == Phase::Live && self.demand == Demand::Watched
    }

    /// The error to tell a viewer at once: each source was tried since media last flowed, and
    /// trying any of them again soon cannot help.
    pub fn final_error(&self) -> Option<Arc<IngestError>> {
        let hopeless = |source: &SourceState| {
            let error = source.error.as_ref();
            error.is_some_and(|error| error.cause.is_permanent())
        };
        self.error
            .clone()
            .filter(|_| self.exhausted && self.sources.iter().all(hopeless))
    }
}

/// A running ingest. Viewers, renditions and the monitor hold leases on it.
#[derive(Debug)]
pub struct Ingest {
    /// What it delivers.
    pub feed: Arc<Feed>,
    /// What it pulls.
    pub definition: Arc<Definition>,
    status: watch::Receiver<IngestStatus>,
    reject: mpsc::Sender<IngestError>,
    observer: Arc<Observer>,
    wishes: watch::Sender<Wishes>,
    looks: Arc<Looks>,
    cancel: CancellationToken,
    linger: Duration,
}

/// What is wanted of an ingest, and by whom.
#[derive(Clone, Copy, Debug)]
struct Wishes {
    /// Somebody has a lease, or had one a linger ago.
    watched: bool,
    /// What the monitor wants while nobody does.
    monitor: Demand,
}

impl Wishes {
    fn demand(self) -> Demand {
        if self.watched {
            Demand::Watched
        } else {
            self.monitor
        }
    }
}

impl Ingest {
    /// Starts pulling `definition` for `demand`, in a task of its own.
    pub fn start(
        definition: Arc<Definition>,
        deps: IngestDeps,
        linger: Duration,
        demand: Demand,
    ) -> Self {
        let (feed, publisher) = Feed::new(deps.retention);
        let (status_sender, status) = watch::channel(IngestStatus {
            demand,
            ..IngestStatus::default()
        });
        let (wishes, wished) = watch::channel(Wishes {
            watched: demand == Demand::Watched,
            monitor: demand,
        });
        let looks = Arc::new(Looks::default());
        let (reject, rejected) = mpsc::channel(1);
        let observer = Arc::new(Observer::default());
        let cancel = CancellationToken::new();
        let task = Task {
            definition: Arc::clone(&definition),
            deps,
            publisher,
            status: status_sender,
            observer: Arc::clone(&observer),
            wishes: wished,
            looks: Arc::clone(&looks),
            end: cancel.clone(),
        };
        let stop = cancel.clone();
        tokio::spawn(async move {
            let _counted = metrics::ingest_runs();
            stop.run_until_cancelled(task.run(rejected)).await;
        });
        Self {
            feed,
            definition,
            status,
            reject,
            observer,
            wishes,
            looks,
            cancel,
            linger,
        }
    }

    /// What the monitor asks for from now on; it counts while nobody watches.
    pub fn set_monitored(&self, demand: Demand) {
        self.wish(|wishes| wishes.monitor = demand);
    }

    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        self.wishes.send_if_modified(|wishes| {
            let before = wishes.demand();
            change(wishes);
            wishes.demand() != before
        });
    }

    /// Gives up the source that is pulled now, as if it had failed with `error`.
    pub fn reject(&self, error: IngestError) {
        // One wish that waits is as good as many.
        let _ = self.reject.try_send(error);
    }

    /// Watches what it pulls, over all its attempts; off until somebody enables it.
    pub fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    /// Its status, as it changes.
    pub fn status(&self) -> watch::Receiver<IngestStatus> {
        self.status.clone()
    }
}

impl Shareable for Ingest {
    fn linger(&self) -> Duration {
        self.linger
    }
    fn is_alive(&self) -> bool {
        // The status is closed when the task has ended, for whatever reason.
        !self.cancel.is_cancelled() && self.status.has_changed().is_ok()
    }
    fn stop(&self) {
        self.cancel.cancel();
    }
    fn leased(&self) {
        self.wish(|wishes| wishes.watched = true);
    }
    fn unleased(&self) {
        self.wish(|wishes| wishes.watched = false);
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
