use super::*;
use crate::alerts::testing::{began, item, notification};
use crate::conditions::Kind;
use crate::notify::Stage;
use proptest::prelude::*;

fn retry() -> Retry {
    Retry {
        min: Duration::from_secs(10),
        max: Duration::from_mins(5),
        give_up: Duration::from_hours(24),
    }
}

fn row(n: u128, receiver: &str) -> Row {
    let told = notification(vec![item("news", "News", Kind::Down)]);
    Row {
        id: NotificationId(ulid::Ulid::from(n)),
        receiver: ReceiverId(receiver.to_owned()),
        at: began(),
        since: began(),
        title: told.items[0].name.clone(),
        items: 1,
        state: State::Pending,
        attempts: 0,
        not_before: began(),
        last_error: None,
        accepted: Vec::new(),
        bytes: 1,
    }
}

fn ids(plan: &Plan) -> Vec<u128> {
    plan.start.iter().map(|id| u128::from(id.0)).collect()
}

fn after(seconds: i64) -> Timestamp {
    began() + jiff::SignedDuration::from_secs(seconds)
}

fn failure(verdict: Verdict) -> Failure {
    Failure::new(Stage::Data, verdict, "no")
}

#[test]
fn a_lane_goes_one_by_one_and_waits_for_nobody_elses() {
    let rows = [row(1, "a"), row(2, "a"), row(3, "b"), row(4, "c")];
    let mut lanes = Lanes::new(retry(), 2);
    assert_eq!(ids(&lanes.plan(&rows, after(0))), [1, 3]);
    assert_eq!(ids(&lanes.plan(&rows, after(0))), [0_u128; 0]);
    lanes.release(&rows[2].receiver);
    assert_eq!(ids(&lanes.plan(&rows[..2], after(0))), [0_u128; 0]);
    assert_eq!(ids(&lanes.plan(&rows[3..], after(0))), [4]);
    lanes.release(&rows[0].receiver);
    assert_eq!(ids(&lanes.plan(&rows[1..3], after(0))), [2]);
}

#[test]
fn what_is_not_taken_holds_its_lane_for_a_while_and_what_cannot_be_reached_holds_all() {
    let mut rows = [row(1, "a"), row(2, "a")];
    let mut lanes = Lanes::new(retry(), 8);
    for attempt in 1..=5 {
        let now = rows[0].not_before;
        assert_eq!(ids(&lanes.plan(&rows, now)), [1]);
        let again = lanes
            .failed(&rows[0], &failure(Verdict::NotNow), now)
            .unwrap();
        assert_eq!(
            ids(&lanes.plan(&rows, now)),
            [0_u128; 0],
            "not before it is released"
        );
        lanes.release(&rows[0].receiver);
        (rows[0].attempts, rows[0].not_before) = (attempt, again);
        let plan = lanes.plan(&rows, now);
        if attempt < 5 {
            assert_eq!(
                plan,
                Plan {
                    start: vec![],
                    next: Some(again)
                }
            );
        } else {
            assert_eq!(
                (ids(&plan), plan.next),
                (vec![2], Some(again)),
                "it is passed"
            );
        }
    }
    lanes.release(&rows[1].receiver);
    // One that some recipients have is passed at once.
    (rows[0].attempts, rows[0].not_before) = (1, after(60));
    assert_eq!(ids(&lanes.plan(&rows, after(0))), [0_u128; 0]);
    rows[0].accepted = vec![crate::alerts::MailAddress::parse("a@example.org").unwrap()];
    assert_eq!(ids(&lanes.plan(&rows, after(0))), [2]);

    let now = after(0);
    let again = lanes
        .failed(&rows[1], &failure(Verdict::Unreachable), now)
        .unwrap();
    lanes.release(&rows[1].receiver);
    let other = [row(2, "a"), row(3, "a")];
    let plan = lanes.plan(&other[1..], now);
    assert_eq!((ids(&plan), plan.next), (vec![], Some(again)));
    lanes.free(&other[0].receiver);
    assert_eq!(ids(&lanes.plan(&other[1..], now)), [3]);
}

#[test]
fn it_is_given_up_when_it_is_refused_or_old() {
    let mut lanes = Lanes::new(retry(), 8);
    let row = row(1, "a");
    assert_eq!(lanes.failed(&row, &failure(Verdict::Never), after(1)), None);
    let unreachable = failure(Verdict::Unreachable);
    assert!(lanes.failed(&row, &unreachable, after(86_400)).is_some());
    assert_eq!(lanes.failed(&row, &unreachable, after(86_401)), None);
    let mut asked = failure(Verdict::NotNow);
    asked.retry_after = Some(Duration::from_secs(77));
    assert_eq!(lanes.failed(&row, &asked, after(1)), Some(after(78)));
}

#[test]
fn a_clock_that_was_set_back_keeps_nothing_waiting() {
    let mut late = row(1, "a");
    late.not_before = after(1_000_000);
    assert_eq!(ids(&Lanes::new(retry(), 8).plan(&[late], after(0))), [1]);
}

proptest! {
    /// Whatever fails, each notification is tried until it is taken or refused, in one lane at a time, and the
    /// attempts of one are farther and farther apart.
    #[test]
    fn everything_is_delivered_in_the_end(
        lanes_of in prop::collection::vec(0_u8..3, 1..12),
        outcomes in prop::collection::vec(0_u8..4, 0..60),
    ) {
        let mut rows: Vec<_> = lanes_of
            .iter()
            .enumerate()
            .map(|(n, lane)| row(n as u128 + 1, &lane.to_string()))
            .collect();
        let total = rows.len();
        let mut lanes = Lanes::new(retry(), 2);
        let (mut now, mut outcomes, mut ended) = (after(0), outcomes.into_iter(), 0);
        let mut running: Vec<NotificationId> = Vec::new();
        for _ in 0..2_000 {
            if ended == total {
                break;
            }
            let plan = lanes.plan(&rows, now);
            running.extend(&plan.start);
            let lane = |id: &NotificationId| &rows.iter().find(|it| it.id == *id).unwrap().receiver;
            let busy: BTreeSet<_> = running.iter().map(lane).collect();
            prop_assert!(busy.len() == running.len() && running.len() <= 2);
            let Some(id) = running.pop() else {
                let next = plan.next.unwrap();
                prop_assert!(next > now);
                now = next;
                continue;
            };
            let at = rows.iter().position(|it| it.id == id).unwrap();
            prop_assert!(rows[at].not_before <= now);
            let verdict = match outcomes.next() {
                Some(1) => Verdict::Unreachable,
                Some(2) => Verdict::NotNow,
                Some(3) => Verdict::Never,
                _ => {
                    lanes.free(&rows[at].receiver);
                    lanes.release(&rows[at].receiver);
                    rows.remove(at);
                    ended += 1;
                    continue;
                }
            };
            let again = lanes.failed(&rows[at], &failure(verdict), now);
            lanes.release(&rows[at].receiver);
            if let Some(again) = again {
                (rows[at].attempts, rows[at].not_before) = (rows[at].attempts + 1, again);
            } else {
                prop_assert_eq!(verdict, Verdict::Never);
                rows.remove(at);
                ended += 1;
            }
        }
        prop_assert_eq!(ended, total);
    }
}
