//! Probes and health.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Serialize;

use super::AppState;
use super::pipelines::MemoryView;
use crate::admission::{Hold, Pressure};
use crate::base::clock;
use crate::confine;
use crate::memory;
use crate::pipeline;
use crate::process;

/// The store answers within this, or is not well.
pub(super) const STORE_DEADLINE: Duration = Duration::from_secs(2);

/// How well a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServiceHealth)]
pub(super) enum Health {
    /// It works.
    Healthy,
    /// It works, with a limit reached or something lost.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// The whole server's health.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthReport {
    /// The worst of the parts.
    status: Health,
    /// Now.
    #[schema(value_type = String, format = "date-time")]
    timestamp: jiff::Timestamp,
    /// Since the start, seconds.
    uptime: f64,
    /// Of Sightglass.
    version: &'static str,
    /// What it took to find all this out, milliseconds.
    response_time: f64,
    /// As configured.
    environment: String,
    /// Each part.
    services: Services,
    /// What the process has given up so that a decoder that is taken over can do little.
    confinement: confine::Report,
}

/// The parts.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Services {
    /// The store.
    database: DatabaseHealth,
    /// The pool and its pipelines.
    transcoding: TranscodingHealth,
    /// The process.
    memory: MemoryHealth,
}

/// The store.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DatabaseHealth {
    /// Does it answer?
    status: Health,
    /// How fast, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    /// Streams defined.
    streams: usize,
}

/// The pool and its pipelines.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TranscodingHealth {
    /// Degraded when the queue is in use, a pipeline was wedged, or a rendition is suspended.
    status: Health,
    /// Transcodes that run.
    active: usize,
    /// Transcodes that may run at once.
    max_concurrent: usize,
    /// Requests that wait.
    queued: usize,
    /// Why the next of them waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<&'static str>,
    /// Renditions that are refused for a while after failures.
    suspended: usize,
    /// Pipelines whose teardown passed its deadline, since the start.
    wedged: u64,
}

/// The process.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemoryHealth {
    /// Degraded above the warning threshold, and when nine tenths of the descriptors are in use.
    status: Health,
    /// Where memory stands against its thresholds: `normal`, `warning` or `critical`.
    pressure: &'static str,
    #[serde(flatten)]
    memory: MemoryView,
    /// Above this idle pipelines end and new ones wait, bytes.
    warning_bytes: u64,
    /// Above this the least wanted pipelines end, bytes.
    critical_bytes: u64,
    /// Threads.
    threads: u64,
    /// Open file descriptors.
    open_descriptors: u64,
    /// The most there may be.
    max_descriptors: u64,
}

/// Is the process alive?
#[utoipa::path(get, path = "/live", tag = "health", responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// As `/live`.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn livez() -> &'static str {
    live().await
}

/// As `/ready`.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, content_type = "text/plain", body = String), (status = 503, content_type = "text/plain", body = String)))]
pub(super) async fn readyz(app: Extract<Arc<AppState>>) -> (StatusCode, &'static str) {
    ready(app).await
}

/// Does it take requests?
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, content_type = "text/plain", body = String), (status = 503, content_type = "text/plain", body = String)))]
pub(super) async fn ready(Extract(app): Extract<Arc<AppState>>) -> (StatusCode, &'static str) {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    let check = app.hub.catalog.store().check();
    match tokio::time::timeout(STORE_DEADLINE, check).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok\n"),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer\n",
        ),
    }
}

/// How each part is.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = HealthReport), (status = 503, body = HealthReport)))]
pub(super) async fn health(
    Extract(app): Extract<Arc<AppState>>,
) -> (StatusCode, Json<HealthReport>) {
    let began = clock::now();
    let latency = tokio::time::timeout(STORE_DEADLINE, app.hub.catalog.store().check()).await;
    let latency = latency.ok().and_then(Result::ok);
    let pool = app.hub.pool().figures();
    let census = pipeline::census();
    let suspended = app.hub.suspended().len();
    let process = process_figures().await;
    let memory = memory::process();
    let thresholds = pool.host.thresholds;
    let pressure = thresholds.pressure(memory.anonymous);
    let few_descriptors = process.max_fds > 0 && process.open_fds * 10 > process.max_fds * 9;
    let services = Services {
        database: DatabaseHealth {
            status: latency.map_or(Health::Unhealthy, |_| Health::Healthy),
            latency: latency.map(milliseconds),
            streams: app.hub.catalog.snapshot().len(),
        },
        transcoding: TranscodingHealth {
            status: if pool.queued > 0 || census.wedged_total > 0 || suspended > 0 {
                Health::Degraded
            } else {
                Health::Healthy
            },
            active: pool.running,
            max_concurrent: pool.max,
            queued: pool.queued,
            hold: pool.hold.map(Hold::as_str),
            suspended,
            wedged: census.wedged_total,
        },
        memory: MemoryHealth {
            status: if pressure > Pressure::Normal || few_descriptors {
                Health::Degraded
            } else {
                Health::Healthy
            },
            pressure: pressure.as_str(),
            memory: MemoryView::of(&memory),
            warning_bytes: thresholds.warning_bytes,
            critical_bytes: thresholds.critical_bytes,
            threads: process.threads,
            open_descriptors: process.open_fds,
            max_descriptors: process.max_fds,
        },
    };
    let status = services
        .database
        .status
        .max(services.transcoding.status)
        .max(services.memory.status);
    let code = match status {
        Health::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    let report = HealthReport {
        status,
        timestamp: clock::wall(),
        uptime: app.started.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
        response_time: milliseconds(began.elapsed()),
        environment: app.settings.environment.clone(),
        services,
        confinement: confine::report().clone(),
    };
    (code, Json(report))
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Reading /proc may block for a while when there are thousands of descriptors.
async fn process_figures() -> process::Figures {
    tokio::task::spawn_blocking(process::figures)
        .await
        .unwrap_or_default()
}
