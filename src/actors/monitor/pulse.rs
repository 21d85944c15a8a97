//! Whether this process has run: what it did not see while it stood still says nothing of streams.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics;

/// The pulse is felt several times a second. When it was not for so long, the process was stopped, the machine slept, or
/// there was no memory and no core for it.
const STANDSTILL: Duration = Duration::from_secs(5);

/// Felt by everyone who judges by time, before they do: the first one after a standstill notices, and all hear of it.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<Felt>);

#[derive(Debug, Default)]
struct Felt {
    last: Option<Instant>,
    back: Option<Instant>,
}

impl Pulse {
    /// The process runs. When it came back from the last standstill, if there was one.
    pub(super) fn feel(&self, now: Instant) -> Option<Instant> {
        let mut felt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = felt.last.map_or(now, |last| last.max(now));
        let stood = felt.last.map_or(Duration::ZERO, |before| last - before);
        felt.last = Some(last);
        if stood < STANDSTILL {
            return felt.back;
        }
        felt.back = Some(last);
        drop(felt);
        metrics::monitor_stood_still();
        tracing::warn!(
            seconds = stood.as_secs_f64(),
            "this server stood still: what it did not see meanwhile is held against no stream"
        );
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn a_standstill_is_noticed_once_and_told_to_all() {
        let start = clock::now();
        let at = |seconds: f32| start + Duration::from_secs_f32(seconds);
        let pulse = Pulse::default();
        assert_eq!(pulse.feel(at(100.0)), None, "it may have begun just now");
        for seconds in [100.25, 102.0, 106.9] {
            assert_eq!(pulse.feel(at(seconds)), None);
        }
        assert_eq!(pulse.feel(at(111.9)), Some(at(111.9)));
        assert_eq!(
            pulse.feel(at(111.8)),
            Some(at(111.9)),
            "read before, told after"
        );
        assert_eq!(pulse.feel(at(112.0)), Some(at(111.9)));
        assert_eq!(pulse.feel(at(150.0)), Some(at(150.0)));
    }
}
