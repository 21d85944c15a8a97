//! The last lines of the log, and which lines are logged.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};

use super::super::AppState;
use super::super::extract::{Body, Params};
use super::super::problem::Problem;
use crate::config;
use crate::log::{Level, Line, Tail};
use crate::stream::Page;

/// How long another level lasts unless told, seconds.
const LASTS: u64 = 15 * 60;
/// The longest that it may last, seconds.
const LASTS_MAX: u64 = 24 * 60 * 60;

/// Which lines of the log are wanted.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct LogParams {
    /// Only lines after this one: `next` of the answer before. The newest lines unless told.
    since: Option<u64>,
    /// Only lines that matter as much: `trace`, `debug`, `info`, `warn` or `error`. All unless told.
    level: Option<String>,
    /// How many, 1 to 1000; 100 unless told.
    limit: Option<usize>,
}

/// Part of the log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LogTail)]
pub(in crate::http) struct TailView {
    /// Oldest first.
    items: Vec<Line>,
    /// What to pass as `since` for what comes next.
    next: u64,
    /// Lines after `since` that are kept no more.
    missed: u64,
}

/// Which lines are logged.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LogFilter)]
pub(in crate::http) struct FilterView {
    /// A level, and levels by target.
    #[schema(example = "info,sightglass::ingest=debug")]
    level: String,
    /// As configured.
    #[schema(example = "info")]
    configured: String,
    /// When it is as configured again; absent if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    until: Option<jiff::Timestamp>,
}

/// Other lines to log, for a while.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LogFilterChange)]
pub(in crate::http) struct FilterChange {
    /// A level (off, error, warn, info, debug, trace) and `target=level` pairs, comma-separated, as `LOG_LEVEL` takes it.
    #[schema(example = "info,sightglass::ingest=debug")]
    level: String,
    /// For how long, seconds: 1 to 86400, and 900 unless told. Then it is as configured again.
    #[schema(minimum = 1, maximum = 86_400, default = 900)]
    seconds: Option<u64>,
}

/// The last lines of the log.
#[utoipa::path(get, path = "/api/v1/info/logs", tag = "info", params(LogParams),
    responses((status = 200, body = TailView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(in crate::http) async fn logs(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<LogParams>,
) -> Result<Json<TailView>, Problem> {
    let limit = params.limit.unwrap_or(Page::default().limit);
    if !(1..=Page::MOST).contains(&limit) {
        let text = format!("limit is {limit}; it is 1 to {}", Page::MOST);
        return Err(Problem::bad_request(text));
    }
    let level = params
        .level
        .as_deref()
        .map_or(Some(Level::Trace), Level::parse);
    let level = level
        .ok_or_else(|| Problem::bad_request("level is one of trace, debug, info, warn, error"))?;
    let found = app.info.log().tail(&Tail {
        since: params.since,
        level,
        limit,
    });
    let found = found
        .ok_or_else(|| Problem::not_found("this server is not to show its log (LOG_TAIL_LINES)"))?;
    Ok(Json(TailView {
        items: found.lines,
        next: found.next,
        missed: found.missed,
    }))
}

/// Which lines are logged.
#[utoipa::path(get, path = "/api/v1/info/log-level", tag = "info", responses((status = 200, body = FilterView)))]
pub(in crate::http) async fn log_level(Extract(app): Extract<Arc<AppState>>) -> Json<FilterView> {
    Json(FilterView::of(&app))
}

/// Logs other lines for a while: more to find a fault, or fewer.
#[utoipa::path(put, path = "/api/v1/info/log-level", tag = "info", request_body = FilterChange,
    responses((status = 200, body = FilterView), (status = 400, body = Problem)))]
pub(in crate::http) async fn change_log_level(
    Extract(app): Extract<Arc<AppState>>,
    Body(change): Body<FilterChange>,
) -> Result<Json<FilterView>, Problem> {
    let level = config::log_filter(&change.level)
        .map_err(|allowed| Problem::bad_request(format!("level must be {allowed}")))?;
    let seconds = change.seconds.unwrap_or(LASTS);
    if !(1..=LASTS_MAX).contains(&seconds) {
        let text = format!("seconds is {seconds}; it is 1 to {LASTS_MAX}");
        return Err(Problem::bad_request(text));
    }
    app.info
        .log()
        .change_level(&level, Duration::from_secs(seconds));
    Ok(Json(FilterView::of(&app)))
}

/// Logs what is configured, at once.
#[utoipa::path(delete, path = "/api/v1/info/log-level", tag = "info", responses((status = 200, body = FilterView)))]
pub(in crate::http) async fn reset_log_level(
    Extract(app): Extract<Arc<AppState>>,
) -> Json<FilterView> {
    app.info.log().reset_level();
    Json(FilterView::of(&app))
}

impl FilterView {
    fn of(app: &AppState) -> Self {
        let filter = app.info.log().level();
        Self {
            level: filter.filter,
            configured: filter.configured,
            until: filter.until,
        }
    }
}
