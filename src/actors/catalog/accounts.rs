//! The accounts, and what ties streams to them: a stream names only accounts that are there, and an
//! account that a stream names stays.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::{Catalog, CatalogError, Expect};
use crate::base::clock;
use crate::stream::{Account, AccountId, AccountRecord, Definition, Invalid, StreamId};

/// All accounts by id, as one immutable snapshot.
pub type Accounts = Arc<BTreeMap<AccountId, Arc<AccountRecord>>>;

/// The most accounts kept.
pub const MAX_ACCOUNTS: usize = 1_000;
/// Streams named when an account cannot be removed.
const NAMED: usize = 10;

impl Catalog {
    /// All accounts now.
    pub fn accounts(&self) -> Accounts {
        Arc::clone(&self.accounts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One account.
    pub fn account(&self, id: &AccountId) -> Option<Arc<AccountRecord>> {
        self.accounts().get(id).cloned()
    }

    /// Adds an account; `make` sees which ids are taken.
    pub async fn add_account(
        &self,
        make: impl FnOnce(&Accounts) -> Result<Account, Vec<Invalid>>,
    ) -> Result<Arc<AccountRecord>, CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.accounts();
        let account = make(&before).map_err(CatalogError::Invalid)?;
        if before.contains_key(&account.id) {
            return Err(CatalogError::AccountExists);
        }
        if before.len() >= MAX_ACCOUNTS {
            let limit = MAX_ACCOUNTS;
            return Err(CatalogError::TooManyAccounts { limit });
        }
        let now = clock::wall();
        let record = Arc::new(AccountRecord {
            account,
            revision: 1,
            created_at: now,
            updated_at: now,
        });
        self.keep_account(&before, &record).await?;
        Ok(record)
    }

    /// Changes an account; `make` sees what is there. An unchanged one is not written.
    pub async fn change_account(
        &self,
        id: &AccountId,
        expect: &Expect,
        make: impl FnOnce(&Account) -> Result<Account, Vec<Invalid>>,
    ) -> Result<Arc<AccountRecord>, CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.accounts();
        let old = before.get(id).ok_or(CatalogError::AccountNotFound)?;
        expect.check_account(old)?;
        let account = make(&old.account).map_err(CatalogError::Invalid)?;
        if account == old.account {
            return Ok(Arc::clone(old));
        }
        let record = Arc::new(AccountRecord {
            account,
            revision: old.revision + 1,
            created_at: old.created_at,
            updated_at: clock::wall(),
        });
        self.keep_account(&before, &record).await?;
        Ok(record)
    }

    /// Removes an account that no stream names.
    pub async fn remove_account(
        &self,
        id: &AccountId,
        expect: &Expect,
    ) -> Result<(), CatalogError> {
        let _writing = self.writing.lock().await;
        let before = self.accounts();
        let old = before.get(id).ok_or(CatalogError::AccountNotFound)?;
        expect.check_account(old)?;
        let using = self.streams_of(id);
        if !using.is_empty() {
            return Err(CatalogError::AccountInUse {
                total: using.len(),
                named: using.into_iter().take(NAMED).collect(),
            });
        }
        self.store.delete_account(id.clone()).await?;
        let mut after = BTreeMap::clone(&before);
        after.remove(id);
        self.replace_accounts(after);
        Ok(())
    }

    /// The streams with a source of this account, by id.
    pub fn streams_of(&self, id: &AccountId) -> Vec<StreamId> {
        let all = self.snapshot();
        all.values()
            .filter(|r| names(&r.definition).any(|(_, account)| account == id))
            .map(|r| r.definition.id.clone())
            .collect()
    }

    /// Tells of accounts that a definition names and that are not there.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] with the place of each.
    pub fn check_accounts(&self, definition: &Definition) -> Result<(), CatalogError> {
        let accounts = self.accounts();
        let unknown: Vec<Invalid> = names(definition)
            .filter(|(_, id)| !accounts.contains_key(id))
            .map(|(source, _)| Invalid {
                pointer: format!("/sources/{source}/account"),
                problem: "names an account that is not there".to_owned(),
                allowed: "the id of one of /api/v1/accounts".to_owned(),
            })
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(CatalogError::Invalid(unknown))
        }
    }

    async fn keep_account(
        &self,
        before: &Accounts,
        record: &Arc<AccountRecord>,
    ) -> Result<(), CatalogError> {
        self.store.put_account(Arc::clone(record)).await?;
        let mut after = BTreeMap::clone(before);
        after.insert(record.account.id.clone(), Arc::clone(record));
        self.replace_accounts(after);
        Ok(())
    }

    fn replace_accounts(&self, after: BTreeMap<AccountId, Arc<AccountRecord>>) {
        let mut accounts = self
            .accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *accounts = Arc::new(after);
    }
}

impl Expect {
    fn check_account(&self, record: &AccountRecord) -> Result<(), CatalogError> {
        match self {
            Self::Tag(wanted) if !wanted.contains(&record.etag()) => {
                let current = record.revision;
                Err(CatalogError::AccountConflict { current })
            }
            _ => Ok(()),
        }
    }
}

/// The accounts of a definition's sources, with their places.
fn names(definition: &Definition) -> impl Iterator<Item = (usize, &AccountId)> {
    let sources = definition.sources.iter().enumerate();
    sources.filter_map(|(at, source)| Some((at, source.account.as_ref()?)))
}
