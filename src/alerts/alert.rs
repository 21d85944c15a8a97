//! A condition that people are told about, and what each of them knows.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::maintenance::{COMMENT, read_time};
use super::{Facts, ItemKind, ReceiverId, RuleId};
use crate::conditions::{Condition, Kind};
use crate::stream::{Invalid, Members, Mistakes, StreamId, limits};

/// Which condition of which stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    /// The stream, or the server.
    pub stream: StreamId,
    /// The kind of condition.
    pub kind: Kind,
}

/// Somebody has seen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Acknowledgement)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// What they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Until when it holds, if the condition lasts so long; to its end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// A condition that is raised, or was a moment ago.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// As it was last; it lasts while it is not cleared.
    pub condition: Condition,
    /// What is known of the stream.
    pub facts: Facts,
    /// What was made of it.
    #[serde(flatten)]
    pub(super) marks: Marks,
}

/// What was made of an alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// Who has seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acknowledged: Option<Acknowledgement>,
    /// In maintenance.
    #[serde(default)]
    pub(super) muted: bool,
    /// Rules that are open for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rules: BTreeMap<RuleId, Engaged>,
    /// What each receiver knows, and is to be told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lines: BTreeMap<ReceiverId, Line>,
}

/// A rule that tells of an alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Engaged {
    /// Since when it is open, the alert raised and not acknowledged; the clock of the escalation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
    /// Steps that were taken.
    #[serde(default)]
    pub(super) steps: usize,
}

/// What one receiver knows of an alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// It was told that the condition is raised, and not that it is over.
    #[serde(default)]
    pub(super) knows: bool,
    /// When it was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Timestamp>,
    /// What it is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<Due>,
    /// It could not be told at once, because of hours or maintenance.
    #[serde(default)]
    pub(super) late: bool,
    /// Times that it came and went unsaid.
    #[serde(default)]
    pub(super) unsaid: u32,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) kind: ItemKind,
    /// Since when.
    pub(super) since: Timestamp,
}

impl Alert {
    /// Whether it lasts.
    pub fn is_raised(&self) -> bool {
        self.condition.cleared_at.is_none()
    }

    /// Who has seen it.
    pub fn acknowledged(&self) -> Option<&Acknowledgement> {
        self.marks.acknowledged.as_ref()
    }

    /// Whether it is in maintenance.
    pub fn is_muted(&self) -> bool {
        self.marks.muted
    }

    /// Who was told that it is raised.
    pub fn told(&self) -> impl Iterator<Item = &ReceiverId> {
        let lines = self.marks.lines.iter();
        lines.filter(|(_, line)| line.knows).map(|(id, _)| id)
    }

    /// Steps of escalation that were taken, of all rules.
    pub fn escalations(&self) -> usize {
        self.marks.rules.values().map(|rule| rule.steps).sum()
    }
}

impl Acknowledgement {
    /// Reads and checks a body, and tells all its mistakes.
    ///
    /// # Errors
    /// All mistakes.
    pub fn define(body: Value, now: Timestamp) -> Result<Self, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        let read = Self::read(body, now, &mut mistakes);
        read.filter(|_| mistakes.len() == 0)
            .ok_or_else(|| mistakes.into_vec())
    }

    fn read(body: Value, now: Timestamp, mistakes: &mut Mistakes) -> Option<Self> {
        let mut f = Members::open(String::new(), body, mistakes)?;
        f.ignore(&["at"]);
        let by = f.required("by");
        let comment = f.string("comment");
        let until = f.string("until");
        let until = until.and_then(|text| read_time(&mut f, "until", &text));
        let m = f.mistakes();
        let by = by.and_then(|by| m.text("/by", &by, limits::NAME));
        let comment = m.optional_text("/comment", comment.as_deref(), COMMENT);
        if until.is_some_and(|until| until <= now) {
            m.add("/until", "is in the past", "a time to come");
        }
        f.close();
        Some(Self {
            by: by?,
            comment,
            at: now,
            until,
        })
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.kind.as_str())
    }
}
