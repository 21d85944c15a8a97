//! The harness itself, tried on real clients before anything else is tried on the harness.

// Helpers outside of test functions may unwrap here, too: this is all test.
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::case_sensitive_file_extension_comparisons
)]

#[path = "mod.rs"]
mod support;

#[path = "farm/tried.rs"]
mod farm;

use std::time::Duration;

use support::{
    Asked, Codec, Fault, Gate, Hostile, Key, LiveHls, Metrics, Nginx, Options, Origin, Picture,
    Server, TsFile, TsScan, TsViewer, ViewerOptions, eventually, ffprobe_packets, ffprobe_stream,
    gst_play, hls_viewer, http_client, media, play_with_mpv, write_ts,
};

fn http() -> reqwest::Client {
    http_client().no_proxy().build().unwrap()
}

/// A folder with the first three segments of the clip, so that the loop comes soon.
fn short_clip() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let index = std::fs::read_to_string(media("bbb-4s/index.m3u8")).unwrap();
    let names: Vec<&str> = index
        .lines()
        .filter(|line| line.ends_with(".ts"))
        .take(3)
        .collect();
    let mut text = String::from("#EXTM3U\n");
    for name in names {
        std::fs::copy(media("bbb-4s").join(name), folder.path().join(name)).unwrap();
        text += &format!("#EXTINF:4.0,\n{name}\n");
    }
    std::fs::write(folder.path().join("index.m3u8"), text).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn live_hls_plays_over_its_loop() {
    let clip = short_clip();
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(clip.path()).window(3));
    let url = live.url();
    let (probed, played, viewed) = tokio::join!(
        ffprobe_packets(&url, 8),
        play_with_mpv(&url, 20),
        hls_viewer(&url, 20),
    );
    assert!(probed.span("video") > 7.5, "{}", probed.span("video"));
    assert_eq!(probed.stream("video")["width"], 1280);
    assert!(played.ok && played.audio, "{}", played.output);
    assert!(played.frames > 350, "{} frames", played.frames);
    viewed.assert_clean();
    assert!(viewed.seconds() > 24.0, "{} s", viewed.seconds());
    assert!(viewed.segments.iter().any(|segment| segment.discontinuity));
    assert!(viewed.reloads >= 4);
    assert!(origin.hits("index.m3u8") >= 6);
}

