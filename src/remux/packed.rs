//! Packed audio (RFC 8216, 3.4): frames of sound one after the other, with a time in an ID3 tag.

use super::audio::{self, HEADER, Header};
use super::error::RemuxError;
use super::format::{Carriage, Event, Format, Found, Frame, ticks};
use crate::ts::{Codec, Kind, WRAP};

/// Whose private frame of an ID3 tag has the time.
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
const ID3_HEADER: usize = 10;
/// How much of an ID3 tag is looked at; pictures behind it are skipped.
const MOST_TAG: usize = 16 << 10;
/// Bytes without a frame before the input is taken for something else.
const MOST_JUNK: usize = 256 << 10;

/// See the module's page.
#[derive(Default)]
pub(super) struct Reader {
    /// What has not been used up: less than a tag's head and two frames.
    buffer: Vec<u8>,
    /// Bytes of a tag still to be skipped.
    skip: usize,
    /// The last bytes read were a frame, so that the next header is believed.
    synced: bool,
    junk: usize,
    codec: Option<Codec>,
    /// Time counts in samples from the last that was given.
    base: u64,
    rate: u32,
    samples: u64,
    dropped: u64,
}

/// What stands at the start of the buffer.
enum Step {
    More,
    /// Nothing that is known.
    Junk,
    Tag(usize),
    Frame(Header),
}

impl Reader {
    /// The next event, taking bytes from the front of `data`; `None` when more are needed.
    pub(super) fn next(&mut self, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        loop {
            let skipped = self.skip.min(data.len());
            self.skip -= skipped;
            *data = &data[skipped..];
            match self.step(false) {
                Step::More => {
                    if data.is_empty() {
                        return Ok(None);
                    }
                    // A little at a time: what is held stays small whatever is pushed.
                    let (now, later) = data.split_at(data.len().min(4096));
                    self.buffer.extend_from_slice(now);
                    *data = later;
                }
                Step::Junk => {
                    self.buffer.remove(0);
                    self.synced = false;
                    self.junk += 1;
                    if self.junk > MOST_JUNK {
                        return Err(RemuxError::NotMedia("no frames of sound"));
                    }
                    let next = (self.buffer.iter())
                        .position(|byte| matches!(byte, 0xff | 0x0b | b'I'))
                        .unwrap_or(self.buffer.len());
                    self.junk += next;
                    self.buffer.drain(..next);
                }
                Step::Tag(size) => self.tag(size),
                Step::Frame(header) => return Ok(Some(self.frame(&header))),
            }
        }
    }

    /// No more comes of this segment: a last frame is believed without another behind it.
    pub(super) fn flush(&mut self) -> Option<Event> {
        match self.step(true) {
            Step::Frame(header) if self.buffer.len() >= header.size => Some(self.frame(&header)),
            _ => None,
        }
    }

