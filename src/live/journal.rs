//! All rows as they are, and a bounded log of how they came to be so.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Epoch, Filter, Key, Position, Scope, Section};

/// The members of a row.
type Members = Map<String, Value>;

/// How much is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Changes of rows.
    pub changes: usize,
    /// Their bytes, roughly.
    pub bytes: usize,
}

/// A row is, or is no more.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The row is so now, whether it was there before or not.
    Put {
        /// Which row.
        key: Key,
        /// Whom it concerns.
        scope: Scope,
        /// All its members.
        members: Members,
    },
    /// The row is gone.
    Remove(Key),
}

/// Why a client that knew something is told everything anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resync {
    /// What it knows is of another run of the server, or of nothing that was ever told.
    Restart,
    /// What it knows was told to another filter.
    Filter,
    /// What has changed since is no longer remembered: it was away for too long, or more changed at once than is remembered.
    Gap,
    /// The same, of one that was there all the time and takes what it is told too slowly.
    Slow,
}

/// How a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With everything; for which reason, if it knew something.
    Snapshot(Option<Resync>),
    /// With what has changed since this sequence number.
    After(u64),
}

/// All rows as they are, and how they came to be so.
#[derive(Debug)]
pub struct Journal {
    epoch: Epoch,
    bounds: Bounds,
    seq: u64,
    at: Timestamp,
    rows: BTreeMap<Key, Row>,
    log: VecDeque<Change>,
    bytes: usize,
    /// The newest sequence number of which a change is no longer in the log.
    forgotten: u64,
}

#[derive(Debug)]
struct Row {
    scope: Scope,
    /// Its members as JSON text: a snapshot joins these.
    text: Box<str>,
}

#[derive(Debug)]
struct Change {
    seq: u64,
    key: Key,
    /// Whom the row concerned before; `None` when it was not there.
    before: Option<Scope>,
    /// Whom it concerns; `None` when it is gone.
    after: Option<Scope>,
    /// The members that are others than before, of a row that was there before.
    members: Members,
    bytes: usize,
}

/// What becomes of all changes of one row since some time.
struct Folded<'a> {
    was: bool,
    change: &'a Change,
    members: Members,
    /// It was gone meanwhile: what is there now is another row of that name.
    anew: bool,
}

impl Journal {
    /// No rows yet.
    pub fn new(epoch: Epoch, bounds: Bounds) -> Self {
        Self {
            epoch,
            bounds,
            seq: 0,
            at: Timestamp::UNIX_EPOCH,
            rows: BTreeMap::new(),
            log: VecDeque::new(),
            bytes: 0,
            forgotten: 0,
        }
    }

    /// The newest sequence number; 0 before the first change.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where one is who has been told everything.
    pub fn position(&self, filter: &Filter) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.seq,
            filter: filter.tag(),
        }
    }

    /// Takes in what has changed at a time, under one sequence number; false when nothing has.
    pub fn commit(&mut self, at: Timestamp, updates: impl IntoIterator<Item = Update>) -> bool {
        let next = self.seq + 1;
        let mut changed = false;
        for update in updates {
            let change = match update {
                Update::Put {
                    key,
                    scope,
                    members,
                } => self.put(next, key, scope, members),
                Update::Remove(key) => self.remove(next, key),
            };
            if let Some(change) = change {
                changed = true;
                self.bytes += change.bytes;
                self.log.push_back(change);
                self.forget();
            }
        }
        if changed {
            self.seq = next;
            self.at = at;
        }
        changed
    }

    /// How one begins who knows what was told until `since`.
    pub fn start(&self, since: Option<&str>, filter: &Filter) -> Start {
        let Some(text) = since.filter(|text| !text.is_empty() && *text != "0") else {
            return Start::Snapshot(None);
        };
        let again = |why| Start::Snapshot(Some(why));
        match Position::parse(text) {
            Some(known) if known.epoch == self.epoch && known.seq <= self.seq => {
                if known.filter != filter.tag() {
                    again(Resync::Filter)
                } else if self.remembers(known.seq) {
                    Start::After(known.seq)
                } else {
                    again(Resync::Gap)
                }
            }
            _ => again(Resync::Restart),
        }
    }

    /// Whether it can tell all that has changed since then.
    pub fn remembers(&self, seq: u64) -> bool {
        seq >= self.forgotten
    }

    /// All rows that the filter lets through, as one document.
    pub fn snapshot(&self, filter: &Filter) -> String {
        let mut out = Writer::begin("snapshot", &self.position(filter), self.at);
        for (key, row) in &self.rows {
            if filter.matches(&row.scope) {
                out.row(key.section, &row.text);
            }
        }
        out.finish(true)
    }

    /// A delta without any change.
    pub fn unchanged(&self, filter: &Filter) -> String {
        Writer::begin("delta", &self.position(filter), self.at).finish(false)
    }

    /// What has changed since then, each row once, as one document; `None` when nothing has that the filter lets through.
    /// Only for what it [remembers](Self::remembers).
    pub fn delta(&self, since: u64, filter: &Filter) -> Option<String> {
        let from = self.log.partition_point(|change| change.seq <= since);
        let mut folded: BTreeMap<&Key, Folded<'_>> = BTreeMap::new();
        for change in self.log.range(from..) {
            let one = folded.entry(&change.key).or_insert_with(|| Folded {
                was: change.before.as_ref().is_some_and(|s| filter.matches(s)),
                change,
                members: Members::new(),
                anew: false,
            });
            one.change = change;
            one.anew |= change.before.is_none() || change.after.is_none();
            one.members.extend(change.members.clone());
        }
        let mut out = Writer::begin("delta", &self.position(filter), self.at);
        for (key, one) in folded {
            let after = one.change.after.as_ref();
            let is = after.is_some_and(|scope| filter.matches(scope));
            match (one.was, is) {
                (false, false) => {}
                (true, false) => out.removed(key),
                (true, true) if !one.anew => out.patch(key, one.members),
                (_, true) => {
                    if let Some(row) = self.rows.get(key) {
                        out.row(key.section, &row.text);
                    }
                }
            }
        }
        (!out.is_empty()).then(|| out.finish(false))
    }

    fn put(&mut self, seq: u64, key: Key, scope: Scope, members: Members) -> Option<Change> {
        let old = self.rows.get(&key);
        let mut others = members.clone();
        if let Some(old) = old {
            let before: Members = serde_json::from_str(&old.text).unwrap_or_default();
            others.retain(|name, value| before.get(name) != Some(value));
            if others.is_empty() && old.scope == scope {
                return None;
            }
        }
        let before = old.map(|old| old.scope.clone());
        if before.is_none() {
            // All of it is in the row.
            others.clear();
        }
        let text = Value::Object(members).to_string().into();
        let row = Row {
            scope: scope.clone(),
            text,
        };
        self.rows.insert(key.clone(), row);
        Some(Change::new(seq, key, before, Some(scope), others))
    }

    fn remove(&mut self, seq: u64, key: Key) -> Option<Change> {
        let old = self.rows.remove(&key)?;
        Some(Change::new(seq, key, Some(old.scope), None, Members::new()))
    }

    fn forget(&mut self) {
        while self.log.len() > self.bounds.changes || self.bytes > self.bounds.bytes {
            let Some(oldest) = self.log.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes;
            self.forgotten = oldest.seq;
        }
    }
}

