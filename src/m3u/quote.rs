//! Attribute values in quotes that cannot be left.

use std::borrow::Cow;

use super::extinf;

/// `name="value"`, in single quotes where the value holds a double one. A value that can stand in neither has its
/// double quotes made single: the only loss on the way out.
pub(super) fn attribute(name: &str, value: &str) -> String {
    match quote(value) {
        Some(quote) => format!("{name}={quote}{}{quote}", one_line(value)),
        None => format!("{name}=\"{}\"", one_line(value).replace('"', "'")),
    }
}

/// As [`attribute`], for players: double quotes only, which is all that most of them read.
pub(super) fn plain_attribute(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", one_line(value).replace('"', "'"))
}

/// Whether [`attribute`] keeps the value as it is.
pub(super) fn is_exact(value: &str) -> bool {
    quote(value).is_some()
}

fn quote(value: &str) -> Option<char> {
    if !value.contains('"') {
        return Some('"');
    }
    // Whether a single quote inside would end it depends on what follows, which is for the reader to say.
    let line = format!("a='{value}' b=\"\"");
    let mut read = Vec::new();
    extinf::scan(&line, &mut read);
    (read == [("a", value), ("b", "")]).then_some('\'')
}

/// The text without anything that could start another line.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, " ").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes() {
        assert_eq!(attribute("a", "x"), "a=\"x\"");
        assert_eq!(attribute("a", "it's"), "a=\"it's\"");
        assert_eq!(attribute("a", "\"x\""), "a='\"x\"'");
        assert_eq!(attribute("a", "it's \"x\""), "a='it's \"x\"'");
        assert_eq!(attribute("a", "\"x', y"), "a=\"'x', y\"");
        assert_eq!(attribute("a", "x\n#EXTINF"), "a=\"x #EXTINF\"");
        assert!(!is_exact("\"x', y") && is_exact("it's \"x\""));
    }

    proptest! {
        #[test]
        fn written_is_read(value in "[a=\"', é]{0,16}") {
            let value = value.trim();
            prop_assume!(is_exact(value));
            let line = format!("-1 {},Title", attribute("a", value));
            prop_assert_eq!(extinf::info(&line).attributes, [("a", value)]);
            prop_assert_eq!(extinf::info(&line).title, "Title");
        }
    }
}
