//! Is it us? When most streams of different hosts fail together, the fault is with our own network.

use std::time::Instant;

use super::{Change, Condition, Now};
use crate::ingest::Cause;
use crate::stream::StreamId;

/// What is known of our own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Nothing is wrong with it.
    Fine,
    /// So much failed just now that it may be us: outages of streams wait for a moment.
    Doubtful,
    /// It is us: outages of streams are held back, and what they are cannot be told.
    Lost,
}

/// Watches all streams together for a fault of our own network.
#[derive(Debug, Default)]
pub struct Guard {}

#[allow(unused_variables)]
impl Guard {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on from the condition that was raised when the server stopped, if one was.
    pub fn restore(raised: Option<Condition>, now: Now) -> Self {
        Self::default()
    }

    /// A stream was heard of: it failed for this cause, or answered. Causes that are no fault of any network, such as
    /// 404, are answers.
    pub fn report(
        &mut self,
        stream: &StreamId,
        host: &str,
        failure: Option<Cause>,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        todo!()
    }

    /// A stream is no longer watched.
    pub fn forget(&mut self, stream: &StreamId, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now, changes: &mut Vec<Change>) {
        todo!()
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        todo!()
    }

    /// What to tell each [`Machine`](super::Machine).
    pub fn network(&self) -> Network {
        Network::Fine
    }

    /// The condition, while it is us.
    pub fn active(&self) -> Option<&Condition> {
        None
    }
}
