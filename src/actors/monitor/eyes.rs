//! What looks mean: from figures of pictures and sound to what is observed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::judge::Judge;
use super::look::Looked;
use crate::actors::sampler::{Pictures, SampleError};
use crate::conditions::{Evidence, Kind, Observation};
use crate::samples::{self, PictureFigures, SoundFigures, Unit};

/// Two pictures this close together in time are alike in any stream.
const APART: Duration = Duration::from_secs(5);
/// Between two that are farther apart much may have happened, even if they are alike.
const CONTINUOUS: Duration = Duration::from_secs(20);
/// Looks whose loudness makes a short-term value: three seconds (EBU Tech 3341, 2.2).
const LOUDNESS_LOOKS: usize = 3;
/// Pictures of which half are smaller than this part of the keyframe hold little change: of moving ones it is a twentieth,
/// of still shots an eightieth, of frozen pictures a sixtieth (an encoder that has bits to spare) to a three-thousandth.
const STILL_SHARE: usize = 45;
/// Fewer pictures prove nothing.
const STILL_UNITS: usize = 10;

/// The newest pictures that tell whether something moves: from the last keyframe on that enough of them follow.
pub(super) fn newest(group: &[Unit]) -> &[Unit] {
    let enough = group.len().saturating_sub(STILL_UNITS);
    let from = group[..enough].iter().rposition(|unit| unit.key);
    &group[from.unwrap_or(0)..]
}

/// Whether the pictures after a keyframe hold so few bytes that nothing may move in them: worth a glance.
pub(super) fn seems_still(group: &[Unit]) -> bool {
    let Some((keyframe, rest)) = group.split_first() else {
        return false;
    };
    let mut sizes: Vec<usize> = rest.iter().map(|unit| unit.data.len()).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2);
    sizes.len() >= STILL_UNITS
        && median.is_some_and(|size| *size < keyframe.data.len() / STILL_SHARE)
}

/// The picture of an earlier look.
#[derive(Clone)]
pub(super) struct Before {
    at: Instant,
    picture: PictureFigures,
}

impl Before {
    /// Whether a picture that is seen now looks the same, though it need not.
    pub(super) fn is_like(&self, picture: &PictureFigures, now: Instant) -> bool {
        self.apart(now) >= APART && self.shows(picture)
    }

    /// Whether another picture looks the same.
    pub(super) fn shows(&self, picture: &PictureFigures) -> bool {
        samples::is_still(&self.picture, picture)
    }

