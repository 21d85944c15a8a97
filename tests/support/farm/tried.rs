//! The farm, tried on ffmpeg's detectors and a strict viewer.

#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::farm::{Channel, Clip, Farm, Fault, Layout};
use crate::support::{
    Finished, HlsSeen, TsScan, TsViewer, clean_command, ffprobe_packets, hls_viewer, run, write_ts,
};

/// What ffmpeg finds in the next seconds of a channel: the classic job of a monitor.
async fn detectors(url: &str, seconds: u32) -> String {
    let mut command = clean_command("ffmpeg");
    command
        .args(["-nostdin", "-hide_banner", "-i", url, "-t"])
        .arg(seconds.to_string())
        .args(["-vf", "blackdetect=d=1.5,freezedetect=n=0.005:d=3"])
        .args(["-af", "silencedetect=n=-60dB:d=1.5", "-f", "null", "-"]);
    let limit = Duration::from_secs(u64::from(seconds) + 40);
    let Finished { status, stderr, .. } = run(command, limit).await;
    assert!(
        status.is_some_and(|status| status.success()),
        "{url}: {stderr}"
    );
    let words = ["black_start", "freeze_start", "silence_start"];
    let found = words.iter().filter(|word| stderr.contains(**word));
    found.copied().collect::<Vec<_>>().join(" ")
}

/// The segments of one window, one after the other.
async fn segments(channel: &Channel, seconds: u32) -> HlsSeen {
    let seen = hls_viewer(&channel.url(), seconds).await;
    assert!(!seen.segments.is_empty(), "{:?}", seen.faults);
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn detectors_agree_with_the_fault() {
    let (farm, clip, hard) = (Farm::start(), Clip::main(), Clip::hard());
    let faults = [
        (None, ""),
        (Some(Fault::Black), "black_start freeze_start"),
        (Some(Fault::Frozen), "freeze_start"),
        (Some(Fault::Silent), "silence_start"),
    ];
    let mut tasks = Vec::new();
    for (n, (fault, expected)) in faults.into_iter().enumerate() {
        let channel = farm.channel(&format!("c{n}"), &clip, Layout::short().begin_at(3 * n));
        tasks.push(async move {
            assert_eq!(detectors(&channel.url(), 8).await, "", "{fault:?}: before");
            if let Some(fault) = fault {
                channel.fault(fault);
            }
            // All that was made before has left.
            tokio::time::sleep(Duration::from_secs(11)).await;
            let found = detectors(&channel.url(), 8).await;
            assert_eq!(found, expected, "{fault:?}");
            channel.heal();
        });
    }
    // From the night on, and the still shot.
    let hard = farm.channel("hard", &hard, Layout::short().begin_at(19));
    let hard = async { assert_eq!(detectors(&hard.url(), 24).await, "") };
    tokio::join!(join_all(tasks), hard);
}

#[tokio::test(flavor = "multi_thread")]
async fn playlists_keep_their_promises_over_the_loop() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let near = |layout: Layout| {
        layout
            .begin_at(clip.pieces() - 6)
            .phase(Duration::from_secs(1))
    };
    let wrapping = (1 << 33) - 12 * 90_000;
    let seamless = farm.channel("seamless", &clip, near(Layout::short()).clock(wrapping));
    let marked = farm.channel("marked", &clip, near(Layout::short()).marked());
    let long = farm.channel("long", &clip, near(Layout::default()).marked());
    let regressing = farm.channel("regressing", &clip, Layout::short());
    regressing.fault(Fault::Regressing);
    let (seamless, marked, long, regressing) = tokio::join!(
        segments(&seamless, 14),
        segments(&marked, 14),
        segments(&long, 14),
        segments(&regressing, 8),
    );
    for (seen, breaks) in [(&seamless, 0), (&marked, 1), (&long, 1)] {
        seen.assert_clean();
        let found = seen.segments.iter().filter(|segment| segment.discontinuity);
        assert_eq!(found.count(), breaks);
    }
    assert_eq!((marked.target, long.target), (2, 4));
    let back = regressing.faults.iter().any(|fault| fault.contains("back"));
    assert!(back, "{:?}", regressing.faults);

    let mut scan = TsScan::new();
    scan.push(&seamless.ts());
    assert_eq!((scan.continuity_errors, scan.sync_losses), (0, 0));
    let folder = tempfile::tempdir().unwrap();
    let file = write_ts(folder.path(), "seamless.ts", &seamless.ts());
    let packets = ffprobe_packets(&file, 60).await;
    assert!(packets.span("video") > 18.0, "{}", packets.span("video"));
    packets.assert_monotone_dts();
    packets.assert_clean(&[]);
    packets.assert_no_gap("video", 0.05);
    packets.assert_no_gap("audio", 0.025);
    packets.assert_keyframes_within(2.01);
}