impl Change {
    fn new(
        seq: u64,
        key: Key,
        before: Option<Scope>,
        after: Option<Scope>,
        members: Members,
    ) -> Self {
        // A member is a name, a value and the node of a tree; scopes share their text with the rows.
        let of_members = members.iter();
        let of_members = of_members.map(|(name, value)| name.len() + weight(value) + 64);
        let bytes = size_of::<Self>() + key.id.len() + of_members.sum::<usize>();
        Self {
            seq,
            key,
            before,
            after,
            members,
            bytes,
        }
    }
}

/// Roughly the bytes behind a value.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(all) => all.iter().map(|one| size_of_val(one) + weight(one)).sum(),
        Value::Object(all) => all
            .iter()
            .map(|(name, one)| name.len() + weight(one) + 64)
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Writes a document, of rows in the order of their tables.
struct Writer {
    head: String,
    rows: [String; 4],
    removed: [String; 4],
}

impl Writer {
    fn begin(kind: &str, position: &Position, at: Timestamp) -> Self {
        Self {
            head: format!(r#"{{"type":"{kind}","id":"{position}","at":"{at}""#),
            rows: Default::default(),
            removed: Default::default(),
        }
    }

    fn row(&mut self, section: Section, text: &str) {
        add(&mut self.rows[section as usize], text);
    }

    fn patch(&mut self, key: &Key, mut members: Members) {
        if members.is_empty() {
            return;
        }
        if key.section.is_list() {
            members.insert("id".to_owned(), key.id.clone().into());
        }
        self.row(key.section, &Value::Object(members).to_string());
    }

    fn removed(&mut self, key: &Key) {
        let id = Value::from(key.id.as_str()).to_string();
        add(&mut self.removed[key.section as usize], &id);
    }

    fn is_empty(&self) -> bool {
        let mut parts = self.rows.iter().chain(&self.removed);
        parts.all(String::is_empty)
    }

    /// `whole` documents have their lists though they are empty.
    fn finish(self, whole: bool) -> String {
        let mut out = self.head;
        let sections = [
            Section::Streams,
            Section::Sessions,
            Section::Pool,
            Section::Server,
        ];
        for section in sections {
            let (rows, removed) = (
                &self.rows[section as usize],
                &self.removed[section as usize],
            );
            let name = section.name();
            // Writing to a String does not fail.
            if section.is_list() && (whole || !rows.is_empty()) {
                let _ = write!(out, r#","{name}":[{rows}]"#);
            } else if !rows.is_empty() {
                let _ = write!(out, r#","{name}":{rows}"#);
            }
            if !removed.is_empty() {
                let _ = write!(out, r#","{name}_removed":[{removed}]"#);
            }
        }
        out.push('}');
        out
    }
}

fn add(list: &mut String, one: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(one);
}
