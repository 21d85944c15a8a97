//! Who may run the next pipeline. Pure: no clocks, no tasks; the pool in `actors` acts on it.
//!
//! At most `max_running` leases are out. Who finds them taken waits in a bounded queue that is
//! first in, first out for each client and takes the clients in turn, so that one client with
//! twenty requests delays another client's first request by one place, not by twenty.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::base::ids::ClientId;

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// The answer to a request for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run now; call [`Admission::release`] exactly once when done.
    Granted,
    /// Wait; [`Admission::release`] will name this ticket when it is its turn.
    Queued(Ticket),
    /// The queue is full too.
    Full,
}

/// The state of admission to a bounded set of leases.
#[derive(Debug)]
pub struct Admission {
    max_running: usize,
    max_waiting: usize,
    running: usize,
    next_ticket: u64,
    /// Waiting tickets of each client, oldest first. No empty queues are kept.
    waiting: HashMap<ClientId, VecDeque<Ticket>>,
    owner: BTreeMap<Ticket, ClientId>,
    /// Clients with waiting tickets, in the order in which they are served next.
    turns: VecDeque<ClientId>,
}

impl Admission {
    /// At most `max_running` leases at once, and `max_waiting` who wait.
    pub fn new(max_running: usize, max_waiting: usize) -> Self {
        Self {
            max_running,
            max_waiting,
            running: 0,
            next_ticket: 0,
            waiting: HashMap::new(),
            owner: BTreeMap::new(),
            turns: VecDeque::new(),
        }
    }

    /// Asks for a lease on behalf of `client`.
    pub fn request(&mut self, client: ClientId) -> Decision {
        if self.running < self.max_running && self.owner.is_empty() {
            self.running += 1;
            return Decision::Granted;
        }
        if self.owner.len() >= self.max_waiting || self.max_running == 0 {
            return Decision::Full;
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let queue = self.waiting.entry(client).or_default();
        if queue.is_empty() {
            self.turns.push_back(client);
        }
        queue.push_back(ticket);
        self.owner.insert(ticket, client);
        Decision::Queued(ticket)
    }

    /// A lease has ended. Returns the ticket whose turn it is: its holder now has the lease.
    pub fn release(&mut self) -> Option<Ticket> {
        debug_assert!(self.running > 0, "released more often than granted");
        self.running = self.running.saturating_sub(1);
        let client = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&client)?;
        let ticket = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        self.owner.remove(&ticket);
        self.running += 1;
        Some(ticket)
    }

    /// Who waited leaves the queue. False when the ticket no longer waits: it has been granted.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        let Some(client) = self.owner.remove(&ticket) else {
            return false;
        };
        if let Some(queue) = self.waiting.get_mut(&client) {
            queue.retain(|&t| t != ticket);
            if queue.is_empty() {
                self.waiting.remove(&client);
                self.turns.retain(|&c| c != client);
            }
        }
        true
    }

    /// How many are served before this ticket, plus one; `None` when it does not wait.
    pub fn position(&self, ticket: Ticket) -> Option<usize> {
        let client = self.owner.get(&ticket)?;
        let turn = self.turns.iter().position(|c| c == client)?;
        let round = self
            .waiting
            .get(client)?
            .iter()
            .position(|&t| t == ticket)?;
        // Before it come `round` tickets of each other client, and one more of those whose
        // turn is earlier, as far as they have so many.
        let others = self.turns.iter().enumerate().filter(|(_, c)| *c != client);
        let ahead: usize = others
            .map(|(at, c)| self.waiting[c].len().min(round + usize::from(at < turn)))
            .sum();
        Some(ahead + round + 1)
    }

    /// Leases out now.
    pub fn running(&self) -> usize {
        self.running
    }

    /// The most leases that may be out at once.
    pub fn max_running(&self) -> usize {
        self.max_running
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.owner.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(n: u8) -> ClientId {
        ClientId::of(std::net::IpAddr::from([192, 0, 2, n]))
    }

    fn ticket(decision: Decision) -> Ticket {
        match decision {
            Decision::Queued(ticket) => ticket,
            other => panic!("expected to be queued, got {other:?}"),
        }
    }

    #[test]
    fn a_client_with_many_requests_does_not_starve_another() {
        let mut a = Admission::new(1, 10);
        assert_eq!(a.request(client(1)), Decision::Granted);
        let greedy: Vec<_> = (0..3).map(|_| ticket(a.request(client(1)))).collect();
        let modest = ticket(a.request(client(2)));
        assert_eq!(a.position(modest), Some(2));
        assert_eq!(a.position(greedy[2]), Some(4));
        assert_eq!(a.release(), Some(greedy[0]));
        assert_eq!(a.release(), Some(modest));
        assert_eq!(a.release(), Some(greedy[1]));
        assert_eq!(a.release(), Some(greedy[2]));
        assert_eq!(a.release(), None);
        assert_eq!(a.running(), 0);
    }

    #[test]
    fn the_queue_is_bounded_and_zero_slots_refuse_at_once() {
        let mut a = Admission::new(1, 1);
        assert_eq!(a.request(client(1)), Decision::Granted);
        let waiting = ticket(a.request(client(1)));
        assert_eq!(a.request(client(2)), Decision::Full);
        assert!(a.cancel(waiting));
        assert!(!a.cancel(waiting));
        assert!(matches!(a.request(client(2)), Decision::Queued(_)));
        assert_eq!(Admission::new(0, 9).request(client(1)), Decision::Full);
    }

    proptest! {
        #[test]
        fn never_above_the_limit_and_nobody_is_lost(
            max in 1usize..4,
            steps in prop::collection::vec((0u8..3, 0u8..4), 1..200),
        ) {
            let mut a = Admission::new(max, 16);
            let mut running = 0usize;
            let mut waiting: Vec<Ticket> = Vec::new();
            for (what, who) in steps {
                match what {
                    0 => match a.request(client(who)) {
                        Decision::Granted => running += 1,
                        Decision::Queued(t) => waiting.push(t),
                        Decision::Full => prop_assert_eq!(waiting.len(), 16),
                    },
                    1 if running > 0 => {
                        running -= 1;
                        let first = waiting.iter().copied().find(|&t| a.position(t) == Some(1));
                        let next = a.release();
                        prop_assert_eq!(first, next);
                        if let Some(t) = next {
                            waiting.retain(|&w| w != t);
                            running += 1;
                        }
                    }
                    2 if !waiting.is_empty() => {
                        let t = waiting.remove(usize::from(who) % waiting.len());
                        prop_assert!(a.cancel(t));
                    }
                    _ => {}
                }
                prop_assert!(running <= max);
                prop_assert_eq!(a.running(), running);
                prop_assert_eq!(a.waiting(), waiting.len());
                // Nobody waits while a lease is free, and positions are 1..=n, each once.
                prop_assert!(waiting.is_empty() || running == max);
                let mut places: Vec<_> = waiting.iter().filter_map(|&t| a.position(t)).collect();
                places.sort_unstable();
                prop_assert_eq!(places, (1..=waiting.len()).collect::<Vec<_>>());
            }
        }
    }
}
