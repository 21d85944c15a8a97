//! Connections that a provider counts: never one too many, whoever zaps, and none kept from those
//! who want it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::SOON;
use crate::support::soak::Random;
use crate::support::*;

const ACCOUNTS: &str = "/api/v1/accounts";

async fn add_account(server: &Server, connections: usize) {
    let account = json!({"id": "provider", "max_connections": connections, "release_ms": 200});
    let (status, _, body) = server.post(ACCOUNTS, &account).await;
    assert_eq!(status, 201, "{body}");
}

async fn add_stream(server: &Server, id: &str, url: &str) {
    let source = json!({"url": url, "account": "provider"});
    server
        .add(json!({"id": id, "name": id, "sources": [source]}))
        .await;
}

async fn connections(server: &Server) -> Value {
    let (status, _, body) = server.get("/api/v1/accounts/provider").await;
    assert_eq!(status, 200, "{body}");
    body["connections"].clone()
}

/// Watches from `127.0.0.{client}`, ready to wait for a picture for so long.
fn watch(server: &Server, stream: &str, client: u8, timeout: Duration) -> TsViewer {
    let query = format!("quality=source&timeout={}", timeout.as_millis());
    let options = ViewerOptions {
        from: Some(Ipv4Addr::new(127, 0, 0, client)),
        ..ViewerOptions::default()
    };
    TsViewer::open_with(&server.preview(stream, &query), options)
}

