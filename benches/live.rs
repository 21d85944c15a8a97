//! What telling many costs: 500 clients, half of them by server-sent events and half by WebSocket, half of each compressed,
//! follow 1,000 streams of which 20 a second change, beside what asking for the whole list every 3 s would cost.
//!
//! `make bench-live` prints tables in Markdown after two minutes or so, and is red when any client ends with anything
//! else than what the API says. `LIVE_CLIENTS` (500), `LIVE_STREAMS` (1000), `LIVE_CHANGES` (20 a second) and `LIVE_SECONDS` (60) say
//! how much of it.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::ACCEPT_ENCODING;
use serde_json::{Map, Value, json};
use support::live::{Follower, View, Way};
use support::{Options, Server, eventually, http_client};

/// The other way: the whole list, so often.
const REFRESH: Duration = Duration::from_secs(3);
/// Who change streams, each at its pace: a write waits for the disk.
const WORKERS: usize = 4;
/// Members of a row that the list of streams has, too, and where.
const COMPARED: [(&str, &str); 4] = [
    ("name", "/name"),
    ("group", "/group"),
    ("state", "/state"),
    ("health", "/health/state"),
];

fn main() -> ExitCode {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(run())
}

fn number(name: &str, default: usize) -> usize {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What a stretch of time has cost.
struct Stretch {
    name: &'static str,
    cores: f64,
    anonymous: f64,
    /// Bytes a client and minute, by way.
    bytes: BTreeMap<&'static str, f64>,
    documents: f64,
}

async fn run() -> ExitCode {
    let clients = number("LIVE_CLIENTS", 500);
    let streams = number("LIVE_STREAMS", 1_000);
    let changes = number("LIVE_CHANGES", 20);
    let length = Duration::from_secs(number("LIVE_SECONDS", 60) as u64);
    let server = Server::start(Options::new().env("LIVE_MAX_CLIENTS", &clients)).await;
    define(&server, streams).await;
    let alone = server.figures();
    let list = cost_of_the_list(&server, clients).await;
    eventually(
        Duration::from_secs(10),
        "a look at all streams",
        async || {
            let (_, _, all) = server.get("/api/v1/streams?since=0").await;
            (all["streams"].as_array()?.len() == streams).then_some(())
        },
    )
    .await;

    let at: SocketAddr = server.base()["http://".len()..]
        .parse()
        .expect("an address");
    let mut followers = Vec::new();
    for n in 0..clients {
        followers.push(Follower::start(at, Way::ALL[n % Way::ALL.len()], "", Duration::ZERO).await);
    }
    eventually(Duration::from_mins(1), "all snapshots", async || {
        let whole = |one: &Follower| one.view().streams().len() == streams;
        followers.iter().all(whole).then_some(())
    })
    .await;
    let first = snapshots(&followers);
    let idle = measure("idle", &server, &followers, length / 2, async || {
        tokio::time::sleep(length / 2).await;
    })
    .await;
    let busy = measure("busy", &server, &followers, length, async || {
        change(&server, streams, changes, length).await;
    })
    .await;

    let wrong = compare(&server, &followers).await;
    print(&[idle, busy], &list, &first, clients, streams, changes);
    println!(
        "\nanonymous memory of the server before the first client: {:.1} MB",
        alone.anonymous_bytes as f64 / 1e6
    );
    println!("clients that ended with anything else than what the API says: {wrong} of {clients}");
    if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn define(server: &Server, streams: usize) {
    let mut list = "#EXTM3U\n".to_owned();
    for n in 0..streams {
        let _ = write!(
            list,
            "#EXTINF:-1 tvg-id=\"channel-{n}.example\" tvg-logo=\"https://example.com/logos/{n}.png\" group-title=\"Group {}\",\
             Channel {n} HD\nhttp://192.0.2.1/live/user/{n}.ts\n",
            n % 25
        );
    }
    let (status, _, told) = server
        .post_text("/api/v1/streams/import", "audio/x-mpegurl", &list)
        .await;
    assert_eq!(status, 200, "{told}");
}

/// What the list of all streams weighs, plain and compressed, and what one answer costs the server in CPU seconds.
struct List {
    plain: (usize, f64),
    gzip: (usize, f64),
}

async fn cost_of_the_list(server: &Server, clients: usize) -> List {
    const TURNS: usize = 40;
    let url = server.url(&format!("/api/v1/streams?limit={}", 1_000));
    let mut costs = Vec::new();
    for coding in ["identity", "gzip"] {
        // A client of its own: the one of the tests would undo the compression before it can be weighed.
        let http = http_client()
            .no_proxy()
            .no_gzip()
            .build()
            .expect("a client");
        let before = server.figures().cpu_seconds;
        let mut bytes = 0;
        for _ in 0..TURNS {
            let answer = http.get(&url).header(ACCEPT_ENCODING, coding).send();
            bytes = answer
                .await
                .expect("a list")
                .bytes()
                .await
                .expect("a list")
                .len();
        }
        costs.push((
            bytes,
            (server.figures().cpu_seconds - before) / TURNS as f64,
        ));
    }
    eprintln!("the list: {costs:?} for {clients} clients");
    List {
        plain: costs[0],
        gzip: costs[1],
    }
}

/// Bytes of the snapshot that each way began with.
fn snapshots(followers: &[Follower]) -> BTreeMap<&'static str, f64> {
    let mut all = BTreeMap::new();
    for one in followers {
        all.entry(name(one.way())).or_insert(one.got().1 as f64);
    }
    all
}

async fn measure(
    name_of_it: &'static str,
    server: &Server,
    followers: &[Follower],
    length: Duration,
    work: impl AsyncFnOnce(),
) -> Stretch {
    let got = |way: Option<Way>| -> (usize, usize, usize) {
        let of = followers
            .iter()
            .filter(|one| way.is_none_or(|way| one.way() == way));
        of.fold((0, 0, 0), |(count, documents, bytes), one| {
            let got = one.got();
            (count + 1, documents + got.0, bytes + got.1)
        })
    };
    let ways = Way::ALL.map(|way| (way, got(Some(way))));
    let (_, documents, _) = got(None);
    let (before, began) = (server.figures(), Instant::now());
    let sample = async {
        let mut most = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            most = most.max(server.figures().anonymous_bytes);
            if began.elapsed() >= length {
                return most;
            }
        }
    };
    let (most, ()) = tokio::join!(sample, work());
    let seconds = began.elapsed().as_secs_f64();
    let after = server.figures();
    let minutes = seconds / 60.0;
    let bytes = ways.map(|(way, (count, _, bytes))| {
        let more = got(Some(way)).2 - bytes;
        (name(way), more as f64 / count.max(1) as f64 / minutes)
    });
    Stretch {
        name: name_of_it,
        cores: (after.cpu_seconds - before.cpu_seconds) / seconds,
        anonymous: most as f64,
        bytes: bytes.into(),
        documents: (got(None).1 - documents) as f64 / followers.len() as f64 / minutes,
    }
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Sse => "SSE",
        Way::SseGzip => "SSE, gzip",
        Way::WebSocket => "WebSocket",
        Way::WebSocketDeflate => "WebSocket, permessage-deflate",
    }
}

