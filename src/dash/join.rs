//! Where to begin in a presentation, and whether one has fallen behind it.

use std::time::Duration;

use super::mpd::{Mpd, Period};
use super::slots::Slots;

/// Without a suggestion of the provider: so many segments from the end.
const SEGMENTS: u32 = 3;
/// Where no segment has a length.
const TARGET: Duration = Duration::from_secs(4);
/// As far behind (or ahead of) where it would begin now, one begins anew.
const MAX_OFF: Duration = Duration::from_mins(1);

/// The live edge for one track.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// Where what is available ends, since the start of the presentation.
    pub(super) end: Duration,
    /// How far from that a player begins.
    back: Duration,
    /// Segments before this are gone.
    window: Option<Duration>,
    target: Duration,
}

/// The edge at a time since the availability start, from the last period that has begun; `slots` gives the segments of
/// the track in a period. `None` if nothing has begun.
pub(super) fn edge<'m>(
    mpd: &'m Mpd,
    clock: Duration,
    slots: impl Fn(&'m Period) -> Option<&'m Slots>,
) -> Option<Edge> {
    let (end, slots) = mpd.periods.iter().rev().find_map(|period| {
        let slots = slots(period)?;
        let limit = period.end.unwrap_or(Duration::MAX);
        let end = match slots.listed_end() {
            Some(listed) if listed.is_zero() => return None,
            Some(listed) => period.start.saturating_add(listed),
            None => clock,
        };
        (end > period.start).then_some((end.min(limit), slots))
    })?;
    let target = target(slots);
    Some(Edge {
        end,
        back: mpd.delay.unwrap_or(target * SEGMENTS).max(target),
        window: mpd.time_shift.map(|depth| end.saturating_sub(depth)),
        target,
    })
}

/// The length to reckon with.
pub(super) fn target(slots: &Slots) -> Duration {
    let longest = slots.longest().unwrap_or(TARGET);
    longest.clamp(Duration::from_secs(1), Duration::from_secs(30))
}

/// Where one stands who has got up to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// What comes next is gone, or too far behind.
    Behind,
    /// The presentation does not reach that far: it is another one.
    Beyond,
}

impl Edge {
    /// Where a player begins.
    pub(super) fn begin(&self) -> Duration {
        let latest = self.end.saturating_sub(self.target);
        let inside = self.window.map(|window| window.saturating_add(self.target));
        let begin = self.end.saturating_sub(self.back);
        begin.max(inside.unwrap_or_default()).min(latest)
    }

    pub(super) fn standing(&self, at: Duration) -> Standing {
        let next = at.saturating_add(self.target);
        let gone = self.window.is_some_and(|window| next < window);
        if gone || at.saturating_add(MAX_OFF) < self.begin() {
            Standing::Behind
        } else if at > self.end.saturating_add(MAX_OFF) {
            Standing::Beyond
        } else {
            Standing::Good
        }
    }
}
