//! Which conditions of which streams a rule, or a maintenance window, is about.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::conditions::{Condition, Kind, Severity};
use crate::stream::{AccountId, Members, Mistakes, StreamId, join, limits, string};

/// Most items of each list of a selector.
const MOST: usize = 1_000;

/// What is known of a stream, for rules and for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The accounts of its sources, the primary's first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
    /// The host of its primary source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Which conditions of which streams. What is in any of a list matches it; an empty list matches all. All lists must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertSelector, example = json!({"groups": ["News"], "severities": ["critical", "warning"]}))]
pub struct Selector {
    /// Ids of streams; `_server` is the server itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub streams: Vec<StreamId>,
    /// Groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub groups: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub tags: Vec<String>,
    /// Accounts of any of a stream's sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub accounts: Vec<AccountId>,
    /// Kinds of conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Kind>,
    /// Severities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<Severity>,
}

impl Selector {
    /// Whether a condition of a stream is meant.
    pub fn matches(&self, stream: &StreamId, facts: &Facts, condition: &Condition) -> bool {
        let any = |list: &[String], has: &[String]| {
            list.is_empty() || list.iter().any(|one| has.contains(one))
        };
        (self.conditions.is_empty() || self.conditions.contains(&condition.kind))
            && (self.severities.is_empty() || self.severities.contains(&condition.severity))
            && (self.streams.is_empty() || self.streams.contains(stream))
            && any(&self.groups, facts.group.as_slice())
            && any(&self.tags, &facts.tags)
            && (self.accounts.is_empty()
                || self.accounts.iter().any(|one| facts.accounts.contains(one)))
    }

    /// Reads one, member by member.
    pub(super) fn read(at: String, value: Value, mistakes: &mut Mistakes) -> Option<Self> {
        let mut f = Members::open(at, value, mistakes)?;
        let streams = ids(
            &mut f,
            "streams",
            "1 to 64 of a-z, 0-9, '.', '_', '-'",
            |id| StreamId::parse_subject(id).ok(),
        );
        let accounts = ids(&mut f, "accounts", StreamId::ALLOWED, |id| {
            AccountId::parse(id).ok()
        });
        let kinds: Vec<_> = Kind::ALL.map(|kind| (kind.as_str(), kind)).to_vec();
        let severities = Severity::ALL.map(|severity| (severity.as_str(), severity));
        let selector = Self {
            streams,
            groups: texts(&mut f, "groups", limits::GROUP),
            tags: texts(&mut f, "tags", limits::TAG),
            accounts,
            conditions: f.words("conditions", &kinds),
            severities: f.words("severities", &severities),
        };
        f.close();
        Some(selector)
    }
}

/// A list of ids, each once; those that cannot be ids are mistakes.
pub(super) fn ids<T: Ord>(
    f: &mut Members<'_>,
    name: &'static str,
    allowed: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let texts = f.list(name, MOST, string).unwrap_or_default();
    let at = f.at(name);
    let mut ids = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match parse(text) {
            Some(id) if !ids.contains(&id) => ids.push(id),
            Some(_) => {}
            // What was no string is told already.
            None if text.is_empty() => {}
            None => f.mistakes().add(join(&at, index), "is no id", allowed),
        }
    }
    ids
}

fn texts(f: &mut Members<'_>, name: &'static str, most: usize) -> Vec<String> {
    let given = f.list(name, MOST, string).unwrap_or_default();
    let at = f.at(name);
    let mut texts = Vec::new();
    for (index, text) in given.iter().enumerate() {
        if let Some(text) = f.mistakes().text(&join(&at, index), text, most)
            && !texts.contains(&text)
        {
            texts.push(text);
        }
    }
    texts
}
