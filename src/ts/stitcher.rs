//! Keeps the feed's timeline going: maps the source's 33-bit stamps to one that never breaks.
//!
//! Each track (and the clock) has the offset it was last mapped with. A break gives the feed a new
//! current offset; a track moves to it when its own stamps have jumped, so that packets which come
//! late from before the break still map as they did.

use super::Ticks;
use super::clock::{SECOND, WRAP, between, distance, first, unwrap_near};

/// A stamp may step back this far (reordering, a sloppy encoder) without being a jump.
const BACK: i64 = SECOND;
/// A stamp may step forward this far (a gap) without being a jump.
const AHEAD: i64 = 10 * SECOND;
/// How far before the feed's clock a track may be when it appears or moves to another offset.
const BEHIND: i64 = 5 * SECOND;
/// Taken for the time between two stamps until it is known: a frame at 25 Hz.
const FRAME: i64 = 3600;
/// Most lines that are kept; beyond it the one unused for longest is replaced.
const MOST_LINES: usize = 64;

/// What a line of stamps belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Clock,
    Video,
    Audio,
}

/// A line of stamps: one PID's clock, or its decoding times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) pid: u16,
    pub(super) class: Class,
}

/// The first stamps of a line on a new timeline, in the source's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) line: Line,
    /// PCR or decoding time.
    pub(super) at: u64,
    /// Presentation time.
    pub(super) pts: u64,
}

#[derive(Clone, Copy, Debug)]
struct State {
    line: Line,
    offset: u64,
    /// Last PCR or decoding time, and latest presentation time, on the feed's timeline.
    last: Ticks,
    top: Ticks,
    /// Last step of `last`.
    step: i64,
    /// The announced breaks before it; earlier ones no longer bind it.
    era: u32,
    used: u64,
}

impl State {
    /// The earliest time of the next stamp on a new timeline. Clocks need only not go back: it is
    /// decoding times that are to join without a gap.
    fn follows(&self, line: Line) -> Ticks {
        let step = if line.class == Class::Clock {
            1
        } else {
            self.step
        };
        self.last.wrapping_add_signed(step)
    }
}

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Stitcher {
    offset: u64,
    previous: Option<u64>,
    /// The stamp mapped last.
    clock: Option<Ticks>,
    lines: Vec<State>,
    era: u32,
    uses: u64,
    /// A break was announced; the next stamp starts the new timeline.
    pending: bool,
}

impl Stitcher {
    /// The next stamp starts a new timeline, whatever it is.
    pub(super) fn announce(&mut self) {
        self.pending = self.clock.is_some();
    }

    /// Whether a break was announced and its timeline has not started.
    pub(super) fn pending(&self) -> bool {
        self.pending
    }

    /// The feed's time: of the stamp mapped last.
    pub(super) fn clock(&self) -> Option<Ticks> {
        self.clock
    }

    /// Whether this stamp can only belong to a timeline that has not begun yet; how far it jumped.
    pub(super) fn breaks(&self, line: Line, raw: u64) -> Option<i64> {
        if self.pending {
            return Some(0);
        }
        if self.choose(line, raw).is_some() {
            return None;
        }
        let (near, step) = self
            .live(line)
            .map_or((self.clock?, 0), |state| (state.last, state.step));
        let offset = self.live(line).map_or(self.offset, |state| state.offset);
        Some(distance(near, raw.wrapping_add(offset)) - step)
    }

    /// Whether a stamp that comes after a found break of `jump` ticks is on the new timeline.
    pub(super) fn jumped(&self, line: Line, raw: u64, jump: i64) -> bool {
        let Some(state) = self.live(line) else {
            return true;
        };
        let off = distance(state.last, raw.wrapping_add(state.offset)) - state.step;
        (off - jump).abs() < off.abs()
    }

    /// Lines that have had a stamp lately, which a new timeline is expected to have as well.
    pub(super) fn alive(&self) -> usize {
        let Some(clock) = self.clock else { return 0 };
        self.lines
            .iter()
            .filter(|state| self.binds(state) && between(state.last, clock).abs() < BEHIND)
            .count()
    }

    /// Starts a new timeline, so that no line's first stamp lies before what it would have had next.
    pub(super) fn begin(&mut self, firsts: &[First]) {
        let announced = std::mem::take(&mut self.pending);
        self.era += u32::from(announced);
        let (Some(clock), Some(base)) = (self.clock, firsts.first()) else {
            return;
        };
        let start = firsts
            .iter()
            .filter_map(|first| self.earliest_start(first, base.at))
            .max();
        let start = start.unwrap_or(clock.wrapping_add_signed(FRAME));
        // Nothing of the old timeline comes late after a break that was announced.
        self.previous = (!announced).then_some(self.offset);
        self.offset = start.wrapping_sub(base.at) & (WRAP - 1);
    }

