//! How one stream is judged.

use std::time::Duration;

use super::{Kind, Severity};
use crate::config;
use crate::stream::{MonitorMode, Monitoring};

/// What is seen again this soon was never gone; so nothing is cleared sooner either.
pub const MERGE: Duration = Duration::from_secs(5);
/// The longest that flapping makes a clear time, unless it is set longer.
pub const CLEAR_MAX: Duration = Duration::from_mins(5);
/// What is raised again within this time of being cleared has come back: it flaps.
pub const FLAP_MEMORY: Duration = Duration::from_mins(30);
/// How long a suspicion lasts that nothing confirms, at least.
const SUSPICION_MIN: Duration = Duration::from_mins(10);

/// How one kind of condition is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How bad it is.
    pub severity: Severity,
    /// How long it must last before it is raised.
    pub hold: Duration,
    /// How long it must be gone before it is cleared; at least [`MERGE`], and more when it flaps.
    pub clear: Duration,
    /// How often it must have been seen before it is raised, unless a closer look confirms it.
    pub looks: u32,
}

/// How one stream is judged: from the configuration, its definition, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How closely it is watched.
    pub mode: MonitorMode,
    /// Time between two looks at its picture and sound.
    pub interval: Duration,
    /// Kinds that make it go on to its next source: some of [`Kind::FAILOVER`].
    pub failover_on: Vec<Kind>,
    rules: [Rule; Kind::COUNT],
}

impl Terms {
    /// The terms of a stream that has picture and sound.
    pub fn new(config: &config::Monitor, stream: &Monitoring) -> Self {
        let mode = stream.mode.unwrap_or(config.mode);
        let interval = match mode {
            MonitorMode::Continuous => config.picture_interval,
            MonitorMode::Sampled | MonitorMode::Off => config.interval,
        };
        let mut terms = Self {
            mode,
            interval: stream.interval_ms.map_or(interval, Duration::from_millis),
            failover_on: stream.failover_on.clone(),
            rules: Kind::ALL.map(|kind| rule(kind, config, stream)),
        };
        if stream.still_picture {
            terms.disable(|kind| kind == Kind::Frozen);
        }
        terms
    }

    /// The terms of one that has no picture, and never had: radio.
    #[must_use]
    pub fn without_picture(mut self) -> Self {
        self.disable(Kind::is_of_picture);
        self
    }

    /// The terms of one that has no sound, and never had: a camera.
    #[must_use]
    pub fn without_sound(mut self) -> Self {
        self.disable(Kind::is_of_sound);
        self
    }

    /// How a kind is judged.
    pub fn rule(&self, kind: Kind) -> &Rule {
        &self.rules[kind.index()]
    }

    /// Whether a kind is looked for.
    pub fn looks_for(&self, kind: Kind) -> bool {
        self.rule(kind).enabled
    }

    /// How long a kind must be gone after so many relapses: twice as long for each, up to [`CLEAR_MAX`].
    pub(super) fn clear_after(&self, kind: Kind, relapses: u32) -> Duration {
        let clear = self.rule(kind).clear.max(MERGE);
        let grown = clear.saturating_mul(2u32.saturating_pow(relapses));
        grown.min(CLEAR_MAX.max(clear))
    }

    /// How long a suspicion lasts that no other look confirms: several looks may be late.
    pub(super) fn suspicion(&self) -> Duration {
        SUSPICION_MIN.max(self.interval * 4)
    }

    fn disable(&mut self, which: impl Fn(Kind) -> bool) {
        for kind in Kind::ALL.into_iter().filter(|kind| which(*kind)) {
            self.rules[kind.index()].enabled = false;
        }
        self.failover_on.retain(|kind| !which(*kind));
    }
}

fn rule(kind: Kind, config: &config::Monitor, stream: &Monitoring) -> Rule {
    let usual = kind.rule();
    let own = stream.conditions.get(&kind).copied().unwrap_or_default();
    let time = |own: Option<u64>, config: Option<&Duration>, usual| {
        own.map_or(config.copied().unwrap_or(usual), Duration::from_millis)
    };
    Rule {
        enabled: kind != Kind::OwnNetwork && own.enabled.unwrap_or(!config.disable.contains(&kind)),
        severity: own
            .severity
            .or(config.severity.get(&kind).copied())
            .unwrap_or(usual.severity),
        hold: time(own.hold_ms, config.hold.get(&kind), usual.hold),
        clear: time(own.clear_ms, config.clear.get(&kind), usual.clear),
        looks: usual.looks,
    }
}
