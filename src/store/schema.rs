//! Tables, their version, and the way from one version to the next.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::history::KeptState;
use crate::stream::{AccountRecord, Record, StreamId};

/// Facts about the file itself.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const VERSION: &str = "schema_version";
/// Stream id to its record, as JSON.
pub(super) const STREAMS: TableDefinition<&str, &[u8]> = TableDefinition::new("streams");

/// Account id to its record, as JSON.
pub(super) const ACCOUNTS: TableDefinition<&str, &[u8]> = TableDefinition::new("accounts");

/// What a pipeline of a kind has cost, as JSON, by the kind's name.
pub(super) const COSTS: TableDefinition<&str, &[u8]> = TableDefinition::new("costs");

/// How streams stand, as JSON, by stream id.
pub(super) const STATES: TableDefinition<&str, &[u8]> = TableDefinition::new("states");

/// The number of each stream that has a history: keys are short, and a stream that was removed and
/// made again is another one.
pub(super) const NUMBERS: TableDefinition<&str, u32> = TableDefinition::new("history_numbers");

/// The running hour of each stream by its number: the hour (4 bytes, little-endian), and its minutes.
/// What is in its place in [`HOURS`] is not here.
pub(super) const RUNNING: TableDefinition<u32, &[u8]> = TableDefinition::new("history_running");

/// Minutes by hour and stream number. Rows come in the order of their keys and whole, so that pages are full.
pub(super) const HOURS: TableDefinition<(u32, u32), &[u8]> = TableDefinition::new("history_hours");

/// Events, as JSON, by stream number and number of the event.
pub(super) const EVENTS: TableDefinition<(u32, u64), &[u8]> =
    TableDefinition::new("history_events");

/// Numbers of all events, and their streams.
pub(super) const EVENT_ORDER: TableDefinition<u64, u32> =
    TableDefinition::new("history_event_order");

/// What pictures are of, as JSON, by stream number and number of the picture, which is never given twice.
pub(super) const PICTURES: TableDefinition<(u32, u64), &[u8]> =
    TableDefinition::new("history_pictures");

/// Pictures as JPEG, by number of the picture, so that the oldest come first, and stream number.
pub(super) const PICTURE_BODIES: TableDefinition<(u64, u32), &[u8]> =
    TableDefinition::new("history_picture_bodies");

/// Streams that were removed a moment ago, as JSON, by id.
pub(super) const REMOVED: TableDefinition<&str, &[u8]> = TableDefinition::new("removed");

/// When the next thing happens to each of them (milliseconds since 1970), and its id.
pub(super) const REMOVED_ORDER: TableDefinition<(i64, &str), ()> =
    TableDefinition::new("removed_order");

/// Numbers of streams that were removed for good, and the hour up to which their history is.
pub(super) const FORGOTTEN: TableDefinition<u32, u32> = TableDefinition::new("history_forgotten");

/// Events whose alerts were not worked out yet, in the order of their commits: numbers of events follow their
/// times, so a later commit may hold a smaller one. Where each event is: its stream, and its key in [`EVENTS`].
pub(super) const JOURNAL: TableDefinition<u64, (&str, u32, u64)> =
    TableDefinition::new("alert_journal");

/// Alert rules by id, as JSON.
pub(super) const RULES: TableDefinition<&str, &[u8]> = TableDefinition::new("alert_rules");

/// Receivers of alerts by id, as JSON.
pub(super) const RECEIVERS: TableDefinition<&str, &[u8]> = TableDefinition::new("alert_receivers");

/// Maintenance windows by id, as JSON.
pub(super) const MAINTENANCE: TableDefinition<&str, &[u8]> =
    TableDefinition::new("alert_maintenance");

/// What each receiver knows, row by row as the router gives it.
pub(super) const ALERT_STATE: TableDefinition<&str, &[u8]> = TableDefinition::new("alert_state");
/// Notifications to be delivered, without what they tell, as JSON, by their number.
pub(super) const OUTBOX: TableDefinition<u128, &[u8]> = TableDefinition::new("outbox");

