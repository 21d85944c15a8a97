//! Hours of a week in a time zone.

use std::fmt;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use utoipa::ToSchema;

use crate::stream::{Members, Mistakes};

/// Most spans of a week.
const MOST_SPANS: usize = 50;
const DAY_MINUTES: u16 = 24 * 60;
/// [`Hours::next_open`] looks no further ahead.
const RECHECK: SignedDuration = SignedDuration::from_hours(6);
const CLOCK: &str = "a time of day from 00:00 to 24:00, as HH:MM";

/// Hours of a week in a time zone; clocks that are put forward and back there are heeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertHours, example = json!({"zone": "Europe/Berlin",
    "weekly": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}]}))]
pub struct Hours {
    /// A time zone of the IANA database, such as `Europe/Berlin`; `UTC` works everywhere.
    pub zone: String,
    /// When; any of them.
    #[schema(min_items = 1, max_items = 50)]
    pub weekly: Vec<WeekSpan>,
}

/// The same hours of some days of a week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertHoursSpan)]
pub struct WeekSpan {
    /// The days on which it begins; all when empty.
    #[serde(default)]
    pub days: Vec<Day>,
    /// When it begins, `HH:MM`.
    #[schema(value_type = String, example = "08:00")]
    pub from: ClockTime,
    /// When it ends, `HH:MM`, up to `24:00`; on the next day if that is before `from`.
    #[schema(value_type = String, example = "18:00")]
    pub to: ClockTime,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertDay)]
#[allow(missing_docs, reason = "they are the days")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Minutes since midnight, 0 to 1440; `HH:MM` as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(u16);

impl ClockTime {
    /// Reads `HH:MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        let all = hours * 60 + minutes;
        (minutes < 60 && all <= DAY_MINUTES).then_some(Self(all))
    }

    /// As a time of a day; 24:00 is none.
    fn time(self) -> Option<Time> {
        let (hour, minute) = (self.0 / 60, self.0 % 60);
        Time::new(hour as i8, minute as i8, 0, 0).ok()
    }
}

impl Day {
    const WORDS: [(&'static str, Self); 7] = [
        ("mon", Self::Mon),
        ("tue", Self::Tue),
        ("wed", Self::Wed),
        ("thu", Self::Thu),
        ("fri", Self::Fri),
        ("sat", Self::Sat),
        ("sun", Self::Sun),
    ];

    fn of(day: Weekday) -> Self {
        let place = day.to_monday_zero_offset();
        Self::WORDS[usize::try_from(place).unwrap_or(0) % 7].1
    }
}

impl Hours {
    /// Whether it is within them. Where the zone is not known (the database is gone) it always is: better told than not.
    pub fn open(&self, now: Timestamp) -> bool {
        let Ok(zone) = TimeZone::get(&self.zone) else {
            return true;
        };
        let local = now.to_zoned(zone);
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = local.weekday();
        self.weekly
            .iter()
            .any(|span| span.open(Day::of(today), Day::of(today.previous()), minute))
    }

    /// When they may begin next; to be looked at again then, and at the latest after [`RECHECK`].
    pub fn next_open(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = TimeZone::get(&self.zone).ok()?;
        let today = now.to_zoned(zone.clone()).date();
        let days = (0..=7).filter_map(|n| today.checked_add(n.days()).ok());
        let begins = days.flat_map(|date| {
            let day = Day::of(date.weekday());
            let spans = self.weekly.iter().filter(move |span| span.is_on(day));
            spans.filter_map(move |span| Some(date.to_datetime(span.from.time()?)))
        });
        let begins = begins.filter_map(|begin| zone.to_timestamp(begin).ok());
        let next = begins.filter(|begin| *begin > now).min();
        // The hour that clocks are put back by comes twice.
        let recheck = now.checked_add(RECHECK).ok();
        next.into_iter().chain(recheck).min()
    }

    /// Reads them, member by member.
    pub(super) fn read(at: String, value: Value, mistakes: &mut Mistakes) -> Option<Self> {
        let mut f = Members::open(at, value, mistakes)?;
        let zone = f.required("zone");
        let known = zone
            .as_deref()
            .is_none_or(|zone| TimeZone::get(zone).is_ok());
        if !known {
            let at = f.at("zone");
            let allowed = "a name of the IANA time zone database, such as Europe/Berlin or UTC";
            f.mistakes()
                .add(at, "is no time zone that is known here", allowed);
        }
        let spans = f.list("weekly", MOST_SPANS, |at, value, mistakes| {
            Some(WeekSpan::read(at, value, mistakes))
        });
        if spans.as_ref().is_none_or(Vec::is_empty) && !f.wrong("weekly") {
            let at = f.at("weekly");
            f.mistakes()
                .add(at, "is missing or empty", "1 to 50 spans of hours");
        }
        f.close();
        let weekly: Option<Vec<_>> = spans?.into_iter().collect();
        Some(Self {
            zone: zone.filter(|_| known)?,
            weekly: weekly?,
        })
    }
}

impl WeekSpan {
    fn open(&self, today: Day, yesterday: Day, minute: u16) -> bool {
        if self.from < self.to {
            return self.is_on(today) && (self.from.0..self.to.0).contains(&minute);
        }
        (self.is_on(today) && minute >= self.from.0)
            || (self.is_on(yesterday) && minute < self.to.0)
    }

