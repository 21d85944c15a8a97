//! When a chunk is due, by its PCR. Pure.
//!
//! Segmented sources arrive in bursts; a feed flows evenly. The start runs a lead ahead, so that
//! players fill their buffers and encoders catch up; then each chunk is due at real time. What
//! arrives late (a live source at its own pace) is due at once.

use std::time::{Duration, Instant};

use crate::ts::Ticks;

const TICKS_PER_SECOND: u64 = 90_000;
/// A step of the clock beyond this is no flow of time but a jump that was not smoothed out.
const JUMP: u64 = 10 * TICKS_PER_SECOND;
/// How much faster than real time the feed runs while the source has more than we take: far
/// more than two clocks drift apart, far less than a player notices.
const CATCH_UP: u32 = 1000;

/// Paces one feed.
#[derive(Debug)]
pub struct Pacer {
    lead: Duration,
    /// A clock value and the moment at which it is due.
    anchor: Option<(Ticks, Instant)>,
    last: Ticks,
}

impl Pacer {
    /// Runs `lead` ahead of real time at the start.
    pub fn new(lead: Duration) -> Self {
        Self {
            lead,
            anchor: None,
            last: 0,
        }
    }

    /// When media with this clock value (90 kHz) is due. `pressed`: the source has more waiting.
    pub fn due(&mut self, clock: Ticks, now: Instant, pressed: bool) -> Instant {
        let (anchor_clock, anchor_at) = match self.anchor {
            // Within a second backwards is reordering between chunks, not a jump.
            Some(anchor) if clock + TICKS_PER_SECOND >= self.last && clock <= self.last + JUMP => {
                anchor
            }
            _ => self.start_at(clock, now),
        };
        let step = ticks(clock.saturating_sub(self.last));
        self.last = clock;
        let anchor_at = if pressed {
            let earlier = anchor_at.checked_sub(step / CATCH_UP).unwrap_or(anchor_at);
            self.anchor = Some((anchor_clock, earlier));
            earlier
        } else {
            anchor_at
        };
        let due = anchor_at + ticks(clock.saturating_sub(anchor_clock));
        // Later than the lead: the players' buffers are empty, so a new lead is needed.
        if now > due + self.lead + Duration::from_secs(1) {
            self.start_at(clock, now);
            return now;
        }
        due
    }

    fn start_at(&mut self, clock: Ticks, now: Instant) -> (Ticks, Instant) {
        let at = now.checked_sub(self.lead).unwrap_or(now);
        self.anchor = Some((clock, at));
        self.last = clock;
        (clock, at)
    }
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(100_000) / 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_runs_the_lead_ahead_and_then_at_real_time() {
        let now = clock::now();
        let mut pacer = Pacer::new(4 * S);
        assert!(pacer.due(900_000, now, false) <= now);
        assert!(pacer.due(900_000 + 4 * 90_000, now, false) <= now);
        let due = pacer.due(900_000 + 10 * 90_000, now, false);
        assert_eq!(due.duration_since(now), 6 * S);
    }

    #[test]
    fn a_live_source_that_comes_late_is_not_delayed_and_not_rushed_afterwards() {
        let start = clock::now();
        let mut pacer = Pacer::new(2 * S);
        pacer.due(0, start, false);
        for s in 1..60u32 {
            let now = start + s * S;
            assert!(pacer.due(u64::from(s) * 90_000, now, false) <= now);
        }
        // An outage of a minute, then a burst: a new lead of two seconds, then real time.
        let now = start + 120 * S;
        assert!(pacer.due(61 * 90_000, now, false) <= now);
        assert!(pacer.due(63 * 90_000, now, false) <= now);
        assert_eq!(pacer.due(64 * 90_000, now, false).duration_since(now), S);
    }

    #[test]
    fn a_jump_of_the_clock_never_stalls_the_feed() {
        let now = clock::now();
        let mut pacer = Pacer::new(S);
        pacer.due(0, now, false);
        assert!(pacer.due(3_600 * 90_000, now, false) <= now);
        assert!(pacer.due(90_000, now, false) <= now);
    }

    #[test]
    fn while_pressed_it_runs_a_little_fast() {
        let now = clock::now();
        let (mut calm, mut pressed) = (Pacer::new(S), Pacer::new(S));
        let (mut a, mut b) = (now, now);
        for s in 0..100 {
            a = calm.due(s * 90_000, now, false);
            b = pressed.due(s * 90_000, now, true);
        }
        let gain = a.duration_since(b);
        assert!(
            gain > Duration::from_millis(90) && gain < Duration::from_millis(110),
            "{gain:?}"
        );
    }
}
