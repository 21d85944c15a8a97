//! Validation: of one stream, of a definition that is not saved, and of many streams.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

mod follow;

use super::AppState;
use super::extract::{Body, Params, Segments, StreamPath, parse_id};
use super::negotiation::asks_for;
use super::problem::Problem;
use crate::actors::catalog::CatalogError;
use crate::actors::validation::jobs::{Counts, Job, MOST_STREAMS, Order, State, TooMany};
use crate::actors::validation::{self, Course, Options, Outcome, Report, SoFar};
use crate::base::clock;
use crate::base::ids::JobId;
use crate::stream::{Definition, Draft, Filter, Page, StreamId};

/// Time for one source unless told, and what may be told, in milliseconds.
const TIMEOUT: u64 = 20_000;
const TIMEOUTS: std::ops::RangeInclusive<u64> = 1_000..=60_000;
/// The most time for all sources of a request, decoding of the last one apart.
const ALL_SOURCES: Duration = Duration::from_secs(70);

/// How to validate one stream.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ValidateParams {
    /// Only this source, from 0; all of them, one after the other, unless told.
    source: Option<usize>,
    /// The most time for one source in milliseconds, decoding apart: 1000 to 60000, 20000 unless told.
    timeout: Option<u64>,
    /// Open a connection of its own even if the stream is being pulled. It may count against the
    /// provider's limit.
    #[serde(default)]
    fresh: bool,
    /// Put what comes through the decoders, if a place for that is free; true unless told.
    decode: Option<bool>,
}

/// What a bulk validation is to do. An empty object means all streams.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ValidationOrder)]
pub(super) struct OrderBody {
    /// These streams; not with `filter`.
    #[schema(max_items = 10_000)]
    ids: Option<Vec<String>>,
    /// The streams that match; not with `ids`.
    filter: Option<Filter>,
    /// The most time for one source in milliseconds, decoding apart: 1000 to 60000, 20000 unless told.
    #[schema(minimum = 1_000, maximum = 60_000)]
    timeout: Option<u64>,
    /// Leave out the backups.
    primary_only: bool,
    /// Open connections of its own also for streams that are being pulled.
    fresh: bool,
    /// Put what comes through the decoders, if a place for that is free; true unless told.
    decode: Option<bool>,
}

/// A bulk validation.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Validation)]
pub(super) struct JobView {
    /// Its id.
    id: String,
    /// How far it is.
    state: State,
    /// When it was asked for.
    #[schema(value_type = String, format = "date-time")]
    created_at: jiff::Timestamp,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    started_at: Option<jiff::Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    finished_at: Option<jiff::Timestamp>,
    /// Numbers of streams.
    progress: Counts,
}

/// A bulk validation with a page of its results.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ValidationDetail)]
pub(super) struct JobDetail {
    #[serde(flatten)]
    job: JobView,
    /// Results so far, in the order in which they came.
    results: ResultPage,
}

/// A page of results.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ValidationResults)]
pub(super) struct ResultPage {
    /// How many there are (that match).
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The reports. When very many are kept, `sources` of later ones may be empty.
    items: Vec<Report>,
}

/// All bulk validations that are remembered.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ValidationList)]
pub(super) struct JobList {
    /// Newest first.
    items: Vec<JobView>,
}

/// Page and filter of results.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ResultParams {
    /// How many to pass over.
    #[serde(default)]
    offset: usize,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
    /// Only results with this outcome.
    #[param(inline)]
    outcome: Option<Outcome>,
}

