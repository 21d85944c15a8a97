//! The history through the store: what is kept, what goes, and what no failure takes away.

mod failures;
mod pictures;
mod removed;
mod retention;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::upkeep::{self, Again};
use super::*;
use crate::conditions::Health;
use crate::history::{Bounds, Buckets, EventKind, MINUTE_MS, Period, Spans};
use crate::store::slot::Slot;
use crate::store::{Opened, Settings, Store, schema};
use crate::stream::{Draft, Record};

/// 2026-11-22T10:00:00Z.
const START: MinuteAt = MinuteAt(29_914_200);

fn id(text: &str) -> StreamId {
    StreamId::parse_subject(text).expect("an id")
}

fn record(id: &str) -> Arc<Record> {
    let json = serde_json::json!({ "id": id, "sources": [{ "url": "http://example.com/a.ts" }] });
    Arc::new(Record {
        definition: Draft::define(json, None, |_| false).expect("valid"),
        revision: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    })
}

fn open(path: &Path) -> Opened {
    Store::open(path, &Settings::default()).expect("opens")
}

fn minute(health: Health) -> Minute {
    Minute {
        spans: Spans::whole(health, MINUTE_MS.into()),
        kilobytes: 2_400,
        bitrate_kbps: 2_500,
        ..Minute::default()
    }
}

fn later(minutes: u32) -> MinuteAt {
    MinuteAt(START.0 + minutes)
}

fn event(stream: &str, at: Timestamp, to: Health) -> Event {
    let from = Health::Unknown;
    Event::new(id(stream), at, EventKind::HealthChanged { from, to })
}

fn hours(count: u32) -> Period {
    Period {
        from: START,
        to: later(count * 60),
    }
}

async fn up_ms(store: &Store, stream: &str, period: Period) -> u64 {
    let found = store.history().availability(vec![id(stream)], period).await;
    found.expect("readable")[0].spans.up
}

#[tokio::test]
async fn the_server_itself_has_events_and_a_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    let at = START.starts();
    let events = vec![event("_server", at, Health::Up)];
    let state = KeptState {
        health: Health::Up,
        since: at,
        conditions: Vec::new(),
    };
    let states = vec![(StreamId::server(), state)];
    let written = store.record(events, states.clone()).await;
    written.expect("written");
    drop(store);
    closing.wait();

    let opened = open(&path);
    assert_eq!(opened.states, states);
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let found = opened
        .store
        .history()
        .events(StreamId::server(), query)
        .await;
    let found = found.expect("readable");
    assert_eq!((found.len(), &found[0].stream), (1, &StreamId::server()));
}

#[tokio::test]
async fn a_restart_keeps_minutes_events_and_states() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    store
        .put(vec![record("a"), record("b")])
        .await
        .expect("defined");
    // Over two hours, in calls as they come; a minute in two halves.
    for n in 0..90 {
        let rows = ["a", "b", "unknown"].map(|s| (id(s), later(n), minute(Health::Up)));
        store.put_minutes(rows.to_vec()).await.expect("written");
    }
    let mut half = minute(Health::Down);
    half.spans = Spans::whole(Health::Down, 30_000);
    for _ in 0..2 {
        let rows = vec![(id("a"), later(90), half)];
        store.put_minutes(rows).await.expect("written");
    }
    let at = START.starts();
    let events = vec![event("a", at, Health::Up), event("a", at, Health::Down)];
    store.record(events, Vec::new()).await.expect("written");
    let foreign = vec![event("unknown", at, Health::Up)];
    store.record(foreign, Vec::new()).await.expect("left out");
    let state = KeptState {
        health: Health::Degraded,
        since: at,
        conditions: Vec::new(),
    };
    let states = vec![(id("a"), state.clone()), (id("unknown"), state.clone())];
    store.record(Vec::new(), states).await.expect("written");
    drop(store);
    closing.wait();

    let Opened { store, states, .. } = open(&path);
    assert_eq!(states, [(id("a"), state)]);
    let asked = ["b", "a", "unknown"].map(id).to_vec();
    let found = store.history().availability(asked, hours(2)).await;
    let found = found.expect("readable");
    let times: Vec<_> = found
        .iter()
        .map(|a| {
            (
                a.spans.up / 60_000,
                a.spans.down / 60_000,
                a.spans.unknown / 60_000,
                a.outages,
            )
        })
        .collect();
    assert_eq!(times, [(90, 0, 30, 0), (90, 1, 29, 1), (0, 0, 120, 0)]);
    let buckets = Buckets::new(hours(2), 60, 100);
    let buckets = store.history().buckets(id("a"), buckets).await;
    let buckets = buckets.expect("readable");
    assert_eq!(buckets.len(), 2);
    assert_eq!(buckets[0].bytes, 60 * 2_400_000);
    assert_eq!(
        (buckets[1].spans.up, buckets[1].spans.down),
        (30 * 60_000, 60_000)
    );
    assert_eq!(buckets[1].bitrate_kbps, Some(2_500));
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let events = store
        .history()
        .events(id("a"), query)
        .await
        .expect("readable");
    let kinds: Vec<_> = events.iter().map(|e| (e.at, &e.kind)).collect();
    let changed = |to| EventKind::HealthChanged {
        from: Health::Unknown,
        to,
    };
    assert_eq!(
        kinds,
        [(at, &changed(Health::Down)), (at, &changed(Health::Up))]
    );
}

