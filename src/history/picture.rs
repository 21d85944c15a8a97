//! Pictures that are kept: what a stream looked like when something was found to be wrong with it, or well again.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Event, EventKind};
use crate::conditions::{Ending, Kind};
use crate::stream::StreamId;

/// The most pictures of a stream; the oldest go.
pub const MOST_PICTURES: usize = 24;

/// What a picture is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureOf {
    /// When the condition was raised or cleared.
    pub at: Timestamp,
    /// When the picture was seen: the newest at that time.
    pub taken_at: Timestamp,
    /// The condition.
    pub condition: Kind,
    /// Whether it was raised then; else it was cleared.
    pub raised: bool,
}

/// A picture that the store does not have yet.
#[derive(Clone, Debug)]
pub struct NewPicture {
    /// The stream.
    pub stream: StreamId,
    /// What it is of.
    pub of: PictureOf,
    /// JPEG.
    pub jpeg: Bytes,
}

/// A picture that is kept, by its number, which is never given twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its number.
    pub number: u64,
    /// What it is of.
    pub of: PictureOf,
}

impl PictureOf {
    /// What a picture is of that was seen last when this happened; none if this is nothing to keep one of: a condition that
    /// ended without being over shows nothing.
    pub fn event(event: &Event, taken_at: Timestamp) -> Option<Self> {
        let (condition, raised) = match &event.kind {
            EventKind::ConditionRaised { condition } => (condition, true),
            EventKind::ConditionCleared { condition } => (condition, false),
            EventKind::HealthChanged { .. } | EventKind::SourceChanged { .. } => return None,
        };
        let shows = raised || condition.ending == Some(Ending::Over);
        shows.then_some(Self {
            at: event.at,
            taken_at,
            condition: condition.kind,
            raised,
        })
    }
}