    fn apart(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

/// What the looks before have shown, as far as the next one needs it.
#[derive(Default)]
pub(super) struct Eyes {
    /// Oldest first; the first is the one to compare with, the others take its place when they are old enough.
    before: VecDeque<Before>,
    /// The number of the keyframe that was seen last.
    seen: Option<u64>,
    loudness: VecDeque<SoundFigures>,
}

impl Eyes {
    /// The picture to compare with.
    pub(super) fn before(&self) -> Option<Before> {
        self.before.front().cloned()
    }

    /// The number of the keyframe that was seen last.
    pub(super) fn seen(&self) -> Option<u64> {
        self.seen
    }

    /// Judges a look.
    pub(super) fn judge(&mut self, judge: &mut Judge, looked: Looked) {
        self.seen = looked.number.or(self.seen);
        if let Some(tracks) = &looked.tracks {
            judge.tracks(tracks);
        }
        match looked.picture {
            Some(Ok(key)) => self.picture(judge, looked.at, &key, looked.group.as_ref()),
            Some(Err(error)) => undecoded(judge, Kind::NoVideo, &error),
            None => {}
        }
        match looked.sound {
            Some(Ok(sound)) => self.sound(judge, sound),
            Some(Err(error)) => undecoded(judge, Kind::NoAudio, &error),
            None => {}
        }
    }

    fn picture(
        &mut self,
        judge: &mut Judge,
        at: Instant,
        key: &Pictures,
        group: Option<&Pictures>,
    ) {
        let Some(first) = key.frames.first() else {
            return;
        };
        let frames = group.map_or(&[][..], |group| &group.frames);
        let black = samples::is_black(first) && frames.iter().all(samples::is_black);
        let evidence = Evidence::new("the picture is black")
            .number("mean_luma", first.mean.into())
            .number("dark_share", first.dark.into());
        // A closer look that sees a black group is still one moment: fades are as long.
        judge.observe(if black {
            Observation::present(Kind::Black, evidence)
        } else {
            Observation::absent(Kind::Black)
        });
        judge.observe(self.frozen(at, first, frames, black));
        self.remember(at, first);
    }

    /// Keeps the newest picture that the next look can be compared with, and those that come after it.
    fn remember(&mut self, at: Instant, picture: &PictureFigures) {
        let recent = self.before.back();
        if recent.is_none_or(|recent| recent.apart(at) >= APART / 4) {
            self.before.push_back(Before {
                at,
                picture: picture.clone(),
            });
        }
        while self
            .before
            .get(1)
            .is_some_and(|next| next.apart(at) >= APART)
        {
            self.before.pop_front();
        }
    }

    /// Nothing moves in all pictures that were seen, and nothing has since the look before, if that was not long ago.
    fn frozen(
        &self,
        at: Instant,
        key: &PictureFigures,
        frames: &[PictureFigures],
        black: bool,
    ) -> Observation {
        let stands = frames.len() > 1 && samples::is_frozen(frames);
        // A black picture is black, not frozen.
        if black || !stands {
            return Observation::absent(Kind::Frozen);
        }
        let evidence = Evidence::new("the picture does not move");
        let Some(before) = self.before.front() else {
            return Observation::present(Kind::Frozen, evidence);
        };
        let apart = before.apart(at);
        let evidence = evidence.number("seconds_apart", apart.as_secs_f64());
        let seen = Observation::present(Kind::Frozen, evidence);
        if apart < APART {
            seen
        } else if !samples::is_still(&before.picture, key) {
            // It has moved since; if it stands now, that is new.
            seen
        } else if apart <= CONTINUOUS {
            seen.lasting(apart).confirmed()
        } else {
            seen
        }
    }

    fn sound(&mut self, judge: &mut Judge, sound: SoundFigures) {
        if self.loudness.len() == LOUDNESS_LOOKS {
            self.loudness.pop_front();
        }
        let silent = samples::is_silent(&sound);
        let evidence = Evidence::new("the sound is silent").number("peak_dbfs", sound.peak);
        self.loudness.push_back(sound);
        judge.observe(if silent {
            let loudness = short_term(&self.loudness);
            Observation::present(Kind::Silent, evidence.number("short_term_lufs", loudness))
        } else {
            Observation::absent(Kind::Silent)
        });
    }
}

/// Loudness of some looks together, LUFS: of three of a second each the short-term loudness of EBU R128.
fn short_term(looks: &VecDeque<SoundFigures>) -> f64 {
    let energy: f64 = looks.iter().map(SoundFigures::energy).sum();
    -0.691 + 10.0 * (energy / looks.len().max(1) as f64).log10()
}

/// A track that comes and cannot be decoded is none.
fn undecoded(judge: &mut Judge, kind: Kind, error: &SampleError) {
    if error.blames_source() {
        judge.observe(Observation::present(kind, Evidence::new(error.to_string())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn unit(bytes: usize, key: bool) -> Unit {
        Unit {
            data: Bytes::from(vec![0; bytes]),
            pts: 0,
            dts: 0,
            key,
        }
    }

    #[test]
    fn what_holds_hardly_any_change_seems_still() {
        let key = unit(40_000, true);
        let group = |many: usize, bytes: usize| {
            let rest = std::iter::repeat_n(unit(bytes, false), many);
            std::iter::once(key.clone()).chain(rest).collect::<Vec<_>>()
        };
        assert!(seems_still(&group(48, 700)));
        assert!(!seems_still(&group(48, 900)));
        assert!(!seems_still(&group(5, 700)), "too few");
        // What counts is what was shown last, if that is enough.
        let moved = |then: Vec<Unit>| [group(48, 9_000), then].concat();
        assert!(seems_still(newest(&moved(group(48, 700)))));
        assert!(!seems_still(newest(&moved(group(5, 700)))));
        assert_eq!(newest(&group(3, 700)).len(), 4);
        assert_eq!(newest(&[]).len(), 0);
    }
}
