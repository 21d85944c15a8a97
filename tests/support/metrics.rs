//! A small reader of the Prometheus text format.

use std::collections::BTreeMap;

/// The samples of one scrape: `name{label="value",...}` to value.
#[derive(Debug, Clone, Default)]
pub struct Metrics(pub BTreeMap<String, f64>);

impl Metrics {
    /// Reads a scrape.
    ///
    /// # Panics
    /// When a line is neither a comment nor a sample.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let samples = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            samples
                .map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line:?}")))
                .collect(),
        )
    }

    /// The sample with this name and these labels, written as in the scrape.
    pub fn get(&self, sample: &str) -> Option<f64> {
        self.0.get(sample).copied()
    }

    /// The sum over all samples of `name` that carry each of `labels` (`key="value"`); 0 when
    /// there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples(name)
            .filter(|(body, _)| {
                labels
                    .iter()
                    .all(|(key, value)| has_label(body, &format!("{key}=\"{value}\"")))
            })
            // Not `sum()`, whose sum of nothing is -0.
            .fold(0.0, |sum, (_, value)| sum + value)
    }

    /// Whether any sample of `name` is there.
    pub fn has(&self, name: &str) -> bool {
        self.samples(name).next().is_some()
    }

    /// The samples of `name`: the text between the braces, and the value.
    pub fn samples<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(key, value)| {
            let behind = key.strip_prefix(name)?;
            let labels = if behind.is_empty() {
                behind
            } else {
                behind.strip_prefix('{')?.strip_suffix('}')?
            };
            Some((labels, *value))
        })
    }
}

/// Whether `pair` stands in `body` as a whole label: `id="a"` is no part of `grid="a"`.
fn has_label(body: &str, pair: &str) -> bool {
    body.match_indices(pair)
        .any(|(at, _)| at == 0 || body.as_bytes()[at - 1] == b',')
}

fn sample(line: &str) -> Option<(String, f64)> {
    // Label values may hold spaces; the value (and a timestamp) stand behind the last brace.
    let cut = line
        .rfind('}')
        .map_or_else(|| line.find(' '), |at| Some(at + 1))?;
    let (key, rest) = line.split_at(cut);
    let value = match rest.split_whitespace().next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().ok()?,
    };
    Some((key.to_owned(), value))
}
