//! Records as lines of text. Whatever a record holds, it is one line, and shows what it is: characters that would begin
//! another line, drive a terminal or reorder what people read are written as escapes.

use std::fmt::Write;

use super::record::{Level, Record, Value};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One JSON object.
    Json,
    /// For people, with colours for a terminal or without.
    Pretty {
        /// With colours.
        colours: bool,
    },
}

/// The line of a record, its newline included.
pub(super) fn line(record: &Record, shape: Shape) -> String {
    let mut out = String::with_capacity(160 + record.message.len());
    match shape {
        Shape::Json => json(&mut out, record),
        Shape::Pretty { colours } => pretty(&mut out, record, colours),
    }
    out.push('\n');
    out
}

fn json(out: &mut String, record: &Record) {
    let level = record.level.in_capitals();
    let _ = write!(
        out,
        "{{\"timestamp\":\"{:.6}\",\"level\":\"{level}\",\"fields\":{{\"message\":",
        record.at
    );
    json_text(out, &record.message);
    for (name, value) in &record.fields {
        out.push(',');
        json_text(out, name);
        out.push(':');
        match value {
            Value::Text(text) => json_text(out, text),
            // JSON has no other numbers.
            Value::Float(value) if !value.is_finite() => json_text(out, &value.to_string()),
            value => out.push_str(&serde_json::to_string(value).unwrap_or_default()),
        }
    }
    out.push_str("},\"target\":");
    json_text(out, &record.target);
    if record.times > 1 {
        let _ = write!(out, ",\"times\":{}", record.times);
    }
    out.push('}');
}

fn json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // All of them are below U+10000.
            c if is_dangerous(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn pretty(out: &mut String, record: &Record, colours: bool) {
    let paint = |colour: &'static str| if colours { colour } else { "" };
    let (dim, end) = (paint("\x1b[2m"), paint("\x1b[0m"));
    let colour = paint(match record.level {
        Level::Trace => "\x1b[35m",
        Level::Debug => "\x1b[34m",
        Level::Info => "\x1b[32m",
        Level::Warn => "\x1b[33m",
        Level::Error => "\x1b[31m",
    });
    let level = record.level.in_capitals();
    let _ = write!(
        out,
        "{dim}{:.6}{end} {colour}{level:>5}{end} {dim}",
        record.at
    );
    plain(out, &record.target);
    let _ = write!(out, ":{end} ");
    plain(out, &record.message);
    for (name, value) in &record.fields {
        let _ = write!(out, " {dim}{name}={end}");
        match value {
            Value::Text(text) => word(out, text),
            Value::Bool(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Signed(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Unsigned(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Float(value) => {
                let _ = write!(out, "{value}");
            }
        }
    }
    if record.times > 1 {
        let _ = write!(out, " {dim}({} times){end}", record.times);
    }
}

/// A text that ends where a blank is: in quotation marks if it would not.
fn word(out: &mut String, text: &str) {
    let bare = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\"=".contains(c));
    if bare {
        return plain(out, text);
    }
    out.push('"');
    for part in text.split_inclusive('"') {
        match part.strip_suffix('"') {
            Some(part) => {
                plain(out, part);
                out.push_str("\\\"");
            }
            None => plain(out, part),
        }
    }
    out.push('"');
}

fn plain(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_dangerous(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}

/// Whether it may begin another line, drive a terminal (C0, DEL, C1), or turn the reading direction, so that a text
/// looks like another (Unicode, UTR 36, bidirectional text spoofing).
pub(super) fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(message: &str, fields: Vec<(&'static str, Value)>) -> Record {
        let at = "2026-11-22T11:20:00.5Z".parse().unwrap();
        Record {
            fields,
            ..Record::new(Level::Warn, "sightglass::app", message.to_owned(), at)
        }
    }

    #[test]
    fn lines_as_they_have_always_looked() {
        let fields = vec![
            ("stream", Value::Text("news".to_owned())),
            ("error", Value::Text("no \"such\" host".to_owned())),
            ("bytes", Value::Unsigned(5)),
            ("share", Value::Float(0.5)),
            ("odd", Value::Float(f64::NAN)),
            ("clean", Value::Bool(true)),
        ];
        let mut record = record("stopped", fields);
        assert_eq!(
            line(&record, Shape::Json),
            concat!(
                r#"{"timestamp":"2026-11-22T11:20:00.500000Z","level":"WARN","fields":{"message":"stopped","#,
                r#""stream":"news","error":"no \"such\" host","bytes":5,"share":0.5,"odd":"NaN","clean":true},"#,
                r#""target":"sightglass::app"}"#,
                "\n"
            )
        );
        record.times = 12;
        assert!(line(&record, Shape::Json).ends_with(",\"times\":12}\n"));
        assert_eq!(
            line(&record, Shape::Pretty { colours: false }),
            "2026-11-22T11:20:00.500000Z  WARN sightglass::app: stopped stream=news \
             error=\"no \\\"such\\\" host\" bytes=5 share=0.5 odd=NaN clean=true (12 times)\n"
        );
        assert!(line(&record, Shape::Pretty { colours: true }).contains("\x1b[33m WARN\x1b[0m"));
    }

    #[test]
    fn hostile_text_forges_nothing() {
        let text = "x\n{\"level\":\"ERROR\"}\r\x1b[2J\u{9b}31m\u{2028}\u{202e}txt.exe\u{85}\0";
        let record = record(text, vec![("by", Value::Text(text.to_owned()))]);
        let told = line(&record, Shape::Json);
        assert_eq!(told.lines().count(), 1);
        assert!(!told.trim_end().contains(is_dangerous), "{told:?}");
        let read: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["fields"]["message"], text);
        let told = line(&record, Shape::Pretty { colours: false });
        assert!(!told.trim_end_matches('\n').contains(is_dangerous));
        assert!(told.contains(r"x\n{"), "{told}");
    }

    proptest! {
        #[test]
        fn whatever_is_logged_is_one_line(
            message in ".{0,200}",
            texts in prop::collection::vec(any::<String>(), 0..4),
            float in any::<f64>(),
        ) {
            let names = ["a", "b", "c", "d"].into_iter();
            let mut fields: Vec<_> = names.zip(texts.into_iter().map(Value::Text)).collect();
            fields.push(("e", Value::Float(float)));
            let record = record(&message, fields.clone());
            for shape in [Shape::Json, Shape::Pretty { colours: false }] {
                let told = line(&record, shape);
                prop_assert!(told.ends_with('\n'));
                prop_assert!(!told[..told.len() - 1].contains(is_dangerous), "{:?}", told);
            }
            let read: serde_json::Value = serde_json::from_str(&line(&record, Shape::Json)).unwrap();
            prop_assert_eq!(&read["fields"]["message"], &message);
            for (name, value) in &fields {
                if let Value::Text(text) = value {
                    prop_assert_eq!(&read["fields"][*name], text);
                }
            }
        }
    }
}
