//! The log of a child process, kept within bounds.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Lines kept; older ones make room.
const LINES: usize = 20_000;
/// Longest line kept, in bytes; the rest of a longer one becomes lines of its own.
const LINE: u64 = 16 << 10;

/// The last lines that a process wrote to its standard output and error.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<VecDeque<String>>>);

impl Logs {
    /// Collects from `pipe`, on a thread, until it is closed.
    pub fn collect(&self, pipe: impl Read + Send + 'static) {
        let logs = self.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while let Ok(1..) = (&mut pipe).take(LINE).read_until(b'\n', &mut line) {
                logs.keep(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        });
    }

    /// All lines kept, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.locked().iter().cloned().collect()
    }

    /// The last `count` lines.
    pub fn tail(&self, count: usize) -> Vec<String> {
        let lines = self.locked();
        lines
            .iter()
            .skip(lines.len().saturating_sub(count))
            .cloned()
            .collect()
    }

    /// Whether any line holds `text`.
    pub fn contain(&self, text: &str) -> bool {
        self.locked().iter().any(|line| line.contains(text))
    }

    /// The first structured line for which `choose` gives a value.
    pub fn find<T>(&self, choose: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.locked()
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|line| choose(&line))
    }

    fn keep(&self, line: String) {
        let mut lines = self.locked();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
