//! Whatever happens in between, a client ends with what there is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::base::clock;
use crate::stream::{State, StreamId};

/// A client as the manual describes it: lays what it gets over what it has.
#[derive(Debug, Default, Clone, PartialEq)]
struct Client {
    tables: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
}

impl Client {
    fn take(&mut self, document: &str) -> String {
        let Ok(Value::Object(mut document)) = serde_json::from_str(document) else {
            panic!("no JSON object: {document}");
        };
        if document.remove("type") == Some("snapshot".into()) {
            self.tables.clear();
        }
        document.remove("at");
        let id = document.remove("id").expect("an id");
        for (name, value) in document {
            match (name.strip_suffix("_removed"), value) {
                (Some(name), Value::Array(ids)) => {
                    for id in ids {
                        let rows = self.tables.get_mut(name).expect("rows to remove from");
                        rows.remove(id.as_str().expect("a text"))
                            .expect("a row that was told");
                    }
                }
                (None, Value::Array(rows)) => rows.into_iter().for_each(|row| self.lay(&name, row)),
                (None, row) => self.lay(&name, row),
                (Some(_), other) => panic!("{name}: {other}"),
            }
        }
        id.as_str().expect("a text").to_owned()
    }

    fn lay(&mut self, table: &str, row: Value) {
        let Value::Object(members) = row else {
            panic!("{table}: {row}");
        };
        let id = members
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let rows = self.tables.entry(table.to_owned()).or_default();
        rows.entry(id.to_owned())
            .or_default()
            .extend(members.clone());
    }

    /// Without tables that are empty.
    fn known(&self) -> BTreeMap<&str, &BTreeMap<String, Map<String, Value>>> {
        let tables = self.tables.iter().filter(|(_, rows)| !rows.is_empty());
        tables.map(|(name, rows)| (name.as_str(), rows)).collect()
    }
}

/// A client with its connection.
struct Follower {
    filter: Filter,
    known: Client,
    id: Option<String>,
    cursor: Option<u64>,
}

impl Follower {
    fn new(filter: Filter) -> Self {
        Self {
            filter,
            known: Client::default(),
            id: None,
            cursor: None,
        }
    }

    /// Connects as one does who comes back.
    fn connect(&mut self, journal: &Journal) {
        if let Start::After(seq) = journal.start(self.id.as_deref(), &self.filter) {
            self.cursor = Some(seq);
        }
    }

    fn take(&mut self, journal: &Journal) {
        let cursor = self.cursor.filter(|seq| journal.remembers(*seq));
        let document = match cursor {
            Some(seq) => journal.delta(seq, &self.filter),
            None => Some(journal.snapshot(&self.filter)),
        };
        if let Some(document) = document {
            self.id = Some(self.known.take(&document));
        }
        self.cursor = Some(journal.seq());
    }

    fn expected(&self, journal: &Journal) -> Client {
        let mut all = Client::default();
        all.take(&journal.snapshot(&self.filter));
        all
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A row becomes so.
    Put {
        row: usize,
        group: usize,
        value: u8,
        extra: bool,
    },
    Remove(usize),
    /// What was put and removed is committed.
    Commit,
    /// A client takes what there is.
    Take(usize),
    /// A client loses its connection.
    Drop(usize),
    /// The server is started again, with the rows that there were.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..8_usize, 0..3_usize, 0..3_u8, any::<bool>())
            .prop_map(|(row, group, value, extra)| Step::Put { row, group, value, extra }),
        2 => (0..8_usize).prop_map(Step::Remove),
        4 => Just(Step::Commit),
        4 => (0..4_usize).prop_map(Step::Take),
        1 => (0..4_usize).prop_map(Step::Drop),
        1 => Just(Step::Restart),
    ]
}

/// Rows 0 to 5 are streams, 6 is a session, 7 the pool.
fn key(row: usize) -> Key {
    let (section, id) = match row {
        0..6 => (Section::Streams, format!("s{row}")),
        6 => (Section::Sessions, "v".to_owned()),
        _ => (Section::Pool, String::new()),
    };
    Key { section, id }
}

