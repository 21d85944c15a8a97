//! The queue of those who wait: fair between clients, first in, first out for each.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::ledger::Cost;
use crate::base::ids::ClientId;

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Who waits. The caller bounds its length.
#[derive(Debug, Default)]
pub(super) struct Queue {
    next_ticket: u64,
    /// Waiting tickets of each client, oldest first. No empty queues are kept.
    waiting: HashMap<ClientId, VecDeque<Ticket>>,
    requests: BTreeMap<Ticket, Request>,
    /// Clients with waiting tickets, in the order in which they are served next.
    turns: VecDeque<ClientId>,
}

#[derive(Debug)]
struct Request {
    client: ClientId,
    expected: Cost,
}

impl Queue {
    /// Puts a request at the end of its client's line.
    pub(super) fn push(&mut self, client: ClientId, expected: Cost) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let line = self.waiting.entry(client).or_default();
        if line.is_empty() {
            self.turns.push_back(client);
        }
        line.push_back(ticket);
        self.requests.insert(ticket, Request { client, expected });
        ticket
    }

    /// What the next in turn is expected to cost. Later requests never change who that is.
    pub(super) fn head(&self) -> Option<Cost> {
        let ticket = self.waiting.get(self.turns.front()?)?.front()?;
        self.requests.get(ticket).map(|r| r.expected)
    }

    /// Takes the next in turn out; its client's turn comes again after all others'.
    pub(super) fn pop(&mut self) -> Option<(Ticket, Cost)> {
        let client = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&client)?;
        let ticket = line.pop_front()?;
        if line.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        let request = self.requests.remove(&ticket)?;
        Some((ticket, request.expected))
    }

    /// Takes a ticket out; false when it does not wait.
    pub(super) fn remove(&mut self, ticket: Ticket) -> bool {
        let Some(Request { client, .. }) = self.requests.remove(&ticket) else {
            return false;
        };
        if let Some(line) = self.waiting.get_mut(&client) {
            line.retain(|&t| t != ticket);
            if line.is_empty() {
                self.waiting.remove(&client);
                self.turns.retain(|&c| c != client);
            }
        }
        true
    }

    /// How many are served before this ticket, plus one; `None` when it does not wait.
    pub(super) fn position(&self, ticket: Ticket) -> Option<usize> {
        let client = self.requests.get(&ticket)?.client;
        let turn = self.turns.iter().position(|&c| c == client)?;
        let line = self.waiting.get(&client)?;
        let round = line.iter().position(|&t| t == ticket)?;
        // Before it come `round` tickets of each other client, and one more of those whose
        // turn is earlier, as far as they have so many.
        let others = self.turns.iter().enumerate().filter(|(_, c)| **c != client);
        let ahead: usize = others
            .map(|(at, c)| {
                let length = self.waiting.get(c).map_or(0, VecDeque::len);
                length.min(round + usize::from(at < turn))
            })
            .sum();
        Some(ahead + round + 1)
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}