/// What they tell, as JSON.
pub(super) const OUTBOX_BODIES: TableDefinition<u128, &[u8]> =
    TableDefinition::new("outbox_bodies");

/// Those sent lately, as JSON, by the time (milliseconds since 1970) and their number.
pub(super) const SENT: TableDefinition<(i64, u128), &[u8]> = TableDefinition::new("outbox_sent");

/// Alerts that are repeated until they are over, as JSON, by receiver and key.
pub(super) const REPEATED: TableDefinition<(&str, &str), &[u8]> =
    TableDefinition::new("outbox_repeated");

/// Users by name, as JSON.
pub(super) const USERS: TableDefinition<&str, &[u8]> = TableDefinition::new("auth_users");

/// Tokens by id, as JSON.
pub(super) const TOKENS: TableDefinition<&str, &[u8]> = TableDefinition::new("auth_tokens");

/// When each token was last used, seconds since 1970, by its id. Apart from [`TOKENS`], so that a use that is noted late
/// does not bring back a token that was removed.
pub(super) const TOKEN_USES: TableDefinition<&str, i64> = TableDefinition::new("auth_token_uses");

/// Keys that URLs are signed with, by id, as JSON.
pub(super) const KEYS: TableDefinition<&str, &[u8]> = TableDefinition::new("auth_keys");

/// What was done, as JSON, by sort and number.
pub(super) const AUDIT: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("audit");

pub(super) type Migration = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// The step at index `n` takes a file from version `n` to `n + 1`; version 0 is a new file.
pub(super) const MIGRATIONS: &[Migration] = &[
    create_tables,
    add_costs,
    add_accounts,
    add_history,
    add_alerts,
    add_outbox,
    add_auth,
    add_pictures,
    add_removed,
];

fn create_tables(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(STREAMS)?;
    Ok(())
}

fn add_costs(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(COSTS)?;
    Ok(())
}

fn add_accounts(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(ACCOUNTS)?;
    Ok(())
}

fn add_history(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(STATES)?;
    transaction.open_table(NUMBERS)?;
    transaction.open_table(RUNNING)?;
    transaction.open_table(HOURS)?;
    transaction.open_table(EVENTS)?;
    transaction.open_table(EVENT_ORDER)?;
    transaction.open_table(FORGOTTEN)?;
    Ok(())
}

fn add_alerts(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(JOURNAL)?;
    transaction.open_table(RULES)?;
    transaction.open_table(RECEIVERS)?;
    transaction.open_table(MAINTENANCE)?;
    transaction.open_table(ALERT_STATE)?;
    Ok(())
}

fn add_outbox(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(OUTBOX)?;
    transaction.open_table(OUTBOX_BODIES)?;
    transaction.open_table(SENT)?;
    transaction.open_table(REPEATED)?;
    Ok(())
}

fn add_auth(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(USERS)?;
    transaction.open_table(TOKENS)?;
    transaction.open_table(TOKEN_USES)?;
    transaction.open_table(KEYS)?;
    transaction.open_table(AUDIT)?;
    Ok(())
}

fn add_pictures(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(PICTURES)?;
    transaction.open_table(PICTURE_BODIES)?;
    Ok(())
}

fn add_removed(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(REMOVED)?;
    transaction.open_table(REMOVED_ORDER)?;
    Ok(())
}

/// Opens or creates the file, with a cache of this many bytes, and brings it to the newest version.
pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Database, StoreError> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
            path: path.to_owned(),
            source,
        })?;
    }
    make_private(path);
    let database = Database::builder()
        .set_cache_size(cache_bytes)
        .create(path)
        .map_err(|source| match source {
            redb::DatabaseError::DatabaseAlreadyOpen => StoreError::InUse {
                path: path.to_owned(),
            },
            source => StoreError::Open {
                path: path.to_owned(),
                source: Box::new(source),
            },
        })?;
    migrate(&database, MIGRATIONS)?;
    Ok(database)
}

