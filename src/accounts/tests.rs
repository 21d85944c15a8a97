mod model;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::*;
use crate::base::clock;
use crate::base::ids::ClientId;

const SETTLE: Duration = Duration::from_millis(100);

fn client(n: u8) -> ClientId {
    ClientId::of([192, 0, 2, n].into())
}

fn claim(class: Class, clients: &[u8], newest: Instant) -> Claim {
    Claim {
        class,
        clients: clients.iter().map(|&n| client(n)).collect::<BTreeSet<_>>(),
        newest,
    }
}

/// A ledger with a clock of its own, which each step moves by a millisecond.
struct Scene {
    ledger: Ledger,
    now: Instant,
}

impl Scene {
    fn new(limit: usize) -> Self {
        Self {
            ledger: Ledger::new(limit, SETTLE),
            now: clock::now(),
        }
    }

    fn pass(&mut self, time: Duration) -> Vec<Action> {
        self.now += time;
        self.ledger.settle(self.now)
    }

    fn ask(&mut self, class: Class, clients: &[u8]) -> (PlaceId, Vec<Action>) {
        self.now += Duration::from_millis(1);
        let asked = self.ledger.ask(claim(class, clients, self.now));
        let place = asked.expect("the queue has room");
        (place, self.ledger.settle(self.now))
    }

    fn view(&mut self, client: u8) -> (PlaceId, Vec<Action>) {
        self.ask(Class::Viewer, &[client])
    }

    fn idle(&mut self, place: PlaceId) -> Vec<Action> {
        self.ledger
            .set_claim(place, claim(Class::Idle, &[], self.now));
        self.pass(Duration::ZERO)
    }

    fn leave(&mut self, place: PlaceId) -> Vec<Action> {
        assert!(self.ledger.leave(place, self.now));
        assert!(!self.ledger.leave(place, self.now), "only once");
        self.pass(Duration::ZERO)
    }
}

#[test]
fn a_slot_that_is_given_back_is_granted_when_the_provider_has_seen_it() {
    let mut s = Scene::new(1);
    let (first, granted) = s.view(1);
    assert_eq!(granted, [Action::Grant(first)]);
    let (second, nothing) = s.view(2);
    assert_eq!(nothing, []);
    assert_eq!(s.ledger.position(second), Some(1));
    assert_eq!(s.leave(first), []);
    assert_eq!(
        s.ledger.figures().in_use,
        1,
        "the provider may still count it"
    );
    assert_eq!(s.ledger.wake_at(), Some(s.now + SETTLE));
    assert_eq!(s.pass(SETTLE), [Action::Grant(second)]);
    assert_eq!(s.ledger.wake_at(), None);
}

#[test]
fn what_lingers_makes_room_and_so_does_a_lower_class() {
    let mut s = Scene::new(3);
    let (check, _) = s.ask(Class::Validation, &[]);
    let (monitor, _) = s.ask(Class::Monitor, &[]);
    let (old, _) = s.view(1);
    s.idle(old);
    let recall = |place, reason| vec![Action::Recall(place, reason)];
    let (first, room) = s.view(2);
    assert_eq!(room, recall(old, Reason::Idle));
    assert_eq!(
        s.pass(SETTLE),
        [],
        "asked once, and not granted before it is back"
    );
    let (_, room) = s.view(3);
    assert_eq!(room, recall(check, Reason::Outranked));
    let (_, room) = s.view(4);
    assert_eq!(room, recall(monitor, Reason::Outranked));
    let (_, room) = s.view(5);
    assert_eq!(room, [], "nobody has a better right than a viewer");
    s.leave(old);
    assert_eq!(s.pass(SETTLE), [Action::Grant(first)]);
}

