//! Which pipelines must end, because memory runs short or because they run away.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::host::{Pressure, Thresholds};
use super::ledger::LeaseId;

/// After a pipeline has gone, memory is left so long to settle before another is ended.
pub const SETTLE: Duration = Duration::from_secs(2);
/// A pipeline that was told to end and is still there after this is wedged: others are not spared
/// for its sake. Longer than any teardown deadline.
pub const ENDING_PATIENCE: Duration = Duration::from_secs(35);

/// A running pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Its lease.
    pub lease: LeaseId,
    /// Memory that it holds, in bytes.
    pub memory_bytes: u64,
    /// Who watches; 0 while it lingers.
    pub viewers: usize,
    /// Since its start.
    pub age: Duration,
    /// Its own limit, in bytes; `None` for none.
    pub ceiling_bytes: Option<u64>,
    /// It is being ended already, for whatever reason.
    pub ending: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Stop whatever nobody watches, these among it; for [`Reason::Idle`].
    StopIdle(Vec<LeaseId>),
    /// End one pipeline and tell its viewers why.
    End {
        /// Its lease.
        lease: LeaseId,
        /// Why.
        reason: Reason,
    },
}

/// Why a pipeline is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Nobody watched it, and memory was above the warning threshold.
    Idle,
    /// It took more memory than one pipeline may.
    Ceiling,
    /// Memory was above the critical threshold, and it was the least wanted.
    MemoryCritical,
}

/// Decides about once a second. Remembers whom it has told to end.
#[derive(Debug, Default)]
pub struct Governor {
    ending: BTreeMap<LeaseId, Ending>,
    /// Nobody is ended for critical memory before this.
    settled_at: Option<Instant>,
}

#[derive(Debug)]
struct Ending {
    /// When it was first told.
    since: Instant,
    /// And last.
    asked: Instant,
    reason: Option<Reason>,
}

impl Governor {
    /// What is to be done now, given all pipelines that run. One that was told to end counts as
    /// gone when it is no longer among them.
    pub fn decide(
        &mut self,
        process_bytes: u64,
        thresholds: &Thresholds,
        pipelines: &[Pipeline],
        now: Instant,
    ) -> Vec<Act> {
        self.note(pipelines, now);
        let mut acts = Vec::new();
        for pipeline in pipelines {
            let over = pipeline
                .ceiling_bytes
                .is_some_and(|most| pipeline.memory_bytes > most);
            if over && !self.ending.contains_key(&pipeline.lease) {
                acts.push(self.end(pipeline.lease, Reason::Ceiling, now));
            }
        }
        let pressure = thresholds.pressure(process_bytes);
        if pressure >= Pressure::Warning {
            let idle: Vec<_> = pipelines
                .iter()
                .filter(|p| p.viewers == 0 && self.asks_idle(p.lease, now))
                .map(|p| p.lease)
                .collect();
            for &lease in &idle {
                match self.ending.get_mut(&lease) {
                    Some(ending) => ending.asked = now,
                    None => drop(self.end(lease, Reason::Idle, now)),
                }
            }
            if !idle.is_empty() {
                acts.push(Act::StopIdle(idle));
            }
        }
        if pressure == Pressure::Critical && self.may_end_another(now) {
            let least_wanted = pipelines
                .iter()
                .filter(|p| !self.ending.contains_key(&p.lease))
                .min_by_key(|p| (p.viewers, p.age, Reverse(p.lease)));
            if let Some(pipeline) = least_wanted {
                acts.push(self.end(pipeline.lease, Reason::MemoryCritical, now));
            }
        }
        acts
    }

    /// A pipeline is being torn down, whether or not it is still among those that run: what it holds
    /// may be free soon.
    pub fn tearing_down(&mut self, now: Instant) {
        self.settled_at = Some(now + SETTLE);
    }

    /// Brings what is remembered in line with what runs.
    fn note(&mut self, pipelines: &[Pipeline], now: Instant) {
        let known = self.ending.len();
        self.ending
            .retain(|lease, _| pipelines.iter().any(|p| p.lease == *lease));
        if self.ending.len() < known {
            self.settled_at = Some(now + SETTLE);
        }
        for pipeline in pipelines {
            let lease = pipeline.lease;
            let told = self.ending.get(&lease).map(|e| e.reason);
            if pipeline.ending && told.is_none() {
                let (since, reason) = (now, None);
                let asked = now;
                let ending = Ending {
                    since,
                    asked,
                    reason,
                };
                self.ending.insert(lease, ending);
            } else if !pipeline.ending
                && (told == Some(None) || told == Some(Some(Reason::Idle)) && pipeline.viewers > 0)
            {
                // Somebody came before it was stopped: it is wanted again.
                self.ending.remove(&lease);
            }
        }
    }