/// A channel whose picture or sound fails is otherwise as it was.
#[tokio::test(flavor = "multi_thread")]
async fn takes_follow_each_other_without_a_seam() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let channel = farm.channel("news", &clip, Layout::short());
    let changing = async {
        for fault in [Fault::Black, Fault::Silent, Fault::Frozen] {
            tokio::time::sleep(Duration::from_secs(3)).await;
            channel.heal();
            channel.fault(fault);
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        channel.heal();
    };
    let (seen, ()) = tokio::join!(segments(&channel, 16), changing);
    seen.assert_clean();
    let mut scan = TsScan::new();
    scan.push(&seen.ts());
    assert_eq!(scan.continuity_errors, 0);
    let folder = tempfile::tempdir().unwrap();
    let file = write_ts(folder.path(), "news.ts", &seen.ts());
    let packets = ffprobe_packets(&file, 60).await;
    packets.assert_monotone_dts();
    packets.assert_no_gap("video", 0.05);
    packets.assert_no_gap("audio", 0.025);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_transport_are_what_they_say() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let name = |n: usize| farm.channel(&format!("c{n}"), &clip, Layout::short());
    let faults = [
        Fault::Lossy,
        Fault::SoundLost,
        Fault::SoundUnnamed,
        Fault::PictureLost,
        Fault::Scrambled,
    ];
    let channels: Vec<Channel> = (0..faults.len()).map(name).collect();
    for (channel, fault) in channels.iter().zip(faults) {
        channel.fault(fault);
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    let all = join_all(channels.iter().map(|channel| segments(channel, 3))).await;
    let folder = tempfile::tempdir().unwrap();
    for (fault, seen) in faults.iter().zip(all) {
        seen.assert_clean();
        let ts = seen.ts();
        if *fault == Fault::Scrambled {
            // ffprobe makes nothing of them, as it should.
            let marked = ts.chunks_exact(188).filter(|packet| packet[3] >> 6 == 2);
            assert!(marked.count() > ts.len() / 188 * 9 / 10);
            continue;
        }
        let file = write_ts(folder.path(), "channel.ts", &ts);
        let packets = ffprobe_packets(&file, 60).await;
        let has = |kind: &str| packets.of(kind).next().is_some();
        let named = |kind: &str| packets.streams.iter().any(|one| one["codec_type"] == kind);
        let mut scan = TsScan::new();
        scan.push(&ts);
        let losses = scan.continuity_errors as f64 / seen.seconds();
        let expected = match fault {
            Fault::Lossy => (5.0..20.0, true, true, true),
            Fault::SoundLost => (0.0..0.01, true, false, true),
            Fault::SoundUnnamed => (0.0..0.01, true, false, false),
            _ => (0.0..0.01, false, true, true),
        };
        assert!(expected.0.contains(&losses), "{fault:?}: {losses} a second");
        assert!(!scan.pcrs.is_empty(), "{fault:?}: the clock goes on");
        let found = (has("video"), has("audio"), named("audio"));
        assert_eq!(found, (expected.1, expected.2, expected.3), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_service_come_and_go() {
    let (farm, clip) = (Farm::with_hosts(2), Clip::main());
    let http = super::http();
    // What a request gets in a second: its status and how many bytes, if it ends at all.
    let ask = async |url: String| -> Option<(u16, usize)> {
        let request = async {
            let answer = http.get(url).send().await.ok()?;
            let status = answer.status().as_u16();
            Some((status, answer.bytes().await.ok()?.len()))
        };
        tokio::time::timeout(Duration::from_secs(1), request)
            .await
            .ok()?
    };
    let channels = farm.channels(4, &clip, &Layout::short());
    let news = Farm::apart("news", &clip, Layout::short());
    let newest = |channel: &Channel| {
        let file = format!("{}.ts", channel.newest());
        channel.url().replace("index.m3u8", &file)
    };
    assert_ne!(
        farm.hosts()[0].address().ip(),
        farm.hosts()[1].address().ip()
    );
    for channel in channels.iter().chain([&news]) {
        assert_eq!(ask(channel.url()).await.unwrap().0, 200);
        assert!(ask(newest(channel)).await.unwrap().1 > 200_000);
    }
    news.fault(Fault::Refused);
    assert_eq!(ask(news.url()).await, None);
    news.heal();
    assert!(ask(news.url()).await.is_some());
    let one = &channels[0];
    one.fault(Fault::Status(503));
    assert_eq!(ask(one.url()).await.unwrap().0, 503);
    assert_eq!(ask(newest(one)).await.unwrap().0, 503);
    one.heal();
    one.fault(Fault::Segments(404));
    assert_eq!(ask(one.url()).await.unwrap().0, 200);
    assert_eq!(ask(newest(one)).await.unwrap().0, 404);
    one.heal();
    one.fault(Fault::Mute);
    assert_eq!(ask(one.url()).await, None);
    one.heal();
    one.fault(Fault::Stalled);
    assert!(ask(one.url()).await.is_some());
    assert_eq!(ask(newest(one)).await, None, "it never ends");
    one.heal();
    one.fault(Fault::Stale);
    let edge = one.newest();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(one.newest(), edge);
    one.heal();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(one.newest() <= edge + 2, "it goes on from where it stood");
    assert!(one.newest() > edge);
    one.fault(Fault::Slow(1.5));
    let began = Instant::now();
    let slow = http.get(newest(one)).send().await.unwrap();
    assert!(slow.bytes().await.unwrap().len() > 200_000);
    let took = began.elapsed().as_secs_f64();
    assert!((2.5..4.0).contains(&took), "{took}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_a_continuous_stream_as_well() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let layout = Layout::short().begin_at(clip.pieces() - 6);
    let channel = farm.channel("news", &clip, layout);
    let viewer = TsViewer::open(&channel.ts_url());
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(7)).await;
    let seen = viewer.seen();
    assert_eq!((seen.continuity_errors, seen.sync_losses), (0, 0));
    let ahead = seen.seconds - began.elapsed().as_secs_f64();
    assert!((-0.5..2.2).contains(&ahead), "{ahead} s ahead of real time");
    channel.fault(Fault::Stalled);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = viewer.bytes();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(viewer.bytes(), before);
    channel.heal();
    viewer
        .wait_bytes(before + 300_000, Duration::from_secs(5))
        .await;
}