    /// The earliest time that the source's `base` may get if `first` is to follow its line.
    fn earliest_start(&self, first: &First, base: u64) -> Option<Ticks> {
        // Of the same PID, or else (the PIDs have changed) the latest of the same class. What another source has
        // brought since is not forgotten when a former one with its own PIDs comes back.
        let alike = |state: &&State| state.line.class == first.line.class && self.recent(state);
        let key = |state: &&State| (state.era, state.line == first.line, state.last);
        let state = self.lines.iter().filter(alike).max_by_key(key)?;
        let next = state
            .follows(first.line)
            .wrapping_add_signed(-distance(base, first.at));
        let shown = state
            .top
            .wrapping_add(1)
            .wrapping_add_signed(-distance(base, first.pts));
        Some(next.max(shown))
    }

    /// Maps the stamps of a line: the offset to add to them in the stream, and the time of `raw`.
    pub(super) fn map(&mut self, line: Line, raw: u64, pts: u64) -> (u64, Ticks) {
        let offset = self.choose(line, raw).unwrap_or(self.offset);
        let offset = self.pushed(line, raw, pts, offset);
        let time = self.time(raw, offset);
        let shown = unwrap_near(time, pts.wrapping_add(offset));
        self.clock = Some(time);
        self.uses += 1;
        let fresh = State {
            line,
            offset,
            last: time,
            top: shown,
            step: FRAME,
            era: self.era,
            used: self.uses,
        };
        if let Some(state) = self.lines.iter_mut().find(|state| state.line == line) {
            let step = between(state.last, time);
            if (1..=SECOND).contains(&step) && state.offset == offset && state.era == self.era {
                state.step = step;
            }
            let (top, step) = (state.top.max(shown), state.step);
            *state = State { top, step, ..fresh };
        } else if self.lines.len() < MOST_LINES {
            self.lines.push(fresh);
        } else if let Some(oldest) = self.lines.iter_mut().min_by_key(|state| state.used) {
            *oldest = fresh;
        }
        (offset, time)
    }

    /// A line that spoke too late to have a say in the new timeline may find itself before its own
    /// past. Then the whole timeline moves forward, all tracks alike, so that none goes back.
    fn pushed(&mut self, line: Line, raw: u64, pts: u64, offset: u64) -> u64 {
        let Some(state) = self.lines.iter().find(|state| state.line == line) else {
            return offset;
        };
        let moves = state.offset != offset || state.era != self.era;
        if !moves || offset != self.offset || !self.recent(state) {
            return offset;
        }
        let time = self.time(raw, offset);
        let shown = unwrap_near(time, pts.wrapping_add(offset));
        let (next, after) = (state.follows(line), state.top.wrapping_add(1));
        let missing = between(time, next).max(between(shown, after));
        if missing <= 0 {
            return offset;
        }
        let pushed = offset.wrapping_add_signed(missing) & (WRAP - 1);
        for state in self
            .lines
            .iter_mut()
            .filter(|state| state.offset == offset && state.era == self.era)
        {
            state.offset = pushed;
        }
        self.offset = pushed;
        pushed
    }

    /// Maps a stamp that must neither steer nor break the timeline: subtitles, data.
    pub(super) fn follow(&self, raw: u64) -> (u64, Ticks) {
        (self.offset, self.time(raw, self.offset))
    }

    fn time(&self, raw: u64, offset: u64) -> Ticks {
        let moved = raw.wrapping_add(offset);
        self.clock
            .map_or_else(|| first(moved), |clock| unwrap_near(clock, moved))
    }

    fn binds(&self, state: &State) -> bool {
        state.era == self.era
    }

    fn recent(&self, state: &State) -> bool {
        self.clock
            .is_some_and(|clock| between(state.last, clock).abs() < 60 * SECOND)
    }

    fn live(&self, line: Line) -> Option<&State> {
        self.lines
            .iter()
            .find(|state| state.line == line && self.binds(state))
    }

