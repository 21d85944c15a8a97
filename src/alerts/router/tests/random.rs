//! Whatever happens in whatever order, and wherever the server crashes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::super::super::testing_router::{at, condition, facts, id, setup};
use super::super::super::{Acknowledgement, AlertKey, ItemKind, Notification, NotificationId};
use super::super::*;
use crate::conditions::Kind;

const STREAMS: [&str; 5] = ["x-1", "x-2", "x-3", "y-1", "y-2"];
const KINDS: [Kind; 2] = [Kind::Down, Kind::Continuity];
/// As in [`Settings::default`].
const LIMIT: f64 = 300.0;

#[derive(Clone, Debug)]
enum Step {
    Toggle(usize, usize),
    Wait(f64),
    Advance,
    Acknowledge(usize, Option<f64>),
    /// The server dies before what it did last was on disk, or after.
    Crash,
    Gone(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..STREAMS.len(), 0..KINDS.len()).prop_map(|(stream, kind)| Step::Toggle(stream, kind)),
        6 => prop_oneof![0.0..4.0_f64, 4.0..60.0, 60.0..700.0].prop_map(Step::Wait),
        6 => Just(Step::Advance),
        1 => (0..STREAMS.len(), proptest::option::of(1.0..900.0_f64)).prop_map(|(s, u)| Step::Acknowledge(s, u)),
        2 => Just(Step::Crash),
        1 => (0..STREAMS.len()).prop_map(Step::Gone),
    ];
    proptest::collection::vec(step, 1..80)
}

/// What is on disk, and what is in memory.
struct World {
    setup: Setup,
    now: f64,
    /// What happened: stream, kind, whether raised, when.
    journal: Vec<(usize, usize, bool, f64)>,
    truth: BTreeMap<(usize, usize), bool>,
    /// Committed together: how far the journal was read, the rows, the notifications.
    read: usize,
    rows: BTreeMap<String, Vec<u8>>,
    outbox: Vec<Notification>,
    router: Router,
    ids: u128,
}

impl World {
    fn new() -> Self {
        let rules = [
            json!({"name": "all", "receivers": ["desk"]}),
            json!({"name": "grave", "receivers": ["lead"], "match": {"severities": ["critical"]},
                "escalate": [{"after_ms": 400_000, "receivers": ["boss"]}]}),
            json!({"name": "noon", "receivers": ["noon"], "hours": {"zone": "UTC", "weekly": [{"from": "10:10", "to": "10:20"}]}}),
        ];
        let window = json!({"name": "works", "from": at(500.0), "to": at(1_500.0), "match": {"accounts": ["y"]}});
        Self {
            setup: setup(&rules, &[window]),
            now: 0.0,
            journal: Vec::new(),
            truth: BTreeMap::new(),
            read: 0,
            rows: BTreeMap::new(),
            outbox: Vec::new(),
            router: Router::default(),
            ids: 0,
        }
    }

    fn toggle(&mut self, stream: usize, kind: usize) {
        let raised = self.truth.entry((stream, kind)).or_default();
        *raised = !*raised;
        self.journal.push((stream, kind, *raised, self.now));
    }

