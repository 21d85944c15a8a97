//! The slots of accounts, handed out as their ledgers decide.
//!
//! What a connection is for is read from the sessions and monitors of its stream at the moment of
//! each decision, so that nobody need tell.

mod slot;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::catalog::Accounts as Known;
use super::sessions::{Session, Sessions};
use crate::accounts::{Action, Claim, Class, Figures, Full, Ledger, PlaceId, Reason};
use crate::base::clock;
use crate::stream::{AccountId, StreamId};

pub use slot::Slot;
pub(super) use slot::read_secret;

/// The slots of all accounts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sessions: Sessions,
    secrets: Option<PathBuf>,
    state: Mutex<State>,
    /// The driver has something to look at.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    known: Known,
    ledgers: HashMap<AccountId, Entry>,
    monitors: HashMap<StreamId, usize>,
}

#[derive(Debug)]
struct Entry {
    ledger: Ledger,
    parties: HashMap<PlaceId, Party>,
    takeovers: [u64; Reason::ALL.len()],
}

#[derive(Debug)]
struct Party {
    who: Who,
    told: watch::Sender<Told>,
}

/// Who asks for a slot.
#[derive(Clone, Debug)]
pub enum Who {
    /// The pull of a stream: for its viewers and monitors.
    Pull {
        /// Which.
        stream: StreamId,
        /// While this is set it is a trial beside the pull that is shown, and the first to go.
        trial: Arc<AtomicBool>,
        /// Ends the whole pull, not only the connection: told when nobody watches any more.
        end: CancellationToken,
    },
    /// A check of a definition.
    Validation,
}

/// What a place was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Wait,
    Granted,
    Recalled(Reason),
    Dismissed,
}

/// Why there is not even a place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// The account is not there (any more).
    #[error("the account of the source is not there")]
    Unknown,
    /// The queue is full.
    #[error("{}, and the queue is full", describe(.0))]
    Full(Figures),
}

/// A monitor watches a stream, until this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Monitoring {
    accounts: Accounts,
    stream: StreamId,
}

/// An account, as metrics tell of it.
#[derive(Clone, Debug)]
pub struct AccountFigures {
    /// Its id.
    pub id: AccountId,
    /// Its slots.
    pub figures: Figures,
    /// Slots that were asked back, by reason in the order of [`Reason::ALL`].
    pub takeovers: [u64; Reason::ALL.len()],
}

/// What streams are for, at one moment.
#[derive(Default)]
struct Demand {
    viewers: HashMap<StreamId, (BTreeSet<crate::base::ids::ClientId>, Instant)>,
}

impl Accounts {
    /// No account is known yet. Secrets in files are read from the folder `secrets`.
    pub fn new(sessions: Sessions, secrets: Option<PathBuf>) -> Self {
        Self {
            inner: Arc::new(Inner {
                sessions,
                secrets,
                state: Mutex::default(),
                changed: Notify::new(),
            }),
        }
    }

    /// The accounts as they are now; what runs keeps to their terms from now on.
    pub fn know(&self, known: Known) {
        let mut state = self.state();
        for (id, entry) in &mut state.ledgers {
            if let Some(record) = known.get(id) {
                let account = &record.account;
                entry
                    .ledger
                    .set_terms(account.max_connections, account.release());
            }
        }
        state.known = known;
        drop(state);
        self.inner.changed.notify_one();
    }

    /// A place for `who` among those of the account, granted at once if a slot is free.
    ///
    /// # Errors
    /// When there is no such account, or too many wait already.
    pub fn ask(&self, account: &AccountId, who: Who) -> Result<Slot, NoPlace> {
        let now = clock::now();
        let mut state = self.state();
        let record = state.known.get(account).cloned().ok_or(NoPlace::Unknown)?;
        let claim = who.claim(&self.demand(), &state.monitors, now);
        let terms = (record.account.max_connections, record.account.release());
        let entry = state
            .ledgers
            .entry(account.clone())
            .or_insert_with(|| Entry {
                ledger: Ledger::new(terms.0, terms.1),
                parties: HashMap::new(),
                takeovers: Default::default(),
            });
        let asked = entry.ledger.ask(claim);
        let place = asked.map_err(|Full| NoPlace::Full(entry.ledger.figures()))?;
        let (sender, told) = watch::channel(Told::Wait);
        entry.parties.insert(place, Party { who, told: sender });
        let over = self.settle(&mut state, account, now);
        drop(state);
        end_sessions(over);
        Ok(Slot {
            accounts: self.clone(),
            record,
            place,
            told,
        })
    }

