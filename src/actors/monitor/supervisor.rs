//! Starts and ends the watch of each stream as the catalogue changes, in batches.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Inner;
use super::board::Known;
use super::eyes::Eyes;
use super::judge::Judge;
use super::watcher::Watcher;
use crate::actors::catalog::{Snapshot, runs_otherwise};
use crate::base::clock;
use crate::conditions::Terms;
use crate::history::KeptState;
use crate::stream::{Definition, MonitorMode, Record, StreamId};

/// The catalogue is looked at, and streams are started, this often.
const TURN: Duration = Duration::from_millis(250);
/// Full minutes are written this often.
const FLUSH: Duration = Duration::from_mins(1);

/// A stream that is watched, or will be.
struct Watched {
    record: Arc<Record>,
    stop: CancellationToken,
}

/// Keeps the watch until `stop`.
pub(super) async fn run(shared: Arc<Inner>, stop: CancellationToken) {
    let mut supervisor = Supervisor {
        shared,
        watched: BTreeMap::new(),
        waiting: VecDeque::new(),
        seen: None,
        tasks: TaskTracker::new(),
        allowance: 0.0,
        flushed: clock::now(),
    };
    let mut turn = tokio::time::interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(turn.tick()).await.is_some() {
        supervisor.shared.tick();
        supervisor.follow();
        supervisor.start_some();
        supervisor.flush(false).await;
    }
    for one in supervisor.watched.values() {
        one.stop.cancel();
    }
    supervisor.tasks.close();
    supervisor.tasks.wait().await;
    supervisor.flush(true).await;
}

struct Supervisor {
    shared: Arc<Inner>,
    watched: BTreeMap<StreamId, Watched>,
    /// Those that are not started yet.
    waiting: VecDeque<StreamId>,
    seen: Option<Snapshot>,
    tasks: TaskTracker,
    /// How many may be started now.
    allowance: f64,
    flushed: Instant,
}

impl Supervisor {
    /// Takes over what has changed in the catalogue.
    fn follow(&mut self) {
        let all = self.shared.hub.catalog.snapshot();
        if self
            .seen
            .as_ref()
            .is_some_and(|seen| Arc::ptr_eq(seen, &all))
        {
            return;
        }
        let shared = &self.shared;
        self.watched.retain(|id, watched| {
            let stays = all.get(id).is_some_and(|now| {
                is_watched(shared, &now.definition)
                    && !runs_otherwise(&watched.record.definition, &now.definition)
            });
            if !stays {
                watched.stop.cancel();
                if !all.contains_key(id) {
                    shared.thumbnails.forget(id);
                }
                shared.retire(id);
            }
            stays
        });
        for (id, record) in all.iter() {
            if self.watched.contains_key(id) || !is_watched(shared, &record.definition) {
                continue;
            }
            let watched = Watched {
                record: Arc::clone(record),
                stop: CancellationToken::new(),
            };
            self.watched.insert(id.clone(), watched);
            self.shared.announce(&record.definition);
            self.waiting.push_back(id.clone());
        }
        self.seen = Some(all);
    }

    /// Starts as many as may be started now.
    fn start_some(&mut self) {
        let rate = self.shared.settings.start_rate.max(1) as f64;
        self.allowance = (self.allowance + rate * TURN.as_secs_f64()).min(rate);
        while self.allowance >= 1.0 {
            let Some(id) = self.waiting.pop_front() else {
                return;
            };
            // It may have been removed meanwhile, and even added again, which put it in the queue again.
            let Some(watched) = self.watched.get(&id) else {
                continue;
            };
            if self.waiting.contains(&id) {
                continue;
            }
            self.allowance -= 1.0;
            let mut watcher = self.shared.watcher(&watched.record.definition);
            let stop = watched.stop.clone();
            self.tasks.spawn(async move {
                stop.run_until_cancelled(watcher.run()).await;
                watcher.end();
            });
        }
    }

    async fn flush(&mut self, last: bool) {
        let now = clock::now();
        if !last && now < self.flushed + FLUSH {
            return;
        }
        self.flushed = now;
        let minutes = self.shared.outbox().take();
        if minutes.is_empty() {
            return;
        }
        let written = self
            .shared
            .hub
            .catalog
            .store()
            .put_minutes(minutes.clone())
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "the history of the last minutes could not be stored");
            self.shared.outbox().put_back(minutes);
        }
    }
}

fn is_watched(shared: &Inner, definition: &Definition) -> bool {
    definition.enabled && shared.mode(definition) != MonitorMode::Off
}

impl Inner {
    fn mode(&self, definition: &Definition) -> MonitorMode {
        self.terms(definition).mode
    }

    fn terms(&self, definition: &Definition) -> Terms {
        Terms::new(&self.settings.terms, &definition.options.monitor)
    }

    /// What is known of all streams that are watched, or will be: those that were added a moment ago are seen to wait.
    pub(super) fn all(&self) -> Vec<(StreamId, Known)> {
        let catalog = self.hub.catalog.snapshot();
        let mut known: BTreeMap<StreamId, Known> = self.board.all().into_iter().collect();
        known.retain(|id, _| catalog.contains_key(id));
        let now = (clock::now(), clock::wall());
        for (id, record) in catalog.iter() {
            if !known.contains_key(id) && is_watched(self, &record.definition) {
                let terms = self.terms(&record.definition);
                known.insert(id.clone(), Known::new(terms.mode, terms.interval, now));
            }
        }
        known.into_iter().collect()
    }

    /// Puts a stream on the board before its watch begins: what waits is seen to wait.
    fn announce(&self, definition: &Definition) {
        let terms = self.terms(definition);
        let now = (clock::now(), clock::wall());
        let mut known = Known::new(terms.mode, terms.interval, now);
        if let Some(kept) = self.kept().get(&definition.id) {
            known.health = kept.health;
            known.health_since = kept.since;
            known.conditions.clone_from(&kept.conditions);
        }
        self.board.place(&definition.id, known);
    }

    /// A stream is no longer watched as it was: what is known of it stays for a next watch.
    fn retire(&self, id: &StreamId) {
        if let Some(known) = self.board.get(id) {
            let kept = KeptState {
                health: known.health,
                since: known.health_since,
                conditions: known.conditions,
            };
            if self.hub.catalog.get(id).is_some() {
                self.kept().insert(id.clone(), kept);
            }
        }
        self.board.remove(id);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<StreamId, KeptState>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watcher(self: &Arc<Self>, definition: &Definition) -> Watcher {
        let id = definition.id.clone();
        let terms = Arc::new(self.terms(definition));
        let (mode, interval) = (terms.mode, terms.interval);
        let host = host(definition);
        let kept = self.kept().remove(&id);
        let now = (clock::now(), clock::wall());
        let announced = self.board.get(&id);
        let known = announced.unwrap_or_else(|| Known::new(mode, interval, now));
        let place = self.board.place(&id, known);
        Watcher {
            shared: Arc::clone(self),
            definition: Arc::new(definition.clone()),
            place,
            mode,
            interval,
            judge: Judge::new(Arc::clone(&self.pulse), id, host.clone(), terms, kept),
            host,
            eyes: Eyes::default(),
            due: clock::now(),
            soonest: clock::now(),
            failed: 0,
        }
    }
}

/// What paces the looks at a stream together with others: the host of its first source.
fn host(definition: &Definition) -> String {
    let url = definition.sources.first().map(|source| source.url.as_url());
    let host = url.and_then(|url| url.host_str());
    host.unwrap_or_default().to_owned()
}
