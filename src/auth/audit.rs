//! What was done, by whom, and what came of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest text of a member, characters; what is longer comes from somebody who guesses.
const LONGEST: usize = 200;

/// What sort of thing was done. Each is bounded by itself, so that who guesses passwords cannot make what was changed
/// be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audited {
    /// Something was to be changed.
    Change,
    /// Somebody logged in, or tried to.
    Login,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// They may not.
    Refused,
    /// It could not be done.
    Failed,
    /// Who asked went away before it was known.
    Unknown,
}

impl Outcome {
    /// That of an HTTP status.
    pub fn of(status: u16) -> Self {
        match status {
            401 | 403 | 429 => Self::Refused,
            0..=399 => Self::Done,
            _ => Self::Failed,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What sort of thing.
    pub sort: Audited,
    /// Who: `user:NAME`, `token:ID (NAME)`, `anybody` where nobody is asked, `console` for the command line.
    pub who: String,
    /// Where they asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What: a method and a route, such as `DELETE /api/v1/streams/{id}`.
    pub action: String,
    /// To what: the variable parts of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// The HTTP status that it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl Entry {
    /// The same with texts that are no longer than they may be, and on one line.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let texts = [&mut self.who, &mut self.action].into_iter();
        for text in texts
            .chain(self.subject.as_mut())
            .chain(self.address.as_mut())
        {
            if text.chars().count() > LONGEST || text.contains(char::is_control) {
                let plain = text.chars().filter(|c| !c.is_control());
                *text = plain.take(LONGEST).collect();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_bounded() {
        let entry = Entry {
            at: Timestamp::UNIX_EPOCH,
            sort: Audited::Login,
            who: "user:x\nuser:root".to_owned(),
            address: None,
            action: "POST /api/v1/login".to_owned(),
            subject: Some("ä".repeat(5_000)),
            outcome: Outcome::of(401),
            status: Some(401),
        };
        let entry = entry.bounded();
        assert_eq!(entry.who, "user:xuser:root");
        assert_eq!(
            entry.subject.map(|text| text.chars().count()),
            Some(LONGEST)
        );
        assert_eq!(entry.outcome, Outcome::Refused);
        assert_eq!(
            (Outcome::of(204), Outcome::of(404)),
            (Outcome::Done, Outcome::Failed)
        );
    }
}
