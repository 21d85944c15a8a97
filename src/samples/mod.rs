//! What a look at a stream shows: figures of its picture and its sound, and what they say about it. Pure.
//!
//! ```text
//! chunks ─► extract ─► a keyframe (or a group), a second of sound ─► decoders (pipeline::sampler)
//!                                                                        │
//!             is_black, is_still, is_silent ◄── Picture, Sound figures ◄─┘
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `extract`, `frames` | units of the elementary streams out of TS chunks; frames of sound out of units |
//! | `refuse` | what no decoder is asked to try: pictures that no source has |
//! | `plane`, `shrink`, `jpeg` | decoded planes, made small by averaging areas; the small picture as JPEG |
//! | `picture`, `signature` | figures of a picture; what it looks like, to be compared with another |
//! | `sound` | loudness (EBU R128) and peak |
//! | `verdict` | black, still, silent |

mod extract;
mod frames;
mod jpeg;
mod picture;
mod plane;
mod refuse;
mod shrink;
mod signature;
mod sound;
mod verdict;

use bytes::Bytes;

pub use extract::{extract, extract_group};
pub use picture::PictureFigures;
pub use signature::{Distance, Signature};
pub use sound::SoundFigures;
pub use verdict::{is_black, is_frozen, is_silent, is_still};

pub(crate) use jpeg::jpeg;
pub(crate) use plane::{Depth, Plane, Planes};
pub(crate) use refuse::{MOST_FRAMES, refuse, refuse_sound};
pub(crate) use shrink::shrink;
pub(crate) use sound::SoundMeter;

use crate::ts::Codec;

/// A coded picture: what one PES packet of a video track holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The elementary stream's bytes.
    pub data: Bytes,
    /// When it is shown: 33 bits at 90 kHz, as it stands in the stream.
    pub pts: u64,
    /// When it is decoded.
    pub dts: u64,
    /// Whether decoding can start here.
    pub key: bool,
}

/// About a second of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundUnits {
    /// How it is coded.
    pub codec: Codec,
    /// Whole frames of the codec, in order.
    pub frames: Vec<Bytes>,
    /// Of Opus: its `channel_config_code`, which stands in the programme map. 0 for other codecs.
    pub channels: u8,
    /// When the first is heard: 33 bits at 90 kHz.
    pub pts: u64,
}

/// What chunks of TS hold for a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extract {
    /// How the picture is coded; `None` where there is none.
    pub codec: Option<Codec>,
    /// The newest picture at which decoding can start.
    pub keyframe: Option<Unit>,
    /// All pictures from the first keyframe on, in the order of decoding. Only [`extract_group`] fills it.
    pub group: Vec<Unit>,
    /// The first second of sound.
    pub sound: Option<SoundUnits>,
}
