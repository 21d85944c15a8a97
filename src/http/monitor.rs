//! What the monitor knows: the whole, one stream's health, and its picture.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::AppState;
use super::extract::StreamPath;
use super::problem::Problem;
use crate::actors::catalog::CatalogError;
use crate::actors::monitor::{Doing, Known, OwnNetwork, Thumbnail, coverage};
use crate::base::clock;
use crate::conditions::{Condition, Health};
use crate::stream::{MonitorMode, StreamId};

/// Streams that are named as being behind; the others are counted.
const NAMED: usize = 50;

/// How a stream is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct HealthView {
    /// In one word.
    state: Health,
    /// What is wrong with it, the newest last.
    conditions: Vec<Condition>,
    /// When it was looked at last; absent before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    checked_at: Option<jiff::Timestamp>,
    /// How it is watched.
    mode: MonitorMode,
    /// How often it shall be looked at, seconds.
    interval: f64,
    /// Bits a second of its media, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    bitrate: Option<f64>,
}

impl HealthView {
    pub(super) fn new(known: Known) -> Self {
        Self {
            state: known.health,
            conditions: known.conditions,
            checked_at: known.checked_at,
            mode: known.mode,
            interval: known.interval.as_secs_f64(),
            bitrate: known.bitrate.map(f64::round),
        }
    }
}

/// The monitor as a whole.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MonitorView {
    /// Streams that are watched.
    streams: usize,
    /// The share of them that was looked at within the interval of each, 0 to 1.
    coverage: f64,
    /// How many are watched in which way.
    modes: Modes,
    /// How many are how.
    states: States,
    /// Since when most streams of different hosts fail together, which is taken for a fault of this server's
    /// own network: streams are not called down meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_network: Option<OwnNetwork>,
    /// What may be used, and what is.
    budget: Budget,
    /// Streams that were not looked at within their intervals, those that wait longest first; at most 50.
    behind: Vec<Behind>,
    /// How many are behind.
    behind_total: usize,
    /// How often streams shall be and are looked at.
    intervals: Intervals,
}

/// Streams by mode.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
struct Modes {
    /// Every packet is seen.
    continuous: usize,
    /// A part of each interval is seen.
    sampled: usize,
    /// Not watched, though enabled.
    off: usize,
}

/// Streams by state.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
struct States {
    up: usize,
    degraded: usize,
    down: usize,
    unknown: usize,
    paused: usize,
}

/// What the monitor may use, and what it does.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Budget {
    /// Decoders that may work at a time.
    decoders: usize,
    /// Looks that may be made at a time at one host.
    host_concurrency: usize,
    /// Looks that may be made at a time.
    concurrency: usize,
    /// Bytes that pictures may take.
    thumbnail_bytes_max: usize,
    /// Bytes that pictures take.
    thumbnail_bytes: usize,
    /// Pictures.
    thumbnails: usize,
}

/// A stream that was not looked at in time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Behind {
    /// Which.
    stream: StreamId,
    /// How long it was not looked at, seconds.
    age: f64,
    /// How often it shall be looked at, seconds.
    interval: f64,
    /// What the next look waits for.
    waits_for: Doing,
}

/// Over all streams, seconds.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Intervals {
    /// The longest that any stream was not looked at.
    oldest: f64,
    /// How long, on average, lay between the last two looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    /// The greatest number of times that an interval was stretched.
    #[serde(skip_serializing_if = "Option::is_none")]
    stretch: Option<f64>,
}

