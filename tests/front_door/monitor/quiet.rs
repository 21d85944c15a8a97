//! No false alarms. `make soak-monitor` does the same for an hour, at usual times.

use std::time::Duration;

use serde_json::json;

use super::{define, until_up, watching};
use crate::support::farm::{Clip, Farm, Layout};
use crate::support::*;

/// More than a round of the hard clip.
const WATCHED: Duration = Duration::from_mins(1);

/// Night, fades through black, still shots with grain, quiet passages, clocks that wrap, loops that are
/// marked and loops that are not: at the shortest intervals and hold times, nothing is raised.
#[tokio::test(flavor = "multi_thread")]
async fn healthy_streams_raise_nothing() {
    let (farm, main, hard) = (Farm::start(), Clip::main(), Clip::hard());
    let server = watching("continuous").await;
    // The clock wraps half-way through.
    let wrapping = Layout::short().clock((1 << 33) - 30 * 90_000);
    let channels = [
        farm.channel("main", &main, Layout::short()),
        farm.channel("main-marked", &main, Layout::default().marked()),
        farm.channel("main-wrapping", &main, wrapping.clone()),
        farm.channel("hard", &hard, Layout::short()),
        farm.channel("hard-marked", &hard, Layout::short().marked().begin_at(8)),
        farm.channel("hard-wrapping", &hard, wrapping.begin_at(16)),
    ];
    for channel in &channels {
        define(&server, channel.name(), &channel.url(), json!({})).await;
        let id = format!("{}-sampled", channel.name());
        define(&server, &id, &channel.url(), json!({ "mode": "sampled" })).await;
    }
    for channel in &channels[2..4] {
        let id = format!("{}-ts", channel.name());
        define(&server, &id, &channel.ts_url(), json!({})).await;
    }
    for id in healths(&server).await.keys() {
        until_up(&server, id).await;
    }
    let alarms = alarms(&server, WATCHED).await;
    assert!(alarms.is_empty(), "{alarms:?}");
    let states = healths(&server).await;
    assert!(
        states.values().all(|health| health.state == "up"),
        "{states:#?}"
    );
}

/// A machine that sleeps, a process that was stopped, a server that had no memory for a while: what it did not see
/// meanwhile is no fault of the streams.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stood_still_blames_no_stream() {
    let (farm, main) = (Farm::start(), Clip::main());
    let server = watching("continuous").await;
    let channel = farm.channel("main", &main, Layout::short());
    define(&server, "hls", &channel.url(), json!({})).await;
    define(&server, "ts", &channel.ts_url(), json!({})).await;
    let sampled = json!({ "mode": "sampled" });
    define(&server, "sampled", &channel.url(), sampled).await;
    for id in ["hls", "ts", "sampled"] {
        until_up(&server, id).await;
    }
    // Much longer than anything has to last here.
    server.stand_still(Duration::from_secs(10)).await;
    let alarms = alarms(&server, Duration::from_secs(8)).await;
    assert!(alarms.is_empty(), "{alarms:?}");
    let stood = server.metrics().await;
    assert_eq!(stood.get("sightglass_monitor_standstills_total"), Some(1.0));
}
