//! One pull and one pipeline for any number of viewers, none of whom can hurt another.

use std::time::Duration;

use crate::SOON;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_viewers_are_one_connection_and_one_pipeline() {
    let origin = Origin::start();
    let ts = origin.ts("tv", TsFile::new(media("bbb.ts")));
    let server = Server::start(Options::new().env("MAX_SESSIONS_PER_CLIENT", "100")).await;
    server.add_stream("tv", &ts.url()).await;
    let url = server.preview("tv", "transcode=true&quality=low");
    let first = TsViewer::open(&url);
    first.wait_keyframe(SOON).await;
    let options = ViewerOptions {
        blind: true,
        ..ViewerOptions::default()
    };
    let crowd: Vec<_> = (0..49)
        .map(|_| TsViewer::open_with(&url, options.clone()))
        .collect();
    for viewer in &crowd {
        viewer.wait_bytes(100_000, SOON).await;
    }
    assert_eq!(origin.counters().accepted, 1);
    let metrics = server.metrics().await;
    assert_eq!(
        metrics.sum("sightglass_transcode_pipelines_running", &[]),
        1.0
    );
    assert_eq!(metrics.sum("sightglass_sessions", &[]), 50.0);
    let status = server.get("/api/streams/transcoding/status").await.2;
    assert_eq!(status["activeSessions"], 1);
    assert_eq!(status["maxConcurrent"], 3);
    assert_eq!(status["sessions"].as_array().unwrap().len(), 50);
    let session = &status["sessions"][7];
    assert_eq!(session["viewers"], 50);
    assert_eq!(session["pipeline"], "running");
    assert_eq!(session["quality"], "low");
    assert_eq!(session["clientIP"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joiner_gets_the_tables_and_the_newest_gop_at_once() {
    let origin = Origin::start();
    // A keyframe each 10 s: who had to wait for the next one would wait for long.
    let ts = origin.ts("gop", TsFile::new(media("gop10.ts")));
    let server = Server::start(Options::new()).await;
    server.add_stream("gop", &ts.url()).await;
    let url = server.preview("gop", "quality=source");
    let first = TsViewer::open(&url);
    first.wait_bytes(300_000, SOON).await;
    let joiner = TsViewer::open(&url);
    let waited = joiner.wait_keyframe(Duration::from_secs(5)).await;
    assert!(waited < Duration::from_secs(3), "{waited:?}");
    let seen = joiner.seen();
    assert_eq!(seen.body[0], 0x47);
    let pid = u16::from(seen.body[1] & 0x1f) << 8 | u16::from(seen.body[2]);
    assert_eq!(pid, 0, "the first packet is the PAT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_stops_reading_costs_bounded_memory_and_no_other_a_frame() {
    let origin = Origin::start();
    let ts = origin.ts("fast", TsFile::new(media("h1080.ts")));
    let server = Server::start(
        Options::new()
            .env("FEED_MAX_BYTES", "4MiB")
            .env("FEED_LAG_BYTES", "1MiB"),
    )
    .await;
    server.add_stream("fast", &ts.url()).await;
    let url = server.preview("fast", "quality=source");
    let good = TsViewer::open(&url);
    good.wait_keyframe(SOON).await;
    let slow: Vec<_> = (0..10)
        .map(|_| {
            TsViewer::open_with(
                &url,
                ViewerOptions {
                    receive_buffer: Some(8192),
                    ..ViewerOptions::default()
                },
            )
        })
        .collect();
    for viewer in &slow {
        viewer.wait_keyframe(SOON).await;
        viewer.pause();
    }
    let before = server.figures();
    let from = good.bytes();
    good.wait_bytes(from + (9 << 20), Duration::from_mins(1))
        .await;
    let grown = server
        .figures()
        .anonymous_bytes
        .saturating_sub(before.anonymous_bytes);
    assert!(
        grown < 12 << 20,
        "{} KB more for ten viewers that do not read",
        grown >> 10
    );
    assert_eq!(good.seen().continuity_errors, 0);
    for viewer in &slow {
        viewer.resume();
    }
    eventually(SOON, "the slow ones to have skipped", async || {
        let skips = server
            .metrics()
            .await
            .sum("sightglass_viewer_skips_total", &[]);
        (skips >= 1.0).then_some(())
    })
    .await;
    assert_eq!(slow[0].seen().sync_losses, 0, "a skip is between packets");
}
