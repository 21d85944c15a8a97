//! The `moov` box: tracks, their codecs, tables and edit lists (ISO/IEC 14496-12, 8.2 to 8.8).

use bytes::Bytes;

use super::Coding;
use super::boxes::{be16, be32, boxes, find, full, wide};
use super::entry;
use super::table::Table;
use crate::remux::error::RemuxError;
use crate::remux::format::{Carriage, Format, Found};
use crate::ts::Kind;

/// Most tracks that are looked at.
const MOST_TRACKS: usize = 64;
/// Most tracks of sound that are carried.
const MOST_AUDIO: usize = 16;

/// A track that is carried.
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) scale: u32,
    pub(super) format: Format,
    pub(super) coding: Coding,
    /// Added to media time: what the edit list says.
    pub(super) shift: i64,
    /// Subtracted from decoding time, so that no sample is shown before it is decoded.
    pub(super) lead: i64,
    pub(super) defaults: Defaults,
    /// Where media time goes on when a fragment does not say.
    pub(super) next: u64,
    pub(super) table: Option<Table>,
    /// Its place in [`Movie::found`].
    pub(super) index: usize,
}

/// Of a `trex` box.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// What is carried of a movie.
pub(super) struct Movie {
    pub(super) tracks: Vec<Track>,
    pub(super) found: Vec<Found>,
}

impl Movie {
    /// Reads the content of a `moov` box: its first video and all audio tracks.
    pub(super) fn parse(moov: &Bytes) -> Result<Self, RemuxError> {
        let mut movie = Self {
            tracks: Vec::new(),
            found: Vec::new(),
        };
        let scale = find(moov, *b"mvhd").and_then(|mvhd| time_scale(&mvhd));
        let (mut video, mut audio) = (0, 0);
        let traks = boxes(moov.clone()).filter(|(kind, _)| kind == b"trak");
        for (_, trak) in traks.take(MOST_TRACKS) {
            let Some((kind, mdia)) = kind(&trak) else {
                continue;
            };
            let (count, most) = if kind == Kind::Video {
                (&mut video, 1)
            } else {
                (&mut audio, MOST_AUDIO)
            };
            if *count < most
                && movie
                    .track(&trak, &mdia, kind, scale.unwrap_or(1))?
                    .is_some()
            {
                *count += 1;
            }
        }
        for (kind, trex) in find(moov, *b"mvex").into_iter().flat_map(boxes) {
            let field = |at| be32(&trex, at).unwrap_or(0);
            if kind == *b"trex"
                && let Some(track) = movie.tracks.iter_mut().find(|track| track.id == field(4))
            {
                track.defaults = Defaults {
                    duration: field(12),
                    size: field(16),
                    flags: field(20),
                };
            }
        }
        Ok(movie)
    }

    fn track(
        &mut self,
        trak: &Bytes,
        mdia: &Bytes,
        kind: Kind,
        movie_scale: u32,
    ) -> Result<Option<()>, RemuxError> {
        let id = find(trak, *b"tkhd").and_then(|tkhd| {
            let (version, _) = full(&tkhd)?;
            be32(&tkhd, if version == 1 { 20 } else { 12 })
        });
        let mdhd = find(mdia, *b"mdhd");
        let scale = mdhd.as_ref().and_then(time_scale);
        let stbl = find(mdia, *b"minf").and_then(|minf| find(&minf, *b"stbl"));
        let (Some(id), Some(mdhd), Some(scale), Some(stbl)) = (id, mdhd, scale, stbl) else {
            return Ok(None);
        };
        // A cover picture is a video track of its own to some writers; it has no time.
        let Some(stsd) = find(&stbl, *b"stsd").filter(|_| scale > 0) else {
            return Ok(None);
        };
        let index = self.found.len();
        match entry::read(kind, &stsd)? {
            Err(codec) => self.found.push(Found {
                kind,
                carriage: Carriage::Unsupported(codec),
            }),
            Ok((format, coding)) => {
                let format = format.spoken(language(&mdhd).as_deref());
                self.found.push(Found {
                    kind,
                    carriage: Carriage::Carried(format.clone()),
                });
                let table = Table::parse(&stbl);
                self.tracks.push(Track {
                    id,
                    scale,
                    format,
                    coding,
                    shift: shift(trak, scale, movie_scale),
                    lead: table.as_ref().map_or(0, Table::lead),
                    defaults: Defaults::default(),
                    next: 0,
                    table,
                    index,
                });
            }
        }
        Ok(Some(()))
    }
}

/// What the track is for, and its `mdia` box.
fn kind(trak: &Bytes) -> Option<(Kind, Bytes)> {
    let mdia = find(trak, *b"mdia")?;
    let hdlr = find(&mdia, *b"hdlr")?;
    let kind = match hdlr.get(8..12)? {
        b"vide" => Kind::Video,
        b"soun" => Kind::Audio,
        _ => return None,
    };
    Some((kind, mdia))
}

/// Of an `mvhd` or `mdhd` box.
fn time_scale(head: &Bytes) -> Option<u32> {
    let (version, _) = full(head)?;
    be32(head, if version == 1 { 20 } else { 12 })
}

/// Three letters of five bits each.
fn language(mdhd: &Bytes) -> Option<String> {
    let (version, _) = full(mdhd)?;
    let packed = be16(mdhd, if version == 1 { 32 } else { 20 })?;
    let letter = |shift: u16| char::from(0x60 + (packed >> shift & 0x1f) as u8);
    Some([10, 5, 0].map(letter).iter().collect())
}

/// What an edit list adds to media time: empty edits at its start delay, the first real one says which
/// media time is shown then. Later edits are not followed.
fn shift(trak: &Bytes, scale: u32, movie_scale: u32) -> i64 {
    let Some(elst) = find(trak, *b"edts").and_then(|edts| find(&edts, *b"elst")) else {
        return 0;
    };
    let Some((version, _)) = full(&elst) else {
        return 0;
    };
    let wide_size = if version == 1 { 8 } else { 4 };
    let mut delay = 0_i128;
    // An edit takes 12 or 20 bytes; few are at the start of what is read.
    for at in (8..elst.len()).step_by(2 * wide_size + 4).take(64) {
        let (Some(duration), Some(time)) = (
            wide(&elst, at, version),
            wide(&elst, at + wide_size, version),
        ) else {
            break;
        };
        let empty = if version == 1 {
            time == u64::MAX
        } else {
            time == u64::from(u32::MAX)
        };
        if !empty {
            let shift = delay - i128::from(time);
            return i64::try_from(shift).unwrap_or(0);
        }
        delay += i128::from(duration) * i128::from(scale) / i128::from(movie_scale.max(1));
    }
    0
}
