//! The monitor: watches all streams, and knows how each of them is.
//!
//! ```text
//! supervisor ── one watcher a stream ─┬─ holds or takes the stream's pull (Hub), shared with viewers
//!  (starts in batches,                ├─ beat: what packets and playlists show (ingest::observer)
//!   follows the catalogue)            ├─ look: keyframe and sound through the decoders (sampler)
//!                                     └─ judge: conditions::Machine ─► board, history, log, metrics
//! ```
//!
//! How many look at a time, in all and at each host, is bounded by [`gates`]; when that is not enough, all
//! intervals stretch alike, and the [`board`] shows it: nothing is silently unwatched.

mod board;
mod eyes;
mod gates;
mod judge;
mod look;
mod pulse;
mod supervisor;
mod thumbnails;
mod transport;
mod watcher;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::hub::Hub;
use super::sampler::Sampler;
use crate::base::clock;
use crate::conditions::{Change, Condition, Guard, Network, Now};
use crate::config;
use crate::history::{Event, EventKind, KeptState, NewPicture, Outbox, PictureOf};
use crate::ingest::Cause;
use crate::stream::StreamId;

pub use board::{Doing, Known, coverage};
pub use thumbnails::Thumbnail;

use board::Board;
use gates::Gates;
use pulse::Pulse;
use thumbnails::Thumbnails;

/// Looks at a time, for each decoder: most of a look is waiting for the source.
const LOOKS_PER_DECODER: usize = 16;

/// Minutes that wait for the store at most: two hours of 1,000 streams.
const MOST_MINUTES: usize = 120_000;

/// Changes of our own network that wait for who keeps them.
const MOST_NETWORK_CHANGES: usize = 64;

/// How streams are watched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As configured.
    pub terms: config::Monitor,
    /// Decoders that may work at a time.
    pub decoders: usize,
    /// Looks at a time at each host.
    pub host_concurrency: usize,
    /// Looks at a time.
    pub concurrency: usize,
    /// Streams whose watch begins in each second.
    pub start_rate: usize,
    /// Most bytes of pictures.
    pub thumbnail_bytes: usize,
    /// Whether there are metrics of each stream.
    pub stream_metrics: bool,
}

impl Settings {
    /// As configured. Thumbnails take a quarter at most of the `memory` that the server shall stay below, so that they
    /// alone hold back no transcode.
    pub fn new(terms: &config::Monitor, memory: usize) -> Self {
        Self {
            decoders: terms.decoders,
            host_concurrency: terms.host_concurrency,
            concurrency: terms.decoders.max(1) * LOOKS_PER_DECODER,
            start_rate: terms.start_rate as usize,
            thumbnail_bytes: terms.thumbnails_bytes.min(memory / 4),
            stream_metrics: terms.stream_metrics,
            terms: terms.clone(),
        }
    }
}

/// Most streams of different hosts fail together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnNetwork {
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// In words.
    pub text: String,
}

/// The monitor as a whole.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Set while the fault is taken for one of our own network.
    pub own_network: Option<OwnNetwork>,
    /// Pictures that are kept.
    pub thumbnails: usize,
    /// Their bytes.
    pub thumbnail_bytes: usize,
}

