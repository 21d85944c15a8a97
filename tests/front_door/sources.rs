//! Every form of HLS and HTTP-TS that is pulled, and every way in which a source lets us down.

use std::time::Duration;

use serde_json::{Value, json};

use crate::SOON;
use crate::support::*;

/// Watches the untouched source for some seconds and checks that it is real footage without damage.
async fn watch_source(server: &Server, id: &str) {
    let seen = ffprobe_packets(&server.preview(id, "quality=source"), 6).await;
    assert!(seen.span("video") > 5.0, "{id}: {} s", seen.span("video"));
    assert_eq!(seen.stream("video")["width"], 1280, "{id}");
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_in_all_its_dress() {
    let origin = Origin::start();
    let film = || LiveHls::new(media("bbb-4s")).seamless();
    let forms = [
        ("plain", film()),
        ("aes-iv", film().encrypted(Key::ExplicitIv)),
        ("aes-sequence", film().encrypted(Key::SequenceIv)),
        ("ranges", LiveHls::new(media("bbb-4s")).byte_ranges()),
        ("gzip", film().gzip()),
        ("redirected", film().redirected()),
    ];
    let server = Server::start(Options::new()).await;
    let mut small = None;
    for (name, form) in forms {
        let live = origin.live_hls(name, form);
        server.add_stream(name, &live.url()).await;
        small = Some(live);
    }
    let live = small.unwrap();
    let url = origin.multivariant("choice", &[(&live, 2_500_000, "1280x720")]);
    server.add_stream("multivariant", &url).await;
    tokio::join!(
        watch_source(&server, "plain"),
        watch_source(&server, "aes-iv"),
        watch_source(&server, "aes-sequence"),
        watch_source(&server, "ranges"),
        watch_source(&server, "gzip"),
        watch_source(&server, "redirected"),
        watch_source(&server, "multivariant"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_server_with_vod_hls_and_a_plain_ts_file() {
    let nginx = Nginx::serve(&media("")).await;
    let server = Server::start(Options::new()).await;
    server
        .add_stream("vod", &nginx.url("bbb-4s/index.m3u8"))
        .await;
    server.add_stream("file", &nginx.url("bbb.ts")).await;
    tokio::join!(watch_source(&server, "vod"), watch_source(&server, "file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discontinuity_of_the_source_breaks_no_timeline() {
    // Three segments that loop: a break each 12 s, with timestamps that start again.
    let folder = tempfile::tempdir().unwrap();
    let index = std::fs::read_to_string(media("bbb-4s/index.m3u8")).unwrap();
    let mut text = String::from("#EXTM3U\n");
    for name in index.lines().filter(|l| !l.starts_with('#')).take(3) {
        std::fs::copy(media("bbb-4s").join(name), folder.path().join(name)).unwrap();
        text += &format!("#EXTINF:4.0,\n{name}\n");
    }
    std::fs::write(folder.path().join("index.m3u8"), text).unwrap();
    let origin = Origin::start();
    let live = origin.live_hls("loop", LiveHls::new(folder.path()).window(4));
    let server = Server::start(Options::new()).await;
    server.add_stream("loop", &live.url()).await;
    let (source, encoded) = (
        server.preview("loop", "quality=source"),
        server.preview("loop", "transcode=true&quality=low"),
    );
    let (source, encoded) =
        tokio::join!(ffprobe_packets(&source, 20), ffprobe_packets(&encoded, 20));
    for seen in [source, encoded] {
        assert!(seen.span("video") > 18.0, "{} s", seen.span("video"));
        seen.assert_monotone_dts();
        seen.assert_no_gap("video", 0.5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_goes_and_comes_back_does_not_end_its_viewers() {
    let origin = Origin::start();
    let ts = origin.ts("tv", TsFile::new(media("bbb.ts")));
    let server = Server::start(Options::new().env("SOURCE_BACKOFF_MIN", "100ms")).await;
    server.add_stream("tv", &ts.url()).await;
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    for round in 0..3 {
        let before = viewer.seen();
        ts.drop_connections();
        viewer.wait_bytes(before.bytes + 2_000_000, SOON).await;
        assert!(viewer.seen().ended.is_none(), "round {round}");
    }
    let seen = viewer.seen();
    assert_eq!(seen.sync_losses, 0);
    assert_eq!(server.metrics().await.sum("sightglass_sessions", &[]), 1.0);
}

async fn refused(server: &Server, id: &str, url: &str, timeout_ms: u32) -> (u16, Value) {
    server.add_stream(id, url).await;
    let path = format!("/streams/preview/{id}?timeout={timeout_ms}");
    let (status, headers, body) = server.get(&path).await;
    assert_eq!(headers["content-type"], "application/problem+json", "{id}");
    let text = body.to_string();
    assert!(
        !text.contains("127.0.0.1") && !text.contains("http://"),
        "{id}: {text}"
    );
    (status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_is_told_with_stage_and_cause() {
    let origin = Origin::start();
    let server = Server::start(Options::new().env("SOURCE_TIMEOUT", "1500ms")).await;
    let permanent = [
        (
            "missing",
            origin.url("/nothing-here"),
            "request",
            "not_found",
        ),
        ("auth", origin.status("auth", 403), "request", "auth"),
        (
            "page",
            origin.hostile(Hostile::Html),
            "first_byte",
            "not_media",
        ),
        (
            "metadata",
            "http://169.254.169.254/latest/".to_owned(),
            "policy",
            "policy",
        ),
        (
            "inside",
            origin.redirect("inside", "http://169.254.169.254/latest/"),
            "policy",
            "policy",
        ),
        (
            "pattern",
            "test://nothing".to_owned(),
            "request",
            "unsupported",
        ),
    ];
    for (id, url, stage, cause) in permanent {
        let (status, body) = refused(&server, id, &url, 15_000).await;
        assert_eq!(status, 502, "{id}: {body}");
        assert_eq!(body["code"], "source_failed", "{id}: {body}");
        assert_eq!(
            (&body["stage"], &body["cause"]),
            (&json!(stage), &json!(cause)),
            "{id}: {body}"
        );
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let passing = [
        ("refused", closed_url, "connect", "refused"),
        ("busy", origin.status("busy", 503), "request", "server"),
        (
            "silent",
            origin.hostile(Hostile::Silent),
            "request",
            "timeout",
        ),
        (
            "name",
            "http://does-not-exist.invalid/".to_owned(),
            "dns",
            "unreachable",
        ),
    ];
    for (id, url, stage, cause) in passing {
        let (status, body) = refused(&server, id, &url, 2_500).await;
        assert_eq!(status, 504, "{id}: {body}");
        assert_eq!(body["code"], "no_media_in_time", "{id}: {body}");
        assert_eq!(
            (&body["stage"], &body["cause"]),
            (&json!(stage), &json!(cause)),
            "{id}: {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_sources_end_in_a_problem_and_bounded_memory() {
    let origin = Origin::start();
    let server = Server::start(Options::new().env("SOURCE_TIMEOUT", "2s")).await;
    let before = server.figures();
    let kinds = [
        ("junk", Hostile::EndlessJunk),
        ("nulls", Hostile::EndlessNullPackets),
        ("playlist", Hostile::EndlessPlaylist),
        ("line", Hostile::EndlessLine),
        ("bomb", Hostile::GzipBomb),
        ("drip", Hostile::Drip),
        ("header", Hostile::HugeHeader),
        ("headers", Hostile::EndlessHeaders),
        ("slow-headers", Hostile::SlowHeaders),
        ("length", Hostile::LyingLength),
        ("closes", Hostile::Closes),
        ("loop", Hostile::RedirectLoop),
        ("not-http", Hostile::NotHttp),
    ];
    for (id, kind) in kinds {
        let (status, body) = refused(&server, id, &origin.hostile(kind), 3_000).await;
        assert!(matches!(status, 502 | 504), "{id}: {status} {body}");
        assert!(
            body["stage"].is_string() && body["cause"].is_string(),
            "{id}: {body}"
        );
    }
    let grown = server
        .figures()
        .anonymous_bytes
        .saturating_sub(before.anonymous_bytes);
    assert!(grown < 150 << 20, "{} MB more", grown >> 20);
    assert_eq!(server.get("/live").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_credentials_reach_the_source_and_only_the_source() {
    let origin = Origin::start();
    let gate = Gate::open()
        .user_agent("VLC/3.0.20")
        .header("Referer", "https://portal.example/")
        .basic("me", "s3cret");
    let live = origin.live_hls("gated", LiveHls::new(media("bbb-4s")).gate(gate));
    let server = Server::start(Options::new()).await;
    let definition = json!({
        "id": "gated", "name": "Gated",
        "sources": [{
            "url": live.url(), "user_agent": "VLC/3.0.20",
            "headers": {"Referer": "https://portal.example/"},
            "credentials": {"type": "basic", "username": "me", "password": "s3cret"},
        }],
    });
    server.add(definition).await;
    let viewer = TsViewer::open(&server.preview("gated", ""));
    viewer.wait_keyframe(SOON).await;
    // Another host gets the user agent, and never the credentials.
    let other = Origin::start();
    let target = other.content("/elsewhere.ts", "text/html", "<html>no media</html>");
    let definition = json!({
        "id": "moved", "name": "Moved",
        "sources": [{
            "url": origin.redirect("moved", &target), "user_agent": "VLC/3.0.20",
            "credentials": {"type": "bearer", "token": "s3cret"},
        }],
    });
    server.add(definition).await;
    let (status, _, _) = server.get("/streams/preview/moved?timeout=5000").await;
    assert_eq!(status, 502);
    let asked = other.requests();
    let asked = asked
        .iter()
        .find(|a| a.path.ends_with("elsewhere.ts"))
        .expect("redirect followed");
    assert_eq!(asked.header("user-agent"), Some("VLC/3.0.20"));
    assert_eq!(asked.header("authorization"), None);
    assert!(!server.logs().contain("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_source_is_pulled_when_the_first_fails() {
    let origin = Origin::start();
    let ts = origin.ts("backup", TsFile::new(media("bbb.ts")));
    let server = Server::start(Options::new()).await;
    server
        .add(json!({
            "id": "tv", "name": "TV",
            "sources": [{"url": origin.status("dead", 503)}, {"url": ts.url()}],
        }))
        .await;
    let viewer = TsViewer::open(&server.preview("tv", ""));
    viewer.wait_keyframe(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pull_ends_a_linger_after_the_last_viewer() {
    let origin = Origin::start();
    let ts = origin.ts("tv", TsFile::new(media("bbb.ts")));
    let server = Server::start(Options::new().env("STREAM_LINGER", "500ms")).await;
    server.add_stream("tv", &ts.url()).await;
    assert_eq!(
        origin.counters().requests,
        0,
        "nobody watches, nothing is pulled"
    );
    let viewer = TsViewer::open(&server.preview("tv", ""));
    viewer.wait_keyframe(SOON).await;
    assert_eq!(server.get("/api/v1/streams/tv").await.2["state"], "up");
    drop(viewer);
    eventually(Duration::from_secs(10), "the pull to end", async || {
        (origin.counters().open == 0).then_some(())
    })
    .await;
    assert_eq!(server.get("/api/v1/streams/tv").await.2["state"], "idle");
    assert_eq!(origin.counters().accepted, 1);
}
