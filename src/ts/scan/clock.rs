//! Media time: how much has been received, told by the clock of the programme, or else by its tracks.

use std::time::{Duration, Instant};

use crate::ts::Ticks;
use crate::ts::clock::{SECOND, distance};

/// When the clock has stood for so long, in media time of a track or in arrival time, that one goes on instead. A
/// step of the clock beyond this is a jump.
const PATIENCE: i64 = 2 * SECOND;
/// Arrivals further apart are a stall, in which no media time passes.
const STALL: Duration = Duration::from_secs(1);

/// What tells the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lead {
    #[default]
    Nothing,
    Pcr,
    /// A track, by its PID.
    Track(u16),
    /// Arrival, of a source that is paced.
    Arrival,
}

/// How a PCR follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is none before, or it says nothing about this one.
    First,
    /// Forward by so many ticks.
    On(u64),
    /// By so many ticks, which is not how time passes.
    Jump(i64),
}

/// Media time since the scan began. It never goes back, and stands over breaks.
#[derive(Debug, Default)]
pub(super) struct MediaClock {
    now: Ticks,
    lead: Lead,
    /// The newest PCR, and when it came.
    pcr: Option<(u64, Ticks)>,
    /// The newest arrival, media time at it, and how long that has stood then.
    arrival: Option<(Instant, Ticks, Duration)>,
}

/// What a track tells of the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// Media time at its newest stamp.
    at: Ticks,
    /// How far it has gone on since the clock has stood.
    ahead: u64,
}

impl MediaClock {
    pub(super) fn now(&self) -> Ticks {
        self.now
    }

    /// The next stamps do not continue those before.
    pub(super) fn rebase(&mut self) {
        self.pcr = None;
    }

    /// A PCR; `announced` if it begins a new time base.
    pub(super) fn pcr(&mut self, raw: u64, announced: bool) -> Step {
        let before = self.pcr.filter(|_| !announced);
        let step = match before {
            None => Step::First,
            Some((before, at)) => {
                let step = distance(before, raw);
                let told = self.now.wrapping_sub(at).cast_signed();
                if step < 0 || step - told > PATIENCE {
                    Step::Jump(step)
                } else {
                    Step::On(step as u64)
                }
            }
        };
        if let Step::On(ticks) = step
            && self.lead == Lead::Pcr
        {
            self.now += ticks;
        }
        self.lead = Lead::Pcr;
        self.pcr = Some((raw, self.now));
        step
    }

    /// A track's decoding time went on by so many ticks. True if that tells the time.
    pub(super) fn track(&mut self, pid: u16, step: u64, pulse: &mut Pulse) -> bool {
        let leads = self.lead == Lead::Track(pid);
        let stood = pulse.at == self.now;
        pulse.ahead = if stood && !leads {
            pulse.ahead + step
        } else {
            0
        };
        if leads {
            self.now += step;
        } else if self.lead == Lead::Nothing || pulse.ahead > PATIENCE as u64 {
            self.now += std::mem::take(&mut pulse.ahead);
            self.lead = Lead::Track(pid);
        }
        pulse.at = self.now;
        self.lead == Lead::Track(pid)
    }

    /// Bytes of a paced source came. True if that tells the time, as nothing in them has done for long.
    pub(super) fn arrive(&mut self, at: Instant) -> bool {
        let Some((before, then, stood)) = self.arrival else {
            self.arrival = Some((at, self.now, Duration::ZERO));
            return false;
        };
        let passed = at.saturating_duration_since(before).min(STALL);
        let told = self.lead == Lead::Arrival;
        let stood = if self.now == then || told {
            stood + passed
        } else {
            Duration::ZERO
        };
        let tells = told || ticks(stood) > PATIENCE as u64;
        if tells {
            self.now += ticks(passed);
            self.lead = Lead::Arrival;
        }
        self.arrival = Some((at, self.now, stood));
        tells
    }
}

/// In ticks of 90 kHz.
pub(super) fn ticks(time: Duration) -> u64 {
    (time.as_micros() * 9 / 100) as u64
}

/// Of ticks of 90 kHz.
pub(super) fn time(ticks: u64) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(100_000) / 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = SECOND as u64;

    #[test]
    fn the_clock_leads_and_a_track_stands_in_for_it() {
        let mut clock = MediaClock::default();
        let mut pulse = Pulse::default();
        assert_eq!(clock.pcr(100, false), Step::First);
        for i in 1..=50 {
            assert_eq!(clock.pcr(100 + i * 3600, false), Step::On(3600));
            assert!(!clock.track(7, 3600, &mut pulse));
        }
        assert_eq!(clock.now(), 2 * S);
        // No more PCR: nothing for two seconds, then the track.
        for _ in 0..50 {
            clock.track(7, 3600, &mut pulse);
        }
        assert_eq!(clock.now(), 2 * S);
        for _ in 0..50 {
            clock.track(7, 3600, &mut pulse);
        }
        assert_eq!(clock.now(), 6 * S);
        // It comes back where it should be: no jump, and no time twice.
        assert_eq!(clock.pcr(100 + 6 * S, false), Step::On(4 * S));
        assert_eq!(clock.now(), 6 * S);
        assert_eq!(clock.pcr(100 + 6 * S + 10, false), Step::On(10));
        assert_eq!(clock.now(), 6 * S + 10);
    }

    #[test]
    fn jumps_take_no_time() {
        let mut clock = MediaClock::default();
        clock.pcr(5 * S, false);
        assert_eq!(clock.pcr(5 * S - 1, false), Step::Jump(-1));
        assert_eq!(clock.pcr(8 * S, false), Step::Jump(3 * SECOND + 1));
        assert_eq!(clock.pcr(1, true), Step::First);
        assert_eq!(clock.now(), 0);
    }

    #[test]
    fn arrival_stands_in_for_all_stamps_but_not_in_a_stall() {
        let mut clock = MediaClock::default();
        let start = crate::base::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        for ms in (0..=2000).step_by(100) {
            assert!(!clock.arrive(at(ms)));
        }
        for ms in (2100..=5000).step_by(100) {
            assert!(clock.arrive(at(ms)), "{ms}");
        }
        let before = clock.now();
        assert_eq!(before, 3 * S);
        clock.arrive(at(65_000));
        assert_eq!(clock.now() - before, S);
    }
}
