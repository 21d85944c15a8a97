//! All figures of the server in one answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;

use super::super::AppState;
use super::super::problem::Problem;
use super::looked_at;
use crate::actors::info::Latest;
use crate::actors::monitor::{Doing, coverage};
use crate::base::clock;
use crate::memory;
use crate::pipeline::{self, Kind};

/// Pipelines that are listed, the largest first.
const LISTED: usize = 100;

/// All figures of the server.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerMonitoring)]
pub(in crate::http) struct MonitoringView {
    /// When those were taken that are taken every 5 s: `cpu`, `store`, `descriptors`.
    #[schema(value_type = String, format = "date-time")]
    at: jiff::Timestamp,
    /// Since the start, seconds.
    uptime: f64,
    cpu: CpuView,
    memory: MemoryView,
    pipelines: PipelinesView,
    descriptors: DescriptorsView,
    /// Threads of the process.
    threads: u64,
    store: StoreView,
    queues: QueuesView,
    monitor: CoverageView,
    /// Notifications on their way; absent where none are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    outbox: Option<OutboxView>,
    log: LogView,
}

/// Load.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerCpu)]
struct CpuView {
    /// Cores that the process kept busy in the last 5 s; absent just after the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    process_cores: Option<f64>,
    /// Cores that it may use: of the machine, or of its control group if that is less.
    available_cores: f64,
    /// CPU time of the process since its start, seconds.
    process_seconds: f64,
    /// Share of the machine's time that was not idle in the last 5 s, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_share: Option<f64>,
    /// Load averages of the machine over 1, 5 and 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<[f32; 3]>,
}

/// Memory, bytes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerMemory)]
#[allow(clippy::struct_field_names, reason = "the unit belongs to each name")]
struct MemoryView {
    /// Of the process, mapped files included.
    resident_bytes: u64,
    /// Of the process, what no file stands behind.
    anonymous_bytes: u64,
    /// The most of it that was seen.
    peak_anonymous_bytes: u64,
    /// Held by the server itself, without its pipelines; absent where it is not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_bytes: Option<u64>,
    /// Anonymous memory above which idle pipelines end and new ones wait.
    warning_bytes: u64,
    /// Above this the least wanted pipelines end.
    critical_bytes: u64,
    /// What the control group has in use, cached files included.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_bytes: Option<u64>,
    /// What the control group may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_limit_bytes: Option<u64>,
    /// Of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_bytes: Option<u64>,
    /// What of the machine's could be had without swapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_available_bytes: Option<u64>,
}

/// Pipelines; `/api/v1/pipelines` has more of each.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerPipelines)]
struct PipelinesView {
    /// Those that exist and are not given up.
    running: u64,
    /// Those that would not stop, and hold what they hold.
    wedged: u64,
    /// What all of them hold, bytes; absent where it is not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// The largest first, at most 100.
    items: Vec<PipelineMemory>,
}

/// The memory of a pipeline.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct PipelineMemory {
    /// Its number.
    id: String,
    /// The stream it works for.
    stream: String,
    /// The rendition it makes; `source` for one that pulls.
    rendition: String,
    /// Its sort.
    kind: Kind,
    /// What it holds, bytes; absent where it is not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

/// File descriptors.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerDescriptors)]
struct DescriptorsView {
    /// Open.
    open: u64,
    /// The most there may be.
    max: u64,
}

/// The store.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerStore)]
struct StoreView {
    /// How long it took to answer, seconds; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    /// The size of its file, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<u64>,
    /// What may still be written where it is, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_free_bytes: Option<u64>,
    /// The size of that disk, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
}

/// How many wait, and for what.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerQueues)]
struct QueuesView {
    /// Viewers, for a transcode.
    transcodes: usize,
    /// Pulls through GStreamer, for a lease.
    ingests: usize,
    /// Pulls, for a connection of an account.
    connections: usize,
    /// Streams whose look is due, for their turn.
    looks: usize,
    /// Writes, for the store.
    store: usize,
    /// Lines, for the log to write them.
    log: usize,
}

/// The monitor; `/api/v1/monitor` has more.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerCoverage)]
struct CoverageView {
    /// Streams that are watched.
    streams: usize,
    /// The share of them that was looked at within the interval of each, 0 to 1.
    coverage: f64,
    /// Streams that are watched for long enough that they should have been looked at: what `monitor_behind` goes by.
    due: u64,
    /// Those of them that were in time.
    due_in_time: u64,
}

/// Notifications on their way.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerOutbox)]
struct OutboxView {
    /// Those that wait to be delivered.
    pending: u64,
    /// Those that were given up.
    dead: u64,
    /// How long the oldest that waits has waited, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<f64>,
}

/// The log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerLog)]
struct LogView {
    /// Lines that were lost since the start.
    dropped: u64,
    /// Lines that were counted instead of written since the start.
    collapsed: u64,
    /// Which lines are logged.
    filter: String,
}

