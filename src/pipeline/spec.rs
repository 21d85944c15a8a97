//! What a pipeline is asked to do.

/// Encode settings of a rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Name that people see: `low`, `medium`, `high`, or the operator's own.
    pub name: String,
    /// Greatest width of the picture, in square pixels.
    pub width: u32,
    /// Greatest height of the picture, in pixels.
    pub height: u32,
    /// Video bitrate, in kbit/s (1000 bits).
    pub video_bitrate_kbps: u32,
    /// x264 preset name, `ultrafast` to `placebo`.
    pub speed_preset: String,
    /// Audio bitrate, in kbit/s.
    pub audio_bitrate_kbps: u32,
    /// Frames per second above which a source's rate is halved until it fits.
    pub max_frame_rate: u32,
    /// Encoder threads.
    pub threads: u32,
}

impl Default for Profile {
    /// `medium` as it is built in.
    fn default() -> Self {
        Self {
            name: "medium".to_owned(),
            width: 1280,
            height: 720,
            video_bitrate_kbps: 2500,
            speed_preset: "veryfast".to_owned(),
            audio_bitrate_kbps: 128,
            max_frame_rate: 60,
            threads: 2,
        }
    }
}

/// What is done with the video track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Video {
    /// Decode, scale, encode.
    Encode,
    /// Hand on as it is.
    Copy(VideoCodec),
    /// There is no video track.
    None,
}

/// Codec of a video track that is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265, HEVC.
    H265,
    /// ISO/IEC 13818-2, and MPEG-1 video.
    Mpeg2,
}

impl VideoCodec {
    /// The element that finds its access units and keyframes.
    pub(super) fn parser(self) -> &'static str {
        match self {
            Self::H264 => "h264parse",
            Self::H265 => "h265parse",
            Self::Mpeg2 => "mpegvideoparse",
        }
    }
}

/// What is done with the audio track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audio {
    /// Decode, make stereo, encode to AAC-LC.
    Encode,
    /// Hand on as it is; the parser is found by what the demuxer says of the track.
    Copy,
    /// There is no audio track.
    None,
}

/// A transcode: MPEG-TS in with exactly the tracks named, MPEG-TS out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscodeSpec {
    /// Encode settings.
    pub profile: Profile,
    /// What is done with the video track.
    pub video: Video,
    /// What is done with the audio track.
    pub audio: Audio,
}

/// The picture of the test source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pattern {
    /// Colour bars that move sideways.
    #[default]
    Bars,
    /// A bouncing ball.
    Ball,
    /// A turning wheel.
    Pinwheel,
    /// Noise: the hardest to encode.
    Snow,
    /// Black, without the clock: for trying out the black condition.
    Black,
    /// Bars that stand still, without the clock: for trying out the frozen condition.
    Still,
}

impl Pattern {
    /// Value of the test picture's pattern property.
    pub(super) fn nick(self) -> &'static str {
        match self {
            Self::Bars => "smpte",
            // the other bars have a patch of noise
            Self::Still => "smpte75",
            Self::Ball => "ball",
            Self::Pinwheel => "pinwheel",
            Self::Snow => "snow",
            Self::Black => "black",
        }
    }

    /// Whether the clock and the name are drawn: they would spoil a pattern whose point is that nothing moves.
    pub(super) fn has_clock(self) -> bool {
        !matches!(self, Self::Black | Self::Still)
    }
}

/// The built-in `test://` source: it runs in real time, H.264 constrained baseline and AAC, a keyframe each two seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSpec {
    /// What is seen.
    pub pattern: Pattern,
    /// Picture width, in pixels; made even and kept within 64 to 3840.
    pub width: u32,
    /// Picture height, in pixels; made even and kept within 64 to 2160.
    pub height: u32,
    /// Frames per second; kept within 1 to 60.
    pub frame_rate: u32,
    /// Whether a tone is heard; otherwise the audio track is silent.
    pub tone: bool,
    /// Shown under the clock; letters, digits and `:.-/` of it, the first 24.
    pub name: String,
}

impl Default for TestSpec {
    fn default() -> Self {
        Self {
            pattern: Pattern::Bars,
            width: 1280,
            height: 720,
            frame_rate: 25,
            tone: true,
            name: String::new(),
        }
    }
}
