//! Which existing stream an entry stands for.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::prepare::Prepared;
use crate::stream::{Definition, slug};

/// For each entry the index of the existing stream that it stands for. No stream is given twice.
///
/// From the strictest likeness to the loosest, each tried for all entries before the next, so that an entry cannot
/// take by a loose one what another entry matches exactly: the id of our own export; `tvg-id` and name (where several
/// share both, the one with the URL); the primary URL; the name in any spelling, or the id made from it, unless two
/// `tvg-id`s say that they differ. Each pass is a hash join, so the whole is O(n log n).
pub(super) fn match_up(entries: &[Prepared], existing: &[&Definition]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..existing.len()).collect();
    // news, news-2, ..., news-10: equal names are given out in the order in which they were made.
    order.sort_by_key(|&i| (existing[i].id.as_str().len(), &existing[i].id));
    let mut join = Join {
        entries,
        existing,
        order,
        given: vec![None; entries.len()],
        claimed: vec![false; existing.len()],
    };

    join.pass(|d| Some(&d.id), |e| e.wanted.as_ref());
    join.pass(
        |d| Some((d.tvg_id.as_deref()?, &*d.name, url(d)?)),
        |e| {
            let d = &e.definition;
            Some((d.tvg_id.as_deref()?, &*d.name, url(d)?))
        },
    );
    join.pass(
        |d| Some((d.tvg_id.as_deref()?, &*d.name)),
        |e| Some((e.definition.tvg_id.as_deref()?, &*e.definition.name)),
    );
    join.pass(
        |d| Some((&*d.name, url(d)?)),
        |e| Some((&*e.definition.name, url(&e.definition)?)),
    );
    join.pass(|d| url(d), |e| url(&e.definition));
    join.pass(
        |d| d.tvg_id.is_none().then(|| spelling(&d.name)),
        |e| Some(spelling(&e.definition.name)),
    );
    join.pass(
        |d| Some(spelling(&d.name)),
        |e| {
            e.definition
                .tvg_id
                .is_none()
                .then(|| spelling(&e.definition.name))
        },
    );
    let by_slug = |e: &Prepared| {
        Some(slug(&e.definition.name))
            .filter(|slug| slug.lossless)
            .map(|slug| slug.text)
    };
    join.pass(|d| d.tvg_id.is_none().then(|| d.id.to_string()), by_slug);
    join.pass(
        |d| Some(d.id.to_string()),
        |e| by_slug(e).filter(|_| e.definition.tvg_id.is_none()),
    );
    join.given
}

fn url(definition: &Definition) -> Option<&str> {
    definition.sources.first().map(|source| source.url.as_str())
}

/// A name without case and punctuation. Letters of every script stay, and `+`: Canal+ is not Canal.
fn spelling(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_alphanumeric() && c != '+')
        .filter(|word| !word.is_empty());
    let mut spelling = String::with_capacity(name.len());
    for word in words {
        if !spelling.is_empty() {
            spelling.push(' ');
        }
        spelling.extend(word.chars().flat_map(char::to_lowercase));
    }
    // Nothing but signs: then they are the name.
    if spelling.is_empty() {
        name.to_owned()
    } else {
        spelling
    }
}

struct Join<'a> {
    entries: &'a [Prepared],
    existing: &'a [&'a Definition],
    order: Vec<usize>,
    given: Vec<Option<usize>>,
    claimed: Vec<bool>,
}

impl<'a> Join<'a> {
    /// Gives streams that nobody has yet to entries that have none, where their keys are equal.
    fn pass<K: Hash + Eq>(
        &mut self,
        of_stream: impl Fn(&'a Definition) -> Option<K>,
        of_entry: impl Fn(&'a Prepared) -> Option<K>,
    ) {
        let mut free: HashMap<K, VecDeque<usize>> = HashMap::new();
        for &i in self.order.iter().filter(|&&i| !self.claimed[i]) {
            if let Some(key) = of_stream(self.existing[i]) {
                free.entry(key).or_default().push_back(i);
            }
        }
        if free.is_empty() {
            return;
        }
        for (entry, given) in self
            .entries
            .iter()
            .zip(&mut self.given)
            .filter(|(_, given)| given.is_none())
        {
            let found = of_entry(entry).and_then(|key| free.get_mut(&key)?.pop_front());
            if let Some(i) = found {
                (*given, self.claimed[i]) = (Some(i), true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (a, b) in [
            ("BBC One", "bbc-one"),
            (" Россия 1", "РОССИЯ-1"),
            ("A  B", "a b"),
        ] {
            assert_eq!(spelling(a), spelling(b));
        }
        for (a, b) in [
            ("Canal", "Canal+"),
            ("Россия 1", "Первый 1"),
            ("BBC One", "BBCOne"),
            ("***", "!!!"),
        ] {
            assert_ne!(spelling(a), spelling(b));
        }
    }
}