/// All figures of the server: load, memory, descriptors, store, queues, coverage, outbox, log.
#[utoipa::path(get, path = "/api/v1/info/monitoring", tag = "info",
    responses((status = 200, body = MonitoringView), (status = 503, body = Problem)))]
pub(in crate::http) async fn monitoring(
    Extract(app): Extract<Arc<AppState>>,
) -> Result<Json<MonitoringView>, Problem> {
    let latest = looked_at(&app).await?;
    let figures = &latest.figures;
    let descriptors = figures.descriptors.unwrap_or_default();
    let outbox = app.info.outbox().map(|outbox| OutboxView {
        pending: outbox.pending,
        dead: outbox.dead,
        oldest: outbox.oldest.map(|oldest| oldest.as_secs_f64()),
    });
    let log = app.info.log().figures();
    Ok(Json(MonitoringView {
        at: latest.at,
        uptime: app.started.elapsed().as_secs_f64(),
        cpu: CpuView {
            process_cores: figures.cpu.map(|cpu| cpu.process_cores),
            available_cores: f64::from(app.hub.pool().figures().host.cores),
            process_seconds: latest.sample.cpu_seconds,
            system_share: figures.cpu.and_then(|cpu| cpu.system_share),
            load: latest.sample.load,
        },
        memory: memory_of(&app, &latest),
        pipelines: pipelines(&app),
        descriptors: DescriptorsView {
            open: descriptors.part,
            max: descriptors.whole,
        },
        threads: latest.sample.threads,
        store: StoreView {
            latency: figures.store_latency.map(|latency| latency.as_secs_f64()),
            file_bytes: figures.disk.map(|disk| disk.file_bytes),
            disk_free_bytes: figures.disk.map(|disk| disk.free_bytes),
            disk_bytes: figures.disk.map(|disk| disk.total_bytes),
        },
        queues: queues(&app, log.queued),
        monitor: coverage_of(&app, &latest),
        outbox,
        log: LogView {
            dropped: log.dropped,
            collapsed: log.collapsed,
            filter: app.info.log().level().filter,
        },
    }))
}

fn memory_of(app: &AppState, latest: &Latest) -> MemoryView {
    let process = memory::process();
    let thresholds = app.hub.pool().figures().host.thresholds;
    MemoryView {
        resident_bytes: process.resident,
        anonymous_bytes: process.anonymous,
        peak_anonymous_bytes: process.peak_anonymous,
        server_bytes: process.parts.map(|parts| parts.server),
        warning_bytes: thresholds.warning_bytes,
        critical_bytes: thresholds.critical_bytes,
        group_bytes: latest.sample.group_bytes,
        group_limit_bytes: latest.sample.group_limit_bytes,
        system_bytes: latest.sample.memory_bytes,
        system_available_bytes: latest.sample.available_bytes,
    }
}

fn pipelines(app: &AppState) -> PipelinesView {
    let census = pipeline::census();
    let mut fleet = app.hub.fleet();
    let held = |member: &crate::actors::fleet::Member| {
        let usage = member.report.usage;
        usage.map(|usage| usage.total_bytes())
    };
    let measured = fleet.iter().all(|member| held(member).is_some());
    let total = fleet.iter().filter_map(held).sum();
    fleet.sort_by_key(|member| std::cmp::Reverse(held(member)));
    let items = fleet.iter().take(LISTED).map(|member| PipelineMemory {
        id: member.report.id.to_string(),
        stream: member.report.label.stream.clone(),
        rendition: member.report.label.rendition.clone(),
        kind: member.report.kind(),
        memory_bytes: held(member),
    });
    PipelinesView {
        running: census.running,
        wedged: census.wedged,
        memory_bytes: measured.then_some(total),
        items: items.collect(),
    }
}

fn queues(app: &AppState, log: usize) -> QueuesView {
    let accounts = app.hub.accounts().all_figures();
    let all = app.monitor.all();
    let waits = |doing| matches!(doing, Doing::Queued | Doing::WaitingForConnection);
    QueuesView {
        transcodes: app.hub.pool().figures().queued,
        ingests: app.hub.settings().ingest.pool.figures().queued,
        connections: accounts.iter().map(|one| one.figures.waiting).sum(),
        looks: all.iter().filter(|(_, known)| waits(known.doing)).count(),
        store: app.hub.catalog.store().queued(),
        log,
    }
}

fn coverage_of(app: &AppState, latest: &Latest) -> CoverageView {
    let all = app.monitor.all();
    let due = latest.figures.coverage.unwrap_or_default();
    CoverageView {
        streams: all.len(),
        coverage: coverage(all.iter().map(|(_, known)| known), clock::now()),
        due: due.whole,
        due_in_time: due.part,
    }
}
