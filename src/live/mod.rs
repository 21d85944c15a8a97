//! Live updates: what a client that looks on is told, and nothing twice. Pure: time is an argument, no sockets.
//!
//! ```text
//! Seen (once a second) ─► Differ ─► Update ─► Journal ─┬─ snapshot(filter)        ─► Message ─► JSON, SSE,
//!  the server as it is     what is worth   rows, and a └─ delta(since, filter)         or either of them deflated,
//!                          telling         bounded log                                 each made once for all
//! ```
//!
//! - Everything that is told is a **row** of flat members: of a stream, a session, the pool, the server. A row that appears
//!   is told with all its members, one that changes with those that have changed, one that goes by its id. Laying members
//!   over what one has (`Object.assign`) is all that a client does, and doing it twice does no harm.
//! - Each second in which something has changed is one **sequence number**. A [`Position`] names it together with the run
//!   of the server (its [`Epoch`]) and the filter: what was told by another server, or to another filter, is not gone on from.
//! - No client has a queue. Each has a cursor into one [`Journal`] whose log is bounded in items and bytes; who falls behind is told
//!   all that he has missed as one change, and who falls out of the log is told everything anew.
//! - What changes all the time is not told, or coarsely ([`Differ`]): an idle fleet is silent.

mod deflate;
mod differ;
mod filter;
mod journal;
mod message;
mod position;
mod row;
#[cfg(test)]
mod tests;

pub use deflate::{Block, Gzip};
pub use differ::{BITRATE_PAUSE, Differ, Seen, SeenStream, THUMBNAIL_PAUSE};
pub use filter::{Filter, FilterError, Scope};
pub use journal::{Bounds, Journal, Resync, Start, Update};
pub use message::Message;
pub use position::{Epoch, Position};
pub use row::{
    ConditionRow, Document, FailureRow, Key, PoolRow, Section, ServerRow, SessionRow, StreamRow,
};
