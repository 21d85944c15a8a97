//! Notifications for tests.

use jiff::Timestamp;

use super::{Item, ItemKind, Notification, NotificationId, ReceiverId};
use crate::conditions::{Condition, Kind, Proof, Severity};
use crate::stream::StreamId;

/// When the conditions of [`item`] began.
pub(crate) fn began() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().expect("a time")
}

/// A stream with a critical condition that was raised ten seconds after it [began].
pub(crate) fn item(id: &str, name: &str, kind: Kind) -> Item {
    let raised_at = began() + jiff::SignedDuration::from_secs(10);
    Item {
        kind: ItemKind::Raised,
        stream: StreamId::parse(id).expect("an id"),
        name: name.to_owned(),
        group: None,
        condition: Condition {
            kind,
            severity: Severity::Critical,
            since: began(),
            raised_at,
            cleared_at: None,
            ending: None,
            confirmed: true,
            relapses: 0,
            evidence: Proof {
                text: "the source refuses connections".to_owned(),
                ..Proof::default()
            },
        },
        at: raised_at,
        held_back: 0,
    }
}

/// A notification of these items for the receiver `noc`, with a number of its own.
pub(crate) fn notification(items: Vec<Item>) -> Notification {
    Notification {
        id: NotificationId(ulid::Ulid::generate()),
        receiver: ReceiverId("noc".to_owned()),
        at: began() + jiff::SignedDuration::from_secs(15),
        items,
        more: 0,
        common: None,
        held_back: 0,
        pictures: Vec::new(),
    }
}
