//! What happened to streams, minute by minute and event by event. Pure: time is an argument, and
//! nothing here knows how it is stored.
//!
//! ```text
//! watcher ─► Recorder ─► minutes ─► Outbox ─► store: one row for a stream and hour (hour)
//!                                               │
//!         availability, buckets ◄── minutes ◄───┘
//! ```
//!
//! Time that nobody watched is unknown. It is neither uptime nor downtime, and neither is a pause.

mod availability;
mod bitrates;
mod bounds;
mod buckets;
mod csv;
mod event;
mod hour;
mod minute;
mod outbox;
mod period;
mod picture;
mod recorder;

pub use availability::{Availability, Tally};
pub use bitrates::{Bitrates, MOST_POINTS};
pub use bounds::{Bounds, Surplus};
pub use buckets::{Bucket, Buckets, MOST_BUCKETS};
pub use csv::{availability_head, availability_row};
pub use event::{Event, EventKind, KeptState, first_seq};
pub(crate) use event::{SEQ_WITHIN_MS, event_hour};
pub use hour::{Damaged, Hour, minutes};
pub use minute::{MINUTE_MS, Minute, MinuteAt, Spans};
pub use outbox::Outbox;
pub use period::{MOST_DAYS, Period, PeriodError, parse_time};
pub use picture::{MOST_PICTURES, NewPicture, Picture, PictureOf};
pub use recorder::{Recorder, Seen};
