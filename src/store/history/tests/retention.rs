//! What goes, and what stays.

use std::collections::BTreeSet;

use proptest::prelude::*;
use redb::ReadableTableMetadata;

use super::*;

const STREAMS: [&str; 3] = ["a", "b", "c"];

/// Rows of minutes, of events, of their order; and what they take by the book.
pub(super) fn rows(slot: &Slot) -> [u64; 4] {
    let read = slot.read().expect("begins");
    let bytes = read
        .open_table(META)
        .expect("opens")
        .get(BYTES)
        .expect("readable");
    [
        read.open_table(HOURS)
            .expect("opens")
            .len()
            .expect("readable"),
        read.open_table(EVENTS)
            .expect("opens")
            .len()
            .expect("readable"),
        read.open_table(EVENT_ORDER)
            .expect("opens")
            .len()
            .expect("readable"),
        bytes.map_or(0, |bytes| bytes.value()),
    ]
}

/// All that is kept: minutes and events by stream and hour.
fn kept(slot: &Slot) -> BTreeSet<(&'static str, u32, bool)> {
    let read = slot.read().expect("begins");
    let numbers = read.open_table(NUMBERS).expect("opens");
    let number = |stream: &str| numbers.get(stream).expect("readable").map(|n| n.value());
    let stream = |wanted: u32| STREAMS.into_iter().find(|s| number(s) == Some(wanted));
    let mut kept = BTreeSet::new();
    for row in read
        .open_table(HOURS)
        .expect("opens")
        .iter()
        .expect("readable")
    {
        let (hour, number) = row.expect("readable").0.value();
        kept.insert((stream(number).expect("known"), hour, false));
    }
    for row in read
        .open_table(RUNNING)
        .expect("opens")
        .iter()
        .expect("readable")
    {
        let (number, row) = row.expect("readable");
        let hour = Running::read(row.value()).expect("whole").hour;
        kept.insert((stream(number.value()).expect("known"), hour, false));
    }
    for row in read
        .open_table(EVENTS)
        .expect("opens")
        .iter()
        .expect("readable")
    {
        let (number, seq) = row.expect("readable").0.value();
        let hour = crate::history::event_hour(seq);
        kept.insert((stream(number).expect("known"), hour, true));
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// By age: what is younger stays, all that is older goes. By size: the newest stays, and no more
    /// goes than must. Nothing is left over in the books.
    #[test]
    fn what_is_within_the_bounds_stays_and_nothing_else(
        minutes in prop::collection::vec((0..3_usize, 0..6_000_u32), 1..80),
        happened in prop::collection::vec((0..3_usize, 0..6_000_u32), 0..80),
        age in 0..120_u64,
        size in prop_oneof![Just(u64::MAX), 0..3_000_u64],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let slot = slot(&folder.path().join("s.redb"));
        define(&slot, &STREAMS);
        for some in minutes.chunks(20) {
            let some: Vec<_> = some.iter().map(|&(stream, n)| (STREAMS[stream], n)).collect();
            put(&slot, &some);
        }
        let events: Vec<_> = happened.iter().map(|&(s, n)| event(STREAMS[s], later(n).starts(), Health::Up)).collect();
        write(&slot, |tables, defined| tables.append(&events, defined).expect("written"));
        let before = kept(&slot);
        let now = later(6_200);
        let bounds = Bounds { age: Duration::from_hours(age), bytes: size, ..Bounds::default() };
        keep_up(&slot, &bounds, now);
        let after = kept(&slot);
        prop_assert!(after.is_subset(&before));
        let oldest_wanted = now.hour() - age as u32;
        let young = |hour: &u32| *hour >= oldest_wanted;
        prop_assert!(after.iter().all(|(_, hour, _)| young(hour)));
        let [.., bytes] = rows(&slot);
        if size == u64::MAX {
            let wanted: BTreeSet<_> = before.into_iter().filter(|(_, hour, _)| young(hour)).collect();
            prop_assert_eq!(after, wanted);
        } else {
            let current = after.iter().all(|(_, hour, _)| *hour >= now.hour());
            prop_assert!(bytes <= size || current);
            // Only the oldest went.
            let gone = before.difference(&after).map(|(_, hour, _)| *hour).max().unwrap_or(0);
            prop_assert!(after.iter().all(|(_, hour, _)| *hour > gone), "{gone} {after:?}");
        }
        // The books are right: without any history they are empty.
        keep_up(&slot, &Bounds { age: Duration::ZERO, bytes: 0, ..Bounds::default() }, MinuteAt(u32::MAX - 60));
        prop_assert_eq!(rows(&slot), [0; 4]);
    }
}

#[test]
fn no_more_goes_than_must() {
    let folder = tempfile::tempdir().expect("a folder");
    let slot = slot(&folder.path().join("s.redb"));
    define(&slot, &["a"]);
    for n in 0..10 {
        put(&slot, &[("a", n * 60)]);
    }
    let [nine, .., bytes] = rows(&slot);
    assert_eq!(nine, 9, "and one that runs");
    let bounds = |bytes| Bounds {
        age: Duration::from_hours(1_000),
        bytes,
        ..Bounds::default()
    };
    keep_up(&slot, &bounds(bytes), later(600));
    assert_eq!(rows(&slot)[0], 9);
    keep_up(&slot, &bounds(bytes - 1), later(600));
    assert_eq!(rows(&slot)[0], 8);
}

/// A stream that is removed has no history, at once; one that is made again under its name has a new
/// one. The rows go in small steps.
#[tokio::test]
async fn a_removed_stream_has_no_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    store
        .put(vec![record("a"), record("b")])
        .await
        .expect("defined");
    let fill = async |stream: &str, hours: u32| {
        let rows = (0..hours).map(|n| (id(stream), later(n * 60), minute(Health::Up)));
        store.put_minutes(rows.collect()).await.expect("written");
        let events = (0..hours).map(|n| event(stream, later(n * 60).starts(), Health::Up));
        store
            .record(events.collect(), Vec::new())
            .await
            .expect("written");
    };
    fill("a", 2_500).await;
    fill("b", 10).await;
    let state = KeptState {
        health: Health::Up,
        since: START.starts(),
        conditions: Vec::new(),
    };
    store
        .record(Vec::new(), vec![(id("a"), state)])
        .await
        .expect("written");
    // So long ago that nobody may have it back.
    let long_ago = Timestamp::UNIX_EPOCH;
    store
        .delete(vec![id("a")], long_ago)
        .await
        .expect("removed");
    store.put(vec![record("a")]).await.expect("made again");
    let all = hours(2_500);
    assert_eq!(up_ms(&store, "a", all).await, 0);
    fill("a", 3).await;
    assert_eq!(up_ms(&store, "a", all).await, 3 * 60_000);
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let events = store.history().events(id("a"), query).await;
    assert_eq!(events.expect("readable").len(), 3);
    drop(store);
    closing.wait();

    let Opened {
        store,
        closing,
        states,
        ..
    } = open(&path);
    assert!(states.is_empty());
    drop(store);
    closing.wait();
    let slot = slot(&path);
    let steps = keep_up(
        &slot,
        &Bounds {
            age: Duration::from_hours(10_000),
            bytes: u64::MAX,
            ..Bounds::default()
        },
        later(0),
    );
    // The writer may have taken the first ones before it was closed.
    assert!((1..20).contains(&steps), "{steps} steps");
    let [hours, events, order, _] = rows(&slot);
    assert_eq!((hours + 2, events, order), (13, 13, 13), "two hours run");
}
