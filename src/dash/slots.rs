//! The segments of a representation (5.3.9), whatever way they are written in: which there are, and where.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::error::MpdError;
use super::mpd::{Representation, Resource};
use super::time::{from_ticks, to_ticks};
use crate::hls::ByteRange;

/// The longest address.
pub(super) const MAX_URI: usize = 8 << 10;
/// The widest number in an address: all of `u64`.
const MAX_WIDTH: usize = 20;

/// The segments of a representation.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    /// Ticks in a second, above 0.
    pub(super) timescale: u64,
    /// `presentationTimeOffset`: media time at the start of the period, in ticks.
    pub(super) offset: u64,
    pub(super) start_number: u64,
    pub(super) end_number: Option<u64>,
    /// Of each, in ticks, above 0; where there is no timeline.
    pub(super) duration: Option<u64>,
    /// In order of time.
    pub(super) timeline: Option<Arc<[Run]>>,
    /// The initialization segment: a template, and a range of it.
    pub(super) init: Option<(Option<Arc<str>>, Option<ByteRange>)>,
    pub(super) media: Media,
}

/// Where segments are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Media {
    /// The representation is one file.
    Whole,
    /// The representation is one file, and here is the index of its segments.
    Indexed(ByteRange),
    Template(Arc<str>),
    List(Arc<[Listed]>),
}

/// An entry of a segment list: an address (else the one of the representation), and a range of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub(super) uri: Option<Box<str>>,
    pub(super) range: Option<ByteRange>,
}

/// Segments of one length that follow each other, as an `S` of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// In ticks of media time.
    pub(super) start: u64,
    /// Above 0.
    pub(super) duration: u64,
    /// How many; `None`: until the period ends.
    pub(super) count: Option<u64>,
}

impl Run {
    pub(super) fn end(&self) -> Option<u64> {
        let length = self.duration.saturating_mul(self.count?);
        Some(self.start.saturating_add(length))
    }
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// From 0 on.
    pub(super) index: u64,
    /// In ticks of media time.
    pub(super) time: u64,
    pub(super) duration: u64,
    /// It is there for certain; else only by the clock.
    pub(super) listed: bool,
}

/// Which segment is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// One that ends after a time: it may contain it.
    EndsAfter,
    /// One most of which is after a time: it follows what ended about there.
    MostlyAfter,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            timescale: 1,
            offset: 0,
            start_number: 1,
            end_number: None,
            duration: None,
            timeline: None,
            init: None,
            media: Media::Whole,
        }
    }
}

impl Slots {
    /// The first segment from a time of the period on. `length` is that of the period.
    pub(super) fn first(
        &self,
        from: Duration,
        which: First,
        length: Option<Duration>,
    ) -> Option<Slot> {
        let from = self.offset.saturating_add(to_ticks(from, self.timescale));
        let end = length.map(|length| self.offset.saturating_add(to_ticks(length, self.timescale)));
        let implied = [self.implied(end)];
        let runs = self.timeline.as_deref().unwrap_or(&implied);
        let mut before = 0_u64;
        for run in runs {
            let room = end.map_or(u64::MAX, |end| {
                end.saturating_sub(run.start).div_ceil(run.duration)
            });
            let count = run.count.unwrap_or(u64::MAX).min(room);
            let skipped = match which {
                First::EndsAfter => from.saturating_sub(run.start) / run.duration,
                First::MostlyAfter => from
                    .checked_sub(run.start.saturating_add(run.duration / 2))
                    .map_or(0, |beyond| (beyond / run.duration).saturating_add(1)),
            };
            let index = before.saturating_add(skipped);
            if skipped < count && self.has(index) {
                return Some(Slot {
                    index,
                    time: run.start.checked_add(skipped.checked_mul(run.duration)?)?,
                    duration: run.duration,
                    listed: run.count.is_some(),
                });
            }
            before = before.saturating_add(run.count.unwrap_or(count));
        }
        None
    }

    /// Where what is listed ends, in time of the period; `None` if only the clock tells.
    pub(super) fn listed_end(&self) -> Option<Duration> {
        let last = self.timeline.as_deref()?.last()?;
        Some(self.in_period(last.end()?))
    }

    /// The longest segment.
    pub(super) fn longest(&self) -> Option<Duration> {
        let longest = match &self.timeline {
            Some(runs) => runs.iter().map(|run| run.duration).max()?,
            None => self.duration?,
        };
        Some(from_ticks(longest, self.timescale))
    }

    /// Start and end of a segment in time of the period; what lies before the period counts as its start.
    pub(super) fn span(&self, slot: &Slot) -> (Duration, Duration) {
        let end = slot.time.saturating_add(slot.duration);
        (self.in_period(slot.time), self.in_period(end))
    }

