//! Random scripts: what holds whatever is seen.

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

const KINDS: [Kind; 9] = [
    Kind::Down,
    Kind::Stalled,
    Kind::Stale,
    Kind::Black,
    Kind::Frozen,
    Kind::Silent,
    Kind::Slow,
    Kind::CodecChanged,
    Kind::Blocked,
];

#[derive(Clone, Debug)]
pub(super) enum Act {
    See(Observation),
    Tick,
    Network(Network),
    Disable(Option<Kind>),
    Pause(bool),
}

fn see() -> impl Strategy<Value = Act> {
    let lasting = prop_oneof![6 => Just(0), 1 => 1u64..60];
    let flags = (prop::bool::weighted(0.6), prop::bool::weighted(0.15));
    (prop::sample::select(&KINDS), flags, lasting).prop_map(
        |(kind, (present, confirmed), lasting)| {
            let lasting = Duration::from_secs(lasting);
            Act::See(Observation {
                present,
                confirmed,
                ..Observation::present(kind, Evidence::new("so")).lasting(lasting)
            })
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    const NETWORKS: [Network; 4] = [
        Network::Fine,
        Network::Fine,
        Network::Doubtful,
        Network::Lost,
    ];
    prop_oneof![
        40 => see(),
        5 => Just(Act::Tick),
        2 => prop::sample::select(&NETWORKS).prop_map(Act::Network),
        1 => prop::option::of(prop::sample::select(&KINDS)).prop_map(Act::Disable),
        1 => any::<bool>().prop_map(Act::Pause),
    ]
}

/// Acts and the milliseconds before each.
pub(super) fn script() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let pause = prop_oneof![
        4 => Just(0u64),
        6 => prop::sample::select(&[1u64, 500, 1_000, 2_500, 4_999, 5_000, 10_000]),
        4 => 0u64..12_000,
        2 => prop::sample::select(&[30_000u64, 60_000, 300_000, 601_000, 1_801_000]),
    ];
    prop::collection::vec((pause, act()), 1..80)
}

pub(super) fn perform(stage: &mut Stage, act: &Act, millis: u64) {
    let now = stage.at(millis);
    let changes = &mut stage.changes;
    match act {
        Act::See(seen) => stage.machine.observe(seen.clone(), now, changes),
        Act::Tick => stage.machine.tick(now, changes),
        Act::Network(network) => stage.machine.set_network(*network, now, changes),
        Act::Disable(kind) => {
            let mut terms = Terms::usual();
            if let Some(kind) = kind {
                terms = terms.with(*kind, |rule| rule.enabled = false);
            }
            stage.machine.set_terms(Arc::new(terms), now, changes);
        }
        Act::Pause(true) => stage.machine.pause(now, changes),
        Act::Pause(false) => stage.machine.resume(now, changes),
    }
}

/// Checks what is told against what was told before.
fn audit(stage: &Stage) -> Result<(), TestCaseError> {
    let mut active: BTreeMap<Kind, Condition> = BTreeMap::new();
    let mut health = Health::Unknown;
    for change in &stage.changes {
        match change {
            Change::Raised(it) => {
                prop_assert!(active.insert(it.kind, it.clone()).is_none(), "raised twice");
                let lasted = it.raised_at.duration_since(it.since).unsigned_abs();
                prop_assert!(lasted >= it.kind.rule().hold, "too soon: {it:?}");
                prop_assert_eq!((it.cleared_at, it.ending), (None, None));
            }
            Change::Cleared(it) => {
                let Some(raised) = active.remove(&it.kind) else {
                    return Err(TestCaseError::fail("cleared what was not raised"));
                };
                prop_assert_eq!((it.since, it.raised_at), (raised.since, raised.raised_at));
                prop_assert!(it.cleared_at >= Some(it.raised_at) && it.ending.is_some());
            }
            Change::Health { from, to, .. } => {
                prop_assert!(*from == health && *to != health, "{from:?} {to:?}");
                health = *to;
            }
        }
    }
    let now: Vec<_> = stage.machine.active().map(|it| it.kind).collect();
    prop_assert_eq!(&now, &active.keys().copied().collect::<Vec<_>>());
    prop_assert_eq!(stage.machine.health(), health);
    for kind in &now {
        let beside = kind.explained_by().iter().find(|other| now.contains(other));
        prop_assert_eq!(beside, None, "beside {:?}", kind);
    }
    let allowed: &[Health] = if now.iter().any(|kind| kind.is_outage()) {
        &[Health::Down]
    } else if now.iter().any(|kind| kind.rule().severity > Severity::Info) {
        &[Health::Degraded, Health::Unknown]
    } else if now.is_empty() {
        &[Health::Up, Health::Unknown, Health::Paused]
    } else {
        &[Health::Up, Health::Unknown]
    };
    prop_assert!(allowed.contains(&health), "{health:?} with {now:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_told_makes_sense(script in script()) {
        let mut stage = Stage::new(Terms::usual());
        let mut millis = 0;
        for (pause, act) in &script {
            millis += pause;
            perform(&mut stage, act, millis);
            audit(&stage)?;
        }
    }

    /// However often it is ticked, the same is told, of the same times.
    #[test]
    fn ticks_change_nothing(script in script(), ticks in prop::collection::vec(0u64..60_000, 1..8)) {
        let [mut rare, mut often] = [(); 2].map(|()| Stage::new(Terms::usual()));
        often.start = rare.start;
        let mut millis = 0;
        let mut ticks = ticks.iter().cycle();
        for (pause, act) in &script {
            let then = millis + pause;
            loop {
                millis += 1 + ticks.next().unwrap();
                if millis >= then {
                    break;
                }
                often.tick(millis);
            }
            millis = then;
            perform(&mut often, act, millis);
            perform(&mut rare, act, millis);
        }
        rare.tick(millis + 3_600_000);
        let mut end = millis;
        while end < millis + 3_600_000 {
            end += 17_000;
            often.tick(end.min(millis + 3_600_000));
        }
        prop_assert_eq!(rare.changes, often.changes);
    }

    /// Ticked at its deadlines alone it tells everything in time, nothing happens before one, and each moves on.
    #[test]
    fn deadlines_are_exact(script in script()) {
        let [mut lazy, mut eager] = [(); 2].map(|()| Stage::new(Terms::usual()));
        lazy.start = eager.start;
        let mut millis = 0;
        for (pause, act) in &script {
            let then = millis + pause;
            let end = eager.at(then).mono;
            while let Some(due) = eager.machine.next_deadline().filter(|due| *due <= end) {
                let at = due.duration_since(eager.start.mono).as_millis() as u64;
                prop_assert!(at > millis, "due before the last call");
                millis = at;
                let told = eager.changes.len();
                eager.tick(millis - 1);
                prop_assert_eq!(eager.changes.len(), told, "told before it was due");
                prop_assert_eq!(eager.machine.next_deadline(), Some(due));
                eager.tick(millis);
                prop_assert!(eager.machine.next_deadline().is_none_or(|next| next > due));
            }
            millis = then;
            let told = eager.changes.len();
            eager.tick(millis);
            prop_assert_eq!(eager.changes.len(), told, "told without a deadline");
            perform(&mut eager, act, millis);
            perform(&mut lazy, act, millis);
        }
        prop_assert_eq!(eager.changes, lazy.changes);
    }

    /// An hour of anything makes no flood.
    #[test]
    fn a_stream_that_flaps_makes_no_flood(gaps in prop::collection::vec(1u64..30_000, 300), seed in any::<u64>()) {
        let mut stage = Stage::new(Terms::usual());
        let (mut millis, mut random) = (0, seed);
        for gap in gaps.iter().cycle() {
            millis += gap;
            if millis > 3_600_000 {
                break;
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let kind = [Kind::Black, Kind::Silent][(random >> 40) as usize % 2];
            let present = (random >> 50) % 3 != 0;
            let seen = Observation::present(kind, Evidence::default());
            stage.observe(Observation { present, confirmed: true, ..seen }, millis);
        }
        let raised = |kind| stage.changes.iter().filter(|it| matches!(it, Change::Raised(it) if it.kind == kind)).count();
        // 10, 20, 40, 80, 160, 300, 300, ... s to clear, 10 s to raise.
        prop_assert!(raised(Kind::Black) <= 16 && raised(Kind::Silent) <= 16, "{}", stage.changes.len());
    }
}
