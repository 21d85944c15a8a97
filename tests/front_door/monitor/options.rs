//! What a stream may be without anything being wrong.

use std::time::Duration;

use serde_json::json;

use super::{HOLD, INTERVAL, START, brief, define, until_up, watching};
use crate::support::farm::{Clip, Farm, Fault, Layout};
use crate::support::*;

/// Long enough for anything that would be raised.
const WATCHED: Duration = Duration::from_secs(HOLD.as_secs() + 3 * INTERVAL.as_secs() + 2);

#[tokio::test(flavor = "multi_thread")]
async fn radio_has_no_picture_and_a_test_card_does_not_move() {
    let (origin, farm, clip) = (Origin::start(), Farm::start(), Clip::main());
    let server = watching("continuous").await;
    let radio = origin.ts("radio", TsFile::new(media("radio.ts")).seamless());
    define(&server, "radio", &radio.url(), json!({})).await;
    let camera = origin.ts("camera", TsFile::new(media("noaudio.ts")).seamless());
    define(&server, "camera", &camera.url(), json!({})).await;
    let [card, frozen, off] = ["card", "frozen", "off"].map(|id| {
        let channel = farm.channel(id, &clip, Layout::short());
        channel.fault(Fault::Frozen);
        channel
    });
    define(
        &server,
        "card",
        &card.url(),
        json!({ "still_picture": true }),
    )
    .await;
    define(&server, "frozen", &frozen.url(), json!({})).await;
    // A kind can be switched off.
    let mut options = brief(json!({}));
    options["monitor"]["conditions"]["frozen"]["enabled"] = json!(false);
    let sources = json!([{ "url": off.url() }]);
    server
        .add(json!({ "id": "off", "name": "off", "sources": sources, "options": options }))
        .await;
    for id in ["radio", "camera", "card", "off"] {
        until_up(&server, id).await;
    }
    eventually(START + WATCHED, "the frozen one to be told", async || {
        let health = health(&server, "frozen").await;
        health.kinds().contains("frozen").then_some(())
    })
    .await;
    let alarms = alarms(&server, WATCHED).await;
    let expected = ["frozen: frozen".to_owned()];
    assert!(alarms.iter().eq(&expected), "{alarms:?}");
}
