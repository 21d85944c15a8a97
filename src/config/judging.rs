//! How conditions of streams are judged: values by kind.

use std::collections::BTreeMap;

use super::net::{array, list};
use super::parser::{Parser, Shape};
use crate::conditions::{Kind, Severity};

/// Kinds that a setting may name: every one that a stream can have.
fn kind(name: &str) -> Option<Kind> {
    Kind::parse(name.trim()).filter(|kind| !kind.is_of_server())
}

fn names() -> String {
    Kind::STREAM.map(Kind::as_str).join(", ")
}

/// `kind=value`, comma-separated, each kind at most once.
pub(super) struct ByKind<P>(pub(super) P);

impl<P: Parser> Parser for ByKind<P> {
    type Value = BTreeMap<Kind, P::Value>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Self::Value> {
        let items = list(text, Kind::STREAM.len(), |item| {
            let (name, value) = item.split_once('=')?;
            Some((kind(name)?, self.0.parse(value)?))
        })?;
        let count = items.len();
        let map: BTreeMap<_, _> = items.into_iter().collect();
        (map.len() == count).then_some(map)
    }

    fn allowed(&self) -> String {
        format!(
            "kind=value, comma-separated, each kind (of {}) once, the value {}",
            names(),
            self.0.allowed()
        )
    }

    fn show(&self, value: &Self::Value) -> String {
        let items = value.iter().map(|(kind, value)| {
            let value = self.0.show(value);
            format!("{}={}", kind.as_str(), value.trim_matches('"'))
        });
        array(&items.collect::<Vec<_>>())
    }
}

/// Kinds, comma-separated.
pub(super) struct Kinds;

impl Parser for Kinds {
    type Value = Vec<Kind>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<Kind>> {
        list(text, Kind::STREAM.len(), kind)
    }

    fn allowed(&self) -> String {
        format!("some of {}, comma-separated, or empty for none", names())
    }

    fn show(&self, value: &Vec<Kind>) -> String {
        let names: Vec<_> = value.iter().map(|kind| kind.as_str()).collect();
        array(&names)
    }
}

/// The words for severities.
pub(super) const SEVERITIES: &[(&str, Severity)] = &[
    ("info", Severity::Info),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];

#[cfg(test)]
mod tests {
    use super::super::parser::OneOf;
    use super::super::units::{HOUR, Millis};
    use super::*;
    use std::time::Duration;

    #[test]
    fn values_by_kind() {
        let holds = ByKind(Millis(0, HOUR));
        let read = holds.parse(" black = 20s,no_audio=500ms ").unwrap();
        let expected = [
            (Kind::Black, Duration::from_secs(20)),
            (Kind::NoAudio, Duration::from_millis(500)),
        ];
        assert_eq!(read, BTreeMap::from(expected));
        assert_eq!(holds.show(&read), r#"["black=20s", "no_audio=500ms"]"#);
        assert_eq!(holds.parse(""), Some(BTreeMap::new()));
        for text in [
            "black",
            "black=",
            "black=2h",
            "blck=1s",
            "black=1s,",
            "black=1s,black=2s",
            "own_network=1s",
            "low_disk=1s",
        ] {
            assert_eq!(holds.parse(text), None, "{text}");
        }
        let severities = ByKind(OneOf(SEVERITIES));
        let read = severities.parse("silent=Warning").unwrap();
        assert_eq!(read, BTreeMap::from([(Kind::Silent, Severity::Warning)]));
        assert!(
            severities
                .allowed()
                .ends_with("one of info, warning, critical")
        );
    }

    #[test]
    fn kinds() {
        let some = vec![Kind::Bitrate, Kind::Slow];
        assert_eq!(Kinds.parse("bitrate, slow"), Some(some.clone()));
        assert_eq!(Kinds.show(&some), r#"["bitrate", "slow"]"#);
        assert_eq!(Kinds.parse(""), Some(Vec::new()));
        for text in ["bitrate,", "dark", "own_network", "Black"] {
            assert_eq!(Kinds.parse(text), None, "{text}");
        }
    }
}
