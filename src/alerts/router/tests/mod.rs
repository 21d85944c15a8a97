//! What is told, and what is not.

mod random;

use serde_json::json;

use super::super::testing_router::{Rig, at, id, told};
use super::super::{Acknowledgement, AlertKey, Common, ItemKind};
use super::*;
use crate::conditions::Kind;

use ItemKind::{Cleared, Escalated, Raised, StillRaised};

fn one(receiver: &str, kind: ItemKind, stream: &str) -> (String, ItemKind, String) {
    (receiver.to_owned(), kind, stream.to_owned())
}

fn to_desk() -> serde_json::Value {
    json!({"name": "all", "receivers": ["desk"]})
}

#[test]
fn what_fails_together_is_told_together_and_by_its_cause() {
    let mut rig = Rig::new(&[to_desk()], &[]);
    let mut all = Vec::new();
    for n in 0..200 {
        let account = if n % 2 == 0 { "x" } else { "y" };
        rig.raise(&format!("{account}-{n}"), Kind::Down);
        all.extend(rig.pass(0.1));
    }
    all.extend(rig.pass(60.0));
    assert!(all.len() <= 5, "{} notifications", all.len());
    assert_eq!(told(&all).len(), 200);
    let account = |name: &str| Some(Common::Account(name.to_owned()));
    assert_eq!(
        (&all[0].common, &all[1].common),
        (&account("x"), &account("y"))
    );
    // So it is with recoveries, once the limit has passed.
    for n in 0..200 {
        let account = if n % 2 == 0 { "x" } else { "y" };
        rig.clear(&format!("{account}-{n}"), Kind::Down);
    }
    assert_eq!(told(&rig.pass(200.0)), [], "within the limit");
    let all = rig.pass(150.0);
    assert!(all.len() <= 5 && told(&all).len() == 200);
    assert_eq!(rig.pass(600.0), []);
    assert_eq!(rig.router.alerts().count(), 0, "nothing is left");
}

#[test]
fn what_comes_and_goes_is_told_once_in_the_limit_and_counted() {
    let mut rig = Rig::new(&[to_desk()], &[]);
    rig.raise("a", Kind::Black);
    assert_eq!(told(&rig.pass(10.0)), [one("desk", Raised, "a")]);
    for _ in 0..10 {
        rig.clear("a", Kind::Black);
        assert_eq!(rig.pass(10.0), []);
        rig.raise("a", Kind::Black);
        assert_eq!(rig.pass(10.0), []);
    }
    rig.clear("a", Kind::Black);
    let all = rig.pass(200.0);
    assert_eq!(told(&all), [one("desk", Cleared, "a")]);
    assert_eq!((all[0].held_back, all[0].items[0].held_back), (10, 10));
    assert_eq!(
        all[0].at,
        at(300.0 + 10.0),
        "collected for a while after the limit"
    );
    assert_eq!(rig.held_back, 10);
    // What came and went within the limit of a recovery is told with whatever comes next.
    rig.raise("a", Kind::Black);
    rig.pass(20.0);
    rig.clear("a", Kind::Black);
    assert_eq!(rig.pass(3_600.0), []);
    assert_eq!(rig.router.alerts().count(), 0);
    rig.raise("b", Kind::Down);
    let all = rig.pass(10.0);
    assert_eq!((all[0].held_back, all[0].items[0].held_back), (1, 0));
}

#[test]
fn hours_hold_back_what_lasts_until_they_begin() {
    // 10:00 UTC, a Friday, is 11:00 in Berlin.
    let hours = json!({"zone": "Europe/Berlin", "weekly": [{"days": ["fri"], "from": "12:00", "to": "13:00"}]});
    let rule = json!({"name": "noon", "receivers": ["desk"], "hours": hours});
    let mut rig = Rig::new(&[rule], &[]);
    rig.raise("a", Kind::Down);
    rig.raise("b", Kind::Down);
    assert_eq!(rig.pass(600.0), []);
    rig.clear("b", Kind::Down);
    assert_eq!(rig.pass(2_990.0), []);
    let all = rig.pass(30.0);
    assert_eq!(told(&all), [one("desk", StillRaised, "a")]);
    assert_eq!(all[0].held_back, 0, "nothing came too often");
    // After their end a recovery waits for a week.
    rig.pass(3_600.0);
    rig.clear("a", Kind::Down);
    assert_eq!(rig.pass(6.0 * 86_400.0), []);
    assert_eq!(told(&rig.pass(86_400.0)), [one("desk", Cleared, "a")]);
}

#[test]
fn maintenance_is_silent_and_tells_what_is_left_at_its_end() {
    let window = json!({"name": "works", "from": at(100.0), "to": at(1_000.0), "match": {"accounts": ["x"]}});
    let mut rig = Rig::new(&[to_desk()], &[window]);
    for stream in ["x-before", "x-healed"] {
        rig.raise(stream, Kind::Down);
    }
    assert_eq!(rig.pass(150.0).len(), 1);
    rig.clear("x-healed", Kind::Down);
    rig.raise("x-within", Kind::Down);
    rig.raise("x-short", Kind::Down);
    rig.raise("y", Kind::Down);
    assert_eq!(told(&rig.pass(400.0)), [one("desk", Raised, "y")]);
    rig.clear("x-short", Kind::Down);
    let all = rig.pass(600.0);
    assert_eq!(
        told(&all),
        [
            one("desk", StillRaised, "x-before"),
            one("desk", StillRaised, "x-within"),
            one("desk", Cleared, "x-healed"),
        ]
    );
    assert_eq!(all[0].at, at(1_005.0));
}

