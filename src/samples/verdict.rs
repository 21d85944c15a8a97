//! What figures say. Each sees one moment only: how long it lasts is for others to tell.

use super::picture::PictureFigures;
use super::signature::Distance;
use super::sound::SoundFigures;

/// Away from its corners at least so much of a black picture is dark, and nothing is brighter than this.
const BLACK_INSIDE: f32 = 0.985;
const BLACK_PEAK: f32 = 40.0;
/// Logos in all four corners leave so much of it.
const BLACK_ALL: f32 = 0.85;

/// Keyframes seconds apart that show the same: what coding the same picture again makes of it is less.
const STILL: Distance = Distance {
    mean: 0.8,
    most: 4.0,
    fine: 2.0,
};
/// Frames next to each other that are the same: an encoder repeats them with hardly a bit.
const FROZEN: Distance = Distance {
    mean: 0.06,
    most: 0.5,
    fine: 0.12,
};
/// Share of the pairs of a group that must be the same. A keyframe is coded anew.
const FROZEN_SHARE: f32 = 0.9;

/// Nobody hears it, LUFS.
const SILENT: f64 = -60.0;
/// A click in silence is none of it; music that has just ended is not silent yet, dBFS.
const SILENT_PEAK: f64 = -42.0;

/// Whether it is black: also with a logo in a corner, in a frame of bars, with noise. Dark scenes are not.
pub fn is_black(picture: &PictureFigures) -> bool {
    picture.dark_inside >= BLACK_INSIDE
        && picture.peak_inside <= BLACK_PEAK
        && picture.dark >= BLACK_ALL
}

/// Whether two keyframes, seconds apart, show the same picture. A still shot may, too: [`is_frozen`] tells them apart.
pub fn is_still(before: &PictureFigures, after: &PictureFigures) -> bool {
    before
        .signature
        .distance(&after.signature)
        .is_some_and(|apart| within(&apart, &STILL))
}

/// Whether the frames of a group, next to each other, are one and the same picture. `false` for less than two.
pub fn is_frozen(frames: &[PictureFigures]) -> bool {
    let pairs = frames.len().saturating_sub(1);
    let same = frames.windows(2).filter(|pair| {
        let apart = pair[0].signature.distance(&pair[1].signature);
        apart.is_some_and(|apart| within(&apart, &FROZEN))
    });
    let ends = frames.first().zip(frames.last());
    pairs > 0
        && same.count() as f32 >= pairs as f32 * FROZEN_SHARE
        && ends.is_some_and(|(first, last)| is_still(first, last))
}

/// Whether nothing is to be heard.
pub fn is_silent(sound: &SoundFigures) -> bool {
    sound.momentary <= SILENT && sound.peak <= SILENT_PEAK
}

fn within(apart: &Distance, most: &Distance) -> bool {
    apart.mean <= most.mean && apart.most <= most.most && apart.fine <= most.fine
}
