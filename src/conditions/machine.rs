//! One stream's conditions, from observations and time.

use std::sync::Arc;
use std::time::Instant;

use super::{Change, Condition, Health, Kind, Network, Now, Observation, Terms};

/// The conditions of one stream. All times are given; changes are appended to the caller's list.
#[derive(Clone, Debug)]
pub struct Machine {
    terms: Arc<Terms>,
}

#[allow(unused_variables, clippy::needless_pass_by_value)]
impl Machine {
    /// One that knows nothing yet.
    pub fn new(terms: Arc<Terms>) -> Self {
        Self { terms }
    }

    /// Goes on from what was known when the server stopped: nothing is raised twice.
    pub fn restore(terms: Arc<Terms>, raised: Vec<Condition>, health: Health, now: Now) -> Self {
        Self { terms }
    }

    /// Something was seen, or seen to be gone.
    pub fn observe(&mut self, seen: Observation, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// Time passes: hold and clear times end.
    pub fn tick(&mut self, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// When [`tick`](Self::tick) has something to do; exact, so that nobody need poll.
    pub fn next_deadline(&self) -> Option<Instant> {
        todo!()
    }

    /// Other terms, because the definition has changed or more is known of its tracks.
    pub fn set_terms(&mut self, terms: Arc<Terms>, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// What the guard says of our own network.
    pub fn set_network(&mut self, network: Network, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// Nobody looks any more, on purpose: what is raised is cleared.
    pub fn pause(&mut self, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// Somebody looks again.
    pub fn resume(&mut self, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// The terms that it judges by.
    pub fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// The state of the stream.
    pub fn health(&self) -> Health {
        todo!()
    }

    /// What is raised, in the order of [`Kind::ALL`].
    pub fn active(&self) -> impl Iterator<Item = &Condition> {
        std::iter::empty()
    }

    /// Seen, neither raised nor confirmed yet: what a closer look should confirm or refute, and by when.
    pub fn suspects(&self) -> impl Iterator<Item = (Kind, Instant)> {
        std::iter::empty()
    }
}
