//! The durable truth: definitions, accounts, what pipelines have cost, the history of streams, notifications on
//! their way, and who is let in, in one redb file.
//! The only room that names redb.
//!
//! redb blocks, so one thread writes, and async code sends it commands through a bounded channel.
//! The thread commits whatever has queued up in one transaction and answers only after the commit is
//! on disk: an acknowledged write survives `kill -9`. Reading the history goes past that thread.

mod alerts;
mod auth;
mod history;
pub mod outbox;
mod removed;
mod schema;
mod slot;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::admission::costs::Learned;
use crate::history::{Bounds, Event, KeptState, Minute, MinuteAt, NewPicture};
use crate::stream::{AccountId, AccountRecord, Record, StreamId};
use outbox::OutboxReader;
use slot::{Opener, Slot};
use writer::Command;

pub use alerts::{Alerting, AlertsCommit, AlertsKept, Journaled};
pub use auth::{AuditQuery, AuthKept, Numbered};
pub use history::{EventQuery, HistoryReader};
pub use removed::{Removed, UNDO};

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
    /// The system gives no thread.
    #[error("cannot start the thread of the store: {0}")]
    Thread(std::io::Error),
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

/// How the store is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How much history is kept.
    pub history: Bounds,
    /// Pages of the file that are held in memory at most, bytes; half of it may wait to be written.
    pub cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            history: Bounds::default(),
            cache_bytes: 16 * 1024 * 1024,
        }
    }
}

/// A handle to the store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    commands: mpsc::Sender<Command>,
    history: HistoryReader,
    outbox: OutboxReader,
    slot: Arc<Slot>,
    appended: Arc<Notify>,
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
    /// How streams stood when the server ended.
    pub states: Vec<(StreamId, KeptState)>,
    /// What operators made of alerts, and what receivers know.
    pub alerts: AlertsKept,
    /// Users, tokens and keys.
    pub auth: AuthKept,
}

/// Waits for the writer's thread to end: after the last [`Store`] handle is dropped.
#[must_use]
#[derive(Debug)]
pub struct Closing {
    thread: JoinHandle<()>,
}

impl Store {
    /// Opens or creates the file, migrates it, and reads all but the history. Blocks.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed in a file that cannot be read.
    pub fn open(path: &Path, settings: &Settings) -> Result<Opened, StoreError> {
        let cache_bytes = settings.cache_bytes;
        let path = path.to_owned();
        let opener: Opener = Box::new(move || schema::open(&path, cache_bytes));
        Self::open_by(opener, settings)
    }

    fn open_by(opener: Opener, settings: &Settings) -> Result<Opened, StoreError> {
        let database = opener()?;
        let records = schema::read_streams(&database)?;
        let accounts = schema::read_accounts(&database)?;
        let costs = schema::read_costs(&database);
        let states = schema::read_states(&database);
        let alerts = alerts::read(&database)?;
        let auth = auth::read(&database)?;
        let (commands, receiver) = mpsc::channel(QUEUE);
        let slot = Arc::new(Slot::new(database, opener));
        let history = HistoryReader::new(Arc::clone(&slot));
        let changed = Arc::new(Notify::new());
        let outbox = OutboxReader::new(Arc::clone(&slot), Arc::clone(&changed));
        let bounds = settings.history;
        let reading = Arc::clone(&slot);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                writer::run(&slot, &bounds, &changed, receiver);
                slot.close();
            })
            .map_err(StoreError::Thread)?;
        Ok(Opened {
            store: Self {
                commands,
                history,
                outbox,
                slot: reading,
                appended: Arc::default(),
            },
            closing: Closing { thread },
            records,
            accounts,
            costs,
            states,
            alerts,
            auth,
        })
    }

    /// Writes definitions, all or none, durably.
    pub async fn put(&self, records: Vec<std::sync::Arc<Record>>) -> Result<(), StoreError> {
        self.send(|reply| Command::Put { records, reply }).await
    }

    /// Removes definitions, all or none, durably; those not there are no error. For [`UNDO`] after `at` they can be
    /// restored.
    pub async fn delete(&self, ids: Vec<StreamId>, at: Timestamp) -> Result<(), StoreError> {
        self.send(|reply| Command::Delete { ids, at, reply }).await
    }

    /// What is known of a definition that was removed lately.
    pub async fn removed(&self, id: StreamId) -> Result<Option<Removed>, StoreError> {
        let slot = Arc::clone(&self.slot);
        let reading = move || slot.watch(slot.read().and_then(|read| removed::find(read, &id)));
        let read = tokio::task::spawn_blocking(reading).await;
        read.map_err(|_| StoreError::Closed)?
    }

    /// Writes a definition that was removed again, durably, and gives it back its history.
    pub async fn restore(&self, record: Arc<Record>) -> Result<(), StoreError> {
        self.send(|reply| Command::Restore { record, reply }).await
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

    /// Writes what happened and how streams stand since, all or none, durably: a server that is started again neither
    /// forgets an event nor tells one twice. Events are numbered; the states are in [`Opened::states`] of the next
    /// start. What is of streams that are not defined (any more) is left out.
    pub async fn record(
        &self,
        events: Vec<Event>,
        states: Vec<(StreamId, KeptState)>,
    ) -> Result<(), StoreError> {
        let happened = !events.is_empty();
        self.send(|reply| Command::Record {
            events,
            states,
            reply,
        })
        .await?;
        if happened {
            self.appended.notify_one();
        }
        Ok(())
    }

    /// Tells that events were appended; for one who waits.
    pub fn appended(&self) -> &Notify {
        &self.appended
    }

    /// Keeps pictures of what was recorded before, when the writer has time for it.
    pub fn keep_pictures(&self, pictures: Vec<NewPicture>) {
        let many = pictures.len();
        if many > 0 && self.commands.try_send(Command::Pictures(pictures)).is_err() {
            tracing::warn!(pictures = many, "the store is busy: pictures are not kept");
        }
    }

    /// Writes minutes, durably. Meant for one call a minute with all streams; a minute that is there
    /// already is merged ([`Minute::merge`]).
    pub async fn put_minutes(
        &self,
        rows: Vec<(StreamId, MinuteAt, Minute)>,
    ) -> Result<(), StoreError> {
        self.send(|reply| Command::PutMinutes { rows, reply }).await
    }

    /// Reads the history.
    pub fn history(&self) -> &HistoryReader {
        &self.history
    }

    /// Changes the outbox, durably.
    pub async fn change_outbox(&self, change: outbox::Change) -> Result<(), StoreError> {
        self.send(|reply| Command::Outbox { change, reply }).await
    }

    /// Reads the outbox.
    pub fn outbox(&self) -> &OutboxReader {
        &self.outbox
    }

    /// Asks the writer for a sign of life: how long it took to answer, and that a read works.
    pub async fn check(&self) -> Result<Duration, StoreError> {
        let started = crate::base::clock::now();
        self.send(|reply| Command::Check { reply }).await?;
        Ok(started.elapsed())
    }

    /// Commands that wait for the writer.
    pub fn queued(&self) -> usize {
        self.commands.max_capacity() - self.commands.capacity()
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
