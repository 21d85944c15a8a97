//! Segmented sources that are sampled: playlists, and a segment when somebody looks.

use std::time::Duration;

use serde_json::json;
use sightglass::actors::ingest::Phase;
use sightglass::ingest::{Cause, Demand, Look};
use sightglass::ts::Kind;

use crate::rig::{Rig, SOON, until, until_live};
use crate::support::*;

/// A keyframe, and what the source carries.
fn assert_whole(look: &Look, kinds: &[Kind]) {
    let first = &look.chunks[0];
    assert!(first.keyframe.is_some());
    let clocks: Vec<_> = look.chunks.iter().filter_map(|c| c.clock).collect();
    let span = clocks.last().unwrap() - clocks[0];
    assert!(span > 90_000, "{span} ticks");
    let bytes: usize = look.chunks.iter().map(|c| c.data.len()).sum();
    assert!(bytes <= 1 << 20);
    let tracks = look.tracks.as_ref().expect("tracks");
    for kind in kinds {
        assert!(
            tracks.tracks.iter().any(|t| t.codec.kind() == *kind),
            "{kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_fetches_one_segment_of_the_cheapest_variant_that_fits() {
    let origin = Origin::start();
    let channel = || LiveHls::new(media("bbb-4s")).target_duration(4);
    let (best, cheap, tiny) = (
        origin.live_hls("best", channel()),
        origin.live_hls("cheap", channel()),
        origin.live_hls("tiny", channel()),
    );
    let url = origin.multivariant(
        "all",
        &[
            (&best, 5_000_000, "1280x720"),
            (&cheap, 800_000, "640x360"),
            (&tiny, 100_000, "160x90"),
        ],
    );
    let rig = Rig::new(&[]);
    rig.add("news", json!([{"url": url}])).await;
    let segments = |name: &str| {
        let requests = origin.requests();
        let of = |asked: &&Asked| asked.path.contains(name) && asked.path.ends_with(".ts");
        requests.iter().filter(of).count()
    };
    let monitor = rig.monitor("news", Demand::Sampled);
    until_live(&monitor, Demand::Sampled).await;
    let reloads = origin.hits("cheap/index.m3u8");
    eventually(Duration::from_secs(15), "reloads", async || {
        (origin.hits("cheap/index.m3u8") > reloads + 1).then_some(())
    })
    .await;
    assert_eq!(origin.hits(".ts"), 0, "nobody has looked");

    let look = monitor.look().await.unwrap();
    assert_whole(&look, &[Kind::Video, Kind::Audio]);
    assert_eq!((segments("cheap"), origin.hits(".ts")), (1, 1));
    assert_eq!(monitor.feed.bytes_kept(), 0, "it was taken");
    // Who looks together looks at the same; and not at what was seen already.
    let (one, other) = tokio::join!(monitor.look(), monitor.look());
    let begin = |look: &Look| look.chunks[0].keyframe.as_ref().unwrap().pts;
    assert_eq!(begin(&one.unwrap()), begin(&other.unwrap()));
    assert_eq!((segments("cheap"), origin.hits(".ts")), (2, 2));

    // A viewer gets the best from its usual start, as from cold.
    let viewer = rig.watch("news", 1).await;
    println!("first picture after {:?}", viewer.first);
    assert!(viewer.first < Duration::from_secs(2), "{:?}", viewer.first);
    assert!(segments("best") >= 1);
    assert_eq!((segments("cheap"), segments("tiny")), (2, 0));
    assert_eq!(monitor.status().borrow().attempts, 1);
    drop(viewer);
    until_live(&monitor, Demand::Sampled).await;
    let before = origin.hits(".ts");
    monitor.look().await.unwrap();
    assert_eq!(origin.hits(".ts"), before + 1);
    assert_eq!(segments("cheap"), 3);

    // All of it, of the same variant, without another beginning.
    let started = origin.hits("master.m3u8");
    monitor.ask(Demand::Scanned);
    until_live(&monitor, Demand::Scanned).await;
    let total = monitor.feed.bytes_total();
    eventually(Duration::from_secs(10), "media", async || {
        assert!(monitor.feed.bytes_kept() <= 1 << 20);
        (monitor.feed.bytes_total() > total + 1_000_000).then_some(())
    })
    .await;
    assert_eq!(origin.hits("master.m3u8"), started);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_while_it_is_sampled_is_noticed_and_what_nobody_asks_for_is_not() {
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(media("bbb-4s")).target_duration(2));
    let rig = Rig::new(&[]);
    rig.add("news", json!([{"url": live.url()}])).await;
    let monitor = rig.monitor("news", Demand::Sampled);
    until_live(&monitor, Demand::Sampled).await;
    live.fault(Fault::Segments(404));
    let looked = tokio::time::timeout(SOON, monitor.look()).await.unwrap();
    assert_eq!(looked.unwrap_err().cause, Cause::NotFound);
    until(&monitor, "down", |s| s.phase == Phase::BackingOff).await;
    // The playlist alone is no proof any more.
    let attempts = monitor.status().borrow().attempts;
    until(&monitor, "tried again", |s| {
        s.attempts > attempts + 1 && s.error.is_some()
    })
    .await;
    live.heal();
    until_live(&monitor, Demand::Sampled).await;
    monitor.look().await.unwrap();

    origin.stop();
    until(&monitor, "down", |s| s.phase == Phase::BackingOff).await;
    let error = monitor.status().borrow().error.clone().unwrap();
    assert_eq!(error.cause, Cause::Refused);
    assert!(monitor.look().await.is_err());
    origin.resume();
    until_live(&monitor, Demand::Sampled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_brings_the_sound_that_lies_apart() {
    let (hls, dash) = (Packager::live(HLS_LIVE), Packager::live(DASH_TIMELINE));
    let rig = Rig::new(&[]);
    for (id, packager, name) in [("hls", &hls, "main.m3u8"), ("dash", &dash, "main.mpd")] {
        packager.wait().await;
        let part = if id == "hls" { ".m4s" } else { "chunk-" };
        let origin = Origin::start();
        let url = origin.folder(id, packager.folder(), name);
        rig.add(id, json!([{"url": url}])).await;
        let monitor = rig.monitor(id, Demand::Sampled);
        until_live(&monitor, Demand::Sampled).await;
        assert_eq!(origin.hits(part), 0, "{id}: nobody has looked");
        for looks in 1..=2 {
            let look = monitor.look().await.unwrap();
            assert_whole(&look, &[Kind::Video, Kind::Audio]);
            assert_eq!(origin.hits(part), 2 * looks, "{id}");
        }
        let viewer = rig.watch(id, 1).await;
        println!("{id}: first picture after {:?}", viewer.first);
        assert!(viewer.first < Duration::from_secs(3), "{:?}", viewer.first);
        drop(viewer);
        until_live(&monitor, Demand::Sampled).await;
        monitor.look().await.unwrap();
        assert_eq!(monitor.status().borrow().attempts, 1);
    }
}
