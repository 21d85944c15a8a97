//! What an operator made, as it is stored.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Maintenance, MaintenanceId, Receiver, ReceiverId, Rule, RuleId};

/// Something that an operator made, with its revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// Itself; its members stand beside the record's own in JSON.
    #[serde(flatten)]
    pub item: T,
    /// Grows with each change. Sets the `ETag`.
    pub revision: u64,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Something with an id of its own.
pub trait Named {
    /// The sort of id.
    type Id: Ord + Clone + fmt::Display;
    /// The id.
    fn id(&self) -> &Self::Id;
}

impl<T> Kept<T> {
    /// The first revision.
    pub fn new(item: T, now: Timestamp) -> Self {
        Self {
            item,
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The next revision.
    #[must_use]
    pub fn changed(&self, item: T, now: Timestamp) -> Self {
        Self {
            item,
            revision: self.revision + 1,
            created_at: self.created_at,
            updated_at: now,
        }
    }

    /// The strong entity tag, as that of a stream's [`Record`](crate::stream::Record).
    pub fn etag(&self) -> String {
        crate::stream::etag(self.revision, self.created_at)
    }
}

impl Named for Rule {
    type Id = RuleId;
    fn id(&self) -> &RuleId {
        &self.id
    }
}

impl Named for Receiver {
    type Id = ReceiverId;
    fn id(&self) -> &ReceiverId {
        &self.id
    }
}

impl Named for Maintenance {
    type Id = MaintenanceId;
    fn id(&self) -> &MaintenanceId {
        &self.id
    }
}
