//! What happened at one time, and how a stream stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::conditions::{Condition, Health};
use crate::stream::StreamId;

/// Something that happened to a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number: grows with its time, and is given by the store. 0 until then.
    #[serde(skip)]
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// To whom.
    #[serde(skip, default = "nobody")]
    pub stream: StreamId,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = StreamEventKind)]
pub enum EventKind {
    /// A condition was raised.
    ConditionRaised {
        /// As it was then.
        condition: Condition,
    },
    /// A condition was cleared.
    ConditionCleared {
        /// As it was at its end.
        condition: Condition,
    },
    /// The stream's health is another.
    HealthChanged {
        /// What it was.
        from: Health,
        /// What it is.
        to: Health,
    },
    /// The stream is pulled from another of its sources.
    SourceChanged {
        /// Which it was, from 0.
        from: usize,
        /// Which it is, from 0.
        to: usize,
        /// Why, in a few words.
        reason: String,
    },
}

/// How a stream stands: what a restarted server goes on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptState {
    /// Its health.
    pub health: Health,
    /// Since when.
    pub since: Timestamp,
    /// What is raised.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// 2026-01-01T00:00:00Z, in milliseconds: numbers of events count from here.
const EPOCH_MS: i64 = 1_767_225_600_000;
/// Bits of a number that tell events of one millisecond apart.
pub(crate) const SEQ_WITHIN_MS: u32 = 12;
/// Numbers stay below 2^53, so that a browser reads them exactly: until 2095.
const LARGEST: i64 = (1 << 41) - 1;

/// The smallest number of an event at this time.
pub fn first_seq(at: Timestamp) -> u64 {
    let ms = (at.as_millisecond() - EPOCH_MS).clamp(0, LARGEST);
    ms.unsigned_abs() << SEQ_WITHIN_MS
}

impl Event {
    /// An event that the store does not know yet.
    pub fn new(stream: StreamId, at: Timestamp, kind: EventKind) -> Self {
        Self {
            seq: 0,
            at,
            stream,
            kind,
        }
    }
}

/// The hour (since 1970) that events of this number are kept with.
pub(crate) fn event_hour(seq: u64) -> u32 {
    let ms = (seq >> SEQ_WITHIN_MS).cast_signed() + EPOCH_MS;
    super::MinuteAt::of_ms(ms).hour()
}

/// Stands in while an event is read: its stream is told by its key.
fn nobody() -> StreamId {
    StreamId::from_name("", |_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_time_and_browsers_can_read_them() {
        let at = |text: &str| first_seq(text.parse().expect("a time"));
        assert_eq!(at("1970-01-01T00:00:00Z"), 0);
        assert!(at("2026-11-22T10:00:00Z") < at("2026-11-22T10:00:00.001Z"));
        assert!(at("9999-01-01T00:00:00Z") + (1 << SEQ_WITHIN_MS) <= 1 << 53);
        let time: Timestamp = "2026-11-22T10:59:59.999Z".parse().expect("a time");
        assert_eq!(
            event_hour(first_seq(time) + 4_095),
            super::super::MinuteAt::of(time).hour()
        );
    }
}
