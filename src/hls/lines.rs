//! The lexical layer of a playlist (RFC 8216, 4.1 and 4.2): lines, tags, attribute lists, numbers.
//!
//! Nothing here fails: what cannot be read is skipped or `None`, because players read broken playlists too and a
//! monitor has to see what they see. Every function is linear in its input and never looks past its line.

use std::time::Duration;

/// No segment is believed to be longer than this.
const LONGEST: Duration = Duration::from_hours(24);

/// A line that means something; comments and blank lines are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `#EXT...`: the name without `#`, and what follows the first colon.
    Tag { name: &'a str, value: &'a str },
    /// Anything that does not start with `#`.
    Uri(&'a str),
}

/// All meaningful lines with their numbers, counted from 1. Ends of line are LF, CR LF or CR.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, Line<'_>)> {
    text.split('\n')
        .enumerate()
        .flat_map(|(index, line)| line.split('\r').map(move |part| (index + 1, part.trim())))
        .filter_map(|(number, line)| Some((number, read_line(line)?)))
}

fn read_line(line: &str) -> Option<Line<'_>> {
    match line.strip_prefix('#') {
        None if line.is_empty() => None,
        None => Some(Line::Uri(line)),
        Some(tag) if tag.starts_with("EXT") => {
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            Some(Line::Tag {
                name: name.trim_end(),
                value: value.trim(),
            })
        }
        Some(_) => None,
    }
}

/// The pairs of an attribute list (4.2), quotes removed. Tolerates blanks around separators, parts without `=`,
/// empty quoted strings and a missing closing quote.
pub(super) fn attributes(list: &str) -> Attributes<'_> {
    Attributes { rest: list }
}

/// Iterator of [`attributes`].
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest.trim_start_matches([',', ' ', '\t']);
            let at = rest.find(['=', ','])?;
            let (name, after) = (rest[..at].trim_end(), &rest[at + 1..]);
            if rest.as_bytes()[at] == b',' {
                self.rest = after;
                continue;
            }
            let after = after.trim_start();
            let (value, rest) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => after.split_once(',').unwrap_or((after, "")),
            };
            self.rest = rest;
            return Some((name, value.trim_end()));
        }
    }
}

/// A decimal integer; what follows the digits is ignored (`9.6` is 9). `None` without digits or above `u64`.
pub(super) fn integer(value: &str) -> Option<u64> {
    leading_digits(value.trim_start()).0.parse().ok()
}

/// A sequence number. Numbers too large to count on from keep their low 18 digits, so that they still count up.
pub(super) fn sequence(value: &str) -> Option<u64> {
    let digits = leading_digits(value.trim_start()).0;
    let roomy = u64::MAX - u64::from(u32::MAX);
    match digits.parse::<u64>() {
        Ok(number) if number <= roomy => Some(number),
        _ => digits.get(digits.len().saturating_sub(18)..)?.parse().ok(),
    }
}

/// Seconds as integer or decimal, up to a comma or blank; at most a day. `None` if negative or not a number.
pub(super) fn seconds(value: &str) -> Option<Duration> {
    let number = value.trim_start().split([',', ' ', '\t']).next()?;
    let seconds = number
        .parse::<f64>()
        .ok()
        .filter(|s| s.is_finite() && *s >= 0.0)?;
    Some(
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(LONGEST)
            .min(LONGEST),
    )
}

/// `length[@offset]` (4.3.2.2). `None` if empty, or if it would end beyond `u64`.
pub(super) fn byte_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (length, rest) = leading_digits(value.trim());
    let length = length.parse::<u64>().ok().filter(|length| *length > 0)?;
    let offset = match rest.strip_prefix('@') {
        Some(offset) => Some(integer(offset)?),
        None => None,
    };
    offset.unwrap_or(0).checked_add(length)?;
    Some((length, offset))
}

/// A hexadecimal sequence of at most 128 bits (4.2), as an initialization vector.
pub(super) fn initialization_vector(value: &str) -> Option<[u8; 16]> {
    let digits = value
        .strip_prefix("0x")
        .or_else(|| value.strip_prefix("0X"))?;
    let all_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| all_hex)?;
    Some(number.to_be_bytes())
}

/// `WIDTHxHEIGHT`, both above zero.
pub(super) fn resolution(value: &str) -> Option<(u32, u32)> {
    let (width, height) = value.split_once(['x', 'X'])?;
    let side = |text: &str| text.trim().parse::<u32>().ok().filter(|side| *side > 0);
    Some((side(width)?, side(height)?))
}

fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_line_is_known() {
        let text = "#EXTM3U\r\n#EXT-X-KEY : A=1 \r# a comment\n\n  a.ts  \nb.ts";
        let got: Vec<_> = lines(text).collect();
        assert_eq!(
            got,
            [
                (
                    1,
                    Line::Tag {
                        name: "EXTM3U",
                        value: ""
                    }
                ),
                (
                    2,
                    Line::Tag {
                        name: "EXT-X-KEY",
                        value: "A=1"
                    }
                ),
                (4, Line::Uri("a.ts")),
                (5, Line::Uri("b.ts")),
            ]
        );
    }

    #[test]
    fn attribute_lists_with_and_without_faults() {
        let list = |text| attributes(text).collect::<Vec<_>>();
        assert_eq!(
            list(r#"A=1,B="x,y=z",C=0x1F"#),
            [("A", "1"), ("B", "x,y=z"), ("C", "0x1F")]
        );
        assert_eq!(
            list(r#" A = 1 , B = "x" , junk , C="" "#),
            [("A", "1"), ("B", "x"), ("C", "")]
        );
        assert_eq!(list(r#"A="open,B=2"#), [("A", "open,B=2")]);
        assert_eq!(list(",,,=,"), [("", "")]);
        assert!(list("junk").is_empty());
    }

    #[test]
    fn numbers() {
        assert_eq!(integer("9.6"), Some(9));
        assert_eq!(integer("-1"), None);
        assert_eq!(
            sequence("18446744073709551615"),
            Some(446_744_073_709_551_615)
        );
        assert_eq!(sequence("900000000000000000000000007"), Some(7));
        assert_eq!(sequence(""), None);
        assert_eq!(
            seconds("9.5,title, more"),
            Some(Duration::from_millis(9500))
        );
        assert_eq!(seconds("10 tvg-id=1,x"), Some(Duration::from_secs(10)));
        assert_eq!(seconds("1e300"), Some(LONGEST));
        for bad in ["-1", "NaN", "inf", "", ","] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(byte_range("10@5"), Some((10, Some(5))));
        assert_eq!(byte_range("10"), Some((10, None)));
        for bad in ["", "0", "@5", "10@", "10@18446744073709551615"] {
            assert_eq!(byte_range(bad), None, "{bad}");
        }
        assert_eq!(
            initialization_vector("0x01ff").map(u128::from_be_bytes),
            Some(0x1ff)
        );
        for bad in [
            "1ff",
            "0x",
            "0x+1",
            "0xg",
            "0x123456789012345678901234567890123",
        ] {
            assert_eq!(initialization_vector(bad), None, "{bad}");
        }
        assert_eq!(resolution("1280X720"), Some((1280, 720)));
        assert_eq!(resolution("0x720"), None);
    }
}
