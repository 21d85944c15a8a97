//! The definitions and the accounts: read from memory, written through the store.

mod accounts;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::clock;
use crate::store::{Store, StoreError};
use crate::stream::{AccountRecord, Definition, Invalid, Record, StreamId};

pub use accounts::{Accounts, MAX_ACCOUNTS};

/// All definitions by id, as one immutable snapshot.
pub type Snapshot = Arc<BTreeMap<StreamId, Arc<Record>>>;

/// Why a definition was not written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no such stream.
    #[error("there is no such stream")]
    NotFound,
    /// The id is taken.
    #[error("a stream with this id exists already")]
    Exists,
    /// `If-Match` names another revision.
    #[error("the stream was changed meanwhile: it has revision {current}")]
    Conflict {
        /// The revision it has.
        current: u64,
    },
    /// There are too many.
    #[error("there are already {limit} streams, the most there may be")]
    TooMany {
        /// The most.
        limit: usize,
    },
    /// There is no such account.
    #[error("there is no such account")]
    AccountNotFound,
    /// The id of an account is taken.
    #[error("an account with this id exists already")]
    AccountExists,
    /// `If-Match` names another revision of the account.
    #[error("the account was changed meanwhile: it has revision {current}")]
    AccountConflict {
        /// The revision it has.
        current: u64,
    },
    /// There are too many accounts.
    #[error("there are already {limit} accounts, the most there may be")]
    TooManyAccounts {
        /// The most.
        limit: usize,
    },
    /// Streams name the account.
    #[error("{}", in_use(*total, named))]
    AccountInUse {
        /// How many streams.
        total: usize,
        /// The first of them.
        named: Vec<StreamId>,
    },
    /// It was removed too long ago to be brought back.
    #[error("the stream was removed more than 15 minutes ago, and is gone for good")]
    Gone,
    /// It cannot be brought back: a source names an account that is not there any more.
    #[error("a source of the stream names an account that was removed meanwhile: add that first")]
    AccountGone,
    /// The definition has mistakes.
    #[error("the definition has {} mistake(s)", .0.len())]
    Invalid(Vec<Invalid>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The most definitions kept.
pub const MAX_STREAMS: usize = 50_000;

/// The definitions.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    current: RwLock<Snapshot>,
    accounts: RwLock<Accounts>,
    /// Writes go one after the other, so that what was checked still holds when it is written.
    writing: tokio::sync::Mutex<()>,
}

/// Which revision a write expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Any.
    Any,
    /// One with any of these entity tags (`If-Match`).
    Tag(Vec<String>),
}

impl Expect {
    fn check(&self, record: &Record) -> Result<(), CatalogError> {
        match self {
            Self::Tag(wanted) if !wanted.contains(&record.etag()) => Err(CatalogError::Conflict {
                current: record.revision,
            }),
            _ => Ok(()),
        }
    }
}

impl Catalog {
    /// The definitions and accounts that the store held at start.
    pub fn new(store: Store, records: Vec<Record>, accounts: Vec<AccountRecord>) -> Self {
        let all = records
            .into_iter()
            .map(|r| (r.definition.id.clone(), Arc::new(r)))
            .collect();
        let accounts = accounts
            .into_iter()
            .map(|r| (r.account.id.clone(), Arc::new(r)))
            .collect();
        Self {
            store,
            current: RwLock::new(Arc::new(all)),
            accounts: RwLock::new(Arc::new(accounts)),
            writing: tokio::sync::Mutex::new(()),
        }
    }

    /// All definitions now.
    pub fn snapshot(&self) -> Snapshot {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One definition.
    pub fn get(&self, id: &StreamId) -> Option<Arc<Record>> {
        self.snapshot().get(id).cloned()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds one; `make` sees which ids are taken.
    pub async fn add(
        &self,
        make: impl FnOnce(&Snapshot) -> Result<Definition, Vec<Invalid>>,
    ) -> Result<Arc<Record>, CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        let definition = make(&before).map_err(CatalogError::Invalid)?;
        if before.contains_key(&definition.id) {
            return Err(CatalogError::Exists);
        }
        if before.len() >= MAX_STREAMS {
            return Err(CatalogError::TooMany { limit: MAX_STREAMS });
        }
        self.check_accounts(&definition)?;
        let record = first_revision(definition);
        self.commit(&before, vec![Arc::clone(&record)]).await?;
        Ok(record)
    }

    /// Changes one; `make` sees what is there. Unchanged definitions are not written.
    pub async fn change(
        &self,
        id: &StreamId,
        expect: Expect,
        make: impl FnOnce(&Definition) -> Result<Definition, Vec<Invalid>>,
    ) -> Result<Arc<Record>, CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        let old = before.get(id).ok_or(CatalogError::NotFound)?;
        expect.check(old)?;
        let definition = make(&old.definition).map_err(CatalogError::Invalid)?;
        if definition == old.definition {
            return Ok(Arc::clone(old));
        }
        self.check_accounts(&definition)?;
        let record = next_revision(old, definition);
        self.commit(&before, vec![Arc::clone(&record)]).await?;
        Ok(record)
    }

