//! The log: what is logged becomes one line, on standard output and, if there is a folder for them, in files.
//!
//! ```text
//! tracing ─► level (may be changed for a while) ─► record ─► collapse ─┬─► queue ─► thread ─► standard output
//!                                                  (bounded)           ├─► queue ─► thread ─► files, rotated
//!                                                                      └─► ring: the last lines, for the API
//! ```
//!
//! Who logs never waits: what the queues cannot take is dropped and counted, and told once there is room again. What
//! says the same as a moment ago is counted and told once. Text from outside cannot begin a line of its own ([`line`]).
//! Credentials never come here: types that hold them do not show them (`Debug`), and URLs are redacted where they are logged.

mod collapse;
mod files;
mod level;
mod line;
mod queue;
mod record;
mod ring;
mod writer;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, reload};
use utoipa::ToSchema;

use crate::base::clock;
use crate::config;
use collapse::Collapse;
use files::Place;
use level::Levels;
use line::{Shape, line};
use record::Record;
use ring::Ring;
use writer::Sink;

pub use level::Filter;
pub use record::Level;
pub use ring::Tail;

/// At the end, what waits is written within this.
const CLOSING: Duration = Duration::from_secs(3);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No thread could be started.
    #[error("cannot start a thread for the log: {0}")]
    Thread(#[from] io::Error),
    /// There is one already.
    #[error("the log was started twice: {0}")]
    Twice(#[from] TryInitError),
}

/// The log; cheap to clone.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    levels: Levels,
    stdout: Sink,
    files: Option<Sink>,
    collapse: Mutex<Collapse>,
    ring: Mutex<Ring>,
    tail_max: usize,
    hasher: RandomState,
}

/// What the log has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lines that were lost, on standard output or in files, since the start.
    pub dropped: u64,
    /// Lines that were not written because they said the same as one a moment before.
    pub collapsed: u64,
    /// Lines that wait to be written.
    pub queued: usize,
}

/// A line of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LogLine)]
pub struct Line {
    /// Its number; grows by one with each line.
    pub seq: u64,
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The part of the program that says it.
    #[schema(example = "sightglass::app")]
    pub target: String,
    /// What it says.
    pub message: String,
    /// What belongs to it, by name.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    pub fields: BTreeMap<&'static str, serde_json::Value>,
    /// How often it came since it was told last; absent for once.
    #[serde(skip_serializing_if = "is_one")]
    pub times: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_one(times: &u64) -> bool {
    *times == 1
}

/// Some lines of the log.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Oldest first.
    pub lines: Vec<Line>,
    /// What to ask for next.
    pub next: u64,
    /// Lines that came after what was asked for, and are kept no more.
    pub missed: u64,
}

/// Starts the log of the process. To be called once, first.
///
/// # Errors
/// See [`LogError`].
pub fn start(config: &config::Log) -> Result<Log, LogError> {
    let terminal = io::stdout().is_terminal();
    let shape = match config.format {
        config::LogFormat::Json => Shape::Json,
        config::LogFormat::Auto if !terminal => Shape::Json,
        config::LogFormat::Auto | config::LogFormat::Pretty => Shape::Pretty {
            // https://no-color.org
            colours: terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
        },
    };
    let (log, filter) = Log::new(config, shape, io::stdout())?;
    log.layers(filter).try_init()?;
    Ok(log)
}

impl Log {
    fn new(
        config: &config::Log,
        shape: Shape,
        out: impl Write + Send + 'static,
    ) -> io::Result<(Self, reload::Layer<EnvFilter, Registry>)> {
        let (levels, filter) = Levels::new(&config.level);
        let stdout = writer::to_stdout(out, shape)?;
        let place = config.dir.clone().map(|folder| Place {
            folder,
            most_bytes: config.max_size as u64,
            most_files: config.max_files,
        });
        let files = place.map(|place| writer::to_files(place, &stdout));
        let shared = Shared {
            levels,
            files: files.transpose()?,
            stdout,
            collapse: Mutex::new(Collapse::new(config.repeat_window)),
            ring: Mutex::new(Ring::new(config.tail_lines)),
            tail_max: config.tail_lines,
            hasher: RandomState::new(),
        };
        let shared = Arc::new(shared);
        Ok((Self { shared }, filter))
    }

    fn layers(
        &self,
        filter: reload::Layer<EnvFilter, Registry>,
    ) -> impl Subscriber + Send + Sync + use<> {
        let output = Output(Arc::clone(&self.shared));
        tracing_subscriber::registry().with(filter).with(output)
    }

