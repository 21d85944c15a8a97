//! Times in which people work on something and want to hear nothing of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::rule::{READ_ONLY, identity};
use super::{MaintenanceId, Selector};
use crate::stream::{Invalid, Members, Mistakes, apply_to};

/// Longest comment, in characters.
pub(super) const COMMENT: usize = 1_000;
const TIME: &str = "a time such as 2026-11-22T20:15:00Z (RFC 3339)";

/// A maintenance window. Nothing that it matches is told while it lasts; what is still raised at its end is. Every value keeps
/// the rules of [`Maintenance::define`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MaintenanceDraft, example = json!({"name": "New dishes at provider A", "from": "2026-11-23T01:00:00Z",
    "to": "2026-11-23T03:00:00Z", "match": {"accounts": ["provider-a"]}, "comment": "ticket 4711"}))]
pub struct Maintenance {
    /// The id, unique among windows; made from the name when absent.
    #[schema(required = false)]
    pub id: MaintenanceId,
    /// The name that people see; the id when absent.
    #[schema(required = false, max_length = 256)]
    pub name: String,
    /// When it begins (RFC 3339).
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// When it ends (RFC 3339).
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// Which conditions of which streams; all when absent.
    #[serde(default, rename = "match")]
    pub selector: Selector,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub comment: Option<String>,
}

impl Maintenance {
    /// Reads and checks a body, and tells all its mistakes. `old` is what the window was: its id cannot change.
    ///
    /// # Errors
    /// All mistakes.
    pub fn define(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&MaintenanceId) -> bool,
    ) -> Result<Self, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        let window = Self::read(body, old, taken, &mut mistakes);
        window
            .filter(|_| mistakes.len() == 0)
            .ok_or_else(|| mistakes.into_vec())
    }

    /// Applies a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// All mistakes of what comes out.
    pub fn patched(&self, patch: &Value) -> Result<Self, Vec<Invalid>> {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        apply_to(&mut body, patch)?;
        Self::define(body, Some(self), |_| false)
    }

    /// Whether it lasts.
    pub fn covers(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.to
    }

    fn read(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&MaintenanceId) -> bool,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut f = Members::open(String::new(), body, mistakes)?;
        f.ignore(&READ_ONLY);
        f.ignore(&["active"]);
        let from_name = |name: &str| MaintenanceId::from_name(name, taken);
        let old = old.map(|old| &old.id);
        let identity = identity(&mut f, old, MaintenanceId::parse, from_name);
        let (from, to) = (time(&mut f, "from"), time(&mut f, "to"));
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            f.mistakes().add("/to", "is not after from", TIME);
        }
        let selector = match f.member("match") {
            Some((at, value)) => Selector::read(at, value, f.mistakes()),
            None => Some(Selector::default()),
        };
        let comment = f.string("comment");
        let comment = f
            .mistakes()
            .optional_text("/comment", comment.as_deref(), COMMENT);
        f.close();
        let (id, name) = identity?;
        Some(Self {
            id,
            name,
            from: from?,
            to: to?,
            selector: selector?,
            comment,
        })
    }
}

/// A time that must be there.
fn time(f: &mut Members<'_>, name: &'static str) -> Option<Timestamp> {
    let text = f.required(name)?;
    read_time(f, name, &text)
}

/// A time as RFC 3339.
pub(super) fn read_time(f: &mut Members<'_>, name: &'static str, text: &str) -> Option<Timestamp> {
    let time = text.trim().parse().ok();
    if time.is_none() {
        let at = f.at(name);
        f.mistakes().add(at, "is no time", TIME);
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn windows_are_read_and_end() {
        let body = json!({"name": "Works", "from": "2026-11-23T01:00:00Z", "to": "2026-11-23T03:00:00+01:00"});
        let window = Maintenance::define(body, None, |_| false).unwrap();
        let at = |text: &str| window.covers(text.parse().unwrap());
        assert!(at("2026-11-23T01:00:00Z") && at("2026-11-23T01:59:59Z"));
        assert!(!at("2026-11-23T02:00:00Z") && !at("2026-11-23T00:59:59Z"));
        let patched = window.patched(&json!({"to": "2026-11-22T01:00:00Z"}));
        assert_eq!(patched.unwrap_err()[0].pointer, "/to");
        let told = Maintenance::define(json!({"from": "x", "match": 1}), None, |_| false);
        let told: Vec<_> = told.unwrap_err().into_iter().map(|m| m.pointer).collect();
        assert_eq!(told, ["/name", "/from", "/to", "/match"]);
    }
}
