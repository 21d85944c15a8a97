//! Circuit breakers by key, a bounded number of them. Pure.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::breaker::{Breaker, BreakerState, Check, Policy};

/// Breakers of one sort. Only keys in trouble take room: one that has never failed, or not for a
/// long time, has none.
#[derive(Debug)]
pub struct Breakers<K, R> {
    policy: Policy,
    capacity: usize,
    entries: HashMap<K, Breaker<R>>,
}

/// A breaker that is not closed, for status and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken<K, R> {
    /// Its key.
    pub key: K,
    /// Open or half-open.
    pub state: BreakerState,
    /// The newest failure.
    pub reason: R,
    /// Until a trial may begin; zero when one runs.
    pub retry_after: Duration,
}

impl<K: Eq + Hash + Clone, R: Clone> Breakers<K, R> {
    /// At most `capacity` breakers, at least 1; beyond that the one least recently used is
    /// forgotten, which closes it.
    pub fn new(policy: Policy, capacity: usize) -> Self {
        Self {
            policy,
            capacity: capacity.max(1),
            entries: HashMap::new(),
        }
    }

    /// As [`Breaker::check`].
    pub fn check(&mut self, key: &K, now: Instant) -> Check<R> {
        self.entries
            .get_mut(key)
            .map_or(Check::Allow, |breaker| breaker.check(now))
    }

    /// As [`Breaker::failed`].
    pub fn failed(&mut self, key: &K, now: Instant, reason: R) {
        self.entry(key, now).failed(now, reason);
    }

    /// As [`Breaker::trip`].
    pub fn trip(&mut self, key: &K, now: Instant, reason: R) {
        self.entry(key, now).trip(now, reason);
    }

    /// As [`Breaker::healthy`].
    pub fn healthy(&mut self, key: &K, now: Instant) {
        if let Some(breaker) = self.entries.get_mut(key) {
            breaker.healthy(now);
            if breaker.is_idle(now) {
                self.entries.remove(key);
            }
        }
    }

    /// As [`Breaker::abandoned`].
    pub fn abandoned(&mut self, key: &K, now: Instant) {
        if let Some(breaker) = self.entries.get_mut(key) {
            breaker.abandoned(now);
        }
    }

    /// Closes one at once and forgets its past: its definition was changed, for example.
    pub fn reset(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// Closes all that `picked` picks.
    pub fn reset_where(&mut self, mut picked: impl FnMut(&K) -> bool) {
        self.entries.retain(|key, _| !picked(key));
    }

    /// Forgets those that are as good as new. Call it now and then.
    pub fn forget_idle(&mut self, now: Instant) {
        self.entries.retain(|_, breaker| !breaker.is_idle(now));
    }

    /// The state of one.
    pub fn state(&self, key: &K) -> BreakerState {
        self.entries
            .get(key)
            .map_or(BreakerState::Closed, Breaker::state)
    }

    /// Those that are not closed, in no order.
    pub fn broken(&self, now: Instant) -> impl Iterator<Item = Broken<K, R>> {
        // One that is open no longer lets the next one through: nobody is refused.
        let refuses = move |breaker: &Breaker<R>| {
            breaker.state() == BreakerState::HalfOpen || !breaker.open_for(now).is_zero()
        };
        self.entries.iter().filter_map(move |(key, breaker)| {
            if !refuses(breaker) {
                return None;
            }
            Some(Broken {
                key: key.clone(),
                state: breaker.state(),
                reason: breaker.reason()?.clone(),
                retry_after: breaker.open_for(now),
            })
        })
    }

    /// How many are kept, closed ones with a past included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when none is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&mut self, key: &K, now: Instant) -> &mut Breaker<R> {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(key) {
            self.forget_idle(now);
            self.evict();
        }
        let policy = self.policy;
        self.entries
            .entry(key.clone())
            .or_insert_with(|| Breaker::new(policy, now))
    }

    /// Makes room if there is none: closed ones go first, then who was touched longest ago.
    fn evict(&mut self) {
        while self.entries.len() >= self.capacity {
            let worst = self
                .entries
                .iter()
                .min_by_key(|(_, b)| (b.state() != BreakerState::Closed, b.touched()))
                .map(|(key, _)| key.clone());
            let Some(key) = worst else { return };
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;
    use proptest::prelude::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn each_key_has_its_own_and_only_trouble_takes_room() {
        let (mut b, now) = (Breakers::new(Policy::default(), 9), clock::now());
        assert_eq!(b.check(&"a", now), Check::Allow);
        b.healthy(&"a", now);
        b.abandoned(&"a", now);
        assert!(b.is_empty());
        b.trip(&"a", now, "memory");
        assert_eq!(b.check(&"b", now), Check::Allow);
        let broken: Vec<_> = b.broken(now).collect();
        assert_eq!(
            broken,
            [Broken {
                key: "a",
                state: BreakerState::Open,
                reason: "memory",
                retry_after: seconds(5)
            }]
        );
        b.reset(&"a");
        assert_eq!(b.check(&"a", now), Check::Allow);
    }

    #[test]
    fn idle_ones_are_forgotten() {
        let (mut b, now) = (Breakers::new(Policy::default(), 9), clock::now());
        b.failed(&1, now, "x");
        b.trip(&2, now, "x");
        b.forget_idle(now + seconds(60));
        assert_eq!(b.len(), 2);
        b.forget_idle(now + seconds(61));
        assert_eq!((b.len(), b.state(&2)), (1, BreakerState::Open));
        assert_eq!(b.check(&2, now + seconds(61)), Check::Trial);
        b.healthy(&2, now + seconds(91));
        assert_eq!((b.len(), b.state(&2)), (1, BreakerState::Closed));
        b.healthy(&2, now + seconds(392));
        assert!(b.is_empty());
    }

    #[test]
    fn closed_ones_make_room_first_then_the_least_recently_used() {
        let (mut b, now) = (Breakers::new(Policy::default(), 2), clock::now());
        b.trip(&1, now, "x");
        b.failed(&2, now + seconds(1), "x");
        b.trip(&3, now + seconds(2), "x");
        let states = [1, 2, 3].map(|k| b.state(&k));
        let (open, closed) = (BreakerState::Open, BreakerState::Closed);
        assert_eq!(states, [open, closed, open]);
        b.trip(&4, now + seconds(3), "x");
        let states = [1, 3, 4].map(|k| b.state(&k));
        assert_eq!(states, [closed, open, open]);
        b.reset_where(|&k| k == 3);
        assert_eq!(b.len(), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_the_bound(steps in prop::collection::vec((0u8..4, 0u8..20), 1..100)) {
            let (mut b, mut now) = (Breakers::new(Policy::default(), 5), clock::now());
            for (what, key) in steps {
                now += seconds(1);
                match what {
                    0 => { b.check(&key, now); }
                    1 => b.failed(&key, now, ()),
                    2 => b.trip(&key, now, ()),
                    _ => b.healthy(&key, now),
                }
                prop_assert!(b.len() <= 5);
                prop_assert!(what != 2 || b.state(&key) == BreakerState::Open);
            }
        }
    }
}
