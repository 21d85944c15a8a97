//! The last lines, for who asks. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::record::{Level, Record};

/// Most bytes that are kept.
const BYTES_MAX: usize = 2 << 20;

/// The last records, by number.
#[derive(Debug)]
pub(super) struct Ring {
    records: VecDeque<Arc<Record>>,
    most: usize,
    bytes: usize,
    /// The number of the oldest that is kept; they count from 1.
    first: u64,
}

/// What of the log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Only what came after this one; the newest lines if it is not told.
    pub since: Option<u64>,
    /// At least this grave.
    pub level: Level,
    /// This many at most.
    pub limit: usize,
}

/// Part of the log.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// Oldest first, with their numbers.
    pub(super) records: Vec<(u64, Arc<Record>)>,
    /// What to ask for next.
    pub(super) next: u64,
    /// Lines after `since` that are kept no more.
    pub(super) missed: u64,
}

impl Ring {
    /// One that keeps so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            records: VecDeque::new(),
            most,
            bytes: 0,
            first: 1,
        }
    }

    /// Adds a record.
    pub(super) fn push(&mut self, record: Arc<Record>) {
        if self.most == 0 {
            return;
        }
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > self.most || (self.bytes > BYTES_MAX && self.records.len() > 1) {
            if let Some(oldest) = self.records.pop_front() {
                self.bytes -= oldest.bytes();
                self.first += 1;
            }
        }
    }

    /// Part of what is kept. What comes from a former run of the server (a number that is yet to come) begins anew.
    pub(super) fn find(&self, tail: &Tail) -> Found {
        let end = self.first + self.records.len() as u64;
        let numbered = self.records.iter().enumerate();
        let numbered = numbered.map(|(at, record)| (self.first + at as u64, record));
        let fits = |(_, record): &(u64, &Arc<Record>)| record.level >= tail.level;
        let own = |(number, record): (u64, &Arc<Record>)| (number, Arc::clone(record));
        let Some(since) = tail.since.filter(|since| *since < end) else {
            let mut records: Vec<_> = numbered
                .rev()
                .filter(fits)
                .take(tail.limit)
                .map(own)
                .collect();
            records.reverse();
            return Found {
                records,
                next: end - 1,
                missed: 0,
            };
        };
        let skipped = (since + 1).saturating_sub(self.first) as usize;
        let records: Vec<_> = numbered
            .skip(skipped)
            .filter(fits)
            .take(tail.limit)
            .map(own)
            .collect();
        let next = match records.last() {
            Some((last, _)) if records.len() == tail.limit => *last,
            _ => end - 1,
        };
        Found {
            records,
            next,
            missed: self.first.saturating_sub(since + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(most: usize, lines: u64) -> Ring {
        let mut ring = Ring::new(most);
        for n in 1..=lines {
            let level = if n % 3 == 0 {
                Level::Error
            } else {
                Level::Info
            };
            let at = jiff::Timestamp::UNIX_EPOCH;
            ring.push(Arc::new(Record::new(level, "t", n.to_string(), at)));
        }
        ring
    }

    fn found(ring: &Ring, since: Option<u64>, level: Level, limit: usize) -> (Vec<u64>, u64, u64) {
        let found = ring.find(&Tail {
            since,
            level,
            limit,
        });
        for (number, record) in &found.records {
            assert_eq!(record.message, number.to_string());
        }
        let numbers = found.records.iter().map(|(number, _)| *number);
        (numbers.collect(), found.next, found.missed)
    }

    #[test]
    fn pages_follow_one_another() {
        let ring = ring(10, 25);
        let info = Level::Info;
        assert_eq!(found(&ring, None, info, 3), (vec![23, 24, 25], 25, 0));
        assert_eq!(found(&ring, Some(3), info, 3), (vec![16, 17, 18], 18, 12));
        assert_eq!(found(&ring, Some(18), info, 3), (vec![19, 20, 21], 21, 0));
        assert_eq!(found(&ring, Some(23), info, 3), (vec![24, 25], 25, 0));
        assert_eq!(found(&ring, Some(25), info, 3), (vec![], 25, 0));
        assert_eq!(
            found(&ring, Some(0), Level::Error, 2),
            (vec![18, 21], 21, 15)
        );
        assert_eq!(
            found(&ring, None, Level::Error, 9),
            (vec![18, 21, 24], 25, 0)
        );
        // Of a former run.
        assert_eq!(found(&ring, Some(1_000), info, 1), (vec![25], 25, 0));
    }

    #[test]
    fn little_is_kept_of_long_lines_and_nothing_where_nothing_is_wanted() {
        let mut ring = Ring::new(1_000_000);
        for n in 0..10_000 {
            let line = format!("{n}{}", "x".repeat(4_000));
            let at = jiff::Timestamp::UNIX_EPOCH;
            ring.push(Arc::new(Record::new(Level::Info, "t", line, at)));
        }
        assert!(ring.bytes <= BYTES_MAX && ring.records.len() < 1_000);
        assert_eq!(
            self::ring(0, 5)
                .find(&Tail {
                    since: None,
                    level: Level::Trace,
                    limit: 9
                })
                .records,
            []
        );
    }
}
