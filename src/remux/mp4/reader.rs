//! Reads boxes as their bytes arrive, and cuts samples out of the media between them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::boxes::{FourCc, header};
use super::fragment::{self, Run};
use super::movie::Movie;
use super::table::{Sample, Table};
use crate::remux::error::RemuxError;
use crate::remux::format::{self, Event, Frame};
use crate::remux::{MOST_SAMPLE, Need};

/// Largest index of a file: some hours of a film.
const MOST_MOOV: u64 = 32 << 20;
/// Largest index of a fragment.
const MOST_MOOF: u64 = 4 << 20;
/// Samples that may lie where they can't be read before the file is given up.
const MOST_LOST: u64 = 1 << 20;

#[derive(Debug)]
enum State {
    Header,
    /// A box that is read as a whole, its header included.
    Collect(FourCc, u64),
    Skip(u64),
    /// Media up to a place in the file.
    Media(u64),
    /// Nothing here is of use: the bytes that are needed stand elsewhere.
    Elsewhere,
}

/// See the module's page.
pub(in crate::remux) struct Reader {
    /// Of the next byte, in the file or segment.
    position: u64,
    state: State,
    buffer: Vec<u8>,
    /// The movie and the bytes that it was read from.
    movie: Option<(Bytes, Movie)>,
    /// The rest of each track's table, with its next sample.
    tables: Vec<(usize, Sample, Table)>,
    runs: VecDeque<Run>,
    absolute: bool,
    ahead: Option<(usize, Sample)>,
    wanted: Option<u64>,
    lost: u64,
    damaged: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            position: 0,
            state: State::Header,
            buffer: Vec::new(),
            movie: None,
            tables: Vec::new(),
            runs: VecDeque::new(),
            absolute: false,
            ahead: None,
            wanted: None,
            lost: 0,
            damaged: 0,
        }
    }
}

