//! `/api/v1/alerts/receivers`: who can be told, and how; secrets go in and never come out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{About, answer, created};
use crate::actors::alerts::AlertingError;
use crate::actors::delivery::Delivery;
use crate::alerts::{Kept, Receiver, ReceiverId};
use crate::http::AppState;
use crate::http::extract::{Body, Params, Segments, if_match};
use crate::http::problem::Problem;
use crate::http::records::{PageParams, to_the_end};
use crate::stream::Invalid;

/// A receiver as a client sends it: who can be told, and how.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertReceiverDraft, example = json!({"id": "desk", "name": "News desk", "kind": "email", "to": ["desk@example.com"]}))]
#[allow(dead_code, reason = "the description of a body")]
pub(super) struct ReceiverDraft {
    /// The id, unique among receivers; made from the name when absent.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    id: Option<String>,
    /// The name that people see; the id when absent.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// Whether anything is told; `true` when absent.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// How: `email` has `to`; `webhook` has `url` and, for a signature, `secret` or `secret_file`; `alertmanager` has `url`.
    kind: Kind,
    /// Mail addresses, 1 to 50.
    #[schema(min_items = 1, max_items = 50)]
    to: Option<Vec<String>>,
    /// Where to post to (http or https), or the base of an Alertmanager. Without a user name and password.
    #[schema(max_length = 8192)]
    url: Option<String>,
    /// The key of a webhook's signature, or `{"set": true}` for the one that there is.
    #[schema(value_type = Option<Object>)]
    secret: Option<serde_json::Value>,
    /// The name of a file in the folder of secrets that holds it.
    secret_file: Option<String>,
}

/// How a receiver is told.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertReceiverKind)]
#[allow(dead_code, reason = "the description of a body")]
enum Kind {
    Email,
    Webhook,
    Alertmanager,
}

/// A receiver as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertReceiver)]
pub(super) struct ReceiverView {
    /// The receiver; its secret as `{"set": true}`.
    #[serde(flatten)]
    #[schema(value_type = ReceiverDraft)]
    receiver: serde_json::Value,
    /// What is known of it.
    #[serde(flatten)]
    about: About,
}

/// A page of receivers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertReceiverList)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct ReceiverViewList {
    /// How many there are.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The receivers, by id.
    items: Vec<ReceiverView>,
}

impl ReceiverView {
    fn new(app: &AppState, kept: &Arc<Kept<Receiver>>) -> Self {
        Self {
            receiver: kept.item.shown(),
            about: About::new(app, kept),
        }
    }
}

/// Lists receivers.
#[utoipa::path(get, path = "/api/v1/alerts/receivers", tag = "alerts", params(PageParams),
    responses((status = 200, body = ReceiverViewList), (status = 400, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let all = app.alerts.receivers();
    let views = all.values().map(|kept| ReceiverView::new(&app, kept));
    Ok(Json(params.of(views)?).into_response())
}

/// Adds a receiver.
#[utoipa::path(post, path = "/api/v1/alerts/receivers", tag = "alerts", request_body = ReceiverDraft,
    responses((status = 201, body = ReceiverView), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    Body(body): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    let (alerts, delivery) = (app.alerts.clone(), app.delivery.clone());
    let kept = to_the_end(async move {
        alerts
            .add_receiver(|taken| allowed(&delivery, Receiver::define(body, None, taken)?))
            .await
    })
    .await?;
    tracing::info!(receiver = %kept.item.id, "receiver added");
    Ok(created(&kept, ReceiverView::new(&app, &kept), "receivers"))
}

/// One receiver.
#[utoipa::path(get, path = "/api/v1/alerts/receivers/{id}", tag = "alerts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = ReceiverView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<Response, Problem> {
    let kept = app.alerts.receivers().remove(&parse_id(&id)?);
    let kept = kept.ok_or(NOT_FOUND)?;
    Ok(answer(&kept, ReceiverView::new(&app, &kept)))
}

/// Replaces a receiver.
///
/// A secret that is `{"set": true}`, as an answer shows it, stays as it is; one that is left out is gone.
#[utoipa::path(put, path = "/api/v1/alerts/receivers/{id}", tag = "alerts", request_body = ReceiverDraft,
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Write only if it has this entity tag")),
    responses((status = 200, body = ReceiverView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn replace(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(body): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old| {
        Receiver::define(body, Some(old), |_| false)
    })
    .await
}

/// Changes parts of a receiver: a JSON merge patch (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/alerts/receivers/{id}", tag = "alerts",
    request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("id" = String, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "Write only if it has this entity tag")),
    responses((status = 200, body = ReceiverView), (status = 400, body = Problem), (status = 404, body = Problem),
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
    make: impl FnOnce(&Receiver) -> Result<Receiver, Vec<Invalid>> + Send + 'static,
) -> Result<Response, Problem> {
    let (id, expect) = (parse_id(id)?, if_match(headers)?);
    let (alerts, delivery) = (app.alerts.clone(), app.delivery.clone());
    let kept = to_the_end(async move {
        alerts
            .change_receiver(&id, &expect, |old| allowed(&delivery, make(old)?))
            .await
    })
    .await?;
    Ok(answer(&kept, ReceiverView::new(&app, &kept)))
}

/// A receiver that can be told by the rules of the operator. A name may still lead where none may be: that is seen when
/// it is resolved.
fn allowed(delivery: &Delivery, receiver: Receiver) -> Result<Receiver, Vec<Invalid>> {
    match delivery.check(&receiver.target) {
        Ok(()) => Ok(receiver),
        Err(problem) => Err(vec![Invalid {
            pointer: "/url".to_owned(),
            problem,
            allowed: "an address that the operator allows".to_owned(),
        }]),
    }
}

/// Removes a receiver that no rule names.
#[utoipa::path(delete, path = "/api/v1/alerts/receivers/{id}", tag = "alerts",
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
        alerts.remove_receiver(&id, &expect).await?;
        tracing::info!(receiver = %id, "receiver removed");
        Ok::<_, AlertingError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

const NOT_FOUND: AlertingError = AlertingError::NotFound { what: "receiver" };

/// What cannot be an id is one that is not there.
fn parse_id(text: &str) -> Result<ReceiverId, Problem> {
    ReceiverId::parse(text).map_err(|_| NOT_FOUND.into())
}
