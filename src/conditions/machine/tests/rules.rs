//! Each rule by itself. Without `!down` the health begins as unknown.

use super::*;

#[test]
fn raised_when_it_has_lasted_and_was_seen_again() {
    check(
        &Terms::usual(),
        &[
            // A dark keyframe.
            ("0 black; 500 .", ""),
            // Two, with nobody knows what between them.
            ("0 black; 10 black; 20 .", ""),
            ("0 black; 5 black; 10 black; 20 .", "10 +black; 10 degraded"),
            (
                "0 black; 5 black; 9.98 black; 20 .",
                "10 +black; 10 degraded",
            ),
            (
                "0 black; 20 black; 40 black; 50 .",
                "40 +black; 40 degraded",
            ),
            // Seen again, but too soon to tell that it lasts.
            ("0 black; 5 black; 8.9 black; 60 .", ""),
            ("0 black; 5 black; 9 black; 60 .", "10 +black; 10 degraded"),
            // Two findings of one look.
            ("0 black~10; 0 black; 1 black; 60 .", ""),
            ("0 black~10; 1 black; 2 black; 60 .", "2 +black; 2 degraded"),
            // A closer look saves the second one, not the time.
            ("0 black*; 9.9 .", ""),
            ("0 black*; 60 .", "10 +black; 10 degraded"),
            ("0 black; 2 black*; 60 .", "10 +black; 10 degraded"),
            // The rest may be told at one look, where that covers the time.
            ("0 stalled; 60 .", ""),
            ("0 stalled~8; 60 .", "2 +stalled; 2 down"),
            ("0 stalled~30; 60 .", "0 +stalled; 0 down"),
            // A suspicion that nothing confirms is forgotten.
            (
                "0 frozen; 300 frozen; 599.9 frozen; 600 .",
                "599.9 +frozen; 599.9 degraded",
            ),
            ("0 frozen; 600 frozen; 601 frozen; 604 .", ""),
        ],
    );
}

/// Between what came before `back` and `back` this process did not run.
#[test]
fn what_was_not_seen_while_we_stood_still_says_nothing() {
    check(
        &Terms::usual(),
        &[
            ("0 !down; 30 back; 30 stalled~30; 32 !stalled; 90 .", "0 up"),
            ("0 !down; 0 stalled~8; 30 back; 30 !stalled; 90 .", "0 up"),
            ("0 !down; 1 black; 4 black; 30 back; 31 black; 60 .", "0 up"),
            // What goes on afterwards is raised by what is seen from then on.
            (
                "0 !down; 30 back; 30 stalled~30; 35 stalled~35; 41 stalled~41; 60 .",
                "0 up; 40 +stalled; 40 down",
            ),
            // Nor has it been well meanwhile.
            (
                "0 black; 5 black; 10 black; 20 !black; 25 back; 26 black; 90 !black; 120 .",
                "10 +black; 10 degraded; 100 -black over; 100 up",
            ),
        ],
    );
}

#[test]
fn down_takes_a_retry() {
    check(
        &Terms::usual(),
        &[
            ("0 down; 60 .", ""),
            ("0 down~20; 60 .", ""),
            ("0 down; 0.5 down; 3.5 down; 60 .", ""),
            (
                "0 down; 0.5 down; 3.5 down; 7.5 down; 60 .",
                "10 +down; 10 down",
            ),
            ("0 down~10; 10.5 down; 60 .", "10.5 +down; 10.5 down"),
            ("0 down; 0.5 down; 3.5 !down; 60 .", "3.5 up"),
        ],
    );
}

#[test]
fn what_has_lasted_already_began_after_it_was_last_absent() {
    check(
        &Terms::usual(),
        &[
            (
                "0 !stalled; 2 stalled~60; 8 stalled; 60 .",
                "10 +stalled; 10 down",
            ),
            // Nor does it reach into the outage before.
            (
                "0 down; 5 down; 20 !down; 30 slow~600; 40 slow; 60 .",
                "10 +down; 10 down; 30 -down over; 30 up; 50 +slow; 50 degraded",
            ),
        ],
    );
}

