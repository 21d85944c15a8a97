//! Tests of admission as a whole; the random ones are in [`model`].

use super::*;
use crate::base::clock;

mod model;

const MIB: u64 = 1 << 20;

fn client(n: u8) -> ClientId {
    ClientId::of(std::net::IpAddr::from([192, 0, 2, n]))
}

fn cost(mib: u64, cpu_cores: f32) -> Cost {
    Cost {
        memory_bytes: mib * MIB,
        cpu_cores,
    }
}

fn small() -> Cost {
    cost(1, 0.01)
}

fn host(process_mib: u64, cores: f32) -> Host {
    Host {
        process_bytes: process_mib * MIB,
        thresholds: Thresholds::capped(200 * MIB, 400 * MIB, None),
        cores,
        open_fds: 20,
        max_fds: 1024,
        ..Host::default()
    }
}

fn measured(mib: u64, cpu_cores: f32) -> Measured {
    Measured {
        memory_bytes: mib * MIB,
        cpu_cores,
        lag: Duration::ZERO,
        age: Duration::from_mins(1),
    }
}

fn ticket(decision: Decision) -> Ticket {
    match decision {
        Decision::Queued(ticket) => ticket,
        other => panic!("expected to be queued, got {other:?}"),
    }
}

fn granted(decision: Decision) -> LeaseId {
    match decision {
        Decision::Granted(lease) => lease,
        other => panic!("expected a lease, got {other:?}"),
    }
}

fn tickets(grants: &[Grant]) -> Vec<Ticket> {
    grants.iter().map(|g| g.ticket).collect()
}

#[test]
fn a_client_with_many_requests_does_not_starve_another() {
    let mut a = Admission::new(Limits::new(1, 10));
    let mut lease = granted(a.request(client(1), small()));
    let greedy: Vec<_> = (0..3)
        .map(|_| ticket(a.request(client(1), small())))
        .collect();
    let modest = ticket(a.request(client(2), small()));
    assert_eq!(a.position(modest), Some(2));
    assert_eq!(a.position(greedy[2]), Some(4));
    assert_eq!(a.hold(), Some(Hold::Slots));
    for next in [greedy[0], modest, greedy[1], greedy[2]] {
        assert!(a.release(lease));
        let grants = a.reconsider();
        assert_eq!(tickets(&grants), [next]);
        lease = grants[0].lease;
    }
    assert!(a.release(lease));
    assert!(!a.release(lease), "only once");
    assert!(a.reconsider().is_empty());
    assert_eq!((a.running(), a.hold()), (0, None));
}

#[test]
fn the_queue_is_bounded_and_zero_slots_refuse_at_once() {
    let mut a = Admission::new(Limits::new(1, 1));
    granted(a.request(client(1), small()));
    let waiting = ticket(a.request(client(1), small()));
    assert_eq!(a.request(client(2), small()), Decision::Full);
    assert!(a.cancel(waiting));
    assert!(!a.cancel(waiting));
    ticket(a.request(client(2), small()));
    let mut none = Admission::new(Limits::new(0, 9));
    assert_eq!(none.request(client(1), small()), Decision::Full);
}

#[test]
fn memory_holds_back_until_a_pipeline_turns_out_smaller_or_ends() {
    let mut a = Admission::new(Limits::new(9, 9));
    a.set_host(host(50, 8.0));
    let first = granted(a.request(client(1), cost(70, 0.1)));
    granted(a.request(client(1), cost(70, 0.1)));
    let third = ticket(a.request(client(1), cost(70, 0.1)));
    assert_eq!(a.hold(), Some(Hold::Memory));
    assert_eq!(a.projected_bytes(), 190 * MIB);
    // What is measured comes out of the process's figure: nothing is counted twice.
    a.measure(first, measured(10, 0.1), clock::now());
    a.set_host(host(60, 8.0));
    assert_eq!(a.projected_bytes(), 130 * MIB);
    assert_eq!(tickets(&a.reconsider()), [third], "exactly at the warning");
    let fourth = ticket(a.request(client(1), cost(71, 0.1)));
    assert!(a.reconsider().is_empty());
    assert!(a.release(first));
    assert!(a.reconsider().is_empty(), "261 MiB");
    a.set_host(host(40, 8.0));
    assert!(a.reconsider().is_empty(), "251 MiB");
    a.cancel(fourth);
    ticket(a.request(client(1), cost(21, 0.1)));
    a.set_host(host(39, 8.0));
    assert_eq!(a.reconsider().len(), 1);
}

