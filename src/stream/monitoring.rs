//! How an operator wants one stream to be watched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::invalid::{Mistakes, join};
use super::limits;
use super::shape::Members;
use crate::conditions::{Kind, Severity};

/// How one stream is watched; what is absent follows the server's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamMonitoring, example = json!({"mode": "continuous", "still_picture": true,
    "conditions": {"silent": {"hold_ms": 60_000, "severity": "warning"}}, "failover_on": ["black"]}))]
pub struct Monitoring {
    /// How closely it is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<MonitorMode>,
    /// How long between two looks at the picture and the sound, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 2_000, maximum = 3_600_000, example = 30_000)]
    pub interval_ms: Option<u64>,
    /// A picture that does not move is as it should be (a logo, a test card): never `frozen`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub still_picture: bool,
    /// What differs from how conditions are judged elsewhere, by the kind of condition (any but those of the server itself).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<Kind, ConditionOptions>,
    /// Which of `black`, `frozen` and `silent` on a source make the stream go on to its next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub failover_on: Vec<Kind>,
}

/// How closely streams are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MonitorMode {
    /// The stream is pulled all the time, and every byte is scanned.
    Continuous,
    /// Playlists are followed; a segment, or some seconds of media, is looked at in each interval.
    Sampled,
    /// Not at all.
    Off,
}

/// How one kind of condition is judged; what is absent follows the server's configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConditionOptions)]
pub struct ConditionOptions {
    /// Whether it is raised at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How long it must last before it is raised, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3_600_000, example = 10_000)]
    pub hold_ms: Option<u64>,
    /// How long it must be gone before it is cleared, in milliseconds; never less than 5 s in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3_600_000, example = 10_000)]
    pub clear_ms: Option<u64>,
    /// How bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

impl Monitoring {
    /// Whether it says nothing.
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the shape of a body, member by member.
    pub(super) fn read(at: String, value: Value, mistakes: &mut Mistakes) -> Option<Self> {
        let mut f = Members::open(at, value, mistakes)?;
        let mode = f.word("mode", &MonitorMode::WORDS);
        let interval_ms = f.integer("interval_ms");
        let still_picture = f.boolean("still_picture").unwrap_or(false);
        let conditions = f.member("conditions");
        let conditions = conditions.map(|(at, value)| conditions_of(at, value, f.mistakes()));
        let failover_on = f.words("failover_on", &failover_words());
        f.close();
        Some(Self {
            mode,
            interval_ms,
            still_picture,
            conditions: conditions.unwrap_or_default(),
            failover_on,
        })
    }

    /// Tells what is wrong with it.
    pub(super) fn check(&self, at: &str, mistakes: &mut Mistakes) {
        let (min, max) = (limits::MONITOR_INTERVAL_MIN_MS, limits::MONITOR_TIME_MAX_MS);
        if self
            .interval_ms
            .is_some_and(|ms| !(min..=max).contains(&ms))
        {
            let allowed = format!("{min} to {max} milliseconds");
            mistakes.add(join(at, "interval_ms"), "is out of range", allowed);
        }
        for (kind, options) in &self.conditions {
            let at = join(&join(at, "conditions"), kind.as_str());
            for (name, ms) in [("hold_ms", options.hold_ms), ("clear_ms", options.clear_ms)] {
                if ms.is_some_and(|ms| ms > max) {
                    let allowed = format!("0 to {max} milliseconds");
                    mistakes.add(join(&at, name), "is too long", allowed);
                }
            }
        }
    }
}

fn conditions_of(
    at: String,
    value: Value,
    mistakes: &mut Mistakes,
) -> BTreeMap<Kind, ConditionOptions> {
    let mut conditions = BTreeMap::new();
    let Some(mut f) = Members::open(at, value, mistakes) else {
        return conditions;
    };
    for kind in Kind::STREAM {
        if let Some((at, value)) = f.member(kind.as_str())
            && let Some(options) = condition(at, value, f.mistakes())
            && options != ConditionOptions::default()
        {
            conditions.insert(kind, options);
        }
    }
    f.close();
    conditions
}

fn condition(at: String, value: Value, mistakes: &mut Mistakes) -> Option<ConditionOptions> {
    let mut f = Members::open(at, value, mistakes)?;
    let options = ConditionOptions {
        enabled: f.boolean("enabled"),
        hold_ms: f.integer("hold_ms"),
        clear_ms: f.integer("clear_ms"),
        severity: f.word("severity", &Severity::ALL.map(|it| (it.as_str(), it))),
    };
    f.close();
    Some(options)
}

fn failover_words() -> [(&'static str, Kind); 3] {
    Kind::FAILOVER.map(|kind| (kind.as_str(), kind))
}

impl MonitorMode {
    /// Their names.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("continuous", Self::Continuous),
        ("sampled", Self::Sampled),
        ("off", Self::Off),
    ];

    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Sampled => "sampled",
            Self::Off => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Definition, Draft, Invalid, merge_patch};
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn define(monitor: &Value) -> Result<Definition, Vec<Invalid>> {
        let body =
            json!({"id": "a", "sources": [{"url": "http://h/"}], "options": {"monitor": monitor}});
        Draft::define(body, None, |_| false)
    }

