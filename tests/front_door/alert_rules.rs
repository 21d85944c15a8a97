//! Alerts as operators meet them: what they make, what is raised, who is told, and that a crash changes none of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const ALERTS: &str = "/api/v1/alerts";
const ACTIVE: &str = "/api/v1/alerts/active";

async fn make(server: &Server, what: &str, body: Value) -> Value {
    let (status, headers, made) = server.post(&format!("{ALERTS}/{what}"), &body).await;
    assert_eq!(status, 201, "{what}: {made}");
    let location = headers["location"].to_str().expect("text").to_owned();
    let (status, read, shown) = server.get(&location).await;
    assert_eq!((status, &shown), (200, &made), "{location}");
    assert_eq!(read["etag"], headers["etag"]);
    made
}

fn pointers(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array().into_iter().flatten();
    errors.filter_map(|one| one["pointer"].as_str()).collect()
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.0, reply.2["code"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_make_is_checked_kept_and_keeps_its_secrets() {
    let server = Server::start(Options::new()).await;
    let desk = make(
        &server,
        "receivers",
        json!({"name": "Desk", "kind": "email", "to": ["desk@example.com"]}),
    )
    .await;
    assert_eq!(
        (&desk["id"], &desk["built_in"]),
        (&json!("desk"), &json!(false))
    );
    let hook = json!({"id": "hook", "kind": "webhook", "url": "https://chat.example/t0ken", "secret": "s3cret-s3cret-s3cret"});
    let hook = make(&server, "receivers", hook).await;
    assert_eq!(hook["secret"], json!({"set": true}));
    // What could never be told is refused when it is said, not when something has happened.
    let inside = json!({"name": "Inside", "kind": "webhook", "url": "http://127.0.0.1:8099/hook"});
    let reply = server.post(&format!("{ALERTS}/receivers"), &inside).await;
    assert_eq!(code(&reply), (422, "invalid_definition"), "{}", reply.2);
    assert_eq!(pointers(&reply.2), ["/url"]);
    assert!(reply.2.to_string().contains("ALERT_ALLOW_LOOPBACK"));
    let rule = json!({"name": "News", "match": {"groups": ["News"], "severities": ["critical"]}, "receivers": ["desk"],
        "hours": {"zone": "Europe/Berlin", "weekly": [{"days": ["mon"], "from": "08:00", "to": "18:00"}]},
        "escalate": [{"after_ms": 60_000, "receivers": ["hook"]}]});
    let rule = make(&server, "rules", rule).await;
    let window = json!({"id": "works", "from": "2026-01-01T00:00:00Z", "to": "2036-01-01T00:00:00Z", "match": {"tags": ["x"]}});
    let window = make(&server, "maintenance", window).await;
    assert_eq!(window["active"], true);

    // All mistakes are told at once, and what is not there cannot be named.
    let bad = json!({"name": "x", "receivers": ["nobody"], "match": {"conditions": ["dark"]}, "hours": {"zone": "Mars"}});
    let reply = server.post(&format!("{ALERTS}/rules"), &bad).await;
    assert_eq!(code(&reply), (422, "invalid_definition"), "{}", reply.2);
    let wanted = [
        "/match/conditions/0",
        "/receivers/0",
        "/hours/zone",
        "/hours/weekly",
    ];
    assert_eq!(pointers(&reply.2), wanted);
    let reply = server.delete(&format!("{ALERTS}/receivers/hook")).await;
    assert_eq!(code(&reply), (409, "receiver_in_use"), "{}", reply.2);
    let reply = server.post(&format!("{ALERTS}/rules"), &rule).await;
    assert_eq!(code(&reply), (409, "exists"));

    // What was read can be sent back: nothing changes, the secret stays. An old tag writes nothing.
    let path = format!("{ALERTS}/receivers/hook");
    let (status, _, put) = server.put(&path, &hook).await;
    assert_eq!((status, &put), (200, &hook));
    let (status, headers, patched) = server.patch(&path, &json!({"enabled": false})).await;
    assert_eq!(
        (status, &patched["revision"]),
        (200, &json!(2)),
        "{patched}"
    );
    assert_eq!(patched["secret"], json!({"set": true}));
    let tag = headers["etag"].to_str().expect("text").to_owned();
    server.patch(&path, &json!({"enabled": true})).await;
    let old = [("if-match", tag.as_str())];
    let reply = server.request(Method::DELETE, &path, &old, None).await;
    assert_eq!(code(&reply), (412, "revision_conflict"));

    let mut server = server;
    server.kill9();
    let server = server.restart().await;
    for (what, made) in [
        ("rules", &rule),
        ("receivers", &desk),
        ("maintenance", &window),
    ] {
        let id = made["id"].as_str().expect("an id");
        let (_, _, kept) = server.get(&format!("{ALERTS}/{what}/{id}")).await;
        assert_eq!(&kept, made);
        let (_, _, list) = server.get(&format!("{ALERTS}/{what}?limit=1")).await;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    }
    assert_eq!(server.delete(&format!("{ALERTS}/rules/news")).await.0, 204);
    assert_eq!(server.delete(&path).await.0, 204);
    for reply in [
        server.get(&path).await,
        server.get(&format!("{ALERTS}/rules/NOPE")).await,
        server
            .delete(&format!("{ACTIVE}/news/down/acknowledgement"))
            .await,
        server
            .delete(&format!("{ACTIVE}/news/dark/acknowledgement"))
            .await,
    ] {
        assert_eq!(code(&reply), (404, "not_found"), "{}", reply.2);
    }
    let reply = server.get(&format!("{ACTIVE}?severity=dire")).await;
    assert_eq!(code(&reply), (400, "bad_request"));
    assert!(!server.logs().contain("s3cret") && !server.logs().contain("t0ken"));
}

/// A stream whose source is not there, which is told after a second.
async fn dead(server: &Server, origin: &Origin, id: &str, tag: &str) {
    let url = origin.status(id, 404);
    let options = json!({"monitor": {"conditions": {"down": {"hold_ms": 1_000}}}});
    let body = json!({"id": id, "name": id, "tags": [tag], "group": "Dead", "sources": [{"url": url}], "options": options});
    server.add(body).await;
}

async fn active(server: &Server, query: &str) -> Vec<Value> {
    let (status, _, list) = server.get(&format!("{ACTIVE}?limit=1000&{query}")).await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().cloned().unwrap_or_default()
}

/// Items of each notification, in order, as the log has them.
fn notifications(server: &Server) -> Vec<u64> {
    let lines = server.logs().lines();
    let told = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["fields"]["message"] == "alert").then(|| line["fields"]["items"].as_u64())?
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_once_and_together_whatever_crashes() {
    const STREAMS: usize = 40;
    let origin = Origin::start();
    let options = Options::new()
        .env("MONITOR_MODE", "continuous")
        .env("MONITOR_START_RATE", "1000")
        .env("MONITOR_HOST_CONCURRENCY", "64")
        .quick();
    let mut server = Server::start(options).await;
    make(
        &server,
        "receivers",
        json!({"id": "desk", "kind": "email", "to": ["desk@example.com"]}),
    )
    .await;
    make(
        &server,
        "rules",
        json!({"id": "all", "receivers": ["desk"]}),
    )
    .await;
    let window = json!({"id": "works", "from": "2026-01-01T00:00:00Z", "to": "2036-01-01T00:00:00Z", "match": {"tags": ["works"]}});
    make(&server, "maintenance", window).await;
    for n in 0..STREAMS {
        dead(&server, &origin, &format!("dead-{n:02}"), "plain").await;
    }
    dead(&server, &origin, "quiet", "works").await;
    let told = |alert: &&Value| alert["told"] == json!(["desk"]);
    eventually(Duration::from_secs(40), "all to be told", async || {
        let all = active(&server, "severity=critical").await;
        (all.iter().filter(told).count() == STREAMS && all.len() > STREAMS).then_some(())
    })
    .await;
    let sent = notifications(&server);
    assert!(
        sent.len() <= 4 && sent.iter().sum::<u64>() == STREAMS as u64,
        "{sent:?}"
    );
    let quiet = active(&server, "stream=quiet").await;
    assert_eq!(
        (&quiet[0]["maintenance"], &quiet[0]["told"]),
        (&json!(true), &json!([]))
    );

    let seen = format!("{ACTIVE}/dead-00/down/acknowledgement");
    let (status, _, alert) = server
        .put(&seen, &json!({"by": "Ann", "comment": "on it"}))
        .await;
    assert_eq!(
        (status, &alert["acknowledged"]["by"]),
        (200, &json!("Ann")),
        "{alert}"
    );
    let reply = server
        .put(&seen, &json!({"until": "2020-01-01T00:00:00Z"}))
        .await;
    assert_eq!(pointers(&reply.2), ["/by", "/until"], "{}", reply.2);
    let metrics = server.metrics().await;
    assert_eq!(metrics.sum("sightglass_alerts_acknowledged", &[]), 1.0);
    assert_eq!(
        metrics.sum("sightglass_alerts_active", &[("severity", "critical")]),
        STREAMS as f64
    );

    server.kill9();
    let server = server.restart().await;
    let path = format!("{ALERTS}/maintenance/works");
    assert_eq!(server.delete(&path).await.0, 204);
    server
        .patch("/api/v1/streams/dead-01", &json!({"enabled": false}))
        .await;
    eventually(
        Duration::from_secs(20),
        "what maintenance hid to be told",
        async || {
            let quiet = active(&server, "stream=quiet").await;
            quiet.iter().find(told).map(|_| ())
        },
    )
    .await;
    assert_eq!(
        notifications(&server),
        [1],
        "nothing is told again after a crash"
    );
    assert_eq!(active(&server, "acknowledged=true").await.len(), 1);
    assert_eq!(active(&server, "stream=dead-01").await, [] as [Value; 0]);
    let (status, _, alert) = server.delete(&seen).await;
    assert_eq!(
        (status, &alert["acknowledged"]),
        (200, &Value::Null),
        "{alert}"
    );
}