#[test]
fn a_monitor_takes_over_from_a_check_and_never_from_a_viewer() {
    let mut s = Scene::new(2);
    s.view(1);
    let (check, _) = s.ask(Class::Validation, &[]);
    let (_, room) = s.ask(Class::Monitor, &[]);
    assert_eq!(room, [Action::Recall(check, Reason::Outranked)]);
    let (_, room) = s.ask(Class::Monitor, &[]);
    assert_eq!(room, []);
}

#[test]
fn who_changes_the_channel_keeps_the_slot_though_others_wait() {
    let mut s = Scene::new(2);
    let (old, _) = s.view(1);
    s.view(2);
    let (_, nothing) = s.view(3);
    assert_eq!(nothing, []);
    let (new, room) = s.view(1);
    assert_eq!(room, [Action::Recall(old, Reason::ChangedChannel)]);
    // It goes on to yet another one before it has that.
    let (newest, room) = s.view(1);
    assert_eq!(room, [], "one slot is its own, not two");
    s.leave(old);
    assert_eq!(s.pass(SETTLE), [Action::Grant(newest)]);
    assert_eq!(s.idle(new), [Action::Dismiss(new)]);
}

#[test]
fn a_stream_that_others_watch_too_is_not_taken_away() {
    let mut s = Scene::new(1);
    let (shared, _) = s.ask(Class::Viewer, &[1, 2]);
    assert_eq!(s.view(1).1, []);
    s.ledger
        .set_claim(shared, claim(Class::Viewer, &[1], s.now));
    // Its newest viewer came after the wish: that one is not a change of channel.
    assert_eq!(s.pass(Duration::ZERO), []);
}

#[test]
fn clients_are_served_in_turn_each_with_its_newest_wish_first() {
    let mut s = Scene::new(1);
    let (holder, _) = s.view(9);
    let greedy: Vec<_> = (0..3).map(|_| s.view(1).0).collect();
    let (modest, _) = s.view(2);
    let order = [greedy[2], modest, greedy[1], greedy[0]];
    let places: Vec<_> = order.iter().map(|&p| s.ledger.position(p)).collect();
    assert_eq!(places, [Some(1), Some(2), Some(3), Some(4)]);
    s.leave(holder);
    assert_eq!(s.pass(SETTLE), [Action::Grant(greedy[2])]);
    let places: Vec<_> = order.iter().map(|&p| s.ledger.position(p)).collect();
    assert_eq!(places, [None, Some(1), Some(2), Some(3)]);
}

#[test]
fn monitors_are_first_come_first_served() {
    let mut s = Scene::new(0);
    let places: Vec<_> = (0..3).map(|_| s.ask(Class::Monitor, &[]).0).collect();
    let order: Vec<_> = places.iter().map(|&p| s.ledger.position(p)).collect();
    assert_eq!(order, [Some(1), Some(2), Some(3)]);
}

#[test]
fn a_lower_limit_recalls_the_least_important_and_then_the_newest() {
    let mut s = Scene::new(3);
    let (first, _) = s.view(1);
    let (second, _) = s.view(2);
    let (monitor, _) = s.ask(Class::Monitor, &[]);
    s.ledger.set_terms(1, SETTLE);
    let recalls = [monitor, second].map(|place| Action::Recall(place, Reason::LimitLowered));
    assert_eq!(s.pass(Duration::ZERO), recalls);
    s.leave(second);
    s.leave(monitor);
    assert_eq!(s.view(3).1, []);
    assert_eq!(
        s.pass(SETTLE),
        [],
        "one connection is left, and that is the limit"
    );
    s.leave(first);
    assert_eq!(s.pass(SETTLE).len(), 1);
}

#[test]
fn the_queue_of_a_class_is_bounded_and_leaves_room_for_the_others() {
    let mut s = Scene::new(0);
    let monitor = claim(Class::Monitor, &[], s.now);
    let asked = (0..1000).map_while(|_| s.ledger.ask(monitor.clone()).ok());
    assert_eq!(asked.count(), 128);
    let (viewer, _) = s.view(1);
    assert_eq!(s.ledger.position(viewer), Some(1));
}
