//! Which of many sources is checked next: few at a time on one host, and never two at once.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How crowded it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Checks at a time.
    pub(super) total: usize,
    /// Checks of one host at a time.
    pub(super) per_host: usize,
    /// Pause between two starts on one host.
    pub(super) pause: Duration,
}

impl Default for Limits {
    /// Six in all, two on a host, a quarter of a second between them.
    fn default() -> Self {
        Self {
            total: 6,
            per_host: 2,
            pause: Duration::from_millis(250),
        }
    }
}

/// A source that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn<T> {
    /// The host it is on.
    pub(super) host: String,
    /// What to check.
    pub(super) work: T,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    /// Begin this one; [`Pace::ended`] is owed for it.
    Start(Turn<T>),
    /// Ask again then, or when one has ended.
    Wait(Instant),
    /// Ask again when one has ended.
    Busy,
    /// Nothing waits and nothing runs.
    Idle,
}

/// Who runs and who waits. The order of arrival holds among those that may begin.
#[derive(Debug)]
pub(super) struct Pace<T> {
    limits: Limits,
    waiting: VecDeque<Turn<T>>,
    hosts: HashMap<String, Host>,
    running: usize,
}

#[derive(Debug)]
struct Host {
    running: usize,
    /// No other begins before.
    free_at: Instant,
}

impl<T> Pace<T> {
    /// Nothing waits yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            hosts: HashMap::new(),
            running: 0,
        }
    }

    /// Another one, behind the others.
    pub(super) fn push(&mut self, turn: Turn<T>) {
        self.waiting.push_back(turn);
    }

    /// Another one, before the others: it goes on with what has begun.
    pub(super) fn push_first(&mut self, turn: Turn<T>) {
        self.waiting.push_front(turn);
    }

    /// What to do at `now`.
    pub(super) fn next(&mut self, now: Instant) -> Next<T> {
        self.hosts
            .retain(|_, host| host.running > 0 || host.free_at > now);
        if self.waiting.is_empty() && self.running == 0 {
            return Next::Idle;
        }
        if self.running >= self.limits.total {
            return Next::Busy;
        }
        let mut soonest: Option<Instant> = None;
        let mut chosen = None;
        for (index, turn) in self.waiting.iter().enumerate() {
            match self.hosts.get(&turn.host) {
                Some(host) if host.running >= self.limits.per_host => {}
                Some(host) if host.free_at > now => {
                    soonest = Some(soonest.map_or(host.free_at, |s| s.min(host.free_at)));
                }
                _ => {
                    chosen = Some(index);
                    break;
                }
            }
        }
        match (chosen.and_then(|index| self.waiting.remove(index)), soonest) {
            (Some(turn), _) => {
                let free_at = now + self.limits.pause;
                let host = self.hosts.entry(turn.host.clone()).or_insert(Host {
                    running: 0,
                    free_at,
                });
                host.running += 1;
                host.free_at = free_at;
                self.running += 1;
                Next::Start(turn)
            }
            (None, Some(soonest)) => Next::Wait(soonest),
            (None, None) => Next::Busy,
        }
    }

    /// One on this host has ended.
    pub(super) fn ended(&mut self, host: &str) {
        self.running = self.running.saturating_sub(1);
        if let Some(host) = self.hosts.get_mut(host) {
            host.running = host.running.saturating_sub(1);
        }
    }

    /// How many run.
    pub(super) fn running(&self) -> usize {
        self.running
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock;

    fn turn(host: &str, work: usize) -> Turn<usize> {
        Turn {
            host: host.to_owned(),
            work,
        }
    }

    #[test]
    fn a_crowded_host_holds_up_no_other() {
        let (mut pace, now) = (Pace::new(Limits::default()), clock::now());
        for work in 0..3 {
            pace.push(turn("a", work));
        }
        pace.push(turn("b", 3));
        let started = |next| match next {
            Next::Start(turn) => turn.work,
            other => panic!("{other:?}"),
        };
        assert_eq!(started(pace.next(now)), 0);
        assert_eq!(started(pace.next(now)), 3, "a pauses, b need not wait");
        let later = now + Limits::default().pause;
        assert_eq!(pace.next(now), Next::Wait(later));
        assert_eq!(started(pace.next(later)), 1);
        assert_eq!(
            pace.next(later + Duration::from_secs(9)),
            Next::Busy,
            "two at a time"
        );
        pace.ended("a");
        assert_eq!(started(pace.next(later + Duration::from_secs(9))), 2);
        for host in ["a", "a", "b"] {
            pace.ended(host);
        }
        assert_eq!(pace.next(later + Duration::from_secs(9)), Next::Idle);
    }

    proptest! {
        /// Whatever ends when: the limits hold, starts on a host keep apart, and each has its turn once.
        #[test]
        fn all_have_their_turn_within_the_limits(
            hosts in prop::collection::vec(0u8..5, 1..60),
            ends in prop::collection::vec((any::<prop::sample::Index>(), 0u64..900), 1..50),
        ) {
            let limits = Limits::default();
            let mut pace = Pace::new(limits);
            for (work, host) in hosts.iter().enumerate() {
                pace.push(turn(&host.to_string(), work));
            }
            let mut now = clock::now();
            let mut running: Vec<Turn<usize>> = Vec::new();
            let mut begun: HashMap<String, Instant> = HashMap::new();
            let mut done = Vec::new();
            let mut ends = ends.iter().cycle();
            loop {
                match pace.next(now) {
                    Next::Start(turn) => {
                        if let Some(before) = begun.insert(turn.host.clone(), now) {
                            prop_assert!(now >= before + limits.pause);
                        }
                        done.push(turn.work);
                        running.push(turn);
                        prop_assert!(running.len() <= limits.total);
                        for one in &running {
                            let same = running.iter().filter(|other| other.host == one.host);
                            prop_assert!(same.count() <= limits.per_host);
                        }
                    }
                    Next::Wait(until) => {
                        prop_assert!(until > now);
                        now = until;
                    }
                    Next::Busy => {
                        prop_assert!(!running.is_empty());
                        if let Some((which, later)) = ends.next() {
                            let ended = running.swap_remove(which.index(running.len()));
                            pace.ended(&ended.host);
                            now += Duration::from_millis(*later);
                        }
                    }
                    Next::Idle => break,
                }
            }
            done.sort_unstable();
            prop_assert_eq!(done, (0..hosts.len()).collect::<Vec<_>>());
        }
    }
}
