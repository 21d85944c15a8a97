//! SRT against ffmpeg's own: as caller and as listener, with passphrases, through restarts.

use std::net::UdpSocket;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;
use crate::support::*;

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// ffmpeg sending the main clip, copied, in real time.
fn ffmpeg(url: &str) -> Kid {
    let mut command = clean_command("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"])
        .arg(media("gop10.ts"))
        .args(["-map", "0", "-c", "copy", "-f", "mpegts", url])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Kid::spawn(&mut command)
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
async fn a_caller_with_a_passphrase_survives_the_origin_s_restart() {
    let port = free_port();
    let listen =
        format!("srt://127.0.0.1:{port}?mode=listener&passphrase=secret-secret&pbkeylen=16");
    let mut origin = ffmpeg(&listen);
    let options = Options::new()
        .env("SOURCE_BACKOFF_MIN", "100ms")
        .env("SOURCE_BACKOFF_MAX", "500ms");
    let server = Server::start(options.env("SOURCE_TIMEOUT", "2s")).await;
    let url = format!("srt://127.0.0.1:{port}?passphrase=secret-secret&latency=60&streamid=tv");
    server.add_stream("tv", &url).await;
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    let listed = server.get("/api/v1/pipelines").await.2;
    assert_eq!(listed["pipelines"][0]["topology"], "srt", "{listed}");
    // The origin takes one caller at a time, and this one is it: another is told apart from a wrong secret.
    origin.kill();
    let mut origin = ffmpeg(&listen);
    let before = viewer.seen().bytes;
    viewer.wait_bytes(before + 1_000_000, SOON).await;
    let seen = viewer.seen();
    assert!(seen.ended.is_none());
    assert_eq!(seen.sync_losses, 0);
    origin.kill();
    assert_eq!(wedged(&server).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_told_why_they_get_nothing() {
    let port = free_port();
    let _origin = ffmpeg(&format!(
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
    let port = free_port();
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
        let mut caller = ffmpeg(&call);
        eventually(SOON, "the caller's stream", async || {
            if caller.ended().is_some() {
                caller = ffmpeg(&call);
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
