//! The index of a file of segments (`sidx`, ISO/IEC 14496-12, 8.16.3).

use std::sync::Arc;

use super::error::MpdError;
use super::slots::{Listed, Media, Run, Slots};
use crate::hls::ByteRange;

/// The segments of a representation whose index is `data`, which lies at `at` in its file.
pub fn index(slots: &Slots, data: &[u8], at: u64) -> Result<Slots, MpdError> {
    let found = find(data).ok_or(MpdError::BadIndex)?;
    read(slots, found.0, at.saturating_add(found.1 as u64)).ok_or(MpdError::BadIndex)
}

/// The content of the index, and where what it counts from begins.
fn find(data: &[u8]) -> Option<(&[u8], usize)> {
    let mut at = 0;
    loop {
        let header = data.get(at..at + 8)?;
        let size = u32::from_be_bytes(header[..4].try_into().ok()?) as usize;
        if header[4..] == *b"sidx" {
            return Some((data.get(at + 8..at.checked_add(size)?)?, at + size));
        }
        at = at.checked_add(size.max(8))?;
    }
}

fn read(slots: &Slots, content: &[u8], anchor: u64) -> Option<Slots> {
    let mut fields = Fields(content);
    let version = fields.take(1)?;
    fields.take(3 + 4)?; // flags, reference_ID
    let timescale = fields.take(4).filter(|t| *t > 0)?;
    let width = if version == 0 { 4 } else { 8 };
    let (mut time, first) = (fields.take(width)?, fields.take(width)?);
    fields.take(2)?;
    let count = fields.take(2)?;
    let mut offset = anchor.checked_add(first)?;
    let (mut list, mut runs) = (Vec::new(), Vec::<Run>::new());
    for _ in 0..count {
        let size = fields.take(4)?;
        let duration = fields.take(4).filter(|d| *d > 0)?;
        fields.take(4)?; // stream access points
        let length = size & 0x7fff_ffff;
        if size != length || length == 0 {
            return None; // an index of indexes
        }
        let range = Some(ByteRange { offset, length });
        list.push(Listed { uri: None, range });
        match runs.last_mut() {
            Some(Run {
                duration: same,
                count: Some(count),
                ..
            }) if *same == duration => *count += 1,
            _ => runs.push(Run {
                start: time,
                duration,
                count: Some(1),
            }),
        }
        time = time.checked_add(duration)?;
        offset = offset.checked_add(length)?;
    }
    let offset = u128::from(slots.offset) * u128::from(timescale) / u128::from(slots.timescale);
    Some(Slots {
        timescale,
        offset: u64::try_from(offset).ok()?,
        timeline: Some(runs.into()),
        media: Media::List(Arc::from(list)),
        ..slots.clone()
    })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// A big-endian number of `bytes` bytes, at most 8.
    fn take(&mut self, bytes: usize) -> Option<u64> {
        let (field, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(field.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }
}
