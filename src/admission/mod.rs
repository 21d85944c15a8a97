//! Who may run the next pipeline, and which must end. Pure: no clocks, no tasks; the pool in
//! `actors` acts on it.
//!
//! [`Admission`] hands out leases. Each is charged with memory and CPU: what [`costs::CostBook`]
//! expects of such work at first, what was measured later. A request is granted when a slot is
//! free, nobody waits before it, and memory, CPU, pace and descriptors allow; else it waits in a
//! bounded queue that is first in, first out for each client and takes the clients in turn, so
//! that one client with twenty requests delays another client's first request by one place, not
//! by twenty. Whoever is next is never overtaken by cheaper work: nobody starves.
//!
//! [`govern::Governor`] ends pipelines when memory runs short, or one runs away.

pub mod costs;
pub mod govern;
mod host;
mod job;
mod ledger;
mod queue;

use std::time::{Duration, Instant};

pub use host::{Host, Pressure, Thresholds};
pub use job::{CostKey, Job, SizeClass, Work};
pub use ledger::{Cost, LAG_HELD, LAG_PATIENCE, LeaseId, Measured, YOUNG};
pub use queue::Ticket;

use crate::base::ids::ClientId;
use ledger::Ledger;
use queue::Queue;

/// The bounds of admission that do not change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Leases at once; 0 refuses all.
    pub slots: usize,
    /// Requests that may wait; 0 refuses at once.
    pub queue: usize,
    /// A pipeline that is more than this behind real time for [`LAG_HELD`] holds new ones back
    /// until it is within half of it.
    pub lag: Duration,
    /// Descriptors that a pipeline is reckoned to open, its source and first viewers included.
    pub fds_per_pipeline: u64,
    /// Descriptors kept for viewers, the store and the rest.
    pub fd_reserve: u64,
}

/// The answer to a request for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run now; call [`Admission::release`] exactly once when done.
    Granted(LeaseId),
    /// Wait; [`Admission::reconsider`] will name this ticket when it is its turn.
    Queued(Ticket),
    /// The queue is full too, or there are no slots at all.
    Full,
    /// The process has too few descriptors left. Waiting would not help: viewers hold them.
    OutOfDescriptors,
}

/// Whose turn has come.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The place in the queue, which is gone.
    pub ticket: Ticket,
    /// The lease that its holder now has.
    pub lease: LeaseId,
}

/// Why the next in turn has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hold {
    /// All slots are taken.
    Slots,
    /// It would bring memory above the warning threshold.
    Memory,
    /// It would need more CPU than is left.
    Cpu,
    /// A running pipeline is behind real time.
    Lag,
    /// Too few descriptors are left.
    Descriptors,
}

/// The state of admission to a bounded set of leases.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    ledger: Ledger,
    queue: Queue,
    host: Host,
    /// The process's memory that no pipeline was measured to hold, as of the newest snapshot.
    other_bytes: u64,
}

impl Limits {
    /// So many leases and places in the queue, and for the rest what fits most machines: 2 s of
    /// lag, 16 descriptors a pipeline, 64 kept back.
    pub const fn new(slots: usize, queue: usize) -> Self {
        Self {
            slots,
            queue,
            lag: Duration::from_secs(2),
            fds_per_pipeline: 16,
            fd_reserve: 64,
        }
    }
}

