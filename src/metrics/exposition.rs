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
    pub(super) fn family<const N: usize, L: AsRef<str>>(
        &mut self,
        (name, kind, help): (&str, Type, &str),
        labels: [&str; N],
        series: impl IntoIterator<Item = ([L; N], f64)>,
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
                escape(text.as_ref(), &mut self.text);
                self.text.push('"');
            }
            if N > 0 {
                self.text.push('}');
            }
            self.text.push(' ');
            write_value(value, &mut self.text);
            self.text.push('\n');
        }
        self.text.push('\n');
    }

    /// Adds a family of one series without labels; without a value it is left out.
    pub(super) fn single(&mut self, about: (&str, Type, &str), value: impl Into<Option<f64>>) {
        let value = value.into().map(|value| ([] as [&str; 0], value));
        self.family(about, [], value);
    }

    /// The whole.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// What has no finite value is written as the format wants it, which is not as Rust writes it.
fn write_value(value: f64, out: &mut String) {
    if value.is_finite() {
        let _ = write!(out, "{value}");
    } else if value.is_nan() {
        out.push_str("NaN");
    } else {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
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
        exposition.family(about, ["stream", "kind"], [(["x\"y\\", "z"], 1.5)]);
        let none: [([&str; 1], f64); 0] = [];
        exposition.family(("b_total", Type::Counter, "None."), ["a"], none);
        exposition.single(("c", Type::Gauge, "One."), 2.0);
        exposition.single(("d", Type::Gauge, "Absent."), None);
        exposition.single(("e", Type::Gauge, "Endless."), f64::INFINITY);
        assert_eq!(
            exposition.into_text(),
            "# HELP a_bytes Bytes.\n# TYPE a_bytes gauge\na_bytes{stream=\"x\\\"y\\\\\",kind=\"z\"} 1.5\n\n\
             # HELP c One.\n# TYPE c gauge\nc 2\n\n\
             # HELP e Endless.\n# TYPE e gauge\ne +Inf\n\n"
        );
    }
}
