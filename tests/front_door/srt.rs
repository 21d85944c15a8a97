//! SRT against ffmpeg's own: as caller and as listener, with passphrases.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;
use crate::support::*;

fn send(url: &str) -> Kid {
    ffmpeg_sends(&media("gop10.ts"), "mpegts", &[], url)
}

async fn refused(server: &Server, id: &str, url: &str) -> (Value, Duration) {
    server.add_stream(id, url).await;
    let began = Instant::now();
    let (_, _, body) = server
        .get(&format!("/streams/preview/{id}?timeout=6000"))
        .await;
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    assert!(!body.to_string().contains("secret"), "{body}");
    (body, began.elapsed())
}

async fn wedged(server: &Server) -> f64 {
    server
        .metrics()
        .await
        .sum("sightglass_pipelines_wedged_total", &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_told_why_they_get_nothing() {
    let port = free_udp_port();
    let _origin = send(&format!(
        "srt://127.0.0.1:{port}?mode=listener&passphrase=secret-secret"
    ));
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let hole = silent.local_addr().unwrap().port();
    let server = Server::start(Options::new().env("SOURCE_TIMEOUT", "1s")).await;
    let base = "srt://127.0.0.1";
    let cases = [
        ("none", format!("{base}:{port}"), "connect", "auth", 2),
        (
            "wrong",
            format!("{base}:{port}?passphrase=not-that-secret"),
            "connect",
            "auth",
            2,
        ),
        ("hole", format!("{base}:{hole}"), "connect", "timeout", 9),
        (
            "listen",
            "srt://:9000?mode=listener".to_owned(),
            "policy",
            "policy",
            2,
        ),
        (
            "denied",
            "srt://169.254.169.254:9000".to_owned(),
            "policy",
            "policy",
            2,
        ),
        (
            "odd",
            format!("{base}:{port}?passphrase=secret"),
            "request",
            "unsupported",
            2,
        ),
    ];
    for (id, url, stage, cause, seconds) in cases {
        let (body, took) = refused(&server, id, &url).await;
        assert_eq!(
            (&body["stage"], &body["cause"]),
            (&stage.into(), &cause.into()),
            "{id}: {body}"
        );
        assert!(took < Duration::from_secs(seconds), "{id}: {took:?}");
    }
    assert_eq!(wedged(&server).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_takes_one_caller_after_the_other() {
    let port = free_udp_port();
    let options = Options::new().env("SOURCE_ALLOW_LISTEN", "true");
    let options = options
        .env("SOURCE_BACKOFF_MIN", "100ms")
        .env("STREAM_LINGER", "0s");
    let server = Server::start(options).await;
    let url = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=secret-secret");
    server.add_stream("in", &url).await;
    let viewer = TsViewer::open(&server.preview("in", "quality=source"));
    for _ in 0..2 {
        let before = viewer.bytes();
        let call = format!("srt://127.0.0.1:{port}?passphrase=secret-secret");
        // A caller that comes while the port is opened anew is turned away, and comes again.
        let mut caller = send(&call);
        eventually(SOON, "the caller's stream", async || {
            if caller.ended().is_some() {
                caller = send(&call);
            }
            (viewer.bytes() > before + 500_000).then_some(())
        })
        .await;
        caller.kill();
    }
    drop(viewer);
    eventually(SOON, "the port to be free", async || {
        UdpSocket::bind(("127.0.0.1", port)).ok()
    })
    .await;
    assert_eq!(wedged(&server).await, 0.0);
}