    /// What is added to times of the media, in ticks of 90 kHz modulo 2^33, for a period that starts here.
    pub(super) fn shift(&self, period_start: Duration) -> i64 {
        let ticks = |ticks: u128, per: u128| (ticks * 90_000 / per).cast_signed();
        let start = ticks(period_start.as_nanos(), 1_000_000_000);
        let offset = ticks(self.offset.into(), self.timescale.into());
        ((start - offset) % (1 << 33)) as i64
    }

    /// Where a segment is.
    pub(super) fn resource(&self, of: &Representation, slot: &Slot) -> Result<Resource, MpdError> {
        let number = self.start_number.saturating_add(slot.index);
        let (uri, range) = match &self.media {
            Media::Whole | Media::Indexed(_) => (Url::clone(&of.base), None),
            Media::Template(template) => {
                let text = expand(template, of, Some((number, slot.time)))?;
                (resolve(&of.base, &text)?, None)
            }
            Media::List(list) => {
                let bad = MpdError::Bad {
                    what: "SegmentList",
                };
                let at = usize::try_from(slot.index).map_err(|_| bad.clone())?;
                let listed = list.get(at).ok_or(bad)?;
                let uri = match &listed.uri {
                    Some(uri) => resolve(&of.base, uri)?,
                    None => Url::clone(&of.base),
                };
                (uri, listed.range)
            }
        };
        Ok(Resource { uri, range })
    }

    /// Where the initialization segment is.
    pub(super) fn init(&self, of: &Representation) -> Result<Option<Resource>, MpdError> {
        let Some((template, range)) = &self.init else {
            return Ok(None);
        };
        let uri = match template {
            Some(template) => resolve(&of.base, &expand(template, of, None)?)?,
            None => Url::clone(&of.base),
        };
        Ok(Some(Resource { uri, range: *range }))
    }

    fn has(&self, index: u64) -> bool {
        let number = self.start_number.saturating_add(index);
        let listed = match &self.media {
            Media::List(list) => index < list.len() as u64,
            _ => true,
        };
        listed && self.end_number.is_none_or(|end| number <= end)
    }

    /// Segments of one length without end, or a single one.
    fn implied(&self, end: Option<u64>) -> Run {
        let (duration, count) = match (self.duration, &self.media) {
            (Some(duration), Media::List(list)) => (duration, Some(list.len() as u64)),
            (Some(duration), _) => (duration, None),
            (None, _) => {
                let all = end.unwrap_or(u64::MAX / 4).saturating_sub(self.offset);
                (all.max(1), Some(1))
            }
        };
        Run {
            start: self.offset,
            duration,
            count,
        }
    }

    fn in_period(&self, ticks: u64) -> Duration {
        from_ticks(ticks.saturating_sub(self.offset), self.timescale)
    }
}

impl Representation {
    /// Its longest segment, as listed.
    pub fn longest_segment(&self) -> Option<Duration> {
        self.slots.longest()
    }
}

/// Replaces the identifiers of a template (5.3.9.4.4). `segment`: its number and time.
fn expand(
    template: &str,
    of: &Representation,
    segment: Option<(u64, u64)>,
) -> Result<String, MpdError> {
    let bad = || MpdError::Bad {
        what: "SegmentTemplate",
    };
    let mut text = String::new();
    let mut parts = template.split('$');
    text.push_str(parts.next().unwrap_or_default());
    while let Some(identifier) = parts.next() {
        let (name, format) = identifier.split_once('%').unwrap_or((identifier, "01d"));
        let number = match (name, segment) {
            ("" | "RepresentationID", _) => None,
            ("Bandwidth", _) => Some(of.bandwidth),
            ("Number", Some((number, _))) => Some(number),
            ("Time", Some((_, time))) => Some(time),
            _ => return Err(bad()),
        };
        match number {
            Some(number) => {
                let width = format.strip_suffix('d').ok_or_else(bad)?;
                let width: usize = width.parse().map_err(|_| bad())?;
                let width = width.min(MAX_WIDTH);
                let _ = write!(text, "{number:0width$}");
            }
            None if name.is_empty() => text.push('$'),
            None => text.push_str(&of.id),
        }
        if text.len() > MAX_URI {
            return Err(MpdError::UriTooLong);
        }
        text.push_str(parts.next().ok_or_else(bad)?);
    }
    Ok(text)
}

/// An absolute address.
pub(super) fn resolve(base: &Url, uri: &str) -> Result<Url, MpdError> {
    if uri.len() > MAX_URI {
        return Err(MpdError::UriTooLong);
    }
    let mut url = base.join(uri).map_err(|_| MpdError::BadUri)?;
    url.set_fragment(None);
    if url.as_str().len() > MAX_URI {
        return Err(MpdError::UriTooLong);
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(MpdError::BadUri);
    }
    Ok(url)
}
