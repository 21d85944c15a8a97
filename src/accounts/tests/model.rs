//! Random steps, checked against a second reckoning.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Ask {
        class: u8,
        who: u8,
    },
    /// A place leaves: a wish that is withdrawn, a pull that fails, or one that was recalled.
    Leave(usize),
    /// Those who were recalled end.
    Obey,
    /// Other viewers, another class, or none at all.
    Change {
        which: usize,
        class: u8,
        who: u8,
    },
    Limit(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (class, who) = (0u8..4, 0u8..4);
    prop_oneof![
        6 => (1u8..4, who.clone()).prop_map(|(class, who)| Step::Ask { class, who }),
        3 => any::<usize>().prop_map(Step::Leave),
        2 => Just(Step::Obey),
        3 => (any::<usize>(), class, who)
            .prop_map(|(which, class, who)| Step::Change { which, class, who }),
        1 => (0usize..5).prop_map(Step::Limit),
        3 => (0u64..150).prop_map(Step::Pass),
    ]
}

fn class_of(n: u8) -> Class {
    [
        Class::Idle,
        Class::Validation,
        Class::Monitor,
        Class::Viewer,
    ][usize::from(n)]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Queue,
    Slot,
    Recalled,
}

struct Model {
    ledger: Ledger,
    now: Instant,
    limit: usize,
    places: Vec<(PlaceId, Claim, At)>,
    /// When each slot that was given back is free.
    cooling: Vec<Instant>,
}

impl Model {
    fn claim(&self, class: u8, who: u8) -> Claim {
        let class = class_of(class);
        let clients: &[u8] = if class == Class::Viewer { &[who] } else { &[] };
        claim(class, clients, self.now)
    }

    fn count(&self, at: At) -> usize {
        self.places.iter().filter(|p| p.2 == at).count()
    }

    fn taken(&self) -> usize {
        self.count(At::Slot) + self.count(At::Recalled) + self.cooling.len()
    }

    fn take(&mut self, step: &Step) {
        self.now += Duration::from_millis(1);
        match *step {
            Step::Ask { class, who } => {
                let claim = self.claim(class, who);
                let place = self.ledger.ask(claim.clone()).expect("room");
                self.places.push((place, claim, At::Queue));
            }
            Step::Leave(which) if !self.places.is_empty() => {
                let at = which % self.places.len();
                self.leave(at);
            }
            Step::Obey => {
                while let Some(at) = self.places.iter().position(|p| p.2 == At::Recalled) {
                    self.leave(at);
                }
            }
            Step::Change { which, class, who } if !self.places.is_empty() => {
                let at = which % self.places.len();
                let claim = self.claim(class, who);
                self.places[at].1 = claim.clone();
                self.ledger.set_claim(self.places[at].0, claim);
            }
            Step::Limit(limit) => {
                self.limit = limit;
                self.ledger.set_terms(limit, SETTLE);
            }
            Step::Pass(ms) => self.now += Duration::from_millis(ms),
            _ => {}
        }
        self.cooling.retain(|&until| until > self.now);
    }

    fn leave(&mut self, at: usize) {
        let (place, _, state) = self.places.remove(at);
        assert!(self.ledger.leave(place, self.now));
        assert!(!self.ledger.leave(place, self.now));
        if state != At::Queue {
            self.cooling.push(self.now + SETTLE);
        }
    }

