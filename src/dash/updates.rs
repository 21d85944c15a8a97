//! When to load a live MPD again (5.4.1).

use std::time::Duration;

use super::mpd::Mpd;

/// Shortest pause, whatever the MPD says.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest pause after failures.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// Schedules loads. Times are since the Unix epoch.
#[derive(Debug)]
pub struct Updates {
    loaded_at: Duration,
    /// Not before this time, and at this time anyway if it is announced.
    interval: Option<Duration>,
    /// A track has come to the end of what is listed.
    wanted: bool,
    failures: u32,
    dynamic: bool,
}

impl Updates {
    /// Begins with an MPD that was loaded at `now`.
    pub fn new(now: Duration, mpd: &Mpd) -> Self {
        let mut updates = Self {
            loaded_at: now,
            interval: None,
            wanted: false,
            failures: 0,
            dynamic: false,
        };
        updates.loaded(now, mpd);
        updates
    }

    /// When to load it; `None` if there is no reason to.
    pub fn next(&self) -> Option<Duration> {
        if !self.dynamic {
            return None;
        }
        if self.failures > 0 {
            let pause = SHORTEST * (1 << self.failures.min(8) >> 1);
            return Some(self.loaded_at.saturating_add(pause.min(LONGEST_BACKOFF)));
        }
        let pause = match (self.wanted, self.interval) {
            (true, interval) => interval.unwrap_or(SHORTEST * 2).min(SHORTEST * 2),
            (false, interval) => interval?,
        };
        Some(self.loaded_at.saturating_add(pause.max(SHORTEST)))
    }

    /// A track needs more than is listed.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether a track needs more than is listed.
    pub fn are_wanted(&self) -> bool {
        self.wanted
    }

    /// It was loaded.
    pub fn loaded(&mut self, now: Duration, mpd: &Mpd) {
        self.loaded_at = now;
        self.interval = mpd.minimum_update;
        self.dynamic = mpd.dynamic;
        self.wanted = false;
        self.failures = 0;
    }

    /// It could not be loaded. Gives how many times that happened in a row.
    pub fn failed(&mut self, now: Duration) -> u32 {
        self.loaded_at = now;
        self.failures = self.failures.saturating_add(1);
        self.failures
    }
}
