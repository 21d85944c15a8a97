//! What figures say. Each sees one moment only: how long it lasts is for others to tell.

use super::picture::PictureFigures;
use super::signature::Distance;
use super::sound::SoundFigures;

/// Away from its corners at least so much of a black picture is dark, and nothing is brighter than this.
const BLACK_INSIDE: f32 = 0.985;
const BLACK_PEAK: f32 = 40.0;
/// Logos in all four corners leave so much of it.
const BLACK_ALL: f32 = 0.85;

/// Keyframes seconds apart that show the same. Coding a still picture again at a low bitrate changes it by up to
/// (1.4, 5.6, 3.9); slow pans and dim scenes are (9, 25, 10) and more apart.
const STILL: Distance = Distance {
    mean: 2.5,
    most: 9.0,
    fine: 6.0,
};
/// Frames next to each other that are the same, for the middle one of all pairs: an encoder repeats them with hardly a
/// bit, (0.03, 0.47, 0.04); of a still shot with grain, coded so low that most of the grain is lost, it is (0.08, 0.76,
/// 0.16).
const FROZEN: Distance = Distance {
    mean: 0.05,
    most: 1.0,
    fine: 0.08,
};

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

/// Whether the frames of a group, next to each other, are one and the same picture: half of the pairs or more hardly
/// differ, and the first and the last show the same. `false` for less than two. A picture that is drawn is, too, while
/// nothing moves in it: that it lasts is told by [`is_still`].
pub fn is_frozen(frames: &[PictureFigures]) -> bool {
    let (Some((first, others)), Some(last)) = (frames.split_first(), frames.last()) else {
        return false;
    };
    let same = frames.windows(2).filter(|pair| {
        let apart = pair[0].signature.distance(&pair[1].signature);
        apart.is_some_and(|apart| within(&apart, &FROZEN))
    });
    !others.is_empty() && same.count() * 2 >= others.len() && is_still(first, last)
}

/// Whether nothing is to be heard.
pub fn is_silent(sound: &SoundFigures) -> bool {
    sound.momentary <= SILENT && sound.peak <= SILENT_PEAK
}

fn within(apart: &Distance, most: &Distance) -> bool {
    apart.mean <= most.mean && apart.most <= most.most && apart.fine <= most.fine
}
