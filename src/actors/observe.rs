//! What pipelines take, from one look to the next. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::admission::costs::{MIN_RUN, Taken};
use crate::admission::{Job, LeaseId, Measured};
use crate::pipeline::PipelineId;

/// A pipeline as a look finds it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) pipeline: PipelineId,
    pub(super) lease: LeaseId,
    pub(super) job: Job,
    pub(super) started: Instant,
    pub(super) memory_bytes: u64,
    pub(super) peak_bytes: u64,
    /// CPU time since its start.
    pub(super) cpu: Duration,
    pub(super) lag: Duration,
}

/// What a look has found.
#[derive(Debug)]
pub(super) struct Looked {
    /// What each takes now.
    pub(super) measured: Vec<(LeaseId, Measured)>,
    /// What those took that have ended since the last look.
    pub(super) ended: Vec<(Job, Taken)>,
}

/// What is remembered of the pipelines that run.
#[derive(Debug, Default)]
pub(super) struct Observations {
    known: HashMap<PipelineId, Known>,
}

#[derive(Debug)]
struct Known {
    newest: Seen,
    at: Instant,
    /// The end of its start, from which on its load counts as steady.
    steady: Option<(Instant, Duration)>,
}

impl Observations {
    /// Takes in a look at all that run.
    pub(super) fn look(&mut self, seen: Vec<Seen>, now: Instant) -> Looked {
        let ended = self
            .known
            .extract_if(|id, _| seen.iter().all(|s| s.pipeline != *id))
            .map(|(_, known)| known.taken())
            .collect();
        let measured = seen.into_iter().map(|seen| self.note(seen, now)).collect();
        Looked { measured, ended }
    }

    /// Learns nothing from this one.
    pub(super) fn forget(&mut self, pipeline: PipelineId) {
        self.known.remove(&pipeline);
    }

    fn note(&mut self, seen: Seen, now: Instant) -> (LeaseId, Measured) {
        let age = now.saturating_duration_since(seen.started);
        let before = self.known.get(&seen.pipeline);
        // A first look reckons from the start.
        let (at, cpu) = before.map_or((seen.started, Duration::ZERO), |k| (k.at, k.newest.cpu));
        let measured = Measured {
            memory_bytes: seen.memory_bytes,
            cpu_cores: cores(
                seen.cpu.saturating_sub(cpu),
                now.saturating_duration_since(at),
            ),
            lag: seen.lag,
            age,
        };
        let steady = before
            .and_then(|known| known.steady)
            .or_else(|| (age >= MIN_RUN / 2).then_some((now, seen.cpu)));
        let lease = seen.lease;
        let known = Known {
            steady,
            at: now,
            newest: seen,
        };
        self.known.insert(known.newest.pipeline, known);
        (lease, measured)
    }
}

impl Known {
    fn taken(self) -> (Job, Taken) {
        let steady = self.steady.map_or(0.0, |(since, cpu)| {
            let used = self.newest.cpu.saturating_sub(cpu);
            cores(used, self.at.saturating_duration_since(since))
        });
        let taken = Taken {
            peak_bytes: self.newest.peak_bytes,
            cpu_cores: steady,
            ran: self.at.saturating_duration_since(self.newest.started),
        };
        (self.newest.job, taken)
    }
}

fn cores(cpu: Duration, time: Duration) -> f32 {
    if time.is_zero() {
        return 0.0;
    }
    cpu.as_secs_f32() / time.as_secs_f32()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Work;

    fn seen(started: Instant, cpu_ms: u64) -> Seen {
        Seen {
            pipeline: PipelineId::numbered(1),
            lease: LeaseId::numbered(7),
            job: Job {
                work: Work::EncodeBoth,
                profile: "low".into(),
                source_pixels: 1,
                output_pixels: 1,
            },
            started,
            memory_bytes: 10,
            peak_bytes: 20,
            cpu: Duration::from_millis(cpu_ms),
            lag: Duration::ZERO,
        }
    }

    #[test]
    fn cores_are_reckoned_from_look_to_look_and_learned_from_the_steady_part() {
        let start = crate::base::clock::now();
        let mut observations = Observations::default();
        let mut cores = Vec::new();
        // A core for the first four seconds, then a quarter of one.
        let mut cpu = 0;
        for second in 1..=24u64 {
            cpu += if second <= 4 { 1000 } else { 250 };
            let now = start + Duration::from_secs(second);
            let looked = observations.look(vec![seen(start, cpu)], now);
            assert!(looked.ended.is_empty());
            cores.extend(looked.measured.iter().map(|(_, m)| m.cpu_cores));
        }
        assert!(
            (cores[0] - 1.0).abs() < 0.01 && (cores[20] - 0.25).abs() < 0.01,
            "{cores:?}"
        );
        let looked = observations.look(Vec::new(), start + Duration::from_secs(25));
        let [(_, taken)] = looked.ended.as_slice() else {
            panic!("{looked:?}")
        };
        assert_eq!((taken.peak_bytes, taken.ran), (20, Duration::from_secs(24)));
        assert!((taken.cpu_cores - 0.25).abs() < 0.01, "{taken:?}");
        assert!(observations.look(Vec::new(), start).ended.is_empty());
    }
}
