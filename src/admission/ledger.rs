//! What the leases that are out are charged with.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A lease younger than this is charged at least what was expected of it: it still grows.
pub const YOUNG: Duration = Duration::from_secs(10);
/// How long a pipeline must lag before that holds others back; a single hiccup does not.
pub const LAG_HELD: Duration = Duration::from_secs(3);
/// A pipeline that lags for so long though nobody was let in has a trouble of its own, such as a
/// source too heavy for one thread: it no longer holds others back until it has recovered once.
pub const LAG_PATIENCE: Duration = Duration::from_mins(1);
/// Weight of a new measure in the mean of the cores: pipelines work in bursts, the more so at
/// their start, when they work off the lead of the feed.
const NEW_WEIGHT: f32 = 0.3;
/// More cores than any machine has: bounds what a broken measure can do.
const CORES_MAX: f32 = 4096.0;

/// One lease that is out; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub(super) u64);

#[cfg(test)]
impl LeaseId {
    pub(crate) fn numbered(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a pipeline takes, or several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// CPU, in cores: 0.5 is half a second of CPU time each second.
    pub cpu_cores: f32,
}

/// What a running pipeline was measured to take, about once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Memory that it holds now, in bytes; 0 where it cannot be told.
    pub memory_bytes: u64,
    /// CPU since the last measure, in cores.
    pub cpu_cores: f32,
    /// How far it is behind real time: media that went in, has not come out, and is more than
    /// rightly lies inside. A source that brings nothing makes no lag.
    pub lag: Duration,
    /// Since the pipeline was started.
    pub age: Duration,
}

impl Cost {
    /// Both together; saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            cpu_cores: sane_cores(self.cpu_cores + other.cpu_cores),
        }
    }

    /// The greater of each figure.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            cpu_cores: self.cpu_cores.max(other.cpu_cores),
        }
    }

    /// With cores that are a number, not negative, and not absurd.
    #[must_use]
    pub fn sane(self) -> Self {
        Self {
            cpu_cores: sane_cores(self.cpu_cores),
            ..self
        }
    }
}

fn sane_cores(cores: f32) -> f32 {
    if cores.is_finite() {
        cores.clamp(0.0, CORES_MAX)
    } else {
        0.0
    }
}

/// The leases that are out. Sums are made anew each time: nothing drifts, nothing goes negative.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: u64,
    leases: BTreeMap<LeaseId, Entry>,
}

#[derive(Debug)]
struct Entry {
    expected: Cost,
    /// Memory as measured last, cores as their running mean.
    measured: Option<Cost>,
    young: bool,
    pace: Pace,
    /// Descriptors it opens are counted among the open ones of the newest snapshot.
    in_snapshot: bool,
}

/// Whether a pipeline keeps up, with hysteresis.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    late_since: Option<Instant>,
    behind_since: Option<Instant>,
    excused: bool,
}

impl Ledger {
    pub(super) fn open(&mut self, expected: Cost) -> LeaseId {
        let id = LeaseId(self.next);
        self.next += 1;
        self.leases.insert(id, Entry::new(expected));
        id
    }

    pub(super) fn close(&mut self, lease: LeaseId) -> bool {
        self.leases.remove(&lease).is_some()
    }

    pub(super) fn restart(&mut self, lease: LeaseId, expected: Cost) -> bool {
        let Some(entry) = self.leases.get_mut(&lease) else {
            return false;
        };
        *entry = Entry::new(expected);
        true
    }

    pub(super) fn measure(
        &mut self,
        lease: LeaseId,
        measured: Measured,
        lag_limit: Duration,
        now: Instant,
    ) -> bool {
        let Some(entry) = self.leases.get_mut(&lease) else {
            return false;
        };
        let before = entry.measured.unwrap_or(entry.expected).cpu_cores;
        let cores = before + (sane_cores(measured.cpu_cores) - before) * NEW_WEIGHT;
        entry.measured = Some(Cost {
            memory_bytes: measured.memory_bytes,
            cpu_cores: sane_cores(cores),
        });
        entry.young = measured.age < YOUNG;
        if entry.young {
            // It works off the lead of the feed: that is no lag.
            entry.pace = Pace::default();
        } else {
            entry.pace.observe(measured.lag, lag_limit, now);
        }
        true
    }

