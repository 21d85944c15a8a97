//! Random steps, checked against a second reckoning of what may run.

use std::collections::BTreeSet;

use super::*;
use proptest::prelude::*;

const QUEUE: usize = 16;

#[derive(Debug, Clone)]
enum Step {
    Request { who: u8, mib: u64 },
    Release(usize),
    Cancel(usize),
    Measure { which: usize, mib: u64, age: u64 },
    Restart { which: usize, mib: u64 },
    Host { process_mib: u64, open_fds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (which, mib) = (any::<usize>(), 0u64..150);
    prop_oneof![
        4 => (0u8..4, mib.clone()).prop_map(|(who, mib)| Step::Request { who, mib }),
        2 => which.prop_map(Step::Release),
        1 => which.prop_map(Step::Cancel),
        2 => (which, mib.clone(), 5u64..15)
            .prop_map(|(which, mib, age)| Step::Measure { which, mib, age }),
        1 => (which, mib).prop_map(|(which, mib)| Step::Restart { which, mib }),
        1 => (0u64..500, 900u64..960)
            .prop_map(|(process_mib, open_fds)| Step::Host { process_mib, open_fds }),
    ]
}

/// What the test knows of a lease.
#[derive(Debug)]
struct Known {
    lease: LeaseId,
    expected: u64,
    /// Bytes, and whether it was young then.
    measured: Option<(u64, bool)>,
    fresh: bool,
}

impl Known {
    fn new(lease: LeaseId, expected: u64) -> Self {
        Self {
            lease,
            expected,
            measured: None,
            fresh: true,
        }
    }

    fn charge(&self) -> u64 {
        match self.measured {
            None => self.expected,
            Some((bytes, true)) => bytes.max(self.expected),
            Some((bytes, false)) => bytes,
        }
    }
}

#[derive(Debug)]
struct Model {
    slots: usize,
    running: Vec<Known>,
    waiting: Vec<(Ticket, u8, u64)>,
    other: u64,
    host: Host,
}

impl Model {
    fn charges(&self) -> u64 {
        self.running.iter().map(Known::charge).sum()
    }

    fn descriptors_suffice(&self) -> bool {
        let new = self.running.iter().filter(|k| k.fresh).count() as u64 + 1;
        self.host.max_fds == 0 || self.host.open_fds + 64 + 16 * new <= self.host.max_fds
    }

    fn may_run(&self, bytes: u64) -> bool {
        let memory = if self.running.is_empty() {
            self.other <= self.host.thresholds.critical_bytes
        } else {
            self.other + self.charges() + bytes <= self.host.thresholds.warning_bytes
        };
        self.running.len() < self.slots && self.descriptors_suffice() && memory
    }

