//! As much of `PromQL` as it takes to find what a query asks for: its selectors and the labels that it names.

use std::collections::BTreeSet;

/// What a query refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct References {
    /// Vector selectors as they are written, without ranges: `name` or `name{...}`.
    pub(super) selectors: BTreeSet<String>,
    /// Labels in matchers, and those of `by`, `on`, `without`, `ignoring`, `group_left` and `group_right`.
    pub(super) labels: BTreeSet<String>,
}

/// Words before a list of labels.
const GROUPINGS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
/// Words that are no metric.
const WORDS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

/// Reads a query that Prometheus has accepted.
pub(super) fn references(query: &str) -> References {
    let mut found = References::default();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        if first == '"' || first == '\'' {
            rest = &rest[quoted(rest)..];
        } else if first == '[' {
            rest = &rest[rest.find(']').map_or(rest.len(), |at| at + 1)..];
        } else if first.is_ascii_digit() {
            // Numbers and durations.
            rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
        } else if is_name(first) {
            let end = rest.find(|c| !is_name(c) && !c.is_ascii_digit());
            let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
            rest = behind;
            let next = behind.trim_start();
            let lower = word.to_ascii_lowercase();
            if GROUPINGS.contains(&lower.as_str()) {
                if let Some(list) = next.strip_prefix('(') {
                    let end = list.find(')').expect("the list of labels ends");
                    let labels = list[..end].split(',').map(str::trim);
                    let labels = labels.filter(|label| !label.is_empty());
                    found.labels.extend(labels.map(ToOwned::to_owned));
                    rest = &list[end + 1..];
                }
            } else if next.starts_with('{') {
                let end = matchers(next, &mut found.labels);
                found.selectors.insert(format!("{word}{}", &next[..end]));
                rest = &next[end..];
            } else if !is_call(next) && !WORDS.contains(&lower.as_str()) {
                found.selectors.insert(word.to_owned());
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

/// The name of the metric that a selector selects.
pub(super) fn metric(selector: &str) -> &str {
    selector.split('{').next().unwrap_or_default()
}

/// Whether the word before is a function or an aggregation.
fn is_call(next: &str) -> bool {
    let lists = ["(", "by (", "by(", "without (", "without("];
    lists.iter().any(|list| next.starts_with(list))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

/// The length of the quoted text that `text` begins with.
fn quoted(text: &str) -> usize {
    let quote = text.chars().next().unwrap_or_default();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the matchers in braces that `text` begins with; adds their labels.
fn matchers(text: &str, labels: &mut BTreeSet<String>) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '}' => return at + 1,
            '"' | '\'' => at += quoted(&text[at..]),
            c if is_name(c) => {
                let rest = &text[at..];
                let end = rest.find(|c| !is_name(c) && !c.is_ascii_digit());
                let end = end.unwrap_or(rest.len());
                labels.insert(rest[..end].to_owned());
                at += end;
            }
            c => at += c.len_utf8(),
        }
    }
    text.len()
}

#[test]
fn selectors_and_labels_are_found() {
    let query = r#"histogram_quantile(0.95, sum by (le, route) (rate(a_bucket{x=~"a{2}|b", y!=""}[5m])))
        / on (job) group_left () (b:c:rate5m > 0) unless d offset 5m and 1e9 * count_values("e", f) [1h:]"#;
    let found = references(query);
    let selectors = [r#"a_bucket{x=~"a{2}|b", y!=""}"#, "b:c:rate5m", "d", "f"];
    assert_eq!(found.selectors, selectors.map(ToOwned::to_owned).into());
    assert_eq!(
        found.labels,
        ["le", "route", "job", "x", "y"]
            .map(ToOwned::to_owned)
            .into()
    );
    assert_eq!(metric(selectors[0]), "a_bucket");
}