    /// Time passes: repetitions are told, and a changed level ends. To be called about once a second.
    pub fn tick(&self, now: Instant) {
        if self.shared.levels.tick(now) {
            let filter = self.shared.levels.now().filter;
            tracing::info!(filter, "the log level is as configured again");
        }
        let due = self.shared.collapse().due(now);
        for record in due {
            self.shared.write(record);
        }
    }

    /// Changes which lines are logged, for a while. `filter` is one that [`config::log_filter`] has passed.
    pub fn change_level(&self, filter: &str, lasts: Duration) {
        // Before it is so, and gravely enough to be seen nearly always.
        tracing::warn!(
            filter,
            seconds = lasts.as_secs(),
            "the log level is changed by request"
        );
        let now = (clock::now(), clock::wall());
        self.shared.levels.change(filter, lasts, now);
    }

    /// Logs what is configured, at once.
    pub fn reset_level(&self) {
        if self.shared.levels.reset() {
            let filter = self.shared.levels.now().filter;
            tracing::info!(filter, "the log level is as configured again");
        }
    }

    /// Which lines are logged.
    pub fn level(&self) -> Filter {
        self.shared.levels.now()
    }

    /// The last lines, as far as they are kept; `None` where none are to be.
    pub fn tail(&self, tail: &Tail) -> Option<Lines> {
        if self.shared.tail_max == 0 {
            return None;
        }
        let found = self.shared.ring().find(tail);
        let lines = found
            .records
            .iter()
            .map(|(seq, record)| Line::of(*seq, record));
        Some(Lines {
            lines: lines.collect(),
            next: found.next,
            missed: found.missed,
        })
    }

    /// What it has done.
    pub fn figures(&self) -> Figures {
        let shared = &self.shared;
        let queues = shared.sinks().map(|sink| &sink.queue);
        Figures {
            dropped: queues.clone().map(|queue| queue.dropped_total()).sum(),
            queued: queues.map(|queue| queue.len()).sum(),
            collapsed: shared.collapse().held_total(),
        }
    }

    /// Tells what was held back, and waits a moment until everything is written; whether it is. What is logged later may be
    /// lost.
    pub fn close(&self) -> bool {
        let held = self.shared.collapse().flush();
        for record in held {
            self.shared.write(record);
        }
        let deadline = clock::now() + CLOSING;
        // Files first: what becomes of them is told on standard output.
        let files = self.shared.files.as_ref();
        let files = files.is_none_or(|sink| sink.queue.wait(deadline));
        self.shared.stdout.queue.wait(deadline) && files
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for sink in self.sinks() {
            sink.queue.close();
        }
    }
}

impl Shared {
    /// Writes a record now. Never waits for anything but other callers.
    fn write(&self, record: Record) {
        let mut json: Option<Arc<str>> = None;
        for sink in self.sinks() {
            let text = match (sink.shape, &json) {
                (Shape::Json, Some(text)) => Arc::clone(text),
                (shape, _) => line(&record, shape).into(),
            };
            if sink.shape == Shape::Json {
                json = Some(Arc::clone(&text));
            }
            sink.queue.push(text);
        }
        if self.tail_max > 0 {
            self.ring().push(Arc::new(record));
        }
    }

    fn sinks(&self) -> impl Iterator<Item = &Sink> + Clone {
        std::iter::once(&self.stdout).chain(&self.files)
    }

    fn collapse(&self) -> MutexGuard<'_, Collapse> {
        self.collapse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn of(seq: u64, record: &Record) -> Self {
        let fields = record.fields.iter();
        let fields = fields.map(|(name, value)| {
            let value = serde_json::to_value(value).unwrap_or_default();
            (*name, value)
        });
        Self {
            seq,
            at: record.at,
            level: record.level,
            target: record.target.clone(),
            message: record.message.clone(),
            fields: fields.collect(),
            times: record.times,
        }
    }
}

/// Makes lines of what is logged.
struct Output(Arc<Shared>);

impl<S: Subscriber> Layer<S> for Output {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let shared = &self.0;
        // Read before anything is locked: what shows itself here may log, too.
        let record = Record::of(event, clock::wall());
        let mut print = shared.hasher.build_hasher();
        event.metadata().callsite().hash(&mut print);
        record.hash_what(&mut print);
        let record = shared
            .collapse()
            .admit(print.finish(), record, clock::now());
        if let Some(record) = record {
            shared.write(record);
        }
    }
}

#[cfg(test)]
mod tests;
