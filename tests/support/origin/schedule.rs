//! Which segments a live channel lists at a given time. Pure: time is an argument.

/// A list of segments played over and over, of which a window is listed.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// `ends[n]` is the time at which segment n of the first round ends, in seconds.
    ends: Vec<f64>,
    window: u64,
}

impl Schedule {
    /// Segments of these durations, in seconds; the window starts full at time 0.
    pub fn new(durations: &[f64], window: usize) -> Self {
        let mut sum = 0.0;
        let ends = durations
            .iter()
            .map(|duration| {
                sum += duration;
                sum
            })
            .collect();
        Self {
            ends,
            window: window.max(1) as u64,
        }
    }

    /// How many segments there are before they begin again.
    pub fn round(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The first segment listed at `now`, and the first not yet whole; in seconds from the start.
    pub fn window(&self, now: f64) -> (u64, u64) {
        let (per_round, length) = (self.round(), self.ends[self.ends.len() - 1]);
        // The channel is imagined to have begun one window before.
        let played = self.end_of(self.window - 1) + now;
        let rounds = (played / length).floor();
        let rest = played - rounds * length;
        let whole = self.ends.partition_point(|end| *end <= rest + 1e-6);
        let edge = rounds as u64 * per_round + whole as u64;
        let edge = edge.max(self.window);
        (edge - self.window, edge)
    }

    /// How many times the segments have begun again before segment `n`.
    pub fn loops_before(&self, n: u64) -> u64 {
        n / self.round()
    }

    fn end_of(&self, n: u64) -> f64 {
        let length = self.ends[self.ends.len() - 1];
        (n / self.round()) as f64 * length + self.ends[(n % self.round()) as usize]
    }
}
