//! A minute of one stream.

use jiff::Timestamp;

use crate::conditions::Health;

/// Milliseconds of a minute.
pub const MINUTE_MS: u32 = 60_000;

/// A minute of the wall clock (UTC): minutes since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinuteAt(pub u32);

impl MinuteAt {
    /// The minute that holds this time; the first one for times before 1970.
    pub fn of(at: Timestamp) -> Self {
        Self::of_ms(at.as_millisecond())
    }

    pub(super) fn of_ms(ms: i64) -> Self {
        let minutes = ms.div_euclid(i64::from(MINUTE_MS));
        Self(u32::try_from(minutes.max(0)).unwrap_or(u32::MAX))
    }

    /// When it begins.
    pub fn starts(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * 60).unwrap_or(Timestamp::MAX)
    }

    /// Its hour: hours since 1970.
    pub fn hour(self) -> u32 {
        self.0 / 60
    }

    /// Its place in the hour, 0 to 59.
    pub fn of_hour(self) -> u8 {
        (self.0 % 60) as u8
    }

    /// The minute at this place of an hour.
    pub fn in_hour(hour: u32, minute: u8) -> Self {
        Self(hour.saturating_mul(60).saturating_add(u32::from(minute)))
    }
}

/// How long a stream was in each state of health, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// It was well.
    pub up: u64,
    /// Media came, with something wrong about it.
    pub degraded: u64,
    /// Nothing usable came.
    pub down: u64,
    /// Nobody knows.
    pub unknown: u64,
    /// It was not watched because it was not wanted: disabled, or not to be monitored.
    pub paused: u64,
}

impl Spans {
    /// The order of the states wherever they are listed.
    pub(super) const STATES: [Health; 5] = [
        Health::Up,
        Health::Degraded,
        Health::Down,
        Health::Unknown,
        Health::Paused,
    ];

    /// All of it in one state.
    pub fn whole(health: Health, ms: u64) -> Self {
        let mut spans = Self::default();
        *spans.of_mut(health) = ms;
        spans
    }

    /// The time in one state.
    pub fn of(&self, health: Health) -> u64 {
        match health {
            Health::Up => self.up,
            Health::Degraded => self.degraded,
            Health::Down => self.down,
            Health::Unknown => self.unknown,
            Health::Paused => self.paused,
        }
    }

    pub(super) fn of_mut(&mut self, health: Health) -> &mut u64 {
        match health {
            Health::Up => &mut self.up,
            Health::Degraded => &mut self.degraded,
            Health::Down => &mut self.down,
            Health::Unknown => &mut self.unknown,
            Health::Paused => &mut self.paused,
        }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        Self::STATES
            .iter()
            .fold(0, |sum: u64, &state| sum.saturating_add(self.of(state)))
    }

    /// The time in which it was to be watched and was: neither unknown nor paused.
    pub fn known(&self) -> u64 {
        self.up
            .saturating_add(self.degraded)
            .saturating_add(self.down)
    }

    pub(super) fn add(&mut self, other: &Self) {
        for state in Self::STATES {
            let sum = self.of_mut(state);
            *sum = sum.saturating_add(other.of(state));
        }
    }

    /// Shrinks all in proportion until they are `most` together; what rounding leaves over goes to
    /// the longest. Less than that stays as it is.
    fn cap(&mut self, most: u64) {
        let total = self.total();
        if total <= most {
            return;
        }
        let mut longest = Health::Up;
        let mut left = most;
        for state in Self::STATES {
            if self.of(state) > self.of(longest) {
                longest = state;
            }
        }
        for state in Self::STATES {
            let span = self.of_mut(state);
            *span = (u128::from(*span) * u128::from(most) / u128::from(total)) as u64;
            left -= *span;
        }
        *self.of_mut(longest) += left;
    }
}

/// A minute of one stream. Its spans are a minute together at most: what is missing was not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// How long it was in each state; [`MINUTE_MS`] together at most.
    pub spans: Spans,
    /// How often it went down. An outage that goes on from the minute before is not counted again.
    pub outages: u32,
    /// What was pulled for the monitor, in units of 1,000 bytes.
    pub kilobytes: u32,
    /// The mean bitrate of the stream where it was measured, kbit/s; 0 where it was not.
    pub bitrate_kbps: u32,
    /// Continuity errors (`Continuity_count_error` of ETSI TR 101 290, 5.2.1).
    pub continuity_errors: u32,
    /// Other errors of transport and playlist.
    pub errors: u32,
    /// How often its picture or sound was looked at.
    pub looks: u32,
}

