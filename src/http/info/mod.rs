//! How the server itself is: health with its thresholds, figures, events, and the log.

mod figures;
mod logs;
mod profiles;

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;

use super::AppState;
use super::extract::Params;
use super::health::Health;
use super::history::{EventList, EventParams, events_of};
use super::problem::Problem;
use crate::actors::info::Latest;
use crate::conditions::{self, Condition};
use crate::confine;
use crate::info::Reading;
use crate::memory::{self, Accounting};
use crate::pipeline;
use crate::stream::StreamId;

pub(super) use figures::{__path_monitoring, monitoring};
pub(super) use logs::{
    __path_change_log_level, __path_log_level, __path_logs, __path_reset_log_level,
    change_log_level, log_level, logs, reset_log_level,
};
pub(super) use profiles::{__path_profiles, profiles};

/// How the server is, and why.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerHealth)]
pub(super) struct HealthView {
    /// Unhealthy when the store does not answer, degraded while anything is worth a warning.
    status: Health,
    /// When it was looked at; it is every 5 s.
    #[schema(value_type = String, format = "date-time")]
    at: jiff::Timestamp,
    /// Since the start, seconds.
    uptime: f64,
    /// Name of this installation, as configured.
    environment: String,
    /// What is worth a warning.
    warnings: Vec<Reading>,
    /// All that is looked at, beside its thresholds, the warnings among them.
    checks: Vec<Reading>,
    /// Health by the conditions alone, as events tell it.
    health: conditions::Health,
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    health_since: jiff::Timestamp,
    /// Conditions of the server itself that last, the same that alerts tell of.
    conditions: Vec<Condition>,
    /// What runs.
    build: BuildView,
    /// What the process has given up so that a decoder that is taken over can do little.
    confinement: confine::Report,
}

/// What runs.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ServerBuild)]
pub(super) struct BuildView {
    /// Of Sightglass.
    version: &'static str,
    /// Of GStreamer.
    #[schema(example = "GStreamer 1.26.2")]
    gstreamer: String,
    /// Plugins of GStreamer that are loaded: those of the built-in list that are installed, and the operator's.
    gstreamer_plugins: usize,
    /// Elements that can be made; all others are removed.
    gstreamer_elements: usize,
    /// The machine that it was built for.
    #[schema(example = "x86_64-linux")]
    target: &'static str,
    /// Whether memory is measured by pipeline.
    memory_accounting: bool,
}

impl BuildView {
    fn new() -> Self {
        const TARGET: &str = if cfg!(target_arch = "x86_64") {
            "x86_64-linux"
        } else if cfg!(target_arch = "aarch64") {
            "aarch64-linux"
        } else {
            "linux"
        };
        let loaded = pipeline::loaded();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            gstreamer: pipeline::version(),
            gstreamer_plugins: loaded.plugins,
            gstreamer_elements: loaded.elements,
            target: TARGET,
            memory_accounting: memory::init() == Accounting::On,
        }
    }
}

/// How the server itself is: what is worth a warning, thresholds, conditions.
#[utoipa::path(get, path = "/api/v1/info/health", tag = "info",
    responses((status = 200, body = HealthView), (status = 503, body = Problem)))]
pub(super) async fn health(
    Extract(app): Extract<Arc<AppState>>,
) -> Result<Json<HealthView>, Problem> {
    let latest = looked_at(&app).await?;
    let state = app.info.state();
    let checks = latest.readings.clone();
    let warnings: Vec<Reading> = checks.iter().filter(|it| it.warning).cloned().collect();
    let answers = latest.figures.store_latency.is_some();
    let status = if !answers {
        Health::Unhealthy
    } else if warnings.is_empty() && state.conditions.is_empty() {
        Health::Healthy
    } else {
        Health::Degraded
    };
    Ok(Json(HealthView {
        status,
        at: latest.at,
        uptime: app.started.elapsed().as_secs_f64(),
        environment: app.settings.environment.clone(),
        warnings,
        checks,
        health: state.health,
        health_since: state.since,
        conditions: state.conditions,
        build: BuildView::new(),
        confinement: confine::report().clone(),
    }))
}

/// What happened to the server itself, newest first: its conditions and its health, as streams have them.
#[utoipa::path(get, path = "/api/v1/info/events", tag = "info", params(EventParams),
    responses((status = 200, body = EventList), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn events(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<EventParams>,
) -> Result<Json<EventList>, Problem> {
    events_of(&app, StreamId::server(), &params).await
}

async fn looked_at(app: &AppState) -> Result<Arc<Latest>, Problem> {
    app.info.latest().await.ok_or_else(|| {
        let text = "the server has not been looked at yet; ask again in a moment";
        Problem::busy("not_ready", "Not known yet", text)
    })
}