    /// A monitor watches this stream from now on: its pull outranks checks, and yields to viewers.
    pub fn monitoring(&self, stream: StreamId) -> Monitoring {
        *self.state().monitors.entry(stream.clone()).or_default() += 1;
        Monitoring {
            accounts: self.clone(),
            stream,
        }
    }

    /// A session has begun: a pull that waits, as for a monitor, may be worth more now.
    pub fn session_began(&self) {
        self.inner.changed.notify_one();
    }

    /// Decides whenever sessions begin or end, and when slots come free, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let wake = self.look();
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.inner.sessions.ended() => {}
                () = self.inner.changed.notified() => {}
                () = timer => {}
            }
        }
    }

    /// The figures of an account; all zero for one that is not known.
    pub fn figures(&self, id: &AccountId) -> Figures {
        let now = clock::now();
        let mut state = self.state();
        let State {
            known,
            ledgers,
            monitors,
        } = &mut *state;
        if let Some(entry) = ledgers.get_mut(id) {
            entry.refresh(&self.demand(), monitors, now);
            return entry.ledger.figures();
        }
        Figures {
            limit: known.get(id).map_or(0, |r| r.account.max_connections),
            ..Figures::default()
        }
    }

    /// The figures of every account that is known, by id.
    pub fn all_figures(&self) -> Vec<AccountFigures> {
        let known = Arc::clone(&self.state().known);
        let takeovers = |id| {
            let state = self.state();
            state.ledgers.get(id).map(|entry| entry.takeovers)
        };
        known
            .keys()
            .map(|id| AccountFigures {
                id: id.clone(),
                figures: self.figures(id),
                takeovers: takeovers(id).unwrap_or_default(),
            })
            .collect()
    }

    /// The place of somebody who waits, from 1.
    pub fn position(&self, id: &AccountId, place: PlaceId) -> Option<usize> {
        self.state().ledgers.get_mut(id)?.ledger.position(place)
    }

    /// Settles all accounts; returns when there will be something to do again.
    fn look(&self) -> Option<Instant> {
        let now = clock::now();
        let mut state = self.state();
        let ids: Vec<AccountId> = state.ledgers.keys().cloned().collect();
        let mut over = Vec::new();
        for id in &ids {
            over.extend(self.settle(&mut state, id, now));
        }
        let State { known, ledgers, .. } = &mut *state;
        // Counters of an account that is gone go with it.
        ledgers.retain(|id, entry| known.contains_key(id) || !entry.ledger.is_unused());
        let wake = ledgers.values().filter_map(|e| e.ledger.wake_at()).min();
        drop(state);
        end_sessions(over);
        wake
    }

    /// Does what the ledger says; returns the sessions that are over with it.
    fn settle(&self, state: &mut State, id: &AccountId, now: Instant) -> Vec<Arc<Session>> {
        let State {
            ledgers, monitors, ..
        } = state;
        let Some(entry) = ledgers.get_mut(id) else {
            return Vec::new();
        };
        if entry.ledger.is_contended() {
            entry.refresh(&self.demand(), monitors, now);
        }
        let Entry {
            ledger,
            parties,
            takeovers,
        } = entry;
        let mut over = Vec::new();
        for action in ledger.settle(now) {
            let (place, told) = match action {
                Action::Grant(place) => (place, Told::Granted),
                Action::Dismiss(place) => (place, Told::Dismissed),
                Action::Recall(place, reason) => (place, Told::Recalled(reason)),
            };
            let Some(party) = parties.get(&place) else {
                continue;
            };
            if let Told::Recalled(reason) = told {
                takeovers[reason as usize] += 1;
                tracing::info!(account = %id, stream = party.who.stream(), reason = reason.as_str(), "a connection is asked back");
            }
            let unwanted = match told {
                Told::Dismissed | Told::Recalled(Reason::Idle | Reason::ChangedChannel) => true,
                Told::Wait | Told::Granted | Told::Recalled(_) => false,
            };
            if unwanted && let Who::Pull { stream, trial, end } = &party.who {
                if told == Told::Recalled(Reason::ChangedChannel) {
                    let sessions = self.inner.sessions.list().into_iter();
                    over.extend(sessions.filter(|session| session.stream == *stream));
                }
                // What is monitored waits for its next turn.
                if !trial.load(Ordering::Relaxed) && !monitors.contains_key(stream) {
                    end.cancel();
                }
            }
            party.told.send_replace(told);
        }
        over
    }

    fn leave(&self, id: &AccountId, place: PlaceId) {
        let now = clock::now();
        let mut state = self.state();
        if let Some(entry) = state.ledgers.get_mut(id) {
            entry.parties.remove(&place);
            entry.ledger.leave(place, now);
        }
        let over = self.settle(&mut state, id, now);
        drop(state);
        end_sessions(over);
        self.inner.changed.notify_one();
    }

    fn demand(&self) -> Demand {
        let mut demand = Demand::default();
        for session in self.inner.sessions.list() {
            if session.ended().is_cancelled() {
                continue;
            }
            let started = session.started();
            let entry = demand.viewers.entry(session.stream.clone());
            let (clients, newest) = entry.or_insert_with(|| (BTreeSet::new(), started));
            clients.insert(session.client());
            *newest = started.max(*newest);
        }
        demand
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete in itself.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Their only client has gone on to another stream. Not under the lock: others may be told.
fn end_sessions(sessions: Vec<Arc<Session>>) {
    for session in sessions {
        tracing::info!(session = %session.id, stream = %session.stream, "its client has changed the channel");
        session.end();
    }
}

impl Entry {
    /// What each place is for now.
    fn refresh(&mut self, demand: &Demand, monitors: &HashMap<StreamId, usize>, now: Instant) {
        for (place, party) in &self.parties {
            let claim = party.who.claim(demand, monitors, now);
            self.ledger.set_claim(*place, claim);
        }
    }
}

impl Who {
    fn stream(&self) -> Option<&str> {
        match self {
            Self::Pull { stream, .. } => Some(stream.as_str()),
            Self::Validation => None,
        }
    }

    fn claim(&self, demand: &Demand, monitors: &HashMap<StreamId, usize>, now: Instant) -> Claim {
        let of = |class| Claim {
            class,
            clients: BTreeSet::new(),
            newest: now,
        };
        let Self::Pull { stream, trial, .. } = self else {
            return of(Class::Validation);
        };
        let viewers = demand.viewers.get(stream);
        let trial = trial.load(Ordering::Relaxed);
        match viewers {
            Some((clients, newest)) if !trial => Claim {
                class: Class::Viewer,
                clients: clients.clone(),
                newest: *newest,
            },
            Some(_) => of(Class::Validation),
            None if !monitors.contains_key(stream) => of(Class::Idle),
            None if trial => of(Class::Validation),
            None => of(Class::Monitor),
        }
    }
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        let mut state = self.accounts.state();
        if let Some(monitors) = state.monitors.get_mut(&self.stream) {
            *monitors -= 1;
            if *monitors == 0 {
                state.monitors.remove(&self.stream);
            }
        }
        drop(state);
        self.accounts.inner.changed.notify_one();
    }
}

/// Why somebody waits, in words.
pub fn describe(figures: &Figures) -> String {
    let watched = match figures.viewers {
        0 => "nobody watches".to_owned(),
        1 => "one is watched".to_owned(),
        many => format!("{many} are watched"),
    };
    match figures.limit {
        1 => format!("the one connection of the provider's account is in use ({watched})"),
        limit => {
            format!("all {limit} connections of the provider's account are in use ({watched})")
        }
    }
}

#[cfg(test)]
mod tests;
