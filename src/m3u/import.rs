//! What an import would do, line by line; nothing is done here.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::identity::match_up;
use super::prepare::{Prepared, prepare, shown_name};
use super::{Parsed, Problem};
use crate::stream::{Definition, Source, StreamId, is_secret_header, limits, slug};

/// What happens to one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportAction)]
pub enum Action {
    /// It becomes a new stream.
    Added,
    /// It changes a stream that exists.
    Changed,
    /// The stream exists and already is like this.
    Unchanged,
    /// Nothing comes of it; the reason says why.
    Skipped,
}

/// One line of the answer to an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportRow)]
pub struct Row {
    /// The line in the playlist, from 1.
    #[schema(example = 3)]
    pub line: usize,
    /// The stream, unless skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<StreamId>,
    /// The name of the entry; empty where there is none.
    #[schema(example = "News")]
    pub name: String,
    /// What happens.
    pub action: Action,
    /// Why it is skipped, what changed, or what was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "changed: url, group")]
    pub reason: Option<String>,
    /// What to store, for `added` and `changed`.
    #[serde(skip)]
    pub definition: Option<Definition>,
}

/// How many entries share an action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub struct Counts {
    /// New streams.
    pub added: usize,
    /// Changed streams.
    pub changed: usize,
    /// Streams that already were like this.
    pub unchanged: usize,
    /// Entries and lines that nothing comes of, those without a row included.
    pub skipped: usize,
}

/// What an import would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportPlan)]
pub struct Plan {
    /// The sums.
    pub counts: Counts,
    /// In the order of the lines.
    pub rows: Vec<Row>,
}

/// Compares an M3U with the streams there are. Streams that the M3U does not name stay as they are, and of a stream
/// that it names, only what it says changes: tags, options, `enabled`, backup sources and timeouts are the operator's.
///
/// Ids are given here, against `existing` alone: run it where no other write can come between.
pub fn plan<'a>(parsed: Parsed, existing: impl IntoIterator<Item = &'a Definition>) -> Plan {
    let existing: Vec<&Definition> = existing.into_iter().collect();
    let mut rows: Vec<Row> = Vec::with_capacity(parsed.entries.len() + parsed.problems.len());
    rows.extend(
        parsed
            .problems
            .into_iter()
            .map(|Problem { line, reason }| skipped(line, String::new(), reason)),
    );

    let mut entries: Vec<Prepared> = Vec::with_capacity(parsed.entries.len());
    let mut first_lines: HashMap<String, usize> = HashMap::with_capacity(parsed.entries.len());
    let stand_in = StreamId::from_name("", |_| false);
    for entry in parsed.entries {
        let (line, name) = (entry.line, shown_name(&entry.name));
        match prepare(entry, &stand_in) {
            Err(reason) => rows.push(skipped(line, name, reason)),
            Ok(prepared) => {
                if let Some(first) = first_lines.get(&prepared.whole_url) {
                    let reason = format!("the same URL as the entry on line {first}");
                    rows.push(skipped(line, name, reason));
                } else {
                    first_lines.insert(prepared.whole_url.clone(), line);
                    entries.push(prepared);
                }
            }
        }
    }

    let matches = match_up(&entries, &existing);
    let mut ids = Ids::new(&existing);
    // Ids that an export of ours names go first, before a name elsewhere in the file makes the same one.
    let free = entries
        .iter()
        .zip(&matches)
        .map(|(entry, found)| entry.wanted.clone().filter(|_| found.is_none()));
    let wanted: Vec<_> = free
        .map(|wanted| wanted.filter(|id| ids.taken.insert(id.clone())))
        .collect();
    for ((entry, found), wanted) in entries.into_iter().zip(matches).zip(wanted) {
        rows.push(match found {
            Some(i) => compared(entry, existing[i]),
            None => added(entry, |name| wanted.unwrap_or_else(|| ids.make(name))),
        });
    }

    rows.sort_by_key(|row| row.line);
    let mut counts = Counts {
        skipped: parsed.problems_dropped,
        ..Counts::default()
    };
    for row in &rows {
        *match row.action {
            Action::Added => &mut counts.added,
            Action::Changed => &mut counts.changed,
            Action::Unchanged => &mut counts.unchanged,
            Action::Skipped => &mut counts.skipped,
        } += 1;
    }
    Plan { counts, rows }
}

fn skipped(line: usize, name: String, reason: String) -> Row {
    Row {
        line,
        id: None,
        name,
        action: Action::Skipped,
        reason: Some(reason),
        definition: None,
    }
}

