//! Who is told of what.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::selector::{Selector, ids};
use super::{Hours, ReceiverId, RuleId};
use crate::stream::{Invalid, Members, Mistakes, StreamId, apply_to, join, limits};

/// What a record shows but nobody sets.
pub(super) const READ_ONLY: [&str; 4] = ["revision", "created_at", "updated_at", "built_in"];
/// Most receivers of a rule, and of each of its steps.
const MOST_RECEIVERS: usize = 50;
/// Most steps of an escalation.
const MOST_STEPS: usize = 10;
/// The shortest and the longest time until a step, in milliseconds: a second, and a week.
const AFTER_MS: std::ops::RangeInclusive<u64> = 1_000..=7 * 24 * 3_600_000;

/// Who is told of which conditions of which streams, and when. Every value keeps the rules of [`Rule::define`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertRuleDraft, example = json!({"id": "news-desk", "name": "News, in office hours",
    "match": {"groups": ["News"], "severities": ["critical"]}, "receivers": ["desk"],
    "hours": {"zone": "Europe/Berlin", "weekly": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}]},
    "escalate": [{"after_ms": 900_000, "receivers": ["on-call"]}]}))]
pub struct Rule {
    /// The id, unique among rules; made from the name when absent.
    #[schema(required = false)]
    pub id: RuleId,
    /// The name that people see; the id when absent.
    #[schema(required = false, max_length = 256)]
    pub name: String,
    /// Whether it counts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Which conditions of which streams; all when absent.
    #[serde(default, rename = "match")]
    pub selector: Selector,
    /// Who is told.
    #[schema(min_items = 1, max_items = 50)]
    pub receivers: Vec<ReceiverId>,
    /// When they are told; always when absent. What is raised outside of them is told when they begin, if it still lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Who is told next while nobody acknowledges; the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub escalate: Vec<Step>,
    /// Whether recoveries are told.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub recovery: bool,
}

/// A step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertEscalationStep)]
pub struct Step {
    /// How long after the first receivers, in milliseconds, if the alert is raised and not acknowledged until then.
    #[schema(minimum = 1_000, maximum = 604_800_000, example = 900_000)]
    pub after_ms: u64,
    /// Who is told; one who knows of it already is reminded.
    #[schema(min_items = 1, max_items = 50)]
    pub receivers: Vec<ReceiverId>,
}

fn yes() -> bool {
    true
}

impl Rule {
    /// Reads and checks a body, and tells all its mistakes. `old` is what the rule was: its id cannot change.
    ///
    /// # Errors
    /// All mistakes.
    pub fn define(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&RuleId) -> bool,
        receiver: impl Fn(&ReceiverId) -> bool,
    ) -> Result<Self, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        let rule = Self::read(body, old, taken, &receiver, &mut mistakes);
        rule.filter(|_| mistakes.len() == 0)
            .ok_or_else(|| mistakes.into_vec())
    }

    /// Applies a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// All mistakes of what comes out.
    pub fn patched(
        &self,
        patch: &Value,
        receiver: impl Fn(&ReceiverId) -> bool,
    ) -> Result<Self, Vec<Invalid>> {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        apply_to(&mut body, patch)?;
        Self::define(body, Some(self), |_| false, receiver)
    }

    /// Everybody whom it may tell.
    pub fn all_receivers(&self) -> impl Iterator<Item = &ReceiverId> {
        let steps = self.escalate.iter().flat_map(|step| &step.receivers);
        self.receivers.iter().chain(steps)
    }

    fn read(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&RuleId) -> bool,
        receiver: &impl Fn(&ReceiverId) -> bool,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut f = Members::open(String::new(), body, mistakes)?;
        f.ignore(&READ_ONLY);
        let from_name = |name: &str| RuleId::from_name(name, taken);
        let identity = identity(&mut f, old.map(|old| &old.id), RuleId::parse, from_name);
        let enabled = f.boolean("enabled").unwrap_or(true);
        let selector = f.member("match");
        let selector = match selector {
            Some((at, value)) => Selector::read(at, value, f.mistakes()),
            None => Some(Selector::default()),
        };
        let receivers = receivers(&mut f, receiver);
        let hours = match f.member("hours") {
            Some((at, value)) => Hours::read(at, value, f.mistakes()).map(Some),
            None => Some(None),
        };
        let steps = f.list("escalate", MOST_STEPS, |at, value, mistakes| {
            Some(Step::read(at, value, receiver, mistakes))
        });
        let steps: Option<Vec<Step>> = steps.unwrap_or_default().into_iter().collect();
        let recovery = f.boolean("recovery").unwrap_or(true);
        f.close();
        let (id, name) = identity?;
        let mut escalate = steps?;
        escalate.sort_by_key(|step| step.after_ms);
        Some(Self {
            id,
            name,
            enabled,
            selector: selector?,
            receivers,
            hours: hours?,
            escalate,
            recovery,
        })
    }
}

impl Step {
    /// How long after the first receivers.
    pub fn after(&self) -> Duration {
        Duration::from_millis(self.after_ms)
    }

    fn read(
        at: String,
        value: Value,
        receiver: &impl Fn(&ReceiverId) -> bool,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut f = Members::open(at, value, mistakes)?;
        let after = f.integer("after_ms");
        if after.is_none_or(|ms| !AFTER_MS.contains(&ms)) && !f.wrong("after_ms") {
            let at = f.at("after_ms");
            let allowed = "1000 to 604800000 milliseconds";
            f.mistakes().add(at, "is missing or out of range", allowed);
        }
        let receivers = receivers(&mut f, receiver);
        f.close();
        Some(Self {
            after_ms: after?,
            receivers,
        })
    }
}

