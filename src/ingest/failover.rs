//! Which of a stream's sources is pulled next, and when. Pure.
//!
//! Sources are ordered: the first is primary, the rest are backups. One that fails cools down, longer
//! each time, and the best one that is not cooling is next: the one that has failed least in a row, then the first. There is a pause after each failure, so
//! that a row of dead backups is not run through in a second. While a backup flows, a better source
//! is tried beside it now and then ([`Failover::trial`]), and taken back when it flows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{Cause, IngestError};

/// A pull that flowed this long was a success: the next failure starts from the shortest pause.
/// Shorter ones do not count, so that a source that accepts and drops is not hammered.
const HEALTHY: Duration = Duration::from_secs(10);
/// A cause that somebody must mend cools down at least this long, where there is another source.
const PERMANENT: Duration = Duration::from_mins(1);
/// A provider that counts connections needs this long to notice that one is gone.
const PROVIDER_LIMIT: Duration = Duration::from_secs(5);
/// The shortest time between two trials of a source beside one that flows, in shortest pauses: 15 s
/// unless configured otherwise. A trial costs the provider a connection.
const TRIAL_MIN: u32 = 30;
/// The longest, in longest pauses: ten minutes.
const TRIAL_MAX: u32 = 20;
/// A source that flowed this long is trusted again: its trials start from the shortest pause.
const STEADY: Duration = Duration::from_mins(5);

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// After the first failure, and at least between any two attempts.
    pub min: Duration,
    /// The longest that a source cools down when there is no other.
    pub max: Duration,
}

impl Pauses {
    fn doubted(self, doubts: u32) -> Duration {
        grown(self.min * TRIAL_MIN, self.max * TRIAL_MAX, doubts)
    }
}

/// One source, as the failover sees it.
#[derive(Clone, Debug, Default)]
pub struct SourceState {
    /// Attempts so far, trials included.
    pub attempts: u64,
    /// Failures in a row, until it flows well.
    pub failures: u32,
    /// Why it failed last; `None` once it flows.
    pub error: Option<Arc<IngestError>>,
    /// Not tried before then.
    pub cools_until: Option<Instant>,
    /// Trials and failures after them, until it was steady.
    doubts: u32,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pull this source.
    Pull(usize),
    /// Nothing is worth trying before then.
    Wait(Instant),
}

/// The sources of one stream and their states.
#[derive(Debug)]
pub struct Failover {
    sources: Vec<SourceState>,
    pauses: Pauses,
    /// The one that flowed well and merely broke: the first to be tried again.
    again: Option<usize>,
    /// No attempt before then.
    rests_until: Option<Instant>,
    /// Sources tried without any media since some last flowed.
    fruitless: Vec<bool>,
}

impl Failover {
    /// Nothing was tried yet.
    pub fn new(sources: usize, pauses: Pauses) -> Self {
        Self {
            sources: vec![SourceState::default(); sources],
            pauses,
            again: None,
            rests_until: None,
            fruitless: vec![false; sources],
        }
    }

    /// The states, in the order of the sources.
    pub fn states(&self) -> &[SourceState] {
        &self.sources
    }

    /// True when each source was tried without success since media last flowed.
    pub fn is_exhausted(&self) -> bool {
        self.fruitless.iter().all(|tried| *tried)
    }

    /// The next attempt. With no source at all there never is one.
    pub fn next(&self, now: Instant) -> Step {
        if let Some(until) = self.rests_until.filter(|until| *until > now) {
            return Step::Wait(until);
        }
        let ready = |at: &usize| self.is_ready(*at, now);
        if let Some(at) = self.again.filter(ready) {
            return Step::Pull(at);
        }
        // The first one that has failed least in a row: each is tried once before any is again.
        let failures = |at: &usize| self.sources.get(*at).map(|s| s.failures);
        if let Some(at) = (0..self.sources.len()).filter(ready).min_by_key(failures) {
            return Step::Pull(at);
        }
        let soonest = self.sources.iter().filter_map(|s| s.cools_until).min();
        Step::Wait(soonest.unwrap_or(now + self.pauses.max))
    }

    /// Somebody has come who waits for a picture: nothing is left alone any longer.
    pub fn hurry(&mut self) {
        self.rests_until = None;
        for state in &mut self.sources {
            state.cools_until = None;
        }
    }

    /// An attempt begins.
    pub fn began(&mut self, source: usize) {
        self.again = None;
        if let Some(state) = self.sources.get_mut(source) {
            state.attempts += 1;
        }
    }

    /// Media flows from a source.
    pub fn flows(&mut self, source: usize) {
        self.fruitless.fill(false);
        if let Some(state) = self.sources.get_mut(source) {
            state.error = None;
        }
    }

