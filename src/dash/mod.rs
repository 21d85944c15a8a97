//! Dynamic Adaptive Streaming over HTTP (ISO/IEC 23009-1), the pulling side, as pure code: no sockets, time is an
//! argument.
//!
//! [`parse`] reads an MPD, [`choose`] picks the representations of a period, [`Follower`] says which segment of one
//! comes next, [`Updates`] when the MPD is to be loaded again, and [`index`] reads the index of a file that is its own
//! list of segments.
//!
//! XML is read event by event with `quick-xml`: each list is counted while it grows, what is not needed is passed over
//! without being kept, and a document type is refused, so that there are no entities to expand. (The crate `dash-mpd`
//! comes with a downloader and thirty dependencies; deserializing whole documents would count only afterwards.)

mod choice;
mod error;
mod follow;
mod join;
mod mpd;
mod read;
mod sidx;
mod slots;
mod time;
mod updates;
mod xml;

pub use choice::{Choice, Chosen, Want, choose};
pub use error::MpdError;
pub use follow::{Failed, Follower, Joint, Role, Segment, Step};
pub use mpd::{Kind, Mpd, Period, Representation, Resource, Timing};
pub use read::{Limits, parse};
pub use sidx::index;
pub use slots::Slots;
pub use time::date as parse_date;
pub use updates::Updates;

#[cfg(test)]
mod tests;