#[test]
fn gaps_under_five_seconds_do_not_count() {
    let cases = [
        ("0 black; 4 !black; 8.999 black; 9.5 black", "10"),
        ("0 black; 4 !black; 9 black", ""),
        ("0 black; 4 !black; 9 black; 12 black; 18 black", "19"),
        // Nothing is raised while it is gone.
        ("0 black; 6 black; 9 !black; 12 black", "12"),
        ("0 black; 6 black; 9 !black", ""),
        // The gap begins when it is first seen to be gone.
        ("0 black; 3 !black; 6 !black; 8 black", ""),
        // A close look that finds nothing is no gap.
        ("0 black; 3 !black; 7 black; 9 black", "10"),
        ("0 black; 3 !black*; 7 black; 9 black", ""),
    ];
    for (script, raised) in cases {
        let mut stage = Stage::new(Terms::usual());
        stage.play(&format!("0 !down; {script}; 60 ."));
        let told = match raised {
            "" => "0 up".to_owned(),
            at => format!("0 up; {at} +black; {at} degraded"),
        };
        assert_eq!(stage.told(), told, "{script}");
    }
}

#[test]
fn cleared_when_it_has_been_gone() {
    let raised = "0 !down; 0 black; 5 black; 10 black;";
    let told = "0 up; 10 +black; 10 degraded";
    let cases = [
        ("20 !black; 29.9 .", ""),
        ("20 !black; 60 .", "; 30 -black over; 30 up"),
        ("20 !black; 25 !black; 60 .", "; 30 -black over; 30 up"),
        ("20 !black; 29 black; 60 .", ""),
        (
            "20 !black; 29 black; 40 !black; 60 .",
            "; 50 -black over; 50 up",
        ),
    ];
    for (script, more) in cases {
        check(
            &Terms::usual(),
            &[(&format!("{raised}{script}"), &format!("{told}{more}"))],
        );
    }
    // What is seen again within 5 s was not gone, whatever the clear time.
    let quick = Terms::usual().with(Kind::Black, |rule| rule.clear = Duration::ZERO);
    for (script, more) in [
        ("20 !black; 24.9 black; 60 .", ""),
        ("20 !black; 60 .", "; 25 -black over; 25 up"),
    ] {
        check(
            &quick,
            &[(&format!("{raised}{script}"), &format!("{told}{more}"))],
        );
    }
}

#[test]
fn without_a_hold_time() {
    let terms = Terms::usual().with(Kind::Black, |rule| rule.hold = Duration::ZERO);
    check(
        &terms,
        &[
            ("0 black; 60 .", ""),
            (
                "0 black; 0.1 black; 0.2 black; 60 .",
                "0.2 +black; 0.2 degraded",
            ),
            (
                "0 codec_changed; 1 !codec_changed; 90 .",
                "0 +codec_changed; 0 up; 61 -codec_changed over",
            ),
        ],
    );
}

#[test]
fn flapping_takes_longer_and_longer_to_clear() {
    let mut stage = Stage::new(Terms::usual());
    let (mut now, mut took) = (0, Vec::new());
    for _ in 0..8 {
        stage.observe(observation("silent*"), now);
        stage.observe(observation("!silent"), now + 10_000);
        now += 10_000;
        let due = stage.machine.next_deadline().unwrap();
        let clear = due.duration_since(stage.at(now).mono).as_millis() as u64;
        took.push(clear / 1000);
        now += clear;
        stage.tick(now);
        assert_eq!(stage.machine.active().count(), 0);
    }
    assert_eq!(took, [10, 20, 40, 80, 160, 300, 300, 300]);
    let relapses: Vec<_> = stage
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Cleared(it) => Some(it.relapses),
            _ => None,
        })
        .collect();
    assert_eq!(relapses, [0, 1, 2, 3, 4, 5, 6, 7]);
    // After half an hour of peace it is as new.
    for (rest, clear) in [(29 * 60_000, 300_000), (30 * 60_000, 10_000)] {
        let mut stage = stage.clone();
        let now = now + rest - 10_000;
        stage.observe(observation("silent*"), now);
        stage.observe(observation("!silent"), now + 10_000);
        assert_eq!(
            stage.machine.next_deadline(),
            Some(stage.at(now + 10_000 + clear).mono)
        );
    }
    // A clear time that is set longer is kept.
    let terms = Terms::usual().with(Kind::Silent, |rule| rule.clear = Duration::from_mins(10));
    assert_eq!(terms.clear_after(Kind::Silent, 3), Duration::from_mins(10));
    assert_eq!(
        terms.clear_after(Kind::Black, u32::MAX),
        Duration::from_mins(5)
    );
}

