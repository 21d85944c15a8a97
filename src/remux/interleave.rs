//! Puts the units of all tracks into the order of their decoding times, without waiting for ever.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Limits;
use super::format::Format;

/// Frames of sound are put together until they last this long, or take this many bytes.
const GROUP_TICKS: i64 = 80 * 90;
const GROUP_BYTES: usize = 2700;
/// How far a frame may be from where the one before it ends and still continue it.
const JOINT: i64 = 2 * 90;
/// What a unit is charged besides its bytes.
const OVERHEAD: usize = 160;
/// How far behind the output a unit may come and still be passed on.
const LATE: i64 = 45_000;

/// A moment: on which of the timelines that breaks divide, and its time there in 90 kHz.
pub(super) type Moment = (u32, i64);

/// What becomes one PES packet.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) at: Moment,
    pub(super) pts: i64,
    pub(super) duration: i64,
    pub(super) key: bool,
    pub(super) data: Vec<u8>,
    pub(super) format: Arc<Format>,
}

/// The units of a track that wait for their turn.
#[derive(Debug)]
struct Lane {
    queue: VecDeque<Unit>,
    /// The last unit may still grow.
    open: bool,
    /// Nothing before this moment will come.
    reached: Moment,
    /// It is waited for.
    live: bool,
    /// Sum of the steps between the units in the queue.
    span: i64,
}

/// See the module's page.
#[derive(Debug)]
pub(super) struct Interleaver {
    lanes: Vec<Lane>,
    hold: i64,
    hold_bytes: usize,
    bytes: usize,
    /// Inputs whose tracks are not known yet and are waited for.
    awaited: Vec<bool>,
    /// Of the unit that went out last.
    last: Option<Moment>,
    late: u64,
}

impl Interleaver {
    pub(super) fn new(inputs: usize, limits: &Limits) -> Self {
        Self {
            lanes: Vec::new(),
            hold: (limits.hold.as_micros() * 9 / 100) as i64,
            hold_bytes: limits.hold_bytes,
            bytes: 0,
            awaited: vec![true; inputs],
            last: None,
            late: 0,
        }
    }

    /// Bytes that are held, with a charge for each unit.
    pub(super) fn held(&self) -> usize {
        self.bytes
    }

    /// Units that were dropped because they came too late.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// Whether the tracks of an input are to be waited for.
    pub(super) fn await_tracks(&mut self, input: usize, yes: bool) {
        self.awaited[input] = yes;
    }

    /// A new lane's number; they count from 0.
    pub(super) fn add_lane(&mut self) -> usize {
        self.lanes.push(Lane {
            queue: VecDeque::new(),
            open: false,
            reached: (0, i64::MIN),
            live: true,
            span: 0,
        });
        self.lanes.len() - 1
    }

    /// Whether units of the lane are still to go out.
    pub(super) fn holds(&self, lane: usize) -> bool {
        !self.lanes[lane].queue.is_empty()
    }

    /// The lane's next unit belongs to a timeline of this number.
    pub(super) fn turn(&mut self, lane: usize, era: u32) {
        let lane = &mut self.lanes[lane];
        lane.open = false;
        lane.reached = lane.reached.max((era, i64::MIN));
    }

    /// What has come of this lane need not wait for more of its kind.
    pub(super) fn close(&mut self, lane: usize) {
        self.lanes[lane].open = false;
    }

    /// Nothing is to be waited for on this lane, until it has something.
    pub(super) fn rest(&mut self, lane: usize) {
        self.lanes[lane].open = false;
        self.lanes[lane].live = false;
    }

    /// The timeline that the output is on.
    pub(super) fn era(&self) -> u32 {
        self.last.map_or(0, |(era, _)| era)
    }

    /// Queues a unit; `group`: it may be put together with those next to it.
    pub(super) fn add(&mut self, lane: usize, unit: Unit, group: bool) {
        let hold = self.hold;
        let lane = &mut self.lanes[lane];
        lane.reached = (unit.at.0, unit.at.1.saturating_add(unit.duration));
        if let Some((era, time)) = self.last
            && unit.at.0 == era
            && unit.at.1 < time.saturating_sub(LATE)
        {
            self.late += 1;
            // It may catch up if the others wait; if it is too far behind, they would wait in vain.
            lane.live |= time.saturating_sub(unit.at.1) < hold;
            return;
        }
        lane.live = true;
        self.bytes += unit.data.len();
        let group = group && unit.duration > 0;
        if lane.open
            && let Some(back) = lane.queue.back_mut()
            && group
            && back.at.0 == unit.at.0
            && (back.at.1 + back.duration - unit.at.1).abs() <= JOINT
            && back.duration + unit.duration <= GROUP_TICKS
            && back.data.len() + unit.data.len() <= GROUP_BYTES
            && Arc::ptr_eq(&back.format, &unit.format)
        {
            back.duration = unit.at.1 + unit.duration - back.at.1;
            lane.open = back.duration + unit.duration <= GROUP_TICKS;
            back.data.extend_from_slice(&unit.data);
            return;
        }
        self.bytes += OVERHEAD;
        if let Some(back) = lane.queue.back() {
            lane.span += step(back, &unit);
        }
        lane.open = group && 2 * unit.duration <= GROUP_TICKS;
        lane.queue.push_back(unit);
    }

    /// The next unit with its lane's number, if its turn has come; `all`: nothing more will come.
    pub(super) fn next(&mut self, all: bool) -> Option<(usize, Unit)> {
        let heads = self.lanes.iter().enumerate();
        let (at, index) = heads
            .filter_map(|(index, lane)| Some((lane.queue.front()?.at, index)))
            .min()?;
        let over = all
            || self.bytes > self.hold_bytes
            || self.lanes.iter().any(|lane| lane.span > self.hold);
        let behind = |lane: &Lane| lane.live && lane.queue.is_empty() && lane.reached < at;
        if over {
            self.awaited.fill(false);
            let late = self.lanes.iter_mut().filter(|lane| behind(lane));
            late.for_each(|lane| lane.live = false);
        } else if self.awaited.contains(&true) || self.lanes.iter().any(behind) {
            return None;
        }
        let lane = &mut self.lanes[index];
        if lane.queue.len() == 1 && lane.open {
            if !over {
                return None;
            }
            lane.open = false;
        }
        let unit = lane.queue.pop_front()?;
        if let Some(next) = lane.queue.front() {
            lane.span -= step(&unit, next);
        }
        self.bytes -= unit.data.len() + OVERHEAD;
        self.last = self.last.max(Some(at));
        Some((index, unit))
    }
}

/// Time from one unit to the next, as far as it counts for what is held.
fn step(from: &Unit, to: &Unit) -> i64 {
    const MOST: i64 = 10 * 90_000;
    if from.at.0 == to.at.0 {
        (to.at.1 - from.at.1).clamp(0, MOST)
    } else {
        0
    }
}
