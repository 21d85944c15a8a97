//! One input: its container's reader, which is chosen by the first bytes where it isn't known.

use super::error::RemuxError;
use super::format::Event;
use super::{Container, Need, flv, mp4, packed, transport};

/// Bytes by which a container is told.
const TELLING: usize = 12;

/// Boxes that files and segments begin with.
const BOXES: [&[u8]; 14] = [
    b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"ssix", b"emsg", b"prft", b"free", b"skip",
    b"wide", b"pdin", b"uuid", b"mdat",
];

/// The reader of an input.
pub(super) enum Reader {
    /// Too few bytes have come to tell.
    Unknown(Vec<u8>),
    Ts(Box<transport::Reader>),
    Mp4(Box<mp4::Reader>),
    Flv(Box<flv::Reader>),
    Packed(packed::Reader),
}

impl Reader {
    pub(super) fn new(container: Container) -> Self {
        match container {
            Container::Any => Self::Unknown(Vec::new()),
            Container::Ts => Self::Ts(Box::default()),
            Container::Mp4 => Self::Mp4(Box::default()),
            Container::Flv => Self::Flv(Box::default()),
            Container::PackedAudio => Self::Packed(packed::Reader::default()),
        }
    }

    /// The next event, taking bytes from the front of `data`; `None` when more are needed.
    pub(super) fn next(&mut self, data: &mut &[u8]) -> Result<Option<Event>, RemuxError> {
        match self {
            Self::Unknown(_) => Ok(None),
            Self::Ts(reader) => Ok(reader.next(data)),
            Self::Mp4(reader) => reader.next(data),
            Self::Flv(reader) => reader.next(data),
            Self::Packed(reader) => reader.next(data),
        }
    }

    /// Chooses the reader, if that is open. Returns earlier bytes that it has to be given first.
    pub(super) fn tell(&mut self, data: &mut &[u8]) -> Result<Vec<u8>, RemuxError> {
        let Self::Unknown(held) = self else {
            return Ok(Vec::new());
        };
        let missing = TELLING.saturating_sub(held.len()).min(data.len());
        let (now, later) = data.split_at(missing);
        held.extend_from_slice(now);
        *data = later;
        if held.len() < TELLING {
            return Ok(Vec::new());
        }
        let held = std::mem::take(held);
        let told = container(&held).ok_or(RemuxError::NotMedia("an unknown container"))?;
        *self = Self::new(told);
        Ok(held)
    }

    /// Ends what is under way; what is complete is found by `next` or here.
    pub(super) fn flush(&mut self) -> Option<Event> {
        match self {
            Self::Ts(reader) => {
                reader.flush();
                reader.next(&mut &[][..])
            }
            Self::Packed(reader) => reader.flush(),
            _ => None,
        }
    }

    /// A segment begins.
    pub(super) fn segment(&mut self) {
        match self {
            Self::Unknown(held) => held.clear(),
            Self::Ts(_) => {}
            Self::Mp4(reader) => reader.segment(),
            Self::Flv(reader) => reader.segment(),
            Self::Packed(reader) => reader.segment(),
        }
    }

    pub(super) fn need(&self) -> Need {
        match self {
            Self::Mp4(reader) => reader.need(),
            _ => Need::Next,
        }
    }

    pub(super) fn seek(&mut self, offset: u64) {
        if let Self::Mp4(reader) = self {
            reader.seek(offset);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        match self {
            Self::Unknown(_) | Self::Ts(_) => 0,
            Self::Mp4(reader) => reader.dropped(),
            Self::Flv(reader) => reader.dropped(),
            Self::Packed(reader) => reader.dropped(),
        }
    }

    pub(super) fn held(&self) -> usize {
        match self {
            Self::Unknown(held) => held.len(),
            Self::Ts(_) => 0,
            Self::Mp4(reader) => reader.held(),
            Self::Flv(reader) => reader.held(),
            Self::Packed(reader) => reader.held(),
        }
    }
}

fn container(head: &[u8]) -> Option<Container> {
    match head {
        [0x47, ..] => Some(Container::Ts),
        [b'F', b'L', b'V', ..] => Some(Container::Flv),
        [b'I', b'D', b'3', ..] | [0x0b, 0x77, ..] => Some(Container::PackedAudio),
        [0xff, second, ..] if second & 0xe0 == 0xe0 => Some(Container::PackedAudio),
        [_, _, _, _, kind @ .., _, _, _, _] if BOXES.contains(&kind) => Some(Container::Mp4),
        _ => None,
    }
}
