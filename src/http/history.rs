//! What happened to streams: events, their course, and the availability report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::AppState;
use super::extract::{Params, StreamPath};
use super::problem::Problem;
use super::records::limit;
use crate::actors::catalog::CatalogError;
use crate::base::clock;
use crate::history::{
    self, Availability, Bitrates, Bucket, Buckets, EventKind, MOST_BUCKETS, MinuteAt, Period,
    PeriodError, Spans,
};
use crate::store::{EventQuery, HistoryReader, StoreError};
use crate::stream::{Record, StreamId};

/// The period of a question that names none, hours.
const HOURS: u32 = 24;
/// Buckets that a step is chosen for, when none is named.
const BUCKETS: u32 = 300;
/// Steps that are chosen from, minutes.
const STEPS: [u32; 8] = [1, 5, 15, 60, 180, 360, 720, 1_440];
/// The longest step, minutes.
const MOST_STEP: u32 = 31 * 1_440;
/// The most hours of streams that a table may be made of: 1,000 streams over the longest period, five times.
const MOST_HOURS: u64 = 50_000_000;
/// Hours of streams that are read for at once, so that the lines of a table come steadily.
const HOURS_AT_ONCE: u64 = 250_000;
/// Streams in a query by name.
const MOST_NAMED: usize = 1_000;
/// The minutes of a question for bitrates that names none, and the most that it may name.
const RECENT: (u32, u32) = (60, 1_440);
/// Streams in an answer about bitrates.
const MOST_COURSES: usize = 1_000;

/// Which events to list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Not older than this: RFC 3339, a date (UTC), or relative to now such as `-24h`.
    from: Option<String>,
    /// Older than this; the same forms.
    to: Option<String>,
    /// Only events with a number below this one: `next` of the page before.
    before: Option<u64>,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
}

/// Something that happened to a stream.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StreamEvent)]
pub(super) struct EventView {
    /// Its number; grows with its time.
    seq: u64,
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = "date-time")]
    at: jiff::Timestamp,
    #[serde(flatten)]
    kind: EventKind,
}

/// A page of events.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StreamEventList)]
pub(super) struct EventList {
    /// The most that a page like this holds.
    limit: usize,
    /// Newest first.
    items: Vec<EventView>,
    /// What to pass as `before` for older ones; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// What of the history to show.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// Where it begins: RFC 3339, a date (UTC), or relative to now such as `-24h`, which it is unless told.
    from: Option<String>,
    /// Where it ends; the same forms. Now unless told, and never later.
    to: Option<String>,
    /// The length of a step: `1m` to `31d`, in `m`, `h` or `d`. Chosen for some 300 steps unless told.
    step: Option<String>,
    /// How many steps to list, 1 to 2000, which it is unless told.
    limit: Option<u32>,
}

/// Time in each state of health, seconds.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HealthSeconds)]
pub(super) struct SpansView {
    /// It was well.
    up: f64,
    /// Media came, with something wrong about it.
    degraded: f64,
    /// No media came.
    down: f64,
    /// Nobody watched, or nothing could be told. Neither uptime nor downtime.
    unknown: f64,
    /// It was not to be watched. Neither uptime nor downtime.
    paused: f64,
}

/// A step of the history.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HistoryStep)]
pub(super) struct BucketView {
    /// When it begins (RFC 3339, UTC).
    #[schema(value_type = String, format = "date-time")]
    at: jiff::Timestamp,
    /// Time in each state; together the length of the step.
    seconds: SpansView,
    /// Outages that began in it.
    outages: u32,
    /// The mean bitrate where it was measured, bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    bitrate: Option<u64>,
    /// What was pulled to watch it, bytes.
    bytes: u64,
    /// Continuity errors (ETSI TR 101 290).
    continuity_errors: u64,
    /// Other errors of transport and playlist.
    errors: u64,
    /// How often picture or sound was looked at.
    looks: u64,
}

/// The course of a stream.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StreamHistory)]
pub(super) struct HistoryView {
    /// Where it begins, a whole minute.
    #[schema(value_type = String, format = "date-time")]
    from: jiff::Timestamp,
    /// Where it ends.
    #[schema(value_type = String, format = "date-time")]
    to: jiff::Timestamp,
    /// The length of a step, seconds. Steps begin at its multiples, the first and last may be shorter.
    step: u32,
    /// The steps, oldest first, also those of which nothing is known.
    items: Vec<BucketView>,
    /// What to pass as `from` for the rest; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    next: Option<jiff::Timestamp>,
}

