//! Who is told what, and when. Pure: time is an argument, and nothing here knows how a notification is delivered.
//!
//! ```text
//! events (history) ─► Router ─► notifications ─► outbox (store) ─► mail, webhook, Alertmanager
//!                       ▲
//!      rules, receivers, maintenance windows, acknowledgements
//! ```
//!
//! A [`Rule`] says which conditions of which streams are told to which [`Receiver`]s, in which [`Hours`], and to whom next when
//! nobody acknowledges. The [`Router`] keeps, for each condition that is raised, what each receiver knows of it, and tells what
//! differs: so a recovery is told only of what was told, and a crash between two commits doubles nothing.
//!
//! - **Bundled**: what becomes due within [`Settings::collect`] for one receiver is one notification; while more keeps coming it
//!   waits on, up to [`Settings::collect_max`]. What more than [`Settings::common`] streams of one account, host or group share
//!   is a notification of its own that names it; at most a few at a time, see [`digest`].
//! - **Limited**: in [`Settings::rate_limit`] a receiver is told of one condition of one stream once at most. What came and went
//!   unsaid meanwhile is counted, and told in the next notification.
//! - **Hours**: what is raised outside of them is told when they begin, if it still lasts; so is a recovery.
//! - **Maintenance** ([`Maintenance`]): nothing is told; at the end, what still lasts is told, and what has recovered.
//! - **Escalation**: a step is due when its rule has been open, and the alert raised and not acknowledged, for so long.
//!
//! The wall clock is what survives a restart, so it is the router's time. When it is set back, what waits for a time that now
//! lies far off is told at once rather than late.

mod address;
mod alert;
pub mod digest;
mod hours;
mod ids;
mod kept;
mod maintenance;
mod notification;
mod receiver;
mod router;
mod rule;
mod selector;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod testing_router;
pub mod wording;

pub use address::{MailAddress, Mailbox};
pub use alert::{Acknowledgement, Alert, AlertKey};
pub use hours::{ClockTime, Day, Hours, WeekSpan};
pub use ids::{MaintenanceId, ReceiverId, RuleId};
pub use kept::{Kept, Named};
pub use maintenance::Maintenance;
pub use notification::{
    Common, Item, ItemKind, MOST_ITEMS, MOST_PICTURE_BYTES, MOST_THUMBNAILS, Notification,
    NotificationId, Picture,
};
pub use receiver::{Receiver, Target};
pub use router::{MOST_ALERTS, Outcome, Router, Row, Settings, Setup};
pub use rule::{Rule, Step};
pub use selector::{Facts, Selector};