/// A new file is for its owner alone: it holds keys and credentials of providers. One that is there keeps its mode, and
/// what is wrong with the path is told when it is opened.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    if let Err(error) = made
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        tracing::debug!(%error, "the file of the store cannot be made");
    }
}

pub(super) fn migrate(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(boxed)?;
    let found = {
        let meta = transaction.open_table(META).map_err(boxed)?;
        meta.get(VERSION).map_err(boxed)?.map_or(0, |v| v.value())
    };
    let known = migrations.len() as u64;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    if found == known {
        return Ok(());
    }
    for step in &migrations[usize::try_from(found).unwrap_or(0)..] {
        step(&transaction).map_err(Box::new)?;
    }
    {
        let mut meta = transaction.open_table(META).map_err(boxed)?;
        meta.insert(VERSION, known).map_err(boxed)?;
    }
    transaction.commit().map_err(boxed)?;
    tracing::info!(from = found, to = known, "store schema brought up to date");
    Ok(())
}

pub(super) fn read_streams(database: &Database) -> Result<Vec<Record>, StoreError> {
    read_all(database, STREAMS)
}

pub(super) fn read_accounts(database: &Database) -> Result<Vec<AccountRecord>, StoreError> {
    read_all(database, ACCOUNTS)
}

pub(super) fn read_all<T: DeserializeOwned>(
    database: &Database,
    table: TableDefinition<&str, &[u8]>,
) -> Result<Vec<T>, StoreError> {
    let transaction = database.begin_read().map_err(boxed)?;
    let table = transaction.open_table(table).map_err(boxed)?;
    let mut records = Vec::new();
    for row in table.iter().map_err(boxed)? {
        let (key, value) = row.map_err(boxed)?;
        let record =
            serde_json::from_slice(value.value()).map_err(|source| StoreError::Damaged {
                key: key.value().to_owned(),
                source,
            })?;
        records.push(record);
    }
    Ok(records)
}

/// How streams stood. It can be found out again, so what cannot be read is left out.
pub(super) fn read_states(database: &Database) -> Vec<(StreamId, KeptState)> {
    let read = || -> Result<Vec<(StreamId, KeptState)>, redb::Error> {
        let table = database.begin_read()?.open_table(STATES)?;
        let rows = table.iter()?.filter_map(Result::ok);
        Ok(rows
            .filter_map(|(key, value)| {
                let id = StreamId::parse_subject(key.value()).ok()?;
                let state = serde_json::from_slice(value.value());
                let state = state.inspect_err(|error| {
                    tracing::warn!(stream = %id, %error, "how a stream stood cannot be read");
                });
                Some((id, state.ok()?))
            })
            .collect())
    };
    read().unwrap_or_else(|error| {
        tracing::warn!(%error, "how streams stood cannot be read; it is found out anew");
        Vec::new()
    })
}

/// What was learned of costs. It can be learned again, so what cannot be read is left out.
pub(super) fn read_costs(database: &Database) -> Vec<(String, Vec<u8>)> {
    read_rows(database, COSTS).unwrap_or_else(|error| {
        tracing::warn!(%error, "what pipelines have cost cannot be read; it is learned anew");
        Vec::new()
    })
}

/// The rows of a table as they are; those that cannot be read are left out.
pub(super) fn read_rows(
    database: &Database,
    table: TableDefinition<&str, &[u8]>,
) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let table = database.begin_read()?.open_table(table)?;
    let rows = table.iter()?.filter_map(Result::ok);
    Ok(rows
        .map(|(key, value)| (key.value().to_owned(), value.value().to_vec()))
        .collect())
}

pub(super) fn boxed(error: impl Into<redb::Error>) -> Box<redb::Error> {
    Box::new(error.into())
}