#[test]
fn health_follows_what_is_raised() {
    check(
        &Terms::usual(),
        &[
            ("0 !down", "0 up"),
            ("0 !silent", "0 up"),
            // Proves nothing: an empty answer has no fault either.
            ("0 !blocked; 0 !continuity", ""),
            ("0 down; 1 !black; 20 .", ""),
            ("0 codec_changed", "0 +codec_changed; 0 up"),
            ("0 slow*; 30 .", "30 +slow; 30 degraded"),
            (
                "0 !down; 0 slow*; 30 slow; 30 down*; 50 !down; 60 .",
                "0 up; 30 +slow; 30 degraded; 40 +down; 40 -slow replaced; 40 down; 60 -down over; 60 up",
            ),
        ],
    );
    let mild = Terms::usual()
        .with(Kind::Stale, |rule| rule.severity = Severity::Warning)
        .with(Kind::Silent, |rule| rule.severity = Severity::Info);
    check(
        &mild,
        &[
            ("0 stale*; 10 .", "10 +stale; 10 degraded"),
            ("0 silent*; 10 .", "10 +silent; 10 up"),
        ],
    );
}

#[test]
fn what_explains_it_comes_alone() {
    check(
        &Terms::usual(),
        &[
            (
                "0 black; 0 stale; 0 down; 7 black; 7 stale; 7 down; 60 .",
                "10 +down; 10 down",
            ),
            // It waits for the verdict on what may explain it, and for no longer than that takes.
            (
                "0 stale; 3 down; 6 stale; 9 down; 60 .",
                "13 +down; 13 down",
            ),
            ("0 stale; 3 down; 6 stale; 60 .", "13 +stale; 13 down"),
            (
                "0 stale; 3 down; 6 stale; 9 !down; 60 .",
                "9 up; 13 +stale; 13 down",
            ),
            // A black picture does not move; one that is refused is not down as well.
            ("0 frozen*; 0 black*; 60 .", "10 +black; 10 degraded"),
            ("0 down*; 0 blocked*; 60 .", "10 +blocked; 10 down"),
            // What was raised before is replaced, without the health in between.
            (
                "0 black*; 10 black; 20 down*; 60 .",
                "10 +black; 10 degraded; 30 +down; 30 -black replaced; 30 down",
            ),
            (
                "0 stalled*; 10 .; 20 down*; 60 .",
                "10 +stalled; 10 down; 30 +down; 30 -stalled replaced",
            ),
            // Independent of each other.
            (
                "0 black*; 0 silent*; 60 .",
                "10 +black; 10 +silent; 10 degraded",
            ),
        ],
    );
}

#[test]
fn after_an_outage_everything_is_looked_at_afresh() {
    check(
        &Terms::usual(),
        &[
            // Said while it is down: passed over.
            (
                "0 down*; 11 black; 16 black*; 30 !down; 60 .",
                "10 +down; 10 down; 40 -down over; 40 up",
            ),
            // Seen while it clears: raised once it is cleared.
            (
                "0 down*; 30 !down; 30 black; 35 black; 39.5 black; 60 .",
                "10 +down; 10 down; 40 -down over; 40 +black; 40 degraded",
            ),
            (
                "0 down*; 30 !down; 35 black; 40 black; 44.5 black; 60 .",
                "10 +down; 10 down; 40 -down over; 40 up; 45 +black; 45 degraded",
            ),
            // And forgotten when the outage goes on after all.
            (
                "0 down*; 30 !down; 30 black*; 38 down; 50 !down; 70 .",
                "10 +down; 10 down; 60 -down over; 60 up",
            ),
        ],
    );
}

#[test]
fn what_is_not_looked_for_is_passed_over() {
    let radio = Terms::usual().without_picture();
    check(
        &radio,
        &[
            ("0 black*; 0 frozen*; 0 no_video*; 60 .", ""),
            ("0 silent*; 60 .", "10 +silent; 10 degraded"),
            // It still proves that media came.
            ("0 !black; 60 .", "0 up"),
        ],
    );
    check(&Terms::usual(), &[("0 own_network*; 60 .", "")]);
}

