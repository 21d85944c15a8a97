//! Confinement: how strict it is, and what it leaves open.

use std::path::PathBuf;

use super::net::{array, list};
use super::parser::{FilePath, Parser, Shape};
use crate::confine::Mode;

/// The words for whether the process confines itself.
pub(super) const CONFINEMENT_MODES: &[(&str, Mode)] = &[
    ("on", Mode::On),
    ("off", Mode::Off),
    ("required", Mode::Required),
];

/// The most paths, and the most plugins.
const MOST: usize = 64;

/// Paths from the root, comma-separated.
pub(super) struct Paths;

impl Parser for Paths {
    type Value = Vec<PathBuf>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<PathBuf>> {
        list(text, MOST, |item| {
            FilePath.parse(item).filter(|path| path.is_absolute())
        })
    }

    fn allowed(&self) -> String {
        format!("up to {MOST} paths that begin with /, comma-separated")
    }

    fn show(&self, value: &Vec<PathBuf>) -> String {
        let paths: Vec<_> = value.iter().map(|path| path.to_string_lossy()).collect();
        array(&paths)
    }
}

/// Names of plugins, comma-separated.
pub(super) struct Plugins;

impl Parser for Plugins {
    type Value = Vec<String>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<String>> {
        let good = |sign: u8| sign.is_ascii_alphanumeric() || b"-_".contains(&sign);
        list(text, MOST, |item| {
            let named = (1..=64).contains(&item.len()) && item.bytes().all(good);
            named.then(|| item.to_owned())
        })
    }

    fn allowed(&self) -> String {
        format!("up to {MOST} names of plugins such as va or nvcodec, comma-separated")
    }

    fn show(&self, value: &Vec<String>) -> String {
        array(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_plugins() {
        let paths = Paths.parse("/dev/dri, /srv/more").unwrap();
        assert_eq!(Paths.show(&paths), r#"["/dev/dri", "/srv/more"]"#);
        for text in ["dev/dri", "/a,,/b", "/a,b"] {
            assert_eq!(Paths.parse(text), None, "{text}");
        }
        assert_eq!(Plugins.parse("va,nvcodec").map(|it| it.len()), Some(2));
        for text in ["../x", "libgstva.so", "a b", "va,"] {
            assert_eq!(Plugins.parse(text), None, "{text}");
        }
    }
}