    fn is_on(&self, day: Day) -> bool {
        self.days.is_empty() || self.days.contains(&day)
    }

    fn read(at: String, value: Value, mistakes: &mut Mistakes) -> Option<Self> {
        let mut f = Members::open(at, value, mistakes)?;
        let days = f.words("days", &Day::WORDS);
        let (from, to) = (clock(&mut f, "from"), clock(&mut f, "to"));
        if from.is_some_and(|from| from.time().is_none()) {
            let at = f.at("from");
            f.mistakes()
                .add(at, "is the end of the day", "a time before 24:00");
        }
        if from.is_some() && from == to {
            let at = f.at("to");
            let allowed = "another time; 00:00 to 24:00 is the whole day";
            f.mistakes().add(at, "is the same as from", allowed);
        }
        f.close();
        Some(Self {
            days,
            from: from?,
            to: to?,
        })
    }
}

fn clock(f: &mut Members<'_>, name: &'static str) -> Option<ClockTime> {
    let text = f.required(name)?;
    let time = ClockTime::parse(&text);
    if time.is_none() {
        let at = f.at(name);
        f.mistakes().add(at, "is no time of day", CLOCK);
    }
    time
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(CLOCK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hours(zone: &str, days: &[&str], from: &str, to: &str) -> Hours {
        let value = json!({"zone": zone, "weekly": [{"days": days, "from": from, "to": to}]});
        let mut mistakes = Mistakes::default();
        let hours = Hours::read("/hours".to_owned(), value, &mut mistakes);
        hours.unwrap_or_else(|| panic!("{:?}", mistakes.into_vec()))
    }

    #[test]
    fn a_week_is_that_of_its_zone() {
        let office = hours("Europe/Berlin", &["mon", "fri"], "08:00", "18:00");
        let open = |hours: &Hours, at: &str| hours.open(at.parse().unwrap());
        // 2026-11-20 is a Friday; Berlin is an hour ahead in winter, two in summer.
        assert!(!open(&office, "2026-11-20T06:59:59Z"));
        assert!(open(&office, "2026-11-20T07:00:00Z"));
        assert!(open(&office, "2026-11-20T16:59:59Z"));
        assert!(!open(&office, "2026-11-20T17:00:00Z"));
        assert!(open(&office, "2026-07-10T06:00:00Z"));
        assert!(!open(&office, "2026-07-09T06:00:00Z"));
        // Over midnight: the night from Saturday to Sunday, seen from UTC.
        let night = hours("UTC", &["sat"], "22:00", "06:00");
        assert!(open(&night, "2026-11-21T22:00:00Z"));
        assert!(open(&night, "2026-11-22T05:59:00Z"));
        assert!(!open(&night, "2026-11-22T06:00:00Z"));
        assert!(!open(&night, "2026-11-22T22:00:00Z"));
        assert!(!open(&night, "2026-11-21T05:00:00Z"));
        let always = hours("UTC", &[], "00:00", "24:00");
        assert!(open(&always, "2026-11-22T23:59:59Z"));
        // The night on which clocks are put back has 2:30 twice, and both are meant.
        let small = hours("Europe/Berlin", &[], "02:00", "03:00");
        assert!(open(&small, "2026-10-25T00:30:00Z") && open(&small, "2026-10-25T01:30:00Z"));
        assert!(!open(&small, "2026-10-25T02:00:00Z"));
        // The next beginning is found, also over a week's end and past the night of the change.
        let next = |hours: &Hours, at: &str| {
            let mut at = at.parse().unwrap();
            while !hours.open(at) {
                at = hours.next_open(at).unwrap();
            }
            at.to_string()
        };
        assert_eq!(
            next(&office, "2026-11-20T17:00:00Z"),
            "2026-11-23T07:00:00Z"
        );
        assert_eq!(
            next(&office, "2026-10-24T12:00:00Z"),
            "2026-10-26T07:00:00Z"
        );
        assert_eq!(next(&night, "2026-11-22T06:00:00Z"), "2026-11-28T22:00:00Z");
        let text = serde_json::to_value(&office).unwrap();
        assert_eq!(serde_json::from_value::<Hours>(text).unwrap(), office);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let value = json!({"zone": "Mars/Olympus", "weekly": [
            {"days": ["monday"], "from": "8:00", "to": "24:01"}, {"from": "01:00", "to": "01:00", "x": 1}]});
        let mut mistakes = Mistakes::default();
        assert_eq!(Hours::read("/h".to_owned(), value, &mut mistakes), None);
        let told: Vec<_> = mistakes.into_vec().into_iter().map(|m| m.pointer).collect();
        assert_eq!(
            told,
            [
                "/h/zone",
                "/h/weekly/0/days/0",
                "/h/weekly/0/from",
                "/h/weekly/0/to",
                "/h/weekly/1/to",
                "/h/weekly/1/x",
            ]
        );
    }
}
