//! Live updates, through real clients: curl for server-sent events, Python's `websockets` for WebSocket with compression, and
//! one of our own of which there are many, or which is slow.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::SOON;
use crate::support::farm::{Clip, Farm, Fault, Layout};
use crate::support::live::{Follower, Told, View, Way, curl_follows, python_follows};
use crate::support::*;

const EVENTS: &str = "/api/v1/events/stream";
const SOCKET: &str = "/api/v1/ws";

async fn rename(server: &Server, id: &str, name: &str) {
    let path = format!("/api/v1/streams/{id}");
    let (status, _, body) = server.patch(&path, &json!({ "name": name })).await;
    assert_eq!(status, 200, "{body}");
}

async fn add(server: &Server, id: &str, group: &str) {
    let source = json!([{ "url": "test://ball" }]);
    server
        .add(json!({ "id": id, "name": id, "group": group, "sources": source }))
        .await;
}

async fn three(server: &Server) {
    for (id, group) in [("a", "News"), ("b", "News"), ("c", "Sport")] {
        add(server, id, group).await;
    }
}

fn address(server: &Server) -> SocketAddr {
    let text = server.base().strip_prefix("http://").expect("http");
    text.parse().expect("an address")
}

/// What the list of streams says of each, as far as live updates tell it.
async fn listed(server: &Server) -> BTreeMap<String, Value> {
    let (_, _, page) = server.get("/api/v1/streams?limit=1000").await;
    let items = page["items"].as_array().expect("items").iter();
    let part = |item: &Value| {
        json!({
            "name": item["name"], "group": item["group"], "state": item["state"], "health": item["health"]["state"],
        })
    };
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items.map(|item| (id(item), part(item))).collect()
}

fn known(view: &View) -> BTreeMap<String, Value> {
    let part = |row: &serde_json::Map<String, Value>| {
        json!({
            "name": row["name"], "group": row["group"], "state": row["state"], "health": row["health"],
        })
    };
    let rows = view.streams().iter();
    rows.map(|(id, row)| (id.clone(), part(row))).collect()
}

async fn resyncs(server: &Server, reason: &str) -> f64 {
    let metrics = server.metrics().await;
    let labels = [("reason", reason)];
    metrics.sum("sightglass_live_resyncs_total", &labels)
}

