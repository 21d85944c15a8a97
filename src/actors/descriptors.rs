//! Whether there are file descriptors left for one more viewer's media.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::process;

/// A count is good for this long; what begins meanwhile is added to it. The governor counts every
/// second, so that requests need not.
const FRESH: Duration = Duration::from_secs(3);
/// What a view may open beyond its own connection: the connection to its source, one that is
/// being replaced, a name lookup.
const EACH: u64 = 4;
/// Kept for the store, the log, the probes, and viewers whose media runs already.
const RESERVE: u64 = 48;

/// Open descriptors and the limit on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Open.
    pub open: u64,
    /// The most there may be; 0 when unknown.
    pub max: u64,
}

/// Counts descriptors, though not at each request: with thousands open that takes its time.
#[derive(Debug, Default)]
pub struct Descriptors {
    newest: Mutex<Option<Newest>>,
}

#[derive(Debug)]
struct Newest {
    at: Instant,
    count: Count,
    begun_since: u64,
}

impl Descriptors {
    /// Whether one more may begin; it counts as begun.
    pub fn take(&self, now: Instant) -> bool {
        self.take_with(now, count)
    }

    /// Counts anew.
    pub fn refresh(&self, now: Instant) -> Count {
        let count = count();
        *self.newest() = Some(Newest {
            at: now,
            count,
            begun_since: 0,
        });
        count
    }

    fn take_with(&self, now: Instant, count: impl FnOnce() -> Count) -> bool {
        let mut newest = self.newest();
        let stale = newest
            .as_ref()
            .is_none_or(|n| now.saturating_duration_since(n.at) > FRESH);
        if stale {
            *newest = None;
        }
        let newest = newest.get_or_insert_with(|| Newest {
            at: now,
            count: count(),
            begun_since: 0,
        });
        let Count { open, max } = newest.count;
        let fits = max == 0 || open + (newest.begun_since + 1) * EACH + RESERVE <= max;
        newest.begun_since += u64::from(fits);
        fits
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, Option<Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count() -> Count {
    let (open, max) = process::descriptors();
    Count { open, max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_between_two_counts_does_not_pass_the_limit() {
        let descriptors = Descriptors::default();
        let now = crate::base::clock::now();
        let few = || Count { open: 40, max: 100 };
        let taken = (0..10).filter(|_| descriptors.take_with(now, few)).count();
        assert_eq!(taken, 3);
        let later = now + FRESH * 2;
        assert!(!descriptors.take_with(later, || Count { open: 60, max: 100 }));
        let later = later + FRESH * 2;
        assert!(descriptors.take_with(later, || Count { open: 5000, max: 0 }));
    }
}
