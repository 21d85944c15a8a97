//! What a restart of the server keeps.

use super::always::{perform, script};
use super::*;
use proptest::prelude::*;

/// The machine after a restart at `millis`, through the text that a store keeps.
fn restarted(stage: &Stage, millis: u64) -> Stage {
    let raised: Vec<_> = stage.machine.active().cloned().collect();
    let text = serde_json::to_string(&(raised, stage.machine.health())).unwrap();
    let (raised, health) = serde_json::from_str(&text).unwrap();
    let terms = stage.machine.terms().clone();
    Stage {
        machine: Machine::restore(terms, raised, health, stage.at(millis)),
        start: stage.start,
        changes: Vec::new(),
    }
}

#[test]
fn nothing_is_raised_twice() {
    let mut stage = Stage::new(Terms::usual());
    stage.play("0 !down; 0 black*; 0 silent; 20 black");
    let mut after = restarted(&stage, 60_000);
    assert_eq!(after.machine.next_deadline(), None);
    after.play("60 .; 61 black; 90 black; 300 .");
    assert_eq!(after.told(), "");
    assert_eq!(after.machine.health(), Health::Degraded);
    let first = stage.machine.active().next().unwrap();
    let kept = after.machine.active().next().unwrap();
    assert_eq!((kept.since, kept.raised_at), (first.since, first.raised_at));
    after.play("310 !black; 330 .");
    assert_eq!(after.told(), "320 -black over; 320 up");
}

#[test]
fn nor_is_the_health_of_before_told_again() {
    for script in [
        "0 !down",
        "0 down*; 20 .",
        "0 pause",
        "0 codec_changed",
        "0 slow*; 40 .",
    ] {
        let mut stage = Stage::new(Terms::usual());
        stage.play(script);
        let mut after = restarted(&stage, 60_000);
        assert_eq!(after.machine.health(), stage.machine.health(), "{script}");
        assert_eq!(after.machine.next_deadline(), None, "{script}");
        after.tick(90_000);
        assert_eq!(after.told(), "", "{script}");
    }
}

#[test]
fn flapping_is_remembered() {
    let mut stage = Stage::new(Terms::usual());
    stage.play("0 black*; 10 !black; 20 .; 21 black*; 40 .");
    let mut after = restarted(&stage, 60_000);
    after.play("70 !black; 100 .");
    assert_eq!(after.told(), "90 -black over; 90 up");
}

#[test]
fn what_no_longer_fits_is_cleared_at_once() {
    let mut stage = Stage::new(Terms::usual());
    stage.play("0 !down; 0 black*; 0 silent*; 20 .");
    let raised: Vec<_> = stage.machine.active().cloned().collect();
    let restore = |terms: Terms, raised: Vec<Condition>, health| {
        let machine = Machine::restore(Arc::new(terms), raised, health, stage.at(60_000));
        let mut after = Stage {
            machine,
            start: stage.start,
            changes: Vec::new(),
        };
        let due = after.machine.next_deadline();
        assert_eq!(due.is_some(), {
            after.tick(60_500);
            !after.changes.is_empty()
        });
        after.told()
    };
    // Radio by now.
    let radio = Terms::usual().without_picture();
    assert_eq!(
        restore(radio, raised.clone(), Health::Degraded),
        "60 -black disabled"
    );
    // Twice in the store.
    let twice = [raised.clone(), vec![raised[0].clone()]].concat();
    let told = restore(Terms::usual(), twice, Health::Degraded);
    assert_eq!(told, "60 -black replaced");
    // Beside what explains it.
    let mut down = raised[0].clone();
    down.kind = Kind::Down;
    let beside = [raised.clone(), vec![down]].concat();
    let told = restore(Terms::usual(), beside, Health::Down);
    assert_eq!(told, "60 -black replaced; 60 -silent replaced");
    // The health without its reason, and the reason without the health.
    assert_eq!(restore(Terms::usual(), vec![], Health::Down), "60 unknown");
    assert_eq!(
        restore(Terms::usual(), raised.clone(), Health::Up),
        "60 degraded"
    );
    let told = restore(Terms::usual(), raised, Health::Paused);
    assert_eq!(told, "60 -black paused; 60 -silent paused");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A machine that was restored behaves as the one that went on. What is only suspected is seen anew, so there is
    /// nothing of that kind at the restart.
    #[test]
    fn it_goes_on_as_before(before in script(), after in script()) {
        let mut stage = Stage::new(Terms::usual());
        let mut millis = 0;
        for (pause, act) in &before {
            millis += pause;
            perform(&mut stage, act, millis);
        }
        let fine = stage.at(millis);
        stage.machine.set_network(Network::Fine, fine, &mut stage.changes);
        for kind in Kind::ALL {
            let present = stage.machine.active().any(|it| it.kind == kind);
            let seen = Observation::present(kind, Evidence::new("so")).confirmed();
            stage.observe(Observation { present, ..seen }, millis);
        }
        millis += 3_600_000;
        stage.tick(millis);
        stage.changes.clear();
        let mut other = restarted(&stage, millis);
        for (pause, act) in &after {
            millis += pause;
            perform(&mut stage, act, millis);
            perform(&mut other, act, millis);
            prop_assert_eq!(&stage.changes, &other.changes);
            prop_assert_eq!(stage.machine.next_deadline(), other.machine.next_deadline());
        }
    }
}