/// Reads documents until this holds of the view.
async fn until(told: &Told, view: &mut View, holds: impl Fn(&View) -> bool) {
    while !holds(view) {
        view.take(&told.event().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_told_what_changes_and_comes_back() {
    let server = Server::start(Options::new()).await;
    three(&server).await;
    let url = server.url(EVENTS);
    let mut view = View::default();
    let first = curl_follows(&url, &[]);
    let snapshot = first.event().await;
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["pool"]["running"], 0);
    view.take(&snapshot);
    until(&first, &mut view, |view| view.streams().len() == 3).await;
    assert_eq!(known(&view), listed(&server).await);

    // Only what has changed, under the next number.
    rename(&server, "b", "B").await;
    let delta = first.event().await;
    assert_eq!(delta["type"], "delta");
    assert_eq!(delta["streams"], json!([{ "id": "b", "name": "B" }]));
    assert_eq!(delta.as_object().expect("an object").len(), 4, "{delta}");
    let id = delta["id"].as_str().expect("an id").to_owned();
    view.take(&delta);
    drop(first);

    // What is missed is told to who comes back, compressed or not; to who wants but a part, that part.
    rename(&server, "b", "B again").await;
    rename(&server, "c", "C").await;
    server.delete("/api/v1/streams/a").await;
    let polled = async || {
        let (_, head, missed) = server.get(&format!("/api/v1/streams?since={id}")).await;
        assert_eq!(head["cache-control"], "no-store");
        (missed["streams_removed"] == json!(["a"])).then_some(missed)
    };
    let missed = eventually(SOON, "the poll to tell", polled).await;
    assert_eq!(missed["type"], "delta");
    let last = format!("Last-Event-ID: {id}");
    for more in [vec!["-H", &last], vec!["--compressed", "-H", &last]] {
        let back = curl_follows(&url, &more);
        let event = back.event().await;
        assert_eq!(event, missed, "{more:?}");
        let mut view = view.clone();
        view.take(&event);
        assert_eq!(known(&view), listed(&server).await);
    }
    // A part of what there is, and a filter that is another.
    let sport = curl_follows(
        &server.url(&format!("{EVENTS}?group=Sport")),
        &["-H", &last],
    );
    let part = sport.event().await;
    assert_eq!(part["type"], "snapshot");
    assert_eq!(part["streams"].as_array().expect("rows").len(), 1);
    assert_eq!(resyncs(&server, "filter").await, 1.0);
    let news = curl_follows(&server.url(&format!("{EVENTS}?stream=c&group=News")), &[]);
    let mut view = View::default();
    until(&news, &mut view, |view| view.streams().len() == 2).await;
    server
        .patch("/api/v1/streams/b", &json!({ "group": "Sport" }))
        .await;
    let left = news.event().await;
    assert_eq!(left["streams_removed"], json!(["b"]));
    let joined = sport.event().await;
    assert_eq!(joined["streams"][0]["name"], "B again");

    let (status, _, problem) = server.get(&format!("{EVENTS}?limit=3")).await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad_request")));
    let foreign = [("origin", "https://evil.example")];
    let (status, _, problem) = server
        .request(reqwest::Method::GET, EVENTS, &foreign, None)
        .await;
    assert_eq!((status, &problem["code"]), (403, &json!("foreign_origin")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_compresses_and_ends_well() {
    let mut server = Server::start(Options::new()).await;
    three(&server).await;
    let url = server.url(SOCKET);
    let socket = python_follows(&url, &[]);
    let extensions = socket.json().await["extensions"].to_string();
    assert!(extensions.contains("permessage-deflate"), "{extensions}");
    let plain = python_follows(&url, &["--plain"]);
    assert_eq!(plain.json().await["extensions"], Value::Null);
    for one in [&socket, &plain] {
        let mut view = View::default();
        while view.streams().len() < 3 {
            view.take(&one.json().await);
        }
        assert_eq!(known(&view), listed(&server).await);
    }
    rename(&server, "a", "A").await;
    let delta = socket.json().await;
    assert_eq!(delta["streams"], json!([{ "id": "a", "name": "A" }]));
    assert_eq!(plain.json().await, delta);
    let back = python_follows(
        &format!("{url}?since={}", delta["id"].as_str().expect("an id")),
        &[],
    );
    back.line().await;
    rename(&server, "c", "C").await;
    assert_eq!(
        back.json().await["streams"],
        json!([{ "id": "c", "name": "C" }])
    );

    // Nobody has anything to say, compressed or not; and other sites' pages may not look on.
    for more in [vec!["--say", "hello"], vec!["--plain", "--say", "hello"]] {
        let talker = python_follows(&url, &more);
        let closed = async || talker.json().await["closed"].as_u64();
        assert_eq!(eventually(SOON, "a close", closed).await, 1003, "{more:?}");
    }
    let foreign = python_follows(&url, &["--origin", "https://evil.example"]);
    assert_eq!(foreign.json().await, json!({ "refused": 403 }));
    let own = python_follows(&url, &["--origin", server.base()]);
    assert!(own.json().await["extensions"].is_string());
    let (status, head, problem) = server.get(SOCKET).await;
    assert_eq!((status, &problem["code"]), (426, &json!("not_a_websocket")));
    assert_eq!(head["upgrade"], "websocket");

    // The end comes soon, and is told.
    let mut curl = curl_follows(&server.url(EVENTS), &["--compressed"]);
    assert_eq!(curl.event().await["type"], "snapshot");
    let (status, took) = server.terminate().await;
    assert!(status.success(), "{status}");
    assert!(took < patience(Duration::from_secs(5)), "{took:?}");
    let closed = async || {
        let told = socket.json().await;
        told["closed"].as_u64()
    };
    assert_eq!(eventually(SOON, "a close", closed).await, 1001);
    let ended = eventually(SOON, "the end of curl", async || curl.kid().ended()).await;
    // Whole, with the checksum of gzip and the last chunk.
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_everything_is_told() {
    let mut server = Server::start(Options::new()).await;
    three(&server).await;
    let (_, _, all) = server.get("/api/v1/streams?since=0").await;
    assert_eq!(all["type"], "snapshot");
    let id = all["id"].as_str().expect("an id").to_owned();
    let (_, _, none) = server.get(&format!("/api/v1/streams?since={id}")).await;
    assert_eq!(none["type"], "delta");
    server.kill9();
    let server = server.restart().await;
    let last = format!("Last-Event-ID: {id}");
    let back = curl_follows(&server.url(EVENTS), &["-H", &last]);
    let event = back.event().await;
    assert_eq!(event["type"], "snapshot");
    assert_eq!(event["streams"].as_array().expect("rows").len(), 3);
    assert_eq!(resyncs(&server, "restart").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_few_and_come_back() {
    let server = Server::start(Options::new().env("LIVE_MAX_CLIENTS", "2")).await;
    let first = curl_follows(&server.url(EVENTS), &[]);
    first.event().await;
    let second = python_follows(&server.url(SOCKET), &[]);
    second.json().await;
    let clients = async |transport| {
        let metrics = server.metrics().await;
        metrics.sum("sightglass_live_clients", &[("transport", transport)])
    };
    assert_eq!(
        (clients("sse").await, clients("websocket").await),
        (1.0, 1.0)
    );
    let (status, head, problem) = server.get(EVENTS).await;
    assert_eq!(
        (status, &problem["code"]),
        (503, &json!("too_many_live_clients"))
    );
    assert!(head.contains_key("retry-after"));
    let third = python_follows(&server.url(SOCKET), &[]);
    assert_eq!(third.json().await, json!({ "refused": 503 }));
    drop((first, second));
    eventually(SOON, "both places", async || {
        let left = clients("sse").await + clients("websocket").await;
        (left == 0.0).then_some(())
    })
    .await;
    let fourth = curl_follows(&server.url(EVENTS), &[]);
    assert_eq!(fourth.event().await["type"], "snapshot");
}

/// Streams without a pull, from an M3U.
async fn many(server: &Server, count: usize, prefix: &str) {
    let mut list = "#EXTM3U\n".to_owned();
    for n in 0..count {
        list += &format!(
            "#EXTINF:-1 tvg-id=\"ch{n}\" group-title=\"Group {}\",{prefix} {n}\nhttp://192.0.2.1/{n}.ts\n",
            n % 10
        );
    }
    let (status, _, told) = server
        .post_text("/api/v1/streams/import", "audio/x-mpegurl", &list)
        .await;
    assert_eq!(status, 200, "{told}");
}

/// Who takes nothing holds up nobody, costs no memory, and gets what has become of it all when he takes again: as one change, or, if
/// he has missed more than is remembered, anew.
#[tokio::test(flavor = "multi_thread")]
async fn the_slow_are_told_less() {
    tokio::join!(slow("16MiB", false), slow("64KiB", true));
}

async fn slow(memory: &str, anew: bool) {
    let server = Server::start(Options::new().env("LIVE_MEMORY", memory)).await;
    many(&server, 1_000, "Channel").await;
    let at = address(&server);
    let quick = Follower::start(at, Way::WebSocketDeflate, "", Duration::ZERO).await;
    let mut slow = Vec::new();
    for way in [Way::Sse, Way::WebSocket] {
        slow.push(Follower::start(at, way, "", Duration::from_secs(7)).await);
    }
    let held = server.figures().anonymous_bytes;
    for turn in 0..4 {
        many(&server, 1_000, &format!("Turn {turn} of the channel")).await;
        tokio::time::sleep(Duration::from_millis(1_050)).await;
    }
    let grown = server.figures().anonymous_bytes.saturating_sub(held);
    assert!(
        grown < 60 << 20,
        "{grown} bytes more for two who take nothing"
    );
    let got = quick.got();
    assert!(got.0 >= 4, "{got:?}");
    let end = listed(&server).await;
    for one in slow.iter().chain([&quick]) {
        let what = format!("{:?} to know it all, with {memory}", one.way());
        let knows = async || (known(&one.view()) == end).then_some(());
        eventually(SOON, &what, knows).await;
    }
    for one in &slow {
        let view = one.view();
        assert!(
            view.documents <= 3,
            "{} documents for one who was away",
            view.documents
        );
        let anew_at_least_once = view.snapshots > 1;
        assert_eq!(anew_at_least_once, anew, "with {memory}");
    }
    assert_eq!(resyncs(&server, "slow").await > 0.0, anew, "with {memory}");
}

/// Looks come and go, and a fleet that is well is silent; what is the matter is told at once, and so is who watches.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_fleet_is_silent() {
    let farm = Farm::start();
    let clip = Clip::main();
    let options = Options::new()
        .quick()
        .env("MONITOR_MODE", "sampled")
        .env("MONITOR_INTERVAL", "2s")
        .env("MONITOR_START_RATE", "1000")
        .env("MONITOR_HOST_CONCURRENCY", "32")
        .env("MONITOR_HOLD", "black=2s,frozen=2s,silent=2s,down=2s");
    let server = Server::start(options).await;
    let names = ["a", "b", "c", "d"];
    let channels = names.map(|name| farm.channel(name, &clip, Layout::default()));
    for channel in &channels {
        server.add_stream(channel.name(), &channel.url()).await;
    }
    let told = curl_follows(&server.url(EVENTS), &[]);
    let mut view = View::default();
    let up = |view: &View| {
        let well = |row: &serde_json::Map<String, Value>| {
            row["health"] == "up" && row["thumbnail"].is_u64() && row["failure"].is_null()
        };
        view.streams().len() == 4 && view.streams().values().all(well)
    };
    until(&told, &mut view, up).await;
    // Some looks at each.
    let waiting = told.waiting();
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(
        told.waiting(),
        waiting,
        "in {:?} of nothing",
        began.elapsed()
    );

    channels[0].fault(Fault::Black);
    let black = |view: &View| view.streams()["a"]["conditions"][0]["kind"] == "black";
    until(&told, &mut view, black).await;
    assert_eq!(view.streams()["a"]["health"], "degraded");
    assert_eq!(view.streams()["a"]["failure"], Value::Null, "it flows");
    channels[0].heal();

    // Why one does not flow is told with it, in words and as what they stand for.
    channels[2].fault(Fault::Status(404));
    let fails = |view: &View| view.streams()["c"]["failure"]["cause"] == "not_found";
    until(&told, &mut view, fails).await;
    let failure = &view.streams()["c"]["failure"];
    assert!(!failure["message"].as_str().expect("words").is_empty());
    channels[2].heal();
    let flows = |view: &View| view.streams()["c"]["failure"].is_null();
    until(&told, &mut view, flows).await;

    let mut viewer = server.raw_get("/streams/preview/b?quality=source").await;
    viewer.chunk().await.expect("media");
    let watched = |view: &View| {
        let b = &view.streams()["b"];
        b["viewers"] == 1 && b["state"] == "up" && b["source"] == 0
    };
    until(&told, &mut view, watched).await;
    let session = view.tables["sessions"].values().next().expect("a session");
    assert_eq!(
        (&session["stream"], &session["format"]),
        (&json!("b"), &json!("ts"))
    );
    drop(viewer);
    let left =
        |view: &View| view.tables["sessions"].is_empty() && view.streams()["b"]["viewers"] == 0;
    until(&told, &mut view, left).await;
}

/// All ways of following end with what the list says, whatever happens meanwhile; and what is sent once is compressed once.
#[tokio::test(flavor = "multi_thread")]
async fn many_clients_end_with_what_there_is() {
    let server = Server::start(Options::new()).await;
    many(&server, 200, "Channel").await;
    let at = address(&server);
    let mut clients = Vec::new();
    for n in 0..40 {
        clients.push(Follower::start(at, Way::ALL[n % 4], "", Duration::ZERO).await);
    }
    let ids: Vec<String> = listed(&server).await.into_keys().collect();
    for n in 0..60 {
        let path = format!("/api/v1/streams/{}", ids[n * 7 % ids.len()]);
        let reply = match n % 4 {
            0 => {
                server
                    .patch(&path, &json!({ "name": format!("Now {n}") }))
                    .await
            }
            1 => server.patch(&path, &json!({ "enabled": n % 8 == 1 })).await,
            2 => {
                server
                    .patch(&path, &json!({ "group": format!("Group {}", n % 5) }))
                    .await
            }
            _ => server.delete(&path).await,
        };
        assert!(matches!(reply.0, 200 | 204 | 404), "{reply:?}");
        if n % 10 == 0 {
            clients[n % 40] = Follower::start(at, Way::ALL[n % 4], "", Duration::ZERO).await;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let end = listed(&server).await;
    for one in &clients {
        let what = format!("{:?} to know what there is", one.way());
        let knows = async || (known(&one.view()) == end).then_some(());
        eventually(SOON, &what, knows).await;
        assert_eq!(one.view().snapshots, 1);
    }
    let bytes = |way: Way| {
        let of = clients.iter().filter(|one| one.way() == way);
        of.map(|one| one.got().1).max().unwrap_or_default()
    };
    assert!(bytes(Way::SseGzip) * 3 < bytes(Way::Sse));
    assert!(bytes(Way::WebSocketDeflate) * 3 < bytes(Way::WebSocket));
}
