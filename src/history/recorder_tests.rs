use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::base::clock;

/// Two clocks, of which one can be set.
#[derive(Clone, Copy)]
struct Clocks(Now);

impl Clocks {
    fn at(wall: &str) -> Self {
        Self(Now {
            mono: clock::now(),
            wall: wall.parse().expect("a time"),
        })
    }

    fn pass(&mut self, ms: u64) -> Now {
        self.0.mono += Duration::from_millis(ms);
        self.set(ms.cast_signed())
    }

    fn set(&mut self, ms: i64) -> Now {
        self.0.wall += SignedDuration::from_millis(ms);
        self.0
    }
}

fn minute(health: Health, ms: u64) -> Minute {
    Minute {
        spans: Spans::whole(health, ms),
        ..Minute::default()
    }
}

#[test]
fn minutes_are_those_of_the_clock_on_the_wall() {
    let mut clocks = Clocks::at("2026-11-22T10:00:50Z");
    let first = MinuteAt::of(clocks.0.wall);
    let mut recorder = Recorder::new(Health::Up, clocks.0);
    let mut done = Vec::new();
    let seen = Seen {
        bytes: 1_500,
        bitrate: Some(2_000_000),
        continuity_errors: 3,
        errors: 1,
        looks: 1,
    };
    recorder.count(&seen, clocks.pass(5_000), &mut done);
    recorder.set_health(Health::Down, clocks.pass(2_000), &mut done);
    assert!(done.is_empty());
    let more = Seen {
        bitrate: Some(1_000_000),
        ..seen
    };
    recorder.count(&more, clocks.pass(123_500), &mut done);
    recorder.flush(clocks.0, &mut done);
    let mut partial = minute(Health::Up, 7_000);
    partial.spans.down = 3_000;
    let partial = Minute {
        outages: 1,
        kilobytes: 1,
        bitrate_kbps: 2_000,
        continuity_errors: 3,
        errors: 1,
        looks: 1,
        ..partial
    };
    let last = Minute {
        // Together with the half unit of the first minute.
        kilobytes: 2,
        bitrate_kbps: 1_000,
        continuity_errors: 3,
        errors: 1,
        looks: 1,
        ..minute(Health::Down, 500)
    };
    let full = minute(Health::Down, 60_000);
    let wanted = [partial, full, full, last];
    let wanted: Vec<_> = (first.0..).map(MinuteAt).zip(wanted).collect();
    assert_eq!(done, wanted);
}

#[test]
fn a_clock_that_is_set_makes_and_takes_no_time() {
    let mut clocks = Clocks::at("2026-11-22T10:00:00Z");
    let first = MinuteAt::of(clocks.0.wall).0;
    let mut recorder = Recorder::new(Health::Up, clocks.0);
    let mut done = Vec::new();
    recorder.advance(clocks.pass(30_000), &mut done);
    // An hour forward: the time in between was not seen.
    recorder.advance(clocks.set(3_600_000), &mut done);
    recorder.advance(clocks.pass(30_000), &mut done);
    // And back again: the rest of the first minute.
    recorder.advance(clocks.set(-3_600_000 - 10_000), &mut done);
    recorder.flush(clocks.pass(10_000), &mut done);
    let half = minute(Health::Up, 30_000);
    let rest = minute(Health::Up, 10_000);
    let at = |n: u32| MinuteAt(first + n);
    assert_eq!(done, [(at(0), half), (at(60), half), (at(0), rest)]);
}

#[test]
fn who_was_not_heard_of_did_not_watch() {
    let mut clocks = Clocks::at("2026-11-22T10:00:00Z");
    let mut recorder = Recorder::new(Health::Up, clocks.0);
    let mut done = Vec::new();
    recorder.advance(clocks.pass(20 * 60_000), &mut done);
    assert_eq!(done.len(), 20);
    assert!(
        done.iter()
            .all(|(_, m)| *m == minute(Health::Unknown, 60_000))
    );
    // A year is not written minute by minute.
    done.clear();
    recorder.advance(clocks.pass(365 * 86_400_000), &mut done);
    recorder.flush(clocks.pass(1_000), &mut done);
    assert_eq!(
        done,
        [(MinuteAt::of(clocks.0.wall), minute(Health::Up, 1_000))]
    );
}

