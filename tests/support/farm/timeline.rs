//! Which segments a channel has made and will make. Pure: time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::clip::{Clip, Take};
use super::damage::Damage;

/// Clock values are 33 bits of 90 kHz (ISO/IEC 13818-1, 2.4.3).
const WRAP: u64 = 1 << 33;

/// How a channel plays its clip.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) pieces: usize,
    pub(super) window: u64,
    pub(super) begin: usize,
    pub(super) phase: Duration,
    pub(super) clock: u64,
    pub(super) marked: bool,
}

impl Default for Layout {
    /// Segments of two pieces (4 s), five of which are listed; a seamless loop.
    fn default() -> Self {
        Self {
            pieces: 2,
            window: 5,
            begin: 0,
            phase: Duration::ZERO,
            clock: 0,
            marked: false,
        }
    }
}

impl Layout {
    /// Segments of one piece, 2 s.
    pub fn short() -> Self {
        Self {
            pieces: 1,
            ..Self::default()
        }
    }

    /// Begins at this piece of the clip.
    pub fn begin_at(mut self, piece: usize) -> Self {
        self.begin = piece;
        self
    }

    /// The next segment is whole so much sooner than one segment after the start.
    pub fn phase(mut self, phase: Duration) -> Self {
        self.phase = phase;
        self
    }

    /// The clock at the start, in 90 kHz ticks.
    pub fn clock(mut self, ticks: u64) -> Self {
        self.clock = ticks;
        self
    }

    /// Where the clip begins again, the clock does too, and the playlist says so.
    pub fn marked(mut self) -> Self {
        self.marked = true;
        self
    }
}

/// A segment that has been made.
#[derive(Debug, Clone)]
pub struct Made {
    pub sequence: u64,
    pub discontinuity: bool,
    /// Discontinuities up to and with this segment.
    pub discontinuities: u64,
    pub damage: Damage,
    pub parts: Vec<Part>,
}

/// A piece of the clip as it is played in a segment.
#[derive(Debug, Clone)]
pub struct Part {
    pub take: Take,
    pub piece: usize,
    /// Added to its clocks.
    pub ticks: u64,
    /// Added to the counters of each PID.
    pub steps: Vec<(u16, u8)>,
}

/// The segments of a channel.
pub struct Timeline {
    layout: Layout,
    made: VecDeque<Made>,
    next: u64,
    discontinuities: u64,
    /// The next continuity counter of each PID.
    counters: BTreeMap<u16, u8>,
}

impl Timeline {
    /// Nothing is made yet.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            made: VecDeque::new(),
            next: 0,
            discontinuities: 0,
            counters: BTreeMap::new(),
        }
    }

    /// Seconds of each segment.
    pub fn seconds(&self, clip: &Clip) -> f64 {
        self.layout.pieces as f64 * clip.piece_seconds()
    }

    /// Makes what is whole `now` seconds after the start, when the window was full, as it is played now.
    pub fn advance(&mut self, now: f64, clip: &Clip, take: Take, damage: Damage) {
        let whole = (now + self.layout.phase.as_secs_f64()) / self.seconds(clip) + 1e-6;
        let edge = self.layout.window + whole as u64;
        while self.next < edge {
            let made = self.make(clip, take, damage);
            self.made.push_back(made);
            if self.made.len() as u64 > 2 * self.layout.window + 4 {
                self.made.pop_front();
            }
        }
    }

    /// What a playlist lists that is so many segments old.
    pub fn window(&self, behind: u64) -> impl Iterator<Item = &Made> {
        let end = self.next.saturating_sub(behind);
        let first = end.saturating_sub(self.layout.window);
        self.made
            .iter()
            .filter(move |made| (first..end).contains(&made.sequence))
    }

    /// How many seconds of the next segment have passed `now` seconds after the start.
    pub fn passed(&self, now: f64, clip: &Clip) -> f64 {
        let whole = (self.next - self.layout.window) as f64 * self.seconds(clip);
        now + self.layout.phase.as_secs_f64() - whole
    }

    /// The number of the next segment.
    pub fn edge(&self) -> u64 {
        self.next
    }

    /// A segment that is listed, or was until one window ago (RFC 8216, 6.2.2).
    pub fn get(&self, sequence: u64) -> Option<&Made> {
        self.made.iter().find(|made| made.sequence == sequence)
    }

    fn make(&mut self, clip: &Clip, take: Take, damage: Damage) -> Made {
        let sequence = self.next;
        self.next += 1;
        let (round, pieces) = (clip.pieces() as u64, self.layout.pieces as u64);
        let first = self.layout.begin as u64 + sequence * pieces;
        let again = self.layout.marked && first.is_multiple_of(round) && sequence > 0;
        if again {
            self.counters.clear();
            self.discontinuities += 1;
        }
        let part = |at| self.part(clip, take, damage, at);
        let parts = (first..first + pieces).map(part).collect();
        Made {
            sequence,
            discontinuity: again,
            discontinuities: self.discontinuities,
            damage,
            parts,
        }
    }

    fn part(&mut self, clip: &Clip, take: Take, damage: Damage, at: u64) -> Part {
        let round = clip.pieces() as u64;
        let (piece, rounds) = ((at % round) as usize, at / round);
        let counters = &clip.piece(take, piece).counters;
        let mut steps = Vec::with_capacity(counters.len());
        for &(pid, first, count) in counters {
            let next = self.counters.entry(pid).or_insert(first);
            steps.push((pid, (*next + 16 - first) & 0x0f));
            if !damage.takes_away(pid, clip.tracks) {
                *next = ((usize::from(*next) + count) & 0x0f) as u8;
            }
        }
        let gone = if self.layout.marked { 0 } else { rounds };
        let length = (clip.piece_seconds() * round as f64 * 90_000.0).round() as u64;
        Part {
            take,
            piece,
            ticks: (self.layout.clock + gone * length) % WRAP,
            steps,
        }
    }
}
