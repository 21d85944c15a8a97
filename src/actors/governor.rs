//! Keeps pipelines within memory, CPU and descriptors: looks at what each takes, and acts as
//! [`crate::admission`] decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::breakers::HEALTHY;
use super::fleet::{Member, Work};
use super::hub::Hub;
use super::observe::{Observations, Seen};
use crate::admission::govern::{Act, Governor, Pipeline, Reason};
use crate::admission::{Hold, Host, LeaseId, Thresholds};
use crate::base::clock;
use crate::ingest::{Cause, IngestError, Stage};
use crate::memory::Usage;
use crate::pipeline::{Kind, Phase, PipelineId};
use crate::process;
use crate::stream::StreamId;

/// How often the memory of the process is looked at: a pipeline that runs away is to be caught early.
const GLANCE: Duration = Duration::from_millis(100);
/// Every so many glances all pipelines are looked at, which costs more: memory, CPU, lag.
const GLANCES_A_ROUND: u32 = 10;
/// Growth since the last round that calls for the next one at once, in bytes.
const SUSPICIOUS: u64 = 16 << 20;

/// The bounds that the operator sets.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Thresholds of the whole process, the limit of its control group counted.
    pub thresholds: Thresholds,
    /// The most memory that one pipeline may take, in bytes.
    pub ceiling_bytes: u64,
    /// Cores that the process may use.
    pub cores: f32,
}

/// A rendition whose pipeline runs, and what that takes.
struct Working {
    work: Work,
    usage: Usage,
}

/// Looks and acts until `stop`.
pub async fn run(hub: Arc<Hub>, bounds: Bounds, stop: CancellationToken) {
    let mut governor = Governor::default();
    let mut observations = Observations::default();
    let mut ticks = tokio::time::interval(GLANCE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first glance is followed by a round: until then the pool knows no bounds.
    let (mut glances, mut known_bytes) = (GLANCES_A_ROUND, 0);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let process_bytes = process::anonymous_bytes();
        glances += 1;
        let due = glances >= GLANCES_A_ROUND;
        if !due && process_bytes < known_bytes + SUSPICIOUS {
            continue;
        }
        known_bytes = process_bytes;
        let now = clock::now();
        let fleet = hub.fleet();
        if fleet.iter().any(|m| m.report.phase == Phase::Stopping) {
            governor.tearing_down(now);
        }
        end_large_ingests(&hub, &fleet, &bounds);
        // A pipeline whose memory is not measured is not ended for it.
        let working: Vec<Working> = fleet.into_iter().filter_map(working).collect();
        for pipeline in act(&hub, &mut governor, &bounds, &working, process_bytes, now) {
            // What was made to blow up says nothing about others of its kind.
            observations.forget(pipeline);
        }
        if due {
            glances = 0;
            round(
                &hub,
                &mut observations,
                &bounds,
                working,
                process_bytes,
                now,
            );
        }
    }
}

fn working(member: Member) -> Option<Working> {
    Some(Working {
        usage: member.report.usage.unwrap_or_default(),
        work: member.work?,
    })
}

/// A source that is made here is not shared by conversions alone, so it ends with all that use it.
fn end_large_ingests(hub: &Hub, fleet: &[Member], bounds: &Bounds) {
    for Member { report, .. } in fleet {
        let held = report.usage.map_or(0, |usage| usage.total_bytes());
        if report.kind() == Kind::Ingest
            && report.phase == Phase::Running
            && held > bounds.ceiling_bytes
            && let Ok(stream) = StreamId::parse(&report.label.stream)
        {
            tracing::warn!(%stream, memory_bytes = held, "the pipeline of a source is ended: {}", Reason::Ceiling.describe());
            hub.note_end(&stream, &report.label.rendition, Reason::Ceiling);
            hub.end_ingest(&stream);
        }
    }
}

