//! Notifications on their way: what is pending, what was given up, what was sent lately, and tests.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::AppState;
use super::super::extract::{Body, Params, Segments};
use super::super::problem::Problem;
use super::super::records::limit;
use crate::alerts::{Common, Item, MailAddress, NotificationId, ReceiverId};
use crate::base::clock;
use crate::notify::Found;
use crate::store::StoreError;
use crate::store::outbox::{Change, LastError, Row, Sent, State};
use crate::stream::Page;

/// The longest that a request waits for the outcome of a test.
const MOST_WAIT: Duration = Duration::from_mins(1);
/// Time between two looks at it.
const LOOK: Duration = Duration::from_millis(100);

/// A notification in the outbox.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OutboxNotification)]
pub(super) struct RowView {
    /// Its number; also the `Message-ID` of the mail and the `webhook-id`.
    id: NotificationId,
    /// For whom it is.
    receiver: ReceiverId,
    /// When it was made (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
    /// What is the matter, in a line.
    title: String,
    /// How many things it tells.
    items: usize,
    /// Whether it is still to be delivered (`pending`) or was given up (`dead`).
    state: State,
    /// Attempts that failed, since it was last asked for.
    attempts: u32,
    /// When it is tried again at the earliest (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<jiff::Timestamp>,
    /// How the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
    /// Recipients of the mail who have it already; they are not sent it again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<MailAddress>,
}

/// A notification in the outbox with what it tells.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OutboxNotificationDetails)]
pub(super) struct DetailsView {
    #[serde(flatten)]
    row: RowView,
    /// What it tells.
    told: Vec<Item>,
    /// What most of that shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    common: Option<Common>,
    /// Changes that were held back before it.
    held_back: u64,
}

/// A page of the outbox.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OutboxList {
    /// How many there are.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The oldest first.
    items: Vec<RowView>,
}

/// What was sent lately.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SentList {
    /// The newest first; at most 500.
    items: Vec<Sent>,
}

/// What of the outbox to list, or to send again.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only those in this state.
    #[param(inline)]
    state: Option<State>,
    /// Only those for this receiver.
    receiver: Option<String>,
    /// How many to pass over.
    #[serde(default)]
    offset: usize,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
}

/// Which dead notifications to send again.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RetryParams {
    /// Only those for this receiver.
    receiver: Option<String>,
}

/// How many are sent again.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Retried {
    /// How many.
    notifications: usize,
}

/// A test.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertTest)]
pub(super) struct TestDraft {
    /// Which receivers to tell; all that are turned on unless told.
    #[serde(default)]
    receivers: Option<Vec<String>>,
    /// How long to wait for the outcome, milliseconds up to 60000; 15000 unless told.
    #[serde(default)]
    wait_ms: Option<u64>,
}

/// What became of a test.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertTestResult)]
pub(super) struct TestView {
    /// Whom it was for.
    receiver: ReceiverId,
    /// Its number.
    id: NotificationId,
    /// What became of it so far.
    outcome: TestOutcome,
    /// How the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<LastError>,
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TestOutcome {
    /// The receiver has accepted it.
    Sent,
    /// It was not tried yet, or is being tried.
    Pending,
    /// An attempt failed; it is tried again.
    Failed,
    /// It was refused for good.
    Dead,
}

/// What became of the tests.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertTestResults)]
pub(super) struct TestList {
    /// One for each receiver.
    items: Vec<TestView>,
}

impl From<Row> for RowView {
    fn from(row: Row) -> Self {
        let pending = row.state == State::Pending;
        Self {
            id: row.id,
            receiver: row.receiver,
            at: row.at,
            title: row.title,
            items: row.items,
            state: row.state,
            attempts: row.attempts,
            not_before: pending.then_some(row.not_before),
            last_error: row.last_error,
            accepted: row.accepted,
        }
    }
}

/// What is in the outbox: notifications to be delivered, and those that were given up.
#[utoipa::path(get, path = "/api/v1/alerts/outbox", tag = "alerts", params(ListParams),
    responses((status = 200, body = OutboxList), (status = 400, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<ListParams>,
) -> Result<Json<OutboxList>, Problem> {
    let limit = limit(params.limit)?;
    let rows = app.delivery.store().outbox().rows().await.map_err(failed)?;
    let wanted = rows.into_iter().filter(|row| {
        params.state.is_none_or(|state| row.state == state)
            && params
                .receiver
                .as_ref()
                .is_none_or(|id| row.receiver.0 == *id)
    });
    let wanted: Vec<_> = wanted.collect();
    let total = wanted.len();
    let items = wanted.into_iter().skip(params.offset).take(limit);
    Ok(Json(OutboxList {
        total,
        offset: params.offset,
        limit,
        items: items.map(RowView::from).collect(),
    }))
}

/// One notification of the outbox, with what it tells.
#[utoipa::path(get, path = "/api/v1/alerts/outbox/{id}", tag = "alerts",
    params(("id" = String, Path, description = "Number of the notification")),
    responses((status = 200, body = DetailsView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<Json<DetailsView>, Problem> {
    let id = parse_id(&id)?;
    let found = app
        .delivery
        .store()
        .outbox()
        .find(id)
        .await
        .map_err(failed)?;
    let (row, notification) = found.ok_or_else(nothing)?;
    Ok(Json(DetailsView {
        row: row.into(),
        told: notification.items,
        common: notification.common,
        held_back: notification.held_back,
    }))
}

/// Sends a notification of the outbox now: one that was given up, or one that waits for its next attempt.
#[utoipa::path(post, path = "/api/v1/alerts/outbox/{id}/retry", tag = "alerts",
    params(("id" = String, Path, description = "Number of the notification")),
    responses((status = 202, body = RowView), (status = 404, body = Problem)))]
pub(super) async fn retry(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<(StatusCode, Json<RowView>), Problem> {
    let id = parse_id(&id)?;
    let outbox = app.delivery.store().outbox();
    let found = outbox.find(id).await.map_err(failed)?;
    let (row, _) = found.ok_or_else(nothing)?;
    app.delivery
        .again(std::slice::from_ref(&row))
        .await
        .map_err(failed)?;
    let now = Row {
        state: State::Pending,
        attempts: 0,
        not_before: clock::wall(),
        ..row
    };
    Ok((StatusCode::ACCEPTED, Json(now.into())))
}

/// Sends all notifications again that were given up.
#[utoipa::path(post, path = "/api/v1/alerts/outbox/retry", tag = "alerts", params(RetryParams),
    responses((status = 202, body = Retried)))]
pub(super) async fn retry_all(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<RetryParams>,
) -> Result<(StatusCode, Json<Retried>), Problem> {
    let rows = app.delivery.store().outbox().rows().await.map_err(failed)?;
    let dead = rows.into_iter().filter(|row| row.state == State::Dead);
    let of = |row: &Row| {
        params
            .receiver
            .as_ref()
            .is_none_or(|id| row.receiver.0 == *id)
    };
    let dead: Vec<_> = dead.filter(of).collect();
    app.delivery.again(&dead).await.map_err(failed)?;
    let notifications = dead.len();
    Ok((StatusCode::ACCEPTED, Json(Retried { notifications })))
}

/// Removes a notification from the outbox: it is not delivered any more.
#[utoipa::path(delete, path = "/api/v1/alerts/outbox/{id}", tag = "alerts",
    params(("id" = String, Path, description = "Number of the notification")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn remove(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    let id = parse_id(&id)?;
    let store = app.delivery.store();
    let found = store.outbox().find(id).await.map_err(failed)?;
    found.ok_or_else(nothing)?;
    let change = Change::Delete { ids: vec![id] };
    store.change_outbox(change).await.map_err(failed)?;
    tracing::info!(notification = %id, "notification removed from the outbox");
    Ok(StatusCode::NO_CONTENT)
}

/// What was sent lately.
#[utoipa::path(get, path = "/api/v1/alerts/sent", tag = "alerts",
    responses((status = 200, body = SentList)))]
