//! The `#EXTINF` line: duration, attributes with or without quotes, title.
//!
//! Linear in the length of the line, whatever the quotes do.

/// Longest attribute name that is read as one, in bytes.
const NAME: usize = 64;

/// What an `#EXTINF` line says.
#[derive(Debug, PartialEq)]
pub(super) struct Info<'a> {
    /// Seconds; `-1` or 0 for a live stream.
    pub(super) duration: Option<f64>,
    /// In the order of the line, names as they stand there.
    pub(super) attributes: Vec<(&'a str, &'a str)>,
    /// Everything behind the comma, commas and quotes included; may be empty.
    pub(super) title: &'a str,
}

/// Reads what follows `#EXTINF:`.
pub(super) fn info(text: &str) -> Info<'_> {
    let text = text.trim();
    let digits = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.'))
        .count();
    let (number, rest) = text.split_at(digits);
    let duration = number.parse().ok().filter(|d: &f64| d.is_finite());
    let mut attributes = Vec::new();
    let mut title = scan(rest, &mut attributes);
    // Some write a comma behind the duration and another before the title.
    let more = name_at(title).and_then(|n| title.get(n + 1..));
    if attributes.is_empty() && more.is_some_and(|value| value.starts_with(['"', '\''])) {
        title = scan(title, &mut attributes);
    }
    Info {
        duration,
        attributes,
        title,
    }
}

/// Reads `name=value` pairs up to a comma outside quotes; returns what stands behind it. Without a comma, words behind
/// the last pair are the title.
pub(super) fn scan<'a>(text: &'a str, attributes: &mut Vec<(&'a str, &'a str)>) -> &'a str {
    let mut rest = text;
    let mut words = "";
    let mut quotes_work = true;
    loop {
        rest = rest.trim_start();
        if let Some(title) = rest.strip_prefix(',') {
            return title.trim();
        }
        let Some(first) = rest.chars().next() else {
            return words.trim();
        };
        if let Some(name) = name_at(rest) {
            let (value, after) = value_at(&rest[name + 1..], &mut quotes_work);
            attributes.push((&rest[..name], value.trim()));
            (rest, words) = (after, "");
            continue;
        }
        if words.is_empty() {
            words = rest;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || c == ',')
            .unwrap_or(rest.len());
        rest = &rest[end.max(first.len_utf8())..];
    }
}

/// The length of an attribute name at the start, if one with its `=` is there.
fn name_at(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'.' | b'_' | b'-');
    let length = bytes.iter().take(NAME + 1).take_while(is_name).count();
    let named = (1..=NAME).contains(&length) && bytes[0].is_ascii_alphanumeric();
    (named && bytes.get(length) == Some(&b'=')).then_some(length)
}

/// A value and what follows it.
fn value_at<'a>(text: &'a str, quotes_work: &mut bool) -> (&'a str, &'a str) {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return bare_value(text);
    };
    let text = &text[1..];
    let (mut first, mut end) = (None, None);
    for (at, _) in text.match_indices(quote) {
        first = first.or(Some(at));
        // After a line whose quotes do not pair up has been searched to its end once, the next quote will do.
        if !*quotes_work || ends_value(&text[at + 1..]) {
            end = Some(at);
            break;
        }
    }
    *quotes_work &= end.is_some();
    match end.or(first) {
        Some(at) => (&text[..at], &text[at + 1..]),
        // Never closed: the title behind the last comma is more likely right than none.
        None => text.split_at(text.rfind(',').unwrap_or(text.len())),
    }
}

/// Whether a quote before this text closes a value: `"Al "Jazeera" HD" group-title=` has quotes that do not.
fn ends_value(after: &str) -> bool {
    let next = after.trim_start();
    next.is_empty() || next.starts_with(',') || name_at(next).is_some()
}