    fn shown(definition: &Definition) -> Value {
        let shown = serde_json::to_value(definition).unwrap();
        // As the store reads it.
        let stored: Definition = serde_json::from_value(shown.clone()).unwrap();
        assert_eq!(stored, *definition);
        shown["options"]["monitor"].clone()
    }

    #[test]
    fn what_is_set_is_shown_and_the_rest_is_not() {
        let full = json!({
            "mode": "continuous", "interval_ms": 2_000, "still_picture": true,
            "conditions": {
                "black": {"enabled": true, "hold_ms": 0, "clear_ms": 3_600_000, "severity": "info"},
                "no_audio": {"enabled": false},
            },
            "failover_on": ["black", "silent"],
        });
        let made = define(&full).unwrap();
        assert_eq!(shown(&made), full);
        let monitor = &made.options.monitor;
        assert_eq!(monitor.failover_on, [Kind::Black, Kind::Silent]);
        assert_eq!(monitor.conditions[&Kind::NoAudio].enabled, Some(false));
        // Each once, in one order.
        let mixed = define(&json!({"failover_on": ["silent", "black", "silent"]})).unwrap();
        assert_eq!(shown(&mixed), json!({"failover_on": ["black", "silent"]}));
        for nothing in [
            json!(null),
            json!({}),
            json!({"mode": null, "still_picture": false, "conditions": {"black": {}}, "failover_on": []}),
        ] {
            assert_eq!(shown(&define(&nothing).unwrap()), Value::Null);
        }
    }

    #[test]
    fn patches() {
        let made = define(
            &json!({"mode": "off", "conditions": {"black": {"hold_ms": 5}, "slow": {"enabled": false}}}),
        );
        let patched = |patch| {
            let patch = json!({"options": {"monitor": patch}});
            shown(&merge_patch(made.as_ref().unwrap(), &patch).unwrap())
        };
        assert_eq!(
            patched(json!({"mode": null, "conditions": {"black": null, "slow": {"hold_ms": 1}}})),
            json!({"conditions": {"slow": {"enabled": false, "hold_ms": 1}}})
        );
        assert_eq!(
            patched(json!({"conditions": {"black": {"hold_ms": null}}})),
            json!({"mode": "off", "conditions": {"slow": {"enabled": false}}})
        );
        assert_eq!(patched(json!(null)), Value::Null);
    }

    #[test]
    fn all_mistakes_at_once() {
        let told = define(&json!({
            "mode": "always", "interval_ms": 1_999, "still_picture": "yes", "colour": 1,
            "conditions": {
                "dark": {}, "own_network": {}, "silent": 5,
                "black": {"enabled": 1, "hold_ms": 3_600_001, "clear_ms": -1, "severity": "bad", "x": 1},
            },
            "failover_on": ["black", "down", 7],
        }))
        .unwrap_err();
        let places: BTreeSet<_> = told
            .iter()
            .filter_map(|it| it.pointer.strip_prefix("/options/monitor"))
            .collect();
        let expected = BTreeSet::from([
            "/mode",
            "/interval_ms",
            "/still_picture",
            "/colour",
            "/conditions/dark",
            "/conditions/own_network",
            "/conditions/silent",
            "/conditions/black/enabled",
            "/conditions/black/hold_ms",
            "/conditions/black/clear_ms",
            "/conditions/black/severity",
            "/conditions/black/x",
            "/failover_on/1",
            "/failover_on/2",
        ]);
        assert_eq!(places, expected);
        assert_eq!(told.len(), expected.len());
        let at = |place: &str| told.iter().find(|it| it.pointer.ends_with(place)).unwrap();
        assert_eq!(at("/mode").allowed, "continuous, sampled, off");
        assert_eq!(at("/failover_on/1").allowed, "black, frozen, silent");
        for (body, place) in [
            (json!([]), ""),
            (json!({"conditions": []}), "/conditions"),
            (json!({"interval_ms": 3_600_001}), "/interval_ms"),
            (json!({"failover_on": "black"}), "/failover_on"),
            (
                json!({"failover_on": ["black", "black", "black", "black"]}),
                "/failover_on",
            ),
        ] {
            let told = define(&body).unwrap_err();
            let pointer = format!("/options/monitor{place}");
            assert_eq!((told.len(), &told[0].pointer), (1, &pointer));
        }
    }
}
