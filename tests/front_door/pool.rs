//! The bounded pool: who waits, how long, and what they are told.

use std::time::Duration;

use serde_json::Value;

use crate::SOON;
use crate::support::*;

async fn server_with_one_slot() -> Server {
    let server = Server::start(
        Options::new()
            .env("MAX_CONCURRENT_TRANSCODES", "1")
            .env("TRANSCODE_QUEUE_LENGTH", "2")
            .env("RENDITION_LINGER", "60s"),
    )
    .await;
    for id in ["a", "b", "c", "d"] {
        server
            .add_stream(id, "test://ball?width=320&height=180")
            .await;
    }
    server
}

fn low(server: &Server, id: &str, more: &str) -> String {
    server.preview(id, &format!("transcode=true&quality=low{more}"))
}

async fn queued(server: &Server, many: u64) -> Value {
    eventually(SOON, "the queue", async || {
        let status = server.get("/api/streams/transcoding/status").await.2;
        (status["queued"] == many).then_some(status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_it_full_waits_is_told_and_is_served() {
    let server = server_with_one_slot().await;
    let first = TsViewer::open(&low(&server, "a", ""));
    first.wait_keyframe(SOON).await;
    let second = TsViewer::open(&low(&server, "b", "&timeout=60000"));
    queued(&server, 1).await;
    let third = TsViewer::open(&low(&server, "c", "&timeout=60000"));
    let status = queued(&server, 2).await;
    assert_eq!(status["utilizationPercentage"], 100.0);
    let of = |stream: &str| {
        let sessions = status["sessions"].as_array().unwrap();
        sessions
            .iter()
            .find(|s| s["streamId"] == stream)
            .cloned()
            .unwrap()
    };
    assert_eq!(of("b")["queuePosition"], 1);
    assert_eq!(of("c")["queuePosition"], 2);
    assert_eq!(of("c")["pipeline"], "queued");
    // The queue is full: told at once, with the figures.
    let (code, headers, body) = server
        .get("/streams/preview/d?transcode=true&quality=low")
        .await;
    assert_eq!((code, &body["code"]), (503, &"transcode_queue_full".into()));
    assert!(headers.contains_key("retry-after"));
    assert_eq!(body["queue"]["queued"], 2);
    // A second viewer of what runs needs no slot.
    let joined = TsViewer::open(&low(&server, "a", ""));
    joined.wait_keyframe(SOON).await;
    drop(joined);
    // First in, first out, though the first rendition would have lingered for a minute.
    drop(first);
    second.wait_keyframe(SOON).await;
    assert!(third.seen().first_byte.is_none());
    drop(second);
    third.wait_keyframe(SOON).await;
    assert_eq!(
        server.get("/api/streams/transcoding/status").await.2["queued"],
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_is_told_the_position_and_leaves_the_queue() {
    let server = server_with_one_slot().await;
    let first = TsViewer::open(&low(&server, "a", ""));
    first.wait_keyframe(SOON).await;
    let (code, headers, body) = server
        .get("/streams/preview/b?transcode=true&quality=low&timeout=700")
        .await;
    assert_eq!(
        (code, &body["code"]),
        (503, &"transcode_queue_timeout".into())
    );
    assert_eq!(body["queue"]["position"], 1);
    assert!(headers.contains_key("retry-after"));
    queued(&server, 0).await;
    // One who goes away while waiting leaves no hole either.
    let gone = TsViewer::open(&low(&server, "b", "&timeout=60000"));
    queued(&server, 1).await;
    drop(gone);
    queued(&server, 0).await;
    drop(first);
    let next = TsViewer::open(&low(&server, "c", ""));
    next.wait_keyframe(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lingering_pipeline_serves_a_new_viewer_and_makes_room_for_another() {
    let server = server_with_one_slot().await;
    let first = TsViewer::open(&low(&server, "a", ""));
    first.wait_keyframe(SOON).await;
    drop(first);
    let started = |metrics: Metrics| metrics.sum("sightglass_pipelines_started_total", &[]);
    let before = started(server.metrics().await);
    let again = TsViewer::open(&low(&server, "a", ""));
    again.wait_keyframe(SOON).await;
    assert_eq!(started(server.metrics().await), before, "it lingered");
    drop(again);
    eventually(SOON, "the viewer to be gone", async || {
        (server.metrics().await.sum("sightglass_sessions", &[]) == 0.0).then_some(())
    })
    .await;
    // 60 s of linger, and no reason to wait for it.
    let other = TsViewer::open(&low(&server, "b", ""));
    other.wait_keyframe(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_one_client_are_limited_and_can_be_ended() {
    let server = Server::start(Options::new().env("MAX_SESSIONS_PER_CLIENT", "2")).await;
    server
        .add_stream("a", "test://bars?width=320&height=180")
        .await;
    let url = server.preview("a", "");
    let one = TsViewer::open(&url);
    one.wait_keyframe(SOON).await;
    let two = TsViewer::open(&url);
    two.wait_keyframe(SOON).await;
    let (code, headers, body) = server.get("/streams/preview/a").await;
    assert_eq!((code, &body["code"]), (429, &"too_many_sessions".into()));
    assert!(headers.contains_key("retry-after"));
    let status = server.get("/api/streams/transcoding/status").await.2;
    let id = status["sessions"][0]["sessionId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        server.delete(&format!("/api/v1/sessions/{id}")).await.0,
        204
    );
    let ended = one.wait_end(Duration::from_secs(10)).await;
    assert_eq!(ended.error, None, "the body ends in order");
    assert_eq!(
        server.delete(&format!("/api/v1/sessions/{id}")).await.0,
        404
    );
    assert!(two.seen().ended.is_none());
    TsViewer::open(&url).wait_keyframe(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_transcodes_what_needs_none_still_plays() {
    let server = Server::start(Options::new().env("MAX_CONCURRENT_TRANSCODES", "0")).await;
    server
        .add_stream("a", "test://bars?width=320&height=180")
        .await;
    TsViewer::open(&server.preview("a", ""))
        .wait_keyframe(SOON)
        .await;
    let (code, _, body) = server.get("/streams/preview/a?transcode=true").await;
    assert_eq!((code, &body["code"]), (503, &"transcode_queue_full".into()));
}
