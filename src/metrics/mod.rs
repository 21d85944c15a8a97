//! Every metric, by name, in one place.
//!
//! Prefix `sightglass_`, base units, `_total` for counters. Labels are stream ids and small
//! closed enums only: never a URL, a client address or an error text.

mod accounts;
mod alerts;
mod auth;
mod delivery;
mod door;
mod exposition;
mod gathered;
mod info;
mod live;
mod monitor;
mod pipelines;
mod samples;

use std::time::Duration;

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use accounts::text as accounts_text;
pub use alerts::{held_back, text as alerts_text};
pub use auth::{audit_dropped, login, refusal};
pub use delivery::{notification_failed, notification_sent, outbox_dropped, text as delivery_text};
pub use door::{TurnedAway, turned_away};
pub use gathered::{Gathered, text as gathered_text};
pub use info::text as info_text;
pub use live::{LiveClient, live_client, live_message, live_resync};
pub use monitor::{
    condition_raised, looked as monitor_looked, stood_still as monitor_stood_still,
    text as monitor_text,
};
pub use pipelines::{Charges, PipelineFigures, text as pipelines_text};
pub use samples::{sample_cost, sample_decoder_replaced, sampled};

use crate::actors::validation::Class;
use crate::base::clock;
use crate::ingest::Cause;
use crate::ts::Stats;

const BUILD_INFO: &str = "sightglass_build_info";
const START_TIME: &str = "sightglass_process_start_time_seconds";
const INGESTS: &str = "sightglass_ingests_running";
const INGEST_FAILURES: &str = "sightglass_ingest_failures_total";
const TAKEN_BACK: &str = "sightglass_sources_taken_back_total";
const INGEST_BYTES: &str = "sightglass_ingest_bytes_total";
const DATAGRAMS_DROPPED: &str = "sightglass_ingest_datagrams_dropped_total";
const TS_CONTINUITY: &str = "sightglass_ts_continuity_errors_total";
const TS_TRANSPORT: &str = "sightglass_ts_transport_errors_total";
const TS_SYNC: &str = "sightglass_ts_sync_losses_total";
const PIPELINES: &str = "sightglass_transcode_pipelines_running";
const PIPELINE_FAILURES: &str = "sightglass_pipeline_failures_total";
const PIPELINES_REPLACED: &str = "sightglass_pipelines_replaced_total";
const POOL_DECISIONS: &str = "sightglass_pool_decisions_total";
const RENDITION_BYTES: &str = "sightglass_rendition_bytes_total";
const VIEWER_BYTES: &str = "sightglass_viewer_bytes_total";
const VIEWER_SKIPS: &str = "sightglass_viewer_skips_total";
const FIRST_BYTE: &str = "sightglass_preview_first_byte_seconds";
const PREVIEW_FAILURES: &str = "sightglass_preview_failures_total";
const VALIDATIONS: &str = "sightglass_validations_total";
const VALIDATION_DURATION: &str = "sightglass_validation_duration_seconds";
const HTTP_REQUESTS: &str = "sightglass_http_requests_total";
const HTTP_DURATION: &str = "sightglass_http_request_duration_seconds";
const HTTP_CONNECTIONS: &str = "sightglass_http_connections";