#[tokio::test]
async fn events_come_newest_first_in_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let Opened { store, .. } = open(&folder.path().join("s.redb"));
    store
        .put(vec![record("a"), record("b")])
        .await
        .expect("defined");
    // Very many at one time, and one later.
    let at = START.starts();
    let all: Vec<_> = (0..5_000).map(|_| event("a", at, Health::Up)).collect();
    store.record(all, Vec::new()).await.expect("written");
    let second = at + jiff::SignedDuration::from_secs(1);
    let more = vec![event("b", at, Health::Up), event("a", second, Health::Down)];
    store.record(more, Vec::new()).await.expect("written");

    let mut query = EventQuery {
        limit: 700,
        ..EventQuery::default()
    };
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let page = store.history().events(id("a"), query.clone()).await;
        let page = page.expect("readable");
        seen.extend(page.iter().map(|e| e.seq));
        match page.last() {
            Some(last) => query.before = Some(last.seq),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5_001);
    assert!(seen.is_sorted_by(|a, b| a > b), "each once, newest first");
    let count = async |from, to| {
        let query = EventQuery {
            from,
            to,
            before: None,
            limit: 10_000,
        };
        store
            .history()
            .events(id("a"), query)
            .await
            .expect("readable")
            .len()
    };
    assert_eq!(count(Some(second), None).await, 1);
    assert_eq!(count(None, Some(second)).await, 5_000);
    assert_eq!(count(Some(second), Some(at)).await, 0);
}

/// A clock that is set back, or far ahead for a moment, costs no minute that was written before.
#[tokio::test]
async fn minutes_of_any_hour_are_added_to_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let Opened { store, .. } = open(&folder.path().join("s.redb"));
    store.put(vec![record("a")]).await.expect("defined");
    let far = 60 * 24 * 3_650;
    for n in [0, 59, 60, far, 61, 1, 62, 2, far + 1, 119, 120] {
        let rows = vec![(id("a"), later(n), minute(Health::Up))];
        store.put_minutes(rows).await.expect("written");
    }
    // All in one call.
    let rows = [3, 63, 121, 4].map(|n| (id("a"), later(n), minute(Health::Up)));
    store.put_minutes(rows.to_vec()).await.expect("written");
    assert_eq!(up_ms(&store, "a", hours(1)).await, 6 * 60_000);
    assert_eq!(up_ms(&store, "a", hours(3)).await, 13 * 60_000);
}

/// A large question must not make definitions wait, nor the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn readers_and_the_writer_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let slot = slot(&path);
    define(&slot, &["a"]);
    put(&slot, &[("a", 0)]);
    let reader = HistoryReader::new(Arc::clone(&slot));
    let writing = slot.write().expect("begins");
    let found = reader.availability(vec![id("a")], hours(1)).await;
    assert_eq!(found.expect("readable")[0].spans.up, 60_000);
    drop(writing);
    let reading = slot.read().expect("begins");
    put(&slot, &[("a", 1)]);
    drop(reading);
    // One whose caller has gone away gives its place back.
    for _ in 0..10 {
        let asked = reader.availability(vec![id("a")], hours(1));
        let _ = tokio::time::timeout(Duration::ZERO, asked).await;
    }
    let found = reader.availability(vec![id("a")], hours(1)).await;
    assert_eq!(found.expect("readable")[0].spans.up, 120_000);
}

fn slot(path: &Path) -> Arc<Slot> {
    let path = path.to_owned();
    let opener = Box::new(move || schema::open(&path, 1 << 20));
    Arc::new(Slot::new(opener().expect("opens"), opener))
}

/// Writes past the thread that usually does.
fn write(slot: &Slot, work: impl FnOnce(&mut Writing<'_>, Defined<'_, '_>)) {
    let transaction = slot.write().expect("begins");
    {
        let defined = transaction.open_table(schema::STREAMS).expect("opens");
        let mut tables = Writing::open(&transaction).expect("opens");
        work(&mut tables, &defined);
        tables.finish().expect("written");
    }
    transaction.commit().expect("committed");
}

fn define(slot: &Slot, streams: &[&str]) {
    let transaction = slot.write().expect("begins");
    for stream in streams {
        let mut defined = transaction.open_table(schema::STREAMS).expect("opens");
        defined.insert(*stream, &b"{}"[..]).expect("written");
    }
    transaction.commit().expect("committed");
}

fn put(slot: &Slot, minutes: &[(&str, u32)]) {
    let row = |&(stream, n): &(&str, u32)| (id(stream), later(n), minute(Health::Up));
    let rows: Vec<_> = minutes.iter().map(row).collect();
    write(slot, |tables, defined| {
        tables.put_minutes(&rows, defined).expect("written");
    });
}

/// Steps of the upkeep until there is nothing to do; how many.
fn keep_up(slot: &Slot, bounds: &Bounds, now: MinuteAt) -> usize {
    let again = || upkeep::step(slot, bounds, now).expect("a step");
    (0..100_000).take_while(|_| again() != Again::Idle).count()
}