/// The list of receivers, each once; there must be one, and all must be there.
fn receivers(f: &mut Members<'_>, known: &impl Fn(&ReceiverId) -> bool) -> Vec<ReceiverId> {
    let receivers = ids(f, "receivers", StreamId::ALLOWED, |id| {
        ReceiverId::parse(id).ok()
    });
    let at = f.at("receivers");
    if f.wrong("receivers") {
        return receivers;
    }
    if receivers.is_empty() || receivers.len() > MOST_RECEIVERS {
        let allowed = format!("1 to {MOST_RECEIVERS} ids of receivers");
        f.mistakes()
            .add(at.clone(), "has no item, or too many", allowed);
    }
    for (index, id) in receivers.iter().enumerate() {
        if !known(id) {
            let allowed = "the id of one of /api/v1/alerts/receivers";
            f.mistakes().add(
                join(&at, index),
                "names a receiver that is not there",
                allowed,
            );
        }
    }
    receivers
}

/// The id and the name: one makes the other, and the id stays what it was.
pub(super) fn identity<I: Clone + PartialEq + ToString>(
    f: &mut Members<'_>,
    old: Option<&I>,
    parse: impl Fn(&str) -> Result<I, crate::stream::IdError>,
    from_name: impl FnOnce(&str) -> I,
) -> Option<(I, String)> {
    let id = f.string("id");
    let name = f.string("name");
    let wrong = f.wrong("id") || f.wrong("name");
    let m = f.mistakes();
    let given = id.as_deref().map(|id| {
        let parsed = parse(id);
        parsed.map_err(|e| m.add("/id", e, StreamId::ALLOWED)).ok()
    });
    let id = match (old, given) {
        (_, Some(None)) => return None,
        (Some(old), Some(Some(given))) if given != *old => {
            let allowed = "the id in the path, or none";
            m.add("/id", "cannot be changed", allowed);
            return None;
        }
        (Some(old), _) => Some(old.clone()),
        (None, given) => given.flatten(),
    };
    let blank = name.as_deref().is_none_or(|name| name.trim().is_empty());
    let name = m.optional_text("/name", name.as_deref(), limits::NAME);
    let name = match (name, &id) {
        (None, Some(id)) if blank => Some(id.to_string()),
        (None, None) if blank && !wrong => {
            m.add("/name", "is missing", "a name, or an id");
            None
        }
        (name, _) => name,
    }?;
    Some((id.unwrap_or_else(|| from_name(&name)), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn define(body: Value) -> Result<Rule, Vec<Invalid>> {
        Rule::define(body, None, |_| false, |id| id.as_str() != "nobody")
    }

    #[test]
    fn a_rule_round_trips_and_says_no_more_than_it_must() {
        let body = json!({"name": "News desk", "receivers": ["desk", "desk"], "match": {"groups": [" News "],
            "conditions": ["silent", "black"], "streams": ["_server"]},
            "escalate": [{"after_ms": 9000, "receivers": ["b"]}, {"after_ms": 5000, "receivers": ["a"]}]});
        let rule = define(body).unwrap();
        assert_eq!((rule.id.as_str(), rule.receivers.len()), ("news-desk", 1));
        assert_eq!(rule.escalate[0].after_ms, 5_000, "the earliest first");
        let shown = serde_json::to_value(&rule).unwrap();
        let wanted = json!({"id": "news-desk", "name": "News desk", "enabled": true, "recovery": true, "receivers": ["desk"],
            "match": {"streams": ["_server"], "groups": ["News"], "conditions": ["black", "silent"]},
            "escalate": [{"after_ms": 5000, "receivers": ["a"]}, {"after_ms": 9000, "receivers": ["b"]}]});
        assert_eq!(shown, wanted);
        assert_eq!(serde_json::from_value::<Rule>(shown.clone()).unwrap(), rule);
        let again = Rule::define(shown, Some(&rule), |_| false, |_| true);
        assert_eq!(again.unwrap(), rule);
        let patch = json!({"hours": {"zone": "UTC", "weekly": [{"from": "08:00", "to": "18:00"}]}, "match": null});
        let patched = rule.patched(&patch, |_| true).unwrap();
        assert!(patched.hours.is_some());
        assert_eq!(patched.selector, Selector::default());
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let body = json!({"id": "No", "name": 1, "match": {"conditions": ["dark"], "tags": [""], "x": 1}, "receivers": ["nobody", "?"],
            "hours": {}, "escalate": [{"after_ms": 1, "receivers": []}], "recovery": "yes", "colour": 1});
        let told = define(body).unwrap_err();
        let told: Vec<_> = told.iter().map(|m| m.pointer.as_str()).collect();
        let wanted = [
            "/name",
            "/id",
            "/match/tags/0",
            "/match/conditions/0",
            "/match/x",
            "/receivers/1",
            "/receivers/0",
            "/hours/zone",
            "/hours/weekly",
            "/escalate/0/after_ms",
            "/escalate/0/receivers",
            "/recovery",
            "/colour",
        ];
        assert_eq!(told, wanted);
        for (body, at) in [
            (json!([]), ""),
            (json!({"receivers": ["a"]}), "/name"),
            (json!({"name": "x"}), "/receivers"),
        ] {
            let told = define(body).unwrap_err();
            assert_eq!((told.len(), told[0].pointer.as_str()), (1, at), "{told:?}");
        }
    }
}
