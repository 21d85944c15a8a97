//! What is copied, what is converted, and that only what must be is.

use serde_json::Value;

use crate::support::*;

struct Shown {
    video: Value,
    audio: Value,
    rendition: String,
}

/// Plays a clip over HTTP-TS and tells what came and which rendition it was.
async fn show(clip: &str, query: &str) -> Shown {
    let origin = Origin::start();
    let ts = origin.ts("clip", TsFile::new(media(clip)));
    let server = Server::start(Options::new()).await;
    server.add_stream("clip", &ts.url()).await;
    let url = server.preview("clip", query);
    let viewer = TsViewer::open(&url);
    assert_eq!(viewer.wait_status(crate::SOON).await, 200, "{clip}");
    let status = server.get("/api/streams/transcoding/status").await.2;
    let streams = ffprobe_stream(&url, 3).await;
    let of = |kind: &str| {
        let found = streams.iter().find(|s| s["codec_type"] == kind);
        found.cloned().unwrap_or_default()
    };
    let picture = of("video")["width"].is_u64();
    if picture {
        // Not only headers: a picture that can be decoded and is not one colour.
        let body = eventually(crate::SOON, "a decodable picture", async || {
            let body = bytes::Bytes::from(viewer.seen().body);
            Picture::first(body).await
        })
        .await;
        assert!(body.mean() > 1.0, "{clip}: black");
    }
    Shown {
        video: of("video"),
        audio: of("audio"),
        rendition: status["sessions"][0]["rendition"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_safe_streams_are_copied() {
    let shown = show("bbb.ts", "").await;
    assert_eq!(shown.rendition, "source");
    assert_eq!(shown.video["profile"], "High");
    assert_eq!(shown.audio["codec_name"], "aac");
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_alone_is_converted_when_only_the_audio_is_at_fault() {
    let shown = show("mp2.ts", "").await;
    assert_eq!(shown.rendition, "medium.audio");
    assert_eq!(shown.video["profile"], "High", "the video is copied");
    assert_eq!(shown.video["width"], 1280);
    assert_eq!(shown.audio["codec_name"], "aac");
}

#[tokio::test(flavor = "multi_thread")]
async fn video_alone_is_converted_when_only_the_video_is_at_fault() {
    let shown = show("hevc10.ts", "").await;
    assert_eq!(shown.rendition, "medium.video");
    assert_eq!(shown.video["codec_name"], "h264");
    assert_eq!(shown.video["pix_fmt"], "yuv420p");
    assert_eq!(shown.audio["codec_name"], "aac");
}

#[tokio::test(flavor = "multi_thread")]
async fn interlaced_mpeg2_is_deinterlaced_and_converted() {
    let shown = show("mpeg2i.ts", "").await;
    assert_eq!(shown.rendition, "medium");
    assert_eq!(shown.video["codec_name"], "h264");
    assert_eq!(shown.video["field_order"], "progressive");
    assert_eq!(shown.video["height"], 576);
    assert_eq!(shown.audio["codec_name"], "aac");
    assert_eq!(shown.audio["channels"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn never_converting_hands_out_what_came() {
    let shown = show("mpeg2i.ts", "transcode=false").await;
    assert_eq!(shown.rendition, "source");
    assert_eq!(shown.video["codec_name"], "mpeg2video");
}

#[tokio::test(flavor = "multi_thread")]
async fn always_converting_converts_what_could_be_copied() {
    let shown = show("h1080.ts", "transcode=true&quality=low").await;
    assert_eq!(shown.rendition, "low");
    assert_eq!(shown.video["profile"], "Constrained Baseline");
    assert_eq!(
        (&shown.video["width"], &shown.video["height"]),
        (&720.into(), &404.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_does_not_fit_converts_the_video_only() {
    let shown = show("h1080.ts", "quality=medium").await;
    assert_eq!(shown.rendition, "medium.video");
    assert_eq!(shown.video["width"], 1280);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_without_audio_and_without_video_play() {
    let silent = show("noaudio.ts", "transcode=true&quality=medium").await;
    assert_eq!(silent.video["codec_name"], "h264");
    assert!(silent.audio.is_null());
    let radio = show("radio.ts", "transcode=true").await;
    assert_eq!(radio.audio["codec_name"], "aac");
    assert!(radio.video.is_null());
    let copied = show("radio.ts", "").await;
    assert_eq!(copied.rendition, "source");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_several_programmes_is_shown() {
    let shown = show("two-programmes.ts", "transcode=true&quality=low").await;
    assert_eq!(shown.video["codec_name"], "h264");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_languages_is_picked() {
    let origin = Origin::start();
    let ts = origin.ts("clip", TsFile::new(media("mpeg2i.ts")));
    let server = Server::start(Options::new()).await;
    server.add_stream("clip", &ts.url()).await;
    let sound = async |query: &str| -> Vec<String> {
        let streams = ffprobe_stream(&server.preview("clip", query), 3).await;
        let audio = streams.iter().filter(|s| s["codec_type"] == "audio");
        let codec = |s: &Value| s["codec_name"].as_str().unwrap_or_default().to_owned();
        audio.map(codec).collect()
    };
    assert_eq!(sound("quality=source").await, ["ac3", "mp2"]);
    assert_eq!(sound("quality=source&audio=de").await, ["mp2"]);
    assert_eq!(sound("quality=source&audio=0").await, ["ac3"]);
    assert_eq!(sound("quality=low&audio=deu").await, ["aac"]);
    let none = server.get("/streams/preview/clip?audio=fr").await;
    assert_eq!(none.0, 400, "{}", none.2);
    let detail = none.2["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("eng, deu"), "{detail}");
    assert_eq!(
        server.get("/streams/preview/clip?audio=deutsch").await.0,
        400
    );
    // HLS of one language is a window of its own, under a path of its own.
    let index = server.get("/streams/preview/clip/index.m3u8?quality=low&audio=deu");
    let text = index.await.2.to_string();
    assert!(text.contains("low+deu/index.m3u8"), "{text}");
}
