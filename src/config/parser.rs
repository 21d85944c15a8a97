//! From raw text to values. One parser serves a setting in all three places it may be given.

use std::marker::PhantomData;
use std::path::PathBuf;

/// What a setting looks like on the command line and in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value.
    One,
    /// Comma-separated; a repeatable flag, an array in the file.
    List,
    /// A flag that needs no value.
    Switch,
}

/// Reads the text of one setting.
pub(super) trait Parser {
    /// What the text becomes.
    type Value;
    /// How the setting may be given.
    const SHAPE: Shape = Shape::One;
    /// The value, or `None` when the text is not [allowed](Parser::allowed).
    fn parse(&self, text: &str) -> Option<Self::Value>;
    /// What is allowed, as the end of "must be ...".
    fn allowed(&self) -> String;
    /// The value in TOML; [`parse`](Parser::parse) reads it back.
    fn show(&self, value: &Self::Value) -> String;
}

/// What help and mistakes say about a parser.
pub(super) struct About {
    pub(super) shape: Shape,
    pub(super) allowed: String,
}

impl About {
    /// Describes a parser of `T`.
    pub(super) fn of<T, P: Parser<Value = T>>(parser: &P) -> Self {
        Self {
            shape: P::SHAPE,
            allowed: parser.allowed(),
        }
    }
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A whole number between two bounds, both allowed.
pub(super) struct Whole<T> {
    min: u64,
    max: u64,
    number: PhantomData<T>,
}

/// A [`Whole`] from `min` to `max`.
pub(super) const fn whole<T>(min: u64, max: u64) -> Whole<T> {
    Whole {
        min,
        max,
        number: PhantomData,
    }
}

impl<T: TryFrom<u64> + ToString> Parser for Whole<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Option<T> {
        let text = text.trim();
        // `u64::from_str` takes a plus sign; a configuration need not.
        let number: u64 = text
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| text.parse().ok())??;
        if !(self.min..=self.max).contains(&number) {
            return None;
        }
        T::try_from(number).ok()
    }

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }
}

/// Yes or no.
pub(super) struct Switch;

impl Parser for Switch {
    type Value = bool;
    const SHAPE: Shape = Shape::Switch;

    fn parse(&self, text: &str) -> Option<bool> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn allowed(&self) -> String {
        "true or false".to_owned()
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}

/// Printable text of one to so many characters, the ends trimmed.
pub(super) struct Text(pub(super) usize);

impl Parser for Text {
    type Value = String;

    fn parse(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let length = text.chars().count();
        ((1..=self.0).contains(&length) && !text.contains(char::is_control))
            .then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        format!("printable text of 1 to {} characters", self.0)
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }
}

/// One of a closed set of words, each standing for a value.
pub(super) struct OneOf<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Parser for OneOf<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Option<T> {
        let text = text.trim();
        let found = self
            .0
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| *value)
    }

    fn allowed(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        format!("one of {}", words.join(", "))
    }

    fn show(&self, value: &T) -> String {
        let found = self.0.iter().find(|(_, known)| known == value);
        quoted(found.map_or("", |(word, _)| word))
    }
}

/// A path. Whether something is there is for whoever opens it to say.
pub(super) struct FilePath;

impl Parser for FilePath {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Option<PathBuf> {
        // PATH_MAX of Linux counts the closing NUL.
        ((1..4096).contains(&text.len()) && !text.contains('\0')).then(|| PathBuf::from(text))
    }

    fn allowed(&self) -> String {
        "a path of 1 to 4095 bytes".to_owned()
    }

    fn show(&self, value: &PathBuf) -> String {
        quoted(&value.to_string_lossy())
    }
}

/// Another parser's value, or nothing for empty text.
pub(super) struct Maybe<P>(pub(super) P);

impl<P: Parser> Parser for Maybe<P> {
    type Value = Option<P::Value>;
    const SHAPE: Shape = P::SHAPE;

