//! How much of a period a stream was there.

use super::{Minute, Period, Spans};
use crate::conditions::Health;

/// Sums up the minutes of one stream, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    spans: Spans,
    outages: u32,
    longest_ms: u64,
    /// The length so far of an outage that may go on.
    current_ms: Option<u64>,
}

/// How much of a period a stream was there. Its spans are the length of the period together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    /// The time in each state, milliseconds. What nobody recorded is unknown.
    pub spans: Spans,
    /// How many outages there were; one that began before the period is one of them.
    pub outages: u32,
    /// The longest of them, within the period, milliseconds.
    pub longest_ms: u64,
}

impl Tally {
    /// Adds the next minute. Those that are missing in between are unknown, and do not end an outage.
    pub fn add(&mut self, minute: &Minute) {
        self.spans.add(&minute.spans);
        let down = minute.spans.down;
        let well = minute.spans.up + minute.spans.degraded + minute.spans.paused > 0;
        let begun = minute.outages;
        if begun > 0 {
            // What was down in this minute is accounted to the outages that began in it.
            self.end();
            self.outages = self.outages.saturating_add(begun);
            let share = down / u64::from(begun);
            self.longest_ms = self.longest_ms.max(share);
            self.current_ms = Some(share);
        } else if down > 0 {
            if self.current_ms.is_none() {
                self.outages = self.outages.saturating_add(1);
            }
            self.current_ms = Some(self.current_ms.unwrap_or(0) + down);
            if well {
                self.end();
            }
        } else if well {
            self.end();
        }
    }

    /// The outcome for the period that the minutes are of.
    pub fn of(mut self, period: Period) -> Availability {
        self.end();
        let mut spans = self.spans;
        let recorded = spans.total() - spans.unknown;
        spans.unknown = period.ms().saturating_sub(recorded);
        Availability {
            spans,
            outages: self.outages,
            longest_ms: self.longest_ms,
        }
    }

    fn end(&mut self) {
        if let Some(length) = self.current_ms.take() {
            self.longest_ms = self.longest_ms.max(length);
        }
    }
}

impl Availability {
    /// The share of the known time in which media came, 0 to 1; `None` if nothing is known. Unknown
    /// and paused time counts neither way.
    pub fn uptime(&self) -> Option<f64> {
        let known = self.spans.known();
        let there = known - self.spans.of(Health::Down);
        (known > 0).then(|| there as f64 / known as f64)
    }

    /// The mean length of an outage, milliseconds.
    pub fn mean_outage_ms(&self) -> u64 {
        let down = self.spans.down;
        down.checked_div(self.outages.into()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::minute::tests::any_minute;
    use super::super::{MinuteAt, Recorder};
    use super::*;
    use crate::base::clock;
    use crate::conditions::Now;
    use proptest::prelude::*;

    fn period(minutes: u32) -> Period {
        Period {
            from: MinuteAt(0),
            to: MinuteAt(minutes),
        }
    }

    /// What comes of a stream that is so for so many seconds, one after the other.
    fn lived(story: &[(Health, u64)]) -> Availability {
        let (mono, mut seconds) = (clock::now(), 0);
        let now = |seconds| Now {
            mono: mono + Duration::from_secs(seconds),
            wall: jiff::Timestamp::from_second(seconds.cast_signed()).expect("a time"),
        };
        let mut recorder = Recorder::new(story[0].0, now(0));
        let mut done = Vec::new();
        for (health, lasts) in story {
            recorder.set_health(*health, now(seconds), &mut done);
            // Someone looks in between.
            recorder.advance(now(seconds + lasts / 2), &mut done);
            seconds += lasts;
        }
        recorder.flush(now(seconds), &mut done);
        let mut tally = Tally::default();
        for (_, minute) in &done {
            tally.add(minute);
        }
        tally.of(period(seconds.div_ceil(60) as u32))
    }

    #[test]
    fn outages_are_counted_and_measured() {
        use Health::{Degraded, Down, Paused, Unknown, Up};
        for (story, outages, longest, uptime) in [
            (&[(Up, 600)][..], 0, 0, Some(1.0)),
            (&[(Up, 90), (Down, 100), (Up, 110)], 1, 100, Some(2.0 / 3.0)),
            // Across minutes, in one minute, and again at once.
            (&[(Up, 30), (Down, 60), (Up, 30)], 1, 60, Some(0.5)),
            (&[(Up, 10), (Down, 20), (Up, 90)], 1, 20, Some(5.0 / 6.0)),
            (
                &[(Up, 50), (Down, 5), (Up, 10), (Down, 235)],
                2,
                235,
                Some(0.2),
            ),
            // From the first second to the last.
            (&[(Down, 600)], 1, 600, Some(0.0)),
            // Unknown time does not end an outage, a pause does.
            (
                &[(Up, 60), (Down, 60), (Unknown, 60), (Down, 60), (Up, 60)],
                1,
                120,
                Some(0.5),
            ),
            (
                &[(Up, 60), (Down, 60), (Paused, 60), (Down, 60), (Up, 60)],
                2,
                60,
                Some(0.5),
            ),
            // Degraded is there; unknown and paused count neither way.
            (&[(Up, 60), (Degraded, 60), (Unknown, 600)], 0, 0, Some(1.0)),
            (&[(Unknown, 60), (Paused, 60)], 0, 0, None),
        ] {
            let got = lived(story);
            assert_eq!(
                (got.outages, got.longest_ms),
                (outages, longest * 1_000),
                "{story:?}"
            );
            assert_eq!(got.uptime(), uptime, "{story:?}");
        }
    }

    proptest! {
        #[test]
        fn the_shares_are_the_period(minutes in prop::collection::btree_map(0..200_u32, any_minute(), 0..60)) {
            let mut tally = Tally::default();
            for minute in minutes.values() {
                tally.add(minute);
            }
            let got = tally.of(period(200));
            prop_assert_eq!(got.spans.total(), 200 * 60_000);
            prop_assert!(got.longest_ms <= got.spans.down);
            prop_assert!((got.outages == 0) <= (got.spans.down == 0));
            let uptime = got.uptime();
            prop_assert!(uptime.is_none_or(|share| (0.0..=1.0).contains(&share)));
        }
    }
}
