//! A restart is no event: what was known is known, and nothing is raised twice.

use std::time::Duration;

use serde_json::Value;

use super::thumbnail::decode;
use super::{CLEAR, HOLD, INTERVAL, add, until_up, watching};
use crate::support::farm::{Clip, Farm, Fault, Layout};
use crate::support::*;

const SEGMENT: Duration = Duration::from_secs(4);

/// How often something of this type is among the events of a stream.
async fn events(server: &Server, id: &str, kind: &str) -> usize {
    let (status, _, page) = server
        .get(&format!("/api/v1/streams/{id}/events?limit=1000"))
        .await;
    assert_eq!(status, 200, "{page}");
    let all = page["items"].as_array().cloned().unwrap_or_default();
    let of_kind = |event: &&Value| event["type"] == kind;
    all.iter().filter(of_kind).count()
}

/// The pictures of a stream that were kept, newest first.
async fn kept(server: &Server, id: &str) -> Vec<Value> {
    let path = format!("/api/v1/streams/{id}/pictures");
    let (status, _, list) = server.get(&path).await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_states_and_raises_nothing_again() {
    let (farm, clip) = (Farm::start(), Clip::main());
    let mut server = watching("continuous").await;
    let black = farm.channel("black", &clip, Layout::short());
    let down = farm.channel("down", &clip, Layout::short());
    let healed = farm.channel("healed", &clip, Layout::short());
    let well = farm.channel("well", &clip, Layout::short());
    for channel in [&black, &down, &healed, &well] {
        add(&server, channel).await;
    }
    for channel in [&black, &down, &healed, &well] {
        until_up(&server, channel.name()).await;
    }
    black.fault(Fault::Black);
    down.fault(Fault::Status(503));
    healed.fault(Fault::Status(404));
    let mut before = Vec::new();
    for (channel, kind) in [(&black, "black"), (&down, "down"), (&healed, "down")] {
        let what = format!("{kind} on {}", channel.name());
        let raised = eventually(Duration::from_secs(25), &what, async || {
            let health = health(&server, channel.name()).await;
            let found = health.raised.into_iter().find(|one| one.kind == kind);
            found.map(|one| (one, health.state))
        })
        .await;
        before.push((channel.name().to_owned(), raised));
    }
    let (status, _) = server.terminate().await;
    assert!(status.success());
    healed.heal();
    let server = server.restart().await;

    // What was on when it was found to be black, as it was kept then; also before any look of now.
    let pictures = kept(&server, "black").await;
    let path = pictures[0]["url"].as_str().expect("a path");
    assert_eq!(pictures[0]["condition"], "black");
    assert_eq!(pictures[0]["raised"], true);
    let answer = server.raw_get(path).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    let jpeg = answer.bytes().await.expect("a picture").to_vec();
    let luma = decode(jpeg).await.mean();
    assert!(luma < 24.0, "mean luma {luma}");
    let none = format!("{}x", path.trim_end_matches(".jpg"));
    for path in [none.as_str(), "/api/v1/streams/black/pictures/9999.jpg"] {
        assert_eq!(server.get(path).await.0, 404, "{path}");
    }

    // At its first answer, before any look can have been taken.
    for (id, (raised, state)) in &before {
        let now = health(&server, id).await;
        assert_eq!(now.raised, std::slice::from_ref(raised), "{id}");
        assert_eq!(now.state, *state, "{id}");
    }
    assert_eq!(health(&server, "well").await.raised, []);
    // What is over is cleared; what is not stays as it was, and so do the healthy.
    let ends = SEGMENT + CLEAR + INTERVAL * 2 + Duration::from_secs(8);
    eventually(ends, "what is over to be cleared", async || {
        let health = health(&server, "healed").await;
        health.raised.is_empty().then_some(())
    })
    .await;
    tokio::time::sleep(HOLD + INTERVAL).await;
    for (id, (raised, _)) in &before[..2] {
        let now = health(&server, id).await;
        assert_eq!(now.raised, std::slice::from_ref(raised), "{id}");
        assert_eq!(events(&server, id, "condition_raised").await, 1, "{id}");
        assert_eq!(events(&server, id, "condition_cleared").await, 0, "{id}");
    }
    assert_eq!(events(&server, "healed", "condition_raised").await, 1);
    assert_eq!(events(&server, "healed", "condition_cleared").await, 1);
    assert_eq!(events(&server, "well", "condition_raised").await, 0);
    // One that comes back is shown as it was when it went, and as it is since.
    let healed = kept(&server, "healed").await;
    let raised: Vec<_> = healed.iter().map(|one| one["raised"].clone()).collect();
    assert_eq!(raised, [false, true], "{healed:?}");
    assert_eq!(kept(&server, "well").await, [] as [Value; 0]);
}
