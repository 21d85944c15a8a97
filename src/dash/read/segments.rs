//! `SegmentTemplate`, `SegmentList` and `SegmentBase` (5.3.9): each may stand on three levels, and takes over what the
//! level above says.

use std::sync::Arc;

use super::Reader;
use crate::dash::error::MpdError;
use crate::dash::slots::{Listed, Media, Run, Slots};
use crate::dash::xml::Element;
use crate::hls::ByteRange;

impl<'x> Reader<'x, '_> {
    /// Takes in one of the three; passes over anything else.
    pub(super) fn slots_or_skip(
        &mut self,
        element: &Element<'x>,
        slots: &mut Slots,
    ) -> Result<(), MpdError> {
        match element.name() {
            "SegmentTemplate" => {
                if let Some(media) = element.get("media") {
                    self.charge(media.len())?;
                    slots.media = Media::Template(Arc::from(&*media));
                }
                if let Some(init) = element.get("initialization") {
                    self.charge(init.len())?;
                    slots.init = Some((Some(Arc::from(&*init)), None));
                }
            }
            "SegmentBase" => {
                slots.media = match element.get("indexRange") {
                    Some(text) => Media::Indexed(range(&text, "indexRange")?),
                    None => Media::Whole,
                };
            }
            "SegmentList" => {}
            _ => return self.xml.skip(element),
        }
        if let Some(timescale) = element.number("timescale") {
            slots.timescale = timescale.max(1);
        }
        slots.offset = element
            .number("presentationTimeOffset")
            .unwrap_or(slots.offset);
        slots.start_number = element.number("startNumber").unwrap_or(slots.start_number);
        slots.end_number = element.number("endNumber").or(slots.end_number);
        slots.duration = element
            .number("duration")
            .filter(|d| *d > 0)
            .or(slots.duration);
        let is_list = element.name() == "SegmentList";
        let mut list = Vec::new();
        while let Some(child) = self.xml.child(element)? {
            match child.name() {
                "Initialization" => {
                    slots.init = Some(self.address(&child, "sourceURL", "range")?);
                    self.xml.skip(&child)?;
                }
                "SegmentTimeline" => slots.timeline = Some(self.timeline(&child)?),
                "SegmentURL" if is_list => {
                    self.count()?;
                    let (uri, range) = self.address(&child, "media", "mediaRange")?;
                    let uri = uri.map(|uri| Box::from(&*uri));
                    list.push(Listed { uri, range });
                    self.xml.skip(&child)?;
                }
                _ => self.xml.skip(&child)?,
            }
        }
        if is_list && (!list.is_empty() || !matches!(slots.media, Media::List(_))) {
            slots.media = Media::List(list.into());
        }
        Ok(())
    }

    /// `SegmentTimeline` (5.3.9.6). Where runs overlap, the later one counts from its start on.
    fn timeline(&mut self, element: &Element<'x>) -> Result<Arc<[Run]>, MpdError> {
        let mut runs: Vec<Run> = Vec::new();
        while let Some(child) = self.xml.child(element)? {
            if child.name() == "S" {
                self.count()?;
                let end = runs.last().map_or(Some(0), Run::end);
                let start = child.number("t").or(end);
                let start = start.ok_or(MpdError::Bad { what: "timeline" })?;
                append(&child, start, &mut runs);
            }
            self.xml.skip(&child)?;
        }
        Ok(runs.into())
    }

    fn address(
        &mut self,
        element: &Element<'x>,
        uri: &str,
        range_name: &'static str,
    ) -> Result<(Option<Arc<str>>, Option<ByteRange>), MpdError> {
        let uri = element.get(uri).map(|uri| Arc::<str>::from(&*uri));
        self.charge(uri.as_deref().map_or(0, str::len))?;
        let text = element.get(range_name);
        let range = text.map(|text| range(&text, range_name)).transpose()?;
        Ok((uri, range))
    }

    fn count(&mut self) -> Result<(), MpdError> {
        self.segments += 1;
        let limit = self.limits.segments;
        if self.segments > limit {
            let what = "segments";
            return Err(MpdError::TooMany { what, limit });
        }
        Ok(())
    }
}

/// Appends an `S` that begins at `start`.
fn append(child: &Element<'_>, start: u64, runs: &mut Vec<Run>) {
    let Some(duration) = child.number("d").filter(|d| *d > 0) else {
        return;
    };
    if let Some(before) = runs.last_mut() {
        if start <= before.start {
            return;
        }
        // One that repeats until something follows does so until here.
        let room = (start - before.start).div_ceil(before.duration);
        before.count = Some(before.count.map_or(room, |count| count.min(room)));
    }
    let repeats = child.get("r").map(|r| r.trim().parse::<i64>().unwrap_or(0));
    let count = match repeats.unwrap_or(0) {
        repeats if repeats < 0 => None,
        repeats => Some(repeats.unsigned_abs() + 1),
    };
    runs.push(Run {
        start,
        duration,
        count,
    });
}

/// `first-last`, both included.
fn range(text: &str, what: &'static str) -> Result<ByteRange, MpdError> {
    let read = || {
        let (first, last) = text.trim().split_once('-')?;
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        let length = last.checked_sub(first)?.checked_add(1)?;
        first.checked_add(length)?;
        Some(ByteRange {
            offset: first,
            length,
        })
    };
    read().ok_or(MpdError::Bad { what })
}
