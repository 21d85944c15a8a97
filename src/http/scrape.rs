//! `GET /metrics`.
//!
//! Monitoring a thousand streams takes hundreds of kilobytes of text. It is rendered and compressed on a
//! thread that serves nobody else, one scrape at a time, whoever asks and how often.

use std::io::Write;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::AppState;
use super::negotiation::takes_gzip;
use super::problem::Problem;
use crate::actors::fleet::Member;
use crate::actors::sessions::Format;
use crate::base::clock;
use crate::memory;
use crate::metrics::{self, Charges, Gathered, PipelineFigures};
use crate::pipeline;
use crate::process;
use crate::stream::State;

/// The text format that Prometheus has read since its beginning; it asks for newer ones, and takes this.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

const STATES: [(State, &str); 6] = [
    (State::Idle, "idle"),
    (State::Waiting, "waiting"),
    (State::Connecting, "connecting"),
    (State::Up, "up"),
    (State::Down, "down"),
    (State::Disabled, "disabled"),
];

/// Metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn metrics(
    Extract(app): Extract<Arc<AppState>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let compressed = takes_gzip(&headers);
    // It goes with the work, which goes on when the client does not wait for it.
    let turn = Arc::clone(&app.scraping).lock_owned().await;
    let worker = Arc::clone(&app);
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let text = text(&worker);
        if compressed {
            gzip(&text)
        } else {
            Ok(text.into_bytes())
        }
    });
    let body = rendered.await.map_err(|_| Problem::internal())?;
    let body = body.map_err(|_| Problem::internal())?;
    let mut response = ([(header::CONTENT_TYPE, TEXT)], body).into_response();
    let headers = response.headers_mut();
    let vary = HeaderValue::from_static("accept-encoding");
    headers.insert(header::VARY, vary);
    if compressed {
        let gzip = HeaderValue::from_static("gzip");
        headers.insert(header::CONTENT_ENCODING, gzip);
    }
    Ok(response)
}

/// Everything there is to tell. Takes some milliseconds with a thousand streams.
fn text(app: &AppState) -> String {
    let hub = &app.hub;
    let mut text = app.prometheus.render();
    text.push_str(&metrics::gathered_text(&gathered(app)));
    let pool = hub.pool().figures();
    let fleet: Vec<_> = hub.fleet().into_iter().map(pipeline_figures).collect();
    let charges = Charges {
        memory_bytes: pool.charged.memory_bytes,
        cpu_cores: pool.charged.cpu_cores,
        warning_bytes: pool.host.thresholds.warning_bytes,
        critical_bytes: pool.host.thresholds.critical_bytes,
    };
    let memory = memory::process();
    text.push_str(&metrics::pipelines_text(&fleet, &memory, &charges));
    text.push_str(&metrics::accounts_text(&hub.accounts().all_figures()));
    let (all, overview) = (app.monitor.all(), app.monitor.overview());
    let each = app.monitor.settings().stream_metrics;
    text.push_str(&metrics::monitor_text(&all, &overview, each, clock::now()));
    text.push_str(&metrics::alerts_text(&app.alerts.figures()));
    text.push_str(&metrics::delivery_text(
        &app.delivery.figures(),
        clock::wall(),
    ));
    let info = &app.info;
    let disk = info.known().and_then(|latest| latest.figures.disk);
    let conditions = info.state().conditions;
    text.push_str(&metrics::info_text(
        &conditions,
        disk,
        &info.log().figures(),
    ));
    text
}

fn gathered(app: &AppState) -> Gathered {
    let hub = &app.hub;
    // Asked for all the time anyway: no scrape waits for a busy disk.
    let latest = app.info.known();
    let mut streams = STATES.map(|(_, name)| (name, 0));
    for record in hub.catalog.snapshot().values() {
        let state = hub.status(&record.definition).state;
        if let Some(at) = STATES.iter().position(|known| known.0 == state) {
            streams[at].1 += 1;
        }
    }
    let sessions = hub.sessions.list();
    let of = |format| sessions.iter().filter(|s| s.format == format).count();
    let pool = hub.pool().figures();
    let census = pipeline::census();
    Gathered {
        uptime: app.started.elapsed(),
        streams: streams.to_vec(),
        sessions: vec![("ts", of(Format::Ts)), ("hls", of(Format::Hls))],
        pool: (pool.max, pool.running, pool.queued),
        hold: pool.hold,
        suspended: hub.suspended().len(),
        pipelines: (census.started_total, census.wedged_total),
        store_latency: latest.and_then(|latest| latest.figures.store_latency),
        process: process::figures(),
    }
}

fn pipeline_figures(member: Member) -> PipelineFigures {
    let Member { report, work } = member;
    PipelineFigures {
        kind: report.kind().as_str(),
        usage: report.usage,
        descriptors: report.descriptors(),
        lag: work.map(|work| work.live.lag()),
        stream: report.label.stream,
        rendition: report.label.rendition,
    }
}

/// The fastest level: text with so many repetitions shrinks well with it, too.
fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let room = Vec::with_capacity(text.len() / 8);
    let mut encoder = GzEncoder::new(room, Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
