//! What a monitor and viewers ask of one pull, against real origins.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::case_sensitive_file_extension_comparisons
)]

#[path = "../support/mod.rs"]
mod support;

mod memory;
mod rig;
mod sampled;

use std::time::{Duration, Instant};

use serde_json::json;
use sightglass::actors::ingest::Phase;
use sightglass::ingest::Demand;

use rig::{Rig, SOON, until, until_count, until_live};
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn monitor_viewer_and_monitor_are_one_connection() {
    let origin = Origin::start();
    // A keyframe each 10 s: who had to wait for the next one would wait for long.
    let ts = origin.ts("tv", TsFile::new(media("gop10.ts")));
    let rig = Rig::new(&[]);
    rig.add("tv", json!([{"url": ts.url()}])).await;
    // Of a continuous source there are no samples.
    let monitor = rig.monitor("tv", Demand::Sampled);
    until_live(&monitor, Demand::Scanned).await;
    let look = monitor.look().await.unwrap();
    assert!(look.chunks[0].keyframe.is_some());
    let viewer = rig.watch("tv", 1).await;
    assert!(
        viewer.first < Duration::from_millis(500),
        "{:?}",
        viewer.first
    );
    until_live(&monitor, Demand::Watched).await;
    assert!(monitor.feed.bytes_kept() > 0);
    drop(viewer);
    until_live(&monitor, Demand::Scanned).await;
    assert!(monitor.feed.bytes_kept() <= 1 << 20);
    assert_eq!(origin.counters().accepted, 1);
    // A viewer's stream that a monitor joins goes on as it is, and so when the monitor leaves.
    let mut viewer = rig.watch("tv", 1).await;
    let again = rig.monitor("tv", Demand::Scanned);
    drop(monitor);
    drop(again);
    viewer.read(2).await;
    assert_eq!(viewer.ingest().status().borrow().demand, Demand::Watched);
    assert_eq!(origin.counters().accepted, 1);
    drop(viewer);
    until_count("the connection to end", 0, || origin.counters().open).await;
    let monitor = rig.monitor("tv", Demand::Scanned);
    until_live(&monitor, Demand::Scanned).await;
    let left = Instant::now();
    drop(monitor);
    until_count("the connection to end", 0, || origin.counters().open).await;
    assert!(
        left.elapsed() < rig::LINGER,
        "nothing lingers for a monitor"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scanned_is_neither_paced_nor_piled_up() {
    let origin = Origin::start();
    let ts = origin.ts("tv", TsFile::new(media("h1080.ts")).unpaced().once());
    let length = std::fs::metadata(media("h1080.ts")).unwrap().len();
    let rig = Rig::new(&[]);
    rig.add("tv", json!([{"url": ts.url()}])).await;
    let monitor = rig.monitor("tv", Demand::Scanned);
    let began = Instant::now();
    eventually(SOON, "all of the file", async || {
        assert!(monitor.feed.bytes_kept() <= 1 << 20);
        (monitor.feed.bytes_total() * 10 > length * 9).then_some(())
    })
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_goes_from_a_monitor_to_a_viewer_and_comes_back() {
    let origin = Origin::start();
    let news = origin.live_hls("news", LiveHls::new(media("bbb-4s")));
    let sport = origin.ts("sport", TsFile::new(media("bbb.ts")));
    let rig = Rig::new(&["provider"]);
    let source = |url: String| json!([{"url": url, "account": "provider"}]);
    rig.add("news", source(news.url())).await;
    rig.add("sport", source(sport.url())).await;
    let monitor = rig.monitor("news", Demand::Sampled);
    until_live(&monitor, Demand::Sampled).await;
    let viewer = rig.watch("sport", 1).await;
    assert!(viewer.first < Duration::from_secs(3), "{:?}", viewer.first);
    until(&monitor, "waiting", |s| {
        s.phase == Phase::Waiting || s.error.is_some()
    })
    .await;
    assert!(origin.counters().open <= 1);
    drop(viewer);
    until_live(&monitor, Demand::Sampled).await;
    // A viewer of the same stream takes the slot over as it is.
    let accepted = origin.counters().accepted;
    let viewer = rig.watch("news", 1).await;
    assert!(viewer.first < Duration::from_secs(3), "{:?}", viewer.first);
    let attempts = monitor.status().borrow().attempts;
    until_live(&monitor, Demand::Watched).await;
    drop(viewer);
    until_live(&monitor, Demand::Sampled).await;
    assert_eq!(monitor.status().borrow().attempts, attempts);
    assert!(origin.counters().accepted <= accepted + 2, "one at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_outranks_another_monitor_though_its_own_waits() {
    let origin = Origin::start();
    let one = origin.ts("one", TsFile::new(media("bbb.ts")));
    let two = origin.ts("two", TsFile::new(media("bbb.ts")));
    let rig = Rig::new(&["provider"]);
    for ts in [("one", &one), ("two", &two)] {
        let source = json!([{"url": ts.1.url(), "account": "provider"}]);
        rig.add(ts.0, source).await;
    }
    let first = rig.monitor("one", Demand::Scanned);
    until_live(&first, Demand::Scanned).await;
    let second = rig.monitor("two", Demand::Scanned);
    until(&second, "waiting", |s| s.phase == Phase::Waiting).await;
    let viewer = rig.watch("two", 1).await;
    assert!(viewer.first < Duration::from_secs(3), "{:?}", viewer.first);
    // Its only client goes over to the other: the monitor of the one waits for its next turn.
    let other = rig.watch("one", 1).await;
    assert!(other.first < Duration::from_secs(8), "{:?}", other.first);
    drop(viewer);
    assert!(!second.has_ended() && !first.has_ended());
    drop(other);
    drop(first);
    until_live(&second, Demand::Scanned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_source_is_taken_back_while_the_backup_is_sampled() {
    let (first, second) = (Origin::start(), Origin::start());
    let channel = || LiveHls::new(media("bbb-4s")).target_duration(2);
    let news = first.live_hls("news", channel());
    let backup = second.live_hls("news", channel());
    let rig = Rig::new(&[]);
    rig.add("news", json!([{"url": news.url()}, {"url": backup.url()}]))
        .await;
    first.stop();
    let monitor = rig.monitor("news", Demand::Sampled);
    until_live(&monitor, Demand::Sampled).await;
    assert_eq!(monitor.status().borrow().source, 1);
    first.resume();
    until(&monitor, "on the first", |s| s.source == 0).await;
    until_live(&monitor, Demand::Sampled).await;
    monitor.look().await.unwrap();
    assert!(monitor.feed.bytes_kept() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_of_a_source_that_refuses_see_the_backup_soon() {
    let (first, second) = (Origin::start(), Origin::start());
    let news = first.live_hls("news", LiveHls::new(media("bbb-4s")));
    let backup = second.live_hls("news", LiveHls::new(media("bbb-4s")));
    let rig = Rig::new(&[]);
    rig.add("news", json!([{"url": news.url()}, {"url": backup.url()}]))
        .await;
    let viewer = rig.watch("news", 1).await;
    first.stop();
    let stopped = Instant::now();
    until(viewer.ingest(), "on the backup", |s| {
        s.source == 1 && s.phase == Phase::Live
    })
    .await;
    let took = stopped.elapsed();
    println!("on the backup after {took:?}");
    // Up to a target duration until the playlist is due, two tries, and what was shown meanwhile.
    assert!(took < Duration::from_secs(8), "{took:?}");
}
