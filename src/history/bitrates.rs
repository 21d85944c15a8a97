//! How fast many streams flowed lately, in a few steps each: what small charts of all of them are drawn from.

use super::{Minute, MinuteAt, Period};

/// The most steps of a stream.
pub const MOST_POINTS: u32 = 60;

/// Sorts the bitrates of several streams into steps.
#[derive(Clone, Debug)]
pub struct Bitrates {
    period: Period,
    step: u32,
    steps: usize,
    /// Of each stream its steps: the sum of what was measured, kbit/s, and of how many minutes.
    cells: Vec<(u64, u16)>,
}

impl Bitrates {
    /// The `minutes` before `to` of so many streams. Steps are as long as it takes for [`MOST_POINTS`] of them to cover it
    /// all; the first may begin before that.
    pub fn new(to: MinuteAt, minutes: u32, streams: usize) -> Self {
        let minutes = minutes.max(1);
        let step = minutes.div_ceil(MOST_POINTS);
        let steps = minutes.div_ceil(step);
        let from = MinuteAt(to.0.saturating_sub(steps * step));
        Self {
            period: Period { from, to },
            step,
            steps: steps as usize,
            cells: vec![(0, 0); streams * steps as usize],
        }
    }

    /// What the steps cover.
    pub fn period(&self) -> Period {
        self.period
    }

    /// The length of a step, minutes.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Adds a minute of the stream at this place.
    pub fn add(&mut self, place: usize, at: MinuteAt, minute: &Minute) {
        if !self.period.contains(at) || minute.bitrate_kbps == 0 {
            return;
        }
        let step = ((at.0 - self.period.from.0) / self.step) as usize;
        if let Some(cell) = self.cells.get_mut(place * self.steps + step) {
            cell.0 += u64::from(minute.bitrate_kbps);
            cell.1 = cell.1.saturating_add(1);
        }
    }

    /// The mean of each step, bit/s, of each stream; none where nothing was measured.
    pub fn finish(&self) -> impl Iterator<Item = Vec<Option<u64>>> {
        let mean = |(sum, count): &(u64, u16)| (sum * 1_000).checked_div((*count).into());
        self.cells
            .chunks(self.steps)
            .map(move |steps| steps.iter().map(mean).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(kbps: u32) -> Minute {
        Minute {
            bitrate_kbps: kbps,
            ..Minute::default()
        }
    }

    #[test]
    fn minutes_are_steps_of_their_own_in_an_hour() {
        let mut all = Bitrates::new(MinuteAt(1_000), 60, 2);
        assert_eq!((all.step(), all.period().from), (1, MinuteAt(940)));
        all.add(1, MinuteAt(940), &minute(2_000));
        all.add(0, MinuteAt(999), &minute(5));
        // Nothing was measured, and what is outside.
        all.add(0, MinuteAt(950), &minute(0));
        all.add(0, MinuteAt(939), &minute(7));
        all.add(0, MinuteAt(1_000), &minute(7));
        let found: Vec<_> = all.finish().collect();
        assert!(found.iter().all(|steps| steps.len() == 60));
        assert_eq!(found[1][0], Some(2_000_000));
        assert_eq!(found[0][59], Some(5_000));
        assert_eq!(found.concat().iter().flatten().count(), 2);
    }

    #[test]
    fn longer_times_have_longer_steps() {
        let mut all = Bitrates::new(MinuteAt(10_000), 1_440, 1);
        assert_eq!(all.step(), 24);
        all.add(0, MinuteAt(9_999), &minute(1));
        all.add(0, MinuteAt(9_976), &minute(2));
        let found: Vec<_> = all.finish().collect();
        assert_eq!((found[0].len(), found[0][59]), (60, Some(1_500)));
        // Also at the beginning of time, and for no time at all.
        assert_eq!(Bitrates::new(MinuteAt(1), 61, 0).finish().count(), 0);
        assert_eq!(Bitrates::new(MinuteAt(0), 0, 1).finish().count(), 1);
    }
}