/// Changes streams through the API, so many a second: names, and whether they are enabled.
async fn change(server: &Server, streams: usize, changes: usize, length: Duration) {
    let (_, _, page) = server.get("/api/v1/streams?limit=1000").await;
    let items = page["items"].as_array().expect("items").iter();
    let ids: Vec<&str> = items.filter_map(|item| item["id"].as_str()).collect();
    assert_eq!(ids.len(), streams.min(1_000));
    let disabled: Vec<AtomicBool> = ids.iter().map(|_| AtomicBool::default()).collect();
    let (ids, disabled, began) = (&ids, &disabled, Instant::now());
    let worker = async |first: usize| {
        let pause = Duration::from_secs(1) * WORKERS as u32 / changes.max(1) as u32;
        let mut turn = tokio::time::interval(pause);
        let mut n = first;
        while began.elapsed() < length {
            turn.tick().await;
            // All over the fleet; prime to it.
            let one = n * 7_919 % ids.len();
            let path = format!("/api/v1/streams/{}", ids[one]);
            let patch = match n % 2 {
                0 => json!({ "name": format!("Channel {n} HD") }),
                _ => json!({ "enabled": disabled[one].fetch_xor(true, Ordering::Relaxed) }),
            };
            let (status, _, body) = server.patch(&path, &patch).await;
            assert_eq!(status, 200, "{body}");
            n += WORKERS;
        }
        n / WORKERS
    };
    let done = futures_util::future::join_all((0..WORKERS).map(worker)).await;
    let n: usize = done.iter().sum();
    eprintln!("{n} changes in {:.1} s", began.elapsed().as_secs_f64());
}

