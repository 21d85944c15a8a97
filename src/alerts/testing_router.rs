//! What tests of the router are made of.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Facts, ItemKind, Maintenance, Notification, NotificationId, Receiver, Router, Rule, Settings,
    Setup,
};
use crate::conditions::{Condition, Kind, Proof};
use crate::stream::{AccountId, StreamId};

/// 2026-11-20T10:00:00Z, a Friday.
pub(super) fn at(seconds: f64) -> Timestamp {
    let start: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs_f64(seconds)
}

pub(super) fn id(text: &str) -> StreamId {
    StreamId::parse_subject(text).unwrap()
}

pub(super) fn condition(kind: Kind, raised_at: Timestamp) -> Condition {
    Condition {
        kind,
        severity: kind.rule().severity,
        since: raised_at,
        raised_at,
        cleared_at: None,
        ending: None,
        confirmed: false,
        relapses: 0,
        evidence: Proof::default(),
    }
}

pub(super) fn facts(stream: &str) -> Facts {
    let (account, _) = stream.split_once('-').unwrap_or((stream, ""));
    Facts {
        name: stream.to_uppercase(),
        group: Some(format!("group-{account}")),
        tags: vec![account.to_owned()],
        accounts: vec![AccountId::parse(account).unwrap()],
        host: Some(format!("{account}.example")),
    }
}

/// A mail receiver for each id that rules name, and these windows.
pub(super) fn setup(rules: &[Value], windows: &[Value]) -> Setup {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| Rule::define(rule.clone(), None, |_| false, |_| true).unwrap())
        .map(Arc::new)
        .collect();
    let receivers: Vec<_> = rules
        .iter()
        .flat_map(|rule| rule.all_receivers())
        .map(|id| {
            let target = match id.as_str() {
                "am" => json!({"kind": "alertmanager", "url": "http://am.example/"}),
                _ => json!({"kind": "email", "to": ["a@b.example"]}),
            };
            let mut body = target;
            body["id"] = id.as_str().into();
            Receiver::define(body, None, |_| false).unwrap()
        })
        .collect();
    let windows = windows
        .iter()
        .map(|window| Arc::new(Maintenance::define(window.clone(), None, |_| false).unwrap()));
    let windows: Vec<_> = windows.collect();
    Setup::new(rules, &receivers, windows, &Settings::default())
}

/// A router with a clock and a memory of what was told.
pub(super) struct Rig {
    pub(super) router: Router,
    pub(super) setup: Setup,
    pub(super) now: f64,
    pub(super) held_back: u64,
    ids: u128,
}

impl Rig {
    pub(super) fn new(rules: &[Value], windows: &[Value]) -> Self {
        Self {
            router: Router::default(),
            setup: setup(rules, windows),
            now: 0.0,
            held_back: 0,
            ids: 0,
        }
    }

    pub(super) fn raise(&mut self, stream: &str, kind: Kind) {
        let condition = condition(kind, at(self.now));
        self.router.raised(&id(stream), condition, facts(stream));
    }

    pub(super) fn clear(&mut self, stream: &str, kind: Kind) {
        let mut condition = condition(kind, at(self.now));
        condition.cleared_at = Some(at(self.now));
        self.router.cleared(&id(stream), condition, at(self.now));
    }

    /// Time passes, as it does for the engine: it comes at each deadline.
    pub(super) fn pass(&mut self, seconds: f64) -> Vec<Notification> {
        let end = self.now + seconds;
        let mut told = Vec::new();
        loop {
            let ids = &mut self.ids;
            let mut next_id = || {
                *ids += 1;
                NotificationId(ulid::Ulid::from_parts(0, *ids))
            };
            let outcome = self.router.advance(&self.setup, at(self.now), &mut next_id);
            told.extend(outcome.notifications);
            self.held_back += outcome.held_back;
            let next = outcome.deadline.map_or(f64::MAX, |deadline| {
                assert!(deadline > at(self.now), "a deadline lies ahead");
                (deadline.duration_since(at(0.0))).as_secs_f64()
            });
            if next > end {
                self.now = end;
                return told;
            }
            self.now = next;
        }
    }
}

/// Receiver, kind and stream of all items.
pub(super) fn told(notifications: &[Notification]) -> Vec<(String, ItemKind, String)> {
    let items = notifications.iter().flat_map(|one| {
        let receiver = one.receiver.to_string();
        one.items
            .iter()
            .map(move |item| (receiver.clone(), item.kind, item.stream.to_string()))
    });
    items.collect()
}
