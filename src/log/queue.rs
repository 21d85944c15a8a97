//! Lines on their way to the thread that writes them: bounded, and never waited for by who logs.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::clock;

/// Most bytes that wait.
const BYTES_MAX: usize = 4 << 20;
/// Most lines that wait.
const LINES_MAX: usize = 32_768;

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Arc<str>>,
    bytes: usize,
    /// Lines that did not fit since the writer came last.
    dropped: u64,
    dropped_total: u64,
    /// The writer has lines in hand.
    writing: bool,
    closed: bool,
}

/// What the writer is given.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) lines: VecDeque<Arc<str>>,
    /// Lines before these that did not fit.
    pub(super) dropped: u64,
    /// Nothing comes any more.
    pub(super) closed: bool,
}

impl Queue {
    /// Adds a line, or counts it as dropped.
    pub(super) fn push(&self, line: Arc<str>) {
        let mut state = self.state();
        let fits = state.bytes + line.len() <= BYTES_MAX && state.lines.len() < LINES_MAX;
        if fits && !state.closed {
            state.bytes += line.len();
            state.lines.push_back(line);
            drop(state);
            self.changed.notify_one();
        } else {
            state.dropped += 1;
            state.dropped_total += 1;
        }
    }

    /// All that waits, as soon as something does, or nothing after `patience`.
    pub(super) fn take(&self, patience: Duration) -> Taken {
        let mut state = self.state();
        state.writing = false;
        self.written.notify_all();
        if state.lines.is_empty() && !state.closed {
            let waited = self.changed.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.bytes = 0;
        let taken = Taken {
            lines: std::mem::take(&mut state.lines),
            dropped: std::mem::take(&mut state.dropped),
            closed: state.closed,
        };
        state.writing = !taken.lines.is_empty();
        taken
    }

    /// The writer could not write so many.
    pub(super) fn lost(&self, lines: u64) {
        self.state().dropped_total += lines;
    }

    /// Lines that wait.
    pub(super) fn len(&self) -> usize {
        self.state().lines.len()
    }

    /// Lines that were lost since the start.
    pub(super) fn dropped_total(&self) -> u64 {
        self.state().dropped_total
    }

    /// Nothing comes any more: the writer ends when it has written what waits.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits until everything is written, or the deadline; whether it is.
    pub(super) fn wait(&self, deadline: Instant) -> bool {
        let mut state = self.state();
        while !state.lines.is_empty() || state.writing {
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.written.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_nobody_waits() {
        let queue = Queue::default();
        let line: Arc<str> = "x".repeat(1 << 20).into();
        for _ in 0..6 {
            queue.push(Arc::clone(&line));
        }
        assert_eq!((queue.len(), queue.dropped_total()), (4, 2));
        let taken = queue.take(Duration::ZERO);
        assert_eq!(
            (taken.lines.len(), taken.dropped, taken.closed),
            (4, 2, false)
        );
        assert!(!queue.wait(clock::now()), "they are not written yet");
        for _ in 0..=LINES_MAX {
            queue.push("y".into());
        }
        assert_eq!((queue.len(), queue.dropped_total()), (LINES_MAX, 3));
        queue.close();
        queue.push("z".into());
        let taken = queue.take(Duration::ZERO);
        assert_eq!(
            (taken.lines.len(), taken.dropped, taken.closed),
            (LINES_MAX, 2, true)
        );
        let _ = queue.take(Duration::ZERO);
        assert!(queue.wait(clock::now()));
    }
}
