//! What is told at one time, by what it has in common.
//!
//! When a provider fails, two hundred streams do, and that is one thing to be told. So what more streams than a few share (an
//! account, else a host, else a group) becomes a notification of its own, the largest first; the rest is one more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Common, Item, ItemKind};
use crate::stream::StreamId;

/// Notifications that are made at most of what a receiver is told at one time.
const MOST: usize = 5;

/// Something that is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What.
    pub item: Item,
    /// The account of the stream's primary source.
    pub account: Option<String>,
    /// The host of it.
    pub host: Option<String>,
}

/// Items of one notification, the gravest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What they share.
    pub common: Option<Common>,
    /// The items.
    pub items: Vec<Item>,
}

/// Splits items into groups of which each names what it shares, if more than `most` streams share it.
pub fn split(mut told: Vec<Told>, most: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    while groups.len() + 1 < MOST {
        let Some(common) = largest(&told, most) else {
            break;
        };
        let (shared, rest): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|one| one.shares(&common));
        groups.push(Group::new(Some(common), shared));
        told = rest;
    }
    if !told.is_empty() {
        groups.push(Group::new(None, told));
    }
    groups
}

/// What the most streams share; of equals, what tells the most about the cause.
fn largest(told: &[Told], most: usize) -> Option<Common> {
    let mut streams: BTreeMap<(u8, &str), BTreeSet<&StreamId>> = BTreeMap::new();
    for one in told {
        let shared = [&one.account, &one.host, &one.item.group];
        for (rank, name) in (0..).zip(shared) {
            if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
                let of = streams.entry((rank, name)).or_default();
                of.insert(&one.item.stream);
            }
        }
    }
    let ((rank, name), _) = streams
        .into_iter()
        .filter(|(_, of)| of.len() > most)
        .max_by_key(|((rank, name), of)| (of.len(), Reverse(*rank), Reverse(*name)))?;
    let name = name.to_owned();
    Some(match rank {
        0 => Common::Account(name),
        1 => Common::Host(name),
        _ => Common::Group(name),
    })
}

impl Told {
    fn shares(&self, common: &Common) -> bool {
        match common {
            Common::Account(name) => self.account.as_ref() == Some(name),
            Common::Host(name) => self.host.as_ref() == Some(name),
            Common::Group(name) => self.item.group.as_ref() == Some(name),
        }
    }
}

impl Group {
    fn new(common: Option<Common>, told: Vec<Told>) -> Self {
        let mut items: Vec<Item> = told.into_iter().map(|one| one.item).collect();
        let cleared = |item: &Item| item.kind == ItemKind::Cleared;
        items.sort_by(|a, b| {
            let grave = b.condition.severity.cmp(&a.condition.severity);
            cleared(a)
                .cmp(&cleared(b))
                .then(grave)
                .then_with(|| a.condition.kind.cmp(&b.condition.kind))
                .then_with(|| a.stream.cmp(&b.stream))
        });
        Self { common, items }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing_router::condition;
    use super::*;
    use crate::conditions::Kind;

    fn told(stream: &str, account: &str, host: &str, group: &str, kind: ItemKind) -> Told {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let condition = condition(Kind::Down, jiff::Timestamp::UNIX_EPOCH);
        Told {
            account: some(account),
            host: some(host),
            item: Item {
                kind,
                stream: stream.parse().unwrap(),
                name: stream.to_owned(),
                group: some(group),
                at: condition.raised_at,
                condition,
                held_back: 0,
            },
        }
    }

    #[test]
    fn what_is_shared_by_many_is_named() {
        use ItemKind::{Cleared, Raised};
        let mut all = Vec::new();
        for n in 0..20 {
            all.push(told(
                &format!("a{n:02}"),
                "provider-a",
                "a.example",
                "News",
                Raised,
            ));
        }
        for n in 0..6 {
            all.push(told(&format!("b{n}"), "", "b.example", "News", Cleared));
            all.push(told(&format!("b{n}"), "", "b.example", "News", Raised));
        }
        for n in 0..5 {
            all.push(told(
                &format!("c{n}"),
                "",
                &format!("c{n}.example"),
                "Sport",
                Raised,
            ));
        }
        let groups = split(all.clone(), 5);
        let sizes: Vec<_> = groups
            .iter()
            .map(|group| (group.common.clone(), group.items.len()))
            .collect();
        // The group holds more than the account: it is what the most share.
        assert_eq!(
            sizes,
            [(Some(Common::Group("News".to_owned())), 32), (None, 5)]
        );
        let kinds: Vec<_> = groups[0].items.iter().map(|item| item.kind).collect();
        assert!(
            kinds[..26].iter().all(|kind| *kind == Raised),
            "what lasts comes first"
        );
        // Each is the account's, the host's and the group's: the account says the most.
        let groups = split(all[..20].to_vec(), 5);
        assert_eq!(
            groups[0].common,
            Some(Common::Account("provider-a".to_owned()))
        );
        assert_eq!(split(all[..5].to_vec(), 5)[0].common, None);
        assert_eq!(split(Vec::new(), 5), []);
    }

    #[test]
    fn however_many_causes_there_are_a_handful_is_told_and_names_all() {
        let streams = (0..200).map(|n| {
            let account = format!("account-{}", n / 10);
            told(&format!("s{n:03}"), &account, "h", "", ItemKind::Raised)
        });
        let mut all: Vec<_> = streams.collect();
        for one in &mut all {
            one.host = None;
        }
        let groups = split(all, 5);
        assert_eq!(groups.len(), MOST);
        let items = groups.iter().flat_map(|group| &group.items);
        let named: BTreeSet<_> = items.map(|item| &item.stream).collect();
        assert_eq!(named.len(), 200);
    }
}
