//! The pool: leases for pipelines, handed out as [`Admission`] decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::admission::{Admission, Decision, Ticket};
use crate::base::ids::ClientId;

/// A bounded set of pipeline leases; cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    admission: Admission,
    /// Who is told when a ticket's turn has come.
    waiting: HashMap<Ticket, oneshot::Sender<PoolLease>>,
}

/// The right to run one pipeline. Ends when dropped.
#[must_use]
#[derive(Debug)]
pub struct PoolLease {
    pool: Pool,
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
}

/// Figures of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolFigures {
    /// Leases out.
    pub running: usize,
    /// The most leases there are.
    pub max: usize,
    /// Requests in the queue.
    pub queued: usize,
}

impl Pool {
    /// `max` leases, and a queue of at most `queue` requests.
    pub fn new(max: usize, queue: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                admission: Admission::new(max, queue),
                waiting: HashMap::new(),
            })),
        }
    }

    /// Asks for a lease.
    pub fn ask(&self, client: ClientId) -> Asked {
        let mut state = self.state();
        match state.admission.request(client) {
            Decision::Granted => Asked::Granted(PoolLease { pool: self.clone() }),
            Decision::Full => Asked::Full,
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

    /// Figures for status and metrics.
    pub fn figures(&self) -> PoolFigures {
        let state = self.state();
        PoolFigures {
            running: state.admission.running(),
            max: state.admission.max_running(),
            queued: state.admission.waiting(),
        }
    }

    /// The place of a ticket in the queue, from 1.
    pub fn position(&self, ticket: Ticket) -> Option<usize> {
        self.state().admission.position(ticket)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        if state.admission.cancel(self.ticket) {
            state.waiting.remove(&self.ticket);
        }
        // Otherwise it was granted: the lease lies in `granted`, and ends with it.
    }
}

impl Drop for PoolLease {
    fn drop(&mut self) {
        let next = {
            let mut state = self.pool.state();
            let ticket = state.admission.release();
            ticket.and_then(|ticket| state.waiting.remove(&ticket))
        };
        if let Some(next) = next {
            // If the waiter has gone the lease comes back here, is dropped, and goes on.
            let _ = next.send(PoolLease {
                pool: self.pool.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> ClientId {
        ClientId::of(std::net::IpAddr::from([192, 0, 2, n]))
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
        let pool = Pool::new(1, 4);
        let lease = granted(pool.ask(client(1)));
        let gone = queued(pool.ask(client(2)));
        let mut patient = queued(pool.ask(client(3)));
        assert_eq!(pool.position(patient.ticket()), Some(2));
        drop(gone);
        assert_eq!(pool.position(patient.ticket()), Some(1));
        drop(lease);
        let lease = patient.granted().await.expect("granted");
        assert_eq!(pool.figures().running, 1);
        drop((lease, patient));
        assert_eq!(
            pool.figures(),
            PoolFigures {
                running: 0,
                max: 1,
                queued: 0
            }
        );
    }

    #[tokio::test]
    async fn a_lease_granted_to_one_who_is_leaving_goes_on() {
        let pool = Pool::new(1, 4);
        let lease = granted(pool.ask(client(1)));
        let leaving = queued(pool.ask(client(2)));
        let mut next = queued(pool.ask(client(3)));
        drop(lease); // `leaving` holds the lease now, unread
        drop(leaving);
        assert!(next.granted().await.is_some());
        drop(next);
        assert_eq!(pool.figures().running, 0);
    }

    #[test]
    fn a_full_queue_refuses() {
        let pool = Pool::new(1, 0);
        let _lease = granted(pool.ask(client(1)));
        assert!(matches!(pool.ask(client(1)), Asked::Full));
    }
}