#[test]
fn other_terms_while_it_runs() {
    let mut stage = Stage::new(Terms::usual());
    stage.play("0 !down; 0 slow*; 0 silent*; 8 black*; 10 .; 17 .");
    let terms = Arc::new(Terms::usual().without_sound().without_picture());
    let now = stage.at(17_500);
    stage.machine.set_terms(terms, now, &mut stage.changes);
    stage.tick(60_000);
    assert_eq!(
        stage.told(),
        "0 up; 10 +silent; 10 degraded; 17.5 -silent disabled; 17.5 up; 30 +slow; 30 degraded"
    );
    let mild = Terms::usual().with(Kind::Slow, |rule| rule.severity = Severity::Info);
    let now = stage.at(70_000);
    stage
        .machine
        .set_terms(Arc::new(mild), now, &mut stage.changes);
    assert_eq!(stage.machine.health(), Health::Up);
    assert_eq!(
        stage.machine.active().next().unwrap().severity,
        Severity::Info
    );
}

#[test]
fn paused() {
    check(
        &Terms::usual(),
        &[
            (
                "0 !down; 0 black*; 10 .; 20 pause; 21 silent*; 40 .; 50 resume; 60 .; 70 !down",
                "0 up; 10 +black; 10 degraded; 20 -black paused; 20 paused; 50 unknown; 70 up",
            ),
            // Nothing from before counts.
            ("0 black*; 5 pause; 6 resume; 60 .", "5 paused; 6 unknown"),
            (
                "0 pause; 5 resume; 6 stalled~60; 11 stalled; 20 .",
                "0 paused; 5 unknown; 15 +stalled; 15 down",
            ),
            ("0 resume; 5 pause; 6 pause", "5 paused"),
        ],
    );
}

#[test]
fn while_it_is_our_own_network() {
    check(
        &Terms::usual(),
        &[
            // Held back, and unknown from when it would have been raised.
            (
                "0 !down; 1 down; 3 lost; 8 down; 300 down; 320 fine; 321 !down; 400 .",
                "0 up; 11 unknown; 321 up",
            ),
            // Afterwards it must last for the hold time anew, and be seen to.
            (
                "0 !down; 1 down; 3 lost; 9 down; 100 fine; 500 .",
                "0 up; 11 unknown",
            ),
            (
                "0 !down; 1 down; 3 lost; 9 down; 100 fine; 104 down; 107 down; 500 .",
                "0 up; 11 unknown; 110 +down; 110 down",
            ),
            // What was seen before proves nothing of the time after.
            (
                "0 !down; 1 down; 3 lost; 9 down; 100 fine; 106 down; 500 .",
                "0 up; 11 unknown",
            ),
            (
                "0 !down; 1 down*; 3 lost; 100 fine; 500 .",
                "0 up; 11 unknown",
            ),
            // And lost once more.
            (
                "0 !down; 1 down*; 3 lost; 100 fine; 101 !down; 102 down; 103 lost; 109 down; 200 .",
                "0 up; 11 unknown; 101 up; 110 unknown",
            ),
            // It was noticed late.
            (
                "0 !down; 1 down; 9 down; 10 doubtful; 15 lost; 99 .",
                "0 up; 15 unknown",
            ),
            // In doubt they only wait.
            (
                "0 !down; 1 down; 9 down; 10 doubtful; 17 fine",
                "0 up; 17 +down; 17 down",
            ),
            (
                "0 !down; 1 down; 9 down; 10 doubtful; 17 fine; 17 !down",
                "0 up; 17 +down; 17 down",
            ),
            (
                "0 !down; 1 down; 9 down; 10 doubtful; 16 !down; 17 fine; 40 .",
                "0 up",
            ),
            // What does not come of the network is raised as ever, and what was raised stays.
            ("0 lost; 0 black*; 20 .", "10 +black; 10 degraded"),
            ("0 lost; 0 slow*; 60 .", ""),
            (
                "0 down*; 20 lost; 40 fine; 50 !down; 70 .",
                "10 +down; 10 down; 60 -down over; 60 up",
            ),
        ],
    );
}