/// Validates a definition that is not saved: pulls its sources for some seconds and tells what they
/// are, what a browser makes of them, or why they fail.
///
/// Who asks for `text/event-stream` is told while it runs: `progress` with the stages each time that one was passed, and
/// `report` at the end. Whoever ends the request early ends the validation.
#[utoipa::path(post, path = "/api/v1/streams/validate", tag = "validation", request_body = Draft, params(ValidateParams),
    responses((status = 200, description = "What was found, also if it failed", content(
            (Report = "application/json"), (SoFar = "text/event-stream"))),
        (status = 400, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn unsaved(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<ValidateParams>,
    headers: HeaderMap,
    Body(draft): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    let definition = Draft::define(draft, None, |_| false).map_err(Problem::invalid)?;
    app.hub.catalog.check_accounts(&definition)?;
    run(app, definition, false, &params, &headers).await
}

/// Validates a stream. It changes nothing: neither its state nor what runs. If it is being pulled
/// from a source, that connection is looked at instead of opening a second one.
///
/// Who asks for `text/event-stream` is told while it runs: `progress` with the stages each time that one was passed, and
/// `report` at the end. Whoever ends the request early ends the validation.
#[utoipa::path(post, path = "/api/v1/streams/{id}/validate", tag = "validation",
    params(("id" = String, Path, description = "Stream id"), ValidateParams),
    responses((status = 200, description = "What was found, also if it failed", content(
            (Report = "application/json"), (SoFar = "text/event-stream"))),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn saved(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    Params(params): Params<ValidateParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let record = app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    let definition = record.definition.clone();
    run(app, definition, true, &params, &headers).await
}

async fn run(
    app: Arc<AppState>,
    definition: Definition,
    saved: bool,
    params: &ValidateParams,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let sources = definition.sources.len();
    if let Some(source) = params.source.filter(|source| *source >= sources) {
        let text = format!("source is {source}; the definition has {sources}, counted from 0");
        return Err(Problem::bad_request(text));
    }
    let options = Options {
        source: params.source,
        timeout: timeout(params.timeout)?,
        deadline: Some(clock::now() + ALL_SOURCES),
        fresh: params.fresh,
        decode: params.decode.unwrap_or(true),
    };
    let busy = || {
        let text =
            "too many validations run at the moment; for many streams there is /api/v1/validations";
        Problem::too_many("validations_busy", "Too many validations", text)
    };
    let permit = app.validations.single().await.ok_or_else(busy)?;
    if asks_for(headers, follow::EVENTS) {
        return Ok(follow::follow(app, definition, saved, options, permit));
    }
    let course = Course::default();
    let work = validation::validate(&app.hub, &definition, saved, &options, &course);
    let report = app.stopping.run_until_cancelled(work).await;
    let report = report.ok_or_else(|| {
        Problem::busy(
            "stopping",
            "The server is stopping",
            "the server is stopping",
        )
    })?;
    Ok(Json(report).into_response())
}

/// Begins to validate many streams. They are checked a few at a time, and on one host two at a time
/// with pauses; jobs run one after the other.
#[utoipa::path(post, path = "/api/v1/validations", tag = "validation", request_body = OrderBody,
    responses((status = 202, body = JobView, description = "It is begun; Location tells where its progress is"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn begin(
    Extract(app): Extract<Arc<AppState>>,
    Body(body): Body<OrderBody>,
) -> Result<Response, Problem> {
    let options = Options {
        source: None,
        timeout: timeout(body.timeout)?,
        deadline: None,
        fresh: body.fresh,
        decode: body.decode.unwrap_or(true),
    };
    let streams = wanted(&app, body.ids.as_deref(), body.filter.as_ref())?;
    if streams.is_empty() || streams.len() > MOST_STREAMS {
        let text = format!(
            "{} streams are meant; a validation takes 1 to {MOST_STREAMS}",
            streams.len()
        );
        return Err(Problem::bad_request(text));
    }
    let job = app.validations.begin(Order {
        streams,
        options,
        primary_only: body.primary_only,
    })?;
    tracing::info!(job = %job.id, streams = job.snapshot().counts.total, "validation asked for");
    let mut response = (StatusCode::ACCEPTED, Json(JobView::new(&job))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/validations/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The bulk validations that are remembered: the newest 16.
#[utoipa::path(get, path = "/api/v1/validations", tag = "validation",
    responses((status = 200, body = JobList)))]
pub(super) async fn list(Extract(app): Extract<Arc<AppState>>) -> Json<JobList> {
    let jobs = app.validations.list();
    let items = jobs.iter().map(|job| JobView::new(job)).collect();
    Json(JobList { items })
}

/// A bulk validation: its progress, and its results so far.
#[utoipa::path(get, path = "/api/v1/validations/{validationId}", tag = "validation",
    params(("validationId" = String, Path, description = "Validation id"), ResultParams),
    responses((status = 200, body = JobDetail), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    Params(params): Params<ResultParams>,
) -> Result<Json<JobDetail>, Problem> {
    let page = Page {
        offset: params.offset,
        limit: params.limit.unwrap_or(Page::default().limit),
    };
    if !(1..=Page::MOST).contains(&page.limit) {
        let text = format!("limit is {}; it is 1 to {}", page.limit, Page::MOST);
        return Err(Problem::bad_request(text));
    }
    let job = JobId::parse(&id).and_then(|id| app.validations.get(id));
    let job = job.ok_or_else(no_such_job)?;
    let matches =
        |report: &Arc<Report>| params.outcome.is_none_or(|wanted| wanted == report.outcome);
    let (items, total) = page.of(job.results().into_iter().filter(matches));
    Ok(Json(JobDetail {
        job: JobView::new(&job),
        results: ResultPage {
            total,
            offset: page.offset,
            limit: page.limit,
            items: items.iter().map(|report| Report::clone(report)).collect(),
        },
    }))
}

/// Cancels a bulk validation: what it pulls ends at once, and what it found can still be read. One
/// that has ended is forgotten.
#[utoipa::path(delete, path = "/api/v1/validations/{validationId}", tag = "validation",
    params(("validationId" = String, Path, description = "Validation id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn cancel(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    let id = JobId::parse(&id).ok_or_else(no_such_job)?;
    if !app.validations.cancel(id) {
        return Err(no_such_job());
    }
    tracing::info!(job = %id, "validation cancelled by request");
    Ok(StatusCode::NO_CONTENT)
}

/// The streams that are meant, each once.
fn wanted(
    app: &AppState,
    ids: Option<&[String]>,
    filter: Option<&Filter>,
) -> Result<Vec<StreamId>, Problem> {
    let all = app.hub.catalog.snapshot();
    let Some(ids) = ids else {
        let filter = filter.cloned().unwrap_or_default();
        let matcher = filter.matcher();
        let matching = all.values().map(|record| &record.definition);
        return Ok(matching
            .filter(|d| matcher.matches(d, app.hub.status(d).state))
            .map(|d| d.id.clone())
            .collect());
    };
    if filter.is_some() {
        let text = "the body has both ids and a filter; it takes one of them";
        return Err(Problem::bad_request(text));
    }
    let mut seen = HashSet::new();
    let mut streams = Vec::new();
    for text in ids {
        let id = parse_id(text)?;
        if !all.contains_key(&id) {
            return Err(Problem::not_found(format!("there is no stream {id}")));
        }
        if seen.insert(id.clone()) {
            streams.push(id);
        }
    }
    Ok(streams)
}

fn timeout(asked: Option<u64>) -> Result<Duration, Problem> {
    let asked = asked.unwrap_or(TIMEOUT);
    if TIMEOUTS.contains(&asked) {
        return Ok(Duration::from_millis(asked));
    }
    let (least, most) = (TIMEOUTS.start(), TIMEOUTS.end());
    Err(Problem::bad_request(format!(
        "timeout is {asked}; it is {least} to {most} milliseconds"
    )))
}

fn no_such_job() -> Problem {
    Problem::not_found("there is no such validation, or it was forgotten")
}

impl JobView {
    fn new(job: &Job) -> Self {
        let now = job.snapshot();
        Self {
            id: job.id.to_string(),
            state: now.state,
            created_at: job.created_at,
            started_at: now.started_at,
            finished_at: now.finished_at,
            progress: now.counts,
        }
    }
}

impl From<TooMany> for Problem {
    fn from(error: TooMany) -> Self {
        Self::too_many(
            "validations_busy",
            "Too many validations",
            error.to_string(),
        )
    }
}
