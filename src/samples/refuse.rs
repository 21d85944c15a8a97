//! What no decoder is asked to try. Headers are cheap to forge, and a decoder makes room for what they say.

use super::frames::is_frame;
use super::{SoundUnits, Unit};
use crate::ts::{self, Codec, Kind};

/// The most frames of a group that are decoded: 5 s at 50 a second.
pub(crate) const MOST_FRAMES: usize = 250;
/// A decoded frame is no larger: 8192x4352 with 8 bits in 4:2:0, or 4096x2304 with 10 bits in 4:4:4.
const MOST_FRAME_BYTES: u64 = 64 << 20;
/// All frames of a group together have no more pixels: 250 frames of 720p.
const MOST_PIXELS: u64 = MOST_FRAMES as u64 * 1280 * 720;
/// Of larger pictures only the first is decoded: a stream may have the decoder keep sixteen of them.
const MOST_MANY: u64 = 4096 * 2304;

/// Why sound is not decoded.
///
/// # Errors
/// A sentence, when something of it is no frame of its codec.
pub(crate) fn refuse_sound(units: &SoundUnits) -> Result<(), String> {
    let name = units.codec.name();
    if units.codec.kind() != Kind::Audio {
        return Err(format!("{name} is no sound"));
    }
    let mut frames = units.frames.iter();
    if !frames.all(|frame| is_frame(units.codec, frame)) {
        return Err(format!("what came are no frames of {name}"));
    }
    Ok(())
}

/// How many of the units may be decoded, at least one; or why none is.
///
/// # Errors
/// A sentence, when the first has no parameter sets that can be read, or one tells of a picture that no source has.
pub(crate) fn refuse(codec: Codec, units: &[Unit]) -> Result<usize, String> {
    if codec.kind() != Kind::Video {
        return Err(format!("{} is no picture", codec.name()));
    }
    if units.is_empty() {
        return Err("there is nothing of a picture".into());
    }
    let mut pixels = 0;
    for (index, unit) in units.iter().take(MOST_FRAMES).enumerate() {
        let sets = ts::sets(codec, &unit.data);
        if sets.damaged {
            return Err("its parameter sets cannot be read".into());
        }
        if index == 0 && !sets.whole {
            return Err("its keyframe comes without parameter sets".into());
        }
        if sets.frame_bytes > MOST_FRAME_BYTES {
            let millions = sets.pixels / 1_000_000;
            return Err(format!(
                "it says that its picture has {millions} million pixels: that is not believed"
            ));
        }
        pixels = pixels.max(sets.pixels);
    }
    let most = match pixels {
        0..=MOST_MANY => MOST_PIXELS / pixels.max(1),
        _ => 1,
    };
    Ok(units.len().min(MOST_FRAMES).min(most.max(1) as usize))
}