/// The clip goes on where it begins again: nobody can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_seamless_loop_has_no_seam() {
    let clip = short_clip();
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(clip.path()).window(3).seamless());
    let url = live.url();
    let (probed, viewed) = tokio::join!(ffprobe_packets(&url, 18), hls_viewer(&url, 10));
    probed.assert_monotone_dts();
    probed.assert_clean(&[]);
    probed.assert_no_gap("video", 0.05);
    viewed.assert_clean();
    assert!(!viewed.segments.iter().any(|segment| segment.discontinuity));
    let mut scan = TsScan::new();
    scan.push(&viewed.ts());
    assert_eq!(scan.continuity_errors, 0);
    assert!(
        (scan.seconds() - viewed.seconds()).abs() < 0.3,
        "{}",
        scan.seconds()
    );

    // Two rounds of a short file, as fast as they come.
    let piece = write_ts(clip.path(), "piece.ts", &viewed.segments[0].body);
    let sport = origin.ts("sport", TsFile::new(piece).unpaced().seamless());
    let whole = viewed.segments[0].body.len() as u64;
    let viewer = TsViewer::open(&sport.url());
    viewer.wait_bytes(whole * 2, Duration::from_secs(10)).await;
    assert_eq!(viewer.seen().continuity_errors, 0);
    assert!(viewer.seen().seconds > 7.5, "{}", viewer.seen().seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_segments_and_byte_ranges_play() {
    let clip = short_clip();
    let origin = Origin::start();
    let channel = || LiveHls::new(clip.path()).window(3);
    let kinds = [
        channel().encrypted(Key::SequenceIv),
        channel().encrypted(Key::ExplicitIv).gzip(),
        channel().byte_ranges(),
        channel()
            .byte_ranges()
            .encrypted(Key::ExplicitIv)
            .redirected(),
    ];
    let mut tasks = Vec::new();
    for (at, kind) in kinds.into_iter().enumerate() {
        let live = origin.live_hls(&format!("c{at}"), kind);
        tasks.push(tokio::spawn(async move {
            // mpv reads no compressed playlists; ffprobe does.
            let probed = ffprobe_packets(&live.url(), 10).await;
            (at, probed, play_with_mpv(&live.url(), 8).await)
        }));
    }
    for task in tasks {
        let (at, probed, played) = task.await.unwrap();
        assert!(probed.span("video") > 9.0, "{at}: {}", probed.span("video"));
        let damaged = ["concealing", "corrupt", "non-existing", "error while"];
        let line = probed
            .stderr
            .lines()
            .find(|line| damaged.iter().any(|word| line.contains(word)));
        assert_eq!(line, None, "{at}: {}", probed.stderr);
        assert!(
            played.frames > 150,
            "{at}: {} frames: {}",
            played.frames,
            played.output
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_come_and_go() {
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(media("bbb-4s")));
    let http = http();
    let status = async |url: &str| -> Option<u16> {
        let asked = http
            .get(url)
            .timeout(Duration::from_millis(500))
            .send()
            .await;
        asked.ok().map(|answer| answer.status().as_u16())
    };
    let url = live.url();
    assert_eq!(status(&url).await, Some(200));
    live.fault(Fault::Playlists(503));
    assert_eq!(status(&url).await, Some(503));
    live.heal();
    live.fault(Fault::StalledPlaylists);
    assert_eq!(status(&url).await, None);
    live.heal();
    assert_eq!(status(&url).await, Some(200));
    origin.stop();
    assert_eq!(origin.counters().open, 0);
    assert_eq!(status(&url).await, None);
    origin.resume();
    assert_eq!(status(&url).await, Some(200));
    origin.stall(true);
    assert_eq!(status(&url).await, None);
    origin.stall(false);
    live.fault(Fault::Segments(404));
    assert_eq!(status(&origin.url("news/r0-0.ts")).await, Some(404));
    live.heal();
    assert_eq!(status(&origin.url("news/r0-0.ts")).await, Some(200));
    live.restart_source();
    assert_eq!(status(&origin.url("news/r0-0.ts")).await, Some(404));
    assert_eq!(status(&origin.url("news/r1-0.ts")).await, Some(200));
    let multi = origin.multivariant("all", &[(&live, 3_000_000, "1280x720")]);
    assert_eq!(ffprobe_stream(&multi, 2).await.len(), 2);
    let agents: Vec<Asked> = origin.requests();
    assert!(
        agents
            .iter()
            .any(|asked| asked.header("user-agent").unwrap_or("").contains("Lavf"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_viewer_sees_what_is_broken() {
    let clip = short_clip();
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(clip.path()).window(3));
    let breaking = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        live.restart_source();
    };
    let url = live.url();
    let (seen, ()) = tokio::join!(hls_viewer(&url, 10), breaking);
    assert!(
        seen.faults.iter().any(|fault| fault.contains("goes back")),
        "{:?}",
        seen.faults
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ts_is_paced_and_ends_as_told() {
    let origin = Origin::start();
    let live = origin.ts("sport", TsFile::new(media("h1080.ts")));
    let viewer = TsViewer::open(&live.url());
    let first = viewer.wait_keyframe(Duration::from_secs(5)).await;
    assert!(first < Duration::from_secs(1), "{first:?}");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let seen = viewer.seen();
    // The clip has a keyframe every two seconds.
    assert!(
        (3..=5).contains(&seen.keyframes.len()),
        "{:?}",
        seen.keyframes
    );
    assert_eq!((seen.continuity_errors, seen.sync_losses), (0, 0));
    live.stall(true);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stalled = viewer.bytes();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(viewer.bytes(), stalled);
    live.stall(false);
    viewer
        .wait_bytes(stalled + 100_000, Duration::from_secs(3))
        .await;
    live.drop_connections();
    let ended = viewer.wait_end(Duration::from_secs(3)).await;
    assert!(ended.error.is_some(), "a broken connection is an error");

    let whole = std::fs::metadata(media("h1080.ts")).unwrap().len();
    let once = origin.ts("once", TsFile::new(media("h1080.ts")).unpaced().once());
    let seen = TsViewer::open(&once.url())
        .wait_end(Duration::from_secs(20))
        .await;
    assert_eq!((seen.bytes, seen.error), (whole, None));
    let cut = origin.ts(
        "cut",
        TsFile::new(media("h1080.ts"))
            .unpaced()
            .close_after(1_000_000),
    );
    let seen = TsViewer::open(&cut.url())
        .wait_end(Duration::from_secs(20))
        .await;
    assert_eq!((seen.bytes, seen.error), (1_000_000, None));
    let broken = origin.ts(
        "broken",
        TsFile::new(media("h1080.ts"))
            .unpaced()
            .abort_after(500_000),
    );
    let seen = TsViewer::open(&broken.url())
        .wait_end(Duration::from_secs(20))
        .await;
    assert!(seen.error.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn ts_plays_in_players() {
    let origin = Origin::start();
    let live = origin.ts("sport", TsFile::new(media("h1080.ts")).redirected());
    let url = live.url();
    let (probed, mpv, gst) = tokio::join!(
        ffprobe_packets(&url, 6),
        play_with_mpv(&url, 6),
        gst_play(&url, 8)
    );
    probed.assert_monotone_dts();
    probed.assert_clean(&[]);
    probed.assert_keyframes_within(2.1);
    probed.assert_no_gap("audio", 0.1);
    assert!(mpv.frames > 120, "{}", mpv.output);
    assert!(mpv.times.windows(2).all(|pair| pair[1] > pair[0]));
    assert!(gst.rendered > 80 && gst.errors.is_empty(), "{}", gst.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_and_hostile_origins_stand() {
    let origin = Origin::start();
    let gate = Gate::open()
        .user_agent("TsViewer")
        .basic("user", "pass")
        .header("x-key", "1");
    let live = origin.ts("closed", TsFile::new(media("h1080.ts")).gate(gate));
    let status = async |headers: &[(&str, &str)]| {
        let headers = headers
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let options = ViewerOptions {
            headers,
            ..ViewerOptions::default()
        };
        TsViewer::open_with(&live.url(), options)
            .wait_status(Duration::from_secs(5))
            .await
    };
    assert_eq!(status(&[]).await, 401);
    let basic = ("authorization", "Basic dXNlcjpwYXNz");
    assert_eq!(status(&[basic]).await, 403);
    assert_eq!(status(&[basic, ("x-key", "1")]).await, 200);

    // The bomb really is a gzip file: far more comes out than went over the wire.
    let before = origin.counters().bytes;
    let mut bomb = http()
        .get(origin.hostile(Hostile::GzipBomb))
        .send()
        .await
        .unwrap();
    let mut unpacked = 0;
    while unpacked < 50_000_000 {
        unpacked += bomb.chunk().await.unwrap().unwrap().len() as u64;
    }
    assert!(unpacked > 10 * (origin.counters().bytes - before));
    drop(bomb);
    let mut junk = http()
        .get(origin.hostile(Hostile::EndlessJunk))
        .send()
        .await
        .unwrap();
    let mut taken = 0;
    while taken < 5_000_000 {
        taken += junk.chunk().await.unwrap().unwrap().len();
    }
    assert!(
        http()
            .get(origin.hostile(Hostile::HugeHeader))
            .send()
            .await
            .is_err()
    );
    assert!(
        http()
            .get(origin.hostile(Hostile::RedirectLoop))
            .send()
            .await
            .is_err()
    );
    let slow = http()
        .get(origin.hostile(Hostile::SlowHeaders))
        .timeout(Duration::from_secs(1));
    assert!(slow.send().await.is_err());
    let page = http()
        .get(origin.hostile(Hostile::Html))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("Login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_viewer_holds_little() {
    let origin = Origin::start();
    let live = origin.ts("fast", TsFile::new(media("h1080.ts")).unpaced());
    let slow = ViewerOptions {
        receive_buffer: Some(16 << 10),
        ..ViewerOptions::default()
    };
    let viewer = TsViewer::open_with(&live.url(), slow);
    viewer.wait_bytes(100_000, Duration::from_secs(5)).await;
    viewer.pause();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = (viewer.bytes(), origin.counters().bytes);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        (viewer.bytes(), origin.counters().bytes),
        before,
        "nothing moves"
    );
    assert!(before.1 - before.0 < 8_000_000, "{before:?}");
    viewer.resume();
    viewer
        .wait_bytes(before.0 + 1_000_000, Duration::from_secs(10))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_serves_a_folder() {
    let mut nginx = Nginx::serve(&media("bbb-4s")).await;
    let packets = ffprobe_packets(&nginx.url("index.m3u8"), 5).await;
    assert!(packets.span("video") > 4.5);
    assert!(
        nginx
            .requests()
            .iter()
            .any(|line| line.starts_with("GET /index.m3u8 206 Lavf"))
    );
    let url = nginx.url("index.m3u8");
    nginx.stop();
    assert!(http().get(url).send().await.is_err());
}

#[tokio::test]
async fn the_scan_knows_keyframes_and_losses() {
    let ts = std::fs::read(media("h1080.ts")).unwrap();
    let mut scan = TsScan::new();
    let mut keyframes = Vec::new();
    for piece in ts.chunks(1000) {
        keyframes.extend(scan.push(piece));
    }
    keyframes.extend(scan.finish());
    assert_eq!(keyframes.len(), 8);
    assert_eq!(scan.codec(), Some(Codec::H264));
    assert_eq!((scan.continuity_errors, scan.sync_losses), (0, 0));
    let mut lossy = TsScan::new();
    lossy.push(&ts[..188 * 1000]);
    lossy.push(&ts[188 * 1001..188 * 2000]);
    assert_eq!(lossy.continuity_errors, 1);
    let first = Picture::first(ts[..2_000_000].to_vec().into())
        .await
        .unwrap();
    let later = Picture::first(ts[8_000_000..10_000_000].to_vec().into())
        .await
        .unwrap();
    assert!(first.distance(&later) > 5.0);
}

#[test]
fn metrics_are_read() {
    let scrape = Metrics::parse(
        "# HELP a_total some\n# TYPE a_total counter\na_total{id=\"x y\",kind=\"b\"} 3\n\
         a_total{id=\"z\"} 4 1700000000\nplain 1e3\ninf{le=\"+Inf\"} +Inf\n",
    );
    assert_eq!(scrape.get("plain"), Some(1000.0));
    assert_eq!(scrape.sum("a_total", &[]).to_string(), "7");
    assert_eq!(scrape.sum("a_total", &[("id", "x y")]).to_string(), "3");
    assert_eq!(scrape.sum("a_total", &[("d", "z")]).to_string(), "0");
    assert!(scrape.has("inf") && !scrape.has("a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_starts_and_ends() {
    let refused = Server::try_start(Options::new().arg("--no-such-flag")).await;
    let failure = refused.err().expect("it refuses");
    assert!(failure.output.contains("--no-such-flag") && !failure.status.success());

    let mut server = Server::start(Options::new()).await;
    let figures = server.figures();
    assert!(figures.threads > 0 && figures.descriptors > 0 && figures.anonymous_bytes > 0);
    assert!(!server.metrics().await.0.is_empty());
    assert_eq!(server.get("/nothing").await.0, 404);
    let (status, took) = server.terminate().await;
    assert!(
        status.success() && took < Duration::from_secs(2),
        "{status} {took:?}"
    );
    let mut again = server.restart().await;
    let pid = again.pid();
    again.kill9();
    let gone = async || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(());
    eventually(
        Duration::from_secs(2),
        "the killed process to be gone",
        gone,
    )
    .await;
}