impl Minute {
    /// Adds what else is known of the same minute: from before a restart, or after the clock was
    /// set back. Together the spans stay a minute, each in its proportion.
    pub fn merge(&mut self, other: &Self) {
        self.bitrate_kbps = mean_bitrate(self, other);
        self.spans.add(&other.spans);
        self.spans.cap(u64::from(MINUTE_MS));
        for (sum, more) in [
            (&mut self.outages, other.outages),
            (&mut self.kilobytes, other.kilobytes),
            (&mut self.continuity_errors, other.continuity_errors),
            (&mut self.errors, other.errors),
            (&mut self.looks, other.looks),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// The same minute within its bounds: see [`Self::merge`].
    pub(super) fn capped(mut self) -> Self {
        self.spans.cap(u64::from(MINUTE_MS));
        self
    }
}

/// Each weighs as much as the time that it was measured over.
fn mean_bitrate(a: &Minute, b: &Minute) -> u32 {
    let weight = |minute: &Minute| match minute.bitrate_kbps {
        0 => 0,
        _ => minute.spans.known().max(1),
    };
    let parts = [a, b].map(|minute| (u128::from(minute.bitrate_kbps), u128::from(weight(minute))));
    let weights: u128 = parts.iter().map(|(_, weight)| weight).sum();
    let sum: u128 = parts.iter().map(|(rate, weight)| rate * weight).sum();
    sum.checked_div(weights).unwrap_or(0) as u32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any minute that keeps the rules.
    pub(in crate::history) fn any_minute() -> impl Strategy<Value = Minute> {
        let spans = prop_oneof![
            3 => (0..5_usize).prop_map(|n| Spans::whole(Spans::STATES[n], 60_000)),
            1 => prop::array::uniform5(0..60_000_u64).prop_map(|[up, degraded, down, unknown, paused]| {
                let mut spans = Spans { up, degraded, down, unknown, paused };
                spans.cap(60_000);
                spans
            }),
        ];
        let counter = || prop_oneof![3 => Just(0), 1 => 0..200_u32, 1 => any::<u32>()];
        let rest = (
            counter(),
            any::<u32>(),
            counter(),
            counter(),
            counter(),
            counter(),
        );
        (spans, rest).prop_map(|(spans, rest)| Minute {
            spans,
            outages: rest.0,
            kilobytes: rest.1,
            bitrate_kbps: rest.2,
            continuity_errors: rest.3,
            errors: rest.4,
            looks: rest.5,
        })
    }

    #[test]
    fn a_minute_seen_in_two_halves_is_one() {
        let half = |health, kbps| Minute {
            spans: Spans::whole(health, 30_000),
            bitrate_kbps: kbps,
            kilobytes: 5,
            ..Minute::default()
        };
        let mut minute = half(Health::Up, 2_000);
        minute.merge(&half(Health::Down, 1_000));
        assert_eq!((minute.spans.up, minute.spans.down), (30_000, 30_000));
        assert_eq!((minute.bitrate_kbps, minute.kilobytes), (1_500, 10));
        // Seen twice because the clock was set back: still one minute.
        minute.merge(&half(Health::Up, 0));
        assert_eq!((minute.spans.up, minute.spans.down), (40_000, 20_000));
        assert_eq!(minute.bitrate_kbps, 1_500);
    }

    #[test]
    fn times_before_the_epoch_and_far_away_are_some_minute() {
        assert_eq!(MinuteAt::of(Timestamp::MIN), MinuteAt(0));
        let far = MinuteAt::of(Timestamp::MAX);
        assert_eq!(MinuteAt::of(far.starts()), far);
        assert_eq!(
            MinuteAt(u32::MAX).starts(),
            Timestamp::from_second(257_698_037_700).unwrap_or(Timestamp::MAX)
        );
    }

    proptest! {
        #[test]
        fn merging_stays_within_a_minute(a in any_minute(), b in any_minute()) {
            let mut both = a;
            both.merge(&b);
            let sum = a.spans.total() + b.spans.total();
            prop_assert_eq!(both.spans.total(), sum.min(60_000));
            for state in Spans::STATES {
                let none = a.spans.of(state) + b.spans.of(state) == 0;
                prop_assert!(!none || both.spans.of(state) == 0);
            }
        }
    }
}
