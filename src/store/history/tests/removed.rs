//! Streams that were removed a moment ago: all of them comes back, for a while.

use super::retention::rows;
use super::*;
use crate::store::{Removed, UNDO};

async fn removed(store: &Store, stream: &str) -> Option<Removed> {
    store.removed(id(stream)).await.expect("readable")
}

/// The writer looks at the clock, too, and must not find it due.
fn just_now() -> Timestamp {
    Timestamp::now()
}

async fn fill(store: &Store, stream: &str) {
    let rows = vec![(id(stream), START, minute(Health::Up))];
    store.put_minutes(rows).await.expect("written");
    let events = vec![event(stream, START.starts(), Health::Up)];
    store.record(events, Vec::new()).await.expect("written");
}

#[tokio::test]
async fn a_stream_comes_back_with_its_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    store.put(vec![record("a")]).await.expect("defined");
    fill(&store, "a").await;
    let at = just_now();
    store.delete(vec![id("a")], at).await.expect("removed");
    assert_eq!(up_ms(&store, "a", hours(1)).await, 0);
    drop(store);
    closing.wait();

    let Opened { store, records, .. } = open(&path);
    assert_eq!(records, []);
    let kept = removed(&store, "a").await.expect("known");
    assert_eq!(kept.at, at);
    let soon = at + UNDO - SignedDuration::from_secs(1);
    let old = kept.clone().restorable(soon).expect("in time");
    assert_eq!(old, *record("a"));
    assert_eq!(kept.restorable(at + UNDO), None);
    assert_eq!(removed(&store, "b").await, None);
    store.restore(Arc::new(old)).await.expect("restored");
    assert_eq!(up_ms(&store, "a", hours(1)).await, 60_000);
    assert_eq!(removed(&store, "a").await, None);
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let events = store.history().events(id("a"), query).await;
    assert_eq!(events.expect("readable").len(), 1);
}

#[tokio::test]
async fn what_was_made_anew_and_removed_again_is_what_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let Opened { store, .. } = open(&folder.path().join("s.redb"));
    let at = just_now();
    for revision in [1, 7] {
        let mut record = Record::clone(&record("a"));
        record.revision = revision;
        store.put(vec![Arc::new(record)]).await.expect("defined");
        if revision == 1 {
            fill(&store, "a").await;
        }
        store.delete(vec![id("a")], at).await.expect("removed");
    }
    let old = removed(&store, "a").await.and_then(|it| it.restorable(at));
    let old = old.expect("in time");
    assert_eq!(old.revision, 7);
    store.restore(Arc::new(old)).await.expect("restored");
    // The history was the other's.
    assert_eq!(up_ms(&store, "a", hours(1)).await, 0);
}

#[tokio::test]
async fn in_the_end_nothing_is_left_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let bounds = Bounds {
        age: Duration::from_hours(100_000),
        ..Bounds::default()
    };
    let settings = Settings {
        history: bounds,
        ..Settings::default()
    };
    let opened = Store::open(&path, &settings).expect("opens");
    let Opened { store, closing, .. } = opened;
    store
        .put(vec![record("a"), record("b")])
        .await
        .expect("defined");
    fill(&store, "a").await;
    fill(&store, "b").await;
    let at = just_now();
    store.delete(vec![id("a")], at).await.expect("removed");
    store.check().await.expect("alive");
    drop(store);
    closing.wait();
    let slot = slot(&path);
    let read = || slot.read().expect("readable");
    let found = || crate::store::removed::find(read(), &id("a")).expect("readable");
    let minutes_after = |minutes: i64| MinuteAt::of(at + SignedDuration::from_mins(minutes));
    keep_up(&slot, &bounds, minutes_after(14));
    assert!(found().expect("known").record.is_some());
    keep_up(&slot, &bounds, minutes_after(17));
    let known = found().expect("that there was one");
    assert_eq!((known.record, known.at), (None, at));
    // The rows of the other are still there.
    assert_eq!(rows(&slot)[1], 1);
    keep_up(&slot, &bounds, minutes_after(24 * 60 + 2));
    assert_eq!(found(), None);
}
