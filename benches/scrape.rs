//! What a scrape of `/metrics` costs with many streams, and whether viewers notice: `make bench-scrape`.
//!
//! `SCRAPE_STREAMS` (1000) streams are watched in mode `sampled`. All but the five that are viewed are down, which gives each the
//! most series and costs the least beside what is measured. Once they have been looked at, `SCRAPE_SECONDS` (20) are
//! measured at a time: nobody scrapes; one scrape a second, as fifteen Prometheus servers would ask for; one behind the other without a
//! pause. Beside it `/live` is asked 200 times a second, which tells how long anything waits for a thread of the server, and
//! five previews play. It is red when a scrape takes 100 ms or more, the median of those that come once a second.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "scrape/table.rs"]
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use support::farm::{Clip, Farm, Layout};
use support::{Options, Server, TsViewer, eventually, http_client};
use table::Round;

/// A port that nothing listens on.
const NOWHERE: &str = "http://127.0.0.1:9/x.m3u8";
/// Streams defined at one time.
const AT_ONCE: usize = 20;
/// Share of the streams that have all their series before anything is measured: those that were looked at.
const LOOKED_AT: f64 = 0.95;
/// Most time until then.
const PATIENCE: Duration = Duration::from_mins(5);
/// Previews that play meanwhile.
const VIEWERS: usize = 5;
/// Between two questions to `/live`.
const PROBE: Duration = Duration::from_millis(5);
/// A scrape has to be done in less.
const LIMIT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run())
}

async fn run() -> ExitCode {
    let many = number("SCRAPE_STREAMS", 1000) as usize;
    let length = Duration::from_secs(number("SCRAPE_SECONDS", 20));
    let (farm, clip) = (Farm::start(), Clip::main());
    let channels = farm.channels(VIEWERS, &clip, &Layout::default());
    let options = Options::new()
        .env("MONITOR_MODE", "sampled")
        .env("MONITOR_HOST_CONCURRENCY", "64")
        .env("MONITOR_START_RATE", "50");
    let server = Server::start(options).await;
    let live = channels
        .iter()
        .map(|one| (one.name().to_owned(), one.url()));
    let down = (VIEWERS..many).map(|n| (format!("down-{n}"), NOWHERE.to_owned()));
    let all: Vec<(String, String)> = live.chain(down).collect();
    for some in all.chunks(AT_ONCE) {
        join_all(some.iter().map(|(id, url)| server.add_stream(id, url))).await;
    }
    eprintln!("{many} streams are defined");
    let wanted = many as f64 * LOOKED_AT;
    eventually(PATIENCE, "the first looks", async || {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let metrics = server.metrics().await;
        let seen = metrics.samples("sightglass_stream_last_check_timestamp_seconds");
        (seen.count() as f64 >= wanted).then_some(())
    })
    .await;
    let viewers: Vec<TsViewer> = channels
        .iter()
        .map(|channel| TsViewer::open(&server.preview(channel.name(), "")))
        .collect();
    eventually(
        Duration::from_mins(1),
        "media for the viewers",
        async || {
            viewers
                .iter()
                .all(|viewer| viewer.bytes() > 0)
                .then_some(())
        },
    )
    .await;
    // Past the burst with which a feed begins.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut rounds = Vec::new();
    for (name, pause) in [
        ("nobody scrapes", None),
        ("a scrape a second", Some(Duration::from_secs(1))),
        ("one behind the other", Some(Duration::ZERO)),
    ] {
        eprintln!("{name}");
        rounds.push(round(&server, &viewers, name, pause, length).await);
    }
    let (plain, packed) = sizes(&server).await;
    table::print(&rounds);
    println!("\n{many} streams: {plain} bytes, {packed} compressed");
    let median = table::quantile(&rounds[1].scrapes, 0.5);
    if median < LIMIT {
        ExitCode::SUCCESS
    } else {
        eprintln!("a scrape takes {median:?}");
        ExitCode::FAILURE
    }
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Measures for so long, with scrapes at this pace, if any.
async fn round(
    server: &Server,
    viewers: &[TsViewer],
    name: &'static str,
    pause: Option<Duration>,
    length: Duration,
) -> Round {
    let over = Arc::new(AtomicBool::new(false));
    let probes = ask(server.url("/live"), Some(PROBE), &over);
    let scrapes = ask(server.url("/metrics"), pause, &over);
    let stalled = || -> Duration { viewers.iter().map(|viewer| viewer.seen().stalled).sum() };
    let (cpu, stood, began) = (server.figures().cpu_seconds, stalled(), Instant::now());
    tokio::time::sleep(length).await;
    let cores = (server.figures().cpu_seconds - cpu) / began.elapsed().as_secs_f64();
    let stalled = stalled().saturating_sub(stood);
    over.store(true, Ordering::Relaxed);
    Round {
        name,
        scrapes: scrapes.await.expect("scrapes"),
        probes: probes.await.expect("probes"),
        cores,
        stalled,
    }
}

/// Asks at this pace until told to stop; how long each answer took. The pause is the time from one question to the next, however
/// long the answer took, so that a slow one is not asked less.
fn ask(
    url: String,
    pause: Option<Duration>,
    over: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<Vec<Duration>> {
    let over = Arc::clone(over);
    tokio::spawn(async move {
        let mut took = Vec::new();
        let Some(pause) = pause else { return took };
        // Compressed, as Prometheus asks for it; unpacking is no part of the time.
        let http = http_client().no_proxy().no_gzip().build();
        let http = http.expect("an HTTP client");
        let mut due = Instant::now();
        while !over.load(Ordering::Relaxed) {
            tokio::time::sleep_until(due.into()).await;
            let began = Instant::now();
            let answer = http.get(&url).header("accept-encoding", "gzip").send();
            let answer = answer.await.expect("an answer");
            assert!(answer.status().is_success(), "{url}: {}", answer.status());
            answer.bytes().await.expect("a whole answer");
            took.push(began.elapsed());
            due = (due + pause).max(Instant::now());
        }
        took
    })
}

/// Bytes of a scrape, plain and compressed.
async fn sizes(server: &Server) -> (usize, usize) {
    let http = http_client().no_proxy().no_gzip().build();
    let http = http.expect("an HTTP client");
    let size = async |accepted: &str| {
        let request = http.get(server.url("/metrics"));
        let answer = request.header("accept-encoding", accepted).send().await;
        let body = answer.expect("an answer").bytes().await;
        body.expect("a whole answer").len()
    };
    (size("identity").await, size("gzip").await)
}
