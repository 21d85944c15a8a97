//! Alerts that only ask whether they arrive.

use jiff::Timestamp;

use super::Delivery;
use crate::alerts::{Item, ItemKind, Notification, NotificationId, ReceiverId};
use crate::base::clock;
use crate::conditions::{Condition, Kind, Proof, Severity};
use crate::store::StoreError;
use crate::store::outbox::Change;
use crate::stream::StreamId;

/// The stream of a test.
const STREAM: &str = "test";

impl Delivery {
    /// Puts a test for each of these receivers into the outbox; their numbers.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn test(
        &self,
        receivers: &[ReceiverId],
    ) -> Result<Vec<(ReceiverId, NotificationId)>, StoreError> {
        let mut numbers = Vec::new();
        for receiver in receivers {
            let Some(test) = test_notification(receiver, clock::wall()) else {
                continue;
            };
            numbers.push((receiver.clone(), test.id));
            super::lock(&self.inner.lanes).free(receiver);
            let change = Change::Insert(Box::new(test));
            self.inner.store.change_outbox(change).await?;
        }
        Ok(numbers)
    }
}

/// A notification that nothing is wrong.
pub fn test_notification(receiver: &ReceiverId, now: Timestamp) -> Option<Notification> {
    let item = Item {
        kind: ItemKind::Test,
        stream: StreamId::parse(STREAM).ok()?,
        name: "Test".to_owned(),
        group: None,
        condition: Condition {
            kind: Kind::Down,
            severity: Severity::Info,
            since: now,
            raised_at: now,
            cleared_at: None,
            ending: None,
            confirmed: false,
            relapses: 0,
            evidence: Proof::default(),
        },
        at: now,
        held_back: 0,
    };
    Some(Notification {
        id: NotificationId(ulid::Ulid::generate()),
        receiver: receiver.clone(),
        at: now,
        items: vec![item],
        more: 0,
        common: None,
        held_back: 0,
        pictures: Vec::new(),
    })
}
