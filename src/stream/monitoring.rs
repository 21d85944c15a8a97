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
    /// What differs from how conditions are judged elsewhere, by the kind of condition (any but `own_network`).
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
    for kind in Kind::ALL {
        if kind == Kind::OwnNetwork {
            continue;
        }
        if let Some((at, value)) = f.member(kind.as_str())
            && let Some(options) = condition(at, value, f.mistakes())
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
