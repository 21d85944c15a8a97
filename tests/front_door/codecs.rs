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

/// Clip, picture and sound as they come, and the rendition that a browser gets.
const CODECS: [(&str, &str, &str, &str); 17] = [
    ("h264", "h264", "aac", "source"),
    ("h264-10", "h264", "aac", "medium.video"),
    ("h264-422", "h264", "aac", "medium.video"),
    ("h264-i", "h264", "aac", "medium.video"),
    ("hevc", "hevc", "aac", "medium.video"),
    ("hevc-422", "hevc", "aac", "medium.video"),
    ("mpeg1", "mpeg1video", "aac", "medium.video"),
    ("mpeg2", "mpeg2video", "aac", "medium.video"),
    ("mpeg2-422", "mpeg2video", "aac", "medium.video"),
    ("mpeg4", "mpeg4", "aac", "medium.video"),
    ("mp2", "h264", "mp2", "medium.audio"),
    ("mp3", "h264", "mp3", "source"),
    ("ac3", "h264", "ac3", "medium.audio"),
    ("ac3-51", "h264", "ac3", "medium.audio"),
    ("eac3", "h264", "eac3", "medium.audio"),
    ("opus", "h264", "opus", "medium.audio"),
    ("latm", "h264", "aac_latm", "medium.audio"),
];

/// What ffprobe sees of a preview: codec of the picture, of the sound, and the size.
async fn seen(server: &Server, clip: &str, query: &str) -> (String, String, u64) {
    let streams = ffprobe_stream(&server.preview(clip, query), 3).await;
    let of = |kind: &str| {
        let found = streams.iter().find(|s| s["codec_type"] == kind);
        found.cloned().unwrap_or_default()
    };
    let name = |kind: &str| of(kind)["codec_name"].as_str().unwrap_or("none").to_owned();
    let width = of("video")["width"].as_u64().unwrap_or_default();
    (name("video"), name("audio"), width)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_of_a_transport_stream_passes_and_converts() {
    let origin = Origin::start();
    let options = Options::new()
        .env("MAX_CONCURRENT_TRANSCODES", "10")
        .env("MAX_SESSIONS_PER_CLIENT", "100");
    let server = Server::start(options).await;
    for (clip, ..) in CODECS {
        let ts = origin.ts(
            clip,
            TsFile::new(media("codecs").join(format!("{clip}.ts"))),
        );
        server.add_stream(clip, &ts.url()).await;
    }
    for some in CODECS.chunks(5) {
        futures_util::future::join_all(some.iter().map(|codec| each_way(&server, *codec))).await;
    }
}

async fn each_way(server: &Server, (clip, picture, sound, rendition): (&str, &str, &str, &str)) {
    let (as_it_is, default, all) = tokio::join!(
        seen(server, clip, "quality=source"),
        seen(server, clip, ""),
        seen(server, clip, "transcode=true&quality=low"),
    );
    assert_eq!(as_it_is, (picture.into(), sound.into(), 320), "{clip}");
    let plays = if sound == "mp3" { "mp3" } else { "aac" };
    assert_eq!(default, ("h264".into(), plays.into(), 320), "{clip} shown");
    assert_eq!(all, ("h264".into(), "aac".into(), 320), "{clip} converted");
    let index = format!("/streams/preview/{clip}/index.m3u8");
    let text = server.get(&index).await.2.to_string();
    let path = format!("{rendition}/index.m3u8");
    assert!(text.contains(&path), "{clip}: {text}");
}
