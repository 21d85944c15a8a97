//! What is due becomes notifications.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::digest::{self, Told};
use super::super::{Alert, AlertKey, Item, ItemKind, MOST_ITEMS, Notification, NotificationId};
use super::super::{Facts, ReceiverId};
use super::{Deadlines, Outcome, Router, Setup, after, limited};

/// What one receiver is to be told.
#[derive(Default)]
struct Batch {
    keys: Vec<AlertKey>,
    /// When the first and the last of it could be told.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Router {
    /// Makes notifications of what is due and has waited for its like.
    pub(super) fn tell(
        &mut self,
        setup: &Setup,
        now: Timestamp,
        next_id: &mut dyn FnMut() -> NotificationId,
        deadlines: &mut Deadlines,
        outcome: &mut Outcome,
    ) {
        for (id, batch) in self.batches(setup, now, deadlines) {
            let (Some(terms), Some(first), Some(last)) =
                (setup.receivers.get(&id), batch.first, batch.last)
            else {
                continue;
            };
            let ripe = after(last, terms.collect).min(after(first, terms.collect_max));
            if ripe > now {
                deadlines.at(ripe);
                continue;
            }
            let mut held_back = self.take_unsaid(&id);
            let told = self.take(&id, &batch.keys, now);
            for group in digest::split(told, setup.common) {
                let more = group.items.len().saturating_sub(MOST_ITEMS);
                let mut items = group.items;
                items.truncate(MOST_ITEMS);
                outcome.notifications.push(Notification {
                    id: next_id(),
                    receiver: id.clone(),
                    at: now,
                    items,
                    more,
                    common: group.common,
                    held_back: std::mem::take(&mut held_back),
                    pictures: Vec::new(),
                });
            }
        }
    }

    /// What may be told to each receiver now, whether it has waited for more or not.
    fn batches(
        &self,
        setup: &Setup,
        now: Timestamp,
        deadlines: &mut Deadlines,
    ) -> BTreeMap<ReceiverId, Batch> {
        let mut batches: BTreeMap<ReceiverId, Batch> = BTreeMap::new();
        for (key, alert) in &self.alerts {
            for (id, line) in &alert.marks.lines {
                let (Some(due), Some(terms)) = (&line.due, setup.receivers.get(id)) else {
                    continue;
                };
                if let Some(until) = limited(line.last, terms.rate_limit, now) {
                    deadlines.at(until);
                    continue;
                }
                let free = line.last.map(|last| after(last, terms.rate_limit));
                let ready = free.filter(|free| *free <= now);
                let ready = ready.map_or(due.since, |free| free.max(due.since));
                let batch = batches.entry(id.clone()).or_default();
                batch.keys.push(key.clone());
                batch.first = Some(batch.first.map_or(ready, |first| first.min(ready)));
                batch.last = Some(batch.last.map_or(ready, |last| last.max(ready)));
            }
        }
        batches
    }

    /// What was held back from a receiver, of all alerts; it counts from zero again. Those of its lines are told with them.
    fn take_unsaid(&mut self, id: &ReceiverId) -> u64 {
        let carried = self.carried.remove(id);
        if carried.is_some() {
            self.dirty_carried.insert(id.clone());
        }
        let lines = self.alerts.values().filter_map(|it| it.marks.lines.get(id));
        carried.unwrap_or_default() + lines.map(|line| u64::from(line.unsaid)).sum::<u64>()
    }

    /// The items, which are told from now on.
    fn take(&mut self, id: &ReceiverId, keys: &[AlertKey], now: Timestamp) -> Vec<Told> {
        let mut told = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(alert) = self.alerts.get_mut(key) else {
                continue;
            };
            let Some(line) = alert.marks.lines.get_mut(id) else {
                continue;
            };
            let Some(due) = line.due.take() else {
                continue;
            };
            line.knows = due.kind.is_raised();
            line.last = Some(now);
            let held_back = line.unsaid;
            let item = item(key, alert, due.kind, held_back, now);
            let Facts { accounts, host, .. } = &alert.facts;
            told.push(Told {
                item,
                account: accounts.first().map(ToString::to_string),
                host: host.clone(),
            });
            self.dirty.insert(key.clone());
        }
        // All of it is told in sum.
        for (key, alert) in &mut self.alerts {
            if let Some(line) = alert.marks.lines.get_mut(id).filter(|line| line.unsaid > 0) {
                line.unsaid = 0;
                self.dirty.insert(key.clone());
            }
        }
        told
    }
}

fn item(key: &AlertKey, alert: &Alert, kind: ItemKind, held_back: u32, now: Timestamp) -> Item {
    let condition = alert.condition.clone();
    let at = match kind {
        ItemKind::Raised => condition.raised_at,
        ItemKind::Cleared => condition.cleared_at.unwrap_or(now),
        ItemKind::StillRaised | ItemKind::Escalated | ItemKind::Test => now,
    };
    Item {
        kind,
        stream: key.stream.clone(),
        name: alert.facts.name.clone(),
        group: alert.facts.group.clone(),
        condition,
        at,
        held_back,
    }
}
