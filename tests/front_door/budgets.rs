//! What pipelines may take: figures that agree, bounds that hold, and an end that is told.

use std::time::Duration;

use serde_json::Value;

use crate::SOON;
use crate::support::*;

async fn pipelines(server: &Server) -> Value {
    server.get("/api/v1/pipelines").await.2
}

fn ended(status: &Value, reason: &str) -> bool {
    let decisions = status["decisions"].as_array().unwrap();
    decisions
        .iter()
        .any(|d| d["decision"] == "ended" && d["reason"] == reason)
}

/// A preview of `id` in profile `quality`, converted.
fn converted(server: &Server, id: &str, quality: &str) -> String {
    server.preview(id, &format!("transcode=true&quality={quality}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_health_and_metrics_agree_on_what_a_pipeline_takes() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let tv = origin.ts("tv", TsFile::new(media("bbb.ts")));
    server.add_stream("tv", &tv.url()).await;
    let viewer = TsViewer::open(&converted(&server, "tv", "low"));
    viewer.wait_keyframe(SOON).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let status = pipelines(&server).await;
    let metrics = server.metrics().await;
    let health = server.get("/health").await.2;
    let one = &status["pipelines"][0];
    assert_eq!(
        status["pipelines"].as_array().unwrap().len(),
        1,
        "{status:#}"
    );
    assert_eq!(
        (&one["streamId"], &one["rendition"]),
        (&"tv".into(), &"low".into())
    );
    assert_eq!(
        (&one["kind"], &one["phase"]),
        (&"transcode".into(), &"running".into())
    );
    assert_eq!(one["viewers"], 1);
    let held = one["usage"]["memoryBytes"].as_f64().unwrap();
    // A transcode to 720x404 takes some ten megabytes: neither nothing nor the whole process.
    assert!((8e6..120e6).contains(&held), "{held}");
    assert!(one["usage"]["threads"].as_u64().unwrap() >= 4, "{one}");
    assert!(one["usage"]["cpuSeconds"].as_f64().unwrap() > 0.1, "{one}");
    assert!(one["usage"]["peakBytes"].as_f64().unwrap() >= held);
    let near = |what: &str, value: f64, to: f64| {
        assert!(
            (value - to).abs() <= 0.15 * to + 2e6,
            "{what}: {value}, not {to}"
        );
    };
    let labels = [
        ("stream", "tv"),
        ("rendition", "low"),
        ("kind", "transcode"),
    ];
    near(
        "metrics",
        metrics.sum("sightglass_pipeline_memory_bytes", &labels),
        held,
    );
    let memory = &health["services"]["memory"];
    near("health", memory["pipelinesBytes"].as_f64().unwrap(), held);
    // Every byte has a place.
    let state = |state| metrics.sum("sightglass_process_memory_bytes", &[("state", state)]);
    let parts = state("pipelines") + state("server") + state("spare") + state("unattributed");
    near("the parts", parts, state("anonymous"));
    assert!(state("unattributed") < 25e6, "{}", state("unattributed"));
    drop(viewer);
    eventually(SOON, "the end of the pipeline", async || {
        let metrics = server.metrics().await;
        (!metrics.has("sightglass_pipeline_memory_bytes")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_warning_new_ones_wait_and_idle_ones_go() {
    let options = Options::new()
        .env("MEMORY_WARNING_THRESHOLD", "16MiB")
        .env("RENDITION_LINGER", "5m");
    let server = Server::start(options).await;
    for id in ["a", "b"] {
        let url = "test://ball?width=320&height=180";
        server.add_stream(id, url).await;
    }
    // The first may always run: a threshold that is too low must not turn everybody away.
    let first = TsViewer::open(&converted(&server, "a", "low"));
    first.wait_keyframe(SOON).await;
    let query = "transcode=true&quality=low&timeout=1500";
    let (code, headers, body) = server.get(&format!("/streams/preview/b?{query}")).await;
    assert_eq!(
        (code, &body["code"]),
        (503, &"transcode_queue_timeout".into()),
        "{body}"
    );
    assert!(
        body["detail"].as_str().unwrap().contains("memory"),
        "{body}"
    );
    assert!(headers.contains_key("retry-after"));
    // Nobody watches the first any more: it would linger for minutes, but ends for want of memory.
    drop(first);
    let status = eventually(SOON, "an end for the idle one", async || {
        let status = pipelines(&server).await;
        ended(&status, "idle").then_some(status)
    })
    .await;
    assert_eq!(status["pool"]["pressure"], "warning");
    let metrics = server.metrics().await;
    let labels = [("decision", "ended"), ("reason", "idle")];
    assert!(metrics.sum("sightglass_pool_decisions_total", &labels) >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn above_critical_the_least_wanted_ends_and_its_viewers_are_told() {
    let origin = Origin::start();
    let options = Options::new()
        .env("MEMORY_WARNING_THRESHOLD", "100MB")
        .env("MEMORY_CRITICAL_THRESHOLD", "100MB")
        .env("PIPELINE_MEMORY_CEILING", "95MB");
    let server = Server::start(options).await;
    for id in ["popular", "lonely"] {
        let tv = origin.ts(id, TsFile::new(media("bbb.ts")));
        server.add_stream(id, &tv.url()).await;
    }
    let popular = TsViewer::open(&converted(&server, "popular", "low"));
    popular.wait_keyframe(SOON).await;
    let too = TsViewer::open(&converted(&server, "popular", "low"));
    too.wait_keyframe(SOON).await;
    // Let in as long as memory allows by what is known of it, then found to be too much.
    let lonely = TsViewer::open(&converted(&server, "lonely", "medium"));
    let over = lonely.wait_end(Duration::from_mins(1)).await;
    let status = pipelines(&server).await;
    if over.status == 200 {
        assert!(ended(&status, "memory_critical"), "{status:#}");
        let (code, headers, body) = server
            .get("/streams/preview/lonely?transcode=true&quality=medium")
            .await;
        assert_eq!(
            (code, &body["code"]),
            (503, &"transcode_suspended".into()),
            "{body}"
        );
        assert_eq!(body["cause"], "overload");
        assert!(headers.contains_key("retry-after"));
    } else {
        // It never fitted: it waited, and was told for what.
        assert_eq!(over.status, 503);
    }
    let before = popular.bytes();
    popular.wait_bytes(before + 100_000, SOON).await;
    assert_eq!(popular.seen().continuity_errors, 0);
    assert!(popular.seen().ended.is_none() && too.seen().ended.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_over_its_ceiling_ends_alone() {
    let origin = Origin::start();
    let options = Options::new().env("PIPELINE_MEMORY_CEILING", "40MB");
    let server = Server::start(options).await;
    let tv = origin.ts("tv", TsFile::new(media("bbb.ts")));
    server.add_stream("tv", &tv.url()).await;
    let small = TsViewer::open(&converted(&server, "tv", "low"));
    small.wait_keyframe(SOON).await;
    let big = TsViewer::open(&converted(&server, "tv", "medium"));
    let over = big.wait_end(Duration::from_mins(1)).await;
    assert!(over.status == 200 || over.status == 500, "{}", over.status);
    let status = pipelines(&server).await;
    assert!(ended(&status, "ceiling"), "{status:#}");
    assert_eq!(status["suspended"][0]["rendition"], "medium", "{status:#}");
    let (code, _, body) = server
        .get("/streams/preview/tv?transcode=true&quality=medium")
        .await;
    assert_eq!(
        (code, &body["code"]),
        (503, &"transcode_suspended".into()),
        "{body}"
    );
    let before = small.bytes();
    small.wait_bytes(before + 100_000, SOON).await;
    assert_eq!(small.seen().continuity_errors, 0);
}

/// A file that makes every pipeline for picture and sound fail after some frames.
fn failing_encoder(folder: &std::path::Path) {
    let text = include_str!("../../pipelines/encode-both.launch");
    let broken = text.replace("! x264enc ", "! identity error-after=30 ! x264enc ");
    assert_ne!(text, broken);
    std::fs::write(folder.join("encode-both.launch"), broken).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_again_and_again_is_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    failing_encoder(folder.path());
    let server = Server::start(Options::new().env("PIPELINES_DIR", &folder.path().display())).await;
    server
        .add_stream("tv", "test://ball?width=320&height=180")
        .await;
    let viewer = TsViewer::open(&converted(&server, "tv", "low"));
    viewer.wait_end(Duration::from_mins(1)).await;
    let (code, headers, body) = eventually(SOON, "the breaker", async || {
        let reply = server
            .get("/streams/preview/tv?transcode=true&quality=low&timeout=20000")
            .await;
        (reply.2["code"] == "transcode_suspended").then_some(reply)
    })
    .await;
    assert_eq!(code, 503);
    assert!(headers.contains_key("retry-after"), "{headers:?}");
    assert!(
        body["detail"].as_str().unwrap().contains("tried again in"),
        "{body}"
    );
    assert!(
        server
            .metrics()
            .await
            .sum("sightglass_renditions_suspended", &[])
            >= 1.0
    );
    // The copy has no part in it, and a changed definition is tried at once.
    let copy = TsViewer::open(&server.preview("tv", "transcode=false"));
    copy.wait_keyframe(SOON).await;
    let renamed = serde_json::json!({ "name": "Television" });
    assert_eq!(server.patch("/api/v1/streams/tv", &renamed).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_pipeline_is_replaced_and_nobody_notices() {
    let origin = Origin::start();
    let server = Server::start(Options::new().env("PIPELINE_MAX_AGE", "4s")).await;
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    server.add_stream("film", &live.url()).await;
    let hls = server.url("/streams/preview/film/index.m3u8?transcode=true&quality=low");
    let hls = tokio::spawn(async move { hls_viewer(&hls, 26).await });
    let seen = ffprobe_packets(&converted(&server, "film", "low"), 26).await;
    assert!(seen.span("video") > 24.0, "{} s", seen.span("video"));
    seen.assert_monotone_dts();
    seen.assert_no_gap("video", 0.09);
    seen.assert_no_gap("audio", 0.09);
    seen.assert_clean(&[]);
    let hls = hls.await.unwrap();
    hls.assert_clean();
    let mut after_first = hls.segments.iter().skip(1);
    assert!(after_first.all(|s| !s.discontinuity), "no break is marked");
    let metrics = server.metrics().await;
    let replaced = metrics.sum("sightglass_pipelines_replaced_total", &[]);
    assert!(replaced >= 2.0, "{replaced}");
    assert_eq!(metrics.sum("sightglass_pipeline_failures_total", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn near_the_limit_of_descriptors_the_answer_says_so() {
    let server = Server::start(Options::new().arg("--demo")).await;
    // As an operator's `ulimit -n` would have it, but for what is open already.
    let open = server.figures().descriptors;
    limit_descriptors(server.pid(), open as u64 + 40);
    // A count of descriptors is good for a moment.
    let refused = eventually(SOON, "a refusal", async || {
        let viewer = TsViewer::open(&server.preview("test-ball", ""));
        (viewer.wait_status(SOON).await == 503).then_some(viewer)
    })
    .await;
    let seen = refused.wait_end(SOON).await;
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["code"], "out_of_descriptors", "{body}");
    assert!(seen.headers.contains_key("retry-after"));
    assert_eq!(server.get("/live").await.0, 200);
    limit_descriptors(server.pid(), open as u64 + 400);
    eventually(SOON, "a picture", async || {
        let again = TsViewer::open(&server.preview("test-ball", ""));
        (again.wait_status(SOON).await == 200).then_some(())
    })
    .await;
}

fn limit_descriptors(pid: u32, most: u64) {
    let done = std::process::Command::new("prlimit")
        .arg(format!("--pid={pid}"))
        .arg(format!("--nofile={most}:20000"))
        .status()
        .unwrap();
    assert!(done.success());
}