pub(super) async fn sent(Extract(app): Extract<Arc<AppState>>) -> Result<Json<SentList>, Problem> {
    let items = app.delivery.store().outbox().sent().await.map_err(failed)?;
    Ok(Json(SentList { items }))
}

/// Sends a test to receivers, the way that alerts go, and waits a while for the outcome.
#[utoipa::path(post, path = "/api/v1/alerts/test", tag = "alerts", request_body = TestDraft,
    responses((status = 200, body = TestList), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn test(
    Extract(app): Extract<Arc<AppState>>,
    Body(draft): Body<TestDraft>,
) -> Result<Json<TestList>, Problem> {
    let delivery = &app.delivery;
    let receivers = match draft.receivers {
        Some(ids) if ids.len() > Page::MOST => {
            return Err(Problem::bad_request(format!(
                "at most {} receivers",
                Page::MOST
            )));
        }
        Some(ids) => ids.into_iter().map(ReceiverId).collect(),
        None => delivery.receivers().list(),
    };
    if receivers.is_empty() {
        let text = "there is no receiver that is turned on";
        return Err(Problem::conflict(text));
    }
    for receiver in &receivers {
        match delivery.receivers().find(receiver) {
            Found::Target(_) => {}
            Found::Off => return Err(Problem::conflict("the receiver is turned off")),
            Found::Gone => return Err(Problem::not_found("there is no such receiver")),
        }
    }
    let wait = draft
        .wait_ms
        .map_or(Duration::from_secs(15), Duration::from_millis);
    let deadline = clock::now() + wait.min(MOST_WAIT);
    let tests = delivery.test(&receivers).await.map_err(failed)?;
    loop {
        let items = outcomes(&app, &tests).await.map_err(failed)?;
        let open = items.iter().any(|it| it.outcome == TestOutcome::Pending);
        if !open || clock::now() >= deadline || app.stopping.is_cancelled() {
            return Ok(Json(TestList { items }));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn outcomes(
    app: &AppState,
    tests: &[(ReceiverId, NotificationId)],
) -> Result<Vec<TestView>, StoreError> {
    let rows = app.delivery.store().outbox().rows().await?;
    let views = tests.iter().map(|(receiver, id)| {
        let row = rows.iter().find(|row| row.id == *id);
        let outcome = match row {
            None => TestOutcome::Sent,
            Some(row) if row.state == State::Dead => TestOutcome::Dead,
            Some(row) if row.attempts > 0 => TestOutcome::Failed,
            Some(_) => TestOutcome::Pending,
        };
        TestView {
            receiver: receiver.clone(),
            id: *id,
            outcome,
            error: row.and_then(|row| row.last_error.clone()),
        }
    });
    Ok(views.collect())
}

fn parse_id(text: &str) -> Result<NotificationId, Problem> {
    NotificationId::parse(text).ok_or_else(nothing)
}

fn nothing() -> Problem {
    Problem::not_found("there is no such notification in the outbox")
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn failed(error: StoreError) -> Problem {
    crate::actors::catalog::CatalogError::Store(error).into()
}