#[test]
fn a_restored_outage_is_not_counted_again() {
    let mut clocks = Clocks::at("2026-11-22T10:00:00Z");
    let mut recorder = Recorder::new(Health::Down, clocks.0);
    let mut done = Vec::new();
    recorder.set_health(Health::Unknown, clocks.pass(1_000), &mut done);
    recorder.set_health(Health::Down, clocks.pass(1_000), &mut done);
    recorder.set_health(Health::Up, clocks.pass(1_000), &mut done);
    recorder.set_health(Health::Down, clocks.pass(1_000), &mut done);
    recorder.flush(clocks.pass(1_000), &mut done);
    let outages: u32 = done.iter().map(|(_, m)| m.outages).sum();
    assert_eq!(outages, 1);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Slew(u64, i64),
    Set(i64),
    Health(usize),
    Flush,
}

fn any_step(most_back: i64) -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..200_000_u64).prop_map(Step::Pass),
        2 => (0..30_000_u64, -15..=15_i64).prop_map(|(ms, off)| Step::Slew(ms, off)),
        1 => (-most_back..10_000_000_i64).prop_map(Step::Set),
        3 => (0..5_usize).prop_map(Step::Health),
        1 => Just(Step::Flush),
    ]
}

/// Plays the steps; the minutes as the store would merge them, and the time that passed.
fn play(steps: &[Step]) -> (BTreeMap<MinuteAt, Minute>, Vec<(MinuteAt, Minute)>, Spans) {
    let mut clocks = Clocks::at("2026-11-22T10:00:13Z");
    let mut recorder = Recorder::new(Health::Unknown, clocks.0);
    let mut done = Vec::new();
    let mut lived = Spans::default();
    for step in steps {
        let passed = match *step {
            Step::Pass(ms) => {
                clocks.pass(ms);
                ms
            }
            Step::Slew(ms, off) => {
                clocks.pass(ms);
                clocks.set(off);
                ms
            }
            Step::Set(ms) => {
                clocks.set(ms);
                0
            }
            Step::Health(_) | Step::Flush => 0,
        };
        *lived.of_mut(recorder.health()) += passed;
        match *step {
            Step::Health(n) => recorder.set_health(Spans::STATES[n], clocks.0, &mut done),
            Step::Flush => recorder.flush(clocks.0, &mut done),
            _ => recorder.advance(clocks.0, &mut done),
        }
    }
    recorder.flush(clocks.0, &mut done);
    let mut stored: BTreeMap<MinuteAt, Minute> = BTreeMap::new();
    for (at, minute) in &done {
        stored.entry(*at).or_default().merge(minute);
    }
    (stored, done, lived)
}

proptest! {
    /// Whatever the order of changes and however far the clock is set forward: all time is in
    /// minutes, in its state, and none twice.
    #[test]
    fn minutes_are_the_time_that_passed(steps in prop::collection::vec(any_step(0), 0..60)) {
        let (stored, _, lived) = play(&steps);
        let mut sum = Spans::default();
        for minute in stored.values() {
            sum.add(&minute.spans);
        }
        // A slewed clock may be behind by less than a second each time it counts as set.
        let slewed = steps.iter().filter(|s| matches!(s, Step::Slew(..))).count() as u64 * 15;
        for state in Spans::STATES {
            let (got, wanted) = (sum.of(state), lived.of(state));
            prop_assert!(got <= wanted && wanted - got <= slewed + 1_000, "{state:?}: {got} of {wanted}");
        }
    }

    /// Set back, the clock shows minutes again; each stays a minute all the same.
    #[test]
    fn no_minute_is_longer_than_one(steps in prop::collection::vec(any_step(10_000_000), 0..60)) {
        let (stored, done, lived) = play(&steps);
        for minute in stored.values().chain(done.iter().map(|(_, minute)| minute)) {
            prop_assert!(minute.spans.total() <= 60_000);
        }
        let sum: u64 = stored.values().map(|minute| minute.spans.total()).sum();
        prop_assert!(sum <= lived.total());
        for state in Spans::STATES {
            let any = stored.values().any(|minute| minute.spans.of(state) > 0);
            prop_assert!(!any || lived.of(state) > 0);
        }
    }
}

#[test]
fn a_recorder_is_small() {
    assert!(size_of::<Recorder>() <= 200, "{}", size_of::<Recorder>());
}
