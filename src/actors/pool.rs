//! The pool: leases for pipelines, handed out as [`Admission`] decides.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::admission::costs::{CostBook, Learned, Taken};
use crate::admission::{
    Admission, Cost, Decision, Grant, Hold, Host, Job, LeaseId, Limits, Measured, Ticket,
};
use crate::base::clock;
use crate::base::ids::ClientId;
use crate::metrics;
use crate::stream::StreamId;

/// Decisions that are remembered for who asks what has happened.
const REMEMBERED: usize = 64;

/// A bounded set of pipeline leases; cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    admission: Admission,
    book: CostBook,
    host: Host,
    /// Who is told when a ticket's turn has come.
    waiting: HashMap<Ticket, oneshot::Sender<PoolLease>>,
    /// Oldest first.
    decided: VecDeque<Decided>,
}

/// The right to run one pipeline. Ends when dropped.
#[must_use]
#[derive(Debug)]
pub struct PoolLease {
    pool: Pool,
    id: LeaseId,
}

/// A place in the queue; leaves it when dropped.
#[must_use]
#[derive(Debug)]
pub struct Waiter {
    pool: Pool,
    ticket: Ticket,
    granted: oneshot::Receiver<PoolLease>,
}

/// The answer to a request.
#[derive(Debug)]
pub enum Asked {
    /// A lease was free.
    Granted(PoolLease),
    /// Wait for it.
    Queued(Waiter),
    /// The queue is full too.
    Full,
    /// Too few file descriptors are left for a pipeline.
    OutOfDescriptors,
}

/// What the pool did to a rendition against somebody's wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It had to wait.
    Queued,
    /// It was refused.
    Refused,
    /// Its pipeline was ended.
    Ended,
}

/// A decision, as status and metrics tell it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// When.
    pub at: jiff::Timestamp,
    /// What.
    pub verdict: Verdict,
    /// Why: a word of a closed set.
    pub reason: &'static str,
    /// About which stream.
    pub stream: StreamId,
    /// And which of its renditions.
    pub rendition: String,
}

/// Figures of the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolFigures {
    /// Leases out.
    pub running: usize,
    /// The most leases there are.
    pub max: usize,
    /// Requests in the queue.
    pub queued: usize,
    /// Why the next in the queue waits.
    pub hold: Option<Hold>,
    /// What all leases together are charged with.
    pub charged: Cost,
    /// The newest snapshot of the process and its bounds.
    pub host: Host,
}

