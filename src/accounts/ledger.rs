//! The slots of one account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::turns::Turns;
use crate::base::ids::ClientId;

/// The most that wait in one class; who comes then is refused.
const QUEUE: usize = 128;

/// What a connection is for, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nothing any more: it lingers.
    Idle,
    /// A check of a definition.
    Validation,
    /// Watching a stream's health.
    Monitor,
    /// Somebody watches.
    Viewer,
}

/// Why somebody wants a connection. It may change at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The most important of what it is for.
    pub class: Class,
    /// Who watches; empty for other classes.
    pub clients: BTreeSet<ClientId>,
    /// When the newest of them began.
    pub newest: Instant,
}

/// A place: in the queue, then on a slot. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId(u64);

/// Why the holder of a slot is asked to end its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It only lingers, and somebody waits.
    Idle,
    /// Somebody of a higher class waits.
    Outranked,
    /// The only client that watches has gone on to another stream of the account.
    ChangedChannel,
    /// The operator has lowered the limit.
    LimitLowered,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Idle,
        Self::Outranked,
        Self::ChangedChannel,
        Self::LimitLowered,
    ];

    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Outranked => "outranked",
            Self::ChangedChannel => "changed_channel",
            Self::LimitLowered => "limit_lowered",
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The place has a slot now.
    Grant(PlaceId),
    /// The place is to end its connection, and then to leave.
    Recall(PlaceId, Reason),
    /// The place waits for nobody: it has left the queue.
    Dismiss(PlaceId),
}

/// The queue of the class is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Figures of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The most connections.
    pub limit: usize,
    /// Slots taken: connections, and those that the provider may still count.
    pub in_use: usize,
    /// Of the connections, those that somebody watches.
    pub viewers: usize,
    /// Places in the queue.
    pub waiting: usize,
}

/// Who holds a slot of one account, and who waits for one.
///
/// A slot is granted only while fewer than the limit are taken, and one that is given back counts as
/// taken until the provider has had the time to see the connection end: the provider never sees
/// more than the limit. After each change [`Ledger::settle`] tells what is to be done.
#[derive(Debug)]
pub struct Ledger {
    limit: usize,
    settle_time: Duration,
    next: u64,
    /// In the order of arrival.
    waiting: BTreeMap<PlaceId, Claim>,
    holding: BTreeMap<PlaceId, Holding>,
    /// Given back, and still counted.
    cooling: Vec<Cooling>,
    turns: Turns,
}

#[derive(Debug)]
struct Holding {
    claim: Claim,
    recalled: Option<Recall>,
}

#[derive(Clone, Copy, Debug)]
struct Recall {
    /// Whose slot it stays: who changes the channel keeps it.
    keeps: Option<ClientId>,
}

#[derive(Debug)]
struct Cooling {
    until: Instant,
    keeps: Option<ClientId>,
}

impl Ledger {
    /// `limit` slots; one that is given back is free again after `settle_time`.
    pub fn new(limit: usize, settle_time: Duration) -> Self {
        Self {
            limit,
            settle_time,
            next: 0,
            waiting: BTreeMap::new(),
            holding: BTreeMap::new(),
            cooling: Vec::new(),
            turns: Turns::default(),
        }
    }

    /// Other terms from now on. More slots than the limit are not taken away here: [`Self::settle`]
    /// recalls them.
    pub fn set_terms(&mut self, limit: usize, settle_time: Duration) {
        self.limit = limit;
        self.settle_time = settle_time;
    }

    /// A new place at the end of the queue.
    ///
    /// # Errors
    /// When too many of its class wait.
    pub fn ask(&mut self, claim: Claim) -> Result<PlaceId, Full> {
        let same = self.waiting.values().filter(|c| c.class == claim.class);
        if same.count() >= QUEUE {
            return Err(Full);
        }
        let place = PlaceId(self.next);
        self.next += 1;
        self.waiting.insert(place, claim);
        Ok(place)
    }

    /// What a place is for has changed.
    pub fn set_claim(&mut self, place: PlaceId, claim: Claim) {
        if let Some(waiting) = self.waiting.get_mut(&place) {
            *waiting = claim;
        } else if let Some(holding) = self.holding.get_mut(&place) {
            holding.claim = claim;
        }
    }

    /// A place leaves the queue, or gives back its slot, whose connection has ended by now. False
    /// when there is no such place (any more).
    pub fn leave(&mut self, place: PlaceId, now: Instant) -> bool {
        if self.waiting.remove(&place).is_some() {
            return true;
        }
        let Some(holding) = self.holding.remove(&place) else {
            return false;
        };
        self.cooling.push(Cooling {
            until: now + self.settle_time,
            keeps: holding.recalled.and_then(|recall| recall.keeps),
        });
        true
    }

    /// What is to be done now.
    #[must_use]
    pub fn settle(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        self.waiting.retain(|&place, claim| {
            let wanted = claim.class > Class::Idle;
            if !wanted {
                actions.push(Action::Dismiss(place));
            }
            wanted
        });
        self.thaw(now, &mut actions);
        while self.in_use() < self.limit {
            let Some(&next) = self.turns.order(&self.waiting).first() else {
                break;
            };
            self.grant(next, &mut actions);
        }
        self.keep_to_the_limit(&mut actions);
        self.make_room(&mut actions);
        actions
    }

    /// When [`Self::settle`] has something to do though nothing happens before.
    pub fn wake_at(&self) -> Option<Instant> {
        self.cooling.iter().map(|c| c.until).min()
    }