fn added(entry: Prepared, id: impl FnOnce(&str) -> StreamId) -> Row {
    let Prepared {
        line,
        mut definition,
        notes,
        ..
    } = entry;
    definition.id = id(&definition.name);
    let (id, name) = (Some(definition.id.clone()), definition.name.clone());
    let reason = Some(notes.join("; ")).filter(|reason| !reason.is_empty());
    Row {
        line,
        id,
        name,
        action: Action::Added,
        reason,
        definition: Some(definition),
    }
}

fn compared(entry: Prepared, existing: &Definition) -> Row {
    let Prepared {
        line,
        definition,
        notes,
        says_tvg_name,
        ..
    } = entry;
    let merged = merge(existing, definition, says_tvg_name);
    let changes = changes(existing, &merged);
    let (id, name) = (Some(existing.id.clone()), merged.name.clone());
    let changed = Some(format!("changed: {}", changes.join(", "))).filter(|_| !changes.is_empty());
    let action = if changed.is_some() {
        Action::Changed
    } else {
        Action::Unchanged
    };
    let told: Vec<&str> = changed.as_deref().into_iter().chain(notes).collect();
    let reason = Some(told.join("; ")).filter(|reason| !reason.is_empty());
    Row {
        line,
        id,
        name,
        action,
        reason,
        definition: (action == Action::Changed).then_some(merged),
    }
}

/// The existing stream with what the entry says; what it does not say stays.
fn merge(existing: &Definition, fresh: Definition, says_tvg_name: bool) -> Definition {
    let mut merged = existing.clone();
    merged.name = fresh.name;
    merged.group = fresh.group.or(merged.group);
    merged.logo = fresh.logo.or(merged.logo);
    merged.tvg_id = fresh.tvg_id.or(merged.tvg_id);
    if says_tvg_name {
        merged.attributes.remove("tvg-name");
    }
    let kept = std::mem::replace(&mut merged.attributes, fresh.attributes);
    for (name, value) in kept {
        if merged.attributes.len() < limits::ATTRIBUTES {
            merged.attributes.entry(name).or_insert(value);
        }
    }
    for source in fresh.sources {
        // The operator may have made the imported source a backup: then it is that one which is meant.
        let same = merged.sources.iter().position(|old| old.url == source.url);
        match merged.sources.get_mut(same.unwrap_or(0)) {
            Some(old) => merge_source(old, source),
            None => merged.sources.push(source),
        }
    }
    merged
}

fn merge_source(old: &mut Source, mut fresh: Source) {
    fresh.timeout_ms = old.timeout_ms;
    // What was set for one server is never sent to another.
    if old.url.same_origin(&fresh.url) {
        fresh.account = old.account.take();
        let silent = fresh.headers.is_empty();
        for (name, value) in std::mem::take(&mut old.headers) {
            // A list without secrets says nothing of them.
            if silent || is_secret_header(&name) && fresh.headers.len() < limits::HEADERS {
                fresh.headers.entry(name).or_insert(value);
            }
        }
        fresh.user_agent = fresh.user_agent.or(old.user_agent.take());
        if !fresh.headers.contains_key("Authorization") {
            fresh.credentials = fresh.credentials.or(old.credentials.take());
        }
        if fresh.credentials.is_some() {
            fresh.headers.remove("Authorization");
        }
    }
    *old = fresh;
}

fn changes(old: &Definition, new: &Definition) -> Vec<&'static str> {
    let sources = || old.sources.iter().zip(&new.sources);
    let all = [
        ("name", old.name != new.name),
        ("url", sources().any(|(old, new)| old.url != new.url)),
        (
            "headers",
            sources().any(|(old, new)| old.headers != new.headers),
        ),
        (
            "user_agent",
            sources().any(|(old, new)| old.user_agent != new.user_agent),
        ),
        (
            "credentials",
            sources().any(|(old, new)| old.credentials != new.credentials),
        ),
        ("group", old.group != new.group),
        ("logo", old.logo != new.logo),
        ("tvg_id", old.tvg_id != new.tvg_id),
        ("attributes", old.attributes != new.attributes),
    ];
    all.into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect()
}

/// Gives out ids. Remembers how far each slug has been counted, so that 20,000 equal names cost no more than others.
struct Ids {
    taken: HashSet<StreamId>,
    next: HashMap<String, u32>,
}

impl Ids {
    fn new(existing: &[&Definition]) -> Self {
        Self {
            taken: existing
                .iter()
                .map(|definition| definition.id.clone())
                .collect(),
            next: HashMap::new(),
        }
    }

    fn make(&mut self, name: &str) -> StreamId {
        let slug = slug(name).text;
        let next = self.next.entry(slug.clone()).or_insert(1);
        let (id, number) = StreamId::from_slug(&slug, *next, |id| self.taken.contains(id));
        *next = number.saturating_add(1);
        self.taken.insert(id.clone());
        id
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