    /// The offset for a stamp; `None` when it fits none.
    fn choose(&self, line: Line, raw: u64) -> Option<u64> {
        let Some(clock) = self.clock else {
            return Some(self.offset);
        };
        let fits =
            |offset: u64| (-BEHIND..=AHEAD).contains(&distance(clock, raw.wrapping_add(offset)));
        let Some(state) = self.live(line) else {
            return std::iter::once(self.offset)
                .chain(self.previous)
                .find(|&offset| fits(offset));
        };
        let off = |offset: u64| distance(state.last, raw.wrapping_add(offset));
        let own = off(state.offset);
        if (-BACK..=AHEAD).contains(&own) {
            // Not a jump for this line, but perhaps a smaller part of one that others have made.
            let moved = state.offset != self.offset
                && off(self.offset) >= 0
                && (off(self.offset) - state.step).abs() < (own - state.step).abs();
            return Some(if moved { self.offset } else { state.offset });
        }
        // A line that was away for a while has not jumped if the others have moved on with it.
        let stayed = |offset: u64| offset == state.offset && own < 0;
        let known = std::iter::once(self.offset).chain(self.previous);
        known
            .into_iter()
            .find(|&offset| !stayed(offset) && fits(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: Line = Line {
        pid: 0x100,
        class: Class::Video,
    };
    const AUDIO: Line = Line {
        pid: 0x101,
        class: Class::Audio,
    };
    const CLOCK: Line = Line {
        pid: 0x100,
        class: Class::Clock,
    };

    /// Plays 4 s: clock, video half a second ahead, audio a fifth; returns the last times.
    fn play(s: &mut Stitcher, from: u64) -> [Ticks; 3] {
        let mut last = [0; 3];
        for i in 0..100 {
            let at = from.wrapping_add(i * 3600) % WRAP;
            for (n, (line, lead)) in [(CLOCK, 0), (VIDEO, 45_000), (AUDIO, 18_000)]
                .into_iter()
                .enumerate()
            {
                let raw = (at + lead) % WRAP;
                assert_eq!(s.breaks(line, raw), None, "{i} {line:?}");
                last[n] = s.map(line, raw, raw).1;
            }
        }
        last
    }

    fn firsts(from: u64) -> [First; 3] {
        [(CLOCK, 0), (VIDEO, 45_000), (AUDIO, 18_000)].map(|(line, lead)| {
            let at = (from + lead) % WRAP;
            First { line, at, pts: at }
        })
    }

    #[test]
    fn a_source_that_comes_back_goes_on_after_the_one_that_stood_in_for_it() {
        let mut s = Stitcher::default();
        let other = |line: Line| Line {
            pid: line.pid + 0x50,
            ..line
        };
        let mut last = play(&mut s, 900_000)[1];
        for round in 0..4 {
            s.announce();
            let swap = |line| if round % 2 == 0 { other(line) } else { line };
            let firsts = firsts(round * 7_000_000).map(|first| First {
                line: swap(first.line),
                ..first
            });
            s.begin(&firsts);
            for i in 0..100 {
                for first in firsts {
                    let raw = first.at + i * 3600;
                    let time = s.map(first.line, raw, raw).1;
                    if first.line.class == Class::Video {
                        let step = between(last, time);
                        assert!((1..=90_000).contains(&step), "{round} {i}: {step}");
                        last = time;
                    }
                }
            }
        }
    }

    #[test]
    fn wrap_is_no_jump() {
        let mut s = Stitcher::default();
        let last = play(&mut s, WRAP - 200_000);
        assert_eq!(s.offset, 0);
        assert_eq!(last[0], first(WRAP - 200_000) + 99 * 3600);
    }

    #[test]
    fn like_timelines_join_without_gap_or_overlap() {
        for (start, again) in [
            (1_000_000, 0),
            (0, 5_000_000),
            (7, WRAP - 100_000),
            (WRAP - 300_000, 4_000_000),
        ] {
            for announced in [true, false] {
                let mut s = Stitcher::default();
                let before = play(&mut s, start);
                if announced {
                    s.announce();
                }
                assert!(s.breaks(CLOCK, again).is_some());
                assert_eq!(s.alive(), 3);
                s.begin(&firsts(again));
                let after = play(&mut s, again);
                for n in 0..3 {
                    assert_eq!(
                        after[n] - before[n],
                        100 * 3600,
                        "{start} {again} {announced} {n}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_offset_for_all_and_nothing_goes_back() {
        let mut s = Stitcher::default();
        let [_, video, audio] = play(&mut s, 0);
        s.announce();
        // The new source's audio starts 0.4 s before its video, the old one's only 0.3.
        let new =
            [(VIDEO, 100_000_u64), (AUDIO, 64_000)].map(|(line, at)| First { line, at, pts: at });
        s.begin(&new);
        let v = s.map(VIDEO, 100_000, 100_000).1;
        let a = s.map(AUDIO, 64_000, 64_000).1;
        assert_eq!(v - a, 36_000);
        assert!(v > video && a > audio);
        assert_eq!(a, audio + 3600);
    }

    #[test]
    fn shown_times_do_not_go_back_either() {
        let mut s = Stitcher::default();
        s.map(VIDEO, 0, 20_000);
        s.map(VIDEO, 3600, 10_000);
        s.announce();
        s.begin(&[First {
            line: VIDEO,
            at: 50,
            pts: 50,
        }]);
        let (offset, time) = s.map(VIDEO, 50, 50);
        assert_eq!(time, first(20_001));
        assert_eq!(offset, 20_001 - 50);
    }

    #[test]
    fn late_packets_keep_the_old_offset() {
        let mut s = Stitcher::default();
        let before = play(&mut s, 9_000_000);
        let jump = s.breaks(VIDEO, 50_000).unwrap();
        let late = 9_000_000 + 18_000 + 100 * 3600;
        assert!(!s.jumped(AUDIO, late, jump));
        assert!(s.jumped(AUDIO, 23_000, jump));
        s.begin(&[First {
            line: VIDEO,
            at: 50_000,
            pts: 50_000,
        }]);
        assert_eq!(s.map(VIDEO, 50_000, 50_000).1, before[1] + 3600);
        assert_eq!(s.breaks(AUDIO, late), None);
        assert_eq!(s.map(AUDIO, late, late), (0, before[2] + 3600));
        // And then it moves as well.
        assert_eq!(s.breaks(AUDIO, 26_600), None);
        assert_eq!(s.map(AUDIO, 26_600, 26_600).1, before[2] + 2 * 3600);
    }

    #[test]
    fn a_track_below_the_threshold_moves_with_the_others() {
        let mut s = Stitcher::default();
        play(&mut s, 9_000_000);
        let last = 9_000_000 + 99 * 3600;
        let (video, audio) = (last + 45_000 - 91_000, last + 18_000 - 89_000);
        let jump = s.breaks(VIDEO, video).unwrap();
        assert_eq!(s.breaks(AUDIO, audio), None);
        assert!(s.jumped(AUDIO, audio, jump));
        s.begin(&[
            First {
                line: VIDEO,
                at: video,
                pts: video,
            },
            First {
                line: AUDIO,
                at: audio,
                pts: audio,
            },
        ]);
        assert_eq!(s.map(VIDEO, video, video).0, s.map(AUDIO, audio, audio).0);
    }

    #[test]
    fn a_track_that_speaks_late_moves_all_forward() {
        let mut s = Stitcher::default();
        let [_, _, audio] = play(&mut s, 0);
        s.announce();
        s.begin(&[First {
            line: VIDEO,
            at: 500_000,
            pts: 500_000,
        }]);
        let video = s.map(VIDEO, 500_000, 500_000).1;
        assert_eq!(s.breaks(AUDIO, 460_000), None);
        assert_eq!(s.map(AUDIO, 460_000, 460_000).1, audio + 3600);
        let next = s.map(VIDEO, 503_600, 503_600).1;
        assert_eq!(s.map(AUDIO, 463_600, 463_600).1 + 40_000, next);
        assert!(next > video);
    }

    #[test]
    fn a_track_that_was_away_is_no_break() {
        let mut s = Stitcher::default();
        s.map(AUDIO, 0, 0);
        for i in 0..1000 {
            s.map(VIDEO, i * 3600, i * 3600);
        }
        assert_eq!(s.breaks(AUDIO, 1000 * 3600), None);
        assert!(s.breaks(VIDEO, 1000 * 3600 + 12 * 90_000).is_some());
        assert!(s.breaks(VIDEO, 1000 * 3600 - 2 * 90_000).is_some());
    }

    #[test]
    fn stamps_of_any_kind_never_panic() {
        let mut s = Stitcher::default();
        let mut x = 1_u64;
        for i in 0..20_000_u64 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (raw, line) = (
                x >> 31,
                Line {
                    pid: (x % 90) as u16,
                    class: Class::Video,
                },
            );
            if i % 100 == 0 {
                s.announce();
            }
            if s.breaks(line, raw).is_some() {
                s.begin(&[First {
                    line,
                    at: raw,
                    pts: x & (WRAP - 1),
                }]);
            }
            s.map(line, raw, x & (WRAP - 1));
            assert!(s.lines.len() <= MOST_LINES);
        }
    }
}
