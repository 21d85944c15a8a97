//! "Did you mean ...?": the known name nearest to an unknown one.

/// Names longer than this are not compared: edit distance is quadratic.
const LENGTH_MAX: usize = 64;

/// Of `known`, the value whose name is nearest to `unknown`, if any is near enough to be a likely slip.
pub(super) fn nearest<'a, T>(
    unknown: &str,
    known: impl IntoIterator<Item = (&'a str, T)>,
) -> Option<T> {
    let length = unknown.chars().count();
    if length == 0 || length > LENGTH_MAX {
        return None;
    }
    let unknown = unknown.to_lowercase();
    known
        .into_iter()
        .map(|(name, value)| (distance(&unknown, &name.to_lowercase()), value))
        .filter(|(distance, _)| *distance <= 1 + length / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, value)| value)
}

/// Levenshtein distance in characters, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            left = (diagonal + usize::from(from != *to))
                .min(above + 1)
                .min(left + 1);
            *cell = left;
            diagonal = above;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn near_names_are_hinted_and_far_ones_are_not() {
        let known = || ["listen", "db_path", "stall_timeout"].map(|name| (name, name));
        assert_eq!(nearest("lisen", known()), Some("listen"));
        assert_eq!(nearest("stal_timeot", known()), Some("stall_timeout"));
        assert_eq!(nearest("DB_PATH", known()), Some("db_path"));
        assert_eq!(nearest("colour", known()), None);
        assert_eq!(nearest("", known()), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known()), None);
    }
}
