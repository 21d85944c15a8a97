//! The threads that write: one for standard output, one for files. Whoever reads or stores them may stand still; nobody
//! else does then.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::files::{Files, Place};
use super::line::{Shape, line};
use super::queue::{Queue, Taken};
use super::record::{Level, Record};
use crate::base::clock;

/// A writer that has nothing to do looks up this often.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where lines about the log itself come from.
const TARGET: &str = "sightglass::log";

/// Where lines go.
pub(super) struct Sink {
    pub(super) queue: Arc<Queue>,
    pub(super) shape: Shape,
}

/// Standard output, or what stands for it.
pub(super) fn to_stdout(mut out: impl Write + Send + 'static, shape: Shape) -> io::Result<Sink> {
    let queue = Arc::new(Queue::default());
    let taken_from = Arc::clone(&queue);
    spawn("log", move || {
        loop {
            let taken = taken_from.take(PATIENCE);
            let mut bytes = Vec::new();
            if let Some(line) = told_of_drops(&taken, shape) {
                bytes.extend_from_slice(line.as_bytes());
            }
            for line in &taken.lines {
                bytes.extend_from_slice(line.as_bytes());
            }
            let written = out.write_all(&bytes).and_then(|()| out.flush());
            if written.is_err() {
                taken_from.lost(taken.lines.len() as u64);
            }
            if taken.closed && taken.lines.is_empty() {
                return;
            }
        }
    })?;
    Ok(Sink { queue, shape })
}

/// Files. When they begin to fail, and when they work again, is told on `other`.
pub(super) fn to_files(place: Place, other: &Sink) -> io::Result<Sink> {
    let queue = Arc::new(Queue::default());
    let taken_from = Arc::clone(&queue);
    let (other, other_shape) = (Arc::clone(&other.queue), other.shape);
    spawn("log-files", move || {
        let mut files = Files::new(place);
        let mut failing = false;
        loop {
            let taken = taken_from.take(PATIENCE);
            let first = told_of_drops(&taken, Shape::Json);
            let lines = first.iter().chain(&taken.lines);
            let outcome = files.write(lines, clock::now());
            taken_from.lost(outcome.lost);
            let tell = match &outcome.error {
                Some(error) if !failing => Some(record(
                    Level::Error,
                    &format!(
                        "the log files cannot be written ({}); it is tried again, and what comes meanwhile is lost there",
                        error.kind()
                    ),
                )),
                None if failing && outcome.lost == 0 && !taken.lines.is_empty() => {
                    Some(record(Level::Warn, "the log files can be written again"))
                }
                _ => None,
            };
            if let Some(record) = tell {
                failing = outcome.error.is_some();
                other.push(line(&record, other_shape).into());
            }
            if taken.closed && taken.lines.is_empty() {
                return;
            }
        }
    })?;
    Ok(Sink {
        queue,
        shape: Shape::Json,
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop)
}

fn told_of_drops(taken: &Taken, shape: Shape) -> Option<Arc<str>> {
    if taken.dropped == 0 {
        return None;
    }
    let record = record(
        Level::Warn,
        "lines of the log were dropped here: too many at once",
    );
    let record = record.number("lines", taken.dropped);
    Some(line(&record, shape).into())
}

fn record(level: Level, message: &str) -> Record {
    Record::new(level, TARGET, message.to_owned(), clock::wall())
}