    /// The place in the queue, from 1.
    pub fn position(&mut self, place: PlaceId) -> Option<usize> {
        let order = self.turns.order(&self.waiting);
        order.iter().position(|&p| p == place).map(|at| at + 1)
    }

    /// Whether somebody waits, or more is taken than the limit: then claims matter.
    pub fn is_contended(&self) -> bool {
        !self.waiting.is_empty() || self.holding.len() > self.limit
    }

    /// Whether nothing is taken and nobody waits.
    pub fn is_unused(&self) -> bool {
        self.waiting.is_empty() && self.in_use() == 0
    }

    /// Figures for status and metrics.
    pub fn figures(&self) -> Figures {
        let watched = self.holding.values();
        let watched = watched.filter(|h| h.claim.class == Class::Viewer);
        Figures {
            limit: self.limit,
            in_use: self.in_use(),
            viewers: watched.count(),
            waiting: self.waiting.len(),
        }
    }

    fn in_use(&self) -> usize {
        self.holding.len() + self.cooling.len()
    }

    fn grant(&mut self, place: PlaceId, actions: &mut Vec<Action>) {
        if let Some(claim) = self.waiting.remove(&place) {
            self.turns.served(&claim);
            let recalled = None;
            self.holding.insert(place, Holding { claim, recalled });
            actions.push(Action::Grant(place));
        }
    }

    /// Slots that the provider counts no more are free; who changed the channel gets its own back.
    fn thaw(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let cooling = std::mem::take(&mut self.cooling);
        let (free, cooling): (Vec<_>, _) = cooling.into_iter().partition(|c| c.until <= now);
        self.cooling = cooling;
        for Cooling { keeps, .. } in free {
            let heir = keeps.and_then(|client| self.heir(client, &BTreeSet::new()));
            if let Some(heir) = heir
                && self.in_use() < self.limit
            {
                self.grant(heir, actions);
            }
        }
    }

    /// The place for which a client gave up its slot: what it asked for last.
    fn heir(&self, client: ClientId, but: &BTreeSet<PlaceId>) -> Option<PlaceId> {
        let theirs = self.waiting.iter();
        theirs
            .filter(|(place, claim)| claim.clients.contains(&client) && !but.contains(place))
            .max_by_key(|(_, claim)| claim.newest)
            .map(|(&place, _)| place)
    }

    fn keep_to_the_limit(&mut self, actions: &mut Vec<Action>) {
        while self.staying() > self.limit {
            // The least important; of equals the newest, which has lost least.
            let staying = self.holding.iter().filter(|(_, h)| h.recalled.is_none());
            let last = staying.min_by_key(|(place, h)| (h.claim.class, std::cmp::Reverse(**place)));
            let Some((&place, _)) = last else { return };
            self.recall(place, Reason::LimitLowered, None, actions);
        }
    }

    /// Recalls as many slots as those who wait have a better right to, beyond what comes free
    /// anyway.
    fn make_room(&mut self, actions: &mut Vec<Action>) {
        let recalls = self.holding.values().filter_map(|h| h.recalled);
        let kept = recalls
            .map(|r| r.keeps)
            .chain(self.cooling.iter().map(|c| c.keeps));
        let kept: Vec<ClientId> = kept.flatten().collect();
        let mut provided = BTreeSet::new();
        for client in kept {
            provided.extend(self.heir(client, &provided));
        }
        let mut coming = self.limit.saturating_sub(self.staying() + provided.len());
        for place in self.turns.order(&self.waiting) {
            if provided.contains(&place) {
                continue;
            }
            if coming > 0 {
                coming -= 1;
                continue;
            }
            let Some(claim) = self.waiting.get(&place) else {
                continue;
            };
            if let Some((victim, reason, keeps)) = self.victim(claim) {
                self.recall(victim, reason, keeps, actions);
            }
        }
    }

    /// The slot that a waiter with this claim has a better right to than its holder.
    fn victim(&self, claim: &Claim) -> Option<(PlaceId, Reason, Option<ClientId>)> {
        let staying = || self.holding.iter().filter(|(_, h)| h.recalled.is_none());
        let (&last, holding) = staying().min_by_key(|(place, h)| (h.claim.class, **place))?;
        if holding.claim.class == Class::Idle {
            return Some((last, Reason::Idle, None));
        }
        if holding.claim.class < claim.class {
            return Some((last, Reason::Outranked, None));
        }
        if claim.class != Class::Viewer {
            return None;
        }
        // Only a newer wish takes over from an older one: nobody takes turns with itself.
        let own = staying().filter(|(_, h)| {
            let theirs = &h.claim.clients;
            !theirs.is_empty() && theirs.is_subset(&claim.clients) && h.claim.newest < claim.newest
        });
        let (&own, holding) = own.max_by_key(|(_, h)| h.claim.newest)?;
        let keeps = holding.claim.clients.first().copied();
        Some((own, Reason::ChangedChannel, keeps))
    }

    fn recall(
        &mut self,
        place: PlaceId,
        reason: Reason,
        keeps: Option<ClientId>,
        actions: &mut Vec<Action>,
    ) {
        if let Some(holding) = self.holding.get_mut(&place) {
            holding.recalled = Some(Recall { keeps });
            actions.push(Action::Recall(place, reason));
        }
    }

    /// Slots that nobody was asked to give back.
    fn staying(&self) -> usize {
        let staying = self.holding.values().filter(|h| h.recalled.is_none());
        staying.count()
    }
}