    /// A new snapshot of the process counts everything that is out now.
    pub(super) fn snapshot_taken(&mut self) {
        for entry in self.leases.values_mut() {
            entry.in_snapshot = true;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    pub(super) fn charged(&self) -> Cost {
        let charges = self.leases.values().map(Entry::charge);
        charges.fold(Cost::default(), Cost::plus)
    }

    pub(super) fn charge(&self, lease: LeaseId) -> Option<Cost> {
        self.leases.get(&lease).map(Entry::charge)
    }

    pub(super) fn measured_bytes(&self) -> u64 {
        let measured = self.leases.values().filter_map(|e| e.measured);
        measured.fold(0, |sum, m| sum.saturating_add(m.memory_bytes))
    }

    /// Leases that the newest snapshot does not know yet.
    pub(super) fn since_snapshot(&self) -> usize {
        self.leases.values().filter(|e| !e.in_snapshot).count()
    }

    pub(super) fn any_behind(&self) -> bool {
        self.leases.values().any(|e| e.pace.holds())
    }
}

impl Entry {
    fn new(expected: Cost) -> Self {
        Self {
            expected: expected.sane(),
            measured: None,
            young: true,
            pace: Pace::default(),
            in_snapshot: false,
        }
    }

    fn charge(&self) -> Cost {
        match self.measured {
            None => self.expected,
            Some(measured) if self.young => measured.at_least(self.expected),
            Some(measured) => measured,
        }
    }
}

impl Pace {
    fn observe(&mut self, lag: Duration, limit: Duration, now: Instant) {
        if lag > limit {
            let since = *self.late_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= LAG_HELD {
                self.behind_since.get_or_insert(now);
            }
        } else {
            self.late_since = None;
            if lag <= limit / 2 {
                *self = Self::default();
            }
        }
        let patience = |since| now.saturating_duration_since(since) >= LAG_PATIENCE;
        self.excused |= self.behind_since.is_some_and(patience);
    }

    fn holds(&self) -> bool {
        self.behind_since.is_some() && !self.excused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    const MIB: u64 = 1 << 20;
    const LIMIT: Duration = Duration::from_secs(2);

    fn cost(mib: u64, cpu_cores: f32) -> Cost {
        Cost {
            memory_bytes: mib * MIB,
            cpu_cores,
        }
    }

    fn measured(mib: u64, cpu_cores: f32, lag: u64, age: u64) -> Measured {
        Measured {
            memory_bytes: mib * MIB,
            cpu_cores,
            lag: Duration::from_secs(lag),
            age: Duration::from_secs(age),
        }
    }

    #[test]
    fn a_young_lease_is_charged_at_least_what_was_expected_and_an_old_one_what_it_takes() {
        let (mut ledger, now) = (Ledger::default(), clock::now());
        let lease = ledger.open(cost(60, 0.4));
        assert_eq!(ledger.charged(), cost(60, 0.4));
        assert!(ledger.measure(lease, measured(20, 0.4, 0, 9), LIMIT, now));
        assert_eq!(ledger.charged().memory_bytes, 60 * MIB);
        ledger.measure(lease, measured(80, 0.4, 0, 9), LIMIT, now);
        assert_eq!(ledger.charged().memory_bytes, 80 * MIB);
        ledger.measure(lease, measured(20, 0.4, 0, 10), LIMIT, now);
        assert_eq!(ledger.charged().memory_bytes, 20 * MIB);
        assert!(ledger.restart(lease, cost(70, 0.5)));
        assert_eq!(ledger.charged(), cost(70, 0.5), "young again");
        assert!(ledger.close(lease));
        assert!(!ledger.close(lease));
        assert_eq!(ledger.charged(), Cost::default());
    }

    #[test]
    fn a_burst_moves_the_cores_a_little_and_a_steady_load_all_the_way() {
        let (mut ledger, now) = (Ledger::default(), clock::now());
        let lease = ledger.open(cost(60, 0.4));
        ledger.measure(lease, measured(60, 1.6, 0, 1), LIMIT, now);
        let burst = ledger.charged().cpu_cores;
        assert!((0.5..0.9).contains(&burst), "{burst}");
        for age in 2..30 {
            ledger.measure(lease, measured(60, 0.2, 0, age), LIMIT, now);
        }
        assert!((ledger.charged().cpu_cores - 0.2).abs() < 0.01);
    }

    #[test]
    fn broken_measures_do_no_harm() {
        let (mut ledger, now) = (Ledger::default(), clock::now());
        for cores in [f32::NAN, f32::INFINITY, -3.0] {
            let lease = ledger.open(cost(u64::MAX / MIB, cores));
            ledger.measure(lease, measured(1, cores, 0, 60), LIMIT, now);
            ledger.open(cost(u64::MAX / MIB, cores));
        }
        assert!(ledger.charged().cpu_cores.abs() < f32::EPSILON);
        assert!(ledger.charged().memory_bytes > u64::MAX - 6 * MIB);
        assert!(!ledger.measure(LeaseId(99), Measured::default(), LIMIT, now));
    }

    #[test]
    fn lag_holds_after_a_while_and_lets_go_late() {
        let (mut ledger, start) = (Ledger::default(), clock::now());
        let lease = ledger.open(cost(60, 0.4));
        let mut at = |second: u64, lag: u64, age: u64| {
            let now = start + Duration::from_secs(second);
            ledger.measure(lease, measured(60, 0.4, lag, age), LIMIT, now);
            ledger.any_behind()
        };
        assert!(!at(0, 9, 9), "young: it works off the lead");
        assert!(!at(1, 3, 10));
        assert!(!at(3, 3, 12), "only two seconds");
        assert!(!at(4, 2, 13), "a hiccup");
        assert!(!at(5, 3, 14));
        assert!(at(8, 3, 17));
        assert!(at(9, 2, 18), "not yet recovered");
        assert!(!at(10, 1, 19));
        assert!(!at(11, 3, 20));
        assert!(at(14, 3, 23));
    }

    #[test]
    fn a_pipeline_that_lags_for_ever_holds_nobody_back_for_ever() {
        let (mut ledger, start) = (Ledger::default(), clock::now());
        let lease = ledger.open(cost(60, 0.4));
        let mut at = |second: u64, lag: u64| {
            let now = start + Duration::from_secs(second);
            ledger.measure(lease, measured(60, 0.4, lag, 60 + second), LIMIT, now);
            ledger.any_behind()
        };
        assert!(!at(0, 5));
        assert!(at(3, 5));
        assert!(at(62, 5));
        assert!(!at(63, 5));
        assert!(!at(64, 5), "it stays excused");
        assert!(!at(65, 0));
        assert!(!at(66, 5));
        assert!(at(69, 5), "after a recovery it counts again");
    }
}
