//! `/api/v1/alerts/active`: what is raised, and who has seen it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};

use crate::actors::alerts::Active;
use crate::alerts::{Acknowledgement, AlertKey, ReceiverId};
use crate::base::clock;
use crate::conditions::{Condition, Kind, Severity};
use crate::http::AppState;
use crate::http::extract::{Body, Params, Segments};
use crate::http::problem::Problem;
use crate::http::records::page;
use crate::stream::StreamId;

/// An alert: a condition that is raised.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Alert)]
pub(super) struct AlertView {
    /// The stream; `_server` is the server itself.
    #[schema(value_type = String)]
    stream: StreamId,
    /// The stream's name.
    name: String,
    /// Its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The condition.
    condition: Condition,
    /// Who has seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<Acknowledgement>,
    /// A maintenance window keeps it from being told.
    maintenance: bool,
    /// Receivers that know of it.
    told: Vec<ReceiverId>,
    /// Steps of escalation that were taken.
    escalations: usize,
}

/// A page of alerts.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertList)]
pub(super) struct AlertList {
    /// How many match.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The alerts, the gravest first, of equals the newest first.
    items: Vec<AlertView>,
}

/// Filter of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ActiveParams {
    /// Only of this stream.
    stream: Option<String>,
    /// Only of this group.
    group: Option<String>,
    /// Only of this severity.
    #[param(inline)]
    severity: Option<Severity>,
    /// Only acknowledged, or only other ones.
    acknowledged: Option<bool>,
    /// How many to pass over.
    #[serde(default)]
    offset: usize,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
}

/// An acknowledgement as a client sends it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AcknowledgementDraft, example = json!({"by": "Ann", "comment": "ticket 4711", "until": "2026-11-23T08:00:00Z"}))]
#[allow(dead_code, reason = "the description of a body")]
pub(super) struct AcknowledgementDraft {
    /// Who.
    #[schema(max_length = 256)]
    by: String,
    /// What they say.
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// Until when it holds, if the condition lasts so long; to its end when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
}

impl From<&Active> for AlertView {
    fn from(active: &Active) -> Self {
        Self {
            stream: active.key.stream.clone(),
            name: active.facts.name.clone(),
            group: active.facts.group.clone(),
            condition: active.condition.clone(),
            acknowledged: active.acknowledged.clone(),
            maintenance: active.maintenance,
            told: active.told.clone(),
            escalations: active.escalations,
        }
    }
}

impl ActiveParams {
    fn admits(&self, active: &Active) -> bool {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        given(&self.stream).is_none_or(|stream| active.key.stream.as_str() == stream)
            && given(&self.group).is_none_or(|group| active.facts.group.as_ref() == Some(&group))
            && self
                .severity
                .is_none_or(|severity| active.condition.severity == severity)
            && self
                .acknowledged
                .is_none_or(|wanted| active.acknowledged.is_some() == wanted)
    }
}

/// What is raised now.
#[utoipa::path(get, path = "/api/v1/alerts/active", tag = "alerts", params(ActiveParams),
    responses((status = 200, body = AlertList), (status = 400, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<ActiveParams>,
) -> Result<Json<AlertList>, Problem> {
    let all = app.alerts.active();
    let mut all: Vec<&Active> = all.values().filter(|one| params.admits(one)).collect();
    all.sort_by(|a, b| {
        let grave = b.condition.severity.cmp(&a.condition.severity);
        grave.then_with(|| b.condition.raised_at.cmp(&a.condition.raised_at))
    });
    let page = page(params.offset, params.limit)?;
    let (items, total) = page.of(all);
    Ok(Json(AlertList {
        total,
        offset: page.offset,
        limit: page.limit,
        items: items.into_iter().map(AlertView::from).collect(),
    }))
}

/// Acknowledges an alert: it is not escalated any further.
#[utoipa::path(put, path = "/api/v1/alerts/active/{stream}/{condition}/acknowledgement", tag = "alerts",
    request_body = AcknowledgementDraft,
    params(("stream" = String, Path, description = "Stream id"), ("condition" = String, Path, description = "Kind of condition")),
    responses((status = 200, body = AlertView), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn acknowledge(
    Extract(app): Extract<Arc<AppState>>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<serde_json::Value>,
) -> Result<Json<AlertView>, Problem> {
    let key = parse_key(&path)?;
    let by = Acknowledgement::define(body, clock::wall()).map_err(Problem::invalid)?;
    tracing::info!(alert = %key, "alert acknowledged");
    said(&app, key, Some(by)).await
}

/// Takes an acknowledgement back: escalation begins anew.
#[utoipa::path(delete, path = "/api/v1/alerts/active/{stream}/{condition}/acknowledgement", tag = "alerts",
    params(("stream" = String, Path, description = "Stream id"), ("condition" = String, Path, description = "Kind of condition")),
    responses((status = 200, body = AlertView), (status = 404, body = Problem)))]
pub(super) async fn take_back(
    Extract(app): Extract<Arc<AppState>>,
    Segments(path): Segments<(String, String)>,
) -> Result<Json<AlertView>, Problem> {
    said(&app, parse_key(&path)?, None).await
}

async fn said(
    app: &AppState,
    key: AlertKey,
    by: Option<Acknowledgement>,
) -> Result<Json<AlertView>, Problem> {
    let active = app.alerts.acknowledge(key, by).await;
    let active = active.ok_or_else(not_raised)?;
    Ok(Json(AlertView::from(&active)))
}

fn parse_key((stream, kind): &(String, String)) -> Result<AlertKey, Problem> {
    let stream = StreamId::parse_subject(stream).ok();
    let kind = Kind::parse(kind);
    stream
        .zip(kind)
        .map(|(stream, kind)| AlertKey { stream, kind })
        .ok_or_else(not_raised)
}

fn not_raised() -> Problem {
    Problem::not_found("this condition of this stream is not raised")
}
