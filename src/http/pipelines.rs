//! What the pipelines take, and what the pool has decided about them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;

use super::AppState;
use crate::actors::fleet::{Member, Suspended};
use crate::actors::pool::Decided;
use crate::admission::Hold;
use crate::ingest::Cause;
use crate::memory::{self, ProcessMemory};
use crate::pipeline::{Kind, Phase};

/// All pipelines, the bounds they run within, and what was decided lately.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PipelinesView {
    /// Oldest first; wedged ones are among them for as long as they hold anything.
    pipelines: Vec<PipelineView>,
    /// The memory of the process, and where it is.
    memory: MemoryView,
    /// What transcodes are admitted by.
    pool: PoolView,
    /// Renditions that are refused for a while.
    suspended: Vec<SuspendedView>,
    /// What the pool has decided against somebody's wish, newest first, 64 at most.
    decisions: Vec<DecisionView>,
}

/// A pipeline and what it takes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PipelineView {
    /// Its number, never used twice while the server runs.
    id: String,
    /// The stream it works for.
    stream_id: String,
    /// The rendition it makes; `source` for one that pulls.
    rendition: String,
    /// Its sort.
    kind: Kind,
    /// The file in `pipelines/` that it was built from.
    topology: &'static str,
    /// How far it is.
    phase: Phase,
    /// Since its start, seconds.
    age: f64,
    /// What it takes; absent where that is not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageView>,
    /// How far its output lies behind real time, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<f64>,
    /// Sessions that watch its rendition.
    viewers: usize,
    /// Memory that the pool charges it with, bytes: what was expected while it is young.
    #[serde(skip_serializing_if = "Option::is_none")]
    charged_bytes: Option<u64>,
}

/// What a pipeline takes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageView {
    /// Memory now, bytes: heap and stacks.
    memory_bytes: u64,
    /// Heap alone, bytes.
    heap_bytes: u64,
    /// The most memory it was seen to hold, bytes.
    peak_bytes: u64,
    /// Threads.
    threads: u32,
    /// File descriptors.
    descriptors: u32,
    /// CPU time since its start, seconds.
    cpu_seconds: f64,
}

/// The memory of the process, bytes. What the parts hold adds up to `anonymousBytes`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "the unit belongs to each name")]
pub(super) struct MemoryView {
    /// Resident, mapped files included.
    pub(super) resident_bytes: u64,
    /// What no file stands behind.
    pub(super) anonymous_bytes: u64,
    /// The most of it that was seen.
    pub(super) peak_anonymous_bytes: u64,
    /// Held by pipelines; absent, like the parts that follow, where it is not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pipelines_bytes: Option<u64>,
    /// Held by the server: feeds, sessions, definitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server_bytes: Option<u64>,
    /// Left over from pipelines that have ended, to be used again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spare_bytes: Option<u64>,
    /// Held by nobody known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unattributed_bytes: Option<u64>,
}

/// The pool of transcodes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PoolView {
    /// Transcodes that run.
    running: usize,
    /// The most that may.
    slots: usize,
    /// Requests that wait.
    queued: usize,
    /// Why the next of them waits: `slots`, `memory`, `cpu`, `lag` or `descriptors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<&'static str>,
    /// Memory that the leases are charged with, bytes.
    charged_bytes: u64,
    /// CPU that the leases are charged with, cores.
    charged_cores: f32,
    /// CPU that they may be charged with, cores; absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    usable_cores: Option<f32>,
    /// Above this idle pipelines end and new ones wait, bytes.
    warning_bytes: u64,
    /// Above this the least wanted pipelines end, bytes.
    critical_bytes: u64,
    /// Where memory stands against both: `normal`, `warning` or `critical`.
    pressure: &'static str,
}

/// A rendition that is refused for a while.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuspendedView {
    /// The stream.
    stream_id: String,
    /// The rendition.
    rendition: String,
    /// Why.
    cause: Cause,
    /// Why, in words.
    reason: String,
    /// Until it may be tried again, seconds; 0 while a trial runs.
    retry_after: f64,
}