impl Admission {
    /// Nothing runs, nobody waits. Until [`Admission::set_host`] is called only slots count.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ledger: Ledger::default(),
            queue: Queue::default(),
            host: Host::default(),
            other_bytes: 0,
        }
    }

    /// Asks for a lease on behalf of `client` for work that is expected to cost so much.
    pub fn request(&mut self, client: ClientId, expected: Cost) -> Decision {
        let expected = expected.sane();
        if self.limits.slots == 0 {
            return Decision::Full;
        }
        if !self.descriptors_suffice() {
            return Decision::OutOfDescriptors;
        }
        if self.queue.is_empty() && self.hold_of(expected).is_none() {
            return Decision::Granted(self.ledger.open(expected));
        }
        if self.queue.len() >= self.limits.queue {
            return Decision::Full;
        }
        Decision::Queued(self.queue.push(client, expected))
    }

    /// Those whose turn has come, in order; each now has a lease, which must be released even if
    /// nobody waits for it any more. Call it after everything else that changes the state:
    /// [`release`](Self::release), [`cancel`](Self::cancel), [`measure`](Self::measure),
    /// [`restart`](Self::restart) and [`set_host`](Self::set_host).
    #[must_use = "each grant must reach its holder or be released"]
    pub fn reconsider(&mut self) -> Vec<Grant> {
        let mut grants = Vec::new();
        while let Some(expected) = self.queue.head() {
            if self.hold_of(expected).is_some() {
                break;
            }
            let Some((ticket, expected)) = self.queue.pop() else {
                break;
            };
            let lease = self.ledger.open(expected);
            grants.push(Grant { ticket, lease });
        }
        grants
    }

    /// A lease has ended, its pipeline torn down. False when it is not out.
    pub fn release(&mut self, lease: LeaseId) -> bool {
        self.ledger.close(lease)
    }

    /// A lease goes on with a new pipeline that is expected to cost so much: it is young again.
    /// False when it is not out.
    pub fn restart(&mut self, lease: LeaseId, expected: Cost) -> bool {
        self.ledger.restart(lease, expected)
    }

    /// Notes what a lease's pipeline takes now. False when it is not out.
    pub fn measure(&mut self, lease: LeaseId, measured: Measured, now: Instant) -> bool {
        self.ledger.measure(lease, measured, self.limits.lag, now)
    }

    /// Notes a snapshot of the process, right after the measures of its pipelines, so that the
    /// two are of one time.
    pub fn set_host(&mut self, host: Host) {
        self.other_bytes = host
            .process_bytes
            .saturating_sub(self.ledger.measured_bytes());
        self.host = host;
        self.ledger.snapshot_taken();
    }

    /// Who waited leaves the queue. False when the ticket no longer waits: it has been granted.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        self.queue.remove(ticket)
    }

    /// How many are served before this ticket, plus one; `None` when it does not wait.
    pub fn position(&self, ticket: Ticket) -> Option<usize> {
        self.queue.position(ticket)
    }

    /// Why the next in turn waits; `None` when nobody does.
    pub fn hold(&self) -> Option<Hold> {
        self.hold_of(self.queue.head()?)
    }

    /// Leases out now.
    pub fn running(&self) -> usize {
        self.ledger.len()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The bounds.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What all leases together are charged with.
    pub fn charged(&self) -> Cost {
        self.ledger.charged()
    }

    /// What one lease is charged with, while it is out.
    pub fn charge(&self, lease: LeaseId) -> Option<Cost> {
        self.ledger.charge(lease)
    }

    /// What the process is reckoned to hold when all leases hold what they are charged with, in
    /// bytes.
    pub fn projected_bytes(&self) -> u64 {
        let charged = self.ledger.charged().memory_bytes;
        self.other_bytes.saturating_add(charged)
    }

    /// What stands against a lease of this cost now, were it the next.
    fn hold_of(&self, expected: Cost) -> Option<Hold> {
        if self.ledger.len() >= self.limits.slots {
            return Some(Hold::Slots);
        }
        if !self.descriptors_suffice() {
            return Some(Hold::Descriptors);
        }
        let thresholds = self.host.thresholds;
        if self.ledger.len() == 0 {
            // The first always runs, or a threshold set too low would refuse all work for ever.
            let critical = self.other_bytes > thresholds.critical_bytes;
            return critical.then_some(Hold::Memory);
        }
        let projected = self.projected_bytes().saturating_add(expected.memory_bytes);
        if projected > thresholds.warning_bytes {
            return Some(Hold::Memory);
        }
        let cores = self.ledger.charged().plus(expected).cpu_cores;
        if cores > self.host.usable_cores() {
            return Some(Hold::Cpu);
        }
        self.ledger.any_behind().then_some(Hold::Lag)
    }

    fn descriptors_suffice(&self) -> bool {
        // Leases that are newer than the snapshot have still to open theirs.
        let new = self.ledger.since_snapshot() as u64 + 1;
        let needed = self.limits.fds_per_pipeline.saturating_mul(new);
        let reserved = self.host.open_fds.saturating_add(self.limits.fd_reserve);
        self.host.max_fds == 0 || reserved.saturating_add(needed) <= self.host.max_fds
    }
}

impl Hold {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Slots,
        Self::Memory,
        Self::Cpu,
        Self::Lag,
        Self::Descriptors,
    ];

    /// A word for status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Lag => "lag",
            Self::Descriptors => "descriptors",
        }
    }

    /// A clause for error texts.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Slots => "all pipelines that may run at a time are running",
            Self::Memory => "memory is too short for one more pipeline",
            Self::Cpu => "CPU is too short for one more pipeline",
            Self::Lag => "running pipelines are behind real time",
            Self::Descriptors => "the process has too few file descriptors left",
        }
    }
}

#[cfg(test)]
mod tests;
