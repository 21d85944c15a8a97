//! The sample tables of a track (ISO/IEC 14496-12, 8.6 and 8.7), walked sample by sample in file order
//! as it is written: chunk after chunk.

use bytes::Bytes;

use super::boxes::{be32, be64, find};

/// Where a sample lies, and when it is decoded and shown, in its track's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) dts: u64,
    pub(super) duration: u32,
    pub(super) cts: i32,
    pub(super) sync: bool,
}

/// Runs of (count, value) as `stts` and `ctts` have them.
#[derive(Clone, Debug)]
struct Runs {
    entries: Bytes,
    at: usize,
    left: u32,
    value: u32,
}

impl Runs {
    fn new(table: &Bytes) -> Self {
        Self {
            entries: entries(table, 8),
            at: 0,
            left: 0,
            value: 0,
        }
    }

    /// The value of the next sample; the last one goes on when the table ends early.
    fn next(&mut self) -> u32 {
        while self.left == 0 {
            let (Some(count), Some(value)) = (
                be32(&self.entries, self.at),
                be32(&self.entries, self.at + 4),
            ) else {
                return self.value;
            };
            (self.left, self.value) = (count, value);
            self.at += 8;
        }
        self.left -= 1;
        self.value
    }
}

/// A walk over all samples of a track.
#[derive(Clone, Debug)]
pub(super) struct Table {
    durations: Runs,
    offsets: Option<Runs>,
    /// Numbers of samples that can be started at, ascending; `None`: all.
    syncs: Option<Bytes>,
    sync_at: usize,
    /// One size for all, or 4 bytes for each.
    fixed_size: u32,
    sizes: Bytes,
    count: u32,
    /// Chunks: (first chunk, samples in each, description).
    layout: Bytes,
    layout_at: usize,
    chunks: Bytes,
    chunk_bytes: usize,
    chunk: u32,
    left_in_chunk: u32,
    offset: u64,
    /// The next sample.
    number: u32,
    dts: u64,
}

impl Table {
    /// Reads an `stbl` box; `None` when it lists no samples, as in fragmented files.
    pub(super) fn parse(stbl: &Bytes) -> Option<Self> {
        let (durations, sizes) = (find(stbl, *b"stts")?, find(stbl, *b"stsz")?);
        let (chunks, chunk_bytes) = match find(stbl, *b"stco") {
            Some(chunks) => (chunks, 4),
            None => (find(stbl, *b"co64")?, 8),
        };
        let fixed_size = be32(&sizes, 4)?;
        let mut count = be32(&sizes, 8)?;
        let sizes = if fixed_size == 0 {
            sizes.slice(12..)
        } else {
            Bytes::new()
        };
        if fixed_size == 0 {
            count = count.min((sizes.len() / 4) as u32);
        }
        (count > 0).then_some(())?;
        Some(Self {
            durations: Runs::new(&durations),
            offsets: find(stbl, *b"ctts").map(|ctts| Runs::new(&ctts)),
            syncs: find(stbl, *b"stss").map(|stss| entries(&stss, 4)),
            sync_at: 0,
            fixed_size,
            sizes,
            count,
            layout: entries(&find(stbl, *b"stsc")?, 12),
            layout_at: 0,
            chunks: entries(&chunks, chunk_bytes),
            chunk_bytes,
            chunk: 0,
            left_in_chunk: 0,
            offset: 0,
            number: 0,
            dts: 0,
        })
    }

    /// How far the earliest composition lies before decoding: 0 where none does.
    pub(super) fn lead(&self) -> i64 {
        let Some(runs) = &self.offsets else { return 0 };
        let values = (0..runs.entries.len() / 8).filter_map(|i| be32(&runs.entries, i * 8 + 4));
        let least = values.map(u32::cast_signed).min().unwrap_or(0);
        -i64::from(least.min(0))
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> Option<Sample> {
        if self.number >= self.count {
            return None;
        }
        while self.left_in_chunk == 0 {
            self.next_chunk()?;
        }
        self.left_in_chunk -= 1;
        let size = if self.fixed_size > 0 {
            self.fixed_size
        } else {
            be32(&self.sizes, self.number as usize * 4)?
        };
        self.number += 1;
        let duration = self.durations.next();
        let sample = Sample {
            offset: self.offset,
            size,
            dts: self.dts,
            duration,
            cts: self.offsets.as_mut().map_or(0, |o| o.next().cast_signed()),
            sync: self.sync(),
        };
        self.offset = self.offset.saturating_add(size.into());
        self.dts = self.dts.saturating_add(duration.into());
        Some(sample)
    }

    fn next_chunk(&mut self) -> Option<()> {
        let at = self.chunk as usize * self.chunk_bytes;
        self.offset = if self.chunk_bytes == 8 {
            be64(&self.chunks, at)?
        } else {
            be32(&self.chunks, at)?.into()
        };
        self.chunk += 1;
        while be32(&self.layout, self.layout_at + 12).is_some_and(|first| first <= self.chunk) {
            self.layout_at += 12;
        }
        self.left_in_chunk = be32(&self.layout, self.layout_at + 4)?;
        Some(())
    }

    /// Whether the sample whose number was just counted is one to start at.
    fn sync(&mut self) -> bool {
        let Some(syncs) = &self.syncs else {
            return true;
        };
        while let Some(number) = be32(syncs, self.sync_at) {
            if number >= self.number {
                return number == self.number;
            }
            self.sync_at += 4;
        }
        false
    }
}

/// The entries of a table behind version, flags and count: as many as it counts and has.
fn entries(table: &Bytes, size: usize) -> Bytes {
    let count = be32(table, 4).unwrap_or(0) as usize;
    let whole = table.len().saturating_sub(8) / size;
    let length = count.min(whole) * size;
    table.slice(table.len().min(8)..table.len().min(8) + length)
}
