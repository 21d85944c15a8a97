//! The `moof` box: runs of samples (ISO/IEC 14496-12, 8.8).

use bytes::Bytes;

use super::boxes::{be32, be64, boxes, find, full, wide};
use super::movie::{Defaults, Movie, Track};
use super::table::Sample;

/// Samples of one track that lie one after the other.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Index in [`Movie::tracks`].
    pub(super) track: usize,
    next: Sample,
    left: u32,
    /// Four bytes for each flag of the run that is set, sample after sample.
    entries: Bytes,
    at: usize,
    flags: u32,
    first_flags: Option<u32>,
    defaults: Defaults,
}

/// Which fields each sample of a run has.
const DURATION: u32 = 0x100;
const SIZE: u32 = 0x200;
const FLAGS: u32 = 0x400;
const OFFSET: u32 = 0x800;
/// `sample_is_non_sync_sample`.
const NON_SYNC: u32 = 0x1_0000;

impl Run {
    /// Where the next sample begins, while there is one.
    pub(super) fn offset(&self) -> Option<u64> {
        (self.left > 0).then_some(self.next.offset)
    }

    /// Moves the whole run.
    pub(super) fn shift(&mut self, by: i64) {
        self.next.offset = self.next.offset.saturating_add_signed(by);
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        let mut field = |flag, default| {
            if self.flags & flag == 0 {
                return Some(default);
            }
            let value = be32(&self.entries, self.at);
            self.at += 4;
            value
        };
        let duration = field(DURATION, self.defaults.duration)?;
        let size = field(SIZE, self.defaults.size)?;
        let own = field(FLAGS, self.defaults.flags)?;
        let cts = field(OFFSET, 0)?;
        let flags = self.first_flags.take().unwrap_or(own);
        let sample = Sample {
            size,
            duration,
            cts: cts.cast_signed(),
            sync: flags & NON_SYNC == 0,
            ..self.next
        };
        self.next.offset = sample.offset.saturating_add(size.into());
        self.next.dts = sample.dts.saturating_add(duration.into());
        Some(sample)
    }

    fn parse(
        track: usize,
        trun: &Bytes,
        defaults: Defaults,
        base: u64,
        end: u64,
        dts: u64,
    ) -> Option<Self> {
        let (_, flags) = full(trun)?;
        let count = be32(trun, 4)?;
        let mut at = 8;
        let mut optional = |flag: u32| {
            if flags & flag == 0 {
                return Some(None);
            }
            at += 4;
            be32(trun, at - 4).map(Some)
        };
        let offset = match optional(1)? {
            Some(offset) => base.saturating_add_signed(offset.cast_signed().into()),
            None => end,
        };
        let first_flags = optional(4)?;
        let size = 4 * (flags & (DURATION | SIZE | FLAGS | OFFSET)).count_ones() as usize;
        let entries = trun.slice(at..);
        // Samples without fields of their own take no bytes here, but some in the media.
        let most = match entries.len().checked_div(size) {
            Some(whole) => whole as u32,
            None if defaults.size == 0 => 0,
            None => u32::MAX,
        };
        Some(Self {
            track,
            next: Sample {
                offset,
                size: 0,
                dts,
                duration: 0,
                cts: 0,
                sync: false,
            },
            left: count.min(most),
            entries,
            at: 0,
            flags,
            first_flags,
            defaults,
        })
    }

    /// Walks the run: where its data and its time end, and its earliest composition offset.
    fn survey(&self) -> (u64, u64, i32) {
        let mut run = self.clone();
        if run.flags & (DURATION | SIZE | OFFSET) == 0 {
            let count = u64::from(run.left);
            let of = |each: u32| count.saturating_mul(each.into());
            return (
                run.next.offset.saturating_add(of(run.defaults.size)),
                run.next.dts.saturating_add(of(run.defaults.duration)),
                0,
            );
        }
        let mut least = 0;
        while let Some(sample) = run.next() {
            least = least.min(sample.cts);
        }
        (run.next.offset, run.next.dts, least)
    }
}

/// The runs of a `moof` box that begins at `start` in the file, in the order of their data.
/// `true`: their places are absolute ones, which a segment cut out of its file does not have.
pub(super) fn parse(moof: &Bytes, start: u64, movie: &mut Movie) -> (Vec<Run>, bool) {
    let mut runs = Vec::new();
    let mut absolute = false;
    let mut end = start;
    for (kind, traf) in boxes(moof.clone()) {
        if kind != *b"traf" {
            continue;
        }
        let Some(tfhd) = find(&traf, *b"tfhd") else {
            continue;
        };
        let Some(head) = Head::parse(&tfhd) else {
            continue;
        };
        absolute |= head.base.is_some();
        let first = end == start;
        let base = match head.base {
            Some(base) => base,
            None if head.from_moof || first => start,
            None => end,
        };
        let index = movie.tracks.iter().position(|track| track.id == head.track);
        let mut track = index.map(|index| &mut movie.tracks[index]);
        let defaults = head.defaults(track.as_deref());
        let tfdt = find(&traf, *b"tfdt").and_then(|tfdt| wide(&tfdt, 4, full(&tfdt)?.0));
        let mut dts = tfdt.or(track.as_ref().map(|track| track.next)).unwrap_or(0);
        end = base;
        for (kind, trun) in boxes(traf) {
            if kind != *b"trun" {
                continue;
            }
            let Some(run) = Run::parse(index.unwrap_or(0), &trun, defaults, base, end, dts) else {
                continue;
            };
            let least;
            (end, dts, least) = run.survey();
            if let Some(track) = &mut track {
                track.lead = track.lead.max(-i64::from(least));
                track.next = dts;
                runs.push(run);
            }
        }
    }
    runs.sort_by_key(|run| run.next.offset);
    (runs, absolute)
}

/// A `tfhd` box.
struct Head {
    track: u32,
    base: Option<u64>,
    from_moof: bool,
    duration: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
}

impl Head {
    fn parse(tfhd: &Bytes) -> Option<Self> {
        let (_, flags) = full(tfhd)?;
        let mut at = 8;
        let base = if flags & 1 == 0 {
            None
        } else {
            at += 8;
            Some(be64(tfhd, 8)?)
        };
        let mut optional = |flag: u32| {
            if flags & flag == 0 {
                return Some(None);
            }
            at += 4;
            be32(tfhd, at - 4).map(Some)
        };
        optional(2)?; // sample_description_index
        Some(Self {
            track: be32(tfhd, 4)?,
            base,
            from_moof: flags & 0x2_0000 != 0,
            duration: optional(8)?,
            size: optional(0x10)?,
            flags: optional(0x20)?,
        })
    }

    fn defaults(&self, track: Option<&Track>) -> Defaults {
        let of_track = track.map(|track| track.defaults).unwrap_or_default();
        Defaults {
            duration: self.duration.unwrap_or(of_track.duration),
            size: self.size.unwrap_or(of_track.size),
            flags: self.flags.unwrap_or(of_track.flags),
        }
    }
}
