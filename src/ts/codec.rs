//! Codecs, and how stream types and descriptors name them.

/// What a track is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// DVB subtitles or teletext.
    Subtitle,
    /// Anything else.
    Data,
}

/// How a track is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 / AVC.
    H264,
    /// H.265 / HEVC.
    Hevc,
    /// MPEG-1 video.
    Mpeg1Video,
    /// MPEG-2 video.
    Mpeg2Video,
    /// MPEG-4 part 2 video.
    Mpeg4Video,
    /// AAC in ADTS.
    Aac,
    /// AAC in LATM/LOAS.
    AacLatm,
    /// Dolby Digital.
    Ac3,
    /// Dolby Digital Plus.
    Eac3,
    /// MPEG-1 or MPEG-2 audio, layer I or II.
    Mp2,
    /// MPEG-1 or MPEG-2 audio, layer III.
    Mp3,
    /// Opus.
    Opus,
    /// DVB bitmap subtitles.
    DvbSubtitle,
    /// EBU teletext.
    Teletext,
    /// Timed ID3 metadata.
    Id3,
    /// A stream type that is passed on without being understood.
    Other(u8),
}

impl Codec {
    /// What tracks of this codec are for.
    pub fn kind(self) -> Kind {
        match self {
            Self::H264 | Self::Hevc | Self::Mpeg1Video | Self::Mpeg2Video | Self::Mpeg4Video => {
                Kind::Video
            }
            Self::Aac
            | Self::AacLatm
            | Self::Ac3
            | Self::Eac3
            | Self::Mp2
            | Self::Mp3
            | Self::Opus => Kind::Audio,
            Self::DvbSubtitle | Self::Teletext => Kind::Subtitle,
            Self::Id3 | Self::Other(_) => Kind::Data,
        }
    }

    /// Short name for people and APIs; stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Mpeg1Video => "mpeg1video",
            Self::Mpeg2Video => "mpeg2video",
            Self::Mpeg4Video => "mpeg4",
            Self::Aac => "aac",
            Self::AacLatm => "aac_latm",
            Self::Ac3 => "ac3",
            Self::Eac3 => "eac3",
            Self::Mp2 => "mp2",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::DvbSubtitle => "dvb_subtitle",
            Self::Teletext => "teletext",
            Self::Id3 => "id3",
            Self::Other(_) => "other",
        }
    }
}

/// Descriptors of a loop as (tag, content). Ends at the first one that does not fit.
pub(crate) fn descriptors(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, length], rest) = data.split_first_chunk::<2>()?;
        let (content, rest) = rest.split_at_checked(usize::from(length))?;
        data = rest;
        Some((tag, content))
    })
}

/// The codec of a stream type (ISO/IEC 13818-1 table 2-34; ATSC A/53 for 0x81 and 0x87), for private
/// data told by its descriptors (ETSI EN 300 468 table 12, or a registration).
pub(super) fn resolve(stream_type: u8, info: &[u8]) -> Codec {
    match stream_type {
        0x01 => Codec::Mpeg1Video,
        0x02 => Codec::Mpeg2Video,
        0x03 | 0x04 => Codec::Mp2,
        0x06 => descriptors(info)
            .find_map(private)
            .unwrap_or(Codec::Other(stream_type)),
        0x0f => Codec::Aac,
        0x10 => Codec::Mpeg4Video,
        0x11 => Codec::AacLatm,
        0x15 => Codec::Id3,
        0x1b => Codec::H264,
        0x24 => Codec::Hevc,
        0x81 => Codec::Ac3,
        0x87 => Codec::Eac3,
        _ => Codec::Other(stream_type),
    }
}

fn private((tag, content): (u8, &[u8])) -> Option<Codec> {
    match (tag, content) {
        (0x6a, _) | (0x05, [b'A', b'C', b'-', b'3', ..]) => Some(Codec::Ac3),
        (0x7a, _) | (0x05, [b'E', b'A', b'C', b'3', ..]) => Some(Codec::Eac3),
        (0x05, [b'H', b'E', b'V', b'C', ..]) => Some(Codec::Hevc),
        (0x05, [b'O', b'p', b'u', b's', ..]) => Some(Codec::Opus),
        (0x56, _) => Some(Codec::Teletext),
        (0x59, _) => Some(Codec::DvbSubtitle),
        _ => None,
    }
}

/// ISO 639-2 language of a track: of its language, subtitling or teletext descriptor.
pub(super) fn language(info: &[u8]) -> Option<String> {
    let (_, content) = descriptors(info).find(|(tag, _)| matches!(tag, 0x0a | 0x56 | 0x59))?;
    let code = content.first_chunk::<3>()?;
    let text = std::str::from_utf8(code).ok()?.to_ascii_lowercase();
    text.bytes().all(|b| b.is_ascii_lowercase()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_data_is_told_by_its_descriptors() {
        let cases: [(&[u8], Codec); 8] = [
            (&[0x6a, 1, 0], Codec::Ac3),
            (&[0x0a, 4, b'd', b'e', b'u', 0, 0x7a, 0], Codec::Eac3),
            (b"\x05\x04AC-3", Codec::Ac3),
            (b"\x05\x04Opus\x7f\x02\x80\x02", Codec::Opus),
            (b"\x05\x04HEVC", Codec::Hevc),
            (
                &[0x59, 8, b'e', b'n', b'g', 0x10, 0, 1, 0, 1],
                Codec::DvbSubtitle,
            ),
            (&[0x56, 5, b'e', b'n', b'g', 9, 0], Codec::Teletext),
            (&[0x6a, 200, 0], Codec::Other(6)), // longer than there is
        ];
        for (info, codec) in cases {
            assert_eq!(resolve(6, info), codec, "{info:?}");
        }
    }

    #[test]
    fn languages() {
        assert_eq!(
            language(&[0x52, 1, 9, 0x0a, 4, b'D', b'e', b'u', 0]).as_deref(),
            Some("deu")
        );
        assert_eq!(language(&[0x0a, 4, 0, b'e', b'u', 0]), None);
        assert_eq!(language(&[0x0a, 2, b'e', b'u']), None);
    }
}
