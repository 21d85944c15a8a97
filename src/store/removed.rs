//! Streams that were removed a moment ago: all of them is kept for a while, so that who removed the wrong one can have it back.
//!
//! Nobody but [`restore`] finds anything of it. When its time is over the definition goes, with its secrets, and its history is
//! forgotten; that there was one is known for a day.

use jiff::{SignedDuration, Timestamp};
use redb::{
    AccessGuard, ReadTransaction, ReadableTable, ReadableTableMetadata, Table, WriteTransaction,
};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::history::Writing;
use super::schema::{REMOVED, REMOVED_ORDER, boxed};
use super::writer::json;
use crate::stream::{Record, StreamId};

/// How long a stream that was removed can be brought back.
pub const UNDO: SignedDuration = SignedDuration::from_mins(15);
/// How long it is known that there was one.
const KNOWN: SignedDuration = SignedDuration::from_hours(24);
/// Streams that are kept like this; beyond it those go that would go next.
const MOST: u64 = 10_000;

/// A stream that was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// When.
    pub at: Timestamp,
    /// What it was; none when it can no longer be brought back.
    pub record: Option<Record>,
    /// The number of its history.
    number: Option<u32>,
    /// When the next thing happens to this row, milliseconds since 1970: its key in the order.
    due: i64,
}

type Streams<'t> = Table<'t, &'static str, &'static [u8]>;

impl Removed {
    /// What it was, if it can be brought back now.
    pub fn restorable(self, now: Timestamp) -> Option<Record> {
        self.record.filter(|_| now.duration_since(self.at) < UNDO)
    }
}

/// Takes streams out of the definitions; those not there are no error.
pub(super) fn remove(
    transaction: &WriteTransaction,
    streams: &mut Streams<'_>,
    history: &mut Writing<'_>,
    (ids, at): (&[StreamId], Timestamp),
) -> Result<(), StoreError> {
    let mut rows = Rows::open(transaction)?;
    for id in ids {
        let record = {
            let row = streams.remove(id.as_str()).map_err(boxed)?;
            let json = row.as_ref().map(AccessGuard::value);
            json.and_then(|json| serde_json::from_slice(json).ok())
        };
        let number = history.detach(id)?;
        // One of the same name that was removed before is not the one that is wanted back.
        rows.drop_row(id, history)?;
        while rows.all.len().map_err(boxed)? >= MOST {
            let Some(first) = rows.first()? else { break };
            rows.drop_row(&first.1, history)?;
        }
        let due = at.checked_add(UNDO).unwrap_or(Timestamp::MAX);
        let removed = Removed {
            at,
            record,
            number,
            due: due.as_millisecond(),
        };
        rows.put(id, &removed)?;
    }
    Ok(())
}

/// Brings a stream back, as this record, with its history.
pub(super) fn restore(
    transaction: &WriteTransaction,
    streams: &mut Streams<'_>,
    history: &mut Writing<'_>,
    record: &Record,
) -> Result<(), StoreError> {
    let id = &record.definition.id;
    let mut rows = Rows::open(transaction)?;
    if let Some(number) = rows.take(id)?.and_then(|removed| removed.number) {
        history.attach(id, number)?;
    }
    let json = json(id.as_str(), record)?;
    streams
        .insert(id.as_str(), json.as_slice())
        .map_err(boxed)?;
    Ok(())
}

/// A stream that was removed.
#[allow(
    clippy::needless_pass_by_value,
    reason = "the transaction ends with it"
)]
pub(super) fn find(read: ReadTransaction, id: &StreamId) -> Result<Option<Removed>, StoreError> {
    let all = read.open_table(REMOVED).map_err(boxed)?;
    let row = all.get(id.as_str()).map_err(boxed)?;
    row.map(|row| parse(id.as_str(), row.value())).transpose()
}

/// Whether the time of one of them is over.
pub(super) fn is_due(read: &ReadTransaction, now: Timestamp) -> Result<bool, StoreError> {
    let order = read.open_table(REMOVED_ORDER).map_err(boxed)?;
    let first = order.first().map_err(boxed)?;
    Ok(first.is_some_and(|(key, _)| key.value().0 <= now.as_millisecond()))
}

/// Lets go of one whose time is over.
pub(super) fn expire(
    transaction: &WriteTransaction,
    history: &mut Writing<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut rows = Rows::open(transaction)?;
    let Some((due, id)) = rows.first()? else {
        return Ok(());
    };
    if due > now.as_millisecond() {
        return Ok(());
    }
    let was = rows.drop_row(&id, history)?;
    if let Some(removed) = was.filter(|removed| removed.record.is_some()) {
        let due = removed.at.checked_add(KNOWN).unwrap_or(Timestamp::MAX);
        let known = Removed {
            record: None,
            number: None,
            due: due.as_millisecond(),
            ..removed
        };
        rows.put(&id, &known)?;
    }
    Ok(())
}

/// The tables in a transaction that writes.
struct Rows<'t> {
    all: Table<'t, &'static str, &'static [u8]>,
    order: Table<'t, (i64, &'static str), ()>,
}

impl<'t> Rows<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            all: transaction.open_table(REMOVED).map_err(boxed)?,
            order: transaction.open_table(REMOVED_ORDER).map_err(boxed)?,
        })
    }

    fn put(&mut self, id: &StreamId, removed: &Removed) -> Result<(), StoreError> {
        let id = id.as_str();
        let json = json(id, removed)?;
        self.all.insert(id, json.as_slice()).map_err(boxed)?;
        self.order.insert((removed.due, id), ()).map_err(boxed)?;
        Ok(())
    }

    fn take(&mut self, id: &StreamId) -> Result<Option<Removed>, StoreError> {
        let id = id.as_str();
        let removed = {
            let row = self.all.remove(id).map_err(boxed)?;
            row.map(|row| parse(id, row.value())).transpose()?
        };
        if let Some(removed) = &removed {
            self.order.remove((removed.due, id)).map_err(boxed)?;
        }
        Ok(removed)
    }

    /// Takes a row out, and forgets its history.
    fn drop_row(
        &mut self,
        id: &StreamId,
        history: &mut Writing<'_>,
    ) -> Result<Option<Removed>, StoreError> {
        let removed = self.take(id)?;
        if let Some(number) = removed.as_ref().and_then(|removed| removed.number) {
            history.forget(number)?;
        }
        Ok(removed)
    }

    /// What is due next.
    fn first(&self) -> Result<Option<(i64, StreamId)>, StoreError> {
        let first = self.order.first().map_err(boxed)?;
        Ok(first.and_then(|(key, _)| {
            let (due, id) = key.value();
            Some((due, StreamId::parse(id).ok()?))
        }))
    }
}

fn parse(id: &str, json: &[u8]) -> Result<Removed, StoreError> {
    serde_json::from_slice(json).map_err(|source| StoreError::Damaged {
        key: id.to_owned(),
        source,
    })
}