#[test]
fn the_wall_clock_may_jump() {
    for jump in [-3600, 3600] {
        let mut stage = Stage::new(Terms::usual());
        stage.play("0 black; 5 black; 9 black");
        let honest = stage.start.wall;
        stage.start.wall = honest
            .saturating_add(jiff::SignedDuration::from_secs(jump))
            .unwrap();
        stage.tick(9_900);
        assert!(stage.changes.is_empty());
        stage.tick(10_000);
        let Some(Change::Raised(raised)) = stage.changes.first().cloned() else {
            panic!("{:?}", stage.changes);
        };
        assert_eq!(raised.raised_at.duration_since(raised.since).as_secs(), 10);
        assert_eq!(raised.raised_at, stage.at(10_000).wall);
        // And back: it was not cleared before it was raised.
        stage.start.wall = honest;
        stage.play("20 !black; 30 .");
        let Some(Change::Cleared(cleared)) = stage.changes.get(2) else {
            panic!("{:?}", stage.changes);
        };
        assert_eq!(
            cleared.cleared_at,
            Some(stage.at(30_000).wall.max(raised.raised_at))
        );
    }
}

#[test]
fn time_that_runs_backwards_stands_still() {
    check(
        &Terms::usual(),
        &[(
            "50 black; 20 black; 55 black; 59.5 black; 60 .",
            "60 +black; 60 degraded",
        )],
    );
}

#[test]
fn suspects_ask_for_a_closer_look() {
    let mut stage = Stage::new(Terms::usual());
    stage.play("0 black; 2 silent");
    let suspects = |stage: &Stage| stage.machine.suspects().collect::<Vec<_>>();
    let third = Kind::Black.rule().hold / 3;
    let black = (Kind::Black, instant(&stage, 0) + third);
    let silent = (Kind::Silent, instant(&stage, 2) + third);
    assert_eq!(suspects(&stage), [black, silent]);
    // Still asked for when it is overdue.
    stage.tick(30_000);
    assert_eq!(suspects(&stage), [black, silent]);
    stage.play("30 black; 30.5 continuity");
    let proofs = [
        (Kind::Black, instant(&stage, 9)),
        silent,
        (
            Kind::Continuity,
            instant(&stage, 30) + Duration::from_millis(5_500),
        ),
    ];
    assert_eq!(suspects(&stage), proofs, "so that it is told in time");
    stage.play("31 !black; 31 !continuity*; 31 silent*");
    assert_eq!(suspects(&stage), []);
    assert_eq!(stage.told(), "31 up; 31 +silent; 31 degraded");
}

#[test]
fn what_is_raised_shows_what_was_seen_last() {
    let mut stage = Stage::new(Terms::usual());
    let seen = |x| {
        let evidence = Evidence::new("dark")
            .number("mean", x)
            .number("bad", f64::NAN);
        Observation::present(Kind::Black, evidence)
    };
    stage.observe(seen(1.0), 0);
    stage.observe(seen(1.5), 5_000);
    stage.observe(seen(2.0), 10_000);
    stage.observe(seen(3.0).confirmed(), 20_000);
    let now = stage.machine.active().next().unwrap();
    assert_eq!((now.evidence.numbers["mean"], now.confirmed), (3.0, true));
    assert_eq!(
        now.evidence.numbers.len(),
        1,
        "what is no number is dropped"
    );
    let Change::Raised(raised) = &stage.changes[0] else {
        panic!()
    };
    assert_eq!(
        (raised.evidence.numbers["mean"], raised.confirmed),
        (2.0, false)
    );
    let text = serde_json::to_string(now).unwrap();
    assert_eq!(&serde_json::from_str::<Condition>(&text).unwrap(), now);
    let mut long = Evidence::new("ä".repeat(1000));
    long.numbers = [("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0), ("e", 1.0)].repeat(2);
    long.numbers
        .extend([("f", 1.0), ("g", 1.0), ("h", 1.0), ("i", 1.0)]);
    let proof = super::super::super::Proof::from(long);
    assert_eq!(proof.text.chars().count(), 240);
    assert!(proof.numbers.len() <= 8);
}
