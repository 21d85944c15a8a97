//! Delivers what is in the outbox, and keeps at it.
//!
//! ```text
//! outbox ─► lanes (one for each receiver) ─► attempt: mail, webhook, Alertmanager ─► outbox: sent, again later, dead
//! ```
//!
//! A notification leaves the outbox only after its receiver has accepted it: a crash in between makes a repetition, with
//! the same number, and never a loss.

mod attempt;
mod pace;
mod plan;
mod repeat;
mod test_alert;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alerts::{NotificationId, ReceiverId, Target};
use crate::base::clock;
use crate::mail::Mailer;
use crate::metrics;
use crate::notify::{Poster, Receivers, Retry};
use crate::store::outbox::{Change, LastError, Row, State};
use crate::store::{Store, StoreError};
use attempt::Attempt;
use pace::Pace;
use plan::Lanes;

pub use test_alert::test_notification;

/// Receivers that are told at the same time.
const MOST_BUSY: usize = 16;
/// The longest time between two looks into the outbox.
const LOOK: Duration = Duration::from_secs(10);
/// Time between two tries to write into a store that fails.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How patiently.
    pub retry: Retry,
    /// Mails in a row.
    pub batch: u32,
    /// The pause after them.
    pub batch_pause: Duration,
    /// Time between two repetitions to an Alertmanager of what is active.
    pub repeat: Duration,
    /// What is under way at the end may take so long: what is then accepted is written down as sent.
    pub grace: Duration,
    /// The folder of secrets that are in files.
    pub secrets_dir: Option<PathBuf>,
}

/// The outbox in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Notifications to be delivered.
    pub pending: usize,
    /// Those that were given up.
    pub dead: usize,
    /// When the oldest pending one was made.
    pub oldest_pending: Option<Timestamp>,
}

/// The deliverer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Delivery {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    receivers: Arc<dyn Receivers>,
    mailer: Option<Mailer>,
    poster: Poster,
    repeat: Duration,
    grace: Duration,
    secrets_dir: Option<PathBuf>,
    pace: Mutex<Pace>,
    lanes: Mutex<Lanes>,
    figures: Mutex<Figures>,
}

