//! Who is told what, and when. Pure: time is an argument, and nothing here knows how a notification is delivered.
//!
//! ```text
//! events (history) ─► router ─► notifications ─► outbox (store) ─► mail, webhook, Alertmanager
//! ```

mod address;
mod notification;
#[cfg(test)]
pub(crate) mod testing;
pub mod wording;

pub use address::{MailAddress, Mailbox};
pub use notification::{
    Common, Item, ItemKind, MOST_ITEMS, MOST_THUMBNAILS, Notification, NotificationId, Picture,
    ReceiverId,
};
