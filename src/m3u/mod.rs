//! Playlists as IPTV people keep their channels: M3U in ([`parse`], then [`plan`]) and out ([`write()`]). Pure.
//!
//! There is no standard, only habits: the reader takes what is found in the wild and tells, line by line, what it
//! could not take; the writer keeps to what all players read.

mod extinf;
mod headers;
mod identity;
mod import;
mod parse;
mod pending;
mod prepare;
mod quote;
mod text;
mod write;

pub use import::{Action, Counts, Plan, Row, plan};
pub use parse::{Entry, Limits, Parsed, Problem, parse};
pub use write::{PreviewFormat, Sign, Target, write};
