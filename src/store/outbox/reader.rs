//! Reading the outbox: off the async runtime, past the thread that writes.

use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};
use tokio::sync::{Notify, Semaphore};

use super::{Row, Sent, parse};
use crate::alerts::{Notification, NotificationId, ReceiverId};
use crate::notify::alertmanager::Alert;
use crate::store::StoreError;
use crate::store::schema::{OUTBOX, OUTBOX_BODIES, REPEATED, SENT, boxed};
use crate::store::slot::Slot;

/// Questions that are read for at a time.
const READERS: usize = 2;

/// Reads the outbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OutboxReader {
    slot: Arc<Slot>,
    places: Arc<Semaphore>,
    changed: Arc<Notify>,
}

impl OutboxReader {
    pub(in crate::store) fn new(slot: Arc<Slot>, changed: Arc<Notify>) -> Self {
        Self {
            slot,
            places: Arc::new(Semaphore::new(READERS)),
            changed,
        }
    }

    /// Waits until the outbox was changed since this was asked last. For one who asks.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// All rows, the oldest first.
    pub async fn rows(&self) -> Result<Vec<Row>, StoreError> {
        self.run(|read| {
            let table = read.open_table(OUTBOX).map_err(boxed)?;
            let mut rows = Vec::new();
            for row in table.iter().map_err(boxed)? {
                let (_, value) = row.map_err(boxed)?;
                rows.extend(parse(value.value()));
            }
            Ok(rows)
        })
        .await
    }

    /// One notification with its row, if it is (still) there.
    pub async fn find(
        &self,
        id: NotificationId,
    ) -> Result<Option<(Row, Notification)>, StoreError> {
        self.run(move |read| {
            let key = u128::from(id.0);
            let heads = read.open_table(OUTBOX).map_err(boxed)?;
            let bodies = read.open_table(OUTBOX_BODIES).map_err(boxed)?;
            let head = heads.get(key).map_err(boxed)?;
            let body = bodies.get(key).map_err(boxed)?;
            let row = head.and_then(|row| parse(row.value()));
            Ok(row.zip(body.and_then(|body| parse(body.value()))))
        })
        .await
    }

    /// What was sent lately, the newest first.
    pub async fn sent(&self) -> Result<Vec<Sent>, StoreError> {
        self.run(|read| {
            let table = read.open_table(SENT).map_err(boxed)?;
            let mut rows = Vec::new();
            for row in table.iter().map_err(boxed)?.rev() {
                let (_, value) = row.map_err(boxed)?;
                rows.extend(parse(value.value()));
            }
            Ok(rows)
        })
        .await
    }

    /// What is repeated to an Alertmanager, by key.
    pub async fn repeated(&self, to: ReceiverId) -> Result<Vec<(String, Alert)>, StoreError> {
        self.run(move |read| {
            let table = read.open_table(REPEATED).map_err(boxed)?;
            let mut rows = Vec::new();
            for row in table.range((to.0.as_str(), "")..).map_err(boxed)? {
                let (key, value) = row.map_err(boxed)?;
                let (receiver, key) = key.value();
                if receiver != to.0 {
                    break;
                }
                rows.extend(parse(value.value()).map(|alert| (key.to_owned(), alert)));
            }
            Ok(rows)
        })
        .await
    }

    /// The receivers that something is repeated to.
    pub async fn repeated_to(&self) -> Result<Vec<ReceiverId>, StoreError> {
        self.run(|read| {
            let table = read.open_table(REPEATED).map_err(boxed)?;
            let (mut receivers, mut after) = (Vec::new(), String::new());
            while let Some(row) = table.range((after.as_str(), "")..).map_err(boxed)?.next() {
                let (key, _) = row.map_err(boxed)?;
                let receiver = key.value().0.to_owned();
                // The least text above this one.
                after = format!("{receiver}\0");
                receivers.push(ReceiverId(receiver));
            }
            Ok(receivers)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let places = Arc::clone(&self.places);
        let place = places
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let slot = Arc::clone(&self.slot);
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            slot.watch(slot.read().and_then(work))
        });
        work.await.map_err(|_| StoreError::Closed)?
    }
}
