//! Messages that are composed already: who asks for the same gets the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::State;
use crate::base::clock;
use crate::live::{Filter, Message, Update};

/// Snapshots are kept this long: who gets an older one gets what has changed since right after it. So those
/// who take theirs slowly hold but a few different ones.
pub(super) const SNAPSHOT_AGE: Duration = Duration::from_secs(10);
/// Snapshots of so many filters are kept.
const SNAPSHOTS: usize = 16;
/// Changes since so many sequence numbers, by filter, are kept.
const DELTAS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    snapshots: HashMap<Arc<Filter>, (Instant, Arc<Message>)>,
    /// Up to now; `None` where nothing has changed.
    deltas: HashMap<(u64, Arc<Filter>), Option<Arc<Message>>>,
}

impl State {
    /// Takes in what has changed; false when nothing has.
    pub(super) fn commit(&mut self, at: Timestamp, now: Instant, updates: Vec<Update>) -> bool {
        // What so many changes would be told after is not worth keeping: all of it anew is less.
        if updates.len() * 4 > self.journal.len() {
            self.shelf.snapshots.clear();
        }
        let changed = self.journal.commit(at, updates);
        if changed {
            self.shelf.deltas.clear();
        }
        let journal = &self.journal;
        self.shelf.snapshots.retain(|_, (made, message)| {
            now.saturating_duration_since(*made) < SNAPSHOT_AGE && journal.remembers(message.seq())
        });
        changed
    }

    /// Everything, as it was no longer ago than this.
    pub(super) fn snapshot(&mut self, filter: &Arc<Filter>, age: Duration) -> Arc<Message> {
        let now = clock::now();
        if let Some((made, message)) = self.shelf.snapshots.get(filter) {
            let newest = message.seq() == self.journal.seq();
            let young = now.saturating_duration_since(*made) < age;
            if newest || (young && self.journal.remembers(message.seq())) {
                return Arc::clone(message);
            }
        }
        let message = self.message(filter, self.journal.snapshot(filter));
        let snapshots = &mut self.shelf.snapshots;
        if snapshots.len() < SNAPSHOTS || snapshots.contains_key(filter) {
            snapshots.insert(Arc::clone(filter), (now, Arc::clone(&message)));
        }
        message
    }

    /// What has changed since, if anything has; only for what the journal remembers.
    pub(super) fn delta(&mut self, since: u64, filter: &Arc<Filter>) -> Option<Arc<Message>> {
        if since == self.journal.seq() {
            return None;
        }
        let key = (since, Arc::clone(filter));
        if let Some(made) = self.shelf.deltas.get(&key) {
            return made.clone();
        }
        let delta = self.journal.delta(since, filter);
        let message = delta.map(|json| self.message(filter, json));
        if self.shelf.deltas.len() < DELTAS {
            self.shelf.deltas.insert(key, message.clone());
        }
        message
    }

    /// A delta without any change, for one who polls.
    pub(super) fn nothing(&self, filter: &Filter) -> Arc<Message> {
        self.message(filter, self.journal.unchanged(filter))
    }

    fn message(&self, filter: &Filter, json: String) -> Arc<Message> {
        let id = self.journal.position(filter).to_string();
        Arc::new(Message::new(self.journal.seq(), id, json))
    }
}
