//! When it is us, and when it is not.

use super::*;
use crate::base::clock;
use proptest::prelude::*;

struct Stage {
    guard: Guard,
    start: Now,
    changes: Vec<Change>,
}

impl Stage {
    fn new() -> Self {
        let start = Now {
            mono: clock::now(),
            wall: "2026-11-21T20:00:00Z".parse().unwrap(),
        };
        Self {
            guard: Guard::new(),
            start,
            changes: Vec::new(),
        }
    }

    fn at(&self, millis: u64) -> Now {
        let passed = Duration::from_millis(millis);
        Now {
            mono: self.start.mono + passed,
            wall: self.start.wall + passed,
        }
    }

    fn tick(&mut self, millis: u64) {
        self.guard.tick(self.at(millis), &mut self.changes);
    }

    /// Of stream `n` on host `n % hosts`.
    fn report(&mut self, n: usize, hosts: usize, failure: Option<Cause>, millis: u64) {
        let (id, host) = (stream(n), format!("host{}.example", n % hosts));
        let now = self.at(millis);
        self.guard
            .report(&id, &host, failure, now, &mut self.changes);
    }

    /// `count` streams answer, one each 10 ms.
    fn all_well(&mut self, count: usize, hosts: usize, from: u64) {
        for n in 0..count {
            self.report(n, hosts, None, from + n as u64 * 10);
        }
    }

    /// What was raised and cleared, and when.
    fn told(&self) -> Vec<(bool, i64)> {
        let millis = |at: jiff::Timestamp| at.duration_since(self.start.wall).as_millis() as i64;
        let told = self.changes.iter().map(|change| match change {
            Change::Raised(it) => (true, millis(it.raised_at)),
            Change::Cleared(it) => (false, millis(it.cleared_at.unwrap())),
            Change::Health { .. } => panic!("a guard has no health"),
        });
        told.collect()
    }
}

fn stream(n: usize) -> StreamId {
    StreamId::parse(&format!("s{n}")).unwrap()
}

const GONE: Option<Cause> = Some(Cause::Unreachable);

#[test]
fn most_streams_of_different_hosts_fail_together() {
    let mut stage = Stage::new();
    stage.all_well(20, 4, 0);
    for n in 0..4 {
        stage.report(n, 4, GONE, 6_000 + n as u64 * 10);
    }
    assert_eq!(stage.guard.network(), Network::Fine, "four are too few");
    stage.report(4, 4, GONE, 6_040);
    assert_eq!(stage.guard.network(), Network::Doubtful);
    assert_eq!(stage.guard.next_deadline(), Some(stage.at(26_040).mono));
    assert_eq!(stage.told(), [], "15 were not heard of since");
    for n in 5..20 {
        stage.report(n, 4, GONE, 6_000 + n as u64 * 10);
        // As soon as 12 of 20 fail.
        let sure = if n < 11 {
            Network::Doubtful
        } else {
            Network::Lost
        };
        assert_eq!(stage.guard.network(), sure, "{n}");
    }
    assert_eq!(stage.told(), [(true, 6_110)]);
    let raised = stage.guard.active().unwrap();
    assert_eq!(
        (raised.kind, raised.severity),
        (Kind::OwnNetwork, crate::conditions::Severity::Critical)
    );
    assert_eq!(raised.since, stage.at(6_000).wall);
    assert_eq!(
        raised.evidence.text,
        "12 of 12 streams on 4 of 4 hosts began to fail together"
    );

    // Retries fail; at last the streams come back, one by one.
    for n in 0..20 {
        stage.report(n, 4, GONE, 30_000 + n as u64 * 10);
    }
    stage.tick(60_000);
    assert_eq!(stage.guard.next_deadline(), None);
    for n in 0..12 {
        stage.report(n, 4, None, 60_000 + n as u64 * 1_000);
    }
    assert_eq!(stage.guard.next_deadline(), None, "8 of 20 is 40 %");
    stage.report(12, 4, None, 72_000);
    assert_eq!(stage.guard.next_deadline(), Some(stage.at(77_000).mono));
    assert_eq!(stage.guard.network(), Network::Lost);
    stage.tick(76_999);
    assert_eq!(stage.told().len(), 1);
    stage.tick(80_000);
    assert_eq!(
        (stage.told()[1], stage.guard.network()),
        ((false, 77_000), Network::Fine)
    );
    // Who fails still, fails for its own reasons.
    for n in 13..20 {
        stage.report(n, 4, GONE, 80_000 + n as u64);
    }
    assert_eq!(stage.guard.network(), Network::Fine);
}

