//! Events, history and the availability report, over a store that was filled before.

use std::path::Path;

use jiff::Timestamp;
use sightglass::conditions::{Condition, Health, Kind, Proof, Severity};
use sightglass::history::{Event, EventKind, Minute, MinuteAt, Spans};
use sightglass::store::{Opened, Settings, Store};
use sightglass::stream::StreamId;

use super::*;

const REPORT: &str = "/api/v1/reports/availability";
const BITRATES: &str = "/api/v1/reports/bitrates";
/// A name that a spreadsheet would run, and that no table may break on.
const NAME: &str = "=HYPERLINK(\"http://evil\"), sport";

fn ago(minutes: u32) -> MinuteAt {
    MinuteAt(MinuteAt::of(Timestamp::now()).0 - minutes)
}

fn time(at: MinuteAt) -> String {
    at.starts().to_string()
}

/// Three hours up to an hour ago: `news` with an outage of two and a half minutes, `sport` well.
async fn fill(path: &Path) -> Period {
    let Opened { store, closing, .. } =
        Store::open(path, &Settings::default()).expect("the store opens");
    let id = |text: &str| StreamId::parse(text).expect("an id");
    let (from, to) = (ago(240), ago(60));
    let mut rows = Vec::new();
    for n in from.0..to.0 {
        let mut minute = Minute {
            spans: Spans::whole(Health::Up, 60_000),
            kilobytes: 100,
            bitrate_kbps: 2_500,
            looks: 2,
            ..Minute::default()
        };
        rows.push((id("sport"), MinuteAt(n), minute));
        let outage = n - from.0;
        if (30..33).contains(&outage) {
            let down = if outage == 32 { 30_000 } else { 60_000 };
            minute.spans = Spans::whole(Health::Down, down);
            minute.spans.up = 60_000 - down;
            minute.outages = u32::from(outage == 30);
        }
        rows.push((id("news"), MinuteAt(n), minute));
    }
    store.put_minutes(rows).await.expect("written");
    let at = |n: u32| MinuteAt(from.0 + n).starts();
    let condition = Condition {
        kind: Kind::Down,
        severity: Severity::Critical,
        since: at(30),
        raised_at: at(30),
        cleared_at: None,
        ending: None,
        confirmed: false,
        relapses: 0,
        evidence: Proof::default(),
    };
    let (up, down) = (Health::Up, Health::Down);
    let changed = |from, to| EventKind::HealthChanged { from, to };
    let events = [
        (30, changed(up, down)),
        (30, EventKind::ConditionRaised { condition }),
        (33, changed(down, up)),
    ];
    let events = events.map(|(n, kind)| Event::new(id("news"), at(n), kind));
    store
        .record(events.to_vec(), Vec::new())
        .await
        .expect("written");
    drop(store);
    tokio::task::spawn_blocking(move || closing.wait())
        .await
        .expect("closed");
    Period { from, to }
}

struct Period {
    from: MinuteAt,
    to: MinuteAt,
}

impl Period {
    fn query(&self) -> String {
        format!("from={}&to={}", time(self.from), time(self.to))
    }
}

