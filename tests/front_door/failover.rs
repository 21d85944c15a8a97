//! Sources in order: who takes over when one fails. Who is taken back: `protocols.rs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::*;

async fn add(server: &Server, id: &str, urls: &[&str]) {
    let sources: Vec<Value> = urls.iter().map(|url| json!({ "url": url })).collect();
    server
        .add(json!({"id": id, "name": id, "sources": sources}))
        .await;
}

/// How the sources of a stream are.
async fn states(server: &Server, id: &str) -> Vec<Value> {
    let (_, _, body) = server.get(&format!("/api/v1/streams/{id}")).await;
    let states = body["source_states"].as_array();
    states.cloned().unwrap_or_default()
}

async fn until_live(server: &Server, id: &str, source: usize) {
    let what = format!("source {source} of {id} to flow");
    eventually(patience(Duration::from_secs(20)), &what, async || {
        let states = states(server, id).await;
        (states.get(source)?["state"] == "live").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_only_accepts_or_stalls_is_left() {
    let (mute, stalling, backup) = (Origin::start(), Origin::start(), Origin::start());
    let server = Server::start(Options::new().quick()).await;
    mute.stall(true);
    let never = mute.ts("live", TsFile::new(media("bbb.ts")));
    let some = stalling.ts("live", TsFile::new(media("bbb.ts")).stall_after(1_500_000));
    let good = backup.ts("live", TsFile::new(media("bbb.ts")));
    add(&server, "tv", &[&never.url(), &some.url(), &good.url()]).await;
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    until_live(&server, "tv", 1).await;
    let first = &states(&server, "tv").await[0];
    assert_eq!(first["failure"]["cause"], "timeout", "{first}");
    until_live(&server, "tv", 2).await;
    let second = &states(&server, "tv").await[1];
    assert_eq!(second["failure"]["cause"], "stalled", "{second}");
    assert_eq!(viewer.seen().ended, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_backups_are_not_run_through_at_once_and_refusals_are_left_alone() {
    let origin = Origin::start();
    let server = Server::start(Options::new().env("SOURCE_BACKOFF_MIN", "300ms")).await;
    let dead: Vec<String> = (0..4)
        .map(|n| origin.status(&format!("d{n}"), 503))
        .collect();
    let locked = origin.status("locked", 401);
    let mut urls: Vec<&str> = dead.iter().map(String::as_str).collect();
    urls.insert(0, &locked);
    add(&server, "tv", &urls).await;
    let asked = tokio::time::Instant::now();
    let reply = server.get("/streams/preview/tv?timeout=5000").await;
    assert_eq!(reply.0, 504, "{}", reply.2);
    let seconds = asked.elapsed().as_secs_f64();
    let all: usize = origin.requests().len();
    assert!(all >= 5, "each is tried: {all}");
    assert!(
        (all as f64) < 2.0 + seconds / 0.15,
        "{all} requests in {seconds} s"
    );
    assert_eq!(
        origin.hits("locked"),
        1,
        "a refused log-in is not retried like a broken line"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_ask_for_the_next_source() {
    let origin = Origin::start();
    let server = Server::start(Options::new().quick()).await;
    let one = origin.ts("one", TsFile::new(media("bbb.ts")));
    let two = origin.ts("two", TsFile::new(media("bbb.ts")));
    add(&server, "tv", &[&one.url(), &two.url()]).await;
    add(&server, "alone", &[&one.url()]).await;
    let ask = async |id: &str| {
        let path = format!("/api/v1/streams/{id}/failover");
        server.post(&path, &json!({})).await.0
    };
    assert_eq!(ask("tv").await, 409, "nothing is pulled yet");
    assert_eq!(ask("alone").await, 409, "there is no other source");
    assert_eq!(ask("nobody").await, 404);
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    until_live(&server, "tv", 0).await;
    assert_eq!(ask("tv").await, 202);
    until_live(&server, "tv", 1).await;
    let first = &states(&server, "tv").await[0];
    assert_eq!(first["failure"]["cause"], "rejected", "{first}");
    assert!(first["retry_in"].as_f64() > Some(40.0), "{first}");
    assert_eq!(viewer.seen().ended, None);
}