    /// Not told yet, or to no avail: its last viewer may have been about to leave, and still had hold of it.
    fn asks_idle(&self, lease: LeaseId, now: Instant) -> bool {
        self.ending.get(&lease).is_none_or(|ending| {
            ending.reason == Some(Reason::Idle)
                && now.saturating_duration_since(ending.asked) >= SETTLE
        })
    }

    /// One at a time: not while one is ending, nor before memory has settled.
    fn may_end_another(&self, now: Instant) -> bool {
        let wedged = |e: &Ending| now.saturating_duration_since(e.since) >= ENDING_PATIENCE;
        self.ending.values().all(wedged) && self.settled_at.is_none_or(|at| now >= at)
    }

    fn end(&mut self, lease: LeaseId, reason: Reason, now: Instant) -> Act {
        let ending = Ending {
            since: now,
            asked: now,
            reason: Some(reason),
        };
        self.ending.insert(lease, ending);
        Act::End { lease, reason }
    }
}

impl Reason {
    /// All of them, for metrics that begin at zero.
    pub const ALL: [Self; 3] = [Self::Idle, Self::Ceiling, Self::MemoryCritical];

    /// A word for metrics and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Ceiling => "ceiling",
            Self::MemoryCritical => "memory_critical",
        }
    }

    /// A clause that tells viewers why.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Idle => "nobody watched it and memory was short",
            Self::Ceiling => "it took more memory than one pipeline may",
            Self::MemoryCritical => "memory ran out and it had the fewest viewers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;
    use proptest::prelude::*;

    const CEILING: u64 = 100;

    fn thresholds() -> Thresholds {
        Thresholds::capped(1000, 2000, None)
    }

    fn pipeline(id: u64, viewers: usize, age: u64) -> Pipeline {
        Pipeline {
            lease: LeaseId(id),
            memory_bytes: 50,
            viewers,
            age: Duration::from_secs(age),
            ceiling_bytes: Some(CEILING),
            ending: false,
        }
    }

    fn end(id: u64, reason: Reason) -> Act {
        Act::End {
            lease: LeaseId(id),
            reason,
        }
    }

    #[test]
    fn idle_ones_go_above_the_warning_and_only_then() {
        let (mut g, now) = (Governor::default(), clock::now());
        let all = [pipeline(1, 0, 9), pipeline(2, 1, 9), pipeline(3, 0, 9)];
        assert!(g.decide(1000, &thresholds(), &all, now).is_empty());
        let acts = g.decide(1001, &thresholds(), &all, now);
        assert_eq!(acts, [Act::StopIdle(vec![LeaseId(1), LeaseId(3)])]);
        assert!(g.decide(1001, &thresholds(), &all, now).is_empty(), "told");
        let later = now + SETTLE;
        let acts = g.decide(1001, &thresholds(), &all, later);
        assert_eq!(acts, [Act::StopIdle(vec![LeaseId(1), LeaseId(3)])], "again");
        // A viewer saved 3, and left again.
        let saved = [pipeline(2, 1, 9), pipeline(3, 1, 9)];
        assert!(g.decide(1001, &thresholds(), &saved, now).is_empty());
        let again = [pipeline(2, 1, 9), pipeline(3, 0, 9)];
        let acts = g.decide(1001, &thresholds(), &again, now);
        assert_eq!(acts, [Act::StopIdle(vec![LeaseId(3)])]);
    }

    #[test]
    fn a_teardown_is_waited_for() {
        let (mut g, now) = (Governor::default(), clock::now());
        let all = [pipeline(1, 1, 9), pipeline(2, 1, 9)];
        g.tearing_down(now);
        assert!(g.decide(3000, &thresholds(), &all, now).is_empty());
        let later = now + SETTLE;
        assert_eq!(g.decide(3000, &thresholds(), &all, later).len(), 1);
    }

    #[test]
    fn one_over_its_ceiling_ends_alone_and_once() {
        let (mut g, now) = (Governor::default(), clock::now());
        let mut all = [pipeline(1, 5, 9), pipeline(2, 1, 9)];
        all[0].memory_bytes = CEILING;
        assert!(g.decide(0, &thresholds(), &all, now).is_empty());
        all[0].memory_bytes = CEILING + 1;
        assert_eq!(
            g.decide(0, &thresholds(), &all, now),
            [end(1, Reason::Ceiling)]
        );
        assert!(g.decide(0, &thresholds(), &all, now).is_empty());
        all[1].memory_bytes = u64::MAX;
        all[1].ceiling_bytes = None;
        assert!(g.decide(0, &thresholds(), &all, now).is_empty());
    }

    #[test]
    fn above_critical_the_least_wanted_go_one_by_one() {
        let (mut g, start) = (Governor::default(), clock::now());
        let at = |tenths: u64| start + Duration::from_millis(tenths * 100);
        let (idle, old, young, many) = (
            pipeline(1, 0, 99),
            pipeline(2, 1, 50),
            pipeline(3, 1, 20),
            pipeline(4, 2, 1),
        );
        let t = thresholds();
        let acts = g.decide(2001, &t, &[idle, old, young, many], at(0));
        assert_eq!(acts, [Act::StopIdle(vec![idle.lease])], "idle ones first");
        assert!(
            g.decide(2001, &t, &[idle, old, young, many], at(10))
                .is_empty(),
            "it has not gone yet"
        );
        assert!(g.decide(2001, &t, &[old, young, many], at(20)).is_empty());
        assert!(g.decide(2001, &t, &[old, young, many], at(39)).is_empty());
        let acts = g.decide(2001, &t, &[old, young, many], at(40));
        assert_eq!(acts, [end(3, Reason::MemoryCritical)]);
        assert!(g.decide(2001, &t, &[old, young, many], at(90)).is_empty());
        assert!(g.decide(2001, &t, &[old, many], at(100)).is_empty());
        assert!(
            g.decide(2000, &t, &[old, many], at(130)).is_empty(),
            "enough"
        );
        let acts = g.decide(2001, &t, &[old, many], at(131));
        assert_eq!(acts, [end(2, Reason::MemoryCritical)]);
    }

    #[test]
    fn a_wedged_one_does_not_shield_the_others() {
        let (mut g, start) = (Governor::default(), clock::now());
        let all = [pipeline(1, 1, 9), pipeline(2, 1, 8)];
        let t = thresholds();
        assert_eq!(g.decide(2001, &t, &all, start).len(), 1);
        let late = start + ENDING_PATIENCE;
        let before = late.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(g.decide(2001, &t, &all, before).is_empty());
        let acts = g.decide(2001, &t, &all, late);
        assert_eq!(acts, [end(1, Reason::MemoryCritical)]);
        assert!(g.decide(2001, &t, &all, late).is_empty());
    }

    #[test]
    fn one_that_ends_anyway_counts_as_ending() {
        let (mut g, now) = (Governor::default(), clock::now());
        let mut leaving = pipeline(1, 1, 9);
        leaving.ending = true;
        let all = [leaving, pipeline(2, 3, 9)];
        assert!(g.decide(2001, &thresholds(), &all, now).is_empty());
        let settled = now + SETTLE;
        assert!(g.decide(2001, &thresholds(), &all[1..], now).is_empty());
        let acts = g.decide(2001, &thresholds(), &all[1..], settled);
        assert_eq!(acts, [end(2, Reason::MemoryCritical)]);
    }

    proptest! {
        #[test]
        fn ends_in_the_right_order_and_nobody_twice(
            seconds in prop::collection::vec((0u64..3000, 0u64..8, 0usize..3, 0u64..130), 1..80),
        ) {
            let (mut g, start) = (Governor::default(), clock::now());
            let mut running: Vec<Pipeline> = Vec::new();
            let mut told: BTreeMap<LeaseId, Reason> = BTreeMap::new();
            for (second, (process, which, viewers, memory)) in seconds.into_iter().enumerate() {
                let now = start + Duration::from_secs(second as u64);
                let lease = LeaseId(which);
                match running.iter().position(|p| p.lease == lease) {
                    Some(at) if viewers == 2 => {
                        running.remove(at);
                        told.remove(&lease);
                    }
                    Some(at) => running[at].memory_bytes = memory,
                    None => running.push(Pipeline { memory_bytes: memory, ..pipeline(which, viewers, 0) }),
                }
                for p in &mut running {
                    p.age += Duration::from_secs(1);
                }
                let acts = g.decide(process, &thresholds(), &running, now);
                let busy = !told.is_empty();
                let mut ends = 0;
                for act in acts {
                    let ended = match act {
                        Act::StopIdle(leases) => {
                            prop_assert!(process > 1000 && !leases.is_empty());
                            leases.into_iter().map(|l| (l, Reason::Idle)).collect()
                        }
                        Act::End { lease, reason } => vec![(lease, reason)],
                    };
                    for (lease, reason) in ended {
                        let p = running.iter().find(|p| p.lease == lease).copied();
                        let p = p.expect("it runs");
                        let before = told.insert(lease, reason);
                        prop_assert!(before.is_none_or(|r| r == Reason::Idle && reason == r));
                        match reason {
                            Reason::Idle => prop_assert_eq!(p.viewers, 0),
                            Reason::Ceiling => prop_assert!(p.memory_bytes > CEILING),
                            Reason::MemoryCritical => {
                                ends += 1;
                                prop_assert!(process > 2000);
                                prop_assert!(p.viewers > 0, "idle ones went before");
                                prop_assert!(!busy || second >= 35);
                            }
                        }
                    }
                }
                prop_assert!(ends <= 1);
            }
        }
    }
}
