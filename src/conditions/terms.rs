//! How one stream is judged.

use std::time::{Duration, Instant};

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

    /// The terms of the server itself: of its kinds all but `own_network`, which the [`Guard`](super::Guard) judges.
    pub fn of_server(interval: Duration) -> Self {
        let rule = |kind: Kind| Rule {
            enabled: kind.is_of_server() && kind != Kind::OwnNetwork,
            ..kind.rule()
        };
        Self {
            mode: MonitorMode::Continuous,
            interval,
            failover_on: Vec::new(),
            rules: Kind::ALL.map(rule),
        }
    }

    /// As built in.
    #[cfg(test)]
    pub(super) fn usual() -> Self {
        Self {
            mode: MonitorMode::Continuous,
            interval: Duration::from_secs(10),
            failover_on: Vec::new(),
            rules: Kind::ALL.map(Kind::rule),
        }
    }

    /// With another rule for a kind.
    #[cfg(test)]
    pub(super) fn with(mut self, kind: Kind, change: impl FnOnce(&mut Rule)) -> Self {
        change(&mut self.rules[kind.index()]);
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
        grown(self.rule(kind).clear.max(MERGE), relapses)
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

/// A clear time after so many relapses.
pub(super) fn grown(clear: Duration, relapses: u32) -> Duration {
    let grown = clear.saturating_mul(2u32.saturating_pow(relapses));
    grown.min(CLEAR_MAX.max(clear))
}

/// The relapses of what is raised at `at`, by when it was last cleared and how often it had come back until then.
pub(super) fn relapses(past: Option<(Instant, u32)>, at: Instant) -> u32 {
    let recent = past.filter(|(cleared, _)| at < *cleared + FLAP_MEMORY);
    recent.map_or(0, |(_, relapses)| relapses.saturating_add(1))
}

fn rule(kind: Kind, config: &config::Monitor, stream: &Monitoring) -> Rule {
    let usual = kind.rule();
    let own = stream.conditions.get(&kind).copied().unwrap_or_default();
    let time = |own: Option<u64>, config: Option<&Duration>, usual| {
        own.map_or(config.copied().unwrap_or(usual), Duration::from_millis)
    };
    Rule {
        enabled: usual.enabled && own.enabled.unwrap_or(!config.disable.contains(&kind)),
        severity: own
            .severity
            .or(config.severity.get(&kind).copied())
            .unwrap_or(usual.severity),
        hold: time(own.hold_ms, config.hold.get(&kind), usual.hold),
        clear: time(own.clear_ms, config.clear.get(&kind), usual.clear),
        looks: usual.looks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags};
    use crate::stream::ConditionOptions;

    fn config() -> config::Monitor {
        let no_file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        Config::load(&Flags::default(), &|_| None, &no_file)
            .unwrap()
            .monitor
    }

    #[test]
    fn the_stream_over_the_configuration_over_what_is_built_in() {
        let mut config = config();
        let secs = Duration::from_secs;
        let usual = Terms::new(&config, &Monitoring::default());
        assert_eq!(
            (usual.mode, usual.interval),
            (MonitorMode::Sampled, secs(30))
        );
        for kind in Kind::ALL {
            assert_eq!(*usual.rule(kind), kind.rule(), "{kind:?}");
        }

        config.hold = [(Kind::Black, secs(20)), (Kind::Silent, secs(21))].into();
        config.clear = [(Kind::Black, secs(22)), (Kind::Silent, secs(23))].into();
        config.severity = [
            (Kind::Black, Severity::Info),
            (Kind::Silent, Severity::Info),
        ]
        .into();
        config.disable = vec![Kind::Slow, Kind::Bitrate];
        let silent = ConditionOptions {
            enabled: None,
            hold_ms: Some(60_000),
            clear_ms: Some(61_000),
            severity: Some(Severity::Warning),
        };
        let slow = ConditionOptions {
            enabled: Some(true),
            ..ConditionOptions::default()
        };
        let frozen = ConditionOptions {
            enabled: Some(false),
            ..ConditionOptions::default()
        };
        let own = [
            (Kind::Silent, silent),
            (Kind::Slow, slow),
            (Kind::Frozen, frozen),
            (Kind::OwnNetwork, slow),
            (Kind::LowDisk, slow),
        ];
        let stream = Monitoring {
            mode: Some(MonitorMode::Continuous),
            conditions: own.into(),
            failover_on: vec![Kind::Black],
            ..Monitoring::default()
        };
        let terms = Terms::new(&config, &stream);
        let rule = |kind| {
            let rule = terms.rule(kind);
            (rule.hold, rule.clear, rule.severity)
        };
        assert_eq!(
            (terms.mode, terms.interval),
            (MonitorMode::Continuous, secs(10))
        );
        assert_eq!(rule(Kind::Black), (secs(20), secs(22), Severity::Info));
        assert_eq!(rule(Kind::Silent), (secs(60), secs(61), Severity::Warning));
        let off = Kind::ALL.into_iter().filter(|kind| !terms.looks_for(*kind));
        let off: Vec<_> = off.collect();
        assert_eq!(off, and_the_servers(&[Kind::Frozen, Kind::Bitrate]));
        assert_eq!(terms.failover_on, [Kind::Black]);
        let stream = Monitoring {
            interval_ms: Some(5_000),
            ..stream
        };
        assert_eq!(Terms::new(&config, &stream).interval, secs(5));
    }

    #[test]
    fn what_a_stream_has_not() {
        let off = |terms: &Terms| {
            let kinds = Kind::ALL.into_iter();
            kinds
                .filter(|kind| !terms.looks_for(*kind))
                .collect::<Vec<_>>()
        };
        let stream = |still_picture| Monitoring {
            still_picture,
            failover_on: vec![Kind::Black, Kind::Frozen, Kind::Silent],
            ..Monitoring::default()
        };
        let terms = Terms::new(&config(), &stream(false));
        let radio = terms.clone().without_picture();
        let gone = and_the_servers(&[Kind::Black, Kind::Frozen, Kind::NoVideo]);
        assert_eq!((off(&radio), radio.failover_on), (gone, vec![Kind::Silent]));
        let camera = terms.without_sound();
        let gone = and_the_servers(&[Kind::Silent, Kind::NoAudio]);
        assert_eq!(off(&camera), gone);
        assert_eq!(camera.failover_on, [Kind::Black, Kind::Frozen]);
        let card = Terms::new(&config(), &stream(true));
        assert_eq!(off(&card), and_the_servers(&[Kind::Frozen]));
        assert_eq!(card.failover_on, [Kind::Black, Kind::Silent]);
    }

    fn and_the_servers(kinds: &[Kind]) -> Vec<Kind> {
        [kinds, &Kind::SERVER].concat()
    }

    #[test]
    fn the_server_is_judged_by_its_own_kinds() {
        let terms = Terms::of_server(Duration::from_secs(5));
        for kind in Kind::ALL {
            let own = kind.is_of_server() && kind != Kind::OwnNetwork;
            assert_eq!(terms.looks_for(kind), own, "{kind:?}");
        }
    }

    #[test]
    fn a_suspicion_outlasts_late_looks() {
        let mut terms = Terms::usual();
        assert_eq!(terms.suspicion(), Duration::from_mins(10));
        terms.interval = Duration::from_mins(5);
        assert_eq!(terms.suspicion(), Duration::from_mins(20));
    }
}
