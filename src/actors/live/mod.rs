//! Live updates: one task looks at the server once a second; any number of clients are told what has changed.
//!
//! A client has no queue: it has a cursor, and asks for what lies between it and now. What several ask for is
//! composed once, in each form once ([`crate::live::Message`]). While nobody asks, nobody looks.

mod look;
mod seat;
mod shelf;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::hub::Hub;
use super::info::Info;
use super::monitor::Monitor;
use crate::base::clock;
use crate::config;
use crate::live::{Bounds, Differ, Epoch, Filter, Journal, Message, Start};
use crate::metrics;

pub use seat::{Seat, Transport};

use shelf::Shelf;

/// What has changed is told this often.
const PERIOD: Duration = Duration::from_secs(1);
/// What was seen longer ago is looked at anew before it is told.
const STALE: Duration = Duration::from_millis(2_500);
/// Looks go on this long after somebody has polled.
const POLLED: Duration = Duration::from_mins(1);
/// Clients may take this long to say good-bye when the server stops.
const GOODBYE: Duration = Duration::from_secs(3);
/// A client may take this long for one message, whatever its size.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The longest that a poll waits for the first look, or for one after a while without any.
const POLL_WAIT: Duration = Duration::from_secs(5);

/// Changes that are remembered, whatever they weigh: who missed more gets less by being told everything.
const CHANGES: usize = 1 << 16;

/// There are as many clients as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} clients follow already, the most there may be")]
pub struct Full(pub usize);

/// Live updates; cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    monitor: Monitor,
    info: Info,
    state: Mutex<State>,
    /// The newest sequence number; marked as changed also when a look has ended a time without looks.
    moved: watch::Sender<u64>,
    /// Somebody wants to know while nobody looks.
    wanted: Notify,
    /// One permit for each client that may follow.
    seats: Arc<Semaphore>,
    max_clients: usize,
    /// Of the tasks that serve clients.
    tasks: TaskTracker,
    /// Large messages are composed by so many at a time, off the async workers.
    heavy: Semaphore,
    /// When somebody polled last, in milliseconds since `began`.
    polled: AtomicI64,
    began: Instant,
}

struct State {
    journal: Journal,
    shelf: Shelf,
    looked: Option<Instant>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("max_clients", &self.inner.max_clients)
            .finish_non_exhaustive()
    }
}

impl Live {
    /// Live updates of this server. Tells nothing until it [runs](Self::run).
    pub fn new(hub: Arc<Hub>, monitor: Monitor, info: Info, settings: &config::Live) -> Self {
        let bounds = Bounds {
            changes: CHANGES,
            bytes: settings.memory,
        };
        let epoch = Epoch::new(ulid::Ulid::generate().random() as u32);
        let state = State {
            journal: Journal::new(epoch, bounds),
            shelf: Shelf::default(),
            looked: None,
        };
        Self {
            inner: Arc::new(Inner {
                hub,
                monitor,
                info,
                state: Mutex::new(state),
                moved: watch::Sender::new(0),
                wanted: Notify::new(),
                seats: Arc::new(Semaphore::new(settings.max_clients)),
                max_clients: settings.max_clients,
                tasks: TaskTracker::new(),
                heavy: Semaphore::new(1),
                polled: AtomicI64::new(i64::MIN),
                began: clock::now(),
            }),
        }
    }

    /// Looks once a second while somebody wants to know, until `stop`; then waits until the clients' tasks have ended.
    pub async fn run(self, stop: CancellationToken) {
        let mut differ = Differ::default();
        let mut turn = tokio::time::interval(PERIOD);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(turn.tick()).await.is_some() {
            if self.inner.has_looked() && !self.inner.is_wanted() {
                let wanted = self.inner.wanted.notified();
                if stop.run_until_cancelled(wanted).await.is_none() {
                    break;
                }
                turn.reset();
            }
            // Thousands of streams take a moment.
            let inner = Arc::clone(&self.inner);
            let looked = tokio::task::spawn_blocking(move || {
                inner.look(&mut differ);
                differ
            });
            match looked.await {
                Ok(back) => differ = back,
                Err(error) => {
                    tracing::error!(%error, "live updates have ended");
                    break;
                }
            }
        }
        self.inner.tasks.close();
        let _ = tokio::time::timeout(GOODBYE, self.inner.tasks.wait()).await;
    }