/// Something the pool has decided.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionView {
    /// When.
    #[schema(value_type = String, format = "date-time")]
    time: jiff::Timestamp,
    /// `queued`, `refused` or `ended`.
    decision: &'static str,
    /// `slots`, `memory`, `cpu`, `lag`, `descriptors`, `queue_full`, `idle`, `ceiling` or `memory_critical`.
    reason: &'static str,
    /// About which stream.
    stream_id: String,
    /// And which of its renditions.
    rendition: String,
}

/// What each pipeline takes, and what the pool has decided.
#[utoipa::path(get, path = "/api/v1/pipelines", tag = "status",
    responses((status = 200, body = PipelinesView)))]
pub(super) async fn pipelines(Extract(app): Extract<Arc<AppState>>) -> Json<PipelinesView> {
    let hub = &app.hub;
    let figures = hub.pool().figures();
    let host = figures.host;
    let usable = host.usable_cores();
    let memory = memory::process();
    Json(PipelinesView {
        pipelines: hub.fleet().iter().map(|m| pipeline(&app, m)).collect(),
        pool: PoolView {
            running: figures.running,
            slots: figures.max,
            queued: figures.queued,
            hold: figures.hold.map(Hold::as_str),
            charged_bytes: figures.charged.memory_bytes,
            charged_cores: figures.charged.cpu_cores,
            usable_cores: usable.is_finite().then_some(usable),
            warning_bytes: host.thresholds.warning_bytes,
            critical_bytes: host.thresholds.critical_bytes,
            pressure: host.thresholds.pressure(memory.anonymous).as_str(),
        },
        memory: MemoryView::of(&memory),
        suspended: hub.suspended().iter().map(suspended).collect(),
        decisions: hub.pool().decisions().iter().rev().map(decision).collect(),
    })
}

impl MemoryView {
    pub(super) fn of(memory: &ProcessMemory) -> Self {
        let parts = memory.parts.as_ref();
        Self {
            resident_bytes: memory.resident,
            anonymous_bytes: memory.anonymous,
            peak_anonymous_bytes: memory.peak_anonymous,
            pipelines_bytes: parts.map(|p| p.pipelines),
            server_bytes: parts.map(|p| p.server),
            spare_bytes: parts.map(|p| p.spare),
            unattributed_bytes: parts.map(|p| p.unattributed),
        }
    }
}

fn pipeline(app: &AppState, member: &Member) -> PipelineView {
    let report = &member.report;
    let work = member.work.as_ref();
    let charge = work.and_then(|work| app.hub.pool().charge(work.live.lease));
    PipelineView {
        id: report.id.to_string(),
        stream_id: report.label.stream.clone(),
        rendition: report.label.rendition.clone(),
        kind: report.kind(),
        topology: report.topology.name(),
        phase: report.phase,
        age: report.began.elapsed().as_secs_f64(),
        usage: report.usage.as_ref().map(|usage| UsageView {
            memory_bytes: usage.total_bytes(),
            heap_bytes: usage.heap_bytes,
            peak_bytes: usage.peak_bytes,
            threads: usage.threads,
            descriptors: report.descriptors(),
            cpu_seconds: usage.cpu.as_secs_f64(),
        }),
        lag: work.map(|work| work.live.lag().as_secs_f64()),
        viewers: work.map_or(0, |work| work.viewers),
        charged_bytes: charge.map(|cost| cost.memory_bytes),
    }
}

fn suspended(suspended: &Suspended) -> SuspendedView {
    let (stream, rendition) = &suspended.key;
    SuspendedView {
        stream_id: stream.to_string(),
        rendition: rendition.to_string(),
        cause: suspended.reason.cause,
        reason: suspended.reason.message.clone(),
        retry_after: suspended.retry_after.as_secs_f64(),
    }
}

fn decision(decided: &Decided) -> DecisionView {
    DecisionView {
        time: decided.at,
        decision: decided.verdict.as_str(),
        reason: decided.reason,
        stream_id: decided.stream.to_string(),
        rendition: decided.rendition.clone(),
    }
}