    /// What the engine does: reads on in the journal, advances, and commits all of it at once, unless it dies before.
    fn advance(&mut self, dies: bool) -> Option<Timestamp> {
        for (stream, kind, raised, when) in &self.journal[self.read..] {
            let stream = STREAMS[*stream];
            let mut condition = condition(KINDS[*kind], at(*when));
            if *raised {
                self.router.raised(&id(stream), condition, facts(stream));
            } else {
                condition.cleared_at = Some(at(*when));
                self.router.cleared(&id(stream), condition, at(*when));
            }
        }
        let ids = &mut self.ids;
        let mut next_id = || {
            *ids += 1;
            NotificationId(ulid::Ulid::from_parts(0, *ids))
        };
        let outcome = self.router.advance(&self.setup, at(self.now), &mut next_id);
        if dies {
            self.start();
            return None;
        }
        self.read = self.journal.len();
        self.outbox.extend(outcome.notifications);
        for (key, value) in outcome.rows {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        outcome.deadline
    }

    /// The server starts with what is on disk.
    fn start(&mut self) {
        self.router = Router::default();
        for (key, value) in &self.rows {
            assert!(self.router.restore(key, value), "{key}");
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Toggle(stream, kind) => self.toggle(*stream, *kind),
            Step::Wait(seconds) => self.now += seconds,
            Step::Advance => {
                self.advance(false);
            }
            Step::Acknowledge(stream, until) => {
                let key = AlertKey {
                    stream: id(STREAMS[*stream]),
                    kind: Kind::Down,
                };
                let ack = Acknowledgement {
                    by: "Ann".to_owned(),
                    comment: None,
                    at: at(self.now),
                    until: until.map(|seconds| at(self.now + seconds)),
                };
                self.router.acknowledge(&key, Some(ack));
            }
            Step::Crash => {
                self.advance(true);
            }
            Step::Gone(stream) => {
                for kind in 0..KINDS.len() {
                    self.truth.insert((*stream, kind), false);
                }
                // Events that were not read yet are of a stream that is gone.
                let read = self.read;
                let mut tail = self.journal.split_off(read);
                tail.retain(|(of, ..)| of != stream);
                self.journal.extend(tail);
                let gone = id(STREAMS[*stream]);
                let known = |id: &StreamId| {
                    let facts = facts(id.as_str());
                    if *id == gone {
                        Err(Ending::Paused)
                    } else {
                        Ok(facts)
                    }
                };
                self.router.refresh(known, at(self.now));
                self.advance(false);
            }
        }
    }

    /// Nothing more happens for days.
    fn settle(&mut self) {
        let mut turns = 0;
        let end = self.now + 3.0 * 86_400.0;
        while self.now < end {
            let deadline = self.advance(false);
            let next = deadline.map_or(end, |at_| at_.duration_since(at(0.0)).as_secs_f64());
            assert!(next > self.now, "a deadline lies ahead");
            self.now = next.min(end);
            turns += 1;
            assert!(turns < 100, "it comes to rest");
        }
        self.advance(false);
    }
}

/// What a receiver was told of one thing, in order.
fn by_line(
    outbox: &[Notification],
) -> BTreeMap<(String, String, Kind), Vec<(Timestamp, ItemKind)>> {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in outbox {
        for item in &one.items {
            let key = (
                one.receiver.to_string(),
                item.stream.to_string(),
                item.condition.kind,
            );
            lines.entry(key).or_default().push((one.at, item.kind));
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn receivers_know_what_is_true_and_are_told_it_once(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.settle();
        let mut knows: BTreeMap<(String, String, Kind), bool> = BTreeMap::new();
        for (key, told) in by_line(&world.outbox) {
            let mut raised = false;
            for pair in told.windows(2) {
                let apart = pair[1].0.duration_since(pair[0].0).as_secs_f64();
                prop_assert!(apart >= LIMIT, "{key:?}: {told:?}");
            }
            for (_, kind) in &told {
                match kind {
                    ItemKind::Raised => prop_assert!(!raised, "raised twice, {key:?}: {told:?}"),
                    ItemKind::Cleared => prop_assert!(raised, "cleared and never told, {key:?}: {told:?}"),
                    _ => {}
                }
                raised = kind.is_raised();
            }
            knows.insert(key, raised);
        }
        for (stream, name) in STREAMS.iter().enumerate() {
            for (index, kind) in KINDS.iter().enumerate() {
                let raised = world.truth.get(&(stream, index)).copied().unwrap_or_default();
                for receiver in ["desk", "noon", "lead", "boss"] {
                    let key = (receiver.to_owned(), (*name).to_owned(), *kind);
                    let knows = knows.get(&key).copied().unwrap_or_default();
                    let grave = *kind == Kind::Down || matches!(receiver, "desk" | "noon");
                    let acknowledged = world.router.get(&AlertKey { stream: id(name), kind: *kind })
                        .is_some_and(|alert| alert.acknowledged().is_some());
                    if receiver == "boss" && acknowledged {
                        continue;
                    }
                    prop_assert_eq!(knows, raised && grave, "{} of {} {:?}", receiver, name, kind);
                }
            }
        }
        // Nothing is left of what is over, in memory and on disk.
        let raised = world.truth.values().filter(|raised| **raised).count();
        prop_assert_eq!(world.router.alerts().count(), raised);
        let rows = world.rows.keys().filter(|key| key.starts_with("alert/")).count();
        prop_assert_eq!(rows, raised);
        let mut again = Router::default();
        for (key, value) in &world.rows {
            prop_assert!(again.restore(key, value));
        }
        prop_assert!(again.alerts().eq(world.router.alerts()), "what is on disk is what is in memory");
    }

    /// Where nothing is silenced, each time that something was raised was told, or counted in what was told, or will be in the next.
    #[test]
    fn nothing_is_lost_uncounted(steps in steps()) {
        let mut world = World::new();
        world.setup = setup(&[json!({"name": "all", "receivers": ["desk"]})], &[]);
        for step in &steps {
            if !matches!(step, Step::Gone(_)) {
                world.run(step);
                // Two changes between two looks of the engine are one.
                world.advance(false);
            }
        }
        world.settle();
        let raised = world.journal.iter().filter(|(_, _, raised, _)| *raised).count() as u64;
        let items = world.outbox.iter().flat_map(|one| &one.items);
        let told = items.filter(|item| item.kind == ItemKind::Raised).count() as u64;
        let counted: u64 = world.outbox.iter().map(|one| one.held_back).sum();
        let carried: u64 = world.router.carried.values().sum();
        let lines = world.router.alerts().flat_map(|(_, alert)| alert.marks.lines.values());
        let carried = carried + lines.map(|line| u64::from(line.unsaid)).sum::<u64>();
        prop_assert_eq!(told + counted + carried, raised);
        let of_lines: u64 = world.outbox.iter().flat_map(|one| &one.items).map(|item| u64::from(item.held_back)).sum();
        prop_assert!(of_lines <= counted);
    }
}
