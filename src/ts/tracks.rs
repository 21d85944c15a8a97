//! What a feed carries, as published to the rest of the program.

use super::codec::{Codec, Kind};

/// The tracks of the programme that a feed shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracks {
    /// Programme number.
    pub program: u16,
    /// PID of its map.
    pub pmt_pid: u16,
    /// PID that carries its clock; 0x1fff when there is none.
    pub pcr_pid: u16,
    /// In the order of the map; at most 64.
    pub tracks: Vec<Track>,
}

/// One elementary stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// PID that carries it.
    pub pid: u16,
    /// How it is coded.
    pub codec: Codec,
    /// ISO 639-2 code in lower case.
    pub language: Option<String>,
    /// Told by its parameter sets; of the first video track only, the others are not looked into.
    pub video: Option<VideoInfo>,
    /// Told by a frame header (ADTS, LATM, MPEG audio, AC-3, E-AC-3); `None` for other codecs.
    pub audio: Option<AudioInfo>,
}

/// What parameter sets say about a video track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoInfo {
    /// Samples per line, after cropping.
    pub width: u32,
    /// Lines of a frame, after cropping.
    pub height: u32,
    /// Width and height of a sample; (1, 1) when unspecified.
    pub sar: (u32, u32),
    /// `profile_idc` of H.264, `general_profile_idc` of HEVC, the profile of MPEG-2.
    pub profile_idc: u8,
    /// The six constraint flags of H.264 as they stand in the byte after `profile_idc`. For HEVC the
    /// first byte of its constraint flags, with `general_tier_flag` in the lowest bit.
    pub constraint_flags: u8,
    /// `level_idc` of H.264 (31 is 3.1), `general_level_idc` of HEVC (93 is 3.1), the level of MPEG-2.
    pub level_idc: u8,
    /// How much colour there is.
    pub chroma: Chroma,
    /// Bits per luma sample, or per chroma sample if those have more.
    pub bit_depth: u8,
    /// May contain interlaced frames or fields.
    pub interlaced: bool,
    /// Frames per second as a fraction, if the parameter sets tell.
    pub frame_rate: Option<(u32, u32)>,
}

/// How chroma is sampled against luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// None: grey.
    Mono,
    /// Half in both directions.
    C420,
    /// Half in each line.
    C422,
    /// All of it.
    C444,
}

impl Chroma {
    /// From `chroma_format_idc` of H.264 and HEVC, which is `chroma_format` of MPEG-2 as well.
    pub(super) fn of_idc(idc: u32) -> Self {
        match idc {
            0 => Self::Mono,
            1 => Self::C420,
            2 => Self::C422,
            _ => Self::C444,
        }
    }

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mono => "4:0:0",
            Self::C420 => "4:2:0",
            Self::C422 => "4:2:2",
            Self::C444 => "4:4:4",
        }
    }
}

/// What a frame header says about an audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioInfo {
    /// Hz, as signalled: HE-AAC shows its core rate.
    pub sample_rate: u32,
    /// Number of channels; 0 when the stream defines them elsewhere.
    pub channels: u8,
    /// MPEG-4 audio object type (2 is AAC-LC); AAC only.
    pub aac_object_type: Option<u8>,
}

impl Tracks {
    /// The first video track.
    pub fn video(&self) -> Option<&Track> {
        self.first(Kind::Video)
    }

    /// The first audio track.
    pub fn audio(&self) -> Option<&Track> {
        self.first(Kind::Audio)
    }

    fn first(&self, kind: Kind) -> Option<&Track> {
        self.tracks.iter().find(|track| track.codec.kind() == kind)
    }

    /// The `CODECS` value of RFC 6381 for the first video and all audio tracks, each format once,
    /// as in `avc1.42c01f,mp4a.40.2`. `None` when one of them can't be told, or there is none.
    pub fn codecs_rfc6381(&self) -> Option<String> {
        let audio = self
            .tracks
            .iter()
            .filter(|track| track.codec.kind() == Kind::Audio);
        let mut all: Vec<String> = Vec::new();
        for track in self.video().into_iter().chain(audio) {
            let one = track.rfc6381()?;
            if !all.contains(&one) {
                all.push(one);
            }
        }
        (!all.is_empty()).then(|| all.join(","))
    }
}

impl Track {
    /// This track's RFC 6381 codec string, if it can be told.
    pub fn rfc6381(&self) -> Option<String> {
        match self.codec {
            Codec::H264 => {
                let info = self.video.as_ref()?;
                Some(format!(
                    "avc1.{:02x}{:02x}{:02x}",
                    info.profile_idc, info.constraint_flags, info.level_idc
                ))
            }
            Codec::Hevc => hevc_rfc6381(self.video.as_ref()?),
            Codec::Aac => Some(format!("mp4a.40.{}", self.audio.as_ref()?.aac_object_type?)),
            Codec::Mp2 => Some("mp4a.40.33".into()),
            Codec::Mp3 => Some("mp4a.40.34".into()),
            Codec::Ac3 => Some("ac-3".into()),
            Codec::Eac3 => Some("ec-3".into()),
            Codec::Opus => Some("opus".into()),
            _ => None,
        }
    }
}

/// ISO/IEC 14496-15, annex E.3, for the profiles whose compatibility flags follow from the profile.
fn hevc_rfc6381(info: &VideoInfo) -> Option<String> {
    let compatible = match info.profile_idc {
        1 => 0x6,
        2 => 0x4,
        _ => return None,
    };
    let tier = if info.constraint_flags & 1 == 0 {
        'L'
    } else {
        'H'
    };
    let flags = info.constraint_flags & 0xf0;
    Some(format!(
        "hvc1.{}.{compatible:X}.{tier}{}.{flags:X}",
        info.profile_idc, info.level_idc
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(codec: Codec) -> Track {
        Track {
            pid: 0x100,
            codec,
            language: None,
            video: None,
            audio: None,
        }
    }

    #[test]
    fn codec_strings() {
        let video = VideoInfo {
            width: 1280,
            height: 720,
            sar: (1, 1),
            profile_idc: 0x42,
            constraint_flags: 0xc0,
            level_idc: 31,
            chroma: Chroma::C420,
            bit_depth: 8,
            interlaced: false,
            frame_rate: None,
        };
        let audio = AudioInfo {
            sample_rate: 48_000,
            channels: 2,
            aac_object_type: Some(2),
        };
        let h264 = Track {
            video: Some(video.clone()),
            ..track(Codec::H264)
        };
        let aac = Track {
            audio: Some(audio),
            ..track(Codec::Aac)
        };
        let of = |tracks: &[&Track]| {
            let tracks = tracks.iter().copied().cloned().collect();
            Tracks {
                program: 1,
                pmt_pid: 0x1000,
                pcr_pid: 0x100,
                tracks,
            }
            .codecs_rfc6381()
        };
        assert_eq!(
            of(&[&h264, &aac, &aac]).as_deref(),
            Some("avc1.42c01f,mp4a.40.2")
        );
        assert_eq!(
            of(&[&h264, &track(Codec::Ac3), &track(Codec::Teletext)]).as_deref(),
            Some("avc1.42c01f,ac-3")
        );
        assert_eq!(of(&[&h264, &track(Codec::Aac)]), None);
        assert_eq!(of(&[&track(Codec::Id3)]), None);
        let main = VideoInfo {
            profile_idc: 1,
            constraint_flags: 0x90,
            level_idc: 93,
            ..video
        };
        let hevc = Track {
            video: Some(main),
            ..track(Codec::Hevc)
        };
        assert_eq!(of(&[&hevc]).as_deref(), Some("hvc1.1.6.L93.90"));
    }
}
