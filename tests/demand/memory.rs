//! What a pull costs that is sampled and waits.

use std::time::Duration;

use serde_json::json;
use sightglass::ingest::Demand;

use crate::rig::{Rig, until_live};
use crate::support::*;

/// Streams; more by the environment variable `SAMPLED_STREAMS`.
const STREAMS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn sampled_streams_are_cheap() {
    let streams = std::env::var("SAMPLED_STREAMS");
    let streams = streams.map_or(STREAMS, |n| n.parse().unwrap());
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(media("bbb-4s")));
    let rig = Rig::new(&[]);
    for n in 0..=streams {
        rig.add(&format!("s{n}"), json!([{"url": live.url()}]))
            .await;
    }
    let ours = || Figures::of(std::process::id()).unwrap();
    // What is set up once is nobody's.
    let first = rig.monitor("s0", Demand::Sampled);
    first.look().await.unwrap();
    let before = ours();
    let mut monitors = Vec::new();
    for n in 1..=streams {
        let monitor = rig.monitor(&format!("s{n}"), Demand::Sampled);
        monitors.push(monitor);
        if n % 20 == 0 {
            // As the monitor does, not all at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for monitor in &monitors {
        until_live(monitor, Demand::Sampled).await;
    }
    let idle = ours()
        .anonymous_bytes
        .saturating_sub(before.anonymous_bytes)
        / streams as u64;
    for few in monitors.chunks(10) {
        let looks = few.iter().map(|monitor| async {
            monitor.look().await.unwrap();
        });
        futures_util::future::join_all(looks).await;
    }
    // The allocator gives back what is free.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = ours();
    let each = after.anonymous_bytes.saturating_sub(before.anonymous_bytes) / streams as u64;
    let descriptors = after.descriptors.saturating_sub(before.descriptors);
    println!(
        "{streams} streams: {} KB each, {} KB before the first look, {descriptors} descriptors (both ends), {:.2} CPU s",
        each >> 10,
        idle >> 10,
        after.cpu_seconds - before.cpu_seconds
    );
    // With the origin's part.
    assert!(each < 250 << 10, "{} KB each", each >> 10);
    // Both ends of those that are kept for the next requests.
    assert!(descriptors < 100, "{descriptors} descriptors");
}
