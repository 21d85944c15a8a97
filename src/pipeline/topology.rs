//! The topologies there are, and the element names by which the code speaks to them.

use std::fmt;

use super::error::PipelineError;
use super::spec::{Audio, Video};

/// A shape of pipeline; each is one file in `pipelines/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topology {
    /// Picture and sound are converted.
    EncodeBoth,
    /// The picture is converted, the sound copied.
    EncodeVideo,
    /// The picture is converted; there is no sound.
    EncodeVideoOnly,
    /// The sound is converted, the picture copied.
    EncodeAudio,
    /// Sound alone, converted.
    EncodeRadio,
    /// The built-in test source.
    Test,
    /// A container that is not TS comes in, TS goes out.
    Convert,
    /// The same with picture and sound from two places.
    ConvertPair,
    /// TS by SRT.
    Srt,
    /// RTP packets come in, TS goes out.
    Rtp,
    /// A part of an ingest: a picture that TS cannot carry is encoded.
    IngestVideo,
    /// A part of an ingest: sound that TS cannot carry is encoded.
    IngestAudio,
    /// Pictures are decoded to be looked at.
    SamplePicture,
    /// Sound is decoded to be measured.
    SampleSound,
}

/// Element names of the contract.
pub(super) mod names {
    pub(in super::super) const IN: &str = "in";
    pub(in super::super) const SOUND_IN: &str = "sound-in";
    pub(in super::super) const PARSE: &str = "parse";
    pub(in super::super) const SOUND_PARSE: &str = "sound-parse";
    pub(in super::super) const SOURCE: &str = "source";
    pub(in super::super) const RTP: &str = "rtp";
    pub(in super::super) const MUX: &str = "mux";
    pub(in super::super) const OUT: &str = "out";
    pub(in super::super) const DEMUX: &str = "demux";
    pub(in super::super) const VIDEO_IN: &str = "video-in";
    pub(in super::super) const VIDEO_COPY: &str = "video-copy";
    pub(in super::super) const AUDIO_IN: &str = "audio-in";
    /// Optional: without it nothing is deinterlaced.
    pub(in super::super) const DEINTERLACE: &str = "deinterlace";
    /// Optional: the scaler.
    pub(in super::super) const SCALE: &str = "scale";
    /// Optional: without it no frame rate is reduced.
    pub(in super::super) const RATE: &str = "rate";
    pub(in super::super) const SIZE: &str = "size";
    pub(in super::super) const ENCODER: &str = "encoder";
    pub(in super::super) const AUDIO_ENCODER: &str = "audio-encoder";
    pub(in super::super) const PICTURE: &str = "picture";
    pub(in super::super) const TONE: &str = "tone";
    /// What decodes; replaced for another codec.
    pub(in super::super) const DECODER: &str = "decoder";
    /// Optional: without it no clock is drawn.
    pub(in super::super) const CLOCK: &str = "clock";
    pub(in super::super) const TAP: &str = "tap";
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::EncodeBoth,
        Self::EncodeVideo,
        Self::EncodeVideoOnly,
        Self::EncodeAudio,
        Self::EncodeRadio,
        Self::Test,
        Self::Convert,
        Self::ConvertPair,
        Self::Srt,
        Self::Rtp,
        Self::IngestVideo,
        Self::IngestAudio,
        Self::SamplePicture,
        Self::SampleSound,
    ];

    /// The topology that does this work.
    ///
    /// # Errors
    /// [`PipelineError::NothingToEncode`] if neither track is to be encoded.
    pub fn for_tracks(video: Video, audio: Audio) -> Result<Self, PipelineError> {
        match (video, audio) {
            (Video::Encode, Audio::Encode) => Ok(Self::EncodeBoth),
            (Video::Encode, Audio::Copy) => Ok(Self::EncodeVideo),
            (Video::Encode, Audio::None) => Ok(Self::EncodeVideoOnly),
            (Video::Copy(_), Audio::Encode) => Ok(Self::EncodeAudio),
            (Video::None, Audio::Encode) => Ok(Self::EncodeRadio),
            (Video::Copy(_) | Video::None, Audio::Copy | Audio::None) => {
                Err(PipelineError::NothingToEncode)
            }
        }
    }

    /// File name without `.launch`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EncodeBoth => "encode-both",
            Self::EncodeVideo => "encode-video",
            Self::EncodeVideoOnly => "encode-video-only",
            Self::EncodeAudio => "encode-audio",
            Self::EncodeRadio => "encode-radio",
            Self::Test => "test",
            Self::Convert => "convert",
            Self::ConvertPair => "convert-pair",
            Self::Srt => "srt",
            Self::Rtp => "rtp",
            Self::IngestVideo => "ingest-video",
            Self::IngestAudio => "ingest-audio",
            Self::SamplePicture => "sample-picture",
            Self::SampleSound => "sample-sound",
        }
    }

    /// The text built into the program.
    pub(super) fn embedded(self) -> &'static str {
        match self {
            Self::EncodeBoth => include_str!("../../pipelines/encode-both.launch"),
            Self::EncodeVideo => include_str!("../../pipelines/encode-video.launch"),
            Self::EncodeVideoOnly => include_str!("../../pipelines/encode-video-only.launch"),
            Self::EncodeAudio => include_str!("../../pipelines/encode-audio.launch"),
            Self::EncodeRadio => include_str!("../../pipelines/encode-radio.launch"),
            Self::Test => include_str!("../../pipelines/test.launch"),
            Self::Convert => include_str!("../../pipelines/convert.launch"),
            Self::ConvertPair => include_str!("../../pipelines/convert-pair.launch"),
            Self::Srt => include_str!("../../pipelines/srt.launch"),
            Self::Rtp => include_str!("../../pipelines/rtp.launch"),
            Self::IngestVideo => include_str!("../../pipelines/ingest-video.launch"),
            Self::IngestAudio => include_str!("../../pipelines/ingest-audio.launch"),
            Self::SamplePicture => include_str!("../../pipelines/sample-picture.launch"),
            Self::SampleSound => include_str!("../../pipelines/sample-sound.launch"),
        }
    }

    /// Names that the text must have.
    pub(super) fn required(self) -> &'static [&'static str] {
        use names::{
            AUDIO_ENCODER, AUDIO_IN, DECODER, DEMUX, ENCODER, IN, MUX, OUT, PARSE, PICTURE, RTP,
            SIZE, SOUND_IN, SOUND_PARSE, SOURCE, TAP, TONE, VIDEO_COPY, VIDEO_IN,
        };
        match self {
            Self::EncodeBoth => &[
                IN,
                DEMUX,
                VIDEO_IN,
                AUDIO_IN,
                SIZE,
                ENCODER,
                AUDIO_ENCODER,
                TAP,
            ],
            Self::EncodeVideo => &[IN, DEMUX, VIDEO_IN, AUDIO_IN, SIZE, ENCODER, TAP],
            Self::EncodeVideoOnly => &[IN, DEMUX, VIDEO_IN, SIZE, ENCODER, TAP],
            Self::EncodeAudio => &[
                IN,
                DEMUX,
                VIDEO_IN,
                VIDEO_COPY,
                AUDIO_IN,
                AUDIO_ENCODER,
                TAP,
            ],
            Self::EncodeRadio => &[IN, DEMUX, AUDIO_IN, AUDIO_ENCODER, TAP],
            Self::Test => &[PICTURE, SIZE, ENCODER, TONE, AUDIO_ENCODER, TAP],
            Self::Convert => &[IN, PARSE, MUX, TAP],
            Self::ConvertPair => &[IN, PARSE, SOUND_IN, SOUND_PARSE, MUX, TAP],
            Self::Srt => &[SOURCE, TAP],
            Self::Rtp => &[RTP, MUX, TAP],
            Self::IngestVideo => &[VIDEO_IN, SIZE, ENCODER, OUT],
            Self::IngestAudio => &[AUDIO_IN, AUDIO_ENCODER, OUT],
            Self::SamplePicture | Self::SampleSound => &[IN, DECODER, TAP],
        }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::spec::VideoCodec;

    #[test]
    fn every_kind_of_work_has_its_file() {
        let of = |video, audio| Topology::for_tracks(video, audio).ok();
        assert_eq!(of(Video::Encode, Audio::Encode), Some(Topology::EncodeBoth));
        assert_eq!(of(Video::Encode, Audio::Copy), Some(Topology::EncodeVideo));
        assert_eq!(
            of(Video::Encode, Audio::None),
            Some(Topology::EncodeVideoOnly)
        );
        assert_eq!(
            of(Video::Copy(VideoCodec::H264), Audio::Encode),
            Some(Topology::EncodeAudio)
        );
        assert_eq!(of(Video::None, Audio::Encode), Some(Topology::EncodeRadio));
        assert_eq!(of(Video::Copy(VideoCodec::H264), Audio::Copy), None);
        assert_eq!(of(Video::None, Audio::None), None);
    }
}