impl Reader {
    /// The next event, taking bytes from the front of `data`; `None` when more are needed.
    pub(in crate::remux) fn next(&mut self, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        while !data.is_empty() {
            let event = match self.state {
                State::Header => self.header(data)?,
                State::Collect(kind, size) => self.collect(kind, size, data)?,
                State::Skip(left) => {
                    let rest = left - self.skip(left, data);
                    self.state = if rest == 0 {
                        State::Header
                    } else {
                        State::Skip(rest)
                    };
                    None
                }
                State::Media(end) => self.media(end, data)?,
                State::Elsewhere => return Err(RemuxError::IndexAtEnd),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// A segment begins: what is under way is dropped.
    pub(in crate::remux) fn segment(&mut self) {
        self.state = State::Header;
        self.position = 0;
        self.buffer = Vec::new();
        self.lost += u64::from(self.ahead.take().is_some());
        self.runs.clear();
        self.wanted = None;
    }

    /// The next bytes are those from `offset` on.
    pub(in crate::remux) fn seek(&mut self, offset: u64) {
        self.buffer.clear();
        self.position = offset;
        self.wanted = None;
        self.state = if self.plans() {
            State::Media(u64::MAX)
        } else {
            State::Header
        };
    }

    /// Where to read on.
    pub(in crate::remux) fn need(&self) -> Need {
        match (self.wanted, &self.movie) {
            (Some(offset), _) => Need::From(offset),
            (None, Some((_, movie)))
                if !self.plans() && movie.tracks.iter().any(|t| t.table.is_some()) =>
            {
                Need::Done
            }
            _ => Need::Next,
        }
    }

    /// Samples that were dropped: out of reach, or damaged.
    pub(in crate::remux) fn dropped(&self) -> u64 {
        self.lost + self.damaged
    }

    /// Bytes that are held.
    pub(in crate::remux) fn held(&self) -> usize {
        self.buffer.len() + self.movie.as_ref().map_or(0, |(bytes, _)| bytes.len())
    }

    /// Whether samples of the file's own index are still to be read.
    fn plans(&self) -> bool {
        !self.tables.is_empty() || self.ahead.is_some()
    }

    fn skip(&mut self, most: u64, data: &mut &[u8]) -> u64 {
        let count = most.min(data.len() as u64);
        *data = &data[count as usize..];
        self.position += count;
        count
    }

    /// Moves bytes to the buffer until it holds `size`; whether it does.
    fn gather(&mut self, size: usize, data: &mut &[u8]) -> bool {
        let missing = size.saturating_sub(self.buffer.len()).min(data.len());
        let (now, later) = data.split_at(missing);
        self.buffer.extend_from_slice(now);
        self.position += missing as u64;
        *data = later;
        self.buffer.len() >= size
    }

    fn header(&mut self, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        let size = if self.buffer.starts_with(&[0, 0, 0, 1]) {
            16
        } else {
            8
        };
        if !self.gather(size, data) {
            return Ok(None);
        }
        let Some((size, kind, head)) = header(&self.buffer) else {
            return Ok(None); // a long header, of which the rest is to be gathered
        };
        let known = kind.iter().all(|&byte| matches!(byte, b' '..=b'~' | 0xa9));
        if !known || (size != 0 && size < head as u64) {
            return Err(RemuxError::NotMedia("not a box of an MP4 file"));
        }
        let rest = match size {
            0 => u64::MAX - self.position,
            size => size - head as u64,
        };
        let limit = match &kind {
            b"moov" => MOST_MOOV,
            b"moof" => MOST_MOOF,
            b"mdat" => {
                self.buffer.clear();
                return self.begin_media(rest, data);
            }
            _ => {
                self.buffer.clear();
                self.state = State::Skip(rest);
                if rest == 0 {
                    self.state = State::Header;
                }
                return Ok(None);
            }
        };
        if size == 0 || size > limit {
            return Err(RemuxError::Limit("the index of an MP4 file"));
        }
        self.state = State::Collect(kind, size);
        // An empty box is complete already.
        self.collect(kind, size, data)
    }

    fn collect(
        &mut self,
        kind: FourCc,
        size: u64,
        data: &mut &[u8],
    ) -> Result<Option<Event>, RemuxError> {
        if !self.gather(size as usize, data) {
            return Ok(None);
        }
        let whole = Bytes::from(std::mem::take(&mut self.buffer));
        let head = header(&whole).map_or(8, |(_, _, head)| head);
        let content = whole.slice(head..);
        self.state = State::Header;
        if kind == *b"moov" {
            return self.on_movie(content, data).map(Some);
        }
        if let Some((_, movie)) = &mut self.movie {
            self.lost += u64::from(self.ahead.take().is_some());
            let (runs, absolute) = fragment::parse(&content, self.position - size, movie);
            (self.runs, self.absolute) = (runs.into(), absolute);
        }
        Ok(None)
    }

    fn on_movie(&mut self, moov: Bytes, data: &mut &[u8]) -> Result<Event, RemuxError> {
        // The same again must not forget what fragments told.
        if self.movie.as_ref().is_none_or(|(known, _)| *known != moov) {
            let movie = Movie::parse(&moov)?;
            self.movie = Some((moov, movie));
        }
        let movie = self.movie.as_ref().map(|(_, movie)| movie);
        let movie = movie.ok_or(RemuxError::NotMedia("no movie"))?;
        let tracks = movie.found.clone();
        self.tables.clear();
        (self.ahead, self.wanted) = (None, None);
        for (index, track) in movie.tracks.iter().enumerate() {
            if let Some(mut table) = track.table.clone()
                && let Some(first) = table.next()
            {
                self.tables.push((index, first, table));
            }
        }
        let first = self.tables.iter().map(|(_, next, _)| next.offset).min();
        if let Some(first) = first.filter(|&first| first < self.position) {
            self.elsewhere(first, data);
        }
        Ok(Event::Tracks {
            tracks,
            complete: true,
        })
    }

    fn elsewhere(&mut self, offset: u64, data: &mut &[u8]) {
        self.wanted = Some(offset);
        self.state = State::Elsewhere;
        *data = &[];
    }

    fn begin_media(&mut self, rest: u64, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        let end = self.position.saturating_add(rest);
        if self.movie.is_none() {
            if end == u64::MAX {
                return Err(RemuxError::IndexAtEnd);
            }
            self.elsewhere(end, data);
            return Ok(None);
        }
        self.state = State::Media(end);
        if let Some(first) = self.runs.front().and_then(Run::offset)
            && self.absolute
            && !(self.position..end).contains(&first)
        {
            let by = self.position.wrapping_sub(first).cast_signed();
            self.runs.iter_mut().for_each(|run| run.shift(by));
        }
        if rest == 0 {
            self.state = State::Header;
        }
        Ok(None)
    }

    fn media(&mut self, end: u64, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        loop {
            let at = self.position - self.buffer.len() as u64;
            let sample = self.ahead().filter(|(_, sample)| sample.offset < end);
            let Some((track, sample)) = sample else {
                self.skip(end - self.position, data);
                if self.position == end {
                    self.state = State::Header;
                }
                return Ok(None);
            };
            let behind = sample.offset < at;
            if behind || end - sample.offset < u64::from(sample.size) {
                self.ahead = None;
                self.lost += 1;
                if self.lost > MOST_LOST {
                    return Err(RemuxError::Limit("samples that cannot be reached"));
                }
                continue;
            }
            if sample.size as usize > MOST_SAMPLE {
                return Err(RemuxError::Limit("the size of a frame"));
            }
            if at < sample.offset {
                self.skip(sample.offset - at, data);
                if self.position < sample.offset {
                    return Ok(None);
                }
            }
            if !self.gather(sample.size as usize, data) {
                return Ok(None);
            }
            self.ahead = None;
            if self.position == end {
                self.state = State::Header;
            }
            let bytes = std::mem::take(&mut self.buffer);
            if let Some(frame) = self.frame(track, &sample, bytes) {
                return Ok(Some(Event::Frame(frame)));
            }
            self.damaged += 1;
            if self.position == end {
                return Ok(None);
            }
        }
    }

    /// The next sample in the order of the file.
    fn ahead(&mut self) -> Option<(usize, Sample)> {
        while self.ahead.is_none() {
            if let Some(run) = self.runs.front_mut() {
                match run.next() {
                    Some(sample) => self.ahead = Some((run.track, sample)),
                    None => drop(self.runs.pop_front()),
                }
                continue;
            }
            let tables = self.tables.iter().enumerate();
            let (nearest, _) = tables.min_by_key(|(_, (_, next, _))| next.offset)?;
            let (track, next, table) = &mut self.tables[nearest];
            self.ahead = Some((*track, *next));
            match table.next() {
                Some(sample) => *next = sample,
                None => drop(self.tables.swap_remove(nearest)),
            }
        }
        self.ahead
    }

    fn frame(&self, track: usize, sample: &Sample, bytes: Vec<u8>) -> Option<Frame> {
        let (_, movie) = self.movie.as_ref()?;
        let track = movie.tracks.get(track)?;
        let media = i128::from(sample.dts) + i128::from(track.shift);
        let decoded = media - i128::from(track.lead);
        let composed = i64::from(sample.cts) + track.lead;
        // Both are rounded alike, so that equal times stay equal.
        let rest = (decoded.rem_euclid(i128::from(track.scale)) as i64).saturating_add(composed);
        let from = decoded.rem_euclid(i128::from(track.scale)) as i64;
        let cts = format::span(rest, track.scale) - format::span(from, track.scale);
        let duration = match sample.duration {
            0 => track.coding.duration(&bytes),
            ticks => format::span(ticks.into(), track.scale),
        };
        let (data, key) = track.coding.unit(track.format.codec, bytes, sample.sync)?;
        Some(Frame {
            track: track.index,
            dts: format::ticks(decoded, track.scale),
            cts,
            duration,
            key,
            data,
        })
    }
}