fn update(row: usize, group: usize, value: u8, extra: bool) -> Update {
    let key = key(row);
    let scope = match key.section {
        Section::Pool | Section::Server => Scope::Everybody,
        _ => Scope::Stream {
            id: StreamId::parse(&format!("s{}", row % 6)).expect("an id"),
            group: [None, Some("News"), Some("Sport")][group].map(Arc::from),
        },
    };
    let extra = if extra {
        json!([value, { "k": "down" }])
    } else {
        Value::Null
    };
    let mut members = json!({ "value": value, "group": group, "extra": extra });
    if row < 7 {
        members["id"] = key.id.clone().into();
    }
    let Value::Object(members) = members else {
        unreachable!()
    };
    Update::Put {
        key,
        scope,
        members,
    }
}

fn filters() -> [Filter; 4] {
    let streams = |ids: &[&str]| ids.iter().map(|id| id.parse().expect("an id")).collect();
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    [
        Filter::default(),
        Filter::new(streams(&["s0", "s1"]), groups(&[])).expect("few"),
        Filter::new(streams(&[]), groups(&["News"])).expect("few"),
        Filter::new(streams(&["s2"]), groups(&["Sport"])).expect("few"),
    ]
}

proptest! {
    /// Any interleaving of changes, drops, resumes, restarts and slow clients ends with the client's reconstruction equal to
    /// the state; and so does each step on the way.
    #[test]
    fn every_client_ends_with_what_there_is(
        steps in prop::collection::vec(step(), 0..120),
        changes in 1..30_usize,
        bytes in 200..6_000_usize,
    ) {
        let bounds = Bounds { changes, bytes };
        let mut epoch = 0;
        let mut journal = Journal::new(Epoch::new(epoch), bounds);
        let mut followers = filters().map(Follower::new);
        let mut rows: BTreeMap<usize, Update> = BTreeMap::new();
        let mut batch = Vec::new();
        for step in steps.into_iter().chain([Step::Commit]) {
            match step {
                Step::Put { row, group, value, extra } => {
                    rows.insert(row, update(row, group, value, extra));
                    batch.push(update(row, group, value, extra));
                }
                Step::Remove(row) => {
                    rows.remove(&row);
                    batch.push(Update::Remove(key(row)));
                }
                Step::Commit => {
                    let before = journal.seq();
                    let changed = journal.commit(Timestamp::UNIX_EPOCH, batch.drain(..));
                    prop_assert_eq!(journal.seq(), before + u64::from(changed));
                }
                Step::Take(who) => {
                    followers[who].take(&journal);
                    let expected = followers[who].expected(&journal);
                    prop_assert_eq!(followers[who].known.known(), expected.known());
                }
                Step::Drop(who) => {
                    followers[who].cursor = None;
                    followers[who].connect(&journal);
                }
                Step::Restart => {
                    epoch += 1;
                    journal = Journal::new(Epoch::new(epoch), bounds);
                    journal.commit(Timestamp::UNIX_EPOCH, rows.values().cloned());
                    batch.clear();
                    for one in &mut followers {
                        one.cursor = None;
                        one.connect(&journal);
                        prop_assert_eq!(one.cursor, None);
                    }
                }
            }
        }
        for one in &mut followers {
            one.take(&journal);
            let expected = one.expected(&journal);
            prop_assert_eq!(one.known.known(), expected.known());
            // Nothing is told twice.
            prop_assert_eq!(journal.delta(journal.seq(), &one.filter), None);
        }
    }
}

fn journal(changes: usize) -> Journal {
    let bounds = Bounds {
        changes,
        bytes: 1 << 20,
    };
    Journal::new(Epoch::new(7), bounds)
}

#[test]
fn what_one_knows_decides_how_one_begins() {
    let mut journal = journal(3);
    for value in 0..6 {
        journal.commit(Timestamp::UNIX_EPOCH, [update(0, 0, value, false)]);
    }
    let all = Filter::default();
    let start = |since: &str| journal.start(Some(since), &all);
    let again = |why| Start::Snapshot(Some(why));
    assert_eq!(journal.start(None, &all), Start::Snapshot(None));
    assert_eq!(start("0"), Start::Snapshot(None));
    assert_eq!(start("00000007-6"), Start::After(6));
    assert_eq!(start("00000007-3"), Start::After(3));
    assert_eq!(start("00000007-2"), again(Resync::Gap));
    assert_eq!(start("00000007-7"), again(Resync::Restart));
    assert_eq!(start("00000006-6"), again(Resync::Restart));
    assert_eq!(start("17"), again(Resync::Restart));
    let other = &filters()[1];
    assert_eq!(
        journal.start(Some("00000007-6"), other),
        again(Resync::Filter)
    );
    let own = journal.position(other).to_string();
    assert_eq!(journal.start(Some(&own), other), Start::After(6));
}