    /// An attempt ended in which media flowed for `flowed`. `jitter` in 0.0..=1.0 spreads the
    /// attempts of many streams of one provider over half the pause.
    pub fn ended(
        &mut self,
        source: usize,
        flowed: Duration,
        error: Arc<IngestError>,
        now: Instant,
        jitter: f64,
    ) {
        let alone = self.sources.len() == 1;
        let Pauses { min, max } = self.pauses;
        let Some(state) = self.sources.get_mut(source) else {
            return;
        };
        if flowed >= STEADY {
            state.doubts = 0;
        }
        if flowed >= HEALTHY {
            state.failures = 0;
        }
        let well = flowed >= HEALTHY && !is_lasting(error.cause);
        let least = match error.cause {
            // Alone, it may as well be tried: there is nothing to lose.
            cause if (cause.is_permanent() || cause == Cause::Rejected) && !alone => PERMANENT,
            Cause::ProviderLimit => PROVIDER_LIMIT,
            _ => Duration::ZERO,
        };
        let pause = grown(min, max, state.failures).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        state.failures = state.failures.saturating_add(1);
        state.doubts = state.doubts.saturating_add(1);
        state.cools_until = Some(now + pause.max(least));
        state.error = Some(error);
        // A connection that broke after an hour is most likely there again.
        self.again = well.then_some(source);
        let rest = if well { pause } else { min };
        self.rests_until = Some(now + rest);
        if flowed.is_zero() {
            if let Some(tried) = self.fruitless.get_mut(source) {
                *tried = true;
            }
        } else {
            self.fruitless.fill(false);
        }
    }

    /// A source better than `current`, which flows since `flowing`, that may be tried beside it now.
    pub fn trial(&self, current: usize, flowing: Duration, now: Instant) -> Option<usize> {
        if flowing < self.pauses.min * TRIAL_MIN {
            return None;
        }
        (0..current.min(self.sources.len()))
            .find(|at| self.is_ready(*at, now) && self.rested(*at, now))
    }

    /// A trial ended without success.
    pub fn trial_failed(&mut self, source: usize, error: Arc<IngestError>, now: Instant) {
        let pauses = self.pauses;
        if let Some(state) = self.sources.get_mut(source) {
            let pause = pauses.doubted(state.doubts);
            state.doubts = state.doubts.saturating_add(1);
            state.failures = state.failures.saturating_add(1);
            state.cools_until = Some(now + pause);
            state.error = Some(error);
        }
    }

    fn is_ready(&self, at: usize, now: Instant) -> bool {
        let state = self.sources.get(at);
        state.is_some_and(|s| s.cools_until.is_none_or(|until| until <= now))
    }

    /// A source that was taken back and failed again is doubted: it is left alone longer than its
    /// cooling asks.
    fn rested(&self, at: usize, now: Instant) -> bool {
        let Some(state) = self.sources.get(at) else {
            return false;
        };
        let Some(cooled) = state.cools_until else {
            return true;
        };
        now >= cooled + self.pauses.doubted(state.doubts.saturating_sub(1))
    }
}

/// Trying the same place again would cost as long as it took to notice.
fn is_lasting(cause: Cause) -> bool {
    cause.is_permanent()
        || matches!(
            cause,
            Cause::Stalled | Cause::Timeout | Cause::ProviderLimit | Cause::Rejected
        )
}

fn grown(min: Duration, max: Duration, times: u32) -> Duration {
    min.saturating_mul(2u32.saturating_pow(times.min(16)))
        .min(max)
}

#[cfg(test)]
mod tests {
    use super::super::error::Stage;
    use super::*;
    use crate::base::clock;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const S: fn(u64) -> Duration = Duration::from_secs;

    fn failover(sources: usize) -> Failover {
        let pauses = Pauses {
            min: MS(500),
            max: S(30),
        };
        Failover::new(sources, pauses)
    }

    fn error(cause: Cause) -> Arc<IngestError> {
        Arc::new(IngestError::new(Stage::Request, cause, "no"))
    }

    /// Follows the steps while every attempt fails at once; tells when each source was tried.
    fn run_down(
        f: &mut Failover,
        from: Instant,
        length: Duration,
        cause: Cause,
    ) -> Vec<(u64, usize)> {
        let mut now = from;
        let mut tried = Vec::new();
        while now < from + length {
            match f.next(now) {
                Step::Wait(until) => {
                    assert!(until > now, "waits for the past");
                    now = until;
                }
                Step::Pull(at) => {
                    f.began(at);
                    tried.push((now.duration_since(from).as_millis() as u64, at));
                    f.ended(at, Duration::ZERO, error(cause), now, 1.0);
                }
            }
        }
        tried
    }

