//! Containers that are not TS, and codecs that TS cannot carry.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::SOON;
use crate::support::*;

/// What a clip becomes: codecs of picture and sound.
const CLIPS: [(&str, &str, &str); 9] = [
    ("ac3.mkv", "h264", "ac3"),
    ("vp9.webm", "h264", "opus"),
    ("vp8.webm", "h264", "aac"),
    ("mpeg4.avi", "h264", "mp3"),
    ("pcm.avi", "h264", "aac"),
    ("theora.ogv", "h264", "aac"),
    ("wmv.asf", "h264", "aac"),
    ("av1.mp4", "h264", "aac"),
    ("clips/cityCC0.mpg", "mpeg2video", ""),
];

/// Plays the untouched source for some seconds.
async fn shown(server: &Server, (clip, video, audio): (&str, &str, &str)) {
    let seen = ffprobe_packets(&server.preview(&name(clip), "quality=source"), 5).await;
    assert_eq!(seen.stream("video")["codec_name"], video, "{clip}");
    assert!(seen.span("video") > 3.5, "{clip}: {} s", seen.span("video"));
    if !audio.is_empty() {
        assert_eq!(seen.stream("audio")["codec_name"], audio, "{clip}");
        assert!(seen.span("audio") > 3.5, "{clip}: {} s", seen.span("audio"));
    }
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
}

fn name(clip: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    clip.chars().map(plain).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_that_are_not_ts_become_ts() {
    let nginx = Nginx::serve(&media("")).await;
    let server = Server::start(Options::new()).await;
    // Two at a time: some are encoded.
    for pair in CLIPS.chunks(2) {
        for (clip, ..) in pair {
            server.add_stream(&name(clip), &nginx.url(clip)).await;
        }
        join_all(pair.iter().map(|clip| shown(&server, *clip))).await;
    }
    let seen = ffprobe_stream(&server.preview("ac3-mkv", "quality=source"), 3).await;
    let languages: Vec<_> = seen
        .iter()
        .filter_map(|s| s["tags"]["language"].as_str())
        .collect();
    assert_eq!(
        languages,
        ["eng", "ger"],
        "both languages, by their names in the source"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversion_is_listed_and_leaves_nothing() {
    let nginx = Nginx::serve(&media("")).await;
    let server = Server::start(Options::new().env("STREAM_LINGER", "0s")).await;
    // At about the rate of the film: at once, it would be encoded before anybody looks.
    let film = nginx.url("vp8.webm?rate=50000");
    server.add_stream("film", &film).await;
    let pipelines = async || -> Vec<Value> {
        let body = server.get("/api/v1/pipelines").await.2;
        body["pipelines"].as_array().cloned().unwrap_or_default()
    };
    let usable = async || {
        let body = server.get("/api/v1/pipelines").await.2;
        body["pool"]["usableCores"].as_f64()
    };
    let idle = eventually(SOON, "a look at the machine", usable).await;
    let (dearer, free) = (
        async || usable().await.filter(|cores| *cores < idle).map(drop),
        async || usable().await.filter(|cores| *cores >= idle).map(drop),
    );
    for round in 0..6 {
        let viewer = TsViewer::open(&server.preview("film", "quality=source"));
        if round % 2 == 0 {
            // Others leave while it starts.
            viewer.wait_keyframe(SOON).await;
            let listed = pipelines().await;
            assert_eq!(listed.len(), 1, "{listed:?}");
            assert_eq!(listed[0]["kind"], "ingest");
            assert_eq!(listed[0]["topology"], "convert");
            assert!(
                listed[0]["usage"]["memoryBytes"]
                    .as_u64()
                    .is_none_or(|bytes| bytes > 100_000)
            );
            if round == 0 {
                eventually(SOON, "its CPU to be reckoned with", dearer).await;
            }
        } else {
            tokio::time::timeout(Duration::from_millis(50), viewer.wait_status(SOON))
                .await
                .ok();
        }
        drop(viewer);
        eventually(SOON, "the pipeline to be gone", async || {
            pipelines().await.is_empty().then_some(())
        })
        .await;
    }
    eventually(SOON, "its CPU to be there again", free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_container_gets_a_clear_answer() {
    let folder = tempfile::tempdir().unwrap();
    // No format has these: whatever looks like one would have to go on.
    let noise: Vec<u8> = (0..300_000_u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 | 1)
        .collect();
    std::fs::write(folder.path().join("noise.bin"), noise).unwrap();
    let playlist = "some text, and #EXTM3U, and http://127.0.0.1:1/secret.ts\n".repeat(200);
    std::fs::write(folder.path().join("text.bin"), playlist).unwrap();
    let nginx = Nginx::serve(folder.path()).await;
    let server = Server::start(Options::new()).await;
    for name in ["noise", "text"] {
        server
            .add_stream(name, &nginx.url(&format!("{name}.bin")))
            .await;
        let (status, _, body) = server
            .get(&format!("/streams/preview/{name}?timeout=8000"))
            .await;
        assert_eq!(status, 502, "{body}");
        assert_eq!(body["cause"], "not_media", "{body}");
        assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    }
}
