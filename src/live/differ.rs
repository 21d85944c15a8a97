//! What of all that is seen is worth telling.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Key, PoolRow, Scope, Section, ServerRow, SessionRow, StreamRow, Update};
use crate::base::ids::SessionId;
use crate::stream::StreamId;

/// A bitrate is told this often at most.
pub const BITRATE_PAUSE: Duration = Duration::from_secs(10);
/// A new picture is told this often at most, unless health or conditions have changed.
pub const THUMBNAIL_PAUSE: Duration = Duration::from_mins(5);
/// A bitrate that differs by no more than this share of what was told is not told.
const BITRATE_SHARE: f64 = 0.2;

/// The server as it is at one moment.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The streams, by id.
    pub streams: Vec<SeenStream>,
    /// The sessions, by id.
    pub sessions: Vec<SessionRow>,
    /// The pool.
    pub pool: Option<PoolRow>,
    /// The server itself.
    pub server: Option<ServerRow>,
}

/// A stream as it is at one moment.
#[derive(Clone, Debug)]
pub struct SeenStream {
    /// What would be told; its bitrate and its thumbnail are the newest.
    pub row: StreamRow,
    /// The bitrate as it was measured, bits a second.
    pub bitrate: Option<f64>,
}

/// Remembers what was told, and finds what has changed.
#[derive(Debug, Default)]
pub struct Differ {
    streams: BTreeMap<StreamId, Told>,
    sessions: BTreeMap<SessionId, (SessionRow, Scope)>,
    pool: Option<PoolRow>,
    server: Option<ServerRow>,
}

#[derive(Debug)]
struct Told {
    row: StreamRow,
    scope: Scope,
    bitrate_at: Instant,
    thumbnail_at: Instant,
}

impl Differ {
    /// What is to be told of what is seen now.
    pub fn differ(&mut self, seen: Seen, now: Instant) -> Vec<Update> {
        let mut updates = Vec::new();
        self.streams(seen.streams, now, &mut updates);
        self.sessions(seen.sessions, &mut updates);
        single(&mut self.pool, seen.pool, Section::Pool, &mut updates);
        single(&mut self.server, seen.server, Section::Server, &mut updates);
        updates
    }

    fn streams(&mut self, seen: Vec<SeenStream>, now: Instant, updates: &mut Vec<Update>) {
        let mut before = std::mem::take(&mut self.streams);
        for one in seen {
            let id = one.row.id.clone();
            let (told, changed) = if let Some(mut told) = before.remove(&id) {
                let changed = told.take(one, now);
                (told, changed)
            } else {
                (Told::first(one, now), true)
            };
            if changed {
                updates.push(put(Section::Streams, id.as_str(), &told.scope, &told.row));
            }
            self.streams.insert(id, told);
        }
        updates.extend(before.into_keys().map(|id| remove(Section::Streams, &id)));
    }

    fn sessions(&mut self, seen: Vec<SessionRow>, updates: &mut Vec<Update>) {
        let mut before = std::mem::take(&mut self.sessions);
        for row in seen {
            // One whose stream was removed concerns those who named it, until it has ended.
            let stream = self.streams.get(&row.stream);
            let scope = stream.map_or_else(
                || Scope::Stream {
                    id: row.stream.clone(),
                    group: None,
                },
                |told| told.scope.clone(),
            );
            let id = row.id;
            let entry = (row, scope);
            if before.remove(&id).is_none_or(|old| old != entry) {
                updates.push(put(Section::Sessions, &id.to_string(), &entry.1, &entry.0));
            }
            self.sessions.insert(id, entry);
        }
        updates.extend(before.into_keys().map(|id| remove(Section::Sessions, &id)));
    }
}

impl Told {
    fn first(seen: SeenStream, now: Instant) -> Self {
        let mut row = seen.row;
        row.bitrate = seen.bitrate.and_then(digits);
        Self {
            scope: scope(&row),
            row,
            bitrate_at: now,
            thumbnail_at: now,
        }
    }

    /// Takes over what is worth telling; false when nothing is.
    fn take(&mut self, seen: SeenStream, now: Instant) -> bool {
        let SeenStream { mut row, bitrate } = seen;
        let told = &self.row;
        let passed = |since: Instant| now.saturating_duration_since(since);

        let other = row.health != told.health || row.conditions != told.conditions;
        let first = told.thumbnail.is_none();
        if row.thumbnail != told.thumbnail {
            if other || first || passed(self.thumbnail_at) >= THUMBNAIL_PAUSE {
                self.thumbnail_at = now;
            } else {
                row.thumbnail = told.thumbnail;
            }
        }
        row.bitrate = bitrate.and_then(digits);
        if row.bitrate != told.bitrate {
            let pause_is_over = passed(self.bitrate_at) >= BITRATE_PAUSE;
            if pause_is_over && differs(told.bitrate, bitrate) {
                self.bitrate_at = now;
            } else {
                row.bitrate = told.bitrate;
            }
        }
        if row == *told {
            return false;
        }
        if row.group != told.group {
            self.scope = scope(&row);
        }
        self.row = row;
        true
    }
}

fn scope(row: &StreamRow) -> Scope {
    Scope::Stream {
        id: row.id.clone(),
        group: row.group.as_deref().map(Arc::from),
    }
}

fn differs(told: Option<u64>, seen: Option<f64>) -> bool {
    match (told, seen) {
        (Some(told), Some(seen)) => (seen - told as f64).abs() > BITRATE_SHARE * told as f64,
        (told, seen) => told.is_some() != seen.is_some(),
    }
}

/// The number to three digits; `None` for what is no bitrate.
fn digits(bitrate: f64) -> Option<u64> {
    if !(bitrate.is_finite() && bitrate >= 0.0) {
        return None;
    }
    let whole = bitrate.round() as u64;
    let unit = 10_u64.pow(whole.checked_ilog10().unwrap_or(0).saturating_sub(2));
    Some(whole / unit * unit)
}

fn single<T: PartialEq + Serialize>(
    told: &mut Option<T>,
    seen: Option<T>,
    section: Section,
    updates: &mut Vec<Update>,
) {
    if let Some(row) = &seen
        && seen != *told
    {
        updates.push(put(section, "", &Scope::Everybody, row));
        *told = seen;
    }
}

fn put(section: Section, id: &str, scope: &Scope, row: &impl Serialize) -> Update {
    let members = match serde_json::to_value(row) {
        Ok(Value::Object(members)) => members,
        // Rows are structs of plain members.
        _ => Map::new(),
    };
    Update::Put {
        key: Key {
            section,
            id: id.to_owned(),
        },
        scope: scope.clone(),
        members,
    }
}

fn remove(section: Section, id: &impl ToString) -> Update {
    Update::Remove(Key {
        section,
        id: id.to_string(),
    })
}