/// Waits for a picture, or else for the refusal.
async fn outcome(viewer: &TsViewer, limit: Duration) -> Result<Duration, (Seen, Value)> {
    let began = Instant::now();
    loop {
        let seen = viewer.seen();
        if let Some(at) = seen.first_keyframe {
            return Ok(at);
        }
        if seen.ended.is_some() {
            let body = serde_json::from_slice(&seen.body).unwrap_or(Value::Null);
            return Err((seen, body));
        }
        assert!(
            began.elapsed() < patience(limit),
            "neither picture nor refusal: {}",
            seen.status
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn assert_refused(seen: &Seen, body: &Value) {
    assert_eq!(seen.status, 503, "{body}");
    assert_eq!(body["code"], "provider_limit", "{body}");
    assert!(seen.headers.contains_key("retry-after"), "{body}");
}

const STREAMS: usize = 50;
const ZAPS: usize = 200;
/// How long a zap is ready to wait.
const PATIENCE: Duration = Duration::from_millis(1200);

/// One client that zaps: sometimes the old connection ends first, sometimes a moment later.
async fn zap(server: &Server, client: u8, zaps: usize) -> (usize, Vec<Duration>) {
    let mut random = Random::new(u64::from(client));
    let (mut refused, mut pictures) = (0, Vec::new());
    let mut old: Option<TsViewer> = None;
    for _ in 0..zaps {
        let stream = format!("s{}", random.below(STREAMS));
        if random.below(2) == 0 {
            old = None;
        }
        let viewer = watch(server, &stream, client, PATIENCE);
        if random.below(2) == 0 {
            tokio::time::sleep(Duration::from_millis(random.below(50) as u64)).await;
            old = None;
        }
        match outcome(&viewer, PATIENCE + Duration::from_secs(3)).await {
            Ok(after) => pictures.push(after),
            Err((seen, body)) => {
                assert_refused(&seen, &body);
                refused += 1;
            }
        }
        drop(old.replace(viewer));
        tokio::time::sleep(Duration::from_millis(random.below(120) as u64)).await;
    }
    (refused, pictures)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_zaps_through_fifty_streams_of_an_account_with_two_connections() {
    let origin = Origin::start();
    let ts = origin.ts(
        "tv",
        TsFile::new(media("bbb.ts")).burst(Duration::from_secs(1)),
    );
    let hls = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = Server::start(Options::new().env("STREAM_LINGER", "3s")).await;
    add_account(&server, 2).await;
    for n in 0..STREAMS {
        let url = match n % 3 {
            0 => format!("{}?{n}", hls.url()),
            _ => format!("{}/{n}", ts.url()),
        };
        add_stream(&server, &format!("s{n}"), &url).await;
    }
    let began = Instant::now();
    let each = ZAPS.div_ceil(3);
    let (a, b, c) = tokio::join!(
        zap(&server, 2, each),
        zap(&server, 3, each),
        zap(&server, 4, each)
    );
    let took = began.elapsed();
    let peak = origin.counters().peak;
    for (refused, pictures) in [&a, &b, &c] {
        let slowest = pictures.iter().max().copied().unwrap_or_default();
        let sum: Duration = pictures.iter().sum();
        let mean = sum / u32::try_from(pictures.len().max(1)).unwrap();
        eprintln!(
            "{} pictures ({mean:?} on average, {slowest:?} at most), {refused} refused",
            pictures.len()
        );
        assert!(pictures.len() * 3 > each, "one client is left out");
    }
    let metrics = server.metrics().await;
    let taken = metrics.sum("sightglass_account_takeovers_total", &[]);
    eprintln!(
        "{took:?}; {} connections, at most {peak} at a time; {taken} takeovers",
        origin.counters().accepted
    );
    assert_eq!(peak, 2, "connections at a time");
    assert!(taken > 20.0);
    // When it is over nothing is held.
    eventually(SOON, "all connections to end", async || {
        let now = connections(&server).await;
        let none = now["in_use"] == 0 && now["waiting"] == 0;
        (none && origin.counters().open == 0).then_some(())
    })
    .await;
    assert!(!server.logs().contain("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_and_all_that_sets_it_free() {
    let origin = Origin::start();
    let ts = origin.ts(
        "tv",
        TsFile::new(media("bbb.ts")).burst(Duration::from_secs(1)),
    );
    let server = Server::start(Options::new().env("STREAM_LINGER", "60s")).await;
    add_account(&server, 1).await;
    for n in 0..6 {
        add_stream(&server, &format!("s{n}"), &format!("{}/{n}", ts.url())).await;
    }
    let first = watch(&server, "s0", 2, SOON);
    first.wait_keyframe(SOON).await;
    // Somebody else waits, is told where, and then is refused with the reason.
    let waiting = watch(&server, "s1", 3, Duration::from_secs(2));
    let stream = eventually(SOON, "a place in the queue", async || {
        let stream = server.get("/api/v1/streams/s1").await.2;
        (stream["state"] == "waiting").then_some(stream)
    })
    .await;
    assert_eq!(
        stream["queue"],
        json!({"account": "provider", "position": 1}),
        "{stream}"
    );
    let now = json!({"in_use": 1, "watched": 1, "waiting": 1, "limit": 1});
    assert_eq!(connections(&server).await, now);
    let (seen, body) = outcome(&waiting, SOON).await.expect_err("refused");
    assert_refused(&seen, &body);
    let account = json!({"maxConnections": 1, "watched": 1, "waiting": 1, "position": 1});
    assert_eq!(body["account"], account, "{body}");
    // A second viewer of what is pulled costs no connection.
    watch(&server, "s0", 4, SOON).wait_keyframe(SOON).await;

    // Whoever watches leaves: what only lingers goes at once.
    drop(first);
    let second = watch(&server, "s1", 3, SOON);
    second.wait_keyframe(SOON).await;
    // Its client changes the channel before the old connection has ended.
    let third = watch(&server, "s2", 3, SOON);
    third.wait_keyframe(SOON).await;
    assert_eq!(second.wait_end(SOON).await.error, None);

    // The stream is removed.
    let fourth = watch(&server, "s3", 5, SOON);
    eventually(SOON, "a place in the queue", async || {
        (connections(&server).await["waiting"] == 1).then_some(())
    })
    .await;
    assert_eq!(server.delete("/api/v1/streams/s2").await.0, 204);
    fourth.wait_keyframe(SOON).await;
    third.wait_end(SOON).await;

    // The session is ended by an operator.
    let fifth = watch(&server, "s4", 6, SOON);
    eventually(SOON, "a place in the queue", async || {
        (connections(&server).await["waiting"] == 1).then_some(())
    })
    .await;
    let status = server.get("/api/streams/transcoding/status").await.2;
    let sessions = status["sessions"].as_array().unwrap();
    let watching = sessions.iter().find(|s| s["streamId"] == "s3").unwrap();
    let id = watching["sessionId"].as_str().unwrap();
    assert_eq!(
        server.delete(&format!("/api/v1/sessions/{id}")).await.0,
        204
    );
    fifth.wait_keyframe(SOON).await;
    assert_eq!(origin.counters().peak, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_can_be_lowered_and_raised_while_it_is_used() {
    let origin = Origin::start();
    let ts = origin.ts(
        "tv",
        TsFile::new(media("bbb.ts")).burst(Duration::from_secs(1)),
    );
    let server = Server::start(Options::new().env("SOURCE_BACKOFF_MIN", "100ms")).await;
    add_account(&server, 2).await;
    let url = ts.url();
    add_stream(&server, "old", &format!("{url}/1")).await;
    add_stream(&server, "new", &format!("{url}/2")).await;
    let old = watch(&server, "old", 2, SOON);
    old.wait_keyframe(SOON).await;
    let new = watch(&server, "new", 3, SOON);
    new.wait_keyframe(SOON).await;
    let path = "/api/v1/accounts/provider";
    let lower = json!({"max_connections": 1});
    assert_eq!(server.patch(path, &lower).await.0, 200);
    eventually(SOON, "one connection to end", async || {
        (origin.counters().open == 1).then_some(())
    })
    .await;
    old.wait_bytes(old.bytes() + 500_000, SOON).await;
    assert_eq!(
        server.patch(path, &json!({"max_connections": 2})).await.0,
        200
    );
    let before = new.bytes();
    new.wait_bytes(before + 500_000, SOON).await;
    assert!(new.seen().ended.is_none(), "its viewer has stayed");
    assert_eq!(origin.counters().peak, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_is_pulled_over_one_connection_and_a_full_account_is_no_end_with_a_backup() {
    let (origin, other) = (Origin::start(), Origin::start());
    let film = || LiveHls::new(media("bbb-4s")).seamless();
    let forms = [
        ("plain", film()),
        ("aes", film().encrypted(Key::ExplicitIv)),
        ("ranges", LiveHls::new(media("bbb-4s")).byte_ranges()),
        ("redirected", film().redirected()),
    ];
    let server = Server::start(Options::new()).await;
    add_account(&server, 1).await;
    let backup = other.ts("backup", TsFile::new(media("bbb.ts")));
    for (name, form) in forms {
        let live = origin.live_hls(name, form);
        add_stream(&server, name, &live.url()).await;
        let viewer = watch(&server, name, 2, SOON);
        viewer.wait_bytes(1_300_000, SOON).await;
        assert_eq!(viewer.seen().continuity_errors, 0, "{name}");
    }
    assert_eq!(origin.counters().peak, 1);
    let kept = watch(&server, "plain", 2, SOON);
    kept.wait_keyframe(SOON).await;
    let main = json!({"url": origin.url("redirected/index.m3u8"), "account": "provider"});
    let sources = [main, json!({"url": backup.url()})];
    server
        .add(json!({"id": "both", "name": "Both", "sources": sources}))
        .await;
    watch(&server, "both", 3, SOON).wait_keyframe(SOON).await;
    assert_eq!(origin.counters().peak, 1);
}

/// HLS players do not say when they leave.
#[tokio::test(flavor = "multi_thread")]
async fn an_hls_player_that_zaps_keeps_its_connection() {
    let origin = Origin::start();
    let film = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = Server::start(Options::new()).await;
    add_account(&server, 1).await;
    let player = http_client()
        .no_proxy()
        .local_address(std::net::IpAddr::from([127, 0, 0, 7]))
        .build()
        .unwrap();
    let mut left: Option<String> = None;
    for n in 0..4 {
        add_stream(&server, &format!("s{n}"), &format!("{}?{n}", film.url())).await;
        let index = format!("/streams/preview/s{n}/index.m3u8?quality=source&timeout=8000");
        let answer = player.get(server.url(&index)).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "s{n}: {text}");
        if let Some(left) = left.take() {
            let answer = player.get(server.url(&left)).send().await.unwrap();
            assert_eq!(
                answer.status(),
                410,
                "the session of the stream that was left"
            );
        }
        let media = text.lines().last().unwrap();
        left = Some(format!("/streams/preview/s{n}/{media}"));
    }
    // It plays on.
    let media = left.unwrap();
    let answer = player.get(server.url(&media)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(origin.counters().peak, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_log_in_with_their_account() {
    let origin = Origin::start();
    let gate = |password| Gate::open().basic("bob", password);
    let one = origin.ts("one", TsFile::new(media("bbb.ts")).gate(gate("s3cret-1")));
    let two = origin.ts("two", TsFile::new(media("bbb.ts")).gate(gate("s3cret-2")));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("provider"), "s3cret-1\n").unwrap();
    let secrets = folder.path().display().to_string();
    let server = Server::start(Options::new().env("SECRETS_DIR", &secrets)).await;
    let credentials = json!({"type": "basic", "username": "bob", "password_file": "provider"});
    let account = json!({"id": "provider", "max_connections": 5, "credentials": credentials});
    assert_eq!(server.post(ACCOUNTS, &account).await.0, 201);
    add_stream(&server, "one", &one.url()).await;
    let own = json!({"type": "basic", "username": "bob", "password": "s3cret-2"});
    let source = json!({"url": two.url(), "account": "provider", "credentials": own});
    server
        .add(json!({"id": "two", "name": "Two", "sources": [source]}))
        .await;
    watch(&server, "one", 2, SOON).wait_keyframe(SOON).await;
    watch(&server, "two", 2, SOON).wait_keyframe(SOON).await;
    // The file is read anew at each connection; without it the stream says so.
    std::fs::remove_file(folder.path().join("provider")).unwrap();
    let disturb = [("content-type", "application/json")];
    let patch = json!({"options": {"linger_ms": 1}});
    let path = "/api/v1/streams/one";
    assert_eq!(
        server
            .request(Method::PATCH, path, &disturb, Some(&patch))
            .await
            .0,
        200
    );
    let (status, _, body) = server.get("/streams/preview/one?timeout=5000").await;
    assert_eq!((status, &body["stage"]), (502, &json!("account")), "{body}");
    assert!(!body.to_string().contains(&secrets), "{body}");
    assert!(!server.logs().contain("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_a_picture_and_its_sound_apart() {
    let packed = Packager::all(HLS_ALL).await;
    let origin = Origin::start();
    let url = origin.folder("film", packed.folder(), "main.m3u8");
    let server = Server::start(Options::new()).await;
    add_account(&server, 1).await;
    add_stream(&server, "film", &url).await;
    let seen = ffprobe_packets(&server.preview("film", "quality=source"), 8).await;
    for kind in ["video", "audio"] {
        assert!(seen.span(kind) > 7.0, "{} s of {kind}", seen.span(kind));
        seen.assert_no_gap(kind, 0.1);
    }
    assert_eq!(origin.counters().peak, 1, "never two at a time");
}
