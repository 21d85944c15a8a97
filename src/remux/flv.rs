//! FLV: files, and the tag bodies that RTMP sends (Adobe FLV specification 10.1, annex E; Enhanced RTMP 2).

use std::collections::VecDeque;

use super::audio::Aac;
use super::error::RemuxError;
use super::format::{Carriage, Event, Format, Found, Frame};
use super::mp4::Coding;
use super::nal::{Config, Family};
use crate::ts::{Codec, Kind};

/// Tag types.
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;
const FILE_HEADER: usize = 9;
const TAG_HEADER: usize = 11;

/// Ticks of 90 kHz in a millisecond.
const MILLISECOND: u64 = 90;

/// A track as its tags have described it.
#[derive(Clone, Debug, PartialEq)]
struct Track {
    format: Result<Format, String>,
    coding: Coding,
}

#[derive(Clone, Copy, Debug)]
enum State {
    File,
    Tag,
    Body {
        kind: u8,
        size: usize,
        timestamp: u32,
    },
    /// The size of the tag before, or more of a file header.
    Skip(usize),
}

/// Reads tags, whole or as bytes.
pub(super) struct Reader {
    state: State,
    buffer: Vec<u8>,
    /// Sound and pictures, in the order of the list of tracks.
    video: Option<Track>,
    audio: Option<Track>,
    /// Which kinds the header of the file promises.
    promised: Option<(bool, bool)>,
    /// At most two: tracks, and the frame that told of them.
    events: VecDeque<Event>,
    damaged: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            state: State::File,
            buffer: Vec::new(),
            video: None,
            audio: None,
            promised: None,
            events: VecDeque::new(),
            damaged: 0,
        }
    }
}