/// Acts as was decided; the pipelines that went over their ceiling.
fn act(
    hub: &Hub,
    governor: &mut Governor,
    bounds: &Bounds,
    working: &[Working],
    process_bytes: u64,
    now: Instant,
) -> Vec<PipelineId> {
    let mut blown_up = Vec::new();
    let pipelines: Vec<Pipeline> = working
        .iter()
        .map(|w| Pipeline {
            lease: w.work.live.lease,
            memory_bytes: w.usage.total_bytes(),
            viewers: w.work.viewers,
            age: now.saturating_duration_since(w.work.live.started),
            ceiling_bytes: Some(bounds.ceiling_bytes),
            ending: false,
        })
        .collect();
    let find = |lease: LeaseId| working.iter().find(|w| w.work.live.lease == lease);
    for act in governor.decide(process_bytes, &bounds.thresholds, &pipelines, now) {
        match act {
            Act::StopIdle(_) => hub.make_room(),
            Act::End { lease, reason } => {
                if let Some(working) = find(lease) {
                    tell(hub, working, reason, bounds);
                    let error = Arc::new(error_of(reason));
                    hub.breakers()
                        .trip(&working.work.key, now, Arc::clone(&error));
                    working.work.rendition.evict(error);
                    if reason == Reason::Ceiling {
                        blown_up.push(working.work.live.pipeline);
                    }
                }
            }
        }
    }
    blown_up
}

fn tell(hub: &Hub, working: &Working, reason: Reason, bounds: &Bounds) {
    let (stream, rendition) = &working.work.key;
    tracing::warn!(
        %stream, %rendition,
        memory_bytes = working.usage.total_bytes(),
        ceiling_bytes = bounds.ceiling_bytes,
        viewers = working.work.viewers,
        "pipeline is ended: {}", reason.describe()
    );
    hub.note_end(stream, &rendition.to_string(), reason);
}

fn error_of(reason: Reason) -> IngestError {
    let cause = match reason {
        Reason::Ceiling => Cause::Limit,
        Reason::Idle | Reason::MemoryCritical => Cause::Overload,
    };
    IngestError::new(
        Stage::Transcode,
        cause,
        format!("the conversion was ended: {}", reason.describe()),
    )
}

/// What need not be looked at out of turn.
fn round(
    hub: &Hub,
    observations: &mut Observations,
    bounds: &Bounds,
    working: Vec<Working>,
    process_bytes: u64,
    now: Instant,
) {
    for working in &working {
        if now.saturating_duration_since(working.work.live.started) >= HEALTHY {
            hub.breakers().healthy(&working.work.key, now);
        }
    }
    hub.breakers().forget_idle(now);
    let seen = working.into_iter().map(seen).collect();
    let looked = observations.look(seen, now);
    for (job, taken) in looked.ended {
        tracing::info!(
            job = %job.key(),
            peak_bytes = taken.peak_bytes,
            cpu_cores = taken.cpu_cores,
            seconds = taken.ran.as_secs(),
            "pipeline has ended"
        );
        if let Some(learned) = hub.pool().learn(&job, &taken) {
            hub.catalog.store().learn(learned);
        }
    }
    let descriptors = hub.descriptors().refresh(now);
    let host = Host {
        process_bytes,
        thresholds: bounds.thresholds,
        cores: bounds.cores,
        source_cores: hub.settings().ingest.pool.figures().charged.cpu_cores,
        open_fds: descriptors.open,
        max_fds: descriptors.max,
    };
    hub.pool().observe(&looked.measured, host);
    // What nobody watches makes room before anybody waits, whatever for.
    if !matches!(hub.pool().figures().hold, None | Some(Hold::Descriptors)) {
        hub.make_room();
    }
}

fn seen(working: Working) -> Seen {
    Seen {
        pipeline: working.work.live.pipeline,
        lease: working.work.live.lease,
        lag: working.work.live.lag(),
        started: working.work.live.started,
        job: working.work.live.job,
        memory_bytes: working.usage.total_bytes(),
        peak_bytes: working.usage.peak_bytes,
        cpu: working.usage.cpu,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_are_told_who_is_to_blame() {
        assert_eq!(error_of(Reason::Ceiling).cause, Cause::Limit);
        let critical = error_of(Reason::MemoryCritical);
        assert_eq!(critical.cause, Cause::Overload);
        assert!(critical.message.contains("memory"), "{}", critical.message);
    }
}