/// Of what is written out at each scrape.
mod names {
    pub(super) const UPTIME: &str = "sightglass_uptime_seconds";
    pub(super) const STREAMS: &str = "sightglass_streams";
    pub(super) const SESSIONS: &str = "sightglass_sessions";
    pub(super) const STORE_LATENCY: &str = "sightglass_store_latency_seconds";
    pub(super) const POOL_SLOTS: &str = "sightglass_pool_slots";
    pub(super) const POOL_USED: &str = "sightglass_pool_slots_used";
    pub(super) const POOL_QUEUE: &str = "sightglass_pool_queue_length";
    pub(super) const POOL_HELD: &str = "sightglass_pool_held";
    pub(super) const SUSPENDED: &str = "sightglass_renditions_suspended";
    pub(super) const PIPELINES_STARTED: &str = "sightglass_pipelines_started_total";
    pub(super) const PIPELINES_WEDGED: &str = "sightglass_pipelines_wedged_total";
    pub(super) const FDS: &str = "sightglass_process_open_fds";
    pub(super) const MAX_FDS: &str = "sightglass_process_max_fds";
    pub(super) const RESIDENT: &str = "sightglass_process_resident_memory_bytes";
    pub(super) const PROCESS_THREADS: &str = "sightglass_process_threads";
    pub(super) const PROCESS_CPU: &str = "sightglass_process_cpu_seconds_total";
    pub(super) const MEMORY: &str = "sightglass_pipeline_memory_bytes";
    pub(super) const PEAK: &str = "sightglass_pipeline_memory_peak_bytes";
    pub(super) const CPU: &str = "sightglass_pipeline_cpu_seconds_total";
    pub(super) const THREADS: &str = "sightglass_pipeline_threads";
    pub(super) const DESCRIPTORS: &str = "sightglass_pipeline_open_fds";
    pub(super) const LAG: &str = "sightglass_pipeline_lag_seconds";
    pub(super) const PROCESS: &str = "sightglass_process_memory_bytes";
    pub(super) const CHARGED_BYTES: &str = "sightglass_pool_charged_memory_bytes";
    pub(super) const CHARGED_CORES: &str = "sightglass_pool_charged_cores";
    pub(super) const SERVER_CONDITION: &str = "sightglass_server_condition";
    pub(super) const DISK_FREE: &str = "sightglass_store_disk_free_bytes";
    pub(super) const STORE_FILE: &str = "sightglass_store_file_bytes";
    pub(super) const LOG_DROPPED: &str = "sightglass_log_lines_dropped_total";
    pub(super) const LOG_COLLAPSED: &str = "sightglass_log_repeats_collapsed_total";
    pub(super) const ACCOUNT_CONNECTIONS: &str = "sightglass_account_connections";
    pub(super) const ACCOUNT_LIMIT: &str = "sightglass_account_connections_limit";
    pub(super) const ACCOUNT_WAITING: &str = "sightglass_account_connections_waiting";
    pub(super) const ACCOUNT_TAKEOVERS: &str = "sightglass_account_takeovers_total";
    pub(super) const COVERAGE: &str = "sightglass_monitor_coverage_ratio";
    pub(super) const MONITORED: &str = "sightglass_monitor_streams";
    pub(super) const HEALTH: &str = "sightglass_streams_health";
    pub(super) const CONDITIONS: &str = "sightglass_conditions";
    pub(super) const OLDEST_LOOK: &str = "sightglass_monitor_oldest_look_seconds";
    pub(super) const OWN_NETWORK: &str = "sightglass_monitor_own_network_fault";
    pub(super) const THUMBNAILS: &str = "sightglass_monitor_thumbnail_bytes";
    pub(super) const STREAM_UP: &str = "sightglass_stream_up";
    pub(super) const STREAM_CONDITION: &str = "sightglass_stream_condition";
    pub(super) const STREAM_RATE: &str = "sightglass_stream_media_bytes_per_second";
    pub(super) const STREAM_CONTINUITY: &str = "sightglass_stream_ts_continuity_errors_total";
    pub(super) const STREAM_LOOKS: &str = "sightglass_stream_looks_total";
    pub(super) const STREAM_LAST_CHECK: &str = "sightglass_stream_last_check_timestamp_seconds";
    pub(super) const ALERTS_ACTIVE: &str = "sightglass_alerts_active";
    pub(super) const ALERTS_ACKNOWLEDGED: &str = "sightglass_alerts_acknowledged";
    pub(super) const THRESHOLD: &str = "sightglass_memory_threshold_bytes";
}

/// What the pool may decide, and why.
const DECISIONS: &[(&str, &str)] = &[
    ("queued", "slots"),
    ("queued", "memory"),
    ("queued", "cpu"),
    ("queued", "lag"),
    ("queued", "descriptors"),
    ("refused", "queue_full"),
    ("refused", "descriptors"),
    ("ended", "idle"),
    ("ended", "ceiling"),
    ("ended", "memory_critical"),
];

/// Bucket bounds for durations from a millisecond to half a minute, in seconds.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Bucket bounds for checks of sources, which may take a minute and then decode.
const CHECK_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 75.0];

/// Why datagrams of a source are not used, or never came.
const LOSSES: [&str; 5] = ["missing", "late", "foreign", "truncated", "receive_buffer"];

/// How media goes to viewers.
const FORMATS: [&str; 2] = ["ts", "hls"];

/// The class of a source that passed.
const NO_CLASS: &str = "none";

/// Installs the recorder and describes every metric. Once per process.
///
/// # Errors
/// When a recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full(VALIDATION_DURATION.to_owned()), CHECK_SECONDS)?
        .set_buckets_for_metric(Matcher::Full(delivery::DELAY.to_owned()), delivery::DELAYS)?
        .install_recorder()?;
    describe();
    begin_at_zero();
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(START_TIME).set(clock::wall().as_millisecond() as f64 / 1e3);
    Ok(handle)
}

