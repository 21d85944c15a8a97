//! RTMP and RTMPS from nginx-rtmp, published by ffmpeg: it plays, it says why not.

use std::time::Duration;

use serde_json::json;

use crate::SOON;
use crate::support::*;

/// Watches the untouched source, and checks that time runs evenly.
async fn watch(server: &Server, id: &str, seconds: u32) -> Packets {
    let seen = ffprobe_packets(&server.preview(id, "quality=source"), seconds).await;
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn live_streams_play_with_and_without_tls() {
    let origin = RtmpServer::start().await;
    let film = media("bbb-4s/index.m3u8");
    let _publishers = [
        origin.publish(&film, &["-c", "copy"], "live/film"),
        origin.publish(&film, &["-vn", "-c", "copy"], "live/radio"),
        origin.publish(&film, &["-an", "-c", "copy"], "live/silent"),
    ];
    let options = Options::new().env("SSL_CERT_FILE", origin.authority().to_str().unwrap());
    let server = Server::start(options).await;
    server
        .add_stream("film", &origin.url("live/film?key=1"))
        .await;
    server
        .add_stream("secure", &origin.tls_url("live/film"))
        .await;
    server.add_stream("radio", &origin.url("live/radio")).await;
    server
        .add_stream("silent", &origin.url("live/silent"))
        .await;
    let (film, secure, radio, silent) = tokio::join!(
        watch(&server, "film", 6),
        watch(&server, "secure", 6),
        watch(&server, "radio", 3),
        watch(&server, "silent", 5),
    );
    for seen in [film, secure] {
        assert_eq!(seen.stream("video")["codec_name"], "h264");
        assert_eq!(seen.stream("video")["width"], 1280);
        assert_eq!(seen.stream("audio")["codec_name"], "aac");
        let spans = (seen.span("video"), seen.span("audio"));
        assert!(spans.0 > 5.0 && spans.1 > 5.0, "{spans:?}");
        seen.assert_no_gap("video", 0.1);
        seen.assert_no_gap("audio", 0.1);
        // Pictures that are shown in another order than they are decoded in.
        assert!(seen.of("video").any(|packet| packet.pts != packet.dts));
        let first = |kind| seen.of(kind).filter_map(|p| p.pts).fold(f64::MAX, f64::min);
        let apart = first("video") - first("audio");
        assert!(apart.abs() < 0.2, "sound and picture begin {apart} s apart");
    }
    assert_eq!(radio.streams.len(), 1);
    assert!(radio.span("audio") > 2.5, "{} s", radio.span("audio"));
    assert_eq!(silent.streams.len(), 1);
    assert!(silent.span("video") > 4.0, "{} s", silent.span("video"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_played_is_told_with_stage_and_cause() {
    let origin = RtmpServer::start().await;
    let web = Nginx::serve(&media("")).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_url = format!("rtmp://{}/live/x", closed.local_addr().unwrap());
    drop(closed);
    // The server trusts nobody in particular: not who signed for this origin either.
    let options = Options::new()
        .env("SOURCE_TIMEOUT", "1s")
        .env("SOURCE_BACKOFF_MIN", "30s");
    let server = Server::start(options).await;
    let cases = [
        (
            "missing",
            origin.url("strict/key5"),
            502,
            "request",
            "not_found",
        ),
        (
            "page",
            web.url("live/key5").replace("http", "rtmp"),
            502,
            "request",
            "not_media",
        ),
        (
            "inside",
            "rtmp://169.254.169.254/live/key5".to_owned(),
            502,
            "policy",
            "policy",
        ),
        (
            "application",
            origin.url("nothing/key5"),
            504,
            "request",
            "refused",
        ),
        (
            "unpublished",
            origin.url("live/key5"),
            504,
            "first_byte",
            "timeout",
        ),
        ("refused", closed_url, 504, "connect", "refused"),
        (
            "untrusted",
            origin.tls_url("live/key5"),
            504,
            "tls",
            "unreachable",
        ),
        (
            "name",
            "rtmp://does-not-exist.invalid/live/key5".to_owned(),
            504,
            "dns",
            "unreachable",
        ),
    ];
    for (id, url, ..) in &cases {
        server.add_stream(id, url).await;
    }
    let asked = cases.iter().map(async |(id, ..)| {
        let path = format!("/streams/preview/{id}?timeout=3000");
        server.get(&path).await
    });
    let replies = futures_util::future::join_all(asked).await;
    for ((id, _, status, stage, cause), (got, _, body)) in cases.iter().zip(replies) {
        assert_eq!(got, *status, "{id}: {body}");
        let found = (&body["stage"], &body["cause"]);
        assert_eq!(found, (&json!(stage), &json!(cause)), "{id}: {body}");
        assert!(!body.to_string().contains("key5"), "{id}: {body}");
    }
    assert!(!server.logs().contain("key5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_leaves_ends_the_attempt_soon() {
    let origin = RtmpServer::start().await;
    let film = media("bbb-4s/index.m3u8");
    let publisher = origin.publish(&film, &["-c", "copy"], "live/film");
    let server = Server::start(Options::new().env("SOURCE_BACKOFF_MIN", "100ms")).await;
    server.add_stream("film", &origin.url("live/film")).await;
    let viewer = TsViewer::open(&server.preview("film", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    publisher.terminate();
    eventually(Duration::from_secs(8), "the end to be seen", async || {
        server.logs().contain("the source ended").then_some(())
    })
    .await;
}
