//! Series that come and go with what they tell of, written out at each scrape.
//!
//! A gauge that was once set stays for ever in a recorder; a pipeline does not.

use std::fmt::Write;

/// Text in the Prometheus exposition format, version 0.0.4.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

/// What a family's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Gauge,
    Counter,
}

impl Exposition {
    /// Adds a family with all its series; without any it is left out.
    pub(super) fn family<const N: usize>(
        &mut self,
        (name, kind, help): (&str, Type, &str),
        labels: [&str; N],
        series: impl IntoIterator<Item = ([String; N], f64)>,
    ) {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return;
        }
        let kind = match kind {
            Type::Gauge => "gauge",
            Type::Counter => "counter",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (values, value) in series {
            self.text.push_str(name);
            for (at, (label, text)) in labels.iter().zip(&values).enumerate() {
                self.text.push(if at == 0 { '{' } else { ',' });
                let _ = write!(self.text, "{label}=\"");
                escape(text, &mut self.text);
                self.text.push('"');
            }
            if N > 0 {
                self.text.push('}');
            }
            let _ = writeln!(self.text, " {value}");
        }
        self.text.push('\n');
    }

    /// The whole.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_with_their_labels_escaped() {
        let mut exposition = Exposition::default();
        let about = ("a_bytes", Type::Gauge, "Bytes.");
        exposition.family(
            about,
            ["stream", "kind"],
            [(["x\"y\\".into(), "z".into()], 1.5)],
        );
        exposition.family(("b_total", Type::Counter, "None."), ["a"], []);
        exposition.family(("c", Type::Gauge, "One."), [], [([], 2.0)]);
        assert_eq!(
            exposition.into_text(),
            "# HELP a_bytes Bytes.\n# TYPE a_bytes gauge\na_bytes{stream=\"x\\\"y\\\\\",kind=\"z\"} 1.5\n\n\
             # HELP c One.\n# TYPE c gauge\nc 2\n\n"
        );
    }
}
