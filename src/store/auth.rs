//! Who is let in, and the audit log, in the store.

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::schema::{AUDIT, KEYS, TOKEN_USES, TOKENS, USERS, boxed, read_all};
use super::writer::{Command, json};
use super::{Store, StoreError};
use crate::auth::{Audited, Entry, Key, Row, Table, Token, TokenId, User};

/// Entries of each sort that are kept; the oldest go for new ones.
const MOST: u64 = 20_000;
/// It is seen to each time that so many were added.
const PRUNED: u64 = 256;

/// What the store held of who is let in.
#[derive(Clone, Debug, Default)]
pub struct AuthKept {
    /// All users.
    pub users: Vec<User>,
    /// All tokens.
    pub tokens: Vec<Token>,
    /// When each token was last used, seconds since 1970.
    pub token_uses: Vec<(TokenId, i64)>,
    /// All keys.
    pub keys: Vec<Key>,
}

/// Which entries of the audit log.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditQuery {
    /// Those before this one; the newest, if there is none.
    pub before: Option<u64>,
    /// Of this sort only.
    pub sort: Option<Audited>,
    /// At most so many.
    pub limit: usize,
}

/// An entry and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Grows from entry to entry.
    pub number: u64,
    /// It.
    pub entry: Entry,
}

impl Store {
    /// Writes rows of users, tokens and keys, all or none, durably.
    pub async fn put_auth(&self, rows: Vec<Row>) -> Result<(), StoreError> {
        self.send(|reply| Command::PutAuth { rows, reply }).await
    }

    /// Keeps what was done, when the writer has time for it; false when it has too much to do, and the entries are lost.
    pub fn audit(&self, entries: Vec<Entry>) -> bool {
        self.commands.try_send(Command::Audit(entries)).is_ok()
    }

    /// Keeps when a token was used, seconds since 1970, when the writer has time for it.
    pub fn token_used(&self, id: TokenId, at: i64) {
        // What is lost is noted again at a later use.
        let _ = self.commands.try_send(Command::TokenUsed(id, at));
    }

    /// Entries of the audit log, the newest first.
    pub async fn audited(&self, query: AuditQuery) -> Result<Vec<Numbered>, StoreError> {
        let slot = std::sync::Arc::clone(&self.slot);
        let reading = tokio::task::spawn_blocking(move || {
            let read = slot.read()?;
            slot.watch(audited(&read, query))
        });
        reading.await.map_err(|_| StoreError::Closed)?
    }
}

pub(super) fn read(database: &Database) -> Result<AuthKept, StoreError> {
    let transaction = database.begin_read().map_err(boxed)?;
    let uses = transaction.open_table(TOKEN_USES).map_err(boxed)?;
    let mut token_uses = Vec::new();
    for row in uses.iter().map_err(boxed)? {
        let (id, at) = row.map_err(boxed)?;
        token_uses.extend(TokenId::parse(id.value()).map(|id| (id, at.value())));
    }
    Ok(AuthKept {
        users: read_all(database, USERS)?,
        tokens: read_all(database, TOKENS)?,
        token_uses,
        keys: read_all(database, KEYS)?,
    })
}

pub(super) fn put(transaction: &WriteTransaction, rows: &[Row]) -> Result<(), StoreError> {
    for Row { table, key, value } in rows {
        let definition = match table {
            Table::Users => USERS,
            Table::Tokens => TOKENS,
            Table::Keys => KEYS,
        };
        let key = key.as_str();
        let mut rows = transaction.open_table(definition).map_err(boxed)?;
        match value {
            Some(value) => rows.insert(key, value.as_slice()).map_err(boxed)?,
            None => rows.remove(key).map_err(boxed)?,
        };
        drop(rows);
        if *table == Table::Tokens && value.is_none() {
            let mut uses = transaction.open_table(TOKEN_USES).map_err(boxed)?;
            uses.remove(key).map_err(boxed)?;
        }
    }
    Ok(())
}

/// Notes a use of a token that is (still) there.
pub(super) fn used(
    transaction: &WriteTransaction,
    id: &TokenId,
    at: i64,
) -> Result<(), StoreError> {
    let tokens = transaction.open_table(TOKENS).map_err(boxed)?;
    if tokens.get(id.as_str()).map_err(boxed)?.is_some() {
        let mut uses = transaction.open_table(TOKEN_USES).map_err(boxed)?;
        uses.insert(id.as_str(), at).map_err(boxed)?;
    }
    Ok(())
}

pub(super) fn append(transaction: &WriteTransaction, entries: &[Entry]) -> Result<(), StoreError> {
    let mut table = transaction.open_table(AUDIT).map_err(boxed)?;
    let mut number = 0;
    for sort in SORTS {
        let last = range(&table, sort, None)?.next_back().transpose();
        number = number.max(last.map_err(boxed)?.map_or(0, |(key, _)| key.value().1));
    }
    let before = number;
    for entry in entries {
        number += 1;
        let json = json("audit", entry)?;
        let key = (prefix(entry.sort), number);
        table.insert(key, json.as_slice()).map_err(boxed)?;
    }
    if before / PRUNED != number / PRUNED && table.len().map_err(boxed)? > MOST {
        for sort in SORTS {
            let kept = range(&table, sort, None)?.count() as u64;
            let over = usize::try_from(kept.saturating_sub(MOST)).unwrap_or(0);
            let oldest = range(&table, sort, None)?.take(over);
            let oldest: Result<Vec<_>, _> = oldest.map(|row| Ok(row?.0.value())).collect();
            for key in oldest.map_err(|error: redb::StorageError| boxed(error))? {
                table.remove(key).map_err(boxed)?;
            }
        }
    }
    Ok(())
}

const SORTS: [Audited; 2] = [Audited::Change, Audited::Login];

fn prefix(sort: Audited) -> u8 {
    match sort {
        Audited::Change => 0,
        Audited::Login => 1,
    }
}

/// The entries of a sort before a number.
fn range(
    table: &impl ReadableTable<(u8, u64), &'static [u8]>,
    sort: Audited,
    before: Option<u64>,
) -> Result<redb::Range<'_, (u8, u64), &'static [u8]>, StoreError> {
    let sort = prefix(sort);
    let end = before.unwrap_or(u64::MAX);
    Ok(table.range((sort, 0)..(sort, end)).map_err(boxed)?)
}

fn audited(read: &redb::ReadTransaction, query: AuditQuery) -> Result<Vec<Numbered>, StoreError> {
    let table = read.open_table(AUDIT).map_err(boxed)?;
    let mut found = Vec::new();
    for sort in SORTS {
        if query.sort.is_some_and(|wanted| wanted != sort) {
            continue;
        }
        for row in range(&table, sort, query.before)?.rev().take(query.limit) {
            let (key, value) = row.map_err(boxed)?;
            let number = key.value().1;
            match serde_json::from_slice(value.value()) {
                Ok(entry) => found.push(Numbered { number, entry }),
                Err(error) => tracing::warn!(number, %error, "an audit entry cannot be read"),
            }
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.number));
    found.truncate(query.limit);
    Ok(found)
}

#[cfg(test)]
mod tests;
