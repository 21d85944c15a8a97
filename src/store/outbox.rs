//! Notifications that wait to be delivered.

use redb::{Table, TableDefinition, WriteTransaction};

use super::StoreError;
use super::schema::boxed;
use super::writer::json;
use crate::alerts::Notification;

/// Notifications, as JSON, by their ids as text: oldest first.
const OUTBOX: TableDefinition<&str, &[u8]> = TableDefinition::new("outbox");

/// The tables of the outbox in a transaction that writes.
pub(super) struct Writing<'t> {
    outbox: Table<'t, &'static str, &'static [u8]>,
}

pub(super) fn add_tables(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(OUTBOX)?;
    Ok(())
}

impl<'t> Writing<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            outbox: transaction.open_table(OUTBOX).map_err(boxed)?,
        })
    }

    /// Adds a notification; one that is there already is the same.
    pub(super) fn insert(&mut self, notification: &Notification) -> Result<(), StoreError> {
        let id = notification.id.0.to_string();
        let json = json(&id, notification)?;
        let json = json.as_slice();
        self.outbox.insert(id.as_str(), json).map_err(boxed)?;
        Ok(())
    }
}

#[cfg(test)]
pub(super) fn all(database: &redb::Database) -> Vec<Notification> {
    let rows = super::schema::read_rows(database, OUTBOX).expect("readable");
    let read =
        |(_, json): (String, Vec<u8>)| serde_json::from_slice(&json).expect("a notification");
    rows.into_iter().map(read).collect()
}