/// A server with two streams and their history.
async fn watched() -> (Server, Period) {
    let mut server = Server::start(Options::new()).await;
    server.add_stream("news", NOWHERE).await;
    let sport =
        json!({ "id": "sport", "name": NAME, "group": "S", "sources": [{ "url": NOWHERE }] });
    server.add(sport).await;
    server.terminate().await;
    let period = fill(&server.folder().join("sightglass.redb")).await;
    (server.restart().await, period)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_can_be_read_and_survives_a_kill() {
    let (mut server, period) = watched().await;
    server.kill9();
    let server = server.restart().await;

    // Events, newest first, in pages.
    let path = "/api/v1/streams/news/events";
    let (status, _, page) = server.get(&format!("{path}?limit=2")).await;
    assert_eq!(status, 200, "{page}");
    let types = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        items
            .iter()
            .map(|e| e["type"].as_str().expect("a type").to_owned())
            .collect()
    };
    assert_eq!(
        types(&page),
        ["health_changed", "condition_raised"],
        "{page}"
    );
    assert_eq!(page["items"][1]["condition"]["kind"], "down");
    let next = page["next"].as_u64().expect("an older page");
    let (_, _, page) = server.get(&format!("{path}?limit=2&before={next}")).await;
    assert_eq!(
        (types(&page), &page["next"]),
        (vec!["health_changed".to_owned()], &Value::Null)
    );
    assert_eq!(page["items"][0]["to"], "down");
    let (_, _, page) = server
        .get(&format!("{path}?to={}", time(period.from)))
        .await;
    assert_eq!(page["items"], json!([]));

    // The course, in hours and in pages of minutes.
    let path = "/api/v1/streams/news/history";
    let query = period.query();
    let (status, _, all) = server.get(&format!("{path}?{query}&step=31d")).await;
    assert_eq!(
        (status, all["items"].as_array().map(Vec::len)),
        (200, Some(1)),
        "{all}"
    );
    let step = &all["items"][0];
    let whole =
        json!({"up": 10_650.0, "degraded": 0.0, "down": 150.0, "unknown": 0.0, "paused": 0.0});
    assert_eq!(step["seconds"], whole);
    assert_eq!(
        (&step["bitrate"], &step["outages"]),
        (&json!(2_500_000), &json!(1))
    );
    assert_eq!(
        (&step["bytes"], &step["looks"]),
        (&json!(18_000_000), &json!(360))
    );
    let (_, _, minutes) = server
        .get(&format!("{path}?{query}&step=1m&limit=100"))
        .await;
    assert_eq!(minutes["items"].as_array().map(Vec::len), Some(100));
    assert_eq!(minutes["items"][31]["seconds"]["down"], 60.0);
    assert_eq!(minutes["next"], time(MinuteAt(period.from.0 + 100)));
    let (_, _, chosen) = server.get(path).await;
    assert_eq!(
        (&chosen["step"], &chosen["next"]),
        (&json!(300), &Value::Null)
    );

    // The report: what is not known counts neither way.
    let (status, _, report) = server.get(&format!("{REPORT}?from=-1d&stream=news")).await;
    assert_eq!((status, &report["total"]), (200, &json!(1)), "{report}");
    let news = &report["items"][0];
    let uptime = news["uptime"].as_f64().expect("a share");
    assert!((uptime - 10_650.0 / 10_800.0).abs() < 1e-9, "{news}");
    assert_eq!(
        (&news["outages"], &news["longest_outage"]),
        (&json!(1), &json!(150.0))
    );
    assert_eq!(news["seconds"]["unknown"], 86_400.0 - 10_800.0);
    let (_, _, page) = server
        .get(&format!("{REPORT}?{query}&limit=1&offset=1"))
        .await;
    assert_eq!(
        (&page["total"], &page["items"][0]["stream"]),
        (&json!(2), &json!("sport"))
    );
    assert_eq!(page["items"][0]["uptime"], 1.0);

    // As a table, which is not one to be run.
    let (status, headers, table) = server
        .get(&format!("{REPORT}?{query}&format=csv&group=S"))
        .await;
    assert_eq!(status, 200, "{table}");
    assert!(header(&headers, "content-type").starts_with("text/csv"));
    assert!(header(&headers, "content-disposition").starts_with("attachment"));
    let (from, to) = (time(period.from), time(period.to));
    let name = NAME.replace('"', "\"\"");
    let line = format!(
        "\"sport\",\"'{name}\",\"S\",{from},{to},100.0000,10800,0,0,0,0,0,0,0,100.0000\r\n"
    );
    let table = table.as_str().expect("text");
    let (head, rest) = table.split_once("\r\n").expect("lines");
    assert_eq!((head.split(',').count(), rest), (15, line.as_str()));

    // It goes with its stream.
    server.delete("/api/v1/streams/news").await;
    server.add_stream("news", NOWHERE).await;
    let (_, _, page) = server.get("/api/v1/streams/news/events").await;
    assert_eq!(page["items"], json!([]));
    let (_, _, report) = server.get(&format!("{REPORT}?{query}&stream=news")).await;
    assert_eq!(report["items"][0]["uptime"], Value::Null);
}

