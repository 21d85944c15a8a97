//! The TOML file, flattened to raw text by key, each with its line.

use super::mistake::{Mistake, Origin};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest configuration file, in bytes.
pub(super) const FILE_MAX: usize = 256 * 1024;

/// A value as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileValue {
    /// A string, number or boolean.
    One(String),
    /// An array of strings.
    List(Vec<String>),
    /// Anything else, which no setting takes: the kind of it.
    Other(&'static str),
}

/// A value and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: FileValue,
    pub(super) line: usize,
}

/// One `[profiles.NAME]`.
#[derive(Debug)]
pub(super) struct ProfileTable {
    pub(super) line: usize,
    /// `None` when it is no table but a plain value.
    pub(super) entries: Option<BTreeMap<String, Entry>>,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The file as the operator named it.
    pub(super) path: String,
    /// Values outside of `[profiles]`, by dotted key.
    pub(super) entries: BTreeMap<String, Entry>,
    /// `[profiles]`, by name.
    pub(super) profiles: BTreeMap<String, ProfileTable>,
    /// Sections that no setting is in, and their lines.
    pub(super) unknown_sections: Vec<(String, usize)>,
}

impl File {
    /// Takes `text` apart; what is no TOML is told in `mistakes`, and the rest is read all the same.
    pub(super) fn parse(
        path: String,
        text: &str,
        sections: &[&str],
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let lines = Lines::of(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        mistakes.extend(errors.into_iter().map(|error| Mistake {
            key: "config".to_owned(),
            value: None,
            origin: Origin::File {
                path: path.clone(),
                line: lines.at(error.span().unwrap_or_default().start),
            },
            problem: format!("no valid TOML: {}", error.message()),
        }));
        let mut file = Self {
            path,
            ..Self::default()
        };
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(inner) if name == "profiles" => {
                    file.profiles = profiles(inner, &lines);
                }
                DeValue::Table(inner) if sections.contains(&name) => {
                    for (key, value) in inner {
                        let key = format!("{name}.{}", key.get_ref());
                        file.entries.insert(key, entry(value, &lines));
                    }
                }
                DeValue::Table(_) => file
                    .unknown_sections
                    .push((name.to_owned(), lines.at(key.span().start))),
                _ => {
                    file.entries.insert(name.to_owned(), entry(value, &lines));
                }
            }
        }
        file
    }
}

fn profiles(table: &DeTable<'_>, lines: &Lines) -> BTreeMap<String, ProfileTable> {
    let mut profiles = BTreeMap::new();
    for (name, value) in table {
        let line = lines.at(name.span().start);
        let entries = value.get_ref().as_table().map(|inner| {
            inner
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), entry(value, lines)))
                .collect()
        });
        profiles.insert(name.get_ref().to_string(), ProfileTable { line, entries });
    }
    profiles
}

fn entry(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Entry {
    let line = lines.at(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => FileValue::One(text.to_string()),
        // Hexadecimal and the like keep their prefix, which number parsers refuse: decimal is enough here.
        DeValue::Integer(number) => FileValue::One(number.to_string()),
        DeValue::Float(number) => FileValue::One(number.to_string()),
        DeValue::Boolean(yes) => FileValue::One(yes.to_string()),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map_or(FileValue::Other("an array"), FileValue::List),
        DeValue::Datetime(_) => FileValue::Other("a date"),
        DeValue::Table(_) => FileValue::Other("a table"),
    };
    Entry { value, line }
}

/// Line starts, so that a long file costs one pass and not one for each key.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line, from 1, that holds byte `offset`.
    fn at(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|newline| *newline < offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (File, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let file = File::parse("f.toml".to_owned(), text, &["hls"], &mut mistakes);
        (file, mistakes)
    }

    fn one(text: &str, line: usize) -> Entry {
        Entry {
            value: FileValue::One(text.to_owned()),
            line,
        }
    }

    #[test]
    fn flattens_with_lines() {
        let (file, mistakes) = parse(
            "listen = \"a\"\n\n[hls]\nwindow = 6\nx = [\"a\", \"b\"]\ny = [1]\n[profiles.p]\nwidth = 1\n[other]\n",
        );
        assert_eq!(mistakes, []);
        assert_eq!(file.entries["listen"], one("a", 1));
        assert_eq!(file.entries["hls.window"], one("6", 4));
        assert_eq!(
            file.entries["hls.x"].value,
            FileValue::List(vec!["a".to_owned(), "b".to_owned()])
        );
        assert!(matches!(file.entries["hls.y"].value, FileValue::Other(_)));
        assert_eq!(file.profiles["p"].line, 7);
        assert_eq!(
            file.profiles["p"].entries.as_ref().unwrap()["width"],
            one("1", 8)
        );
        assert_eq!(file.unknown_sections, [("other".to_owned(), 9)]);
    }

    #[test]
    fn bad_toml_is_told_with_its_line_and_the_rest_is_read() {
        let (file, mistakes) = parse("listen = \ndemo = true\nenvironment = = 3\n");
        assert!(mistakes.len() >= 2, "{mistakes:?}");
        assert!(
            mistakes
                .iter()
                .any(|m| matches!(m.origin, Origin::File { line: 3, .. }))
        );
        assert_eq!(file.entries["demo"], one("true", 2));
    }

    #[test]
    fn hostile_files_do_not_overflow_the_stack() {
        let (_, mistakes) = parse(&"[".repeat(FILE_MAX));
        assert!(!mistakes.is_empty());
        let (_, mistakes) = parse(&format!("x = {}", "[".repeat(100_000)));
        assert!(!mistakes.is_empty());
    }
}
