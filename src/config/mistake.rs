//! What can be wrong with a configuration, and how it is told.

use std::fmt;

/// The most mistakes that are written out; the rest is counted.
const TOLD_MAX: usize = 100;
/// The longest value that is repeated to the operator, in characters.
const VALUE_MAX: usize = 120;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command-line flag, with its dashes.
    Flag(String),
    /// An environment variable.
    Env(String),
    /// A line (counted from 1) of the configuration file.
    File {
        /// The file as the operator named it.
        path: String,
        /// Line, from 1.
        line: usize,
    },
    /// Built in.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::File { path, line } => write!(f, "file {path}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One thing that the operator must change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The setting by its name in the file (`sources.stall_timeout`), or the unknown key as it was written.
    pub key: String,
    /// The text that was given, when there was one.
    pub value: Option<String>,
    /// Where it was given.
    pub origin: Origin,
    /// What is wrong with it and what is allowed.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            // Debug quoting keeps control characters of a hostile value out of the terminal.
            let shown: String = value.chars().take(VALUE_MAX).collect();
            let more = if shown.len() < value.len() { "..." } else { "" };
            write!(f, " = {shown:?}{more}")?;
        }
        write!(f, " ({}): {}", self.origin, self.problem)
    }
}

/// All that is wrong with a configuration, in the order of the settings table. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(.0))]
pub struct ConfigErrors(pub Vec<Mistake>);

fn told(mistakes: &[Mistake]) -> String {
    let mut lines = vec![match mistakes.len() {
        1 => "1 mistake in the configuration:".to_owned(),
        n => format!("{n} mistakes in the configuration:"),
    }];
    lines.extend(mistakes.iter().take(TOLD_MAX).map(ToString::to_string));
    if let Some(more @ 1..) = mistakes.len().checked_sub(TOLD_MAX) {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(value: &str) -> Mistake {
        Mistake {
            key: "hls.window".to_owned(),
            value: Some(value.to_owned()),
            origin: Origin::Env("HLS_WINDOW".to_owned()),
            problem: "must be a whole number from 3 to 60".to_owned(),
        }
    }

    #[test]
    fn names_key_value_origin_and_what_is_allowed() {
        assert_eq!(
            mistake("two").to_string(),
            r#"hls.window = "two" (env HLS_WINDOW): must be a whole number from 3 to 60"#
        );
    }

    #[test]
    fn long_and_hostile_values_are_cut_and_escaped() {
        let text = mistake(&format!("\u{1b}[2J{}", "é".repeat(10_000))).to_string();
        assert!(text.len() < 400, "{}", text.len());
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("\"..."));
    }

    #[test]
    fn a_flood_of_mistakes_is_counted() {
        let text = ConfigErrors(vec![mistake("x"); 130]).to_string();
        assert_eq!(text.lines().count(), 1 + TOLD_MAX + 1);
        assert!(text.ends_with("and 30 more"));
    }
}
