//! Which of the media offered are pulled, and MPEG-TS in RTP. Pure.

use bytes::Bytes;

use super::sdp::Media;
use crate::ingest::error::{Cause, IngestError, Stage};

/// Sounds of a source that are pulled beside the picture.
const MAX_SOUNDS: usize = 4;
/// Codecs named in an error, and characters of each name.
const NAMED: (usize, usize) = (8, 24);
/// Encoding names of pictures that can be unpacked and, if TS cannot carry them, converted.
const PICTURES: [&str; 11] = [
    "H264",
    "H265",
    "MPV",
    "MP4V-ES",
    "H263",
    "H263-1998",
    "H263-2000",
    "H261",
    "JPEG",
    "VP8",
    "VP9",
];
/// Encoding names of sounds.
const SOUNDS: [&str; 20] = [
    "MPEG4-GENERIC",
    "MP4A-LATM",
    "MPA",
    "MPA-ROBUST",
    "AC3",
    "OPUS",
    "PCMU",
    "PCMA",
    "L8",
    "L16",
    "L24",
    "G722",
    "G726-16",
    "G726-24",
    "G726-32",
    "G726-40",
    "GSM",
    "VORBIS",
    "AMR",
    "AMR-WB",
];

/// What is pulled of the media offered, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// MPEG-TS (RFC 2250, 2): it has all tracks in it.
    Ts(usize),
    /// A picture, sounds, or both.
    Tracks(Vec<usize>),
}

/// Chooses MPEG-TS if it is offered, else the first picture and up to four sounds of known codecs.
///
/// # Errors
/// [`Cause::Unsupported`], with the codecs named, when there is none.
pub fn choose(media: &[Media]) -> Result<Choice, IngestError> {
    if let Some(ts) = media.iter().position(|media| media.encoding == "MP2T") {
        return Ok(Choice::Ts(ts));
    }
    let of = |kind: &'static str, known: &'static [&str]| {
        let all = media.iter().enumerate();
        all.filter(move |(_, media)| {
            media.kind == kind && media.clock_rate > 0 && known.contains(&media.encoding.as_str())
        })
        .map(|(index, _)| index)
    };
    let pictures = of("video", &PICTURES).take(1);
    let chosen: Vec<_> = pictures
        .chain(of("audio", &SOUNDS).take(MAX_SOUNDS))
        .collect();
    if !chosen.is_empty() {
        return Ok(Choice::Tracks(chosen));
    }
    let names: Vec<String> = media.iter().take(NAMED.0).map(name).collect();
    let text = format!(
        "the source has no track of a known codec: {}",
        names.join(", ")
    );
    Err(IngestError::new(Stage::Manifest, Cause::Unsupported, text))
}

/// What a server calls the codec, as far as it may be shown.
fn name(media: &Media) -> String {
    let text = if media.encoding.is_empty() {
        &media.kind
    } else {
        &media.encoding
    };
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.chars().filter(plain).take(NAMED.1).collect()
}

/// Takes MPEG-TS out of RTP packets (RFC 2250, 2; RFC 3550, 5.1).
///
/// Packets that come twice or too late are dropped. Those that are missing show in the counters of TS itself.
#[derive(Debug, Default)]
pub struct TsPayload {
    /// The highest sequence number so far.
    newest: Option<u16>,
}

impl TsPayload {
    /// The TS packets in an RTP packet; `None` if there are none.
    pub fn take(&mut self, packet: &Bytes) -> Option<Bytes> {
        let &[first, _, high, low, ..] = packet.get(..12)? else {
            return None;
        };
        if first >> 6 != 2 {
            return None;
        }
        let number = u16::from_be_bytes([high, low]);
        let late = |newest: u16| number.wrapping_sub(newest).wrapping_sub(1) >= 0x8000;
        // One that lies far back is no late packet: the sender has begun anew.
        let far = |newest: u16| newest.wrapping_sub(number) > 100;
        if self
            .newest
            .is_some_and(|newest| late(newest) && !far(newest))
        {
            return None;
        }
        self.newest = Some(number);
        let mut begin = 12 + usize::from(first & 0x0f) * 4;
        if first & 0x10 != 0 {
            let &[_, _, high, low] = packet.get(begin..)?.first_chunk()?;
            begin += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        let padding = if first & 0x20 == 0 {
            0
        } else {
            usize::from(*packet.last()?)
        };
        let end = packet.len().checked_sub(padding)?;
        (begin < end).then(|| packet.slice(begin..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(kind: &str, encoding: &str) -> Media {
        Media {
            kind: kind.to_owned(),
            encoding: encoding.to_owned(),
            clock_rate: 90_000,
            ..Media::default()
        }
    }

    #[test]
    fn one_picture_some_sounds_or_ts() {
        let (picture, sound) = (media("video", "H264"), media("audio", "PCMU"));
        let odd = media("application", "VND.ONVIF.METADATA");
        let all = [odd.clone(), sound.clone(), picture.clone(), picture.clone()];
        assert_eq!(choose(&all), Ok(Choice::Tracks(vec![2, 1])));
        assert_eq!(
            choose(&vec![sound; 9]),
            Ok(Choice::Tracks(vec![0, 1, 2, 3]))
        );
        assert_eq!(
            choose(&[picture, media("video", "MP2T")]),
            Ok(Choice::Ts(1))
        );
        let error = choose(&[odd, media("video", "AV1\u{1b}[2J")]).unwrap_err();
        assert_eq!(error.cause, Cause::Unsupported);
        assert!(
            error.message.ends_with("codec: VND.ONVIF.METADATA, AV12J"),
            "{error}"
        );
    }

    #[test]
    fn ts_is_taken_out_of_any_packet() {
        let mut payload = TsPayload::default();
        let mut take = |first: u8, number: u16, rest: &[u8]| {
            let mut packet = vec![first, 33];
            packet.extend(number.to_be_bytes());
            packet.extend([0; 8]);
            packet.extend(rest);
            payload.take(&packet.into()).map(|bytes| bytes.to_vec())
        };
        assert_eq!(take(0x80, 65535, b"ab"), Some(b"ab".to_vec()));
        assert_eq!(take(0x80, 65535, b"ab"), None, "twice");
        assert_eq!(
            take(0xb1, 0, b"csrcex\0\x01ext.cd\x02\x02"),
            Some(b"cd".to_vec())
        );
        assert_eq!(take(0x80, 65534, b"ab"), None, "late");
        assert_eq!(
            take(0x80, 30000, b"ab"),
            Some(b"ab".to_vec()),
            "a new beginning"
        );
        assert_eq!(take(0x9f, 30001, b"ab"), None, "less than it claims");
        assert_eq!(
            take(0xa0, 30002, b"\xff"),
            None,
            "more padding than there is"
        );
        assert_eq!(take(0x40, 30003, b"ab"), None, "another version");
    }
}