#[test]
fn it_goes_on_when_it_comes_back_before_it_was_over() {
    let mut stage = Stage::new();
    (0..10).for_each(|n| stage.report(n, 5, GONE, n as u64));
    (0..8).for_each(|n| stage.report(n, 5, None, 10_000));
    assert_eq!(stage.guard.next_deadline(), Some(stage.at(15_000).mono));
    (0..8).for_each(|n| stage.report(n, 5, GONE, 14_000));
    assert_eq!(stage.guard.next_deadline(), None);
    stage.tick(60_000);
    assert_eq!(stage.told(), [(true, 4)]);
    // Again and again takes longer and longer.
    let mut now = 60_000;
    let mut took = Vec::new();
    for _ in 0..5 {
        now += 1_000;
        (0..10).for_each(|n| stage.report(n, 5, None, now));
        let due = stage.guard.next_deadline().unwrap();
        let clear = due.duration_since(stage.at(now).mono).as_millis() as u64;
        took.push(clear);
        now += clear;
        stage.tick(now);
        assert_eq!(stage.guard.network(), Network::Fine);
        now += 1_000;
        (0..10).for_each(|n| stage.report(n, 5, GONE, now));
        assert_eq!(stage.guard.network(), Network::Lost);
    }
    assert_eq!(took, [5_000, 10_000, 20_000, 40_000, 80_000]);
}

#[test]
fn it_is_not_us() {
    // (streams, hosts, which fail, how)
    type Fails = fn(usize) -> bool;
    let cases: [(&str, usize, usize, Fails, Option<Cause>); 7] = [
        ("one provider of four", 40, 4, |n| n % 4 == 0, GONE),
        ("two hosts are too few", 40, 2, |_| true, GONE),
        ("four streams are too few", 4, 4, |_| true, GONE),
        ("half of all", 40, 4, |n| n < 20, GONE),
        ("they answered", 40, 4, |_| true, Some(Cause::NotFound)),
        ("they answered, too", 40, 4, |_| true, Some(Cause::Server)),
        // 30 of 40 streams, but 3 of 8 hosts.
        ("one large provider", 80, 8, |n| n % 8 < 3, GONE),
    ];
    for (name, streams, hosts, fails, cause) in cases {
        let mut stage = Stage::new();
        stage.all_well(streams, hosts, 0);
        // Healthy and failing ones alternate as they do where all are asked in turn.
        for round in 1..4 {
            for n in 0..streams {
                let failure = cause.filter(|_| fails(n));
                let n_at = round * 6_000 + n as u64 * 10;
                stage.report(n, hosts, failure, n_at);
            }
        }
        assert_eq!(stage.told(), [], "{name}");
        assert_eq!(stage.guard.network(), Network::Fine, "{name}");
    }
}

#[test]
fn a_large_provider_beside_many_small_ones() {
    let mut stage = Stage::new();
    let host = |n: usize| if n < 90 { 0 } else { n };
    let report = |stage: &mut Stage, n: usize, failure, at| {
        let (id, now) = (stream(n), stage.at(at));
        let host = format!("host{}", host(n));
        stage
            .guard
            .report(&id, &host, failure, now, &mut stage.changes);
    };
    (0..100).for_each(|n| report(&mut stage, n, None, 0));
    // Two small ones fail by chance at the same time.
    for n in (0..92).rev() {
        report(&mut stage, n, GONE, 6_000);
    }
    (92..100).for_each(|n| report(&mut stage, n, None, 6_001));
    assert_eq!(
        (stage.told(), stage.guard.network()),
        (vec![], Network::Fine)
    );
}

#[test]
fn a_doubt_passes() {
    let mut stage = Stage::new();
    stage.all_well(40, 4, 0);
    (0..5).for_each(|n| stage.report(n, 4, GONE, 6_000));
    assert_eq!(stage.guard.network(), Network::Doubtful);
    // Four others of one host answer: 5 of 9 are less than 60 %.
    for n in [8, 12, 16] {
        stage.report(n, 4, None, 6_100);
    }
    assert_eq!(stage.guard.network(), Network::Doubtful);
    stage.report(20, 4, None, 6_100);
    assert_eq!(stage.guard.network(), Network::Fine);
    // The same failures do not count twice, new ones do.
    stage.report(5, 4, GONE, 6_200);
    assert_eq!(stage.guard.network(), Network::Fine);
    // Nor does a doubt last in which few are heard of.
    for n in [9, 10, 11, 13] {
        stage.report(n, 4, GONE, 6_300);
    }
    assert_eq!(stage.guard.network(), Network::Doubtful);
    stage.tick(26_299);
    assert_eq!(stage.guard.network(), Network::Doubtful);
    stage.tick(26_300);
    assert_eq!(
        (stage.guard.network(), stage.told()),
        (Network::Fine, vec![])
    );
}