/// What to report on.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportParams {
    /// Where it begins: RFC 3339, a date (UTC), or relative to now such as `-24h`, which it is unless told.
    from: Option<String>,
    /// Where it ends; the same forms. Now unless told, and never later.
    to: Option<String>,
    /// Only these streams, by id, with commas between them.
    stream: Option<String>,
    /// Only this group.
    group: Option<String>,
    /// As JSON or as a table for spreadsheets (RFC 4180).
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// How many to pass over.
    #[serde(default)]
    offset: usize,
    /// How many to list: 1 to 1000 and 100 unless told; a table lists all unless told.
    limit: Option<usize>,
}

/// How a report comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportFormat)]
pub(super) enum Format {
    /// As JSON.
    #[default]
    Json,
    /// As a table.
    Csv,
}

/// How much of the period a stream was there.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StreamAvailability)]
pub(super) struct AvailabilityView {
    /// Its id.
    stream: StreamId,
    /// Its name.
    name: String,
    /// Its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The share of the known time in which media came, 0 to 1; null when nothing is known.
    uptime: Option<f64>,
    /// Time in each state; together the length of the period.
    seconds: SpansView,
    /// How many outages there were.
    outages: u32,
    /// The longest of them, seconds.
    longest_outage: f64,
    /// Their mean length, seconds.
    mean_outage: f64,
}

/// How much of a period streams were there.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AvailabilityReport)]
pub(super) struct ReportView {
    /// Where it begins, a whole minute.
    #[schema(value_type = String, format = "date-time")]
    from: jiff::Timestamp,
    /// Where it ends.
    #[schema(value_type = String, format = "date-time")]
    to: jiff::Timestamp,
    /// How many streams match.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The streams, by id.
    items: Vec<AvailabilityView>,
}

/// How fast streams flowed lately.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BitrateParams {
    /// How many minutes back, 1 to 1440; 60 unless told.
    minutes: Option<u32>,
    /// How many streams to pass over.
    #[serde(default)]
    offset: usize,
    /// How many streams to list, 1 to 1000, which it is unless told.
    limit: Option<usize>,
}

/// How fast streams flowed lately.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BitrateReport)]
pub(super) struct BitratesView {
    /// Where it begins, a whole minute.
    #[schema(value_type = String, format = "date-time")]
    from: jiff::Timestamp,
    /// The length of a step, seconds: a minute, or as long as it takes for 60 steps to cover all.
    step: u32,
    /// How many streams there are.
    total: usize,
    /// By id, the mean bitrate in each step, bit/s, oldest first; null where nothing was measured. What was not measured at
    /// all is left out.
    streams: BTreeMap<StreamId, Vec<Option<u64>>>,
}

