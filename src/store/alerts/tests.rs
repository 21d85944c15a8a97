use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::alerts::{NotificationId, ReceiverId};
use crate::conditions::{Condition, Kind, Proof, Severity};
use crate::history::EventKind;
use crate::store::{Opened, Settings, outbox, schema};
use crate::stream::{Draft, Record};

fn open(path: &Path) -> Opened {
    Store::open(path, &Settings::default()).expect("opens")
}

fn id(text: &str) -> StreamId {
    StreamId::parse_subject(text).expect("an id")
}

async fn define(store: &Store, stream: &str) {
    let body = json!({ "id": stream, "sources": [{ "url": "http://example.com/a.ts" }] });
    let record = Record {
        definition: Draft::define(body, None, |_| false).expect("valid"),
        revision: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    store.put(vec![Arc::new(record)]).await.expect("written");
}

fn raised(stream: &str, second: i64) -> Event {
    let at = Timestamp::from_second(1_790_000_000 + second).expect("a time");
    let condition = Condition {
        kind: Kind::Down,
        severity: Severity::Critical,
        since: at,
        raised_at: at,
        cleared_at: None,
        ending: None,
        confirmed: false,
        relapses: 0,
        evidence: Proof::default(),
    };
    Event::new(id(stream), at, EventKind::ConditionRaised { condition })
}

fn seconds(entries: &[Journaled]) -> Vec<Option<i64>> {
    let at = |one: &Journaled| {
        one.event
            .as_ref()
            .map(|it| it.at.as_second() - 1_790_000_000)
    };
    entries.iter().map(at).collect()
}

fn notification() -> Notification {
    Notification {
        id: NotificationId(ulid::Ulid::from_parts(1, 1)),
        receiver: ReceiverId("desk".to_owned()),
        at: Timestamp::UNIX_EPOCH,
        items: Vec::new(),
        more: 0,
        common: None,
        held_back: 2,
        pictures: Vec::new(),
    }
}

/// An event that is committed later may lie earlier: it is read all the same, and each is read once.
#[tokio::test]
async fn the_journal_follows_commits_and_forgets_what_is_worked_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    define(&store, "a").await;
    define(&store, "gone").await;
    for event in [
        raised("a", 5),
        raised("a", 3),
        raised("gone", 4),
        raised("_server", 1),
    ] {
        store
            .record(vec![event], Vec::new())
            .await
            .expect("written");
    }
    let health = EventKind::HealthChanged {
        from: crate::conditions::Health::Up,
        to: crate::conditions::Health::Down,
    };
    let health = Event::new(id("a"), Timestamp::UNIX_EPOCH, health);
    store
        .record(vec![health], Vec::new())
        .await
        .expect("written");
    let all = store.journal(0, 10).await.expect("readable");
    assert_eq!(seconds(&all), [Some(5), Some(3), Some(4), Some(1)]);
    assert_eq!(
        all[3].event.as_ref().expect("there").stream,
        StreamId::server()
    );
    let some = store.journal(all[0].entry, 2).await.expect("readable");
    assert_eq!(seconds(&some), [Some(3), Some(4)]);

    let commit = AlertsCommit {
        read: all[1].entry,
        rows: vec![
            ("alert/a/down".to_owned(), Some(b"{}".to_vec())),
            ("alert/b/down".to_owned(), Some(b"{}".to_vec())),
        ],
        notifications: vec![notification()],
    };
    // Twice, as after a failure of which nobody knows whether it was one.
    store.commit_alerts(commit.clone()).await.expect("written");
    store.commit_alerts(commit).await.expect("written");
    let commit = AlertsCommit {
        rows: vec![("alert/b/down".to_owned(), None)],
        ..AlertsCommit::default()
    };
    store.commit_alerts(commit).await.expect("written");
    drop(store);
    closing.wait();

    let Opened {
        store,
        closing,
        alerts,
        ..
    } = open(&path);
    assert_eq!(alerts.state, [("alert/a/down".to_owned(), b"{}".to_vec())]);
    let left = store.journal(0, 10).await.expect("readable");
    assert_eq!(seconds(&left), [Some(4), Some(1)]);
    assert_eq!(left[0].entry, all[2].entry);
    // Numbers are never given twice, also when all are gone.
    let commit = AlertsCommit {
        read: u64::MAX,
        ..AlertsCommit::default()
    };
    store.commit_alerts(commit).await.expect("written");
    assert_eq!(store.journal(0, 10).await.expect("readable"), []);
    let next = store.record(vec![raised("a", 9)], Vec::new());
    next.await.expect("written");
    let next = store.journal(all[3].entry, 10).await.expect("readable");
    assert_eq!(seconds(&next), [Some(9)]);
    drop(store);
    closing.wait();
    let database = schema::open(&path, 1 << 20).expect("opens");
    assert_eq!(outbox::all(&database), [notification()]);
}

#[tokio::test]
async fn what_operators_made_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    let now = Timestamp::UNIX_EPOCH;
    let rule = json!({"id": "all", "receivers": ["desk"]});
    let rule = Kept::new(
        Rule::define(rule, None, |_| false, |_| true).expect("valid"),
        now,
    );
    let desk = json!({"id": "desk", "kind": "webhook", "url": "http://h.example/x", "secret": "s3cret-s3cret-s3cret"});
    let desk = Kept::new(Receiver::define(desk, None, |_| false).expect("valid"), now);
    let works =
        json!({"id": "works", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"});
    let works = Kept::new(
        Maintenance::define(works, None, |_| false).expect("valid"),
        now,
    );
    let put = store.put_alerting(Alerting::Rules, "all", &rule);
    put.await.expect("written");
    let put = store.put_alerting(Alerting::Rules, "old", &rule);
    put.await.expect("written");
    let put = store.put_alerting(Alerting::Receivers, "desk", &desk);
    put.await.expect("written");
    let put = store.put_alerting(Alerting::Maintenance, "works", &works);
    put.await.expect("written");
    let gone = store.delete_alerting(Alerting::Rules, "old");
    gone.await.expect("removed");
    drop(store);
    closing.wait();
    let Opened { alerts, .. } = open(&path);
    assert_eq!(
        (alerts.rules, alerts.receivers, alerts.maintenance),
        (vec![rule], vec![desk], vec![works])
    );
}
