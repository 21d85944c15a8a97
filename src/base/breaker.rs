//! A circuit breaker: after failures in a row it refuses at once, and now and then lets one
//! trial through. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures in a row that open it, at least 1.
    pub failures: u32,
    /// They count only if they fall within this time.
    pub window: Duration,
    /// How long it stays open at first; doubles each time it opens again.
    pub pause: Duration,
    /// The longest it stays open.
    pub pause_max: Duration,
    /// What runs this long without a failure is healthy.
    pub healthy: Duration,
    /// A trial that has reported nothing for this long is lost, and another may begin.
    pub trial_max: Duration,
}

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BreakerState {
    /// Work may begin.
    Closed,
    /// Work is refused.
    Open,
    /// A trial runs; other work is refused.
    HalfOpen,
}

/// The answer to who wants to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check<R> {
    /// Begin.
    Allow,
    /// Begin, as the one trial: report [`Breaker::failed`], [`Breaker::healthy`] or
    /// [`Breaker::abandoned`].
    Trial,
    /// Do not begin.
    Refuse {
        /// When to ask again; never zero.
        retry_after: Duration,
        /// The newest failure.
        reason: R,
    },
}

/// A circuit breaker; `R` is why something failed.
#[derive(Clone, Debug)]
pub struct Breaker<R> {
    policy: Policy,
    state: State<R>,
    /// How often it opened without a long healthy time in between; sets the pause.
    openings: u32,
    touched: Instant,
}

#[derive(Clone, Debug)]
enum State<R> {
    Closed {
        /// Newest failures in a row, at most as many as open it.
        failures: VecDeque<Instant>,
        since: Instant,
    },
    Open {
        until: Instant,
        reason: R,
    },
    HalfOpen {
        since: Instant,
        reason: R,
    },
}

impl Default for Policy {
    /// Opens after 3 failures within a minute, for 5 s at first and 5 min at most; closes when
    /// a trial has run for 30 s; a trial is lost after 2 min.
    fn default() -> Self {
        Self {
            failures: 3,
            window: Duration::from_mins(1),
            pause: Duration::from_secs(5),
            pause_max: Duration::from_mins(5),
            healthy: Duration::from_secs(30),
            trial_max: Duration::from_mins(2),
        }
    }
}

impl<R: Clone> Breaker<R> {
    /// A closed one.
    pub fn new(policy: Policy, now: Instant) -> Self {
        Self {
            policy,
            state: State::closed(now),
            openings: 0,
            touched: now,
        }
    }

    /// May work begin now? What runs already goes on whatever the answer.
    pub fn check(&mut self, now: Instant) -> Check<R> {
        self.touched = now;
        let (wait, reason) = match &self.state {
            State::Closed { .. } => return Check::Allow,
            State::Open { until, reason } => (until.saturating_duration_since(now), reason),
            State::HalfOpen { since, reason } => {
                let lost = *since + self.policy.trial_max;
                (lost.saturating_duration_since(now), reason)
            }
        };
        let reason = reason.clone();
        if wait.is_zero() {
            self.state = State::HalfOpen { since: now, reason };
            return Check::Trial;
        }
        // A trial is mostly decided long before it counts as lost: ask again soon.
        let retry_after = match self.state() {
            BreakerState::HalfOpen => wait.min(self.policy.pause.max(Duration::from_secs(1))),
            _ => wait,
        };
        Check::Refuse {
            retry_after,
            reason,
        }
    }

    /// Work that was allowed, or the trial, has failed.
    pub fn failed(&mut self, now: Instant, reason: R) {
        self.touched = now;
        let window = self.policy.window;
        let opens = match &mut self.state {
            State::Closed { failures, .. } => {
                failures.retain(|&at| now.saturating_duration_since(at) <= window);
                failures.push_back(now);
                failures.len() >= self.policy.failures.max(1) as usize
            }
            State::HalfOpen { .. } => true,
            // From work that began before it opened: nothing new.
            State::Open { .. } => false,
        };
        if opens {
            self.open(now, reason);
        }
    }

    /// Work runs well; may be told as often as one likes, for it counts only when it has lasted
    /// for [`Policy::healthy`] since the last failure or the start of the trial.
    pub fn healthy(&mut self, now: Instant) {
        self.touched = now;
        let long = |since: Instant| now.saturating_duration_since(since) >= self.policy.healthy;
        match &mut self.state {
            State::Closed { failures, .. } => {
                if failures.back().is_some_and(|&at| long(at)) {
                    failures.clear();
                }
            }
            State::HalfOpen { since, .. } => {
                if long(*since) {
                    self.state = State::closed(now);
                }
            }
            State::Open { .. } => {}
        }
    }

    /// The trial ended without a verdict, because its viewer left for example: the next one may
    /// have it at once.
    pub fn abandoned(&mut self, now: Instant) {
        self.touched = now;
        if let State::HalfOpen { reason, .. } = &self.state {
            let reason = reason.clone();
            self.state = State::Open { until: now, reason };
        }
    }

    /// Opens it at once, for what must not begin again soon.
    pub fn trip(&mut self, now: Instant, reason: R) {
        self.touched = now;
        self.open(now, reason);
    }

    /// Its state.
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Why it is not closed.
    pub fn reason(&self) -> Option<&R> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open { reason, .. } | State::HalfOpen { reason, .. } => Some(reason),
        }
    }

    /// Until a trial may begin; zero unless it is open.
    pub fn open_for(&self, now: Instant) -> Duration {
        match &self.state {
            State::Open { until, .. } => until.saturating_duration_since(now),
            _ => Duration::ZERO,
        }
    }

    /// Closed, without a failure that still counts, or open and long forgotten: as good as new.
    pub fn is_idle(&self, now: Instant) -> bool {
        let (failures, since) = match &self.state {
            State::Closed { failures, since } => (failures, since),
            // Nobody has asked for so long that it need not be remembered.
            State::Open { until, .. } => return self.forgives(*until, now),
            State::HalfOpen { .. } => return false,
        };
        let old = |at: Instant| now.saturating_duration_since(at) > self.policy.window;
        failures.back().is_none_or(|&at| old(at))
            && (self.openings == 0 || self.forgives(*since, now))
    }

    /// When it was last asked or told something.
    pub(super) fn touched(&self) -> Instant {
        self.touched
    }

    /// After being closed as long as its longest pause, its former openings no longer count.
    /// Before that a stream that runs for a moment at each trial does not get the short pause again.
    fn forgives(&self, closed_since: Instant, now: Instant) -> bool {
        now.saturating_duration_since(closed_since) > self.policy.pause_max.max(self.policy.window)
    }

    fn open(&mut self, now: Instant, reason: R) {
        if let State::Closed { since, .. } = &self.state
            && self.forgives(*since, now)
        {
            self.openings = 0;
        }
        let factor = 2u32.saturating_pow(self.openings);
        let pause = self.policy.pause.saturating_mul(factor);
        let pause = pause.min(self.policy.pause_max);
        let until = now + pause;
        self.openings = self.openings.saturating_add(1).min(31);
        self.state = State::Open { until, reason };
    }
}

impl<R> State<R> {
    fn closed(now: Instant) -> Self {
        Self::Closed {
            failures: VecDeque::new(),
            since: now,
        }
    }
}

impl BreakerState {
    /// A word for status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[cfg(test)]
mod tests;
