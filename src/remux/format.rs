//! How a track is announced in the map, and the units that readers hand over.

use crate::ts::{Codec, Kind, Listed, WRAP};

use super::language;

/// What a PMT says about a track, but for its PID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) codec: Codec,
    pub(super) stream_type: u8,
    pub(super) stream_id: u8,
    pub(super) descriptors: Vec<u8>,
    /// ISO 639-2 code.
    pub(super) language: Option<String>,
}

impl Format {
    /// The usual announcement of a codec: ISO/IEC 13818-1 table 2-34, and ATSC A/53 for AC-3 and E-AC-3.
    pub(super) fn new(codec: Codec) -> Self {
        let (stream_type, stream_id, descriptors): (u8, u8, &[u8]) = match codec {
            Codec::H264 => (0x1b, 0xe0, &[]),
            Codec::Hevc => (0x24, 0xe0, b"\x05\x04HEVC"),
            Codec::Mpeg1Video => (0x01, 0xe0, &[]),
            Codec::Mpeg2Video => (0x02, 0xe0, &[]),
            Codec::Mpeg4Video => (0x10, 0xe0, &[]),
            Codec::Aac => (0x0f, 0xc0, &[]),
            Codec::AacLatm => (0x11, 0xc0, &[]),
            Codec::Mp2 | Codec::Mp3 => (0x03, 0xc0, &[]),
            Codec::Ac3 => (0x81, 0xbd, b"\x05\x04AC-3"),
            Codec::Eac3 => (0x87, 0xbd, b"\x05\x04EAC3"),
            Codec::Opus => (0x06, 0xbd, b"\x05\x04Opus"),
            _ => (0x06, 0xbd, &[]),
        };
        Self {
            codec,
            stream_type,
            stream_id,
            descriptors: descriptors.to_vec(),
            language: None,
        }
    }

    /// Opus: `channel_config_code` stands in an extension descriptor (Opus in MPEG-TS, ETSI TS 102 366
    /// has no part in it; the mapping is Xiph's and what demultiplexers read).
    pub(super) fn opus(channels: u8) -> Self {
        let mut format = Self::new(Codec::Opus);
        format.descriptors.extend([0x7f, 2, 0x80, channels]);
        format
    }

    /// Notes the language; anything but an ISO 639 code is no language.
    pub(super) fn spoken(mut self, language: Option<&str>) -> Self {
        self.language = language.and_then(language::iso639_2).or(self.language);
        self
    }

    pub(super) fn kind(&self) -> Kind {
        self.codec.kind()
    }

    /// As the map lists it.
    pub(super) fn listed(&self, pid: u16) -> Listed {
        let mut descriptors = Vec::new();
        if let Some(language) = &self.language {
            descriptors.extend([0x0a, 4]);
            descriptors.extend_from_slice(language.as_bytes());
            descriptors.push(0); // audio_type: undefined
        }
        descriptors.extend_from_slice(&self.descriptors);
        Listed {
            pid,
            stream_type: self.stream_type,
            descriptors,
        }
    }
}

/// A track that an input has, as its reader found it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) carriage: Carriage,
}

/// Whether a track can be carried.
#[derive(Clone, Debug)]
pub(super) enum Carriage {
    /// It has not been seen.
    Absent,
    Carried(Format),
    /// Transport streams have no way for it; the codec's name.
    Unsupported(String),
}

/// An access unit, or some frames of sound, as they stand in a PES packet.
#[derive(Debug)]
pub(super) struct Frame {
    /// Index in the newest list of tracks.
    pub(super) track: usize,
    /// 90 kHz modulo 2^33.
    pub(super) dts: u64,
    /// From decoding to presentation, in 90 kHz.
    pub(super) cts: i64,
    /// In 90 kHz; 0 when it isn't known.
    pub(super) duration: i64,
    pub(super) key: bool,
    pub(super) data: Vec<u8>,
}

/// What a reader found.
#[derive(Debug)]
pub(super) enum Event {
    /// The tracks, replacing all before; `complete` when no more are expected.
    Tracks {
        tracks: Vec<Found>,
        complete: bool,
    },
    Frame(Frame),
}

/// `time` in units of a `scale`-th of a second, as 90 kHz modulo 2^33.
pub(super) fn ticks(time: i128, scale: u32) -> u64 {
    (time * 90_000)
        .div_euclid(i128::from(scale.max(1)))
        .rem_euclid(i128::from(WRAP)) as u64
}

/// A difference of times in units of a `scale`-th of a second, in 90 kHz, within an hour either way.
pub(super) fn span(time: i64, scale: u32) -> i64 {
    const HOUR: i128 = 3600 * 90_000;
    (i128::from(time) * 90_000)
        .div_euclid(i128::from(scale.max(1)))
        .clamp(-HOUR, HOUR) as i64
}
