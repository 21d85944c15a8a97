//! One thing that was logged, within bounds.

use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};
use utoipa::ToSchema;

/// Most bytes of a message.
const MESSAGE_MAX: usize = 4 * 1024;
/// Most bytes of the text of a field.
const TEXT_MAX: usize = 2 * 1024;
/// Most fields; what goes beyond is left out, and `fields_cut` says so.
const FIELDS_MAX: usize = 32;
/// The target of what comes by way of the `log` crate: the true one is in a field.
const FOREIGN: &str = "log";

/// How much it matters, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LogLevel)]
pub enum Level {
    /// Each step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What an operator may want to know.
    Info,
    /// Something is wrong, and the server goes on.
    Warn,
    /// Something does not work.
    Error,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

/// Something that was logged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
    /// How often it came since it was last written, this time included; 1 for what is written at once.
    pub(super) times: u64,
}

impl Level {
    /// All of them, the mildest first.
    pub const ALL: [Self; 5] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
    ];

    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Its name in log lines.
    pub(super) fn in_capitals(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// The level of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.as_str().eq_ignore_ascii_case(name))
    }

    fn of(metadata: &Metadata<'_>) -> Self {
        match *metadata.level() {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

impl Record {
    /// Reads an event.
    pub(super) fn of(event: &Event<'_>, at: Timestamp) -> Self {
        let metadata = event.metadata();
        let mut record = Self::new(Level::of(metadata), metadata.target(), String::new(), at);
        event.record(&mut Reader {
            foreign: metadata.target() == FOREIGN,
            record: &mut record,
        });
        record
    }

    /// One of our own that comes from no event.
    pub(super) fn new(level: Level, target: &str, message: String, at: Timestamp) -> Self {
        Self {
            at,
            level,
            target: target.to_owned(),
            message,
            fields: Vec::new(),
            times: 1,
        }
    }

    /// With a number.
    #[must_use]
    pub(super) fn number(mut self, name: &'static str, value: u64) -> Self {
        self.fields.push((name, Value::Unsigned(value)));
        self
    }

    /// About what it takes in memory, bytes.
    pub(super) fn bytes(&self) -> usize {
        let text = |value: &Value| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        let fields = self.fields.iter().map(|(_, value)| 40 + text(value));
        size_of::<Self>() + self.target.len() + self.message.len() + fields.sum::<usize>()
    }

    /// Whether two records say the same, apart from when and how often, goes into `state`.
    pub(super) fn hash_what(&self, state: &mut impl Hasher) {
        self.level.hash(state);
        self.target.hash(state);
        self.message.hash(state);
        for (name, value) in &self.fields {
            name.hash(state);
            match value {
                Value::Bool(value) => (0u8, value).hash(state),
                Value::Signed(value) => (1u8, value).hash(state),
                Value::Unsigned(value) => (2u8, value).hash(state),
                Value::Float(value) => (3u8, value.to_bits()).hash(state),
                Value::Text(value) => (4u8, value).hash(state),
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

struct Reader<'r> {
    record: &'r mut Record,
    /// It came by way of the `log` crate.
    foreign: bool,
}

impl Reader<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let record = &mut *self.record;
        match (name, value) {
            ("message", Value::Text(text)) => record.message = text,
            ("log.target", Value::Text(text)) if self.foreign => record.target = text,
            (name, _) if self.foreign && name.starts_with("log.") => {}
            (name, value) if record.fields.len() < FIELDS_MAX => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                record.fields.push((name, value));
            }
            _ => match record.fields.last_mut() {
                Some((name, value)) if *name == "fields_cut" => *value = Value::Bool(true),
                _ => record.fields.push(("fields_cut", Value::Bool(true))),
            },
        }
    }
}

impl Visit for Reader<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let most = if field.name() == "message" {
            MESSAGE_MAX
        } else {
            TEXT_MAX
        };
        let mut text = Bounded {
            text: String::new(),
            most,
        };
        // What is longer ends with an error, on purpose: nobody need write the rest.
        let _ = write!(text, "{value:?}");
        self.put(field, Value::Text(text.text));
    }
}

/// Text of so many bytes at most; what is cut ends with `…`.
struct Bounded {
    text: String,
    most: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = self.most.saturating_sub(self.text.len());
        if text.len() <= left {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(left)]);
        self.text.push('…');
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let mut text = Bounded {
            text: String::new(),
            most: 6,
        };
        assert!(text.write_str("äb").is_ok() && text.write_str("öüx").is_err());
        assert_eq!(text.text, "äbö…");
    }

    #[test]
    fn levels_have_names() {
        for level in Level::ALL {
            assert_eq!(Level::parse(level.as_str()), Some(level));
            assert_eq!(Level::parse(level.in_capitals()), Some(level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
        assert!(Level::ALL.is_sorted());
        assert_eq!(Level::parse("warning"), None);
    }
}