    /// Does what the ledger says, if it may say that.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        let mut granted = Vec::new();
        let actions = self.ledger.settle(self.now);
        for action in actions {
            let place = match action {
                Action::Grant(place) | Action::Recall(place, _) | Action::Dismiss(place) => place,
            };
            let at = self.places.iter().position(|p| p.0 == place);
            let at = at.expect("a place that is there");
            let (state, class) = (self.places[at].2, self.places[at].1.class);
            match action {
                Action::Grant(_) => {
                    prop_assert_eq!(state, At::Queue);
                    prop_assert!(class > Class::Idle);
                    prop_assert!(self.taken() < self.limit, "more than the limit");
                    self.places[at].2 = At::Slot;
                    granted.push(class);
                }
                Action::Dismiss(_) => {
                    prop_assert_eq!((state, class), (At::Queue, Class::Idle));
                    self.places.remove(at);
                }
                Action::Recall(_, reason) => {
                    prop_assert_eq!(state, At::Slot);
                    self.check_recall(at, reason)?;
                    self.places[at].2 = At::Recalled;
                }
            }
        }
        let waits = |p: &&(PlaceId, Claim, At)| p.2 == At::Queue;
        // Nobody waits while a slot is free.
        let waiting = self.count(At::Queue);
        prop_assert!(self.taken() >= self.limit || waiting == 0);
        // Nor while another only lingers on one that nobody was asked to give back for it.
        let coming = self.count(At::Recalled) + self.cooling.len();
        let lingers = self
            .places
            .iter()
            .any(|p| p.2 == At::Slot && p.1.class == Class::Idle);
        prop_assert!(!lingers || coming >= waiting || self.limit < self.taken());
        // Never more is asked back than those who wait need, or the limit does.
        let mut order: Vec<_> = self.places.iter().filter(waits).collect();
        order.sort_by_key(|p| self.ledger.position(p.0));
        prop_assert!(order.is_sorted_by_key(|p| std::cmp::Reverse(p.1.class)));
        let positions: Vec<_> = order.iter().map(|p| self.ledger.position(p.0)).collect();
        let numbers: Vec<_> = (1..=order.len()).map(Some).collect();
        prop_assert_eq!(positions, numbers);
        let figures = self.ledger.figures();
        prop_assert_eq!((figures.in_use, figures.waiting), (self.taken(), waiting));
        prop_assert_eq!(self.ledger.is_unused(), self.taken() + waiting == 0);
        prop_assert_eq!(self.ledger.wake_at(), self.cooling.iter().min().copied());
        Ok(())
    }

    fn check_recall(&self, at: usize, reason: Reason) -> Result<(), TestCaseError> {
        let held = &self.places[at].1;
        let waiting = || {
            self.places
                .iter()
                .filter(|p| p.2 == At::Queue)
                .map(|p| &p.1)
        };
        let right = match reason {
            Reason::Idle => held.class == Class::Idle && waiting().next().is_some(),
            Reason::Outranked => waiting().any(|claim| claim.class > held.class),
            Reason::ChangedChannel => waiting().any(|claim| {
                let same = !held.clients.is_empty() && held.clients.is_subset(&claim.clients);
                same && claim.newest > held.newest
            }),
            Reason::LimitLowered => self.count(At::Slot) > self.limit,
        };
        prop_assert!(right, "{:?} of {:?}", reason, held);
        Ok(())
    }
}

proptest! {
    #[test]
    fn never_above_the_limit_and_nobody_is_lost_or_waits_in_vain(
        limit in 0usize..4,
        steps in prop::collection::vec(step(), 1..100),
    ) {
        let mut model = Model {
            ledger: Ledger::new(limit, SETTLE),
            now: clock::now(),
            limit,
            places: Vec::new(),
            cooling: Vec::new(),
        };
        for step in &steps {
            model.take(step);
            model.settle()?;
        }
        // Without trouble everybody who still wants a slot has had one in the end.
        model.take(&Step::Limit(1));
        model.settle()?;
        for _ in 0..=steps.len() * 2 {
            let held = model.places.iter().position(|p| p.2 != At::Queue);
            if let Some(at) = held {
                model.leave(at);
            }
            model.take(&Step::Pass(150));
            model.settle()?;
        }
        prop_assert!(model.places.is_empty(), "{:?}", model.places);
        prop_assert!(model.ledger.is_unused());
    }

    /// Whoever changes the channel again and again, with every old connection ended late.
    #[test]
    fn one_client_that_zaps_never_takes_a_slot_from_another(
        limit in 1usize..3,
        zaps in prop::collection::vec((any::<bool>(), 0u64..150), 1..60),
    ) {
        let mut s = Scene::new(limit + 1);
        for other in 0..limit {
            s.view(100 + other as u8);
        }
        let mut places = vec![s.view(1).0];
        let mut granted = places.clone();
        for (obey, ms) in zaps {
            let (place, actions) = s.view(1);
            places.push(place);
            let mut actions = actions;
            if obey {
                for old in granted.drain(..) {
                    actions.extend(s.leave(old));
                }
            }
            actions.extend(s.pass(Duration::from_millis(ms)));
            for action in actions {
                match action {
                    Action::Grant(place) => granted.push(place),
                    Action::Recall(place, reason) => {
                        prop_assert!(places.contains(&place), "another's");
                        prop_assert_eq!(reason, Reason::ChangedChannel);
                    }
                    Action::Dismiss(_) => {}
                }
            }
            prop_assert!(granted.len() <= 1);
        }
        // When all of the old connections have ended, what it asked for last plays.
        for old in granted.drain(..) {
            if old != places[places.len() - 1] {
                s.leave(old);
            }
        }
        s.pass(SETTLE);
        prop_assert_eq!(s.ledger.position(places[places.len() - 1]), None);
    }
}