    fn take(&mut self, a: &mut Admission, step: &Step) -> Result<(), TestCaseError> {
        let count = self.running.len();
        match *step {
            Step::Request { who, mib } => {
                let bytes = mib * MIB;
                let free = self.waiting.is_empty() && self.may_run(bytes);
                match a.request(client(who), cost(mib, 0.0)) {
                    Decision::Granted(lease) => {
                        prop_assert!(free);
                        self.running.push(Known::new(lease, bytes));
                    }
                    Decision::Queued(ticket) => {
                        prop_assert!(!free);
                        self.waiting.push((ticket, who, bytes));
                    }
                    Decision::Full => prop_assert_eq!(self.waiting.len(), QUEUE),
                    Decision::OutOfDescriptors => prop_assert!(!self.descriptors_suffice()),
                }
            }
            Step::Release(which) if count > 0 => {
                let gone = self.running.remove(which % count);
                prop_assert!(a.release(gone.lease));
                prop_assert!(!a.release(gone.lease));
            }
            Step::Cancel(which) if !self.waiting.is_empty() => {
                let (ticket, ..) = self.waiting.remove(which % self.waiting.len());
                prop_assert!(a.cancel(ticket));
            }
            Step::Measure { which, mib, age } if count > 0 => {
                let known = &mut self.running[which % count];
                known.measured = Some((mib * MIB, age < 10));
                let told = Measured {
                    age: Duration::from_secs(age),
                    ..measured(mib, 0.0)
                };
                prop_assert!(a.measure(known.lease, told, clock::now()));
            }
            Step::Restart { which, mib } if count > 0 => {
                let known = &mut self.running[which % count];
                *known = Known::new(known.lease, mib * MIB);
                prop_assert!(a.restart(known.lease, cost(mib, 0.0)));
            }
            Step::Host {
                process_mib,
                open_fds,
            } => {
                let measured = self.running.iter().filter_map(|k| k.measured);
                let sum: u64 = measured.map(|m| m.0).sum();
                self.other = (process_mib * MIB).saturating_sub(sum);
                self.host = Host {
                    open_fds,
                    ..host(process_mib, 64.0)
                };
                self.running.iter_mut().for_each(|k| k.fresh = false);
                a.set_host(self.host);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes over what was granted, which must be those next in turn.
    fn grant(&mut self, a: &mut Admission) -> Result<(), TestCaseError> {
        let place = |w: &(Ticket, u8, u64)| (a.position(w.0).unwrap(), w.0);
        let order: BTreeSet<_> = self.waiting.iter().map(place).collect();
        let places: Vec<_> = order.iter().map(|o| o.0).collect();
        prop_assert_eq!(places, (1..=self.waiting.len()).collect::<Vec<_>>());
        let grants = a.reconsider();
        prop_assert!(grants.len() <= order.len());
        for (grant, (_, next)) in grants.iter().zip(&order) {
            prop_assert_eq!(grant.ticket, *next);
            let at = self.waiting.iter().position(|w| w.0 == *next).unwrap();
            let (_, who, bytes) = self.waiting.remove(at);
            let earlier = self.waiting[..at].iter().any(|w| w.1 == who);
            prop_assert!(!earlier, "first in, first out for each client");
            prop_assert!(self.may_run(bytes));
            self.running.push(Known::new(grant.lease, bytes));
        }
        // Nobody waits while everything allows it, and who waits is told why.
        if let Some((_, next)) = order.iter().nth(grants.len()) {
            let head = self.waiting.iter().find(|w| w.0 == *next).unwrap();
            prop_assert!(!self.may_run(head.2));
        }
        prop_assert_eq!(a.hold().is_some(), !self.waiting.is_empty());
        Ok(())
    }

    fn check(&self, a: &Admission) -> Result<(), TestCaseError> {
        prop_assert!(self.running.len() <= self.slots);
        prop_assert_eq!(a.running(), self.running.len());
        prop_assert_eq!(a.waiting(), self.waiting.len());
        prop_assert!(a.waiting() <= QUEUE);
        prop_assert_eq!(a.charged().memory_bytes, self.charges());
        prop_assert_eq!(a.projected_bytes(), self.other + self.charges());
        Ok(())
    }
}

proptest! {
    #[test]
    fn never_above_a_limit_and_nobody_is_lost_or_waits_in_vain(
        slots in 1usize..5,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut a = Admission::new(Limits::new(slots, QUEUE));
        let mut model = Model {
            slots,
            running: Vec::new(),
            waiting: Vec::new(),
            other: 0,
            host: Host::default(),
        };
        for step in steps {
            model.take(&mut a, &step)?;
            model.grant(&mut a)?;
            model.check(&a)?;
        }
        // Without trouble everybody is served in the end.
        model.host = Host::default();
        model.other = 0;
        model.running.iter_mut().for_each(|k| k.fresh = false);
        a.set_host(model.host);
        model.grant(&mut a)?;
        while let Some(known) = model.running.pop() {
            prop_assert!(a.release(known.lease));
            model.grant(&mut a)?;
        }
        prop_assert_eq!((a.running(), a.waiting()), (0, 0));
        prop_assert_eq!(a.charged(), Cost::default());
    }

    #[test]
    fn cores_never_go_over_what_is_usable_nor_below_zero(
        cores in 0.1f32..8.0,
        steps in prop::collection::vec((0u8..3, 0.0f32..2.0), 1..80),
    ) {
        let mut a = Admission::new(Limits::new(64, 64));
        a.set_host(host(0, cores));
        let usable = host(0, cores).usable_cores();
        let mut running: Vec<LeaseId> = Vec::new();
        for (what, amount) in steps {
            let mut before = a.running();
            let grants = match what {
                0 => match a.request(client(1), cost(0, amount)) {
                    Decision::Granted(lease) => {
                        running.push(lease);
                        prop_assert!(before == 0 || a.charged().cpu_cores <= usable);
                        Vec::new()
                    }
                    _ => Vec::new(),
                },
                1 if !running.is_empty() => {
                    let lease = running.remove(0);
                    a.release(lease);
                    before -= 1;
                    a.reconsider()
                }
                2 if !running.is_empty() => {
                    a.measure(running[0], measured(0, amount), clock::now());
                    a.reconsider()
                }
                _ => Vec::new(),
            };
            // The first may be too big; each that comes to others must fit.
            let alone = before == 0 && grants.len() == 1;
            prop_assert!(grants.is_empty() || alone || a.charged().cpu_cores <= usable);
            running.extend(grants.iter().map(|g| g.lease));
            prop_assert!(a.charged().cpu_cores >= 0.0);
            prop_assert_eq!(a.running(), running.len());
        }
    }
}