/// Without quotes a value runs up to a comma or to the next `name=`, so that it may hold spaces.
fn bare_value(text: &str) -> (&str, &str) {
    let mut from = 0;
    while let Some(found) = text[from..].find(|c: char| c == ',' || c.is_whitespace()) {
        let at = from + found;
        let next = text[at..].trim_start();
        if text[at..].starts_with(',')
            || next.is_empty()
            || next.starts_with(',')
            || name_at(next).is_some()
        {
            return text.split_at(at);
        }
        from = text.len() - next.len();
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Vec<(&str, &str)>, &str) {
        let info = info(text);
        (info.attributes, info.title)
    }

    #[test]
    fn durations() {
        for (text, duration) in [
            ("-1,x", Some(-1.0)),
            ("0 ,x", Some(0.0)),
            ("12.5,x", Some(12.5)),
            ("x", None),
            ("-,x", None),
        ] {
            assert_eq!(info(text).duration, duration, "{text}");
        }
    }

    #[test]
    fn lines_from_the_wild() {
        for (text, attributes, title) in [
            ("-1,CNN", vec![], "CNN"),
            ("-1", vec![], ""),
            ("-1,", vec![], ""),
            ("-1 , News, Sport, More ", vec![], "News, Sport, More"),
            (
                r#"-1 tvg-id="a.b" group-title="News, World",CNN "US""#,
                vec![("tvg-id", "a.b"), ("group-title", "News, World")],
                r#"CNN "US""#,
            ),
            (
                r"-1 tvg-id='a' group-title='It''s',X",
                vec![("tvg-id", "a"), ("group-title", "It''s")],
                "X",
            ),
            (
                "-1 tvg-id=a group-title=Sports HD tvg-logo=http://h/x?a=b,X",
                vec![
                    ("tvg-id", "a"),
                    ("group-title", "Sports HD"),
                    ("tvg-logo", "http://h/x?a=b"),
                ],
                "X",
            ),
            (
                r#"-1 tvg-id="a"tvg-name="b",X"#,
                vec![("tvg-id", "a"), ("tvg-name", "b")],
                "X",
            ),
            (
                r#"-1 tvg-name="Al "Jazeera" HD" group-title="N",X"#,
                vec![("tvg-name", r#"Al "Jazeera" HD"#), ("group-title", "N")],
                "X",
            ),
            (
                r#"-1,tvg-id="a" tvg-logo="b",X, Y"#,
                vec![("tvg-id", "a"), ("tvg-logo", "b")],
                "X, Y",
            ),
            (r#"-1 tvg-id="a" X Y"#, vec![("tvg-id", "a")], "X Y"),
            (r#"-1 tvg-id="a,X"#, vec![("tvg-id", "a")], "X"),
            (r#"-1 tvg-id="a"!b,X"#, vec![("tvg-id", "a")], "X"),
            (
                r#"-1 tvg-id="" tvg-name="  " ,X"#,
                vec![("tvg-id", ""), ("tvg-name", "")],
                "X",
            ),
            (r#"tvg-id="a",X"#, vec![("tvg-id", "a")], "X"),
            (r#"-1tvg-id="a",X"#, vec![("tvg-id", "a")], "X"),
            ("-1 a=,X", vec![("a", "")], "X"),
            ("-1 a=b ,X", vec![("a", "b")], "X"),
            ("-1 é=1 ,X", vec![], "X"),
            ("-1,=x", vec![], "=x"),
        ] {
            assert_eq!(read(text), (attributes, title), "{text}");
        }
    }

    #[test]
    fn time_is_linear() {
        // A reader that searches on from every quote or every space would be at these for minutes.
        for piece in [
            "a=\"x\"!", "a='", "a=b   ", "\"  ", "a=\"x ", "a= '", "=", ",\"", "x ", " ",
        ] {
            let line = format!("-1 a=b{}c", piece.repeat(512 * 1024 / piece.len()));
            assert!(!info(&line).attributes.is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text in "(-1|0|)[ a,=\"'é\\PC]{0,60}") {
            let info = info(&text);
            prop_assert!(text.contains(info.title));
        }
    }
}