#[test]
fn nobody_acknowledges_and_others_are_told() {
    let rule = json!({"name": "all", "receivers": ["desk"], "escalate": [
        {"after_ms": 600_000, "receivers": ["lead"]}, {"after_ms": 1_200_000, "receivers": ["boss", "desk"]}]});
    let mut rig = Rig::new(&[rule], &[]);
    let key = |stream: &str| AlertKey {
        stream: id(stream),
        kind: Kind::Down,
    };
    let ack = |until: Option<f64>| {
        Some(Acknowledgement {
            by: "Ann".to_owned(),
            comment: None,
            at: at(0.0),
            until: until.map(at),
        })
    };
    rig.raise("a", Kind::Down);
    rig.raise("b", Kind::Down);
    assert_eq!(rig.pass(300.0).len(), 1);
    assert!(rig.router.acknowledge(&key("a"), ack(None)));
    assert!(!rig.router.acknowledge(&key("c"), ack(None)));
    assert_eq!(told(&rig.pass(400.0)), [one("lead", Escalated, "b")]);
    assert_eq!(
        told(&rig.pass(600.0)),
        [one("boss", Escalated, "b"), one("desk", Escalated, "b")]
    );
    // Everybody who was told is told the end; who was not, is not.
    rig.clear("a", Kind::Down);
    rig.clear("b", Kind::Down);
    let all = told(&rig.pass(600.0));
    let ends = ["boss", "desk", "lead"].map(|receiver| one(receiver, Cleared, "b"));
    assert!(ends.iter().all(|end| all.contains(end)), "{all:?}");
    assert_eq!(all.len(), 4, "and a, to the desk: {all:?}");

    // An acknowledgement that runs out is as if nobody had said anything: the clock begins anew.
    rig.pass(1_000.0);
    let start = rig.now;
    rig.raise("a", Kind::Down);
    rig.pass(100.0);
    assert!(
        rig.router
            .acknowledge(&key("a"), ack(Some(start + 2_000.0)))
    );
    assert_eq!(rig.pass(1_800.0), []);
    assert_eq!(told(&rig.pass(110.0)), [one("desk", StillRaised, "a")]);
    assert_eq!(told(&rig.pass(600.0)), [one("lead", Escalated, "a")]);
}

#[test]
fn rules_change_under_way() {
    let mut rig = Rig::new(&[to_desk()], &[]);
    rig.raise("a", Kind::Down);
    assert_eq!(rig.pass(400.0).len(), 1);
    let lead =
        json!({"name": "other", "receivers": ["lead"], "match": {"severities": ["warning"]}});
    let also = json!({"name": "none", "enabled": false, "receivers": ["desk"]});
    rig.setup = super::super::testing_router::setup(&[lead, also], &[]);
    assert_eq!(rig.pass(400.0), []);
    // Who was told is told the end, whatever the rules are now.
    rig.clear("a", Kind::Down);
    assert_eq!(told(&rig.pass(100.0)), [one("desk", Cleared, "a")]);
    // Who is not there any more is not.
    rig.setup = super::super::testing_router::setup(&[to_desk()], &[]);
    rig.raise("b", Kind::Down);
    rig.pass(400.0);
    rig.setup = super::super::testing_router::setup(&[], &[]);
    rig.clear("b", Kind::Down);
    assert_eq!(rig.pass(1_000.0), []);
    assert_eq!(rig.router.alerts().count(), 0);
}

#[test]
fn a_stream_that_is_gone_is_told_to_have_ended() {
    let quiet = json!({"name": "quiet", "receivers": ["desk"], "recovery": false});
    let alertmanager = json!({"name": "am", "receivers": ["am"], "recovery": false});
    let mut rig = Rig::new(&[quiet, alertmanager], &[]);
    rig.raise("a", Kind::Down);
    assert_eq!(rig.pass(20.0).len(), 2);
    let now = at(rig.now);
    rig.router.refresh(|_| Err(Ending::Paused), now);
    let all = rig.pass(10.0);
    assert_eq!(
        told(&all),
        [one("am", Cleared, "a")],
        "it would take it to last"
    );
    assert_eq!(all[0].items[0].condition.ending, Some(Ending::Paused));
    rig.pass(400.0);
    assert_eq!(rig.router.alerts().count(), 0);
}

#[test]
fn a_clock_that_is_set_back_delays_nothing_for_long() {
    let mut rig = Rig::new(&[to_desk()], &[]);
    rig.pass(7_200.0);
    rig.raise("a", Kind::Down);
    assert_eq!(rig.pass(10.0).len(), 1);
    rig.raise("b", Kind::Down);
    rig.pass(0.0);
    rig.now = 100.0;
    rig.clear("a", Kind::Down);
    let all = told(&rig.pass(10.0));
    assert!(all.contains(&one("desk", Raised, "b")), "{all:?}");
    assert!(all.contains(&one("desk", Cleared, "a")), "{all:?}");
}

#[test]
fn alerts_are_bounded() {
    let mut rig = Rig::new(&[], &[]);
    for n in 0..=MOST_ALERTS {
        rig.raise(&format!("s{n}"), Kind::Down);
    }
    assert_eq!(rig.router.alerts().count(), MOST_ALERTS);
    assert_eq!(rig.router.refused(), 1);
}