#[test]
fn the_next_in_turn_is_not_overtaken_by_cheaper_work() {
    let mut a = Admission::new(Limits::new(9, 9));
    a.set_host(host(50, 8.0));
    let running = granted(a.request(client(1), cost(70, 0.1)));
    let dear = ticket(a.request(client(1), cost(100, 0.1)));
    let cheap = ticket(a.request(client(2), small()));
    assert!(a.reconsider().is_empty());
    a.release(running);
    assert_eq!(tickets(&a.reconsider()), [dear, cheap]);
    let dear = ticket(a.request(client(1), cost(100, 0.1)));
    let cheap = ticket(a.request(client(2), small()));
    assert!(a.reconsider().is_empty());
    a.cancel(dear);
    assert_eq!(tickets(&a.reconsider()), [cheap], "its way is free");
}

#[test]
fn cpu_holds_back_by_what_is_expected_and_then_by_what_is_measured() {
    let mut a = Admission::new(Limits::new(9, 9));
    a.set_host(host(50, 2.0));
    let first = granted(a.request(client(1), cost(1, 1.0)));
    granted(a.request(client(1), cost(1, 0.75)));
    ticket(a.request(client(1), cost(1, 0.1)));
    assert_eq!(a.hold(), Some(Hold::Cpu));
    for _ in 0..5 {
        a.measure(first, measured(1, 0.5), clock::now());
    }
    assert_eq!(a.reconsider().len(), 1);
}

#[test]
fn a_pipeline_behind_real_time_holds_others_back() {
    let mut a = Admission::new(Limits::new(9, 9));
    let start = clock::now();
    let late = Measured {
        lag: Duration::from_secs(3),
        ..measured(1, 0.1)
    };
    let first = granted(a.request(client(1), small()));
    a.measure(first, late, start);
    a.measure(first, late, start + LAG_HELD);
    let next = ticket(a.request(client(1), small()));
    assert_eq!(a.hold(), Some(Hold::Lag));
    a.measure(first, measured(1, 0.1), start + LAG_HELD * 2);
    assert_eq!(tickets(&a.reconsider()), [next]);
}

#[test]
fn the_first_pipeline_runs_unless_memory_is_critical() {
    let mut a = Admission::new(Limits::new(9, 9));
    a.set_host(host(390, 0.1));
    let lease = granted(a.request(client(1), cost(1000, 9.0)));
    let second = ticket(a.request(client(1), small()));
    assert_eq!(a.hold(), Some(Hold::Memory));
    a.release(lease);
    a.set_host(host(401, 0.1));
    assert!(a.reconsider().is_empty());
    assert_eq!(a.hold(), Some(Hold::Memory));
    a.set_host(host(400, 0.1));
    assert_eq!(tickets(&a.reconsider()), [second]);
}

#[test]
fn too_few_descriptors_refuse_at_once_and_hold_back_who_waits() {
    let mut a = Admission::new(Limits::new(2, 9));
    let with = |open_fds| Host {
        open_fds,
        ..host(1, 8.0)
    };
    // 1024 less 64 kept back: exactly two more pipelines of 16.
    a.set_host(with(928));
    let first = granted(a.request(client(1), small()));
    granted(a.request(client(1), small()));
    assert_eq!(
        a.request(client(1), small()),
        Decision::OutOfDescriptors,
        "the new ones have still to open theirs"
    );
    a.set_host(with(900));
    let waiting = ticket(a.request(client(1), small()));
    a.set_host(with(945));
    a.release(first);
    assert!(a.reconsider().is_empty());
    assert_eq!(a.hold(), Some(Hold::Descriptors));
    a.set_host(with(944));
    assert_eq!(tickets(&a.reconsider()), [waiting]);
    // An unknown limit is no limit.
    a.set_host(Host {
        max_fds: 0,
        ..with(9999)
    });
    ticket(a.request(client(1), small()));
}