/// How fast all of them flowed, in one answer.
#[tokio::test(flavor = "multi_thread")]
async fn all_bitrates_are_told_at_once() {
    let (server, _) = watched().await;
    let (status, _, recent) = server.get(BITRATES).await;
    assert_eq!((status, &recent["step"]), (200, &json!(60)), "{recent}");
    assert_eq!(
        (&recent["total"], &recent["streams"]),
        (&json!(2), &json!({}))
    );
    let (_, _, day) = server.get(&format!("{BITRATES}?minutes=1440")).await;
    assert_eq!(day["step"], 24 * 60);
    for stream in ["news", "sport"] {
        let steps = day["streams"][stream].as_array().expect("steps");
        let measured: Vec<&Value> = steps.iter().filter(|step| !step.is_null()).collect();
        assert_eq!(steps.len(), 60);
        // Three hours, which begin anywhere in a step.
        assert!((7..=9).contains(&measured.len()), "{day}");
        assert!(measured.iter().all(|rate| **rate == 2_500_000), "{day}");
    }
    let (_, _, one) = server
        .get(&format!("{BITRATES}?minutes=1440&limit=1&offset=1"))
        .await;
    let streams = one["streams"].as_object().expect("streams");
    assert_eq!((streams.len(), &one["total"]), (1, &json!(2)));
    assert!(streams.contains_key("sport"), "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_about_the_past_are_told_apart() {
    let server = Server::start(Options::new()).await;
    server.add_stream("news", NOWHERE).await;
    let base = "/api/v1/streams/news";
    for path in [
        format!("{base}/events?from=yesterday"),
        format!("{base}/events?from=-1h&to=-2h"),
        format!("{base}/events?limit=0"),
        format!("{base}/events?limit=1001"),
        format!("{base}/events?before=-1"),
        format!("{base}/history?from=-401d"),
        format!("{base}/history?from=2199-01-01"),
        format!("{base}/history?from=now"),
        format!("{base}/history?step=0m"),
        format!("{base}/history?step=5"),
        format!("{base}/history?step=é"),
        format!("{base}/history?step=99999999999h"),
        format!("{base}/history?limit=2001"),
        format!("{REPORT}?to=-99999999999999999999w"),
        format!("{REPORT}?format=xlsx"),
        format!("{REPORT}?limit=1001"),
        format!("{REPORT}?offset=-1"),
        format!("{BITRATES}?minutes=0"),
        format!("{BITRATES}?minutes=1441"),
        format!("{BITRATES}?limit=1001"),
    ] {
        assert_problem(&path, &server.get(&path).await, 400, "bad_request");
    }
    for path in [
        "/api/v1/streams/sport/events".to_owned(),
        "/api/v1/streams/sport/history".to_owned(),
        format!("{REPORT}?stream=news,sport"),
        format!("{REPORT}?stream=.."),
    ] {
        assert_problem(&path, &server.get(&path).await, 404, "not_found");
    }
    // Without any history all of it is unknown.
    let (status, _, report) = server.get(&format!("{REPORT}?from=-1h")).await;
    assert_eq!((status, &report["items"][0]["uptime"]), (200, &Value::Null));
    assert_eq!(report["items"][0]["seconds"]["unknown"], 3_600.0);
    let (status, _, table) = server.get(&format!("{REPORT}?format=csv&offset=7")).await;
    assert_eq!(status, 200);
    assert_eq!(
        table.as_str().map(|t| t.lines().count()),
        Some(1),
        "{table}"
    );
}