impl Pool {
    /// A pool within these limits that knows costs from `book`.
    pub fn new(limits: Limits, book: CostBook) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                admission: Admission::new(limits),
                book,
                host: Host::default(),
                waiting: HashMap::new(),
                decided: VecDeque::new(),
            })),
        }
    }

    /// Asks for a lease for work that is expected to cost so much.
    pub fn ask(&self, client: ClientId, expected: Cost) -> Asked {
        let mut state = self.state();
        match state.admission.request(client, expected) {
            Decision::Granted(id) => Asked::Granted(self.lease(id)),
            Decision::Full => Asked::Full,
            Decision::OutOfDescriptors => Asked::OutOfDescriptors,
            Decision::Queued(ticket) => {
                let (sender, granted) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                Asked::Queued(Waiter {
                    pool: self.clone(),
                    ticket,
                    granted,
                })
            }
        }
    }

    /// What a pipeline for this job is expected to take.
    pub fn expected(&self, job: &Job) -> Cost {
        self.state().book.expected(job)
    }

    /// Learns what one has taken; returns what is to be stored.
    pub fn learn(&self, job: &Job, taken: &Taken) -> Option<Learned> {
        self.state().book.learn(job, taken)
    }

    /// The lease goes on with a new pipeline, which is expected to cost so much.
    pub fn restart(&self, lease: LeaseId, expected: Cost) {
        let mut state = self.state();
        state.admission.restart(lease, expected);
        let granted = state.granted();
        drop(state);
        self.deliver(granted);
    }

    /// Takes in what pipelines took lately and how the process stands, and lets in whom that allows.
    pub fn observe(&self, measured: &[(LeaseId, Measured)], host: Host) {
        let now = clock::now();
        let mut state = self.state();
        for (lease, measured) in measured {
            state.admission.measure(*lease, *measured, now);
        }
        state.host = host;
        state.admission.set_host(host);
        let granted = state.granted();
        drop(state);
        self.deliver(granted);
    }

    /// Notes a decision: a log line, a counter, and a place among those remembered.
    pub fn decided(
        &self,
        stream: &StreamId,
        rendition: &str,
        verdict: Verdict,
        reason: &'static str,
    ) {
        metrics::pool_decided(verdict.as_str(), reason);
        tracing::info!(%stream, rendition, decision = verdict.as_str(), reason, "pool decided");
        let mut state = self.state();
        if state.decided.len() >= REMEMBERED {
            state.decided.pop_front();
        }
        state.decided.push_back(Decided {
            at: clock::wall(),
            verdict,
            reason,
            stream: stream.clone(),
            rendition: rendition.to_owned(),
        });
    }

    /// The newest decisions, oldest first.
    pub fn decisions(&self) -> Vec<Decided> {
        self.state().decided.iter().cloned().collect()
    }

    /// Figures for status and metrics.
    pub fn figures(&self) -> PoolFigures {
        let state = self.state();
        PoolFigures {
            running: state.admission.running(),
            max: state.admission.limits().slots,
            queued: state.admission.waiting(),
            hold: state.admission.hold(),
            charged: state.admission.charged(),
            host: state.host,
        }
    }

    /// What a lease is charged with.
    pub fn charge(&self, lease: LeaseId) -> Option<Cost> {
        self.state().admission.charge(lease)
    }

    /// The place of a ticket in the queue, from 1.
    pub fn position(&self, ticket: Ticket) -> Option<usize> {
        self.state().admission.position(ticket)
    }

    fn lease(&self, id: LeaseId) -> PoolLease {
        PoolLease {
            pool: self.clone(),
            id,
        }
    }

    /// Hands leases to those who waited, outside the lock. A lease whose waiter has gone is dropped
    /// here, and goes on to the next.
    fn deliver(&self, granted: Vec<(LeaseId, Option<oneshot::Sender<PoolLease>>)>) {
        for (id, sender) in granted {
            let lease = self.lease(id);
            if let Some(sender) = sender {
                let _ = sender.send(lease);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Those whose turn has come, with the way to tell them.
    fn granted(&mut self) -> Vec<(LeaseId, Option<oneshot::Sender<PoolLease>>)> {
        let grants = self.admission.reconsider();
        let told = |Grant { ticket, lease }| (lease, self.waiting.remove(&ticket));
        grants.into_iter().map(told).collect()
    }
}

impl Verdict {
    /// A word for status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }
}

impl PoolLease {
    /// Which it is.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// What runs under it has turned out to do this: it is charged with what that is expected to take.
    pub fn does(&self, job: &Job) {
        self.pool.restart(self.id, self.pool.expected(job));
    }
}

impl Waiter {
    /// The ticket, to ask for its position.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Waits for the lease. Cancel-safe: dropping the waiter leaves the queue, and a lease that
    /// was granted in that moment goes to the next.
    pub async fn granted(&mut self) -> Option<PoolLease> {
        (&mut self.granted).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        // When it was granted already the lease lies in `granted`, and ends with it.
        if state.admission.cancel(self.ticket) {
            state.waiting.remove(&self.ticket);
            let granted = state.granted();
            drop(state);
            self.pool.deliver(granted);
        }
    }
}

impl Drop for PoolLease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.admission.release(self.id);
        let granted = state.granted();
        drop(state);
        self.pool.deliver(granted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> ClientId {
        ClientId::of(std::net::IpAddr::from([192, 0, 2, n]))
    }

    fn pool(slots: usize, queue: usize) -> Pool {
        Pool::new(Limits::new(slots, queue), CostBook::new(16, u64::MAX))
    }

    fn granted(asked: Asked) -> PoolLease {
        match asked {
            Asked::Granted(lease) => lease,
            other => panic!("expected a lease, got {other:?}"),
        }
    }

    fn queued(asked: Asked) -> Waiter {
        match asked {
            Asked::Queued(waiter) => waiter,
            other => panic!("expected to queue, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_lease_goes_to_the_next_in_the_queue_and_never_gets_lost() {
        let pool = pool(1, 4);
        let lease = granted(pool.ask(client(1), Cost::default()));
        let gone = queued(pool.ask(client(2), Cost::default()));
        let mut patient = queued(pool.ask(client(3), Cost::default()));
        assert_eq!(pool.position(patient.ticket()), Some(2));
        drop(gone);
        assert_eq!(pool.position(patient.ticket()), Some(1));
        drop(lease);
        let lease = patient.granted().await.expect("granted");
        assert_eq!(pool.figures().running, 1);
        drop((lease, patient));
        let figures = pool.figures();
        assert_eq!((figures.running, figures.max, figures.queued), (0, 1, 0));
    }

    #[tokio::test]
    async fn a_lease_granted_to_one_who_is_leaving_goes_on() {
        let pool = pool(1, 4);
        let lease = granted(pool.ask(client(1), Cost::default()));
        let leaving = queued(pool.ask(client(2), Cost::default()));
        let mut next = queued(pool.ask(client(3), Cost::default()));
        drop(lease); // `leaving` holds the lease now, unread
        drop(leaving);
        assert!(next.granted().await.is_some());
        drop(next);
        assert_eq!(pool.figures().running, 0);
    }

    #[test]
    fn a_full_queue_refuses() {
        let pool = pool(1, 0);
        let _lease = granted(pool.ask(client(1), Cost::default()));
        assert!(matches!(pool.ask(client(1), Cost::default()), Asked::Full));
    }

    #[tokio::test]
    async fn memory_that_comes_back_lets_the_next_in() {
        use crate::admission::Thresholds;
        let pool = pool(3, 4);
        let host = |process_bytes| Host {
            process_bytes,
            thresholds: Thresholds::capped(100, 200, None),
            ..Host::default()
        };
        let _running = granted(pool.ask(client(1), Cost::default()));
        pool.observe(&[], host(150));
        let mut waiting = queued(pool.ask(client(2), Cost::default()));
        assert_eq!(pool.figures().hold, Some(Hold::Memory));
        pool.observe(&[], host(50));
        assert!(waiting.granted().await.is_some());
    }
}
