//! Durations and sizes as people write them.

use super::parser::{Parser, quoted};
use std::time::Duration;

/// One binary kilobyte, in bytes.
pub(super) const KIB: usize = 1 << 10;
/// One binary megabyte, in bytes.
pub(super) const MIB: usize = 1 << 20;
/// One second, minute, hour and day, in milliseconds.
pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// A duration between two bounds in milliseconds, both allowed. A bare whole number counts milliseconds.
pub(super) struct Millis(pub(super) u64, pub(super) u64);

impl Parser for Millis {
    type Value = Duration;

    fn parse(&self, text: &str) -> Option<Duration> {
        let (number, unit) = number_and_unit(text)?;
        let scale = match unit {
            "" | "ms" => 1,
            "s" => SECOND,
            "m" | "min" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return None,
        };
        let millis = number.checked_mul(scale)?;
        (self.0..=self.1)
            .contains(&millis)
            .then(|| Duration::from_millis(millis))
    }

    fn allowed(&self) -> String {
        format!(
            "a duration from {} to {}, such as 1500 (milliseconds), 500ms, 30s or 2m",
            duration_text(self.0),
            duration_text(self.1)
        )
    }

    fn show(&self, value: &Duration) -> String {
        quoted(&duration_text(
            u64::try_from(value.as_millis()).unwrap_or(u64::MAX),
        ))
    }
}

/// A size between two bounds in bytes, both allowed. A bare whole number counts bytes.
pub(super) struct Size(pub(super) usize, pub(super) usize);

impl Parser for Size {
    type Value = usize;

    fn parse(&self, text: &str) -> Option<usize> {
        let (number, unit) = number_and_unit(text)?;
        let scale: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        };
        let bytes = usize::try_from(number.checked_mul(scale)?).ok()?;
        (self.0..=self.1).contains(&bytes).then_some(bytes)
    }

    fn allowed(&self) -> String {
        format!(
            "a size from {} to {}, such as 1048576 (bytes), 512kB, 16MB or 16MiB",
            size_text(self.0),
            size_text(self.1)
        )
    }

    fn show(&self, value: &usize) -> String {
        quoted(&size_text(*value))
    }
}

/// Splits `16 MiB` into the number and the unit; digits only, so no sign, point or exponent.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// The shortest exact text of a duration: `1d`, `2m`, `15s`, `500ms`.
fn duration_text(millis: u64) -> String {
    for (scale, unit) in [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")] {
        if millis > 0 && millis.is_multiple_of(scale) {
            return format!("{}{unit}", millis / scale);
        }
    }
    format!("{millis}ms")
}

/// The shortest exact text of a size in binary units.
fn size_text(bytes: usize) -> String {
    for (scale, unit) in [(1 << 30, "GiB"), (MIB, "MiB"), (KIB, "KiB")] {
        if bytes > 0 && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        let parser = Millis(0, HOUR);
        for (text, millis) in [
            ("0", 0),
            ("1500", 1500),
            ("500ms", 500),
            ("30s", 30_000),
            (" 30 s ", 30_000),
            ("2m", 120_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                parser.parse(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        let days = Millis(0, 90 * DAY);
        let most = Duration::from_hours(90 * 24);
        assert_eq!(days.parse("90d"), Some(most));
        assert_eq!(days.show(&most), "\"90d\"");
        for text in [
            "",
            "s",
            "-1",
            "+1",
            "1.5s",
            "1e3",
            "30S",
            "2 weeks",
            "1s1s",
            "2h",
            "99999999999999999999",
            "18446744073709551615h",
        ] {
            assert_eq!(parser.parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        let parser = Size(0, 1 << 30);
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("10b", 10),
            ("512kB", 512_000),
            ("16MB", 16_000_000),
            ("16 mib", 16 << 20),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(parser.parse(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "16M", "16Mib/s", "2GiB", "1.5MiB", "-1"] {
            assert_eq!(parser.parse(text), None, "{text}");
        }
    }

    #[test]
    fn allowed_names_the_bounds() {
        assert!(
            Millis(100, 10 * MINUTE)
                .allowed()
                .contains("from 100ms to 10m")
        );
        assert!(
            Size(64 * KIB, MIB + 1)
                .allowed()
                .contains("from 64KiB to 1048577B")
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(number in any::<u64>(), text in ".{0,24}") {
            let millis = number % HOUR;
            let duration = Millis(0, HOUR);
            let value = Duration::from_millis(millis);
            prop_assert_eq!(duration.parse(duration.show(&value).trim_matches('"')), Some(value));
            let size = Size(0, usize::MAX);
            let bytes = number as usize;
            prop_assert_eq!(size.parse(size.show(&bytes).trim_matches('"')), Some(bytes));
            // No text panics.
            let _ = (duration.parse(&text), size.parse(&text));
        }
    }
}
