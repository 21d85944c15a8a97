//! The durable truth: definitions, accounts, and what pipelines have cost, in one redb file. The only room that names redb.
//!
//! redb blocks, so one thread owns the database and async code sends it commands through a
//! bounded channel. The thread commits whatever has queued up in one transaction and answers
//! only after the commit is on disk: an acknowledged write survives `kill -9`.

mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::admission::costs::Learned;
use crate::stream::{AccountId, AccountRecord, Record, StreamId};
use writer::Command;

/// Commands that may wait for the writer; more wait in their callers.
const QUEUE: usize = 256;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("cannot open the store {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What redb says.
        source: Box<redb::DatabaseError>,
    },
    /// Another process has the file open.
    #[error(
        "the store {path} is in use by another process: stop it, or give this one a file of its own with --db"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the file is not there or not writable.
    #[error("cannot create the store {path}: {source}")]
    Folder {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file was written by a newer version.
    #[error(
        "the store has schema version {found}, this version of Sightglass knows up to {known}: start the newer version, or restore a backup"
    )]
    TooNew {
        /// Version in the file.
        found: u64,
        /// The newest version known here.
        known: u64,
    },
    /// A record does not parse.
    #[error("the store holds a damaged record under {key:?}: {source}")]
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// redb failed: a full disk, for example.
    #[error("the store failed: {0}")]
    Database(#[from] Box<redb::Error>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// A handle to the store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    commands: mpsc::Sender<Command>,
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub store: Store,
    /// To wait for its end.
    pub closing: Closing,
    /// All definitions.
    pub records: Vec<Record>,
    /// All accounts.
    pub accounts: Vec<AccountRecord>,
    /// What pipelines have cost: the rows of a [`CostBook`](crate::admission::costs::CostBook).
    pub costs: Vec<(String, Vec<u8>)>,
}

/// Waits for the writer's thread to end: after the last [`Store`] handle is dropped.
#[must_use]
#[derive(Debug)]
pub struct Closing {
    thread: JoinHandle<()>,
}

impl Store {
    /// Opens or creates the file, migrates it, and reads all definitions. Blocks.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed in a file that cannot be read.
    pub fn open(path: &Path) -> Result<Opened, StoreError> {
        let database = schema::open(path)?;
        let records = schema::read_streams(&database)?;
        let accounts = schema::read_accounts(&database)?;
        let costs = schema::read_costs(&database);
        let (commands, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer::run(&database, receiver))
            .map_err(|source| StoreError::Folder {
                path: path.to_owned(),
                source,
            })?;
        Ok(Opened {
            store: Self { commands },
            closing: Closing { thread },
            records,
            accounts,
            costs,
        })
    }

    /// Writes definitions, all or none, durably.
    pub async fn put(&self, records: Vec<std::sync::Arc<Record>>) -> Result<(), StoreError> {
        self.send(|reply| Command::Put { records, reply }).await
    }

    /// Removes definitions, all or none, durably; those not there are no error.
    pub async fn delete(&self, ids: Vec<StreamId>) -> Result<(), StoreError> {
        self.send(|reply| Command::Delete { ids, reply }).await
    }

    /// Writes an account, durably.
    pub async fn put_account(
        &self,
        record: std::sync::Arc<AccountRecord>,
    ) -> Result<(), StoreError> {
        self.send(|reply| Command::PutAccount { record, reply })
            .await
    }

    /// Removes an account, durably; one that is not there is no error.
    pub async fn delete_account(&self, id: AccountId) -> Result<(), StoreError> {
        self.send(|reply| Command::DeleteAccount { id, reply })
            .await
    }

    /// Keeps what a pipeline has cost, when the writer has time for it: what is lost is learned again.
    pub fn learn(&self, learned: Learned) {
        if self.commands.try_send(Command::Learn(learned)).is_err() {
            tracing::debug!("the store is busy: what a pipeline has cost is not kept");
        }
    }

    /// Asks the writer for a sign of life: how long it took to answer, and that a read works.
    pub async fn check(&self) -> Result<Duration, StoreError> {
        let started = crate::base::clock::now();
        self.send(|reply| Command::Check { reply }).await?;
        Ok(started.elapsed())
    }

    async fn send(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), StoreError>>) -> Command,
    ) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Closing {
    /// Blocks until everything queued is committed and the file is closed.
    pub fn wait(self) {
        if self.thread.join().is_err() {
            tracing::error!("the store's writer panicked");
        }
    }
}

#[cfg(test)]
mod tests;