impl Reader {
    /// The next event, taking bytes from the front of `data`; `None` when more are needed.
    pub(super) fn next(&mut self, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let size = match self.state {
                State::File => FILE_HEADER,
                State::Tag => TAG_HEADER,
                State::Body { size, .. } | State::Skip(size) => size,
            };
            let missing = size.saturating_sub(self.buffer.len()).min(data.len());
            let (now, later) = data.split_at(missing);
            self.buffer.extend_from_slice(now);
            *data = later;
            if self.buffer.len() < size {
                return Ok(None);
            }
            let bytes = std::mem::take(&mut self.buffer);
            match self.state {
                State::File => self.file(&bytes)?,
                State::Tag => self.tag_header(&bytes)?,
                State::Skip(_) => self.state = State::Tag,
                State::Body {
                    kind, timestamp, ..
                } => {
                    self.state = State::Skip(4);
                    self.tag(kind, timestamp, &bytes);
                }
            }
        }
    }

    /// What is under way is dropped; a file may begin.
    pub(super) fn segment(&mut self) {
        self.state = State::File;
        self.buffer = Vec::new();
    }

    /// Tags that were damaged.
    pub(super) fn dropped(&self) -> u64 {
        self.damaged
    }

    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    fn file(&mut self, head: &[u8]) -> Result<(), RemuxError> {
        if !head.starts_with(b"FLV") {
            return Err(RemuxError::NotMedia("not an FLV file"));
        }
        self.promised = Some((head[4] & 1 != 0, head[4] & 4 != 0));
        let offset = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) as usize;
        if offset > 4096 {
            return Err(RemuxError::NotMedia("an FLV header of unbelievable length"));
        }
        self.state = State::Skip(offset.saturating_sub(FILE_HEADER) + 4);
        Ok(())
    }

    fn tag_header(&mut self, head: &[u8]) -> Result<(), RemuxError> {
        if head[0] & 0xc0 != 0 || !matches!(head[0] & 0x1f, AUDIO | VIDEO | SCRIPT) {
            return Err(RemuxError::NotMedia("not an FLV tag"));
        }
        if head[0] & 0x20 != 0 {
            return Err(RemuxError::Encrypted { scheme: None });
        }
        let size = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        self.state = State::Body {
            kind: head[0] & 0x1f,
            size: size as usize,
            timestamp: u32::from_be_bytes([head[7], head[4], head[5], head[6]]),
        };
        Ok(())
    }

    /// Reads the body of a tag; [`Reader::next`] then has what was found.
    pub(super) fn tag(&mut self, kind: u8, timestamp: u32, body: &[u8]) {
        let read = match kind {
            VIDEO => self.video(timestamp, body),
            AUDIO => self.audio(timestamp, body),
            _ => Ok(None),
        };
        match read {
            Ok(event) => self.events.extend(event),
            Err(Damaged) => self.damaged += 1,
        }
    }

    fn video(&mut self, timestamp: u32, body: &[u8]) -> Result<Option<Event>, Damaged> {
        let Some((&first, rest)) = body.split_first() else {
            return Ok(None); // sent to fill time
        };
        let key = first >> 4 & 7 == 1;
        if first >> 4 & 7 == 5 {
            return Ok(None); // a command to the player
        }
        let (codec, packet, rest) = if first & 0x80 != 0 {
            let (code, rest) = rest.split_first_chunk::<4>().ok_or(Damaged)?;
            let codec = match code {
                b"avc1" => Ok(Codec::H264),
                b"hvc1" => Ok(Codec::Hevc),
                other => Err(super::mp4::name(*other)),
            };
            let packet = match first & 0x0f {
                0 => Packet::Config,
                1 => Packet::Frame,
                3 => Packet::FrameAtOnce,
                6 | 7 => {
                    return Ok(
                        self.unsupported(Kind::Video, "enhanced RTMP multitrack video".into())
                    );
                }
                _ => return Ok(None),
            };
            (codec, packet, rest)
        } else {
            let codec = match first & 0x0f {
                7 => Ok(Codec::H264),
                12 => Ok(Codec::Hevc),
                2 => Err("sorenson h263"),
                3 | 6 => Err("screen video"),
                4 | 5 => Err("vp6"),
                _ => return Err(Damaged),
            };
            let codec = codec.map_err(str::to_owned);
            let (packet, rest) = match codec {
                Ok(_) => rest.split_first().ok_or(Damaged)?,
                Err(_) => (&1, rest),
            };
            let packet = match packet {
                0 => Packet::Config,
                1 => Packet::Frame,
                _ => return Ok(None),
            };
            (codec, packet, rest)
        };
        let codec = match codec {
            Ok(codec) => codec,
            Err(name) => return Ok(self.unsupported(Kind::Video, name)),
        };
        // The older form has a composition time in every packet, the enhanced one in frames only.
        let timed = first & 0x80 == 0 || packet == Packet::Frame;
        let (cts, rest) = if timed {
            let (b, rest) = rest.split_first_chunk::<3>().ok_or(Damaged)?;
            (i32::from_be_bytes([b[0], b[1], b[2], 0]) >> 8, rest)
        } else {
            (0, rest)
        };
        if packet == Packet::Config {
            let family = match codec {
                Codec::Hevc => Family::Hevc,
                _ => Family::Avc,
            };
            if rest.is_empty() {
                return Ok(None);
            }
            let config = Config::parse(family, rest).map_err(|_| Damaged)?;
            return Ok(self.describe(Kind::Video, Format::new(codec), Coding::Nal(config)));
        }
        let Some(Track {
            format: Ok(_),
            coding,
        }) = &self.video
        else {
            return Err(Damaged); // no configuration yet
        };
        if rest.is_empty() {
            return Ok(None);
        }
        let (data, key) = coding.unit(codec, rest.to_vec(), key).ok_or(Damaged)?;
        Ok(Some(Event::Frame(Frame {
            track: 0,
            dts: u64::from(timestamp) * MILLISECOND % crate::ts::WRAP,
            cts: i64::from(cts) * MILLISECOND.cast_signed(),
            duration: 0,
            key,
            data,
        })))
    }

    fn audio(&mut self, timestamp: u32, body: &[u8]) -> Result<Option<Event>, Damaged> {
        let Some((&first, rest)) = body.split_first() else {
            return Ok(None);
        };
        let (codec, config, rest) = match first >> 4 {
            10 => {
                let (&packet, rest) = rest.split_first().ok_or(Damaged)?;
                (Ok(Codec::Aac), packet == 0, rest)
            }
            2 | 14 => (Ok(Codec::Mp3), false, rest),
            9 => {
                let (code, rest) = rest.split_first_chunk::<4>().ok_or(Damaged)?;
                let codec = match code {
                    b"mp4a" => Ok(Codec::Aac),
                    b".mp3" => Ok(Codec::Mp3),
                    b"ac-3" => Ok(Codec::Ac3),
                    b"ec-3" => Ok(Codec::Eac3),
                    b"Opus" => Ok(Codec::Opus),
                    other => Err(super::mp4::name(*other)),
                };
                match first & 0x0f {
                    0 => (codec, true, rest),
                    1 => (codec, false, rest),
                    5 | 7 => {
                        let text = "enhanced RTMP multitrack audio".into();
                        return Ok(self.unsupported(Kind::Audio, text));
                    }
                    _ => return Ok(None),
                }
            }
            0 | 3 => (Err("pcm".into()), false, rest),
            1 => (Err("adpcm".into()), false, rest),
            4..=6 => (Err("nellymoser".into()), false, rest),
            7 | 8 => (Err("g711".into()), false, rest),
            11 => (Err("speex".into()), false, rest),
            _ => return Err(Damaged),
        };
        let codec = match codec {
            Ok(codec) => codec,
            Err(name) => return Ok(self.unsupported(Kind::Audio, name)),
        };
        if config {
            let (format, coding) = match codec {
                // ffmpeg sends an empty one when it copies ADTS, and the true one before the first frame.
                Codec::Aac if rest.is_empty() => return Ok(None),
                Codec::Aac => match Aac::parse(rest) {
                    Ok(aac) => (Format::new(codec), Coding::Aac(aac)),
                    Err(name) => return Ok(self.unsupported(Kind::Audio, name)),
                },
                // An OpusHead (RFC 7845, 5.1).
                Codec::Opus => (Format::opus(*rest.get(9).ok_or(Damaged)?), Coding::Opus),
                _ => return Ok(None),
            };
            return Ok(self.describe(Kind::Audio, format, coding));
        }
        if rest.is_empty() {
            return Ok(None);
        }
        let plain = matches!(codec, Codec::Mp3 | Codec::Ac3 | Codec::Eac3);
        if plain
            && self
                .audio
                .as_ref()
                .is_none_or(|t| t.format.as_ref().map(|f| f.codec) != Ok(codec))
        {
            // Without a configuration, the first frame tells of its track.
            let event = self.describe(Kind::Audio, Format::new(codec), Coding::Plain);
            self.events.extend(event);
        }
        let Some(Track {
            format: Ok(_),
            coding,
        }) = &self.audio
        else {
            return Err(Damaged);
        };
        let duration = coding.duration(rest);
        let (data, _) = coding.unit(codec, rest.to_vec(), true).ok_or(Damaged)?;
        Ok(Some(Event::Frame(Frame {
            track: 1,
            dts: u64::from(timestamp) * MILLISECOND % crate::ts::WRAP,
            cts: 0,
            duration,
            key: true,
            data,
        })))
    }

    fn describe(&mut self, kind: Kind, format: Format, coding: Coding) -> Option<Event> {
        let format = Ok(format);
        self.set(kind, Track { format, coding })
    }

    fn unsupported(&mut self, kind: Kind, name: String) -> Option<Event> {
        let (format, coding) = (Err(name), Coding::Plain);
        self.set(kind, Track { format, coding })
    }

    /// Notes a track; the list of all when that is news.
    fn set(&mut self, kind: Kind, track: Track) -> Option<Event> {
        let slot = if kind == Kind::Video {
            &mut self.video
        } else {
            &mut self.audio
        };
        let news = slot
            .as_ref()
            .is_none_or(|known| known.format != track.format);
        *slot = Some(track);
        news.then(|| self.tracks())
    }

    fn tracks(&self) -> Event {
        let (video, audio) = self.promised.unwrap_or((true, true));
        // An index for each kind, also while one of them is unknown.
        let found = |kind, track: &Option<Track>| Found {
            kind,
            carriage: match track {
                Some(Track {
                    format: Ok(format), ..
                }) => Carriage::Carried(format.clone()),
                Some(Track {
                    format: Err(name), ..
                }) => Carriage::Unsupported(name.clone()),
                None => Carriage::Absent,
            },
        };
        Event::Tracks {
            tracks: vec![
                found(Kind::Video, &self.video),
                found(Kind::Audio, &self.audio),
            ],
            complete: self.video.is_some() >= video && self.audio.is_some() >= audio,
        }
    }
}

/// A tag that breaks off or makes no sense.
struct Damaged;

/// What a packet of video holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packet {
    Config,
    Frame,
    /// Shown when it is decoded.
    FrameAtOnce,
}
