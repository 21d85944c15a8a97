//! `/api/v1/streams`: the definitions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::AppState;
use super::extract::{Body, Params, StreamPath, if_match};
use super::gate::Access;
use super::live::poll;
use super::monitor::HealthView;
use super::problem::Problem;
use super::records::{created, page, tagged, to_the_end};
use super::sources::{self, SourceView};
use crate::actors::catalog::{CatalogError, runs_otherwise};
use crate::actors::hub::StreamStatus;
use crate::auth::Permission;
use crate::base::clock;
use crate::ingest::{Cause, IngestError, Stage};
use crate::live::Document;
use crate::stream::{self, AccountId, Draft, Filter, Record, State};

/// A stream as the API shows it: its definition and how it is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StreamView {
    /// The definition with its revision.
    #[serde(flatten, serialize_with = "without_secrets")]
    record: Record,
    /// How it is now.
    state: State,
    /// What the monitor knows of it; absent when it is not watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthView>,
    /// Why it is down, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView>,
    /// Its place among those that wait for a connection of its account, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<PlaceView>,
    /// Its sources, while it is pulled; in the order of the definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_states: Vec<SourceView>,
}

/// A place in the queue of an account.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PlaceView {
    /// The account.
    account: AccountId,
    /// From 1.
    position: usize,
}

/// Why a stream is down.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FailureView {
    /// How far the pull got.
    stage: Stage,
    /// Why it ended there.
    cause: Cause,
    /// In words.
    message: String,
}

/// A page of streams.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StreamList {
    /// How many match the filter.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The streams, by id.
    items: Vec<StreamView>,
}

/// What a list is answered with, for the description of the API.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "for the description of the API")]
pub(super) enum Listed {
    /// Without `since`.
    Page(StreamList),
    /// With `since`.
    New(Document),
}

/// Filter and page of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only this group.
    group: Option<String>,
    /// Only this state.
    #[param(inline)]
    state: Option<State>,
    /// Only streams with this text in id, name, group, tags or tvg-id.
    text: Option<String>,
    /// Only streams with this tag.
    tag: Option<String>,
    /// Only enabled or disabled ones.
    enabled: Option<bool>,
    /// How many to pass over.
    #[serde(default)]
    offset: usize,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
    /// Not a page, but what has changed since then: the `id` of the newest document that one has, or 0. Goes with `group`
    /// and `stream` as in live updates, and with nothing else.
    #[param(example = "5f2c91aa-1204")]
    #[allow(
        dead_code,
        reason = "told apart before: it may come with names that are no parameters of a page"
    )]
    since: Option<String>,
}

impl StreamView {
    fn new(app: &AppState, record: &Record, status: StreamStatus) -> Self {
        let health = app.monitor.get(&record.definition.id);
        Self {
            record: record.clone(),
            state: status.state,
            health: health.map(HealthView::new),
            failure: status.error.as_deref().map(FailureView::new),
            queue: status
                .queue
                .map(|(account, position)| PlaceView { account, position }),
            source_states: status
                .ingest
                .map(|ingest| sources::views(&ingest, clock::now()))
                .unwrap_or_default(),
        }
    }
}

impl StreamView {
    /// Without what leads to the provider, for who may only look: URLs of sources, and attributes that may hold some, are
    /// often all that one needs to use an account.
    fn for_eyes_of(mut self, app: &AppState, access: &Access) -> Self {
        if !app.auth.may(&access.principal, Permission::Operate) {
            self.record.definition.sources.clear();
            self.record.definition.attributes.clear();
        }
        self
    }
}

impl FailureView {
    pub(super) fn new(error: &IngestError) -> Self {
        Self {
            stage: error.stage,
            cause: error.cause,
            message: error.message.clone(),
        }
    }
}

/// What was set, but for its secrets.
fn without_secrets<S: serde::Serializer>(
    record: &Record,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    stream::Shown::new(record).serialize(serializer)
}

fn view(app: &AppState, record: &Record) -> StreamView {
    StreamView::new(app, record, app.hub.status(&record.definition))
}

/// Lists streams; with `since`, tells what has changed since then, as live updates do. Where they come from is shown to
/// who may change them.
#[utoipa::path(get, path = "/api/v1/streams", tag = "streams", params(ListParams),
    responses((status = 200, body = Listed), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    access: Access,
    uri: Uri,
) -> Result<Response, Problem> {
    if let Some(query) = poll::query(&uri) {
        return poll::answer(&app, query).await;
    }
    let Params(params) = Params::<ListParams>::of(&uri)?;
    let page = page(params.offset, params.limit)?;
    let filter = Filter {
        group: params.group,
        state: params.state,
        text: params.text,
        tag: params.tag,
        enabled: params.enabled,
    };
    let all = app.hub.catalog.snapshot();
    let matcher = filter.matcher();
    let matching = all
        .values()
        .map(|record| (record, app.hub.status(&record.definition)))
        .filter(|(record, status)| matcher.matches(&record.definition, status.state));
    let (items, total) = page.of(matching);
    let items = items
        .into_iter()
        .map(|(record, status)| StreamView::new(&app, record, status).for_eyes_of(&app, &access))
        .collect();
    let page = StreamList {
        total,
        offset: page.offset,
        limit: page.limit,
        items,
    };
    Ok(Json(page).into_response())
}