    /// A place for one who follows, from where it was on; `since` as it was told.
    ///
    /// # Errors
    /// When there are as many clients as there may be.
    pub fn follow(
        &self,
        transport: Transport,
        filter: Filter,
        since: Option<&str>,
    ) -> Result<Seat, Full> {
        let permit = Arc::clone(&self.inner.seats).try_acquire_owned();
        let permit = permit.map_err(|_| Full(self.inner.max_clients))?;
        let seat = Seat::new(self.clone(), transport, Arc::new(filter), since, permit);
        self.inner.wanted.notify_one();
        Ok(seat)
    }

    /// What is new since then, or everything; `None` when the server does not come to look.
    pub async fn poll(&self, filter: Filter, since: Option<&str>) -> Option<Arc<Message>> {
        self.inner
            .polled
            .store(self.inner.millis(), Ordering::Relaxed);
        let mut moved = self.inner.moved.subscribe();
        if !self.inner.is_fresh() {
            self.inner.wanted.notify_one();
            let fresh = async { while !self.inner.is_fresh() && moved.changed().await.is_ok() {} };
            tokio::time::timeout(POLL_WAIT, fresh).await.ok()?;
        }
        let filter = Arc::new(filter);
        let mut state = self.inner.state();
        let start = state.journal.start(since, &filter);
        if let Start::Snapshot(Some(why)) = start {
            metrics::live_resync(why);
        }
        let message = match start {
            Start::After(seq) => state.delta(seq, &filter),
            // A poll is answered with the newest: there is no second message to make up for an older one.
            Start::Snapshot(_) => Some(state.snapshot(&filter, Duration::ZERO)),
        };
        Some(message.unwrap_or_else(|| state.nothing(&filter)))
    }

    /// Runs a client's task; the end of the server waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// Makes a form of a message, off the async workers if it is large.
    ///
    /// # Errors
    /// As `make`; and when the work is given up because the server ends.
    pub async fn make<T: Send + 'static>(
        &self,
        message: &Arc<Message>,
        make: impl FnOnce(&Message) -> std::io::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        const LARGE: usize = 64 << 10;
        if message.json().len() < LARGE {
            return make(message);
        }
        let _turn = self.inner.heavy.acquire().await;
        let message = Arc::clone(message);
        let made = tokio::task::spawn_blocking(move || make(&message)).await;
        made.map_err(std::io::Error::other)?
    }
}

impl Inner {
    fn look(&self, differ: &mut Differ) {
        let seen = look::look(&self.hub, &self.monitor, &self.info);
        let now = clock::now();
        let updates = differ.differ(seen, now);
        let mut state = self.state();
        let was_stale = !state.is_fresh(now);
        state.looked = Some(now);
        let changed = state.commit(clock::wall(), now, updates);
        let seq = state.journal.seq();
        drop(state);
        self.moved.send_if_modified(|moved| {
            *moved = seq;
            changed || was_stale
        });
    }

    fn has_looked(&self) -> bool {
        self.state().looked.is_some()
    }

    fn is_fresh(&self) -> bool {
        self.state().is_fresh(clock::now())
    }

    fn is_wanted(&self) -> bool {
        let since_poll = self
            .millis()
            .saturating_sub(self.polled.load(Ordering::Relaxed));
        self.seats.available_permits() < self.max_clients || since_poll < POLLED.as_millis() as i64
    }

    fn millis(&self) -> i64 {
        self.began.elapsed().as_millis() as i64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_fresh(&self, now: Instant) -> bool {
        let looked = self.looked;
        looked.is_some_and(|at| now.saturating_duration_since(at) < STALE)
    }
}
