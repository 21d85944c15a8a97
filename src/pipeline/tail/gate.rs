//! When the tracks of an ingest go to the muxer: pure.
//!
//! The muxer's tables list the tracks it has at its first packet, and it waits for each of them. So it is given all at
//! once: those that have brought something, when all that may come are known. A track that was announced and brings
//! nothing must not hold up the others for ever.

use super::codec::Kind;

/// Audio tracks that are taken; the first in the source is the first.
const AUDIO_TRACKS: usize = 4;

/// What is known of the tracks.
#[derive(Debug)]
pub(super) struct Gate {
    /// Places that may still bring tracks.
    sources: usize,
    /// Tracks that are being unpacked: what they are is not known yet.
    undecided: usize,
    claimed: (bool, usize),
    /// Some track cannot be held any longer.
    pressed: bool,
    open: bool,
    tracks: Vec<(Kind, State)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Announced.
    Silent,
    /// Something went in, and nothing has come out yet.
    Fed,
    /// The first that came out is held.
    Ready,
    /// It ended before anything came out.
    Ended,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, for now.
    Wait,
    /// These go to the muxer, in this order; others never will.
    Open(Vec<usize>),
    /// There is nothing to show, and nothing more comes.
    Nothing,
}

impl Gate {
    pub(super) fn new(sources: usize) -> Self {
        Self {
            sources,
            undecided: 0,
            claimed: (false, 0),
            pressed: false,
            open: false,
            tracks: Vec::new(),
        }
    }

    /// Whether a track of this kind is wanted; if so it is reckoned with.
    pub(super) fn claim(&mut self, kind: Kind) -> bool {
        let (video, audio) = &mut self.claimed;
        let wanted = !self.open
            && match kind {
                Kind::Video => !*video,
                Kind::Audio => *audio < AUDIO_TRACKS,
            };
        match kind {
            Kind::Video if wanted => *video = true,
            Kind::Audio if wanted => *audio += 1,
            _ => {}
        }
        wanted
    }

    /// A claimed track is to be unpacked first.
    pub(super) fn unpacks(&mut self) {
        self.undecided += 1;
    }

    /// One of these has turned out to be something, or nothing.
    pub(super) fn unpacked(&mut self) -> Verdict {
        self.undecided = self.undecided.saturating_sub(1);
        self.decide()
    }

    /// A claimed track is there.
    pub(super) fn add(&mut self, kind: Kind) -> usize {
        self.tracks.push((kind, State::Silent));
        self.tracks.len() - 1
    }

    /// Something of a track went in.
    pub(super) fn fed(&mut self, track: usize) {
        self.advance(track, State::Silent, State::Fed);
    }

    /// Something of a track has come out.
    pub(super) fn ready(&mut self, track: usize) -> Verdict {
        self.advance(track, State::Silent, State::Ready);
        self.advance(track, State::Fed, State::Ready);
        self.decide()
    }

    /// A track has ended.
    pub(super) fn ended(&mut self, track: usize) -> Verdict {
        self.advance(track, State::Silent, State::Ended);
        self.advance(track, State::Fed, State::Ended);
        self.decide()
    }

    /// A source has no more tracks than those it brought.
    pub(super) fn complete(&mut self) -> Verdict {
        self.sources = self.sources.saturating_sub(1);
        self.decide()
    }

    /// A track has as much as it can hold, or has waited long enough for the others.
    pub(super) fn press(&mut self) -> Verdict {
        self.pressed = true;
        self.decide()
    }

    /// True when what comes goes to the muxer or, if it comes too late for that, nowhere.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    fn advance(&mut self, track: usize, from: State, to: State) {
        if let Some((_, state)) = self.tracks.get_mut(track).filter(|(_, s)| *s == from) {
            *state = to;
        }
    }

    fn decide(&mut self) -> Verdict {
        let waits = self.tracks.iter().any(|(_, state)| match state {
            State::Silent => !self.pressed,
            State::Fed => true,
            State::Ready | State::Ended => false,
        });
        let all_here = self.sources == 0 && self.undecided == 0;
        if self.open || waits || !(all_here || self.pressed) {
            return Verdict::Wait;
        }
        let mut ready: Vec<_> = (0..self.tracks.len())
            .filter(|track| self.tracks[*track].1 == State::Ready)
            .collect();
        if !ready.is_empty() {
            self.open = true;
            ready.sort_by_key(|track| self.tracks[*track].0);
            Verdict::Open(ready)
        } else if all_here && self.tracks.iter().all(|(_, state)| *state == State::Ended) {
            self.open = true;
            Verdict::Nothing
        } else {
            Verdict::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gate(kinds: &[Kind]) -> Gate {
        let mut gate = Gate::new(1);
        for kind in kinds {
            assert!(gate.claim(*kind));
            gate.add(*kind);
        }
        gate
    }

    #[test]
    fn it_opens_when_all_have_brought_something_the_picture_first() {
        let mut gate = gate(&[Kind::Audio, Kind::Video]);
        assert_eq!(gate.ready(0), Verdict::Wait);
        assert_eq!(gate.ready(1), Verdict::Wait);
        assert_eq!(gate.complete(), Verdict::Open(vec![1, 0]));
        assert!(!gate.claim(Kind::Audio), "too late");
    }

    #[test]
    fn a_track_that_brings_nothing_is_left_behind_and_a_slow_one_is_not() {
        let mut silent = gate(&[Kind::Video, Kind::Audio]);
        silent.complete();
        silent.ready(0);
        assert_eq!(silent.press(), Verdict::Open(vec![0]));
        let mut slow = gate(&[Kind::Video, Kind::Audio]);
        slow.complete();
        slow.fed(0);
        slow.press();
        assert_eq!(
            slow.ready(1),
            Verdict::Wait,
            "the decoder of the picture starts"
        );
        assert_eq!(slow.ready(0), Verdict::Open(vec![0, 1]));
    }

    #[test]
    fn no_track_at_all_is_told_once() {
        let mut gate = gate(&[Kind::Video]);
        assert_eq!(gate.complete(), Verdict::Wait);
        assert_eq!(gate.ended(0), Verdict::Nothing);
        assert_eq!(gate.ended(0), Verdict::Wait);
    }

    #[test]
    fn surplus_tracks_are_not_wanted() {
        let mut gate = gate(&[
            Kind::Video,
            Kind::Audio,
            Kind::Audio,
            Kind::Audio,
            Kind::Audio,
        ]);
        assert!(!gate.claim(Kind::Video) && !gate.claim(Kind::Audio));
    }

    proptest! {
        #[test]
        fn it_opens_at_most_once_and_only_for_ready_tracks(steps in prop::collection::vec((0u8..6, 0usize..3), 0..40)) {
            let mut gate = gate(&[Kind::Video, Kind::Audio, Kind::Audio]);
            let mut opened = 0;
            let mut came = [false; 3];
            for (step, track) in steps {
                let verdict = match step {
                    0 => { gate.fed(track); Verdict::Wait }
                    // a track that ended brings nothing more
                    1 if gate.tracks[track].1 == State::Ended => Verdict::Wait,
                    1 => { came[track] = true; gate.ready(track) }
                    2 => gate.ended(track),
                    3 => gate.complete(),
                    4 => gate.press(),
                    _ => gate.unpacked(),
                };
                if let Verdict::Open(ready) = verdict {
                    opened += 1;
                    prop_assert!(!ready.is_empty() && ready.iter().all(|track| came[*track]));
                }
            }
            prop_assert!(opened <= 1);
        }
    }
}