    fn parse(&self, text: &str) -> Option<Option<P::Value>> {
        if text.trim().is_empty() {
            Some(None)
        } else {
            self.0.parse(text).map(Some)
        }
    }

    fn allowed(&self) -> String {
        format!("{}, or empty for none", self.0.allowed())
    }

    fn show(&self, value: &Option<P::Value>) -> String {
        value
            .as_ref()
            .map_or_else(|| quoted(""), |value| self.0.show(value))
    }
}

/// A log filter: levels and `target=level`, comma-separated. Returned as it was written.
///
/// Stricter than the usual reading, in which a mistyped level is the name of a target and silences the log.
pub(super) struct LogFilter;

/// Whether a text is a log filter: as it is to be used, or what is allowed.
pub fn log_filter(text: &str) -> Result<String, String> {
    LogFilter.parse(text).ok_or_else(|| LogFilter.allowed())
}

impl Parser for LogFilter {
    type Value = String;

    fn parse(&self, text: &str) -> Option<String> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        let is_target = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_:-".contains(&b))
        };
        let text = text.trim();
        let good = text.len() <= 1024
            && text.split(',').all(|directive| {
                directive.split_once('=').map_or_else(
                    || is_level(directive),
                    |(target, level)| is_target(target) && is_level(level),
                )
            });
        good.then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        "a level (off, error, warn, info, debug, trace) and target=level pairs, comma-separated, such as info,sightglass::http=debug".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        let parser = whole::<u32>(1, 32);
        assert_eq!(parser.parse(" 32 "), Some(32));
        for text in ["", "0", "33", "+3", "-1", "3.0", "0x10", "4294967297", "２"] {
            assert_eq!(parser.parse(text), None, "{text}");
        }
        // The bounds promise more than the type holds: refused, not wrapped.
        assert_eq!(whole::<u8>(0, 1000).parse("256"), None);
    }

    #[test]
    fn switches_text_and_words() {
        assert_eq!(Switch.parse("Yes"), Some(true));
        assert_eq!(Switch.parse("0"), Some(false));
        assert_eq!(Switch.parse(""), None);
        assert_eq!(Text(3).parse(" äöü "), Some("äöü".to_owned()));
        for text in ["", "  ", "abcd", "a\nb"] {
            assert_eq!(Text(3).parse(text), None, "{text:?}");
        }
        let words = OneOf(&[("json", 1), ("pretty", 2)]);
        assert_eq!(words.parse("JSON"), Some(1));
        assert_eq!(words.parse("xml"), None);
        assert_eq!(words.allowed(), "one of json, pretty");
        assert_eq!(words.show(&2), "\"pretty\"");
    }

    #[test]
    fn paths_and_their_absence() {
        assert_eq!(FilePath.parse("a b"), Some(PathBuf::from("a b")));
        assert_eq!(FilePath.parse(""), None);
        assert_eq!(FilePath.parse("a\0b"), None);
        assert_eq!(FilePath.parse(&"a".repeat(4096)), None);
        assert_eq!(Maybe(FilePath).parse(""), Some(None));
        assert_eq!(Maybe(FilePath).parse("x"), Some(Some(PathBuf::from("x"))));
    }

    #[test]
    fn a_mistyped_level_is_no_target() {
        for text in ["info", "WARN,sightglass::http=debug", "off,h2=trace"] {
            assert_eq!(LogFilter.parse(text).as_deref(), Some(text));
        }
        for text in ["", "inof", "info,", "=debug", "a=b", "a b=info", "[x]=info"] {
            assert_eq!(LogFilter.parse(text), None, "{text}");
        }
    }

    #[test]
    fn quoting_escapes() {
        let text = "a \"b\" \\ \u{7} é";
        let parsed: toml::Table = format!("x = {}", quoted(text)).parse().unwrap();
        assert_eq!(parsed["x"].as_str(), Some(text));
    }
}
