//! `/api/v1/alerts/maintenance`: times in which nothing is told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{About, answer, created};
use crate::actors::alerts::AlertingError;
use crate::alerts::{Kept, Maintenance, MaintenanceId};
use crate::base::clock;
use crate::http::AppState;
use crate::http::extract::{Body, Params, Segments, if_match};
use crate::http::problem::Problem;
use crate::http::records::{PageParams, to_the_end};
use crate::stream::Invalid;

/// A maintenance window as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Maintenance)]
pub(super) struct WindowView {
    /// The window.
    #[serde(flatten)]
    window: Maintenance,
    /// Whether it lasts now.
    active: bool,
    /// What is known of it.
    #[serde(flatten)]
    about: About,
}

/// A page of windows.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MaintenanceList)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct WindowViewList {
    /// How many there are.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The windows, by id.
    items: Vec<WindowView>,
}

impl WindowView {
    fn new(app: &AppState, kept: &Arc<Kept<Maintenance>>) -> Self {
        Self {
            active: kept.item.covers(clock::wall()),
            window: kept.item.clone(),
            about: About::new(app, kept),
        }
    }
}

/// Lists maintenance windows.
#[utoipa::path(get, path = "/api/v1/alerts/maintenance", tag = "alerts", params(PageParams),
    responses((status = 200, body = WindowViewList), (status = 400, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let all = app.alerts.maintenance();
    let views = all.values().map(|kept| WindowView::new(&app, kept));
    Ok(Json(params.of(views)?).into_response())
}

/// Adds a maintenance window.
#[utoipa::path(post, path = "/api/v1/alerts/maintenance", tag = "alerts", request_body = Maintenance,
    responses((status = 201, body = WindowView), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    Body(body): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    let alerts = app.alerts.clone();
    let kept = to_the_end(async move {
        alerts
            .add_maintenance(|taken| Maintenance::define(body, None, taken))
            .await
    })
    .await?;
    tracing::info!(window = %kept.item.id, "maintenance window added");
    Ok(created(&kept, WindowView::new(&app, &kept), "maintenance"))
}

/// One maintenance window.
#[utoipa::path(get, path = "/api/v1/alerts/maintenance/{id}", tag = "alerts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = WindowView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<Response, Problem> {
    let kept = app.alerts.maintenance().remove(&parse_id(&id)?);
    let kept = kept.ok_or(NOT_FOUND)?;
    Ok(answer(&kept, WindowView::new(&app, &kept)))
}

/// Replaces a maintenance window.
#[utoipa::path(put, path = "/api/v1/alerts/maintenance/{id}", tag = "alerts", request_body = Maintenance,
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Write only if it has this entity tag")),
    responses((status = 200, body = WindowView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn replace(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(body): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old| {
        Maintenance::define(body, Some(old), |_| false)
    })
    .await
}

/// Changes parts of a maintenance window: a JSON merge patch (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/alerts/maintenance/{id}", tag = "alerts",
    request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Write only if it has this entity tag")),
    responses((status = 200, body = WindowView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn patch(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(patch): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old| old.patched(&patch)).await
}

async fn change(
    app: Arc<AppState>,
    id: &str,
    headers: &HeaderMap,
    make: impl FnOnce(&Maintenance) -> Result<Maintenance, Vec<Invalid>> + Send + 'static,
) -> Result<Response, Problem> {
    let (id, expect) = (parse_id(id)?, if_match(headers)?);
    let alerts = app.alerts.clone();
    let kept =
        to_the_end(async move { alerts.change_maintenance(&id, &expect, make).await }).await?;
    Ok(answer(&kept, WindowView::new(&app, &kept)))
}

/// Removes a maintenance window; if it lasts, it ends.
#[utoipa::path(delete, path = "/api/v1/alerts/maintenance/{id}", tag = "alerts",
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Remove only if it has this entity tag")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem)))]
pub(super) async fn remove(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (id, expect) = (parse_id(&id)?, if_match(&headers)?);
    let alerts = app.alerts.clone();
    to_the_end(async move {
        alerts.remove_maintenance(&id, &expect).await?;
        tracing::info!(window = %id, "maintenance window removed");
        Ok::<_, AlertingError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

const NOT_FOUND: AlertingError = AlertingError::NotFound {
    what: "maintenance window",
};

/// What cannot be an id is one that is not there.
fn parse_id(text: &str) -> Result<MaintenanceId, Problem> {
    MaintenanceId::parse(text).map_err(|_| NOT_FOUND.into())
}