/// Adds a stream.
#[utoipa::path(post, path = "/api/v1/streams", tag = "streams", request_body = Draft,
    responses((status = 201, body = StreamView), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    Body(draft): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    let hub = Arc::clone(&app.hub);
    let record = to_the_end(async move {
        hub.catalog
            .add(|all| Draft::define(draft, None, |id| all.contains_key(id)))
            .await
    })
    .await?;
    tracing::info!(stream = %record.definition.id, "stream added");
    let location = format!("/api/v1/streams/{}", record.definition.id);
    Ok(created(&record.etag(), view(&app, &record), &location))
}

/// One stream. Where it comes from is shown to who may change it.
///
/// The entity tag is for writes (`If-Match`): it names the definition, not how the stream is now.
#[utoipa::path(get, path = "/api/v1/streams/{id}", tag = "streams",
    params(("id" = String, Path, description = "Stream id")),
    responses((status = 200, body = StreamView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    access: Access,
) -> Result<Response, Problem> {
    let record = app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    let view = StreamView::new(&app, &record, app.hub.status(&record.definition));
    Ok(tagged(&record.etag(), view.for_eyes_of(&app, &access)))
}

/// Replaces a stream's definition.
///
/// A password, token or header value that is `{"set": true}`, as an answer shows it, stays as it is,
/// and so does a password or token that is left out of `credentials`; as long as the source stays on
/// its server.
#[utoipa::path(put, path = "/api/v1/streams/{id}", tag = "streams", request_body = Draft,
    params(("id" = String, Path, description = "Stream id"),
        ("If-Match" = Option<String>, Header, description = "Write only if the stream has this entity tag")),
    responses((status = 200, body = StreamView), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn replace(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    headers: HeaderMap,
    Body(draft): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, id, &headers, move |old| {
        let mut draft = draft;
        stream::restore(&mut draft, old);
        Draft::define(draft, Some(old.id.clone()), |_| false)
    })
    .await
}

/// Changes parts of a stream's definition: a JSON merge patch (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/streams/{id}", tag = "streams",
    request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("id" = String, Path, description = "Stream id"),
        ("If-Match" = Option<String>, Header, description = "Write only if the stream has this entity tag")),
    responses((status = 200, body = StreamView), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn patch(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    headers: HeaderMap,
    Body(patch): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, id, &headers, move |old| {
        stream::merge_patch(old, &patch)
    })
    .await
}

async fn change(
    app: Arc<AppState>,
    id: stream::StreamId,
    headers: &HeaderMap,
    make: impl FnOnce(&stream::Definition) -> Result<stream::Definition, Vec<stream::Invalid>>
    + Send
    + 'static,
) -> Result<Response, Problem> {
    let expect = if_match(headers)?;
    let hub = Arc::clone(&app.hub);
    let record = to_the_end(async move {
        let before = hub.catalog.get(&id);
        let record = hub.catalog.change(&id, expect, make).await?;
        if before.is_none_or(|b| runs_otherwise(&b.definition, &record.definition)) {
            hub.definition_changed(&id);
        }
        Ok::<_, CatalogError>(record)
    })
    .await?;
    Ok(tagged(&record.etag(), view(&app, &record)))
}

/// Removes a stream; who watches it is cut off. For 15 minutes it can be brought back.
#[utoipa::path(delete, path = "/api/v1/streams/{id}", tag = "streams",
    params(("id" = String, Path, description = "Stream id"),
        ("If-Match" = Option<String>, Header, description = "Remove only if the stream has this entity tag")),
    responses((status = 204), (status = 404, body = Problem), (status = 412, body = Problem)))]
pub(super) async fn remove(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let expect = if_match(&headers)?;
    let hub = Arc::clone(&app.hub);
    to_the_end(async move {
        hub.catalog.remove(&id, expect).await?;
        hub.definition_changed(&id);
        tracing::info!(stream = %id, "stream removed");
        Ok::<_, CatalogError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings back a stream that was removed in the last 15 minutes, as it was: with its id, its secrets and its history.
#[utoipa::path(post, path = "/api/v1/streams/{id}/restore", tag = "streams",
    params(("id" = String, Path, description = "Stream id")),
    responses((status = 200, body = StreamView), (status = 404, body = Problem, description = "No such stream was removed"),
        (status = 409, body = Problem, description = "The id is taken again, or an account of it is gone"),
        (status = 410, body = Problem, description = "It was removed too long ago")))]
pub(super) async fn restore(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
) -> Result<Response, Problem> {
    let hub = Arc::clone(&app.hub);
    let record = to_the_end(async move { hub.catalog.restore(&id).await }).await?;
    tracing::info!(stream = %record.definition.id, "stream brought back");
    Ok(tagged(&record.etag(), view(&app, &record)))
}
