//! Looks at the server itself now and then: figures for who asks, and its own conditions, which are kept and told like a
//! stream's ([`StreamId::server`]).

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::hub::Hub;
use super::monitor::{self, Known, Monitor};
use crate::base::clock;
use crate::conditions::{Change, Now};
use crate::history::{Event, KeptState};
use crate::info::{
    Cpu, CpuTimes, Disk, Figures, INTERVAL, OutboxFigures, Reading, Server, Share, Watch,
};
use crate::log::Log;
use crate::metrics;
use crate::process::{self, Sample};
use crate::stream::StreamId;

/// What is due by time alone is done this often, and what the monitor says of our own network is heard.
const TURN: Duration = Duration::from_secs(1);
/// The store answers within this, and so does its disk, or does not.
const DEADLINE: Duration = Duration::from_secs(2);
/// A stream that is watched since a moment ago need not have been looked at: streams begin in batches.
const START: Duration = Duration::from_secs(30);
/// Turns that are waited for the governor's first count, if it can count at all.
const PATIENCE: u32 = 3;
/// Events that wait for a store that cannot be written.
const MOST_EVENTS: usize = 256;

/// Tells how many notifications wait; `None` where none are sent. It must not block.
pub type OutboxSource = Box<dyn Fn() -> Option<OutboxFigures> + Send + Sync>;

/// What is looked at.
pub struct Parts {
    /// What runs.
    pub hub: Arc<Hub>,
    /// Watches the streams.
    pub monitor: Monitor,
    /// The log.
    pub log: Log,
    /// The file of the store.
    pub db_path: PathBuf,
    /// Free space below which its disk counts as nearly full, bytes; 0 never.
    pub disk_free: u64,
    /// Notifications on their way.
    pub outbox: OutboxSource,
    /// What was known when the server was stopped.
    pub kept: Option<KeptState>,
}

/// What was found by the last look.
#[derive(Clone, Debug)]
pub struct Latest {
    /// When.
    pub at: Timestamp,
    /// What was found.
    pub figures: Figures,
    /// Beside its thresholds.
    pub readings: Vec<Reading>,
    /// The process and the machine.
    pub sample: Sample,
}

/// How the server itself is; cheap to clone.
#[derive(Clone)]
pub struct Info {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    monitor: Monitor,
    log: Log,
    db_path: PathBuf,
    outbox: OutboxSource,
    server: Mutex<Server>,
    latest: watch::Sender<Option<Arc<Latest>>>,
}

impl std::fmt::Debug for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Info").finish_non_exhaustive()
    }
}

impl Info {
    /// Looks at nothing yet; also what does the looking.
    pub fn new(parts: Parts) -> (Self, Looker) {
        let info = Self {
            inner: Arc::new(Inner {
                hub: parts.hub,
                monitor: parts.monitor,
                log: parts.log,
                db_path: parts.db_path,
                outbox: parts.outbox,
                server: Mutex::new(Server::new(parts.kept, now())),
                latest: watch::channel(None).0,
            }),
        };
        let looker = Looker {
            info: info.clone(),
            watch: Watch::new(parts.disk_free),
            before: None,
            dropped: 0,
            probing: None,
            waiting: VecDeque::new(),
            failing: false,
        };
        (info, looker)
    }

    /// What was found by the last look; waits for the first, a moment at most.
    pub async fn latest(&self) -> Option<Arc<Latest>> {
        let mut latest = self.inner.latest.subscribe();
        let found = tokio::time::timeout(DEADLINE * 2, latest.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }

    /// What was found by the last look, if there was one.
    pub fn known(&self) -> Option<Arc<Latest>> {
        self.inner.latest.borrow().clone()
    }

    /// How the server is, and what is raised.
    pub fn state(&self) -> KeptState {
        self.inner.server().state()
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.inner.log
    }

    /// Notifications on their way.
    pub fn outbox(&self) -> Option<OutboxFigures> {
        (self.inner.outbox)()
    }
}

impl Inner {
    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the looking.
pub struct Looker {
    info: Info,
    watch: Watch,
    before: Option<CpuTimes>,
    /// Lines of the log that were lost until the last look.
    dropped: u64,
    /// The look at the disk that has not ended yet: a disk may hang.
    probing: Option<JoinHandle<Probe>>,
    /// Events that are not written yet, oldest first.
    waiting: VecDeque<Event>,
    /// The store could not be written.
    failing: bool,
}

/// What takes a thread that may block.
#[derive(Debug, Default)]
struct Probe {
    sample: Sample,
    disk: Option<Disk>,
}

impl Looker {
    /// Looks until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut turns = tokio::time::interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = clock::now();
        let mut patience = PATIENCE;
        while stop.run_until_cancelled(turns.tick()).await.is_some() {
            // The governor counts first.
            let counted = self.info.inner.hub.pool().figures().host.max_fds > 0;
            if !counted && patience > 0 {
                patience -= 1;
                continue;
            }
            let mut changes = Vec::new();
            let told = self.info.inner.monitor.take_network_changes();
            if !told.is_empty() {
                self.info.inner.server().network(told, now(), &mut changes);
            }
            let looked = clock::now() >= due;
            if looked {
                due = clock::now() + INTERVAL;
                let latest = self.look().await;
                self.info
                    .inner
                    .server()
                    .observe(&latest.readings, now(), &mut changes);
                self.info.inner.latest.send_replace(Some(Arc::new(latest)));
            }
            self.info.inner.server().tick(now(), &mut changes);
            self.keep(changes, looked).await;
        }
    }

