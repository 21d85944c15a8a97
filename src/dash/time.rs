//! Times of an MPD: durations and dates (XML Schema, part 2, 3.2.6 and 3.2.7), and ticks.

use std::time::Duration;

/// No duration is believed to be longer than this: a hundred years.
const LONGEST: Duration = Duration::from_hours(24 * 36_525);

/// Seconds.
const DAY: f64 = 86_400.0;

/// `PT1H2M3.4S` and the like; a year has 365 days, a month 30. `None` if negative or not a duration.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) => (date, time),
        None => (text.strip_prefix('P')?, ""),
    };
    let days = sum(
        date,
        &[
            ('Y', 365.0 * DAY),
            ('M', 30.0 * DAY),
            ('W', 7.0 * DAY),
            ('D', DAY),
        ],
    )?;
    let seconds = days + sum(time, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)])?;
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    (duration <= LONGEST).then_some(duration)
}

/// Sums up numbers that are followed by their units.
fn sum(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut sum = 0.0;
    while !text.is_empty() {
        let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = text[..at].parse().ok()?;
        let unit = text[at..].chars().next()?;
        sum += number * units.iter().find(|(name, _)| *name == unit)?.1;
        text = &text[at + unit.len_utf8()..];
    }
    Some(sum)
}

/// A date and time, since the Unix epoch; without a zone it is UTC. `None` if it is before that or not a date. Reads
/// what HTTP writes (`Sun, 06 Nov 1994 08:49:37 GMT`) as well.
pub fn date(text: &str) -> Option<Duration> {
    let text = text.trim();
    let stamp = text
        .parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })
        .or_else(|| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()))?;
    let since = stamp.duration_since(jiff::Timestamp::UNIX_EPOCH);
    Duration::try_from(since).ok()
}

/// Ticks of a timescale as a duration; beyond a hundred years it stays there.
pub(super) fn from_ticks(ticks: u64, timescale: u64) -> Duration {
    let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(timescale.max(1));
    u64::try_from(nanos).map_or(LONGEST, |nanos| Duration::from_nanos(nanos).min(LONGEST))
}

/// A duration in ticks of a timescale, rounded down; at most `u64::MAX`.
pub(super) fn to_ticks(duration: Duration, timescale: u64) -> u64 {
    let ticks = duration.as_nanos().saturating_mul(u128::from(timescale)) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}