/// The monitor; cheap to clone.
#[derive(Clone)]
pub struct Monitor {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    sampler: Sampler,
    settings: Settings,
    gates: Gates,
    board: Board,
    thumbnails: Thumbnails,
    pulse: Arc<Pulse>,
    guard: Mutex<Guard>,
    /// What it has told that nobody has taken yet.
    network_changes: Mutex<VecDeque<Change>>,
    /// Minutes that are full and not written yet.
    outbox: Mutex<Outbox>,
    /// What was known of streams when the server was stopped; taken by the first watch of each.
    kept: Mutex<HashMap<StreamId, KeptState>>,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl Monitor {
    /// A monitor that watches nothing yet. `kept` is what was known of streams when the server was stopped, `own_network`
    /// the condition of our own network that lasted then.
    pub fn new(
        hub: Arc<Hub>,
        sampler: Sampler,
        settings: Settings,
        kept: HashMap<StreamId, KeptState>,
        own_network: Option<Condition>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                gates: Gates::new(settings.concurrency, settings.host_concurrency),
                thumbnails: Thumbnails::new(settings.thumbnail_bytes),
                hub,
                sampler,
                settings,
                board: Board::default(),
                pulse: Arc::default(),
                guard: Mutex::new(Guard::restore(own_network, judge::now())),
                network_changes: Mutex::default(),
                outbox: Mutex::new(Outbox::new(MOST_MINUTES)),
                kept: Mutex::new(kept),
            }),
        }
    }

    /// Watches what the catalogue holds, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        supervisor::run(self.inner, stop).await;
    }

    /// What is known of one stream; `None` when it is not watched.
    pub fn get(&self, stream: &StreamId) -> Option<Known> {
        self.inner.board.get(stream)
    }

    /// What is known of all streams that are watched.
    pub fn all(&self) -> Vec<(StreamId, Known)> {
        self.inner.all()
    }

    /// The whole.
    pub fn overview(&self) -> Overview {
        let (thumbnails, thumbnail_bytes) = self.inner.thumbnails.figures();
        let own_network = self.inner.guard().active().map(|fault| OwnNetwork {
            since: fault.since,
            text: fault.evidence.text.clone(),
        });
        Overview {
            own_network,
            thumbnails,
            thumbnail_bytes,
        }
    }

    /// What has changed about our own network since the last call: the condition of it was raised, or cleared.
    pub fn take_network_changes(&self) -> Vec<Change> {
        self.inner.network_changes().drain(..).collect()
    }

    /// The newest picture of a stream.
    pub fn thumbnail(&self, stream: &StreamId) -> Option<Arc<Thumbnail>> {
        self.inner.thumbnails.get(stream)
    }

    /// How streams are watched.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}

impl Inner {
    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time passes for our own network.
    fn tick(&self) {
        let now = judge::now();
        self.pulse.feel(now.mono);
        let mut changes = Vec::new();
        let mut guard = self.guard();
        guard.tick(now, &mut changes);
        self.tell_network(changes);
    }

    /// What is known of our own network.
    fn network(&self) -> Network {
        self.guard().network()
    }

    /// A stream was heard of.
    fn report(&self, stream: &StreamId, host: &str, failure: Option<Cause>, now: Now) {
        let mut changes = Vec::new();
        let mut guard = self.guard();
        guard.report(stream, host, failure, now, &mut changes);
        guard.tick(now, &mut changes);
        self.tell_network(changes);
    }

    /// To be called while the guard is held: changes are told in their order.
    fn tell_network(&self, changes: Vec<Change>) {
        for change in changes {
            match &change {
                Change::Raised(fault) => tracing::error!("{}", fault.evidence.text),
                Change::Cleared(_) => tracing::warn!("this server's own network is well again"),
                Change::Health { .. } => continue,
            }
            let mut waiting = self.network_changes();
            if waiting.len() == MOST_NETWORK_CHANGES {
                tracing::error!("a change of our own network is not kept: nobody takes them");
                waiting.pop_front();
            }
            waiting.push_back(change);
        }
    }

    fn network_changes(&self) -> MutexGuard<'_, VecDeque<Change>> {
        let changes = self.network_changes.lock();
        changes.unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what has changed; returns when it is on disk, so that nothing is told twice after a restart.
    async fn keep(&self, stream: &StreamId, events: Vec<Event>, state: KeptState) {
        let store = self.hub.catalog.store();
        let states = vec![(stream.clone(), state)];
        let pictures = self.pictures(stream, &events);
        match store.record(events, states).await {
            Ok(()) => store.keep_pictures(pictures),
            Err(error) => {
                tracing::error!(%stream, %error, "what has changed could not be stored");
            }
        }
    }

    /// What the stream looks like now, for each condition among these events.
    fn pictures(&self, stream: &StreamId, events: &[Event]) -> Vec<NewPicture> {
        let Some(newest) = self.thumbnails.get(stream) else {
            return Vec::new();
        };
        let of = events
            .iter()
            .filter_map(|event| PictureOf::event(event, newest.taken_at));
        of.map(|of| NewPicture {
            stream: stream.clone(),
            of,
            jpeg: newest.jpeg.clone(),
        })
        .collect()
    }
}

/// An event of what has changed.
pub(super) fn event(stream: &StreamId, change: Change) -> Event {
    let (at, kind) = match change {
        Change::Raised(condition) => (
            condition.raised_at,
            EventKind::ConditionRaised { condition },
        ),
        Change::Cleared(condition) => {
            let at = condition.cleared_at.unwrap_or_else(clock::wall);
            (at, EventKind::ConditionCleared { condition })
        }
        Change::Health { from, to, at } => (at, EventKind::HealthChanged { from, to }),
    };
    Event::new(stream.clone(), at, kind)
}