    async fn look(&mut self) -> Latest {
        let inner = Arc::clone(&self.info.inner);
        let probe = self.probe(&inner.db_path).await;
        let latency = tokio::time::timeout(DEADLINE, inner.hub.catalog.store().check()).await;
        let host = inner.hub.pool().figures().host;
        let cpu = probe.as_ref().and_then(|probe| {
            let cores = f64::from(host.cores);
            self.load(&probe.sample, cores)
        });
        let dropped = inner.log.figures().dropped;
        let since = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        let figures = Figures {
            // The governor counts them each second.
            descriptors: Some(Share {
                part: host.open_fds,
                whole: host.max_fds,
            }),
            memory: Some(Share {
                part: host.process_bytes,
                whole: host.thresholds.warning_bytes,
            }),
            disk: probe.as_ref().and_then(|probe| probe.disk),
            coverage: Some(due_coverage(
                inner.monitor.all().iter().map(|(_, known)| known),
                clock::now(),
            )),
            outbox: (inner.outbox)(),
            cpu,
            store_latency: latency.ok().and_then(Result::ok),
            log_dropped: since,
        };
        Latest {
            at: clock::wall(),
            readings: self.watch.look(&figures),
            figures,
            sample: probe.map(|probe| probe.sample).unwrap_or_default(),
        }
    }

    /// Looks at process, machine and disk on a thread that may block; not twice at a time.
    async fn probe(&mut self, db_path: &Path) -> Option<Probe> {
        let mut probing = self.probing.take().unwrap_or_else(|| {
            let path = db_path.to_owned();
            tokio::task::spawn_blocking(move || Probe {
                sample: process::sample(),
                disk: disk(&path),
            })
        });
        let done = tokio::time::timeout(DEADLINE, &mut probing).await;
        if done.is_err() {
            self.probing = Some(probing);
        }
        done.ok()?.ok()
    }

    fn load(&mut self, sample: &Sample, cores: f64) -> Option<Cpu> {
        let now = CpuTimes {
            at: clock::now(),
            process: sample.cpu_seconds,
            machine: sample.machine_ticks,
        };
        let before = self.before.replace(now)?;
        now.since(&before, cores)
    }

    /// Tells of what has changed, and keeps it; what cannot be kept now is tried again with the next look.
    async fn keep(&mut self, changes: Vec<Change>, looked: bool) {
        let server = StreamId::server();
        let retry = looked || !changes.is_empty();
        for change in changes {
            tell(&change);
            if self.waiting.len() == MOST_EVENTS {
                tracing::error!("an event of this server is lost: the store cannot be written");
                self.waiting.pop_front();
            }
            self.waiting.push_back(monitor::event(&server, change));
        }
        if self.waiting.is_empty() || !retry {
            return;
        }
        let store = self.info.inner.hub.catalog.store();
        let events: Vec<Event> = self.waiting.iter().cloned().collect();
        let state = self.info.state();
        let kept = store.record(events, vec![(server, state)]).await;
        match &kept {
            Ok(()) => self.waiting.clear(),
            Err(error) if !self.failing => {
                tracing::error!(%error, "what has changed about this server could not be stored; it is tried again");
            }
            Err(_) => {}
        }
        self.failing = kept.is_err();
    }
}

fn tell(change: &Change) {
    match change {
        Change::Raised(condition) => {
            tracing::warn!(
                condition = condition.kind.as_str(),
                severity = condition.severity.as_str(),
                "condition of this server raised: {}",
                condition.evidence.text
            );
            metrics::condition_raised(condition.kind);
        }
        Change::Cleared(condition) => {
            let condition = condition.kind.as_str();
            tracing::info!(condition, "condition of this server cleared");
        }
        Change::Health { from, to, .. } => {
            tracing::info!(
                from = from.as_str(),
                to = to.as_str(),
                "health of this server"
            );
        }
    }
}

/// The disk that holds the store. `None` where it cannot be looked at.
fn disk(db_path: &Path) -> Option<Disk> {
    let file = std::fs::metadata(db_path).ok()?;
    let space = process::space(db_path).ok()?;
    Some(Disk {
        free_bytes: space.free_bytes,
        total_bytes: space.total_bytes,
        file_bytes: file.len(),
    })
}

/// Of the streams that should have been looked at by now, those that were in time.
fn due_coverage<'a>(all: impl Iterator<Item = &'a Known>, now: Instant) -> Share {
    let mut share = Share::default();
    for one in all {
        let watched = now.saturating_duration_since(one.since);
        if watched > one.interval * 2 + START {
            share.whole += 1;
            share.part += u64::from(one.is_covered(now));
        }
    }
    share
}

fn now() -> Now {
    Now {
        mono: clock::now(),
        wall: clock::wall(),
    }
}