    #[test]
    fn backups_are_tried_in_order_with_a_pause_between_and_then_ever_less_often() {
        let mut f = failover(3);
        let now = clock::now();
        assert!(!f.is_exhausted());
        let tried = run_down(&mut f, now, S(120), Cause::Refused);
        assert_eq!(&tried[..3], [(0, 0), (500, 1), (1000, 2)]);
        assert!(f.is_exhausted());
        for pair in tried.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= 500, "{pair:?}");
        }
        let late = tried.iter().filter(|(at, _)| *at >= 60_000).count();
        assert!(
            late <= 9,
            "in the second minute each is tried twice or so: {late}"
        );
    }

    #[test]
    fn a_single_source_is_tried_with_growing_pauses_whatever_the_cause() {
        for cause in [Cause::Refused, Cause::Auth, Cause::NotFound] {
            let tried = run_down(&mut failover(1), clock::now(), S(20), cause);
            let at: Vec<_> = tried.iter().map(|(at, _)| *at).collect();
            assert_eq!(at, [0, 500, 1500, 3500, 7500, 15500], "{cause:?}");
        }
    }

    #[test]
    fn whoever_comes_to_watch_need_not_wait_for_a_pause() {
        let mut f = failover(2);
        let now = clock::now();
        for at in [0, 1, 0, 1] {
            f.began(at);
            f.ended(at, Duration::ZERO, error(Cause::Auth), now, 1.0);
        }
        assert!(matches!(f.next(now + S(1)), Step::Wait(_)));
        f.hurry();
        assert_eq!(f.next(now + S(1)), Step::Pull(0));
        f.began(0);
        f.ended(0, Duration::ZERO, error(Cause::Auth), now + S(1), 1.0);
        assert_eq!(f.next(now + S(1)), Step::Wait(now + S(1) + MS(500)));
        assert_eq!(f.next(now + S(2)), Step::Pull(1));
    }

    #[test]
    fn a_refused_log_in_is_left_alone_for_a_minute_where_there_is_a_backup() {
        let mut f = failover(2);
        let tried = run_down(&mut f, clock::now(), S(59), Cause::Auth);
        assert_eq!(tried, [(0, 0), (500, 1)]);
    }

    #[test]
    fn what_flowed_well_and_broke_is_tried_again_first_but_a_stall_is_not() {
        let now = clock::now();
        for (cause, next) in [
            (Cause::Ended, 1),
            (Cause::Unreachable, 1),
            (Cause::Stalled, 0),
        ] {
            let mut f = failover(2);
            f.ended(0, Duration::ZERO, error(Cause::Refused), now, 1.0);
            f.began(1);
            f.flows(1);
            let later = now + S(3600);
            f.ended(1, S(3500), error(cause), later, 1.0);
            assert_eq!(f.next(later), Step::Wait(later + MS(500)));
            assert_eq!(f.next(later + MS(500)), Step::Pull(next), "{cause:?}");
        }
    }

    #[test]
    fn the_primary_is_tried_beside_the_backup_ever_less_often_and_trusted_when_steady() {
        let mut f = failover(2);
        let start = clock::now();
        f.ended(0, Duration::ZERO, error(Cause::Refused), start, 1.0);
        f.began(1);
        f.flows(1);
        let mut now = start;
        let mut trials = Vec::new();
        while now < start + S(3600) {
            now += S(1);
            if let Some(at) = f.trial(1, now.duration_since(start), now) {
                assert_eq!(at, 0);
                trials.push(now.duration_since(start).as_secs());
                f.trial_failed(0, error(Cause::Refused), now);
            }
        }
        assert_eq!(trials[0], 16, "half a second of cooling, fifteen of doubt");
        let gaps: Vec<_> = trials.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps.is_sorted() && gaps.len() < 12, "{gaps:?}");
        // It is taken back, and steady: from then on it is tried soon again.
        f.began(0);
        f.flows(0);
        f.ended(0, S(301), error(Cause::Stalled), now, 1.0);
        assert_eq!(f.trial(1, S(20), now + S(14)), None);
        assert_eq!(f.trial(1, S(20), now + S(16)), Some(0));
    }

    #[test]
    fn nothing_better_is_tried_beside_the_primary_or_beside_what_has_just_begun() {
        let f = failover(3);
        let now = clock::now();
        assert_eq!(f.trial(0, S(100), now), None);
        assert_eq!(f.trial(2, S(14), now), None);
        assert_eq!(f.trial(2, S(15), now), Some(0));
    }

    #[test]
    fn a_source_that_flaps_is_tried_ever_less_often() {
        let mut f = failover(2);
        let mut now = clock::now();
        let mut last = Duration::ZERO;
        for _ in 0..5 {
            f.began(0);
            f.flows(0);
            f.ended(0, S(12), error(Cause::Stalled), now, 1.0);
            let failed = now;
            while f.trial(1, S(60), now).is_none() {
                now += S(1);
            }
            let pause = now.duration_since(failed);
            assert!(pause > last, "{pause:?} after {last:?}");
            last = pause;
        }
    }
}
