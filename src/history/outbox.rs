//! Minutes on their way to the store.

use std::collections::VecDeque;

use super::{Minute, MinuteAt};
use crate::stream::StreamId;

/// Minutes that wait to be written. While the store fails they wait for the next time, up to a
/// bound; beyond it the oldest go, and are counted.
#[derive(Debug)]
pub struct Outbox {
    rows: VecDeque<(StreamId, MinuteAt, Minute)>,
    most: usize,
    lost: u64,
}

impl Outbox {
    /// Holds this many minutes at most; about 120 bytes each.
    pub fn new(most: usize) -> Self {
        Self {
            rows: VecDeque::new(),
            most,
            lost: 0,
        }
    }

    /// Adds the minutes of a stream.
    pub fn push(
        &mut self,
        stream: &StreamId,
        minutes: impl IntoIterator<Item = (MinuteAt, Minute)>,
    ) {
        for (at, minute) in minutes {
            self.rows.push_back((stream.clone(), at, minute));
        }
        self.trim();
    }

    /// Takes all of them, to write them.
    pub fn take(&mut self) -> Vec<(StreamId, MinuteAt, Minute)> {
        std::mem::take(&mut self.rows).into()
    }

    /// Puts back what could not be written: it is older than what has come since.
    pub fn put_back(&mut self, rows: Vec<(StreamId, MinuteAt, Minute)>) {
        let newer = std::mem::replace(&mut self.rows, rows.into());
        self.rows.extend(newer);
        self.trim();
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many were lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn trim(&mut self) {
        let surplus = self.rows.len().saturating_sub(self.most);
        self.rows.drain(..surplus);
        self.lost += surplus as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_waits_and_the_oldest_is_lost() {
        let news = StreamId::parse("news").expect("an id");
        let minutes =
            |range: std::ops::Range<u32>| range.map(|at| (MinuteAt(at), Minute::default()));
        let mut outbox = Outbox::new(4);
        outbox.push(&news, minutes(0..3));
        let rows = outbox.take();
        assert!(outbox.is_empty());
        outbox.push(&news, minutes(3..5));
        outbox.put_back(rows);
        let kept: Vec<u32> = outbox.take().iter().map(|(_, at, _)| at.0).collect();
        assert_eq!((kept, outbox.lost()), (vec![1, 2, 3, 4], 1));
    }
}
