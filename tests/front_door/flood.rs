//! More wishes than the pool can ever meet: the bound holds, everybody is answered in time, and
//! the order is fair.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::SOON;
use crate::support::*;

const SLOTS: usize = 3;
const STREAMS: usize = 50;
const REQUESTS: usize = 500;
/// Addresses that the flood comes from.
const CLIENTS: usize = 20;
/// How long each request of the flood is ready to wait.
const WAIT: Duration = Duration::from_secs(10);
/// What an answer may take beyond that.
const GRACE: Duration = Duration::from_secs(3);
/// The server's default for when memory is critical.
const CRITICAL: u64 = 1 << 30;

/// A server with 50 streams of real footage, all pulled from one origin.
async fn crowded(queue: &str) -> (Origin, Server) {
    let origin = Origin::start();
    let live = origin.ts("tv", TsFile::new(media("hevc10.ts")).seamless());
    let server = Server::start(
        Options::new()
            .env("MAX_CONCURRENT_TRANSCODES", &SLOTS)
            .env("TRANSCODE_QUEUE_LENGTH", queue)
            .env("MAX_SESSIONS_PER_CLIENT", "100")
            .env("STREAM_LINGER", "1s")
            .env("RENDITION_LINGER", "30s"),
    )
    .await;
    for n in 0..STREAMS {
        server
            .add_stream(&format!("s{n}"), &format!("{}/{n}", live.url()))
            .await;
    }
    (origin, server)
}

fn open(server: &Server, stream: usize, client: u8, timeout: Duration) -> TsViewer {
    let query = format!("transcode=true&quality=low&timeout={}", timeout.as_millis());
    let options = ViewerOptions {
        from: Some(Ipv4Addr::new(127, 0, 0, client)),
        blind: true,
        ..ViewerOptions::default()
    };
    TsViewer::open_with(&server.preview(&format!("s{stream}"), &query), options)
}

/// What the pool was seen to do.
#[derive(Debug, Default)]
struct Watched {
    samples: usize,
    most_slots: f64,
    most_pipelines: f64,
    most_queued: f64,
}

