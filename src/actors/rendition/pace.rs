//! Whether a pipeline keeps up: that what goes in comes out, and how far behind real time.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::ts::Ticks;

/// How long the output may lack behind a flowing input before the pipeline counts as stuck.
const STUCK: Duration = Duration::from_secs(10);
/// Less than this may rightly lie inside: lookahead, muxer and queues.
const INSIDE: usize = 64 << 10;
/// A distance that jumps by more than this is another timeline, not a delay. Ticks of 90 kHz.
const ANOTHER_TIMELINE: i64 = 30 * 90_000;

/// The progress of one pipeline.
#[derive(Debug)]
pub(super) struct Pace {
    fed_since_output: AtomicUsize,
    output: watch::Sender<()>,
    lag: Mutex<Lag>,
    lag_ms: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            fed_since_output: AtomicUsize::new(0),
            output: watch::Sender::new(()),
            lag: Mutex::default(),
            lag_ms: AtomicU64::new(0),
        }
    }
}

impl Pace {
    pub(super) fn fed(&self, bytes: usize) {
        self.fed_since_output.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn drained(&self) {
        self.fed_since_output.store(0, Ordering::Relaxed);
        self.output.send_replace(());
    }

    /// The output has come to `output` while the source is at `source`.
    pub(super) fn came_to(&self, source: Option<Ticks>, output: Option<Ticks>) {
        let (Some(source), Some(output)) = (source, output) else {
            return;
        };
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = lag.note(source, output);
        self.lag_ms
            .store(behind.as_millis() as u64, Ordering::Relaxed);
    }

    /// How far the output lies behind the source, beyond what the pipeline holds by its nature.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_millis(self.lag_ms.load(Ordering::Relaxed))
    }

    /// Ends when nothing came out for a while though enough went in.
    pub(super) async fn stuck(&self) {
        let mut output = self.output.subscribe();
        loop {
            let waited = tokio::time::timeout(STUCK, output.changed()).await;
            let inside = self.fed_since_output.load(Ordering::Relaxed);
            if waited.is_err() && inside > INSIDE {
                return;
            }
        }
    }
}

/// The delay of an output whose timeline has an unknown, constant offset to the source's: the
/// least distance seen is what the pipeline takes by its nature; what comes on top is lag. Pure.
#[derive(Debug, Default)]
struct Lag {
    least: Option<i64>,
}

impl Lag {
    fn note(&mut self, source: Ticks, output: Ticks) -> Duration {
        let distance = source.wrapping_sub(output).cast_signed();
        let least = match self.least {
            Some(least) if (distance - least).abs() <= ANOTHER_TIMELINE => least.min(distance),
            _ => distance,
        };
        self.least = Some(least);
        let ticks = u64::try_from(distance - least).unwrap_or(0);
        Duration::from_micros(ticks * 100 / 9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 90_000;

    #[test]
    fn what_comes_on_top_of_the_least_distance_is_lag() {
        let mut lag = Lag::default();
        // the source's head start is worked off
        assert_eq!(lag.note(104 * SECOND, 10 * SECOND), Duration::ZERO);
        assert_eq!(lag.note(104 * SECOND, 13 * SECOND), Duration::ZERO);
        // in step
        assert_eq!(lag.note(114 * SECOND, 23 * SECOND), Duration::ZERO);
        // two seconds slower than real time
        assert_eq!(lag.note(124 * SECOND, 31 * SECOND), Duration::from_secs(2));
        // and back
        assert_eq!(lag.note(126 * SECOND, 35 * SECOND), Duration::ZERO);
    }

    #[test]
    fn another_timeline_is_no_lag() {
        let mut lag = Lag::default();
        lag.note(100 * SECOND, 10 * SECOND);
        assert_eq!(lag.note(100_000 * SECOND, 10 * SECOND), Duration::ZERO);
        assert_eq!(lag.note(5, u64::MAX), Duration::ZERO);
    }
}
