//! What is logged over and over is written once and counted. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::record::Record;

/// Most different lines that are remembered; what comes beyond is written each time.
const LINES_MAX: usize = 4_096;
/// Most bytes of lines that wait to be told with their count; what goes beyond is written each time.
const BYTES_MAX: usize = 1 << 20;
/// While a line goes on to repeat it is told less and less often, but at least this often.
const WINDOW_MAX: Duration = Duration::from_mins(1);

/// Holds back lines that say the same as one that was written a moment ago, and counts them.
///
/// The first of its kind is written at once. Those that follow within the window are held back, and told by one line when
/// it ends: the newest, with their number. Then a window twice as long begins. Nothing is lost: each line is written or
/// counted in one.
#[derive(Debug)]
pub(super) struct Collapse {
    window: Duration,
    lines: HashMap<u64, Line>,
    /// Of the records that are held.
    bytes: usize,
    held_total: u64,
}

#[derive(Debug)]
struct Line {
    since: Instant,
    window: Duration,
    /// The newest of those that were held back, whose `times` counts them.
    held: Option<Box<Record>>,
}

impl Collapse {
    /// One with windows that begin with this; zero holds back nothing.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            lines: HashMap::new(),
            bytes: 0,
            held_total: 0,
        }
    }

    /// Takes a record, whose print (a hash of what it says) is that of those that say the same. What is to be written now.
    pub(super) fn admit(&mut self, print: u64, record: Record, now: Instant) -> Option<Record> {
        if self.window.is_zero() {
            return Some(record);
        }
        let full = self.lines.len() >= LINES_MAX;
        let Some(line) = self.lines.get_mut(&print) else {
            if !full {
                let line = Line {
                    since: now,
                    window: self.window,
                    held: None,
                };
                self.lines.insert(print, line);
            }
            return Some(record);
        };
        let over = now.saturating_duration_since(line.since) >= line.window;
        let Some(held) = &mut line.held else {
            let bytes = record.bytes();
            if over {
                line.since = now;
                line.window = self.window;
                return Some(record);
            }
            if self.bytes + bytes > BYTES_MAX {
                return Some(record);
            }
            self.bytes += bytes;
            self.held_total += 1;
            line.held = Some(Box::new(record));
            return None;
        };
        held.times += 1;
        held.at = record.at;
        if over {
            return line.tell(now, &mut self.bytes);
        }
        self.held_total += 1;
        None
    }

    /// Time passes: what is to be written because its window is over. Called about once a second.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Record> {
        let mut due = Vec::new();
        let bytes = &mut self.bytes;
        self.lines.retain(|_, line| {
            if now.saturating_duration_since(line.since) < line.window {
                return true;
            }
            let told = line.tell(now, bytes);
            let lasts = told.is_some();
            due.extend(told);
            lasts
        });
        due.sort_by_key(|record| record.at);
        due
    }

    /// What is held back, whether or not its window is over.
    pub(super) fn flush(&mut self) -> Vec<Record> {
        self.bytes = 0;
        let lines = std::mem::take(&mut self.lines).into_values();
        let mut held: Vec<_> = lines.filter_map(|line| Some(*line.held?)).collect();
        held.sort_by_key(|record| record.at);
        held
    }

    /// Lines that were held back since the start.
    pub(super) fn held_total(&self) -> u64 {
        self.held_total
    }
}

impl Line {
    fn tell(&mut self, now: Instant, bytes: &mut usize) -> Option<Record> {
        let held = self.held.take()?;
        *bytes = bytes.saturating_sub(held.bytes());
        self.since = now;
        self.window = (self.window * 2).min(WINDOW_MAX.max(self.window));
        Some(*held)
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Level;
    use super::*;
    use crate::base::clock;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_secs(5);

    fn record(n: u64) -> Record {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Record::new(Level::Info, "t", format!("line {n}"), at)
    }

    #[test]
    fn repetitions_are_counted() {
        let start = clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut collapse = Collapse::new(WINDOW);
        let mut told = Vec::new();
        let mut tell = |millis: u64, record: Record| told.push((millis, record.times));
        // A hundred lines a second for half a minute.
        for n in 0..3_000 {
            let millis = n * 10;
            if let Some(record) = collapse.admit(1, record(1), at(millis)) {
                tell(millis, record);
            }
            if millis % 1_000 == 0 {
                for record in collapse.due(at(millis)) {
                    tell(millis, record);
                }
            }
        }
        for record in collapse.due(at(100_000)) {
            tell(100_000, record);
        }
        let expected = [(0, 1), (5_000, 500), (15_000, 1_000), (100_000, 1_499)];
        assert_eq!(told, expected);
        assert_eq!(told.iter().map(|(_, times)| times).sum::<u64>(), 3_000);
        // Quiet for a window: as at first.
        assert!(collapse.due(at(300_000)).is_empty());
        assert!(collapse.lines.is_empty() && collapse.bytes == 0);
        assert!(collapse.admit(1, record(1), at(300_001)).is_some());
    }

    #[test]
    fn nothing_is_held_back_where_it_is_turned_off() {
        let mut collapse = Collapse::new(Duration::ZERO);
        for _ in 0..3 {
            assert!(collapse.admit(1, record(1), clock::now()).is_some());
        }
        assert_eq!(collapse.held_total(), 0);
    }

    #[test]
    fn it_stays_small() {
        let now = clock::now();
        let mut collapse = Collapse::new(WINDOW);
        for n in 0..2 * LINES_MAX as u64 {
            for _ in 0..2 {
                let mut record = record(n);
                record.message = "x".repeat(4_000);
                let _ = collapse.admit(n, record, now);
            }
        }
        assert!(collapse.lines.len() <= LINES_MAX && collapse.bytes <= BYTES_MAX);
        assert_eq!(collapse.flush().len() as u64, collapse.held_total());
    }

    proptest! {
        /// Whatever comes, each line is written or counted, and in time.
        #[test]
        fn nothing_is_lost(script in prop::collection::vec((0u64..4_000, 0u64..4, any::<bool>()), 1..300)) {
            let start = clock::now();
            let mut collapse = Collapse::new(WINDOW);
            let (mut millis, mut came, mut told) = (0, [0; 4], [0; 4]);
            let mut last = [None::<u64>; 4];
            let number = |record: &Record| record.message[5..].parse::<usize>().unwrap();
            for (pause, n, tick) in script {
                millis += pause;
                let now = start + Duration::from_millis(millis);
                let mut out: Vec<_> = if tick { collapse.due(now) } else {
                    came[n as usize] += 1;
                    collapse.admit(n, record(n), now).into_iter().collect()
                };
                for record in out.drain(..) {
                    let n = number(&record);
                    told[n] += record.times;
                    let before = last[n].replace(millis);
                    prop_assert!(before.is_none_or(|before| millis >= before + 5_000), "too soon");
                }
            }
            for record in collapse.flush() {
                told[number(&record)] += record.times;
            }
            prop_assert_eq!(came, told);
        }
    }
}
