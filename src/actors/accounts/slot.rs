//! A place among the connections of an account, and what it takes to use it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Accounts, Told};
use crate::accounts::{Figures, PlaceId, Reason};
use crate::ingest::{Cause, IngestError, Stage};
use crate::stream::{AccountId, AccountRecord, Credentials};

/// The largest file that holds a secret, in bytes.
const MAX_SECRET: u64 = 4096;

/// A place in the queue of an account, then the right to one connection. Given back when dropped:
/// by then the connection must have ended.
#[must_use]
#[derive(Debug)]
pub struct Slot {
    pub(super) accounts: Accounts,
    pub(super) record: Arc<AccountRecord>,
    pub(super) place: PlaceId,
    pub(super) told: watch::Receiver<Told>,
}

impl Slot {
    /// Resolves when the slot is there; false when nobody wants it any more.
    pub async fn granted(&self) -> bool {
        let mut told = self.told.clone();
        let told = told.wait_for(|told| *told != Told::Wait).await;
        told.is_ok_and(|told| *told != Told::Dismissed)
    }

    /// Whether the slot is there already.
    pub fn is_granted(&self) -> bool {
        !matches!(*self.told.borrow(), Told::Wait | Told::Dismissed)
    }

    /// Resolves when the slot is wanted back: the connection is to end at once.
    pub async fn recalled(&self) -> Reason {
        let mut told = self.told.clone();
        loop {
            let now = *told.borrow_and_update();
            if let Told::Recalled(reason) = now {
                return reason;
            }
            if told.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The account and the place in it.
    pub fn place(&self) -> (AccountId, PlaceId) {
        (self.record.account.id.clone(), self.place)
    }

    /// The figures of the account.
    pub fn figures(&self) -> Figures {
        self.accounts.figures(&self.record.account.id)
    }

    /// The account's credentials, read from a file where they are in one.
    ///
    /// # Errors
    /// When the file cannot be read; the cause is in the log.
    pub async fn credentials(&self) -> Result<Option<Credentials>, IngestError> {
        let Some(credentials) = self.record.account.credentials.clone() else {
            return Ok(None);
        };
        let folder = self.accounts.inner.secrets.clone();
        let read = move || credentials.resolve(|name| read_secret(folder, name));
        let read = tokio::task::spawn_blocking(read).await;
        let unreadable = |error: std::io::Error| {
            tracing::error!(account = %self.record.account.id, %error, "the account's secret cannot be read");
            let text = "the file with the secret of the source's account cannot be read";
            IngestError::new(Stage::Account, Cause::Auth, text)
        };
        match read {
            Ok(read) => read.map(Some).map_err(unreadable),
            Err(error) => Err(unreadable(std::io::Error::other(error))),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.accounts.leave(&self.record.account.id, self.place);
    }
}

/// The text of a file in the folder of secrets, without the line break at its end. `name` is a plain
/// file name: definitions hold no other.
pub(in crate::actors) fn read_secret(
    folder: Option<PathBuf>,
    name: &str,
) -> std::io::Result<String> {
    use std::io::Read;
    let folder = folder
        .ok_or_else(|| std::io::Error::other("no folder of secrets is configured (SECRETS_DIR)"))?;
    let mut text = String::new();
    let file = std::fs::File::open(folder.join(name))?;
    file.take(MAX_SECRET + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SECRET {
        return Err(std::io::Error::other("it is larger than 4096 bytes"));
    }
    let trimmed = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(trimmed);
    Ok(text)
}
