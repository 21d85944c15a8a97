//! Nothing is silently unwatched.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{START, add, define, options, until_up, watching};
use crate::SOON;
use crate::support::farm::{Channel, Clip, Farm, Fault, Layout};
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn coverage_counts_what_was_looked_at() {
    let (farm, clip) = (Farm::with_hosts(3), Clip::main());
    let server = watching("sampled").await;
    let channels = farm.channels(8, &clip, &Layout::short());
    for (n, channel) in channels.iter().enumerate() {
        let mode = ["continuous", "sampled", "off", "sampled"][n % 4];
        define(
            &server,
            channel.name(),
            &channel.url(),
            json!({ "mode": mode }),
        )
        .await;
    }
    eventually(START, "all to be covered", async || {
        (coverage(&server).await >= 1.0).then_some(())
    })
    .await;
    let (_, _, monitor) = server.get("/api/v1/monitor").await;
    assert_eq!(monitor["streams"], 6, "{monitor}");
    assert_eq!(
        monitor["modes"],
        json!({ "continuous": 2, "sampled": 4, "off": 2 }),
        "{monitor}"
    );
    assert_eq!(monitor["behind"], json!([]), "{monitor}");
    for n in [0, 1, 3] {
        until_up(&server, &format!("c{n}")).await;
    }
    let metrics = server.metrics().await;
    assert_eq!(metrics.sum("sightglass_monitor_coverage_ratio", &[]), 1.0);
    assert_eq!(
        metrics.sum("sightglass_stream_up", &[("stream", "c0")]),
        1.0
    );

    channels[1].fault(Fault::Status(503));
    eventually(SOON, "the metrics to tell", async || {
        let metrics = server.metrics().await;
        let up = metrics.sum("sightglass_stream_up", &[("stream", "c1")]);
        let labels = [("stream", "c1"), ("condition", "down")];
        let down = metrics.sum("sightglass_stream_condition", &labels);
        (up == 0.0 && down == 1.0).then_some(())
    })
    .await;
}

/// Sources that never answer take their turn, not everybody's.
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_hang_keep_nobody_from_being_looked_at() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let options = options("sampled").env("MONITOR_HOST_CONCURRENCY", "2");
    let server = Server::start(options).await;
    let all = farm.channels(12, &clip, &Layout::short());
    // Those that hang are the first of the list.
    let (hanging, healthy) = all.split_at(6);
    for channel in hanging {
        channel.fault(Fault::Stalled);
    }
    for channel in &all {
        add(&server, channel).await;
    }
    let up = async |channel: &Channel| {
        let health = health(&server, channel.name()).await;
        health.state == "up" && health.checked_at.is_some()
    };
    eventually(
        Duration::from_secs(40),
        "the healthy to be seen",
        async || {
            for channel in healthy {
                if !up(channel).await {
                    return None;
                }
            }
            Some(())
        },
    )
    .await;
    // And again and again.
    tokio::time::sleep(Duration::from_secs(15)).await;
    for channel in healthy {
        let checked = health(&server, channel.name()).await.checked_at.unwrap();
        let age = Timestamp::now().duration_since(checked).as_secs_f64();
        assert!(age < 20.0, "{} was looked at {age} s ago", channel.name());
    }
    let healths = healths(&server).await;
    for channel in healthy {
        assert!(healths[channel.name()].raised.is_empty());
    }
}