/// Coverage, intervals, budget, and what is behind and why.
#[utoipa::path(get, path = "/api/v1/monitor", tag = "monitor", responses((status = 200, body = MonitorView)))]
pub(super) async fn monitor(Extract(app): Extract<Arc<AppState>>) -> Json<MonitorView> {
    let now = clock::now();
    let all = app.monitor.all();
    let overview = app.monitor.overview();
    let known = || all.iter().map(|(_, known)| known);
    let mut modes = Modes::default();
    let mut states = States::default();
    for one in known() {
        match one.mode {
            MonitorMode::Continuous => modes.continuous += 1,
            MonitorMode::Sampled => modes.sampled += 1,
            MonitorMode::Off => modes.off += 1,
        }
        match one.health {
            Health::Up => states.up += 1,
            Health::Degraded => states.degraded += 1,
            Health::Down => states.down += 1,
            Health::Unknown => states.unknown += 1,
            Health::Paused => states.paused += 1,
        }
    }
    let enabled = app.hub.catalog.snapshot();
    let enabled = enabled.values().filter(|record| record.definition.enabled);
    modes.off += enabled.count().saturating_sub(all.len());
    let mut late: Vec<&(StreamId, Known)> =
        all.iter().filter(|(_, one)| !one.is_covered(now)).collect();
    late.sort_by_key(|(_, one)| std::cmp::Reverse(one.age(now)));
    let behind = |(stream, one): &&(StreamId, Known)| Behind {
        stream: stream.clone(),
        age: round(one.age(now)),
        interval: one.interval.as_secs_f64(),
        waits_for: one.doing,
    };
    let settings = app.monitor.settings();
    Json(MonitorView {
        streams: all.len(),
        coverage: coverage(known(), now),
        modes,
        states,
        own_network: overview.own_network,
        budget: Budget {
            decoders: settings.decoders,
            host_concurrency: settings.host_concurrency,
            concurrency: settings.concurrency,
            thumbnail_bytes_max: settings.thumbnail_bytes,
            thumbnail_bytes: overview.thumbnail_bytes,
            thumbnails: overview.thumbnails,
        },
        behind: late.iter().take(NAMED).map(behind).collect(),
        behind_total: late.len(),
        intervals: intervals(known(), now),
    })
}

fn intervals<'a>(all: impl Iterator<Item = &'a Known> + Clone, now: Instant) -> Intervals {
    let oldest = all.clone().map(|one| one.age(now)).max();
    let both =
        all.filter_map(|one| Some((one.interval.as_secs_f64(), one.stretched?.as_secs_f64())));
    let many = both.clone().count();
    let sum: f64 = both.clone().map(|(_, stretched)| stretched).sum();
    let stretch = both.map(|(interval, stretched)| stretched / interval);
    Intervals {
        oldest: round(oldest.unwrap_or_default()),
        mean: (many > 0).then(|| tenths(sum / many as f64)),
        stretch: stretch.reduce(f64::max).map(tenths),
    }
}

fn round(duration: Duration) -> f64 {
    tenths(duration.as_secs_f64())
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The newest picture of a stream, small.
///
/// It is what the monitor saw last; `Age` tells how long ago that was. 404 while it has seen none.
#[utoipa::path(get, path = "/api/v1/streams/{id}/thumbnail.jpg", tag = "monitor",
    params(("id" = String, Path, description = "Stream id"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 if this is still the newest")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304),
        (status = 404, body = Problem)))]
pub(super) async fn thumbnail(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if app.hub.catalog.get(&id).is_none() {
        return Err(CatalogError::NotFound.into());
    }
    let picture = app.monitor.thumbnail(&id);
    let picture = picture
        .ok_or_else(|| Problem::not_found("the monitor has no picture of this stream (yet)"))?;
    let tag = format!(
        "\"t{:x}-{:x}\"",
        picture.version,
        picture.taken_at.as_millisecond()
    );
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','));
    let same = known
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag);
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let jpeg = HeaderValue::from_static("image/jpeg");
        ([(header::CONTENT_TYPE, jpeg)], picture.jpeg.clone()).into_response()
    };
    let head = response.headers_mut();
    for (name, value) in [
        (header::ETAG, tag),
        (header::AGE, age(&picture, clock::wall()).to_string()),
        (header::LAST_MODIFIED, http_date(picture.taken_at)),
        // Asked for again each time, which costs a 304.
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            head.insert(name, value);
        }
    }
    Ok(response)
}

fn age(picture: &Thumbnail, now: jiff::Timestamp) -> i64 {
    (now.as_second() - picture.taken_at.as_second()).max(0)
}

/// IMF-fixdate (RFC 9110, 5.6.7).
fn http_date(at: jiff::Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        let at: jiff::Timestamp = "1994-11-06T08:49:37Z".parse().expect("a time");
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
