//! The one place that reads ambient clocks. Pure code takes the time as an argument.

use std::time::Instant;

/// Monotonic time, for deadlines and durations.
#[allow(clippy::disallowed_methods)] // this is the edge that injects time
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time, for what people read.
pub fn wall() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Whole seconds between 2026-01-01T00:00:00Z and `at`, zero before that.
///
/// HLS windows start counting their media sequence from a multiple of this: a rendition that starts
/// again, also after a restart of the server, goes on above the numbers it has used before, and
/// the number fits 31 bits for many years.
pub fn sequence_epoch_seconds(at: jiff::Timestamp) -> u64 {
    const EPOCH_2026: i64 = 1_767_225_600;
    u64::try_from(at.as_second() - EPOCH_2026).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_epoch_grows_and_never_underflows() {
        let at = |s| jiff::Timestamp::from_second(s).expect("in range");
        assert_eq!(sequence_epoch_seconds(at(0)), 0);
        assert_eq!(sequence_epoch_seconds(at(1_767_225_600)), 0);
        assert_eq!(sequence_epoch_seconds(at(1_767_225_700)), 100);
        assert_eq!(
            "2026-01-01T00:00:00Z"
                .parse::<jiff::Timestamp>()
                .expect("valid")
                .as_second(),
            1_767_225_600
        );
    }
}
