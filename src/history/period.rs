//! The time that a question is about.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::MinuteAt;

/// The longest period that may be asked about, days.
pub const MOST_DAYS: u32 = 400;

/// Whole minutes from one time to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first minute.
    pub from: MinuteAt,
    /// The minute after the last one.
    pub to: MinuteAt,
}

/// Why something is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// A time does not parse.
    #[error(
        "{0} is no time: it is as 2026-11-22T10:00:00Z (RFC 3339), 2026-11-22 (in UTC), now, or before now as -90m, -24h, -7d"
    )]
    Time(&'static str),
    /// It ends before it begins, or has no whole minute.
    #[error("from must be before to, by a minute at least, and not in the future")]
    Empty,
    /// It is too long.
    #[error("from and to are more than {MOST_DAYS} days apart")]
    Long,
}

impl Period {
    /// Reads both ends; what is not told is the last `hours` before the other end, or before now.
    /// What lies in the future is cut off; ends are rounded down to whole minutes.
    ///
    /// # Errors
    /// See [`PeriodError`].
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        hours: u32,
        now: Timestamp,
    ) -> Result<Self, PeriodError> {
        let time = |name, text: Option<&str>| {
            text.map(|text| parse_time(text, now).ok_or(PeriodError::Time(name)))
                .transpose()
        };
        let from = time("from", from)?;
        let to = time("to", to)?.map_or(now, |to| to.min(now));
        let ago = SignedDuration::from_hours(hours.into());
        let from = from.unwrap_or_else(|| to.checked_sub(ago).unwrap_or(Timestamp::MIN));
        let period = Self {
            from: MinuteAt::of(from),
            to: MinuteAt::of(to),
        };
        if period.from >= period.to {
            return Err(PeriodError::Empty);
        }
        if period.minutes() > MOST_DAYS * 24 * 60 {
            return Err(PeriodError::Long);
        }
        Ok(period)
    }

    /// How many minutes it has.
    pub fn minutes(self) -> u32 {
        self.to.0.saturating_sub(self.from.0)
    }

    /// Its length, milliseconds.
    pub fn ms(self) -> u64 {
        u64::from(self.minutes()) * u64::from(super::MINUTE_MS)
    }

    /// The hours that it touches.
    pub fn hours(self) -> std::ops::Range<u32> {
        self.from.hour()..self.to.0.div_ceil(60)
    }

    /// Whether this minute is in it.
    pub fn contains(self, minute: MinuteAt) -> bool {
        (self.from..self.to).contains(&minute)
    }
}

/// A time as people and programs write it; `None` for what is none.
pub fn parse_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.len() > 64 {
        return None;
    }
    if text == "now" {
        return Some(now);
    }
    if let Some(ago) = text.strip_prefix('-') {
        let unit = ago.chars().last()?;
        let seconds: i64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        let digits = &ago[..ago.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let seconds = digits.parse::<i64>().ok()?.checked_mul(seconds)?;
        return now.checked_sub(SignedDuration::from_secs(seconds)).ok();
    }
    // In a query, the + of an offset stands for a space unless it was escaped.
    let text = text.replace(' ', "+");
    if text.len() == 10 {
        let date: Date = text.parse().ok()?;
        return Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:30Z".parse().expect("a time")
    }

    #[test]
    fn times_are_absolute_or_before_now() {
        for (text, wanted) in [
            ("2026-11-21T23:00:00Z", "2026-11-21T23:00:00Z"),
            ("2026-11-21T23:00:00.5+01:00", "2026-11-21T22:00:00.5Z"),
            ("2026-11-21T23:00:00 01:00", "2026-11-21T22:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("now", "2026-11-22T10:00:30Z"),
            ("-90m", "2026-11-22T08:30:30Z"),
            ("-1w", "2026-11-15T10:00:30Z"),
        ] {
            assert_eq!(parse_time(text, now()), wanted.parse().ok(), "{text}");
        }
        for bad in [
            "",
            "-",
            "-h",
            "h",
            "+1h",
            "-1",
            "--1h",
            "-1y",
            "-1.5h",
            "-1é",
            "24h",
            "yesterday",
            "2026-13-01",
            "2026-11-21T23:00:00",
            "1763800000",
            "-9223372036854775807w",
            "-99999999999999999999s",
        ] {
            assert_eq!(parse_time(bad, now()), None, "{bad}");
        }
    }

    #[test]
    fn periods_have_whole_minutes_of_the_past() {
        let parse = |from, to| Period::parse(from, to, 24, now());
        let day = parse(None, None).expect("a period");
        assert_eq!((day.minutes(), day.hours().len()), (24 * 60, 24));
        let future = parse(Some("-1h"), Some("2030-01-01")).expect("a period");
        assert_eq!(future.minutes(), 60);
        let before = parse(None, Some("2026-11-20")).expect("a period");
        assert_eq!(before.from.starts().to_string(), "2026-11-19T00:00:00Z");
        assert_eq!(parse(Some("now"), None), Err(PeriodError::Empty));
        assert_eq!(parse(Some("2027-01-01"), None), Err(PeriodError::Empty));
        assert_eq!(parse(Some("-1h"), Some("-2h")), Err(PeriodError::Empty));
        assert_eq!(parse(Some("-401d"), None), Err(PeriodError::Long));
        assert_eq!(parse(Some("x"), None), Err(PeriodError::Time("from")));
        assert_eq!(parse(None, Some("x")), Err(PeriodError::Time("to")));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(from in "\\PC{0,40}", to in "[-0-9smhdwTZ:+ ]{0,30}") {
            if let Ok(period) = Period::parse(Some(&from), Some(&to), 24, now()) {
                prop_assert!(period.from < period.to);
            }
        }
    }
}
