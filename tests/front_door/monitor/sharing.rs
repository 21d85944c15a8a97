//! Who watches a monitored stream adds no connection, and no second pull.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::{add, brief, define, until_up, watching};
use crate::SOON;
use crate::support::farm::{Clip, Farm, Layout};
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_monitored_stream_is_no_further_connection() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let server = watching("continuous").await;
    let account = json!({ "id": "provider", "max_connections": 1 });
    assert_eq!(server.post("/api/v1/accounts", &account).await.0, 201);
    let channel = farm.channel("tv", &clip, Layout::short());
    let source = json!({ "url": channel.ts_url(), "account": "provider" });
    server
        .add(json!({ "id": "tv", "name": "tv", "sources": [source], "options": brief(json!({})) }))
        .await;
    until_up(&server, "tv").await;
    assert_eq!(farm.totals().1, 1, "one connection");
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    let from = viewer.bytes();
    viewer.wait_bytes(from + 500_000, SOON).await;
    assert_eq!(farm.totals().1, 1, "still one");
    drop(viewer);
    // The monitor goes on with the same one.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((farm.totals().0, farm.totals().1), (1, 1));
    assert_eq!(health(&server, "tv").await.state, "up");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_segment_is_fetched_once_whoever_looks() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let server = watching("continuous").await;
    let channel = farm.channel("tv", &clip, Layout::short());
    add(&server, &channel).await;
    until_up(&server, "tv").await;
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    // The start for a viewer may fetch again what the monitor had; from then on there is one pull.
    let first = channel.newest() + 1;
    eventually(SOON, "four more segments", async || {
        (channel.newest() >= first + 4).then_some(())
    })
    .await;
    let mut times: HashMap<u64, usize> = HashMap::new();
    for asked in farm.hosts()[0].requests() {
        let number = asked.rest.strip_suffix(".ts").and_then(|n| n.parse().ok());
        if let Some(number) = number.filter(|number| (first..first + 3).contains(number)) {
            *times.entry(number).or_default() += 1;
        }
    }
    assert_eq!(times.len(), 3, "{times:?}");
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!(viewer.seen().continuity_errors, 0);
}

/// Playlists are followed, but media is fetched only to look at it, and a continuous source is left alone
/// between two looks.
#[tokio::test(flavor = "multi_thread")]
async fn sampled_streams_take_little_and_unwatched_ones_nothing() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let server = watching("sampled").await;
    let interval = json!({ "interval_ms": 20_000 });
    let hls = farm.channel("hls", &clip, Layout::short());
    let ts = farm.channel("ts", &clip, Layout::short());
    let off = farm.channel("off", &clip, Layout::short());
    define(&server, "hls", &hls.url(), interval.clone()).await;
    define(&server, "ts", &ts.ts_url(), interval).await;
    define(&server, "off", &off.url(), json!({ "mode": "off" })).await;
    until_up(&server, "hls").await;
    until_up(&server, "ts").await;
    let asked = |part: &str| farm.hosts()[0].hits(part);
    // Both have just been looked at.
    let segments = || {
        let requests = farm.hosts()[0].requests();
        let media = |asked: &&Asked| asked.path.starts_with("/hls/") && asked.rest != "index.m3u8";
        requests.iter().filter(media).count()
    };
    let (playlists, media, looks) = (asked("/hls/index.m3u8"), segments(), asked("/ts/live.ts"));
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(
        asked("/hls/index.m3u8") >= playlists + 3,
        "the playlist is followed"
    );
    assert!(
        segments() <= media + 1,
        "{} segments in 8 s",
        segments() - media
    );
    assert_eq!(asked("/ts/live.ts"), looks, "no look is due");
    assert_eq!(asked("/off/"), 0, "nobody watches it");
    let state = health(&server, "off").await.state;
    assert!(
        ["unknown", "paused", ""].contains(&state.as_str()),
        "{state}"
    );

    // A stream may be watched from now on.
    let patch = json!({ "options": { "monitor": { "mode": "continuous" } } });
    let (status, _, body) = server.patch("/api/v1/streams/off", &patch).await;
    assert_eq!(status, 200, "{body}");
    until_up(&server, "off").await;
    let patch = json!({ "options": { "monitor": { "mode": "off" } } });
    assert_eq!(server.patch("/api/v1/streams/off", &patch).await.0, 200);
    eventually(SOON, "the pull to end", async || {
        let before = asked("/off/");
        tokio::time::sleep(Duration::from_secs(3)).await;
        (asked("/off/") == before).then_some(())
    })
    .await;
}
