//! What is seen of a stream, and the conditions that come of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Health, Kind, Severity};
use crate::ingest::Cause;

/// Most numbers that evidence holds.
pub const NUMBERS_MAX: usize = 8;
/// Most characters of its sentence.
pub const TEXT_MAX: usize = 240;

/// The time, twice: durations are measured by `mono`, people read `wall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time.
    pub mono: Instant,
    /// Wall-clock time.
    pub wall: Timestamp,
}

/// What proves a finding: numbers, a sentence, a cause. Names no URL, path or credential.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Numbers by name; those beyond [`NUMBERS_MAX`], and what is no number, are dropped.
    pub numbers: Vec<(&'static str, f64)>,
    /// One sentence for people; cut at [`TEXT_MAX`] characters.
    pub text: String,
    /// The sort of cause, where something failed.
    pub cause: Option<Cause>,
}

/// What was seen of one kind at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What was looked for.
    pub kind: Kind,
    /// Whether it was there. Holds until the next observation of the kind.
    pub present: bool,
    /// Whether somebody looked closely: what is present needs no second look to be raised, and what is absent is no
    /// longer suspected, at once.
    pub confirmed: bool,
    /// How long it has been so already, where that can be told; zero if not. Never reaches back beyond the last
    /// time that it was seen to be absent.
    pub lasting: Duration,
    /// What proves it; of no account where it is absent.
    pub evidence: Evidence,
}

/// A condition that lasts, or lasted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StreamCondition)]
pub struct Condition {
    /// What is the matter.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// When it was first seen (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T20:15:00Z")]
    pub since: Timestamp,
    /// When it had lasted for its hold time (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T20:15:10Z")]
    pub raised_at: Timestamp,
    /// When it was over (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cleared_at: Option<Timestamp>,
    /// Why it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Whether a closer look has confirmed it.
    #[serde(default)]
    pub confirmed: bool,
    /// How often it had come back shortly after it was cleared. Each time it takes longer to clear.
    #[serde(default)]
    #[schema(example = 0)]
    pub relapses: u32,
    /// What proves it: what was seen last.
    #[serde(default)]
    pub evidence: Proof,
}

/// Evidence as it is kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConditionEvidence)]
pub struct Proof {
    /// Numbers by name, at most 8.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
    /// One sentence.
    #[serde(default)]
    #[schema(example = "the picture is black")]
    pub text: String,
    /// The sort of cause, where something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Why a condition is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConditionEnding)]
pub enum Ending {
    /// It was no longer there.
    Over,
    /// Another condition that explains it was raised; whether it is still there cannot be told, or goes without saying.
    Replaced,
    /// It is no longer looked for.
    Disabled,
    /// The stream is no longer watched.
    Paused,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A condition has lasted for its hold time.
    Raised(Condition),
    /// A condition is over; `cleared_at` and `ending` are set.
    Cleared(Condition),
    /// The state of the stream is another.
    Health {
        /// What it was.
        from: Health,
        /// What it is.
        to: Health,
        /// Since when.
        at: Timestamp,
    },
}

impl Now {
    /// The wall-clock time of a moment near `self`, earlier or later.
    pub fn wall_at(self, at: Instant) -> Timestamp {
        let (past, future) = (
            self.mono.saturating_duration_since(at),
            at.saturating_duration_since(self.mono),
        );
        let earlier = self.wall.checked_sub(past).unwrap_or(Timestamp::MIN);
        earlier.checked_add(future).unwrap_or(Timestamp::MAX)
    }
}

impl Evidence {
    /// Evidence in one sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: f64) -> Self {
        self.numbers.push((name, value));
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn cause(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }
}

impl Observation {
    /// It is there.
    pub fn present(kind: Kind, evidence: Evidence) -> Self {
        Self {
            kind,
            present: true,
            confirmed: false,
            lasting: Duration::ZERO,
            evidence,
        }
    }

    /// It is not there.
    pub fn absent(kind: Kind) -> Self {
        Self {
            present: false,
            ..Self::present(kind, Evidence::default())
        }
    }

    /// Somebody looked closely.
    #[must_use]
    pub fn confirmed(self) -> Self {
        Self {
            confirmed: true,
            ..self
        }
    }

    /// It has been so for some time.
    #[must_use]
    pub fn lasting(self, lasting: Duration) -> Self {
        Self { lasting, ..self }
    }
}

impl Condition {
    pub(super) fn end(&mut self, ending: Ending, at: Timestamp) {
        // The wall clock may have been set back since.
        self.cleared_at = Some(at.max(self.raised_at));
        self.ending = Some(ending);
    }
}

impl From<Evidence> for Proof {
    fn from(evidence: Evidence) -> Self {
        let mut text = evidence.text;
        if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
            text.truncate(end);
        }
        let numbers = evidence.numbers.into_iter();
        Self {
            // JSON has no NaN: what is no number would not come back from the store.
            numbers: numbers
                .filter(|(_, value)| value.is_finite())
                .take(NUMBERS_MAX)
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            text,
            cause: evidence.cause,
        }
    }
}

impl Ending {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Replaced => "replaced",
            Self::Disabled => "disabled",
            Self::Paused => "paused",
        }
    }
}
