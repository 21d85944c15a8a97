//! The availability report as CSV (RFC 4180).

use std::fmt::Write as _;

use super::{Availability, Period};

const COLUMNS: [&str; 15] = [
    "stream",
    "name",
    "group",
    "from",
    "to",
    "uptime_percent",
    "up_seconds",
    "degraded_seconds",
    "down_seconds",
    "unknown_seconds",
    "paused_seconds",
    "outages",
    "outage_seconds_longest",
    "outage_seconds_mean",
    "coverage_percent",
];

/// The first line: the names of the columns.
pub fn availability_head() -> String {
    let mut line = COLUMNS.join(",");
    line.push_str("\r\n");
    line
}

/// The line of one stream. Cells with text are quoted, and none of them is a formula to a
/// spreadsheet; an uptime that is not known is empty.
pub fn availability_row(
    out: &mut String,
    (id, name, group): (&str, &str, &str),
    period: Period,
    availability: &Availability,
) {
    for cell in [id, name, group] {
        text(out, cell);
        out.push(',');
    }
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    let spans = &availability.spans;
    let uptime = availability
        .uptime()
        .map(|share| format!("{:.4}", floor(share)));
    let coverage = floor(spans.known() as f64 / period.ms().max(1) as f64);
    // Writing into a String does not fail.
    let _ = write!(
        out,
        "{},{},{},{},{},{},{},{},{},{},{},{coverage:.4}\r\n",
        period.from.starts(),
        period.to.starts(),
        uptime.unwrap_or_default(),
        seconds(spans.up),
        seconds(spans.degraded),
        seconds(spans.down),
        seconds(spans.unknown),
        seconds(spans.paused),
        availability.outages,
        seconds(availability.longest_ms),
        seconds(availability.mean_outage_ms()),
    );
}

/// Per cent with four digits, rounded down: 100 is for what was never down.
fn floor(share: f64) -> f64 {
    (share * 1_000_000.0).floor() / 10_000.0
}

/// A quoted cell. What a spreadsheet would take for a formula gets an apostrophe before it
/// (OWASP, CSV Injection): `=`, `+`, `-`, `@`, also as full-width characters, and control characters.
fn text(out: &mut String, cell: &str) {
    out.push('"');
    let first = cell.trim_start_matches(' ').chars().next();
    let formula = |c: char| c.is_control() || "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c);
    if first.is_some_and(formula) {
        out.push('\'');
    }
    for character in cell.chars() {
        match character {
            '"' => out.push_str("\"\""),
            '\0' => {}
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::{Minute, MinuteAt, Spans, Tally};
    use super::*;
    use crate::conditions::Health;

    #[test]
    fn a_line_is_as_rfc_4180_says() {
        let period = Period {
            from: MinuteAt(0),
            to: MinuteAt(3),
        };
        let mut tally = Tally::default();
        for health in [Health::Up, Health::Down] {
            tally.add(&Minute {
                spans: Spans::whole(health, 60_000),
                ..Minute::default()
            });
        }
        let mut line = String::new();
        let names = ("news", "The \"News\", live", "a\r\nb");
        availability_row(&mut line, names, period, &tally.of(period));
        assert_eq!(
            line,
            "\"news\",\"The \"\"News\"\", live\",\"a\r\nb\",1970-01-01T00:00:00Z,1970-01-01T00:03:00Z,\
             50.0000,60,0,60,60,0,1,60,60,66.6666\r\n"
        );
        assert_eq!(availability_head().matches(',').count(), COLUMNS.len() - 1);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let cell = |name: &str| {
            let mut out = String::new();
            text(&mut out, name);
            out
        };
        assert_eq!(cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        for bad in [
            "+1",
            "-1",
            "@x",
            "\t=1",
            "\r=1",
            "\n=1",
            "  =1",
            "\u{ff1d}1",
        ] {
            assert!(cell(bad).starts_with("\"'"), "{bad:?}");
        }
        for good in ["News", "1+1=2", "", "é", "4Fun-TV"] {
            assert_eq!(cell(good), format!("\"{good}\""));
        }
    }
}
