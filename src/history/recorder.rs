//! Makes minutes of what is seen of one stream.

use std::time::{Duration, Instant};

use super::{MINUTE_MS, Minute, MinuteAt, Spans};
use crate::conditions::{Health, Now};

/// The wall clock may be off by this much against what was measured before it counts as set:
/// a clock that is slewed (`adjtime`) drifts by 0.5 ms a second.
const DRIFT_MS: i64 = 1_000;

/// Who was not heard of for so long was not watching either.
const SILENCE: Duration = Duration::from_mins(10);

/// More than this is not written minute by minute.
const MOST: Duration = Duration::from_hours(24);

/// What was counted since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Bytes pulled.
    pub bytes: u64,
    /// The bitrate of the stream, where it was measured, bit/s.
    pub bitrate: Option<u64>,
    /// Continuity errors.
    pub continuity_errors: u64,
    /// Other errors.
    pub errors: u64,
    /// Looks at picture or sound.
    pub looks: u32,
}

/// Makes minutes of one stream. About 150 bytes.
///
/// Durations are measured by the monotonic clock and written down by the wall clock. When that is
/// set forward (or the machine slept), the time in between was not seen; when it is set back,
/// minutes come a second time, and [`Minute::merge`] keeps each of them a minute long.
#[derive(Clone, Debug)]
pub struct Recorder {
    health: Health,
    /// Whether an outage has begun that has not ended; time of unknown health does not end it.
    in_outage: bool,
    /// Until when time is accounted for, twice.
    mono: Instant,
    wall_ms: i64,
    running: Minute,
    /// Bytes that do not fill a unit yet.
    bytes: u64,
    bitrates: (u64, u32),
}

impl Recorder {
    /// Begins now, with what is known. An outage that a restored state tells of goes on and is not
    /// counted again.
    pub fn new(health: Health, now: Now) -> Self {
        Self {
            health,
            in_outage: health == Health::Down,
            mono: now.mono,
            wall_ms: now.wall.as_millisecond(),
            running: Minute::default(),
            bytes: 0,
            bitrates: (0, 0),
        }
    }

    /// The health that time is accounted to.
    pub fn health(&self) -> Health {
        self.health
    }

    /// The health is another one from now on.
    pub fn set_health(&mut self, health: Health, now: Now, done: &mut Vec<(MinuteAt, Minute)>) {
        self.advance(now, done);
        self.health = health;
        match health {
            Health::Down if !self.in_outage => {
                self.in_outage = true;
                self.running.outages += 1;
            }
            Health::Down | Health::Unknown => {}
            Health::Up | Health::Degraded | Health::Paused => self.in_outage = false,
        }
    }

    /// Counts what was seen in the minute that runs now.
    pub fn count(&mut self, seen: &Seen, now: Now, done: &mut Vec<(MinuteAt, Minute)>) {
        let add = |sum: &mut u32, more: u64| {
            *sum = sum.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        };
        self.advance(now, done);
        self.bytes = self.bytes.saturating_add(seen.bytes);
        add(&mut self.running.kilobytes, self.bytes / 1_000);
        self.bytes %= 1_000;
        add(&mut self.running.continuity_errors, seen.continuity_errors);
        add(&mut self.running.errors, seen.errors);
        add(&mut self.running.looks, seen.looks.into());
        if let Some(bitrate) = seen.bitrate {
            let (sum, count) = &mut self.bitrates;
            *sum = sum.saturating_add(bitrate);
            *count += 1;
        }
    }

    /// Time passes; hands out the minutes that ended. To be called about once a minute: time that
    /// nobody told of for long is unknown.
    pub fn advance(&mut self, now: Now, done: &mut Vec<(MinuteAt, Minute)>) {
        let passed = now.mono.saturating_duration_since(self.mono);
        let ms = passed.as_millis() as u64;
        // What is no whole millisecond is measured the next time.
        self.mono += Duration::from_millis(ms);
        if passed <= MOST {
            let silent = passed > SILENCE;
            let health = if silent { Health::Unknown } else { self.health };
            self.spend(ms, health, done);
        }
        let wall = now.wall.as_millisecond();
        if (wall - self.wall_ms).abs() >= DRIFT_MS {
            if MinuteAt::of_ms(wall) != MinuteAt::of_ms(self.wall_ms) {
                self.close(done);
            }
            self.wall_ms = wall;
        }
    }

    /// Hands out the running minute as well, as it is: when the watcher ends.
    pub fn flush(&mut self, now: Now, done: &mut Vec<(MinuteAt, Minute)>) {
        self.advance(now, done);
        self.close(done);
    }

    fn spend(&mut self, mut ms: u64, health: Health, done: &mut Vec<(MinuteAt, Minute)>) {
        let length = i64::from(MINUTE_MS);
        while ms > 0 {
            let room = length - self.wall_ms.rem_euclid(length);
            let part = ms.min(room.unsigned_abs());
            let span: &mut Spans = &mut self.running.spans;
            *span.of_mut(health) += part;
            ms -= part;
            if part < room.unsigned_abs() {
                self.wall_ms += part.cast_signed();
                return;
            }
            self.close(done);
            self.wall_ms += part.cast_signed();
        }
    }

    /// Ends the minute that `wall_ms` is in.
    fn close(&mut self, done: &mut Vec<(MinuteAt, Minute)>) {
        let (sum, count) = std::mem::take(&mut self.bitrates);
        let mut minute = std::mem::take(&mut self.running);
        if let Some(mean) = sum.checked_div(u64::from(count)) {
            // Rounded up: 0 is for what was not measured.
            minute.bitrate_kbps = u32::try_from(mean.div_ceil(1_000)).unwrap_or(u32::MAX);
        }
        if minute != Minute::default() {
            done.push((MinuteAt::of_ms(self.wall_ms), minute.capped()));
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