    /// A segment begins.
    pub(super) fn segment(&mut self) {
        self.dropped += u64::from(!self.buffer.is_empty());
        self.buffer = Vec::new();
        (self.skip, self.synced, self.junk) = (0, false, 0);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    fn step(&self, ended: bool) -> Step {
        let data = &self.buffer[..];
        let short = |size: usize| data.len() < size && !ended;
        if data.is_empty() || short(ID3_HEADER) {
            return Step::More;
        }
        if data.starts_with(b"ID3") {
            let Some(head) = data.first_chunk::<ID3_HEADER>() else {
                return Step::More;
            };
            let size = head[6..]
                .iter()
                .fold(0_usize, |n, &b| n << 7 | usize::from(b & 0x7f));
            let footer = if head[5] & 0x10 != 0 { ID3_HEADER } else { 0 };
            let size = ID3_HEADER + size + footer;
            return if short(size.min(MOST_TAG)) {
                Step::More
            } else {
                Step::Tag(size)
            };
        }
        let Some(header) = audio::header(data) else {
            return Step::Junk;
        };
        if self.codec.is_some_and(|codec| codec != header.codec) && !self.synced {
            return Step::Junk; // a look-alike within a frame
        }
        // Out of step, a header is believed when another follows its frame.
        let needed = header.size + if self.synced { 0 } else { HEADER };
        if short(needed) {
            return Step::More;
        }
        let next = data.get(header.size..).unwrap_or_default();
        let follows = next.len() < HEADER
            || next.starts_with(b"ID3")
            || audio::header(next).is_some_and(|next| next.codec == header.codec);
        if self.synced || follows {
            Step::Frame(header)
        } else {
            Step::Junk
        }
    }

    fn tag(&mut self, size: usize) {
        let here = size.min(self.buffer.len());
        if let Some(time) = timestamp(&self.buffer[..here]) {
            (self.base, self.samples) = (time, 0);
        }
        self.buffer.drain(..here);
        self.skip = size - here;
        self.synced = !self.buffer.is_empty() && self.synced;
    }

    fn frame(&mut self, header: &Header) -> Event {
        if self.codec != Some(header.codec) {
            // The frame stays: it comes after its track.
            self.codec = Some(header.codec);
            return Event::Tracks {
                tracks: vec![Found {
                    kind: Kind::Audio,
                    carriage: Carriage::Carried(Format::new(header.codec)),
                }],
                complete: true,
            };
        }
        (self.synced, self.junk) = (true, 0);
        if self.rate != header.rate {
            self.base = self.time(0);
            (self.rate, self.samples) = (header.rate, 0);
        }
        let size = header.size.min(self.buffer.len());
        let rest = self.buffer.split_off(size);
        let data = std::mem::replace(&mut self.buffer, rest);
        let dts = self.time(0);
        let duration = (self.time(header.samples) + WRAP - dts) % WRAP;
        self.samples += u64::from(header.samples);
        Event::Frame(Frame {
            track: 0,
            dts,
            cts: 0,
            duration: duration.cast_signed(),
            key: true,
            data,
        })
    }

    fn time(&self, after: u32) -> u64 {
        let samples = self.samples + u64::from(after);
        (self.base + ticks(samples.into(), self.rate.max(1))) % WRAP
    }
}

/// The time in an ID3 tag: 33 bits of 90 kHz, in a private frame (ID3 2.4, 4.27) of 8 bytes.
fn timestamp(tag: &[u8]) -> Option<u64> {
    let at = tag.windows(OWNER.len()).position(|w| w == OWNER)?;
    let bytes = tag.get(at + OWNER.len()..)?.first_chunk()?;
    Some(u64::from_be_bytes(*bytes) & (WRAP - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tag with a time, then frames of 32 bytes at 48 kHz.
    pub(crate) fn segment(time: u64, frames: usize) -> Vec<u8> {
        let body = [OWNER, &time.to_be_bytes()].concat();
        let size = body.len() as u8;
        let mut out = vec![b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, size + 10];
        out.extend([b'P', b'R', b'I', b'V', 0, 0, 0, size, 0, 0]);
        out.extend(body);
        for _ in 0..frames {
            out.extend([0xff, 0xf1, 0x4c, 0x80, 0x04, 0x1f, 0xfc]);
            out.extend([0x21; 25]);
        }
        out
    }

    fn read(reader: &mut Reader, input: &[u8], slice: usize) -> Vec<(u64, i64, usize)> {
        let mut out = Vec::new();
        let mut take = |event| {
            if let Event::Frame(frame) = event {
                out.push((frame.dts, frame.duration, frame.data.len()));
            }
        };
        for mut part in input.chunks(slice) {
            while let Some(event) = reader.next(&mut part).unwrap() {
                take(event);
            }
        }
        while let Some(event) = reader.flush() {
            take(event);
        }
        out
    }

    #[test]
    fn frames_are_timed_from_the_tag() {
        let input = [segment(WRAP - 1920, 3), segment(90_000, 2)].concat();
        for slice in [1, 10, 33, 1000] {
            let frames = read(&mut Reader::default(), &input, slice);
            let times: Vec<u64> = frames.iter().map(|frame| frame.0).collect();
            assert_eq!(times, [WRAP - 1920, 0, 1920, 90_000, 91_920], "{slice}");
            assert!(frames.iter().all(|frame| frame.1 == 1920 && frame.2 == 32));
        }
    }

    #[test]
    fn without_a_tag_time_goes_on() {
        let mut reader = Reader::default();
        let bare = &segment(0, 2)[73..];
        assert!(bare.starts_with(&[0xff]), "{bare:?}");
        assert_eq!(read(&mut reader, bare, 7).last().unwrap().0, 1920);
        reader.segment();
        assert_eq!(read(&mut reader, bare, 7)[0].0, 3840);
    }

    #[test]
    fn junk_is_skipped_and_too_much_of_it_an_error() {
        let mut input = vec![0xff; 50];
        input.extend(&segment(0, 2)[73..]);
        input.extend([7; 40]);
        input.extend(&segment(0, 3)[73..]);
        assert_eq!(read(&mut Reader::default(), &input, 16).len(), 5);
        let mut reader = Reader::default();
        assert!(reader.next(&mut &vec![0xff; MOST_JUNK * 2][..]).is_err());
    }
}