#[test]
fn half_of_all_are_enough_after_a_while() {
    let mut stage = Stage::new();
    stage.all_well(40, 4, 0);
    // Each is looked at once in half a minute.
    (0..20).for_each(|n| stage.report(n, 4, GONE, 6_000 + n as u64 * 700));
    assert_eq!(stage.guard.network(), Network::Doubtful);
    stage.tick(60_000);
    // 20 s after the fifth, when three hosts were known to fail.
    assert_eq!(stage.told(), [(true, 28_800)]);
}

#[test]
fn the_dead_say_nothing() {
    let mut stage = Stage::new();
    // Thirty that are dead for good, ten that live.
    (0..30).for_each(|n| stage.report(n, 10, GONE, n as u64 * 60_000));
    (30..40).for_each(|n| stage.report(n, 10, None, 1_800_000));
    assert_eq!(stage.told(), []);
    // One more dies: not 31 of 40 together.
    stage.report(30, 10, GONE, 1_806_000);
    (0..30).for_each(|n| stage.report(n, 10, GONE, 1_806_000 + n as u64));
    assert_eq!(stage.guard.network(), Network::Fine);
    // The living ones fail together, and that is all who can.
    (31..36).for_each(|n| stage.report(n, 10, GONE, 1_808_000));
    assert_eq!(stage.guard.network(), Network::Lost);
}

#[test]
fn streams_that_are_no_longer_watched() {
    let mut stage = Stage::new();
    (0..10).for_each(|n| stage.report(n, 5, GONE, 0));
    assert_eq!(stage.guard.network(), Network::Lost);
    stage.report(10, 5, None, 100);
    for n in 0..10 {
        let now = stage.at(200);
        stage.guard.forget(&stream(n), now, &mut stage.changes);
    }
    stage.tick(5_200);
    assert_eq!(stage.told(), [(true, 0), (false, 5_200)]);
}

#[test]
fn over_a_restart() {
    let mut stage = Stage::new();
    (0..10).for_each(|n| stage.report(n, 5, GONE, 0));
    let raised = stage.guard.active().cloned();
    let restored = |failure: Option<Cause>| {
        let mut after = Stage::new();
        after.guard = Guard::restore(raised.clone(), after.start);
        assert_eq!(after.guard.network(), Network::Lost);
        (0..10).for_each(|n| after.report(n, 5, failure, 1_000));
        after.tick(3_600_000);
        after.told()
    };
    assert_eq!(restored(GONE), []);
    assert_eq!(restored(None), [(false, 6_000)]);
    // Nobody is watched any more.
    let mut after = Stage::new();
    after.guard = Guard::restore(raised, after.start);
    after.tick(3_600_000);
    assert_eq!(after.told(), [(false, 125_000)]);
}

#[test]
fn what_it_remembers_is_bounded() {
    let mut stage = Stage::new();
    (0..STREAMS_MAX + 3).for_each(|n| stage.report(n, 5, None, 0));
    stage.report(0, 5, None, 1);
    assert_eq!(
        (stage.guard.streams.len(), stage.guard.ignored()),
        (STREAMS_MAX, 3)
    );
}

proptest! {
    /// Raised and cleared in turn, deadlines lie ahead, and nothing is told between them.
    #[test]
    fn always(steps in prop::collection::vec((0usize..12, 0u8..10, 0u64..4_000), 1..300)) {
        let mut stage = Stage::new();
        let mut millis = 0;
        for (n, what, pause) in steps {
            millis += pause;
            let failure = (millis / 60_000 % 2 == 1 && what > 0).then_some(Cause::Timeout);
            match what {
                9 => {
                    let now = stage.at(millis);
                    stage.guard.forget(&stream(n), now, &mut stage.changes);
                }
                _ => stage.report(n, 4, failure, millis),
            }
            let lost = stage.told().last().is_some_and(|last| last.0);
            prop_assert_eq!(stage.guard.network() == Network::Lost, lost);
            if let Some(due) = stage.guard.next_deadline() {
                prop_assert!(due > stage.at(millis).mono);
                let at = due.duration_since(stage.start.mono).as_millis() as u64;
                let told = stage.changes.len();
                stage.tick(at - 1);
                prop_assert_eq!(stage.changes.len(), told);
                if at <= millis + 500 {
                    let was = stage.guard.network();
                    stage.tick(at);
                    let is = stage.guard.network();
                    // A doubt ends either way.
                    prop_assert!(is == Network::Fine || (was, is) == (Network::Doubtful, Network::Lost));
                }
                millis = millis.max(at - 1);
            }
        }
        let told = stage.told();
        prop_assert!(told.windows(2).all(|pair| pair[0].0 != pair[1].0 && pair[0].1 <= pair[1].1), "{:?}", told);
    }
}
