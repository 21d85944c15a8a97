//! Alerts in the store: what operators made of them, what receivers know, and what was not worked out yet.

use redb::{Database, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::schema::{
    ALERT_STATE, EVENTS, JOURNAL, MAINTENANCE, RECEIVERS, RULES, boxed, read_all, read_rows,
};
use super::writer::{Command, json};
use super::{Store, StoreError};
use crate::alerts::{Kept, Maintenance, Notification, Receiver, Row, Rule};
use crate::history::Event;
use crate::stream::StreamId;

/// Which of the things that operators make of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alerting {
    /// [`Rule`]s.
    Rules,
    /// [`Receiver`]s.
    Receivers,
    /// [`Maintenance`] windows.
    Maintenance,
}

/// What the store held of alerts.
#[derive(Clone, Debug, Default)]
pub struct AlertsKept {
    /// All rules.
    pub rules: Vec<Kept<Rule>>,
    /// All receivers.
    pub receivers: Vec<Kept<Receiver>>,
    /// All maintenance windows.
    pub maintenance: Vec<Kept<Maintenance>>,
    /// The rows of the [`Router`](crate::alerts::Router).
    pub state: Vec<(String, Vec<u8>)>,
}

/// What came of some entries of the journal, written all at once: a crash before it forgets nothing, and one after
/// it doubles nothing.
#[derive(Clone, Debug, Default)]
pub struct AlertsCommit {
    /// The last entry of the journal that is worked out.
    pub read: u64,
    /// Changes of what receivers know.
    pub rows: Vec<Row>,
    /// What is to be delivered.
    pub notifications: Vec<Notification>,
}

/// An event in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Journaled {
    /// Its place in the order of commits.
    pub entry: u64,
    /// The event; none if it is there no more.
    pub event: Option<Event>,
}

impl Alerting {
    fn table(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        match self {
            Self::Rules => RULES,
            Self::Receivers => RECEIVERS,
            Self::Maintenance => MAINTENANCE,
        }
    }
}

impl Store {
    /// Writes something that an operator made, durably.
    pub async fn put_alerting<T: Serialize>(
        &self,
        table: Alerting,
        key: &str,
        item: &Kept<T>,
    ) -> Result<(), StoreError> {
        let json = json(key, item)?;
        self.write_alerting(table, key, Some(json)).await
    }

    /// Removes something that an operator made, durably; what is not there is no error.
    pub async fn delete_alerting(&self, table: Alerting, key: &str) -> Result<(), StoreError> {
        self.write_alerting(table, key, None).await
    }

    /// Writes what came of the journal: takes out its entries, keeps what receivers know, and puts notifications into
    /// the outbox, all in one transaction.
    pub async fn commit_alerts(&self, commit: AlertsCommit) -> Result<(), StoreError> {
        let commit = Box::new(commit);
        self.send(|reply| Command::CommitAlerts { commit, reply })
            .await
    }

    /// Entries of the journal after this one, in the order of their commits; at most `limit`.
    pub async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Journaled>, StoreError> {
        let slot = std::sync::Arc::clone(&self.slot);
        let reading = tokio::task::spawn_blocking(move || {
            let read = slot.read()?;
            slot.watch(journal(&read, after, limit))
        });
        reading.await.map_err(|_| StoreError::Closed)?
    }

    async fn write_alerting(
        &self,
        table: Alerting,
        key: &str,
        json: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.send(|reply| Command::PutAlerting {
            table,
            key,
            json,
            reply,
        })
        .await
    }
}

pub(super) fn read(database: &Database) -> Result<AlertsKept, StoreError> {
    fn all<T: DeserializeOwned>(
        database: &Database,
        table: Alerting,
    ) -> Result<Vec<Kept<T>>, StoreError> {
        read_all(database, table.table())
    }
    Ok(AlertsKept {
        rules: all(database, Alerting::Rules)?,
        receivers: all(database, Alerting::Receivers)?,
        maintenance: all(database, Alerting::Maintenance)?,
        state: read_rows(database, ALERT_STATE).map_err(Box::new)?,
    })
}

pub(super) fn put(
    transaction: &WriteTransaction,
    table: Alerting,
    key: &str,
    json: Option<&[u8]>,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(table.table()).map_err(boxed)?;
    match json {
        Some(json) => table.insert(key, json).map_err(boxed)?,
        None => table.remove(key).map_err(boxed)?,
    };
    Ok(())
}

pub(super) fn commit(
    transaction: &WriteTransaction,
    commit: &AlertsCommit,
) -> Result<(), StoreError> {
    let mut state = transaction.open_table(ALERT_STATE).map_err(boxed)?;
    for (key, value) in &commit.rows {
        let key = key.as_str();
        match value {
            Some(value) => state.insert(key, value.as_slice()).map_err(boxed)?,
            None => state.remove(key).map_err(boxed)?,
        };
    }
    Ok(())
}

fn journal(
    read: &redb::ReadTransaction,
    after: u64,
    limit: usize,
) -> Result<Vec<Journaled>, StoreError> {
    let journal = read.open_table(JOURNAL).map_err(boxed)?;
    let events = read.open_table(EVENTS).map_err(boxed)?;
    let mut entries = Vec::new();
    let from = after.saturating_add(1);
    for row in journal.range(from..).map_err(boxed)?.take(limit) {
        let (entry, place) = row.map_err(boxed)?;
        let (stream, number, seq) = place.value();
        let event = events.get((number, seq)).map_err(boxed)?;
        let event = event.and_then(|json| event_of(stream, seq, json.value()));
        entries.push(Journaled {
            entry: entry.value(),
            event,
        });
    }
    Ok(entries)
}

fn event_of(stream: &str, seq: u64, json: &[u8]) -> Option<Event> {
    let id = StreamId::parse_subject(stream).ok()?;
    let event = serde_json::from_slice::<Event>(json);
    let event = event.inspect_err(|error| {
        tracing::warn!(stream, %error, "an event cannot be read, and nobody is told of it");
    });
    Some(Event {
        seq,
        stream: id,
        ..event.ok()?
    })
}

#[cfg(test)]
mod tests;