impl Delivery {
    /// Delivers what is in this store to these receivers; mail where there is a mailer.
    pub fn new(
        store: Store,
        receivers: Arc<dyn Receivers>,
        mailer: Option<Mailer>,
        poster: Poster,
        settings: Settings,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                receivers,
                mailer,
                poster,
                repeat: settings.repeat,
                grace: settings.grace,
                secrets_dir: settings.secrets_dir,
                pace: Mutex::new(Pace::new(settings.batch, settings.batch_pause)),
                lanes: Mutex::new(Lanes::new(settings.retry, MOST_BUSY)),
                figures: Mutex::new(Figures::default()),
            }),
        }
    }

    /// Whether anything may be posted there, as far as can be told without resolving a name.
    ///
    /// # Errors
    /// Which setting would allow it.
    pub fn check(&self, target: &Target) -> Result<(), String> {
        match target {
            Target::Email { .. } => Ok(()),
            Target::Webhook { url, .. } | Target::Alertmanager { url } => {
                self.inner.poster.check(url)
            }
        }
    }

    /// Delivers until `stop` is cancelled, and then ends what is under way, if that does not take long.
    pub async fn run(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        let mut repeating = tokio::spawn(self.clone().repeat(stop.clone()));
        loop {
            let wait = self.round(&mut running).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the outbox cannot be read");
                STORE_PAUSE
            });
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.inner.store.outbox().changed() => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        let ending = async {
            while running.join_next().await.is_some() {}
            let _ = (&mut repeating).await;
        };
        if tokio::time::timeout(self.inner.grace, ending)
            .await
            .is_err()
        {
            tracing::info!(
                "deliveries under way were cut off; they are made again at the next start"
            );
        }
        repeating.abort();
    }

    /// The outbox in numbers.
    pub fn figures(&self) -> Figures {
        *lock(&self.inner.figures)
    }

    /// The store with the outbox.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The receivers.
    pub fn receivers(&self) -> &dyn Receivers {
        self.inner.receivers.as_ref()
    }

    /// Delivers these now, whatever kept them, dead ones too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn again(&self, rows: &[Row]) -> Result<(), StoreError> {
        {
            let mut lanes = lock(&self.inner.lanes);
            for row in rows {
                lanes.free(&row.receiver);
            }
        }
        let ids = rows.iter().map(|row| row.id).collect();
        let change = Change::Again {
            ids,
            at: clock::wall(),
        };
        self.inner.store.change_outbox(change).await
    }

    /// Begins what is due; how long to wait for the next.
    async fn round(&self, running: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        if let Some(mailer) = &self.inner.mailer {
            mailer.close_idle().await;
        }
        let rows = self.inner.store.outbox().rows().await?;
        let now = clock::wall();
        *lock(&self.inner.figures) = Figures::of(&rows);
        let plan = lock(&self.inner.lanes).plan(&rows, now);
        for row in rows {
            if plan.start.contains(&row.id) {
                running.spawn(self.clone().deliver(row.id, row.receiver));
            }
        }
        let next = plan.next.map(|next| next.duration_since(now));
        let next = next.and_then(|wait| Duration::try_from(wait).ok());
        Ok(next.map_or(LOOK, |wait| wait.min(LOOK)))
    }

    async fn deliver(self, id: NotificationId, receiver: ReceiverId) {
        let change = match self.inner.store.outbox().find(id).await {
            Ok(Some((row, notification))) => {
                let (kind, attempt) = self.attempt(&row, &notification).await;
                self.settle(&row, kind, attempt)
            }
            Ok(None) => {
                tracing::error!(notification = %id, "a notification is gone or cannot be read");
                Change::Delete { ids: vec![id] }
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                tokio::time::sleep(STORE_PAUSE).await;
                lock(&self.inner.lanes).release(&receiver);
                return;
            }
        };
        // Until it is written down the lane stays busy: what was accepted is not sent again.
        loop {
            match self.inner.store.change_outbox(change.clone()).await {
                Ok(()) | Err(StoreError::Closed) => break,
                Err(error) => {
                    tracing::warn!(%error, "the outcome of a delivery cannot be written yet");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
        lock(&self.inner.lanes).release(&receiver);
    }

    /// What the outcome of an attempt makes of a row.
    fn settle(&self, row: &Row, kind: &'static str, attempt: Attempt) -> Change {
        let (now, id, receiver) = (clock::wall(), row.id, &row.receiver);
        match attempt {
            Attempt::Accepted { repeat } => {
                lock(&self.inner.lanes).free(receiver);
                let delay = now.duration_since(row.since);
                metrics::notification_sent(kind, Duration::try_from(delay).unwrap_or_default());
                tracing::info!(notification = %id, %receiver, kind, attempts = row.attempts + 1, "notification sent");
                Change::Sent {
                    id,
                    at: now,
                    repeat,
                }
            }
            Attempt::Failed { failure, accepted } => {
                let again = lock(&self.inner.lanes).failed(row, &failure, now);
                metrics::notification_failed(kind, again.is_none());
                let (stage, error, attempts) = (failure.stage.as_str(), &failure, row.attempts + 1);
                match again {
                    Some(again) => {
                        tracing::warn!(notification = %id, %receiver, kind, stage, %error, attempts, %again, "notification not sent yet");
                    }
                    None => {
                        tracing::error!(notification = %id, %receiver, kind, stage, %error, attempts, "notification given up");
                    }
                }
                Change::Failed {
                    id,
                    error: LastError::new(&failure, now),
                    again,
                    accepted,
                }
            }
        }
    }
}

impl Figures {
    fn of(rows: &[Row]) -> Self {
        let pending = || rows.iter().filter(|row| row.state == State::Pending);
        Self {
            pending: pending().count(),
            dead: rows.len() - pending().count(),
            oldest_pending: pending().map(|row| row.at).min(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
