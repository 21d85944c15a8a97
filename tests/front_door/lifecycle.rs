//! Starting, stopping, and leaving nothing behind.

use std::time::Duration;

use serde_json::json;

use crate::SOON;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_bodies_in_order_and_exits_with_zero() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let mut server = Server::start(Options::new()).await;
    server.add_stream("film", &live.url()).await;
    let encoded = TsViewer::open(&server.preview("film", "transcode=true&quality=low"));
    let copied = TsViewer::open(&server.preview("film", "quality=source"));
    encoded.wait_keyframe(SOON).await;
    copied.wait_keyframe(SOON).await;
    let (status, took) = server.terminate().await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    for viewer in [encoded, copied] {
        let seen = viewer.wait_end(SOON).await;
        assert_eq!(seen.error, None, "the body ends, it is not cut off");
    }
    assert!(!server.logs().contain("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_source_is_pulled_and_a_changed_name_disturbs_nobody() {
    let server = Server::start(Options::new()).await;
    server
        .add_stream("tv", "test://ball?width=320&height=180")
        .await;
    let viewer = TsViewer::open(&server.preview("tv", ""));
    viewer.wait_keyframe(SOON).await;
    let renamed = server
        .patch("/api/v1/streams/tv", &json!({"name": "Television"}))
        .await;
    assert_eq!(renamed.0, 200);
    viewer.wait_bytes(viewer.bytes() + 50_000, SOON).await;
    assert!(viewer.seen().ended.is_none());
    let sources = json!({"sources": [{"url": "test://bars?width=640&height=360"}]});
    assert_eq!(server.patch("/api/v1/streams/tv", &sources).await.0, 200);
    assert_eq!(viewer.wait_end(SOON).await.error, None);
    let streams = ffprobe_stream(&server.preview("tv", ""), 2).await;
    assert!(streams.iter().any(|s| s["width"] == 640));
    assert_eq!(
        server
            .patch("/api/v1/streams/tv", &json!({"enabled": false}))
            .await
            .0,
        200
    );
    let (code, _, body) = server.get("/streams/preview/tv").await;
    assert_eq!((code, &body["code"]), (409, &"stream_disabled".into()));
    assert_eq!(server.delete("/api/v1/streams/tv").await.0, 204);
    assert_eq!(server.get("/streams/preview/tv").await.0, 404);
}

async fn nothing_runs(server: &Server) {
    eventually(
        Duration::from_mins(1),
        "everything to have ended",
        async || {
            let metrics = server.metrics().await;
            let running = metrics.sum("sightglass_transcode_pipelines_running", &[])
                + metrics.sum("sightglass_ingests_running", &[])
                + metrics.sum("sightglass_sessions", &[]);
            (running == 0.0).then_some(())
        },
    )
    .await;
}

/// Threads and descriptors of a server at rest.
async fn at_rest(server: &Server) -> Figures {
    nothing_runs(server).await;
    // Threads that blocking work needed for a moment leave after ten idle seconds.
    tokio::time::sleep(Duration::from_secs(12)).await;
    server.figures()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_starts_and_stops_leave_nothing_behind() {
    let server = Server::start(
        Options::new()
            .env("STREAM_LINGER", "0")
            .env("RENDITION_LINGER", "0"),
    )
    .await;
    server
        .add_stream("t", "test://ball?width=160&height=90&fps=25")
        .await;
    let url = server.preview("t", "transcode=true&quality=low");
    let cycle = async || {
        let viewer = TsViewer::open(&url);
        viewer.wait_keyframe(SOON).await;
        drop(viewer);
        nothing_runs(&server).await;
    };
    for _ in 0..10 {
        cycle().await;
    }
    let before = at_rest(&server).await;
    for _ in 0..200 {
        cycle().await;
    }
    let after = at_rest(&server).await;
    assert_eq!(after.threads, before.threads);
    assert_eq!(after.descriptors, before.descriptors);
    let grown = after.anonymous_bytes.saturating_sub(before.anonymous_bytes);
    // Each cycle takes some megabytes: one that were not given back would show here.
    println!(
        "anonymous memory: {} KB before, {} KB more after",
        before.anonymous_bytes >> 10,
        grown >> 10
    );
    assert!(grown < 40 << 20, "{} KB more", grown >> 10);
    let metrics = server.metrics().await;
    assert_eq!(metrics.sum("sightglass_pipelines_wedged_total", &[]), 0.0);
    assert!(metrics.sum("sightglass_pipelines_started_total", &[]) >= 420.0);
}