/// How many clients do not come to know what the API says: the list of streams, and all rows of a poll.
async fn compare(server: &Server, followers: &[Follower]) -> usize {
    let (_, _, page) = server.get("/api/v1/streams?limit=1000").await;
    let items = page["items"].as_array().expect("items").clone();
    let whole = async || {
        let (_, _, document) = server.get("/api/v1/streams?since=0").await;
        let mut view = View::default();
        view.take(&document);
        let said = |item: &Value| {
            let row = &view.streams()[item["id"].as_str().expect("an id")];
            agrees(row, item)
        };
        items.iter().all(said).then_some(view)
    };
    let whole = eventually(
        Duration::from_secs(10),
        "a poll that agrees with the list",
        whole,
    )
    .await;
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let differs = |one: &&Follower| one.view().tables != whole.tables;
        let wrong = followers.iter().filter(differs).count();
        if wrong == 0 || Instant::now() > limit {
            return wrong;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn agrees(row: &Map<String, Value>, item: &Value) -> bool {
    COMPARED.iter().all(|(member, path)| {
        let said = item.pointer(path).unwrap_or(&Value::Null);
        row.get(*member).unwrap_or(&Value::Null) == said
    })
}

fn print(
    stretches: &[Stretch],
    list: &List,
    first: &BTreeMap<&'static str, f64>,
    clients: usize,
    streams: usize,
    changes: usize,
) {
    let every = 60.0 / REFRESH.as_secs_f64();
    println!("\n{clients} clients on {streams} streams; busy: {changes} changes a second\n");
    println!(
        "| bytes per client and minute | idle | busy | the whole list every 3 s | busy, of that | first of all |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for way in Way::ALL.map(name) {
        let of = |at: usize| stretches[at].bytes[way];
        let compressed = way.contains("gzip") || way.contains("deflate");
        let (bytes, _) = if compressed { list.gzip } else { list.plain };
        let list = bytes as f64 * every;
        println!(
            "| {way} | {:.0} | {:.0} | {list:.0} | 1/{:.0} | {:.0} |",
            of(0),
            of(1),
            list / of(1).max(1.0),
            first[way],
        );
    }
    println!(
        "\n| the server | {} | {} | lists every 3 s, reckoned from one |",
        stretches[0].name, stretches[1].name
    );
    println!("|---|---:|---:|---:|");
    let asked = clients as f64 / REFRESH.as_secs_f64();
    println!(
        "| cores | {:.3} | {:.3} | {:.2} plain, {:.2} compressed |",
        stretches[0].cores,
        stretches[1].cores,
        asked * list.plain.1,
        asked * list.gzip.1,
    );
    let of = |at: usize| stretches[at].anonymous / 1e6;
    println!(
        "| anonymous memory, at most, MB | {:.1} | {:.1} | |",
        of(0),
        of(1)
    );
    let of = |at: usize| stretches[at].documents;
    println!(
        "| documents per client and minute | {:.1} | {:.1} | {every:.0} |",
        of(0),
        of(1)
    );
}
