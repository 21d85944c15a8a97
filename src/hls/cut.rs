//! The segment being filled: what it holds, and how long it is.

use bytes::Bytes;

use crate::ts::{Chunk, Ticks};

/// Ticks in a second.
pub(super) const SECOND: Ticks = 90_000;
/// What holding one more part costs beyond its bytes; keeps tiny chunks from being free.
const PART_COST: usize = 64;

/// A segment that is not closed yet.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) parts: Vec<Bytes>,
    /// Bytes of all parts.
    pub(super) bytes: usize,
    /// Bytes, and a charge for each part.
    pub(super) cost: usize,
    /// Starts with a keyframe.
    pub(super) clean: bool,
    /// Does not continue the segment before.
    pub(super) discontinuity: bool,
    start_pts: Option<Ticks>,
    start_clock: Option<Ticks>,
    last_pts: Option<Ticks>,
    last_clock: Option<Ticks>,
    /// Distance of the last two clocks.
    step: Ticks,
}

impl Running {
    /// Begins with the tables and this chunk.
    pub(super) fn start(psi: Bytes, chunk: &Chunk, discontinuity: bool) -> Self {
        let pts = chunk.keyframe.as_ref().map(|keyframe| keyframe.pts);
        let mut running = Self {
            parts: Vec::new(),
            bytes: 0,
            cost: 0,
            clean: pts.is_some(),
            discontinuity,
            start_pts: pts,
            start_clock: None,
            last_pts: None,
            last_clock: None,
            step: 0,
        };
        running.hold(psi);
        running.push(chunk);
        running
    }

    pub(super) fn push(&mut self, chunk: &Chunk) {
        self.hold(chunk.data.clone());
        if let Some(keyframe) = &chunk.keyframe {
            self.last_pts = Some(keyframe.pts);
        }
        if let Some(clock) = chunk.clock {
            if let Some(step) = self.last_clock.and_then(|last| clock.checked_sub(last)) {
                self.step = step;
            }
            self.start_clock.get_or_insert(clock);
            self.last_clock = Some(clock);
        }
    }

    /// What pushing this chunk adds to `cost`.
    pub(super) fn cost_of(chunk: &Chunk) -> usize {
        chunk.data.len() + PART_COST
    }

    /// Duration if `chunk` began the next segment: between keyframes by PTS, else by clock. `None` if neither is
    /// known or time went backwards.
    pub(super) fn until(&self, chunk: &Chunk) -> Option<Ticks> {
        if let (Some(start), Some(keyframe)) = (self.start_pts, &chunk.keyframe) {
            let forward = self.last_pts.is_none_or(|last| keyframe.pts >= last);
            return forward.then(|| keyframe.pts.saturating_sub(start));
        }
        let (start, clock) = (self.start_clock?, chunk.clock?);
        clock.checked_sub(start)
    }

    /// As [`Running::until`], by clock alone, and one step further: what the duration would be after `chunk`.
    pub(super) fn beyond(&self, chunk: &Chunk) -> Option<Ticks> {
        let elapsed = chunk.clock?.checked_sub(self.start_clock?)?;
        Some(elapsed.saturating_add(self.step))
    }

    /// Duration if nothing follows that its end could be measured by. `None` without any clock.
    pub(super) fn on_its_own(&self) -> Option<Ticks> {
        let clocks = self
            .last_clock?
            .checked_sub(self.start_clock?)?
            .saturating_add(self.step);
        let pts = self
            .last_pts
            .zip(self.start_pts)
            .map_or(0, |(last, start)| last.saturating_sub(start));
        Some(clocks.max(pts))
    }

    /// Distance of `chunk`'s keyframe from the last one here.
    pub(super) fn gop_before(&self, chunk: &Chunk) -> Option<Ticks> {
        chunk.keyframe.as_ref()?.pts.checked_sub(self.last_pts?)
    }

    fn hold(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.bytes += part.len();
            self.cost += part.len() + PART_COST;
            self.parts.push(part);
        }
    }
}
