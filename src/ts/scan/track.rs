//! What is followed of a video or audio track, or another.

use super::clock::{Pulse, time};
use super::report::TrackReport;
use super::timer::Timer;
use crate::ts::clock::{SECOND, distance};
use crate::ts::pes::Pes;
use crate::ts::{Codec, Kind, Ticks};

/// The longest distance of presentation times (ISO/IEC 13818-1, 2.7.4).
const LONGEST_STEP: i64 = SECOND * 7 / 10;
/// A step of more than so many usual ones is a gap: some encoders put a second of sound into a unit.
const UNUSUAL: i64 = 3;
/// Decoding time that goes back by more than this has jumped; by less, a unit is out of order.
const BACK: i64 = -2 * SECOND;
/// Decoding time that goes on by more than this has jumped.
const FORTH: i64 = 60 * SECOND;

/// A track and what was counted of it.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) pid: u16,
    pub(super) codec: Codec,
    pub(super) pulse: Pulse,
    /// Packets of it, whatever they hold.
    pub(super) presence: Timer,
    dts: Option<u64>,
    /// The newest in display order.
    pts: Option<u64>,
    /// A usual step of the decoding time; 0 before the first.
    usual: i64,
    /// Media time at the newest start of a unit, or where waiting for one began.
    unit_at: Ticks,
    packets: u64,
    scrambled: u64,
    units: u64,
    gaps: u64,
    longest_gap: i64,
    jumps: u64,
}

/// What a unit's stamp tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamped {
    /// The decoding time went on by so much.
    pub(super) step: Option<u64>,
    /// By more than TR 101 290 allows.
    pub(super) late: bool,
}

impl Track {
    pub(super) fn new(pid: u16, codec: Codec, now: Ticks) -> Self {
        Self {
            pid,
            codec,
            pulse: Pulse::default(),
            presence: Timer::default(),
            dts: None,
            pts: None,
            usual: 0,
            unit_at: now,
            packets: 0,
            scrambled: 0,
            units: 0,
            gaps: 0,
            longest_gap: 0,
            jumps: 0,
        }
    }

    /// Video or audio: what has to be there, and to go on.
    pub(super) fn is_media(&self) -> bool {
        matches!(self.codec.kind(), Kind::Video | Kind::Audio)
    }

    pub(super) fn pts(&self) -> Option<u64> {
        self.pts
    }

    pub(super) fn packet(&mut self, scrambled: bool) {
        self.packets += 1;
        self.scrambled += u64::from(scrambled);
        self.presence.seen();
    }

    /// A unit begins.
    pub(super) fn unit(&mut self, now: Ticks) {
        self.units += 1;
        self.unit_at = now;
    }

    /// The stamps of a unit that begins.
    pub(super) fn stamp(&mut self, pes: &Pes) -> Stamped {
        let (Some(dts), Some(pts)) = (pes.decode_time(), pes.pts) else {
            return Stamped::default();
        };
        let step = self.dts.map(|before| distance(before, dts));
        if step.is_some_and(|step| (BACK..0).contains(&step)) {
            return Stamped::default();
        }
        self.dts = Some(dts);
        let shown = |before| step.is_none_or(|s| s > FORTH) || distance(before, pts.value) > 0;
        if step.is_some_and(|s| s < BACK) || self.pts.is_none_or(shown) {
            self.pts = Some(pts.value);
        }
        let Some(step) = step else {
            return Stamped::default();
        };
        if !(BACK..=FORTH).contains(&step) {
            self.jumps += u64::from(self.is_media());
            return Stamped::default();
        }
        let late = self.is_media() && step > LONGEST_STEP;
        if late && self.usual > 0 && step > self.usual * UNUSUAL {
            self.gaps += 1;
            self.longest_gap = self.longest_gap.max(step);
        } else if self.usual == 0 {
            self.usual = step;
        } else {
            self.usual += (step - self.usual) / 8;
        }
        Stamped {
            step: Some(step as u64),
            late,
        }
    }

    /// What comes next does not continue what came before.
    pub(super) fn rebase(&mut self, now: Ticks) {
        self.rebase_stamps();
        self.pulse = Pulse::default();
        self.presence.restart();
        self.unit_at = now;
    }

    /// The same, of its times alone.
    pub(super) fn rebase_stamps(&mut self) {
        self.dts = None;
        self.pts = None;
    }

    /// What was counted since the last time.
    pub(super) fn take(&mut self, now: Ticks) -> TrackReport {
        TrackReport {
            pid: self.pid,
            codec: self.codec,
            packets: std::mem::take(&mut self.packets),
            scrambled: std::mem::take(&mut self.scrambled),
            units: std::mem::take(&mut self.units),
            last_pts: self.pts,
            silent_for: time(now.saturating_sub(self.unit_at)),
            gaps: std::mem::take(&mut self.gaps),
            longest_gap: time(std::mem::take(&mut self.longest_gap) as u64),
            jumps: std::mem::take(&mut self.jumps),
        }
    }
}