/// What is of a closed set is there from the start, so that the first of each is seen as an increase.
fn begin_at_zero() {
    for (decision, reason) in DECISIONS {
        counter!(POOL_DECISIONS, "decision" => *decision, "reason" => *reason).increment(0);
    }
    for class in [None].into_iter().chain(Class::ALL.map(Some)) {
        validations(class).increment(0);
        let _ = histogram!(VALIDATION_DURATION, "outcome" => outcome(class));
    }
    for cause in Cause::ALL {
        ingest_failures(cause).increment(0);
    }
    for name in [
        TAKEN_BACK,
        INGEST_BYTES,
        TS_CONTINUITY,
        TS_TRANSPORT,
        TS_SYNC,
        PIPELINE_FAILURES,
        PIPELINES_REPLACED,
        RENDITION_BYTES,
        VIEWER_SKIPS,
    ] {
        counter!(name).increment(0);
    }
    for format in FORMATS {
        counter!(VIEWER_BYTES, "format" => format).increment(0);
    }
    for reason in LOSSES {
        counter!(DATAGRAMS_DROPPED, "reason" => reason).increment(0);
    }
    for converted in [false, true] {
        let _ = first_byte(converted);
    }
    for name in [INGESTS, PIPELINES, HTTP_CONNECTIONS] {
        gauge!(name).set(0.0);
    }
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn describe() {
    samples::describe();
    door::describe();
    delivery::describe();
    auth::describe();
    let gauges = [
        (BUILD_INFO, Unit::Count, "Always 1; the version is a label."),
        (
            START_TIME,
            Unit::Seconds,
            "When the process started, in seconds since 1970.",
        ),
        (INGESTS, Unit::Count, "Streams being pulled now."),
        (PIPELINES, Unit::Count, "Transcode pipelines running now."),
        (HTTP_CONNECTIONS, Unit::Count, "Open client connections."),
    ];
    for (name, unit, text) in gauges {
        describe_gauge!(name, unit, text);
    }
    let counters = [
        (INGEST_FAILURES, Unit::Count, "Pulls that ended, by cause."),
        (
            TAKEN_BACK,
            Unit::Count,
            "Returns from a backup to a better source that flows again.",
        ),
        (INGEST_BYTES, Unit::Bytes, "Bytes pulled from sources."),
        (
            DATAGRAMS_DROPPED,
            Unit::Count,
            "Datagrams of UDP and RTP sources that were lost or not used, by reason.",
        ),
        (
            TS_CONTINUITY,
            Unit::Count,
            "Continuity counter errors in pulled streams.",
        ),
        (
            TS_TRANSPORT,
            Unit::Count,
            "Packets marked with transport errors in pulled streams.",
        ),
        (
            TS_SYNC,
            Unit::Count,
            "Losses of packet sync in pulled streams.",
        ),
        (
            PIPELINE_FAILURES,
            Unit::Count,
            "Transcode pipelines that failed.",
        ),
        (
            PIPELINES_REPLACED,
            Unit::Count,
            "Pipelines that reached their age and handed over to the next.",
        ),
        (
            POOL_DECISIONS,
            Unit::Count,
            "What the pool decided against somebody's wish, by reason.",
        ),
        (
            RENDITION_BYTES,
            Unit::Bytes,
            "Bytes that transcode pipelines produced.",
        ),
        (
            VIEWER_BYTES,
            Unit::Bytes,
            "Media bytes handed to viewers, by format.",
        ),
        (
            VIEWER_SKIPS,
            Unit::Count,
            "Times a slow viewer skipped to a keyframe.",
        ),
        (
            PREVIEW_FAILURES,
            Unit::Count,
            "Previews that could not be shown, by code.",
        ),
        (
            VALIDATIONS,
            Unit::Count,
            "Sources that were validated, by outcome and the class of the failure.",
        ),
        (
            HTTP_REQUESTS,
            Unit::Count,
            "HTTP requests by route, method and status class.",
        ),
    ];
    for (name, unit, text) in counters {
        describe_counter!(name, unit, text);
    }
    monitor::describe();
    alerts::describe();
    live::describe();
    describe_histogram!(
        FIRST_BYTE,
        Unit::Seconds,
        "Time from a preview request to its first media byte, by rendition kind."
    );
    describe_histogram!(
        VALIDATION_DURATION,
        Unit::Seconds,
        "Time that the validation of a source took, by outcome."
    );
    describe_histogram!(
        HTTP_DURATION,
        Unit::Seconds,
        "Time from an HTTP request to its response head, by route."
    );
}

/// Counts something that runs, until dropped.
#[must_use]
#[derive(Debug)]
pub struct Runs(&'static str);

impl Runs {
    fn begin(name: &'static str) -> Self {
        gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}

/// Datagrams of a source were lost or not used: how many, for which reasons.
pub fn datagrams_dropped(reasons: &[(&'static str, u64)]) {
    for (reason, count) in reasons {
        if *count > 0 {
            counter!(DATAGRAMS_DROPPED, "reason" => *reason).increment(*count);
        }
    }
}

/// A pull runs.
pub fn ingest_runs() -> Runs {
    Runs::begin(INGESTS)
}

/// A pull ended.
pub fn ingest_attempt_failed(cause: Cause) {
    ingest_failures(cause).increment(1);
}

fn ingest_failures(cause: Cause) -> Counter {
    counter!(INGEST_FAILURES, "cause" => cause.as_str())
}

/// A better source was taken back.
pub fn source_taken_back() {
    counter!(TAKEN_BACK).increment(1);
}

/// Bytes came from a source.
pub fn ingest_bytes(bytes: usize) {
    counter!(INGEST_BYTES).increment(bytes as u64);
}

/// Transport errors since `before`.
pub fn ts_errors(before: &Stats, now: &Stats) {
    let pairs = [
        (
            TS_CONTINUITY,
            before.continuity_errors,
            now.continuity_errors,
        ),
        (TS_TRANSPORT, before.transport_errors, now.transport_errors),
        (TS_SYNC, before.sync_losses, now.sync_losses),
    ];
    for (name, before, now) in pairs {
        if now > before {
            counter!(name).increment(now - before);
        }
    }
}

/// A transcode pipeline runs.
pub fn pipeline_runs() -> Runs {
    Runs::begin(PIPELINES)
}

/// A transcode pipeline failed.
pub fn pipeline_failed() {
    counter!(PIPELINE_FAILURES).increment(1);
}

/// A pipeline has handed over to the next.
pub fn pipeline_replaced() {
    counter!(PIPELINES_REPLACED).increment(1);
}

/// The pool has decided something; both are words of closed sets.
pub fn pool_decided(decision: &'static str, reason: &'static str) {
    counter!(POOL_DECISIONS, "decision" => decision, "reason" => reason).increment(1);
}

/// A pipeline produced bytes.
pub fn rendition_bytes(bytes: usize) {
    counter!(RENDITION_BYTES).increment(bytes as u64);
}

/// Bytes were handed to a viewer.
pub fn viewer_bytes(format: &'static str, bytes: usize) {
    counter!(VIEWER_BYTES, "format" => format).increment(bytes as u64);
}

/// A viewer skipped to a keyframe.
pub fn viewer_skips(skips: u64) {
    counter!(VIEWER_SKIPS).increment(skips);
}

/// A preview has its first byte.
pub fn preview_first_byte(converted: bool, after: Duration) {
    first_byte(converted).record(after);
}

fn first_byte(converted: bool) -> Histogram {
    let kind = if converted { "converted" } else { "source" };
    histogram!(FIRST_BYTE, "kind" => kind)
}

/// A preview could not be shown.
pub fn preview_failed(code: &'static str) {
    counter!(PREVIEW_FAILURES, "code" => code).increment(1);
}

/// A source was validated: it passed, or failed for a reason of this class.
pub fn validated(failure: Option<Class>, took: Duration) {
    validations(failure).increment(1);
    histogram!(VALIDATION_DURATION, "outcome" => outcome(failure)).record(took);
}

fn validations(failure: Option<Class>) -> Counter {
    let class = failure.map_or(NO_CLASS, Class::as_str);
    counter!(VALIDATIONS, "outcome" => outcome(failure), "class" => class)
}

fn outcome(failure: Option<Class>) -> &'static str {
    if failure.is_none() {
        "passed"
    } else {
        "failed"
    }
}

/// A request was answered. `route` is a pattern of ours, never a path.
pub fn http_request(route: &str, method: &'static str, status: u16, after: Duration) {
    let class = match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    let route = route.to_owned();
    counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method, "status" => class)
        .increment(1);
    histogram!(HTTP_DURATION, "route" => route).record(after);
}

/// A connection is open.
pub fn connection_open() -> Runs {
    Runs::begin(HTTP_CONNECTIONS)
}
