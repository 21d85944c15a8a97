//! Each profile, for a minute, on real footage: size, codec, timestamps.

use serde_json::{Value, json};

use crate::support::*;

/// One minute of one rendition, judged packet by packet.
async fn watch_a_minute(server: &Server, quality: &str, size: (u64, u64)) {
    let query = format!("transcode=true&quality={quality}");
    let seen = ffprobe_packets(&server.preview("film", &query), 60).await;
    let video = seen.stream("video");
    assert_eq!(video["codec_name"], "h264", "{quality}");
    assert_eq!(video["profile"], "Constrained Baseline", "{quality}");
    assert_eq!(as_size(video), size, "{quality}");
    assert_eq!(seen.stream("audio")["codec_name"], "aac", "{quality}");
    assert_eq!(seen.stream("audio")["profile"], "LC", "{quality}");
    assert_eq!(seen.stream("audio")["channels"], 2, "{quality}");
    assert!(
        seen.span("video") > 58.0,
        "{quality}: {} s",
        seen.span("video")
    );
    seen.assert_monotone_dts();
    seen.assert_no_gap("video", 0.2);
    seen.assert_no_gap("audio", 0.2);
    seen.assert_keyframes_within(2.1);
    seen.assert_clean(&[]);
}

fn as_size(video: &Value) -> (u64, u64) {
    let side = |name: &str| video[name].as_u64().unwrap_or_default();
    (side("width"), side("height"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_profile_for_a_minute_of_real_footage() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = Server::start(Options::new()).await;
    server.add_stream("film", &live.url()).await;
    // The source is 1280x720: low is scaled down, medium fits, high is not scaled up.
    tokio::join!(
        watch_a_minute(&server, "low", (720, 404)),
        watch_a_minute(&server, "medium", (1280, 720)),
        watch_a_minute(&server, "high", (1280, 720)),
    );
    // Three renditions and no more than one pull.
    assert_eq!(
        server
            .metrics()
            .await
            .sum("sightglass_pipeline_failures_total", &[]),
        0.0
    );
    assert!(origin.counters().peak <= 2, "{:?}", origin.counters());
}

/// What a choice of quality is made from, an operator's own profile among them.
#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_listed() {
    let config = "[profiles.tiny]\nwidth = 320\nheight = 180\nvideo_bitrate_kbps = 200\n";
    let server = Server::start(Options::new().config(config)).await;
    let (status, _, list) = server.get("/api/v1/info/profiles").await;
    assert_eq!((status, &list["default"]), (200, &json!("medium")));
    let items = list["items"].as_array().expect("profiles");
    let names: Vec<_> = items.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["tiny", "low", "medium", "high"]);
    let low = json!({
        "name": "low", "width": 720, "height": 480, "frame_rate": items[1]["frame_rate"],
        "video_bitrate": 1_000_000, "audio_bitrate": 96_000,
    });
    assert_eq!(items[1], low);
}

#[tokio::test(flavor = "multi_thread")]
async fn players_play_both_outputs() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = Server::start(Options::new()).await;
    server.add_stream("film", &live.url()).await;
    let low = "transcode=true&quality=low";
    let ts = server.preview("film", low);
    let hls = server.url(&format!("/streams/preview/film/index.m3u8?{low}"));
    let (mpv_ts, mpv_hls, gst_ts, gst_hls) = tokio::join!(
        play_with_mpv(&ts, 8),
        play_with_mpv(&hls, 8),
        gst_play(&ts, 12),
        gst_play(&hls, 16),
    );
    for (name, played) in [("mpv ts", mpv_ts), ("mpv hls", mpv_hls)] {
        assert!(played.ok && played.audio, "{name}: {}", played.output);
        assert!(played.frames > 150, "{name}: {} frames", played.frames);
        // Real footage moves: a picture that stood still would have one luma.
        let (low, high) = played
            .luma
            .iter()
            .fold((255.0f64, 0.0f64), |(low, high), &luma| {
                (low.min(luma), high.max(luma))
            });
        assert!(high - low > 1.0, "{name}: luma {low} to {high}");
    }
    for (name, played) in [("gst ts", gst_ts), ("gst hls", gst_hls)] {
        assert!(
            played.rendered > 30,
            "{name}: {} frames\n{}",
            played.rendered,
            played.output
        );
    }
}
