//! The monitor: what is wrong is told, soon and by its name, and nothing else is.

mod coverage;
mod faults;
mod network;
mod options;
mod quiet;
mod restart;
mod sharing;
mod thumbnail;

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::support::farm::Channel;
use crate::support::*;

/// How long a condition must last here before it is raised, longer than any fade of the clips.
const HOLD: Duration = Duration::from_secs(4);
/// How long it must be gone before it is cleared: the least there is.
const CLEAR: Duration = Duration::from_secs(5);
/// Time between two looks: the least there is.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long at most until the first looks at a stream are done.
const START: Duration = Duration::from_secs(20);
/// Kinds that are judged by the times above.
const KINDS: [&str; 17] = [
    "down",
    "stalled",
    "stale",
    "black",
    "frozen",
    "silent",
    "no_video",
    "no_audio",
    "continuity",
    "transport",
    "scrambled",
    "timing",
    "bitrate",
    "playlist",
    "slow",
    "codec_changed",
    "blocked",
];

/// A server that watches at the shortest intervals, and tries failing sources soon.
async fn watching(mode: &str) -> Server {
    Server::start(options(mode)).await
}

fn options(mode: &str) -> Options {
    let interval = format!("{}s", INTERVAL.as_secs());
    Options::new()
        .env("MONITOR_MODE", mode)
        .env(
            "LOG_LEVEL",
            "info,sightglass::actors::monitor::watcher=debug,sightglass::actors::sampler=debug",
        )
        .env("MONITOR_INTERVAL", &interval)
        .env("MONITOR_PICTURE_INTERVAL", &interval)
        .env("MONITOR_START_RATE", "1000")
        .env("MONITOR_HOST_CONCURRENCY", "32")
        .env("SOURCE_BACKOFF_MIN", "200ms")
        .env("SOURCE_BACKOFF_MAX", "1s")
        .env("SOURCE_TIMEOUT", "2s")
        .env("SOURCE_STALL_TIMEOUT", "6s")
}

/// Options of a stream whose conditions are all held and cleared by the times above.
fn brief(mut monitor: Value) -> Value {
    let times = json!({ "hold_ms": HOLD.as_millis() as u64, "clear_ms": CLEAR.as_millis() as u64 });
    let all: Map<String, Value> = KINDS
        .iter()
        .map(|kind| ((*kind).to_owned(), times.clone()))
        .collect();
    monitor["conditions"] = Value::Object(all);
    json!({ "monitor": monitor })
}

async fn define(server: &Server, id: &str, url: &str, monitor: Value) {
    server
        .add(
            json!({ "id": id, "name": id, "sources": [{ "url": url }], "options": brief(monitor) }),
        )
        .await;
}

async fn add(server: &Server, channel: &Channel) {
    define(server, channel.name(), &channel.url(), json!({})).await;
}

/// Waits until a stream is up, with nothing raised.
async fn until_up(server: &Server, id: &str) {
    let what = format!("{id} to be up");
    eventually(START, &what, async || {
        let health = health(server, id).await;
        (health.state == "up" && health.raised.is_empty()).then_some(())
    })
    .await;
}