    /// Removes one; for [`UNDO`](crate::store::UNDO) it can be brought back.
    pub async fn remove(&self, id: &StreamId, expect: Expect) -> Result<(), CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        let old = before.get(id).ok_or(CatalogError::NotFound)?;
        expect.check(old)?;
        self.store.delete(vec![id.clone()], clock::wall()).await?;
        let mut after = BTreeMap::clone(&before);
        after.remove(id);
        self.replace(after);
        Ok(())
    }

    /// Brings back one that was removed a moment ago, as it was, secrets and history included.
    pub async fn restore(&self, id: &StreamId) -> Result<Arc<Record>, CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        if before.contains_key(id) {
            return Err(CatalogError::Exists);
        }
        let removed = self.store.removed(id.clone()).await?;
        let removed = removed.ok_or(CatalogError::NotFound)?;
        let old = removed.restorable(clock::wall());
        let old = old.ok_or(CatalogError::Gone)?;
        if before.len() >= MAX_STREAMS {
            return Err(CatalogError::TooMany { limit: MAX_STREAMS });
        }
        if self.check_accounts(&old.definition).is_err() {
            return Err(CatalogError::AccountGone);
        }
        // Who has its old entity tag does not know of its removal.
        let record = next_revision(&old, old.definition.clone());
        self.store.restore(Arc::clone(&record)).await?;
        let mut after = BTreeMap::clone(&before);
        after.insert(id.clone(), Arc::clone(&record));
        self.replace(after);
        Ok(record)
    }

    /// Adds and changes many, all or none: `make` plans them from what is there. It may be slow
    /// for thousands and runs off the async workers. Returns the plan, and the streams that are
    /// pulled otherwise than before.
    pub async fn import<P: Send + 'static>(
        &self,
        make: impl FnOnce(Snapshot) -> (P, Vec<Definition>) + Send + 'static,
    ) -> Result<(P, Vec<StreamId>), CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        let planning = Arc::clone(&before);
        let planned = tokio::task::spawn_blocking(move || make(planning)).await;
        let (plan, definitions) = planned.map_err(|_| StoreError::Closed)?;
        let added = definitions
            .iter()
            .filter(|d| !before.contains_key(&d.id))
            .count();
        if before.len() + added > MAX_STREAMS {
            return Err(CatalogError::TooMany { limit: MAX_STREAMS });
        }
        let records: Vec<_> = definitions
            .into_iter()
            .map(|definition| match before.get(&definition.id) {
                Some(old) => next_revision(old, definition),
                None => first_revision(definition),
            })
            .collect();
        let ids = records
            .iter()
            .filter(|new| {
                let old = before.get(&new.definition.id);
                old.is_some_and(|old| runs_otherwise(&old.definition, &new.definition))
            })
            .map(|r| r.definition.id.clone())
            .collect();
        if !records.is_empty() {
            self.commit(&before, records).await?;
        }
        Ok((plan, ids))
    }

    async fn commit(&self, before: &Snapshot, records: Vec<Arc<Record>>) -> Result<(), StoreError> {
        self.store.put(records.clone()).await?;
        let mut after = BTreeMap::clone(before);
        after.extend(records.into_iter().map(|r| (r.definition.id.clone(), r)));
        self.replace(after);
        Ok(())
    }

    fn replace(&self, after: BTreeMap<StreamId, Arc<Record>>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
    }
}

/// Whether what runs by the old definition must end: a new name or logo disturbs nobody.
pub fn runs_otherwise(old: &Definition, new: &Definition) -> bool {
    old.sources != new.sources || old.enabled != new.enabled || old.options != new.options
}

fn in_use(total: usize, named: &[StreamId]) -> String {
    let list: Vec<&str> = named.iter().map(StreamId::as_str).collect();
    let more = match total - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let streams = if total == 1 {
        "a stream names"
    } else {
        "streams name"
    };
    format!("{streams} this account: {}{more}", list.join(", "))
}

fn first_revision(definition: Definition) -> Arc<Record> {
    let now = clock::wall();
    Arc::new(Record {
        definition,
        revision: 1,
        created_at: now,
        updated_at: now,
    })
}

fn next_revision(old: &Record, definition: Definition) -> Arc<Record> {
    Arc::new(Record {
        definition,
        revision: old.revision + 1,
        created_at: old.created_at,
        updated_at: clock::wall(),
    })
}