/// Scrapes the metrics all the time, until told to stop.
fn watch(server: &Server, over: Arc<AtomicBool>) -> JoinHandle<Watched> {
    let (http, url) = (server.http().clone(), server.url("/metrics"));
    tokio::spawn(async move {
        let mut watched = Watched::default();
        while !over.load(Ordering::Relaxed) {
            let answer = http.get(&url).send().await.expect("metrics");
            let metrics = Metrics::parse(&answer.text().await.expect("metrics"));
            let most = |most: &mut f64, name| *most = most.max(metrics.sum(name, &[]));
            watched.samples += 1;
            most(&mut watched.most_slots, "sightglass_pool_slots_used");
            most(
                &mut watched.most_pipelines,
                "sightglass_transcode_pipelines_running",
            );
            most(&mut watched.most_queued, "sightglass_pool_queue_length");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        watched
    })
}

/// How a request of the flood came out.
#[derive(Debug)]
struct Answered {
    status: u16,
    after: Duration,
    retry_after: bool,
}

/// One request: media, which is watched for a moment, or a refusal.
async fn ask(viewer: TsViewer) -> Answered {
    let began = Instant::now();
    loop {
        let (status, bytes, ended) = viewer.glance();
        if status == 200 && bytes > 0 {
            let after = viewer.seen().first_byte.unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(300)).await;
            return Answered {
                status,
                after,
                retry_after: false,
            };
        }
        if ended {
            let seen = viewer.seen();
            return Answered {
                status,
                after: seen.answered.unwrap_or_default(),
                retry_after: seen.headers.contains_key("retry-after"),
            };
        }
        let limit = patience(WAIT + GRACE);
        assert!(began.elapsed() < limit, "no answer after {limit:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_requests_for_fifty_streams_and_three_slots() {
    let (_origin, server) = crowded("32").await;
    forget_peak(server.pid());
    let over = Arc::new(AtomicBool::new(false));
    let watching = watch(&server, Arc::clone(&over));
    // Each client asks for every stream it can get hold of, all at once.
    let asked: Vec<_> = (0..REQUESTS)
        .map(|n| {
            let client = 2 + (n % CLIENTS) as u8;
            tokio::spawn(ask(open(&server, n % STREAMS, client, WAIT)))
        })
        .collect();
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    let watched = watching.await.unwrap();
    let served = answers.iter().filter(|a| a.status == 200).count();
    let slowest = answers.iter().map(|a| a.after).max().unwrap();
    let peak = server.figures().peak_bytes;
    eprintln!(
        "{served} of {REQUESTS} served, the last answer after {slowest:?}, at most {} MB; {watched:?}",
        peak >> 20
    );
    assert!(watched.samples > 20, "{watched:?}");
    assert!(watched.most_slots <= SLOTS as f64, "{watched:?}");
    assert!(watched.most_pipelines <= SLOTS as f64, "{watched:?}");
    // Else nothing of this was put to the test.
    assert!(watched.most_slots == SLOTS as f64 && watched.most_queued > 0.0);
    assert!(served >= 3 * REQUESTS / STREAMS, "{served} were served");
    for answer in &answers {
        assert!(answer.after <= patience(WAIT + GRACE), "{answer:?}");
        let refused = matches!(answer.status, 503 | 504) && answer.retry_after;
        assert!(answer.status == 200 || refused, "{answer:?}");
    }
    assert!(peak < CRITICAL, "{} MB", peak >> 20);
    // When it is over nothing is held, and the next one is served at once.
    eventually(SOON, "an empty pool", async || {
        let metrics = server.metrics().await;
        let held = metrics.sum("sightglass_pool_queue_length", &[])
            + metrics.sum("sightglass_sessions", &[]);
        (held == 0.0).then_some(())
    })
    .await;
    open(&server, 0, 2, SOON).wait_bytes(10_000, SOON).await;
    assert!(!server.logs().contain("panicked"));
}

async fn queued(server: &Server, many: usize) -> Value {
    eventually(SOON, &format!("{many} in the queue"), async || {
        let status = server.get("/api/streams/transcoding/status").await.2;
        (status["queued"] == many).then_some(status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_first_in_first_out_and_takes_clients_in_turn() {
    let (_origin, server) = crowded("32").await;
    let long = Duration::from_mins(2);
    let mut holders: Vec<_> = (0..SLOTS).map(|n| open(&server, n, 2, long)).collect();
    for holder in &holders {
        holder.wait_bytes(10_000, SOON).await;
    }
    // A greedy client comes first with six wishes, then two modest ones, then one more.
    let order = [
        (10, 3),
        (11, 3),
        (12, 3),
        (13, 3),
        (14, 3),
        (15, 3),
        (20, 4),
        (30, 5),
        (21, 4),
    ];
    let mut waiting = Vec::new();
    for (place, (stream, client)) in order.into_iter().enumerate() {
        waiting.push((stream, Some(open(&server, stream, client, long))));
        queued(&server, place + 1).await;
    }
    // In turn: 3, 4, 5, then 3, 4, then what is left of 3.
    let fair = [10, 20, 30, 11, 21, 12, 13, 14, 15];
    let status = queued(&server, order.len()).await;
    for (place, stream) in fair.into_iter().enumerate() {
        let sessions = status["sessions"].as_array().unwrap();
        let of = |id: String| sessions.iter().find(move |s| s["streamId"] == id);
        let told = &of(format!("s{stream}")).unwrap()["queuePosition"];
        assert_eq!(*told, place + 1, "s{stream} is told its place");
    }
    // One place becomes free at a time, and goes to whose turn it is.
    let mut served = Vec::new();
    for _ in fair {
        drop(holders.remove(0));
        let (stream, viewer) = eventually(SOON, "the next one", async || {
            let next = waiting
                .iter_mut()
                .find(|(_, viewer)| viewer.as_ref().is_some_and(|viewer| viewer.bytes() > 0));
            next.and_then(|(stream, viewer)| Some((*stream, viewer.take()?)))
        })
        .await;
        served.push(stream);
        holders.push(viewer);
    }
    assert_eq!(served, fair);
}
