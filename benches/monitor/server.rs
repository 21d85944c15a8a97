//! Our side: so many streams watched by one server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;

use super::delays::{self, Told};
use super::support::farm::{Channel, Clip, Farm, Layout};
use super::support::{Health, Options, Server, coverage, eventually, healths, pss_bytes};
use super::{Cost, HOSTS, OriginClock};

/// Most streams that are watched in mode `continuous`; above, it is `sampled`.
const CONTINUOUS: usize = 200;
/// Streams defined at one time.
const AT_ONCE: usize = 20;
/// Between two looks at the coverage.
const LOOK: Duration = Duration::from_secs(2);
/// Most time until all streams have been looked at.
const PATIENCE: Duration = Duration::from_mins(5);

/// How streams are watched in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// The longest time from one look to the next, by configuration.
    pub(crate) interval: Duration,
}

impl Mode {
    fn of(many: usize) -> Self {
        let (name, interval) = if many <= CONTINUOUS {
            ("continuous", Duration::from_secs(10))
        } else {
            ("sampled", Duration::from_secs(30))
        };
        Self { name, interval }
    }
}

/// Watches so many streams for this time, then breaks some of them.
pub(crate) async fn run(clip: &Arc<Clip>, many: usize, length: Duration) -> (Cost, Told) {
    let mode = Mode::of(many);
    let farm = Farm::with_hosts(HOSTS);
    let channels = farm.channels(many, clip, &Layout::default());
    // The one that will refuse has a port of its own.
    let apart = Farm::apart("apart", clip, Layout::default());
    let options = Options::new()
        .env("MONITOR_MODE", mode.name)
        .env("MONITOR_INTERVAL", "30s")
        .env("MONITOR_PICTURE_INTERVAL", "10s");
    let server = Server::start(options).await;
    let all: Vec<&Channel> = channels[1..].iter().chain([&apart]).collect();
    for some in all.chunks(AT_ONCE) {
        join_all(some.iter().map(|channel| add(&server, channel))).await;
    }
    let defined = Instant::now();
    eventually(PATIENCE, "all streams to be covered", async || {
        tokio::time::sleep(LOOK).await;
        (coverage(&server).await >= 1.0).then_some(())
    })
    .await;
    let covered_in = defined.elapsed();
    // A whole interval more, so that no first look is in the figures.
    tokio::time::sleep(mode.interval).await;
    let fetched = || -> Vec<u64> { all.iter().map(|channel| channel.segments()).collect() };
    let (before, bytes, clock) = (server.figures(), farm.totals().3, OriginClock::start());
    let fetched_before = fetched();
    let began = Instant::now();
    let mut least: f64 = 1.0;
    while began.elapsed() < length {
        tokio::time::sleep(LOOK).await;
        least = least.min(coverage(&server).await);
    }
    let grown = fetched()
        .into_iter()
        .zip(fetched_before)
        .map(|(now, then)| now - then);
    let fewest = grown.min().unwrap_or(0);
    let oldest = oldest_look(&server).await;
    let (after, seconds) = (server.figures(), began.elapsed().as_secs_f64());
    let cost = Cost {
        name: format!("{many} {}", mode.name),
        streams: many as f64,
        cores: (after.cpu_seconds - before.cpu_seconds) / seconds,
        origin: clock.cores(),
        pss: pss_bytes(server.pid()).unwrap_or(0) as f64,
        anonymous: after.anonymous_bytes as f64,
        threads: after.threads as f64,
        descriptors: after.descriptors as f64,
        coverage: Some(least),
        covered_in: Some(covered_in.as_secs_f64()),
        fewest: Some(fewest as f64 * 60.0 / seconds),
        oldest: Some(oldest),
        speed: None,
        traffic: (farm.totals().3 - bytes) as f64 * 8.0 / seconds,
    };
    let raised = raised_anywhere(&server).await;
    if !raised.is_empty() {
        eprintln!("FALSE ALARMS: {raised:?}");
    }
    let told = delays::run(&server, &channels[1..], &apart, mode, &cost.name).await;
    (cost, told)
}

async fn add(server: &Server, channel: &Channel) {
    let url = channel.url();
    server
        .add(json!({ "id": channel.name(), "name": channel.name(), "sources": [{ "url": url }] }))
        .await;
}

/// How long ago the stream was looked at that waits for longest, in seconds.
async fn oldest_look(server: &Server) -> f64 {
    let healths = healths(server).await;
    let now = Timestamp::now();
    let ages = healths.values().map(|health| {
        let checked = health.checked_at;
        checked.map_or(f64::INFINITY, |at| now.duration_since(at).as_secs_f64())
    });
    ages.fold(0.0, f64::max)
}

/// Every condition of every stream: `id kind`.
async fn raised_anywhere(server: &Server) -> Vec<String> {
    let healths = healths(server).await;
    let of_one = |(id, health): (&String, &Health)| -> Vec<String> {
        let kinds = health.kinds();
        kinds
            .into_iter()
            .map(|kind| format!("{id} {kind}"))
            .collect()
    };
    healths.iter().flat_map(of_one).collect()
}
