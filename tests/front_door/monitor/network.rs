//! When everything fails at once, it is us.

use std::time::Duration;

use super::{HOLD, add, until_up, watching};
use crate::SOON;
use crate::support::farm::{Clip, Farm, Layout};
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn our_own_network_is_one_condition_and_a_provider_is_not() {
    let (farm, clip, server) = (
        Farm::with_hosts(5),
        Clip::main(),
        watching("continuous").await,
    );
    let channels = farm.channels(10, &clip, &Layout::short());
    for channel in &channels {
        add(&server, channel).await;
    }
    for channel in &channels {
        until_up(&server, channel.name()).await;
    }
    // A provider fails: both of its channels are down.
    farm.hosts()[1].stop();
    for id in ["c1", "c6"] {
        eventually(SOON, "a provider's channels to be down", async || {
            health(&server, id)
                .await
                .kinds()
                .contains("down")
                .then_some(())
        })
        .await;
    }
    farm.hosts()[1].resume();
    for id in ["c1", "c6"] {
        until_up(&server, id).await;
    }

    // All fail at once.
    for host in farm.hosts() {
        host.stop();
    }
    eventually(SOON, "our own network to be told", async || {
        let (_, _, monitor) = server.get("/api/v1/monitor").await;
        monitor.to_string().contains("own_network").then_some(())
    })
    .await;
    let alarms = alarms(&server, HOLD * 2 + Duration::from_secs(2)).await;
    let single: Vec<_> = alarms
        .iter()
        .filter(|alarm| !alarm.ends_with("own_network"))
        .collect();
    assert!(single.is_empty(), "{single:?}");
    // It is a condition of the server, and kept as one.
    let (_, _, health) = server.get("/api/v1/info/health").await;
    assert_eq!(health["conditions"][0]["kind"], "own_network", "{health}");
    for host in farm.hosts() {
        host.resume();
    }
    for channel in &channels {
        until_up(&server, channel.name()).await;
    }
    eventually(SOON, "our own network to be well again", async || {
        let (_, _, events) = server.get("/api/v1/info/events").await;
        let items = events["items"].as_array()?;
        let told = |kind| {
            let mut items = items.iter().filter(|it| it["type"] == kind);
            items.any(|it| it["condition"]["kind"] == "own_network")
        };
        (told("condition_raised") && told("condition_cleared")).then_some(())
    })
    .await;
}
