//! Notifications on their way: what is pending, what was given up, and what was sent lately.
//!
//! A row is a small head, which changes with each attempt, and a body, which does not. Heads are ordered by
//! [`NotificationId`], which grows with time. What is too much is removed, the oldest first: dead rows before pending ones.

mod reader;

use std::collections::BTreeMap;

use jiff::Timestamp;
use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::schema::{OUTBOX, OUTBOX_BODIES, REPEATED, SENT, boxed};
use super::writer::json;
use crate::alerts::{MailAddress, Notification, NotificationId, ReceiverId, wording};
use crate::notify::alertmanager::Alert;
use crate::notify::{Failure, Stage};

pub use reader::OutboxReader;

/// Rows at most, pending and dead together.
pub const MOST_ROWS: u64 = 2_000;
/// Bytes of all bodies at most.
pub const MOST_BYTES: u64 = 64 << 20;
/// How many of those sent last are remembered.
pub const MOST_SENT: u64 = 500;
/// Alerts that are repeated to Alertmanagers at most.
pub const MOST_REPEATED: u64 = 20_000;

/// Whether a notification is still to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OutboxState)]
pub enum State {
    /// It is, now or later.
    Pending,
    /// It was given up.
    Dead,
}

/// A notification in the outbox, without what it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number.
    pub id: NotificationId,
    /// For whom it is.
    pub receiver: ReceiverId,
    /// When it was made.
    pub at: Timestamp,
    /// When the earliest of what it tells happened.
    pub since: Timestamp,
    /// What is the matter, in a line.
    pub title: String,
    /// How many things it tells.
    pub items: usize,
    /// Whether it is still to be delivered.
    pub state: State,
    /// Attempts that failed, since it was last asked for.
    pub attempts: u32,
    /// Not tried before.
    pub not_before: Timestamp,
    /// How the last attempt failed.
    pub last_error: Option<LastError>,
    /// Recipients that have it already.
    pub accepted: Vec<MailAddress>,
    /// Size of its body.
    pub bytes: u64,
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DeliveryError)]
pub struct LastError {
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How far it got.
    pub stage: Stage,
    /// A sentence for people.
    pub message: String,
}

/// A notification that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SentNotification)]
pub struct Sent {
    /// Its number.
    pub id: NotificationId,
    /// For whom it was.
    pub receiver: ReceiverId,
    /// When it was made (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When the receiver had accepted it (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: Timestamp,
    /// What is the matter, in a line.
    pub title: String,
    /// How many things it told.
    pub items: usize,
    /// Attempts that had failed before.
    pub attempts: u32,
}

/// What happens to rows. What is not there (any more) is passed over.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new notification.
    Insert(Box<Notification>),
    /// The receiver has accepted it.
    Sent {
        /// Which.
        id: NotificationId,
        /// When.
        at: Timestamp,
        /// What is to be repeated to an Alertmanager from now on, and what no longer, by key.
        repeat: Vec<(String, Option<Alert>)>,
    },
    /// An attempt failed.
    Failed {
        /// Which.
        id: NotificationId,
        /// How.
        error: LastError,
        /// When to try again; `None` to give it up.
        again: Option<Timestamp>,
        /// Recipients that have it now.
        accepted: Vec<MailAddress>,
    },
    /// Somebody wants these sent again, now.
    Again {
        /// Which.
        ids: Vec<NotificationId>,
        /// Now.
        at: Timestamp,
    },
    /// Somebody wants these gone.
    Delete {
        /// Which.
        ids: Vec<NotificationId>,
    },
    /// The receiver is gone: nothing is repeated to it.
    Forget {
        /// Which.
        receiver: ReceiverId,
    },
}

/// The tables of the outbox in a transaction that writes.
pub(super) struct Writing<'t> {
    heads: Table<'t, u128, &'static [u8]>,
    bodies: Table<'t, u128, &'static [u8]>,
    sent: Table<'t, (i64, u128), &'static [u8]>,
    repeated: Table<'t, (&'static str, &'static str), &'static [u8]>,
    /// Rows removed for want of room.
    dropped: u64,
}

impl Row {
    fn of(notification: &Notification, bytes: usize) -> Self {
        let since = notification.items.iter().map(|item| item.at).min();
        Self {
            id: notification.id,
            receiver: notification.receiver.clone(),
            at: notification.at,
            since: since.unwrap_or(notification.at),
            title: wording::title(notification),
            items: notification.items.len() + notification.more,
            state: State::Pending,
            attempts: 0,
            not_before: notification.at,
            last_error: None,
            accepted: Vec::new(),
            bytes: bytes as u64,
        }
    }
}

impl LastError {
    /// Of a failure at a time.
    pub fn new(failure: &Failure, at: Timestamp) -> Self {
        Self {
            at,
            stage: failure.stage,
            message: failure.message.clone(),
        }
    }
}

