//! The open database, and how it comes back after a failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::StoreError;
use super::schema::boxed;

/// Opens the file once more.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// The open database; none while it cannot be opened, and when it is closed for good.
///
/// After an error of the file (a full disk, for example) redb does nothing any more until the file is
/// opened again, which leaves everything that was committed: so the next write does that first.
pub(super) struct Slot {
    database: RwLock<Option<Database>>,
    failed: AtomicBool,
    opener: Opener,
}

impl Slot {
    pub(super) fn new(database: Database, opener: Opener) -> Self {
        Self {
            database: RwLock::new(Some(database)),
            failed: AtomicBool::new(false),
            opener,
        }
    }

    /// A view of what was last committed. It does not hold up writers.
    pub(super) fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.with(|database| Ok(database.begin_read().map_err(boxed)?))
    }

    /// Begins to write. Each commit leaves the file so that it opens at once also after a crash;
    /// without that (`set_quick_repair`) all of it would be read first.
    pub(super) fn write(&self) -> Result<WriteTransaction, StoreError> {
        self.recover()?;
        let mut transaction = self.with(|database| Ok(database.begin_write().map_err(boxed)?))?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Opens the file again if it has failed. Only for the thread that writes.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire) {
            self.open_again()?;
        }
        Ok(())
    }

    /// Looks at the outcome of what was done with a transaction.
    pub(super) fn watch<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Database(error)) = &result
            && matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo)
        {
            self.failed.store(true, Ordering::Release);
        }
        result
    }

    /// Closes the file for good; who still reads is told that it is closed.
    pub(super) fn close(&self) {
        self.failed.store(false, Ordering::Release);
        if let Some(Err(error)) = self.take().map(Database::close) {
            tracing::warn!(%error, "the store was not closed well; nothing is lost");
        }
    }

    fn open_again(&self) -> Result<(), StoreError> {
        let mut slot = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = slot.take().map(Database::close) {
            tracing::debug!(%error, "the failed store did not close well");
        }
        *slot = Some((self.opener)()?);
        self.failed.store(false, Ordering::Release);
        tracing::info!("the store was opened again after a failure");
        Ok(())
    }

    fn take(&self) -> Option<Database> {
        let mut slot = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        slot.take()
    }

    fn with<T>(
        &self,
        begin: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let result = slot.as_ref().ok_or(StoreError::Closed).and_then(begin);
        drop(slot);
        self.watch(result)
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
