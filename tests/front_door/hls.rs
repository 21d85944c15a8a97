//! HLS on the way out: what a player relies on.

use std::time::Duration;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_transcoded_playlist_keeps_every_promise_of_rfc_8216() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = Server::start(Options::new()).await;
    server.add_stream("film", &live.url()).await;
    let url = server.url("/streams/preview/film/index.m3u8?transcode=true&quality=low");
    let seen = hls_viewer(&url, 20).await;
    seen.assert_clean();
    assert!(seen.seconds() > 12.0, "{} s", seen.seconds());
    assert!(
        seen.segments.iter().all(|s| s.duration < 2.6),
        "about 2 s at most"
    );
    let variant = &seen.variants[0];
    assert!(variant.contains("CODECS=\"avc1.42c0"), "{variant}");
    assert!(
        variant.contains("mp4a.40.2") && variant.contains("RESOLUTION=720x404"),
        "{variant}"
    );
    for segment in &seen.segments {
        assert!(
            !segment.uri.contains("://") && !segment.uri.starts_with('/'),
            "{}",
            segment.uri
        );
        let cache = segment.headers["cache-control"].to_str().unwrap();
        assert!(cache.contains("immutable"), "{cache}");
        assert_eq!(segment.headers["access-control-allow-origin"], "*");
        // Each can be decoded alone: tables, then a keyframe.
        assert!(
            Picture::first(segment.body.clone()).await.is_some(),
            "{}",
            segment.uri
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = write_ts(folder.path(), "whole.ts", &seen.ts());
    let packets = ffprobe_packets(&whole, 15).await;
    packets.assert_monotone_dts();
    packets.assert_no_gap("video", 0.2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_sequence_goes_on_over_a_restart_of_the_source() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")));
    let server = Server::start(Options::new().env("SOURCE_BACKOFF_MIN", "100ms")).await;
    server.add_stream("film", &live.url()).await;
    let url = server.url("/streams/preview/film/index.m3u8?quality=source");
    let viewer = tokio::spawn(async move { hls_viewer(&url, 30).await });
    tokio::time::sleep(Duration::from_secs(9)).await;
    live.restart_source();
    let seen = viewer.await.unwrap();
    // The viewer notes a fault for a sequence that goes back, a target duration that changes, a
    // listed segment that is not there.
    seen.assert_clean();
    assert!(seen.seconds() > 24.0, "{} s", seen.seconds());
    let breaks = seen
        .segments
        .iter()
        .skip(1)
        .filter(|s| s.discontinuity)
        .count();
    assert!(breaks >= 1, "the restart is marked");
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_is_served_by_format_and_by_accept() {
    let server = Server::start(Options::new()).await;
    server
        .add_stream("test", "test://ball?width=320&height=180")
        .await;
    let accept = [("accept", "application/vnd.apple.mpegurl, */*;q=0.1")];
    let by_accept = server
        .request(reqwest::Method::GET, "/streams/preview/test", &accept, None)
        .await;
    let by_format = server.get("/streams/preview/test?format=hls").await;
    for (status, headers, body) in [by_accept, by_format] {
        assert_eq!(status, 200);
        assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
        let text = body.as_str().unwrap();
        assert!(text.starts_with("#EXTM3U"), "{text}");
        // Relative to where it was asked for.
        let uri = text.lines().find(|l| !l.starts_with('#')).unwrap();
        let media = server.get(&format!("/streams/preview/{uri}")).await;
        assert!(
            media.2.as_str().unwrap().contains("#EXTINF"),
            "{:?}",
            media.2
        );
    }
    let bytes = server.raw_get("/streams/preview/test").await;
    assert_eq!(bytes.headers()["content-type"], "video/mp2t");
    assert_eq!(bytes.headers()["cache-control"], "no-store");
    assert_eq!(bytes.headers()["access-control-allow-origin"], "*");
    assert!(!bytes.headers().contains_key("content-length"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_its_last_request_and_a_late_player_comes_back() {
    let server = Server::start(
        Options::new()
            .env("HLS_SESSION_TIMEOUT", "4s")
            .env("STREAM_LINGER", "300ms"),
    )
    .await;
    server
        .add_stream("test", "test://ball?width=320&height=180")
        .await;
    let (_, _, text) = server.get("/streams/preview/test/index.m3u8").await;
    let uri = text.as_str().unwrap().lines().last().unwrap().to_owned();
    let path = format!("/streams/preview/test/{uri}");
    let sequence = |text: &str| -> u64 {
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        line.expect("a media sequence").parse().unwrap()
    };
    let first = server.get(&path).await.2;
    let first = sequence(first.as_str().unwrap());
    // A session may pause for three target durations, and a source that announces none gets a
    // generous one: twice its first segment, up to 8 s here.
    let ends = Duration::from_secs(45);
    eventually(ends, "the session and the pull to end", async || {
        let metrics = server.metrics().await;
        let left = metrics.sum("sightglass_sessions", &[])
            + metrics.sum("sightglass_ingests_running", &[]);
        (left == 0.0).then_some(())
    })
    .await;
    // The player was paused, and asks for its old playlist again.
    let (status, _, text) = server.get(&path).await;
    assert_eq!(status, 200, "{text}");
    assert!(
        sequence(text.as_str().unwrap()) > first,
        "the sequence goes on"
    );
}