impl<'t> Writing<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            heads: transaction.open_table(OUTBOX).map_err(boxed)?,
            bodies: transaction.open_table(OUTBOX_BODIES).map_err(boxed)?,
            sent: transaction.open_table(SENT).map_err(boxed)?,
            repeated: transaction.open_table(REPEATED).map_err(boxed)?,
            dropped: 0,
        })
    }

    /// Adds a notification to be delivered.
    pub(super) fn insert(&mut self, notification: &Notification) -> Result<(), StoreError> {
        let key = u128::from(notification.id.0);
        let body = json(&notification.id.to_string(), notification)?;
        self.make_room(body.len() as u64)?;
        self.bodies.insert(key, body.as_slice()).map_err(boxed)?;
        self.put(&Row::of(notification, body.len()))
    }

    pub(super) fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Insert(notification) => self.insert(notification),
            Change::Sent { id, at, repeat } => self.sent(*id, *at, repeat),
            Change::Failed {
                id,
                error,
                again,
                accepted,
            } => {
                let Some(mut row) = self.row(*id)? else {
                    return Ok(());
                };
                row.attempts = row.attempts.saturating_add(1);
                row.last_error = Some(error.clone());
                row.accepted.clone_from(accepted);
                row.not_before = again.unwrap_or(error.at);
                if again.is_none() {
                    row.state = State::Dead;
                }
                self.put(&row)
            }
            Change::Again { ids, at } => {
                for id in ids {
                    if let Some(mut row) = self.row(*id)? {
                        (row.state, row.attempts, row.not_before) = (State::Pending, 0, *at);
                        self.put(&row)?;
                    }
                }
                Ok(())
            }
            Change::Delete { ids } => ids.iter().try_for_each(|id| self.remove(*id)),
            Change::Forget { receiver } => {
                let name = receiver.0.as_str();
                let mut keys = Vec::new();
                for row in self.repeated.range((name, "")..).map_err(boxed)? {
                    let (key, _) = row.map_err(boxed)?;
                    let (of, key) = key.value();
                    if of != name {
                        break;
                    }
                    keys.push(key.to_owned());
                }
                for key in keys {
                    self.repeated.remove((name, key.as_str())).map_err(boxed)?;
                }
                Ok(())
            }
        }
    }

    /// Rows that were removed for want of room in this transaction.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn sent(
        &mut self,
        id: NotificationId,
        at: Timestamp,
        repeat: &[(String, Option<Alert>)],
    ) -> Result<(), StoreError> {
        let Some(row) = self.row(id)? else {
            return Ok(());
        };
        for (key, alert) in repeat {
            let key = (row.receiver.0.as_str(), key.as_str());
            match alert {
                Some(alert) if self.repeated.len().map_err(boxed)? < MOST_REPEATED => {
                    let json = json(key.1, alert)?;
                    self.repeated.insert(key, json.as_slice()).map_err(boxed)?;
                }
                Some(_) => tracing::warn!("too many alerts are active to repeat this one"),
                None => drop(self.repeated.remove(key).map_err(boxed)?),
            }
        }
        self.remove(id)?;
        let sent = Sent {
            id,
            receiver: row.receiver,
            at: row.at,
            sent_at: at,
            title: row.title,
            items: row.items,
            attempts: row.attempts,
        };
        let json = json(&id.to_string(), &sent)?;
        let key = (at.as_millisecond(), u128::from(id.0));
        self.sent.insert(key, json.as_slice()).map_err(boxed)?;
        while self.sent.len().map_err(boxed)? > MOST_SENT {
            drop(self.sent.pop_first().map_err(boxed)?);
        }
        Ok(())
    }

    fn row(&self, id: NotificationId) -> Result<Option<Row>, StoreError> {
        let row = self.heads.get(u128::from(id.0)).map_err(boxed)?;
        Ok(row.and_then(|row| parse(row.value())))
    }

    fn put(&mut self, row: &Row) -> Result<(), StoreError> {
        let json = json(&row.id.to_string(), row)?;
        let key = u128::from(row.id.0);
        self.heads.insert(key, json.as_slice()).map_err(boxed)?;
        Ok(())
    }

    fn remove(&mut self, id: NotificationId) -> Result<(), StoreError> {
        let key = u128::from(id.0);
        self.heads.remove(key).map_err(boxed)?;
        self.bodies.remove(key).map_err(boxed)?;
        Ok(())
    }

    /// Removes rows until one more of this size fits.
    fn make_room(&mut self, bytes: u64) -> Result<(), StoreError> {
        // Most of the time the number alone tells that there is room, and the sizes need not be looked at.
        let mut rows = self.heads.len().map_err(boxed)?;
        if rows * LARGEST + bytes <= MOST_BYTES && rows < MOST_ROWS {
            return Ok(());
        }
        let (mut dead, mut pending, mut held) = (Vec::new(), BTreeMap::new(), 0);
        for row in self.heads.iter().map_err(boxed)? {
            let (key, value) = row.map_err(boxed)?;
            let Some(row) = parse::<Row>(value.value()) else {
                dead.push((key.value(), 0));
                continue;
            };
            held += row.bytes;
            match row.state {
                State::Dead => dead.push((key.value(), row.bytes)),
                State::Pending => drop(pending.insert(key.value(), row.bytes)),
            }
        }
        for (key, size) in dead.into_iter().chain(pending) {
            if rows < MOST_ROWS && held + bytes <= MOST_BYTES {
                break;
            }
            self.heads.remove(key).map_err(boxed)?;
            self.bodies.remove(key).map_err(boxed)?;
            (rows, held) = (rows - 1, held - size);
            self.dropped += 1;
        }
        Ok(())
    }
}

/// No body is larger: [`MOST_ITEMS`](crate::alerts::MOST_ITEMS) and pictures.
const LARGEST: u64 = 2 << 20;

/// What cannot be read is lost; what comes after it is not.
fn parse<'r, T: Deserialize<'r>>(row: &'r [u8]) -> Option<T> {
    let parsed = serde_json::from_slice(row);
    parsed
        .inspect_err(|error| tracing::error!(%error, "a row of the outbox cannot be read"))
        .ok()
}

/// What every row tells.
#[cfg(test)]
pub(super) fn all(database: &redb::Database) -> Vec<Notification> {
    use redb::ReadableDatabase;
    let read = database.begin_read().expect("readable");
    let table = read.open_table(OUTBOX_BODIES).expect("there");
    let rows = table.iter().expect("readable");
    let bodies = rows.map(|row| parse(row.expect("a row").1.value()).expect("a notification"));
    bodies.collect()
}

#[cfg(test)]
mod tests;