#[test]
fn a_delta_has_only_what_is_another() {
    let mut journal = journal(100);
    let at = Timestamp::UNIX_EPOCH;
    journal.commit(at, [update(0, 1, 1, true), update(7, 0, 1, false)]);
    journal.commit(at, [update(0, 1, 2, true), update(7, 0, 1, false)]);
    let document = journal.delta(1, &Filter::default()).expect("a change");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(
        document,
        json!({
            "type": "delta", "id": "00000007-2", "at": "1970-01-01T00:00:00Z",
            "streams": [{ "id": "s0", "value": 2, "extra": [2, { "k": "down" }] }],
        })
    );
    // Who joins a group, and who leaves one.
    journal.commit(at, [update(0, 2, 2, true)]);
    let news = journal.delta(2, &filters()[2]).expect("it has left");
    assert!(news.ends_with(r#","streams_removed":["s0"]}"#), "{news}");
    let sport = journal.delta(2, &filters()[3]).expect("it has come");
    assert!(sport.contains(r#""value":2"#), "{sport}");
}

#[test]
fn more_at_a_time_than_is_remembered_is_told_anew() {
    let mut journal = journal(3);
    journal.commit(Timestamp::UNIX_EPOCH, [update(0, 0, 1, false)]);
    journal.commit(
        Timestamp::UNIX_EPOCH,
        (0..6).map(|row| update(row, 0, 2, false)),
    );
    assert!(!journal.remembers(1));
    assert!(journal.remembers(2));
}

fn stream(health: crate::conditions::Health) -> StreamRow {
    StreamRow {
        id: "news".parse().expect("an id"),
        name: "News".to_owned(),
        group: None,
        state: State::Idle,
        health: Some(health),
        since: Some(Timestamp::UNIX_EPOCH),
        conditions: Vec::new(),
        failure: None,
        source: None,
        viewers: 0,
        thumbnail: None,
        bitrate: None,
    }
}

/// What a differ tells of one stream whose picture and bitrate are these.
fn told(differ: &mut Differ, row: StreamRow, seen: (u64, f64), now: Instant) -> Option<(u64, u64)> {
    let thumbnail = Some(seen.0);
    let row = StreamRow { thumbnail, ..row };
    let streams = vec![SeenStream {
        row,
        bitrate: Some(seen.1),
    }];
    let updates = differ.differ(
        Seen {
            streams,
            ..Seen::default()
        },
        now,
    );
    let [Update::Put { members, .. }] = updates.as_slice() else {
        assert!(updates.is_empty());
        return None;
    };
    Some((members["thumbnail"].as_u64()?, members["bitrate"].as_u64()?))
}

#[test]
fn what_changes_all_the_time_is_told_now_and_then() {
    use crate::conditions::Health::{Degraded, Up};
    let start = clock::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut differ = Differ::default();
    let mut tell = |health, seen, seconds| told(&mut differ, stream(health), seen, at(seconds));
    assert_eq!(tell(Up, (1, 2_512_345.0), 0), Some((1, 2_510_000)));
    assert_eq!(tell(Up, (2, 2_612_345.0), 60), None);
    // More than a fifth, and ten seconds later.
    assert_eq!(tell(Up, (3, 1_000_000.0), 61), Some((1, 1_000_000)));
    assert_eq!(tell(Up, (4, 2_500_000.0), 70), None);
    assert_eq!(tell(Up, (4, 2_500_000.0), 71), Some((1, 2_500_000)));
    // A picture of what has changed is wanted at once.
    assert_eq!(tell(Degraded, (5, 2_500_000.0), 72), Some((5, 2_500_000)));
    assert_eq!(tell(Degraded, (6, 2_500_000.0), 371), None);
    assert_eq!(tell(Degraded, (7, 2_500_000.0), 372), Some((7, 2_500_000)));
    // Whatever else has changed, the pauses are kept.
    let row = StreamRow {
        viewers: 1,
        ..stream(Degraded)
    };
    assert_eq!(told(&mut differ, row, (8, 1.0), at(373)), Some((7, 1)));
}

#[test]
fn a_row_that_was_seen_before_is_not_told_again() {
    let mut differ = Differ::default();
    let seen = Seen {
        server: Some(ServerRow {
            conditions: Vec::new(),
        }),
        ..Seen::default()
    };
    let now = clock::now();
    assert_eq!(differ.differ(seen.clone(), now).len(), 1);
    assert_eq!(differ.differ(seen, now), []);
}
