//! `/api/v1/alerts/rules`: who is told of what.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{About, answer, created};
use crate::actors::alerts::AlertingError;
use crate::alerts::{Kept, ReceiverId, Rule, RuleId};
use crate::http::AppState;
use crate::http::extract::{Body, Params, Segments, if_match};
use crate::http::problem::Problem;
use crate::http::records::{PageParams, to_the_end};
use crate::stream::Invalid;

/// A rule as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertRule)]
pub(super) struct RuleView {
    /// The rule.
    #[serde(flatten)]
    rule: Rule,
    /// What is known of it.
    #[serde(flatten)]
    about: About,
}

/// A page of rules.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertRuleList)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct RuleViewList {
    /// How many there are.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The rules, by id.
    items: Vec<RuleView>,
}

impl RuleView {
    fn new(app: &AppState, kept: &Arc<Kept<Rule>>) -> Self {
        Self {
            rule: kept.item.clone(),
            about: About::new(app, kept),
        }
    }
}

/// Lists rules.
#[utoipa::path(get, path = "/api/v1/alerts/rules", tag = "alerts", params(PageParams),
    responses((status = 200, body = RuleViewList), (status = 400, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let all = app.alerts.rules();
    let views = all.values().map(|kept| RuleView::new(&app, kept));
    Ok(Json(params.of(views)?).into_response())
}

/// Adds a rule.
#[utoipa::path(post, path = "/api/v1/alerts/rules", tag = "alerts", request_body = Rule,
    responses((status = 201, body = RuleView), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    Body(body): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    let alerts = app.alerts.clone();
    let kept = to_the_end(async move {
        alerts
            .add_rule(|taken, known| Rule::define(body, None, taken, known))
            .await
    })
    .await?;
    tracing::info!(rule = %kept.item.id, "alert rule added");
    Ok(created(&kept, RuleView::new(&app, &kept), "rules"))
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/alerts/rules/{id}", tag = "alerts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = RuleView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<Response, Problem> {
    let kept = app.alerts.rules().remove(&parse_id(&id)?);
    let kept = kept.ok_or(NOT_FOUND)?;
    Ok(answer(&kept, RuleView::new(&app, &kept)))
}

/// Replaces a rule.
#[utoipa::path(put, path = "/api/v1/alerts/rules/{id}", tag = "alerts", request_body = Rule,
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Write only if it has this entity tag")),
    responses((status = 200, body = RuleView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn replace(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(body): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old, known| {
        Rule::define(body, Some(old), |_| false, known)
    })
    .await
}

/// Changes parts of a rule: a JSON merge patch (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/alerts/rules/{id}", tag = "alerts",
    request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Write only if it has this entity tag")),
    responses((status = 200, body = RuleView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn patch(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(patch): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old, known| {
        old.patched(&patch, known)
    })
    .await
}

async fn change(
    app: Arc<AppState>,
    id: &str,
    headers: &HeaderMap,
    make: impl FnOnce(&Rule, &dyn Fn(&ReceiverId) -> bool) -> Result<Rule, Vec<Invalid>>
    + Send
    + 'static,
) -> Result<Response, Problem> {
    let (id, expect) = (parse_id(id)?, if_match(headers)?);
    let alerts = app.alerts.clone();
    let kept = to_the_end(async move { alerts.change_rule(&id, &expect, make).await }).await?;
    Ok(answer(&kept, RuleView::new(&app, &kept)))
}

/// Removes a rule.
#[utoipa::path(delete, path = "/api/v1/alerts/rules/{id}", tag = "alerts",
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
        alerts.remove_rule(&id, &expect).await?;
        tracing::info!(rule = %id, "alert rule removed");
        Ok::<_, AlertingError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

const NOT_FOUND: AlertingError = AlertingError::NotFound { what: "rule" };

/// What cannot be an id is one that is not there.
fn parse_id(text: &str) -> Result<RuleId, Problem> {
    RuleId::parse(text).map_err(|_| NOT_FOUND.into())
}
