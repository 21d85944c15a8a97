//! Which notifications are due, and what follows from how an attempt went. Pure.
//!
//! Each receiver is a lane of its own: its notifications go one at a time and oldest first, so that nobody reads of a
//! recovery before the failure. One that is refused for now holds its lane, but only for its first attempts, and not
//! when some of its recipients have it: one mailbox that is full keeps no news from the others. A receiver that cannot be reached holds its lane whatever is in it, so that a server that is away is
//! asked once in a while and not once for each notification.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::alerts::{NotificationId, ReceiverId};
use crate::notify::{Failure, Retry, Verdict};
use crate::store::outbox::{Row, State};

/// Attempts of one notification for which those behind it wait.
const PATIENCE: u32 = 5;

/// The lanes.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    retry: Retry,
    most_busy: usize,
    busy: BTreeSet<ReceiverId>,
    away: BTreeMap<ReceiverId, Away>,
}

/// A receiver that could not be reached.
#[derive(Clone, Copy, Debug)]
struct Away {
    attempts: u32,
    until: Timestamp,
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Deliveries to begin.
    pub(super) start: Vec<NotificationId>,
    /// When something else is due, if nothing happens before.
    pub(super) next: Option<Timestamp>,
}

impl Lanes {
    /// Lanes without anything in them, and how many may be busy at a time.
    pub(super) fn new(retry: Retry, most_busy: usize) -> Self {
        Self {
            retry,
            most_busy,
            busy: BTreeSet::new(),
            away: BTreeMap::new(),
        }
    }

    /// What is due of these rows, which are the oldest first; their lanes are busy from now on.
    pub(super) fn plan(&mut self, rows: &[Row], now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let mut settled = BTreeSet::new();
        for row in rows.iter().filter(|row| row.state == State::Pending) {
            let receiver = &row.receiver;
            if self.busy.contains(receiver) || settled.contains(receiver) {
                continue;
            }
            let away = self.away.get(receiver).map(|away| away.until);
            let due = self
                .sane(row.not_before, now)
                .max(self.sane(away.unwrap_or(now), now));
            if due > now {
                plan.next = Some(plan.next.map_or(due, |next| next.min(due)));
                let held = row.attempts < PATIENCE && row.accepted.is_empty();
                if away.is_some() || held {
                    settled.insert(receiver);
                }
                continue;
            }
            settled.insert(receiver);
            if self.busy.len() < self.most_busy {
                self.busy.insert(receiver.clone());
                plan.start.push(row.id);
            }
        }
        plan
    }

    /// Takes a lane for something that is in no row; false if it is busy.
    pub(super) fn take(&mut self, receiver: &ReceiverId) -> bool {
        self.busy.insert(receiver.clone())
    }

    /// Whatever the lane was busy with has ended, and its outcome is written down.
    pub(super) fn release(&mut self, receiver: &ReceiverId) {
        self.busy.remove(receiver);
    }

    /// The receiver can be reached: what kept its lane is forgotten. Also when it was changed, or somebody wants
    /// something delivered now.
    pub(super) fn free(&mut self, receiver: &ReceiverId) {
        self.away.remove(receiver);
    }

    /// A delivery has failed: when it is tried again, or `None` where it is given up. For the attempt that `row` does
    /// not count yet; the lane is busy until it is released.
    pub(super) fn failed(
        &mut self,
        row: &Row,
        failure: &Failure,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if failure.verdict == Verdict::Unreachable {
            let attempts = self.away.get(&row.receiver).map_or(0, |away| away.attempts) + 1;
            let until = later(now, self.retry.pause(row.id, attempts));
            self.away
                .insert(row.receiver.clone(), Away { attempts, until });
        } else {
            self.away.remove(&row.receiver);
        }
        let old = now.duration_since(row.at) > signed(self.retry.give_up);
        if failure.verdict == Verdict::Never || old {
            return None;
        }
        let pause = self.retry.pause(row.id, row.attempts.saturating_add(1));
        Some(later(
            now,
            pause.max(failure.retry_after.unwrap_or_default()),
        ))
    }

    /// Times to wait for are near; one that is not was made by a clock that has been set back since.
    fn sane(&self, at: Timestamp, now: Timestamp) -> Timestamp {
        let most = self.retry.max.max(Duration::from_hours(1));
        if at > later(now, most) { now } else { at }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
