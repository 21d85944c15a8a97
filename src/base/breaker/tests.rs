//! Tests of the circuit breaker.

use super::*;
use crate::base::clock;
use proptest::prelude::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn refused(n: u64, reason: &'static str) -> Check<&'static str> {
    Check::Refuse {
        retry_after: seconds(n),
        reason,
    }
}

fn breaker() -> (Breaker<&'static str>, Instant) {
    let start = clock::now();
    (Breaker::new(Policy::default(), start), start)
}

/// Fails until it opens, all at one time.
fn open(b: &mut Breaker<&'static str>, at: Instant) {
    for _ in 0..3 {
        b.failed(at, "broken");
    }
}

#[test]
fn it_opens_after_failures_in_a_row_within_the_window() {
    let (mut b, start) = breaker();
    let at = |s| start + seconds(s);
    b.failed(at(0), "a");
    b.failed(at(59), "b");
    assert_eq!(b.check(at(60)), Check::Allow);
    b.failed(at(61), "c");
    assert_eq!(b.check(at(61)), Check::Allow, "the first is too long ago");
    b.failed(at(70), "d");
    assert_eq!(b.check(at(71)), refused(4, "d"));
    assert_eq!(b.state().as_str(), "open");
}

#[test]
fn only_a_long_healthy_run_breaks_the_row() {
    let (mut b, start) = breaker();
    let at = |s| start + seconds(s);
    b.failed(at(0), "a");
    b.failed(at(1), "b");
    b.healthy(at(30));
    assert_eq!(b.state(), BreakerState::Closed);
    b.failed(at(30), "c");
    assert_eq!(b.state(), BreakerState::Open);

    let (mut b, _) = breaker();
    b.failed(at(0), "a");
    b.failed(at(1), "b");
    b.healthy(at(31));
    b.failed(at(32), "c");
    assert_eq!(b.check(at(33)), Check::Allow);
}

#[test]
fn one_trial_at_a_time_and_pauses_that_double() {
    let (mut b, start) = breaker();
    open(&mut b, start);
    let mut now = start;
    for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(b.check(now), refused(pause, "broken"));
        now += seconds(pause);
        assert_eq!(b.check(now), Check::Trial);
        assert_eq!(b.check(now), refused(5, "broken"), "the trial runs");
        b.failed(now, "broken");
    }
}

#[test]
fn a_healthy_trial_closes_and_the_pause_is_remembered_for_a_while() {
    let (mut b, start) = breaker();
    open(&mut b, start);
    let trial = start + seconds(5);
    assert_eq!(b.check(trial), Check::Trial);
    b.healthy(trial + seconds(29));
    assert_eq!(b.state(), BreakerState::HalfOpen);
    let closed = trial + seconds(30);
    b.healthy(closed);
    assert_eq!(b.check(closed), Check::Allow);
    assert!(b.reason().is_none());
    let mut soon = b.clone();
    open(&mut soon, closed + seconds(300));
    assert_eq!(soon.open_for(closed + seconds(300)), seconds(10));
    assert!(!b.is_idle(closed + seconds(300)));
    assert!(b.is_idle(closed + seconds(301)));
    open(&mut b, closed + seconds(301));
    assert_eq!(b.open_for(closed + seconds(301)), seconds(5));
}

#[test]
fn a_trial_without_a_verdict_does_not_block_for_ever() {
    let (mut b, start) = breaker();
    open(&mut b, start);
    let trial = start + seconds(5);
    assert_eq!(b.check(trial), Check::Trial);
    b.abandoned(trial + seconds(1));
    assert_eq!(b.check(trial + seconds(1)), Check::Trial);
    let lost = trial + seconds(121);
    assert_eq!(b.check(trial + seconds(119)), refused(2, "broken"));
    assert_eq!(b.check(lost), Check::Trial);
    b.failed(lost, "broken");
    assert_eq!(b.open_for(lost), seconds(10), "lost ones do not double it");
}

#[test]
fn a_trip_opens_at_once_and_late_news_change_nothing() {
    let (mut b, start) = breaker();
    b.trip(start, "memory");
    assert_eq!(b.check(start), refused(5, "memory"));
    b.failed(start + seconds(1), "late");
    b.healthy(start + seconds(1));
    b.abandoned(start + seconds(1));
    assert_eq!(b.check(start + seconds(1)), refused(4, "memory"));
    b.trip(start + seconds(2), "again");
    assert_eq!(b.check(start + seconds(2)), refused(10, "again"));
}

proptest! {
    #[test]
    fn it_never_wedges_and_never_lets_two_trials_through(
        steps in prop::collection::vec((0u8..5, 0u64..90), 1..150),
    ) {
        let (mut b, mut now) = breaker();
        let mut trial_since: Option<Instant> = None;
        for (what, pause) in steps {
            now += seconds(pause);
            match what {
                0 => match b.check(now) {
                    Check::Allow => prop_assert_eq!(b.state(), BreakerState::Closed),
                    Check::Trial => {
                        let lost = |since| now.duration_since(since) >= seconds(120);
                        prop_assert!(trial_since.is_none_or(lost));
                        trial_since = Some(now);
                    }
                    Check::Refuse { retry_after, .. } => {
                        prop_assert!(retry_after > Duration::ZERO);
                        prop_assert!(retry_after <= seconds(300));
                    }
                },
                1 => { b.failed(now, "x"); trial_since = None; }
                2 => b.healthy(now),
                3 => { b.abandoned(now); trial_since = None; }
                _ => { b.trip(now, "x"); trial_since = None; }
            }
            if b.state() != BreakerState::HalfOpen {
                trial_since = None;
            }
            // Whatever happened: who waits as long as told gets to try.
            let (mut later, mut then, mut asked) = (b.clone(), now, 0);
            while let Check::Refuse { retry_after, .. } = later.check(then) {
                then += retry_after;
                asked += 1;
                prop_assert!(asked < 100);
            }
            prop_assert!(then.duration_since(now) <= seconds(300));
        }
    }
}