/// What happened to a stream, newest first.
#[utoipa::path(get, path = "/api/v1/streams/{id}/events", tag = "history",
    params(("id" = String, Path, description = "Stream id"), EventParams),
    responses((status = 200, body = EventList), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn events(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    Params(params): Params<EventParams>,
) -> Result<Json<EventList>, Problem> {
    app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    events_of(&app, id, &params).await
}

/// A page of events of a stream, or of the server itself.
pub(super) async fn events_of(
    app: &AppState,
    id: StreamId,
    params: &EventParams,
) -> Result<Json<EventList>, Problem> {
    let limit = limit(params.limit)?;
    let now = clock::wall();
    let time = |name, text: Option<&String>| {
        text.map(|text| history::parse_time(text, now).ok_or(PeriodError::Time(name)))
            .transpose()
    };
    let query = EventQuery {
        from: time("from", params.from.as_ref())?,
        to: time("to", params.to.as_ref())?,
        before: params.before,
        // One more tells whether there is another page.
        limit: limit + 1,
    };
    if let (Some(from), Some(to)) = (query.from, query.to)
        && from >= to
    {
        return Err(PeriodError::Empty.into());
    }
    let reader = app.hub.catalog.store().history();
    let mut found = reader.events(id, query).await.map_err(unreadable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|event| event.seq);
    let items = found.into_iter().map(|event| EventView {
        seq: event.seq,
        at: event.at,
        kind: event.kind,
    });
    Ok(Json(EventList {
        limit,
        items: items.collect(),
        next,
    }))
}

/// The course of a stream: its health, bitrate and errors, step by step.
#[utoipa::path(get, path = "/api/v1/streams/{id}/history", tag = "history",
    params(("id" = String, Path, description = "Stream id"), HistoryParams),
    responses((status = 200, body = HistoryView), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn history(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    Params(params): Params<HistoryParams>,
) -> Result<Json<HistoryView>, Problem> {
    app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    let period = period(params.from.as_deref(), params.to.as_deref())?;
    let step = match params.step.as_deref() {
        Some(text) => step_minutes(text)?,
        None => fitting_step(period),
    };
    let limit = params.limit.unwrap_or(MOST_BUCKETS);
    if !(1..=MOST_BUCKETS).contains(&limit) {
        let text = format!("limit is {limit}; it is 1 to {MOST_BUCKETS}");
        return Err(Problem::bad_request(text));
    }
    let buckets = Buckets::new(period, step, limit);
    let covered = buckets.period();
    let reader = app.hub.catalog.store().history();
    let found = reader.buckets(id, buckets).await.map_err(unreadable)?;
    Ok(Json(HistoryView {
        from: covered.from.starts(),
        to: covered.to.starts(),
        step: step * 60,
        items: found.iter().map(BucketView::new).collect(),
        next: (covered.to < period.to).then(|| covered.to.starts()),
    }))
}

/// How much of a period streams were there.
///
/// Time in which a stream was not watched, or was not to be, counts neither as uptime nor as downtime.
#[utoipa::path(get, path = "/api/v1/reports/availability", tag = "history", params(ReportParams),
    responses(
        (status = 200, description = "The report", content(
            (ReportView = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn availability(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<ReportParams>,
) -> Result<Response, Problem> {
    let period = period(params.from.as_deref(), params.to.as_deref())?;
    let limit = match (params.limit, params.format) {
        (None, Format::Csv) => usize::MAX,
        (told, _) => limit(told)?,
    };
    let mut records = matching(&app, params.stream.as_deref(), params.group.as_deref())?;
    let total = records.len();
    records.drain(..params.offset.min(total));
    records.truncate(limit);
    let reader = app.hub.catalog.store().history().clone();
    if params.format == Format::Csv {
        return table(reader, records, period).await;
    }
    let items = report(&reader, &records, period)
        .await
        .map_err(unreadable)?;
    let items = records.iter().zip(&items);
    let report = ReportView {
        from: period.from.starts(),
        to: period.to.starts(),
        total,
        offset: params.offset,
        limit,
        items: items
            .map(|(record, availability)| AvailabilityView::new(record, availability))
            .collect(),
    };
    Ok(Json(report).into_response())
}

/// How fast all streams flowed lately, in one answer, for small charts of each.
#[utoipa::path(get, path = "/api/v1/reports/bitrates", tag = "history", params(BitrateParams),
    responses((status = 200, body = BitratesView), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn bitrates(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<BitrateParams>,
) -> Result<Json<BitratesView>, Problem> {
    let (usual, most) = RECENT;
    let minutes = params.minutes.unwrap_or(usual);
    if !(1..=most).contains(&minutes) {
        let text = format!("minutes is {minutes}; it is 1 to {most}");
        return Err(Problem::bad_request(text));
    }
    let limit = limit(params.limit.or(Some(MOST_COURSES)))?;
    let all = app.hub.catalog.snapshot();
    let ids: Vec<StreamId> = all
        .keys()
        .skip(params.offset)
        .take(limit)
        .cloned()
        .collect();
    let wanted = Bitrates::new(MinuteAt::of(clock::wall()), minutes, ids.len());
    let reader = app.hub.catalog.store().history();
    let found = reader.bitrates(ids.clone(), wanted).await;
    let found = found.map_err(unreadable)?;
    let courses = ids.into_iter().zip(found.finish());
    Ok(Json(BitratesView {
        from: found.period().from.starts(),
        step: found.step() * 60,
        total: all.len(),
        streams: courses
            .filter(|(_, steps)| steps.iter().any(Option::is_some))
            .collect(),
    }))
}

async fn report(
    reader: &HistoryReader,
    records: &[Arc<Record>],
    period: Period,
) -> Result<Vec<Availability>, StoreError> {
    let ids = records.iter().map(|record| record.definition.id.clone());
    reader.availability(ids.collect(), period).await
}

/// The report as a table, of which some lines at a time are held.
async fn table(
    reader: HistoryReader,
    records: Vec<Arc<Record>>,
    period: Period,
) -> Result<Response, Problem> {
    let hours = period.hours().len() as u64;
    if records.len() as u64 * hours > MOST_HOURS {
        let text = "that is too much for one table: ask for fewer streams, or for less time";
        return Err(Problem::bad_request(text));
    }
    let at_once = (HOURS_AT_ONCE / hours.max(1)).clamp(1, 500) as usize;
    let mut left = records.into_iter();
    let first: Vec<_> = left.by_ref().take(at_once).collect();
    // A store that fails is told before the answer begins.
    let mut lines = history::availability_head();
    lines.push_str(&rows(&reader, &first, period).await.map_err(unreadable)?);
    let rest = stream::unfold((reader, left), move |(reader, mut left)| async move {
        let some: Vec<_> = left.by_ref().take(at_once).collect();
        if some.is_empty() {
            return None;
        }
        let lines = rows(&reader, &some, period).await.inspect_err(|error| {
            tracing::error!(%error, "a report ended early");
        });
        Some((lines, (reader, left)))
    });
    let first = stream::once(std::future::ready(Ok(lines)));
    // Who compresses the body asks once more after its end.
    let body = Body::from_stream(first.chain(rest).fuse());
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, kind);
    let name = HeaderValue::from_static("attachment; filename=\"availability.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

async fn rows(
    reader: &HistoryReader,
    records: &[Arc<Record>],
    period: Period,
) -> Result<String, StoreError> {
    let found = report(reader, records, period).await?;
    let mut lines = String::new();
    for (record, availability) in records.iter().zip(&found) {
        let definition = &record.definition;
        let group = definition.group.as_deref().unwrap_or_default();
        let names = (definition.id.as_str(), definition.name.as_str(), group);
        history::availability_row(&mut lines, names, period, availability);
    }
    Ok(lines)
}

/// The streams that are meant, by id.
fn matching(
    app: &AppState,
    named: Option<&str>,
    group: Option<&str>,
) -> Result<Vec<Arc<Record>>, Problem> {
    let all = app.hub.catalog.snapshot();
    let mut ids = BTreeSet::new();
    for text in named.into_iter().flat_map(|named| named.split(',')) {
        let id = StreamId::parse(text.trim()).ok();
        let id = id.filter(|id| all.contains_key(id));
        let id =
            id.ok_or_else(|| Problem::not_found("a stream that was asked for is not there"))?;
        ids.insert(id);
        if ids.len() > MOST_NAMED {
            let text = format!("stream names more than {MOST_NAMED} streams");
            return Err(Problem::bad_request(text));
        }
    }
    let group = group.filter(|group| !group.trim().is_empty());
    let meant = |record: &&Arc<Record>| {
        let definition = &record.definition;
        (named.is_none() || ids.contains(&definition.id))
            && group.is_none_or(|group| definition.group.as_deref() == Some(group))
    };
    Ok(all.values().filter(meant).cloned().collect())
}

fn period(from: Option<&str>, to: Option<&str>) -> Result<Period, Problem> {
    Ok(Period::parse(from, to, HOURS, clock::wall())?)
}

fn step_minutes(text: &str) -> Result<u32, Problem> {
    let unit = match text.as_bytes().last() {
        Some(b'm') => 1,
        Some(b'h') => 60,
        Some(b'd') => 1_440,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1));
    let number = number.and_then(|digits| digits.parse::<u32>().ok());
    let minutes = number.and_then(|number| number.checked_mul(unit));
    let minutes = minutes.filter(|minutes| (1..=MOST_STEP).contains(minutes));
    minutes.ok_or_else(|| {
        Problem::bad_request("step is a number of minutes, hours or days: 1m to 31d, such as 15m")
    })
}

/// The smallest step that makes no more than some hundred of them.
fn fitting_step(period: Period) -> u32 {
    let fits = |step: &&u32| period.minutes().div_ceil(**step) <= BUCKETS;
    *STEPS.iter().find(fits).unwrap_or(&1_440)
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err wants it")]
pub(super) fn unreadable(error: StoreError) -> Problem {
    tracing::error!(%error, "the history cannot be read");
    let text = "the history cannot be read now; the log of the server has the cause";
    Problem::busy("store_failed", "The store failed", text)
}

impl From<PeriodError> for Problem {
    fn from(error: PeriodError) -> Self {
        Self::bad_request(error.to_string())
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

impl SpansView {
    fn new(spans: &Spans) -> Self {
        Self {
            up: seconds(spans.up),
            degraded: seconds(spans.degraded),
            down: seconds(spans.down),
            unknown: seconds(spans.unknown),
            paused: seconds(spans.paused),
        }
    }
}

impl BucketView {
    fn new(bucket: &Bucket) -> Self {
        Self {
            at: bucket.at.starts(),
            seconds: SpansView::new(&bucket.spans),
            outages: bucket.outages,
            bitrate: bucket.bitrate_kbps.map(|kbps| u64::from(kbps) * 1_000),
            bytes: bucket.bytes,
            continuity_errors: bucket.continuity_errors,
            errors: bucket.errors,
            looks: bucket.looks,
        }
    }
}

impl AvailabilityView {
    fn new(record: &Record, availability: &Availability) -> Self {
        let definition = &record.definition;
        Self {
            stream: definition.id.clone(),
            name: definition.name.clone(),
            group: definition.group.clone(),
            uptime: availability.uptime(),
            seconds: SpansView::new(&availability.spans),
            outages: availability.outages,
            longest_outage: seconds(availability.longest_ms),
            mean_outage: seconds(availability.mean_outage_ms()),
        }
    }
}
