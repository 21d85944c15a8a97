//! RTSP against independent servers, and against one that misbehaves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::SOON;
use crate::support::*;

/// Watches the untouched source for some seconds and checks that it is real footage without damage.
async fn watch(server: &Server, id: &str) -> Packets {
    let seen = ffprobe_packets(&server.preview(id, "quality=source"), 5).await;
    for stream in &seen.streams {
        let kind = stream["codec_type"].as_str().unwrap();
        assert!(seen.span(kind) > 4.0, "{id}: {kind} {} s", seen.span(kind));
        seen.assert_no_gap(kind, 0.2);
    }
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
    seen
}

/// The clip as an MP4 file: of TS, GStreamer's demuxer gives the first picture a wrong time.
pub(crate) async fn film(folder: &Path) -> PathBuf {
    copied("bbb.ts", folder.join("film.mp4")).await
}

/// A clip, copied into a container of another sort.
async fn copied(clip: &str, path: PathBuf) -> PathBuf {
    let mut command = clean_command("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(media(clip));
    command.args(["-c", "copy"]).arg(&path);
    assert!(run(command, SOON).await.success());
    path
}

/// The codecs that came.
fn codecs(seen: &Packets) -> Vec<&str> {
    let names = seen
        .streams
        .iter()
        .map(|s| s["codec_name"].as_str().unwrap());
    names.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_and_udp_play_in_sync() {
    let folder = tempfile::tempdir().unwrap();
    let origin = RtspServer::h264_aac(&film(folder.path()).await, &[]);
    let server = Server::start(Options::new()).await;
    server.add_stream("tcp", &origin.url()).await;
    server
        .add_stream("udp", &format!("{}?udp", origin.url()))
        .await;
    for seen in <[Packets; 2]>::from(tokio::join!(watch(&server, "tcp"), watch(&server, "udp"))) {
        assert_eq!(codecs(&seen), ["h264", "aac"]);
        assert_eq!(seen.stream("video")["width"], 1280);
        assert_eq!(seen.stream("video")["has_b_frames"], 2);
        // The clip's picture and sound begin together.
        let first = |kind| seen.of(kind).find_map(|packet| packet.pts).unwrap();
        let apart = (first("video") - first("audio")).abs();
        assert!(apart < 0.7, "{apart} s apart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vlc_is_a_server_too() {
    let origin = RtspServer::vlc(&media("bbb.ts")).await;
    let server = Server::start(Options::new()).await;
    server.add_stream("vlc", &origin.url()).await;
    let mut seen = ffprobe_packets(&server.preview("vlc", "quality=source"), 5).await;
    assert!(seen.span("video") > 4.0 && seen.span("audio") > 4.0);
    seen.assert_no_gap("audio", 0.2);
    // VLC plays on for whoever joins: behind the first keyframe come pictures that refer to some before it.
    seen.packets.drain(..100);
    seen.assert_no_gap("video", 0.2);
    seen.assert_monotone_dts();
    assert_eq!(codecs(&seen), ["h264", "aac"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_codec_is_carried_or_converted() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path()).await;
    let mpeg4 = copied("codecs/mpeg4.ts", folder.path().join("mpeg4.mp4")).await;
    let ts = |name| {
        format!(
            "filesrc location={} ! tsdemux name=d",
            media(name).display()
        )
    };
    let mp4 = format!("filesrc location={} ! qtdemux name=d", film.display());
    let sound = "d.audio_0 ! queue ! decodebin ! audioconvert ! audioresample";
    let forms = [
        (
            "hevc",
            format!(
                "{} d. ! queue ! h265parse ! rtph265pay name=pay0 pt=96",
                ts("hevc10.ts")
            ),
            vec!["hevc"],
        ),
        (
            "mpeg4",
            format!(
                "filesrc location={} ! qtdemux name=d d.video_0 ! queue ! rtpmp4vpay name=pay0 pt=96",
                mpeg4.display()
            ),
            vec!["h264"],
        ),
        (
            "mp2",
            format!(
                "{} d. ! queue ! h264parse ! rtph264pay name=pay0 pt=96 \
                 d. ! queue ! mpegaudioparse ! rtpmpapay name=pay1 pt=14",
                ts("mp2.ts")
            ),
            vec!["h264", "mp2"],
        ),
        (
            "pcmu",
            format!(
                "{mp4} d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 \
                 {sound} ! mulawenc ! rtppcmupay name=pay1 pt=0"
            ),
            vec!["h264", "aac"],
        ),
        (
            "ac3",
            format!("{mp4} {sound} ! avenc_ac3 ! rtpac3pay name=pay0 pt=98"),
            vec!["ac3"],
        ),
        (
            "opus",
            format!("{mp4} {sound} ! opusenc ! rtpopuspay name=pay0 pt=97"),
            vec!["opus"],
        ),
        (
            "ts",
            format!(
                "filesrc location={} ! tsparse set-timestamps=true ! rtpmp2tpay name=pay0 pt=33",
                media("bbb.ts").display()
            ),
            vec!["h264", "aac"],
        ),
    ];
    let server = Server::start(Options::new()).await;
    futures_util::future::join_all(forms.map(async |(id, pipeline, expected)| {
        let origin = RtspServer::gst(&pipeline, &[]);
        server.add_stream(id, &origin.url()).await;
        let streams = ffprobe_stream(&server.preview(id, "quality=source"), 2).await;
        let names = streams
            .iter()
            .map(|s| s["codec_name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        // Which of them comes first is the muxer's affair.
        names.sort_by_key(|name| expected.iter().position(|known| known == name));
        assert_eq!(names, expected, "{id}");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digest_basic_and_tls() {
    let folder = tempfile::tempdir().unwrap();
    let pem = certificate(folder.path()).await;
    let clip = film(folder.path()).await;
    let pem_text = pem.to_str().unwrap();
    let digest = RtspServer::h264_aac(&clip, &["--auth", "digest", "bob", "s3cret"]);
    let basic = RtspServer::h264_aac(&clip, &["--auth", "basic", "bob", "s3cret"]);
    let secure = RtspServer::h264_aac(&clip, &["--tls", pem_text]);
    let server = Server::start(Options::new().env("SSL_CERT_FILE", pem_text)).await;
    let with =
        |origin: &RtspServer, user: &str| origin.url().replace("://", &format!("://{user}@"));
    server
        .add_stream("digest", &with(&digest, "bob:s3cret"))
        .await;
    server
        .add_stream("basic", &with(&basic, "bob:s3cret"))
        .await;
    server
        .add_stream("secure", &secure.url_of("rtsps", "live"))
        .await;
    tokio::join!(
        watch(&server, "digest"),
        watch(&server, "basic"),
        watch(&server, "secure")
    );
    for (id, url) in [
        ("wrong", with(&digest, "bob:wr0ng")),
        ("none", digest.url()),
    ] {
        let (status, body) = refused(&server, id, &url).await;
        assert_eq!(
            (status, &body["stage"], &body["cause"]),
            (502, &json!("request"), &json!("auth")),
            "{body}"
        );
    }
    assert!(!server.logs().contain("s3cret") && !server.logs().contain("wr0ng"));
}

/// A key and a certificate that vouches for itself, in one file.
async fn certificate(folder: &Path) -> PathBuf {
    let (certificate, key) = self_signed(folder, "server").await;
    let both = folder.join("both.pem");
    let text = [key, certificate].map(|part| std::fs::read_to_string(part).unwrap());
    std::fs::write(&both, text.concat()).unwrap();
    both
}

async fn refused(server: &Server, id: &str, url: &str) -> (u16, Value) {
    server.add_stream(id, url).await;
    let (status, _, body) = server
        .get(&format!("/streams/preview/{id}?timeout=3000"))
        .await;
    let text = body.to_string();
    assert!(
        !text.contains("127.0.0.1") && !text.contains("rtsp://"),
        "{id}: {text}"
    );
    (status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_or_spoils_is_told() {
    let real = RtspServer::gst("videotestsrc ! x264enc ! rtph264pay name=pay0", &["--udp"]);
    let server = Server::start(Options::new().env("SOURCE_TIMEOUT", "1s")).await;
    let (status, body) = refused(&server, "path", &real.url_of("rtsp", "nothing")).await;
    assert_eq!(
        (status, &body["cause"]),
        (502, &json!("not_found")),
        "{body}"
    );
    let (status, body) = refused(&server, "no-tcp", &format!("{}?tcp", real.url())).await;
    assert_eq!(
        (status, &body["cause"]),
        (502, &json!("unsupported")),
        "{body}"
    );
    let fakes = [
        (
            "inside",
            Fake::Redirect("rtsp://[::1]:554/x".into()),
            "policy",
            "policy",
        ),
        (
            "metadata",
            Fake::Redirect("rtsp://169.254.169.254/".into()),
            "policy",
            "policy",
        ),
        (
            "elsewhere",
            Fake::Redirect("http://127.0.0.1/x".into()),
            "request",
            "unsupported",
        ),
        ("garbage", Fake::Garbage, "request", "not_media"),
        ("mute", Fake::Mute, "request", "timeout"),
        ("busy", Fake::Status(453), "request", "provider_limit"),
        ("broken", Fake::Status(503), "request", "server"),
        ("codec", Fake::OddCodec, "manifest", "unsupported"),
        ("silent", Fake::Silent, "first_byte", "timeout"),
        ("closes", Fake::Closes, "flow", "ended"),
        ("nonsense", Fake::Nonsense, "first_byte", "timeout"),
    ];
    futures_util::future::join_all(fakes.map(async |(id, fake, stage, cause)| {
        let origin = FakeRtsp::start(fake).await;
        let (_, body) = refused(&server, id, &origin.url()).await;
        assert_eq!(
            (&body["stage"], &body["cause"]),
            (&json!(stage), &json!(cause)),
            "{id}: {body}"
        );
        if id == "codec" {
            assert!(body.to_string().contains("SMELL"), "{body}");
        }
        if id == "silent" {
            eventually(SOON, "a farewell", async || {
                let asked = origin.asked();
                asked
                    .iter()
                    .any(|request| request.starts_with("TEARDOWN"))
                    .then_some(())
            })
            .await;
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_starts_and_stops_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let origin = RtspServer::h264_aac(&film(folder.path()).await, &[]);
    let server = Server::start(Options::new().env("STREAM_LINGER", "0")).await;
    server.add_stream("tcp", &origin.url()).await;
    server
        .add_stream("udp", &format!("{}?udp", origin.url()))
        .await;
    let cycle = async |id: &str| {
        let viewer = TsViewer::open(&server.preview(id, "quality=source"));
        viewer.wait_bytes(1, SOON).await;
    };
    let at_rest = async || {
        eventually(SOON, "the pulls to end", async || {
            let metrics = server.metrics().await;
            let running = metrics.sum("sightglass_ingests_running", &[]);
            let figures = server.figures();
            (running == 0.0).then_some(figures)
        })
        .await
    };
    cycle("tcp").await;
    cycle("udp").await;
    // Threads that GStreamer and the runtime keep for a moment leave later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = at_rest().await;
    for _ in 0..10 {
        tokio::join!(cycle("tcp"), cycle("udp"));
    }
    let after = eventually(
        SOON,
        "threads and descriptors to be given back",
        async || {
            let now = at_rest().await;
            let same = now.threads <= before.threads && now.descriptors <= before.descriptors;
            same.then_some(now)
        },
    )
    .await;
    println!(
        "{} threads, {} descriptors",
        after.threads, after.descriptors
    );
    assert_eq!(
        server
            .metrics()
            .await
            .sum("sightglass_pipelines_wedged_total", &[]),
        0.0
    );
}
