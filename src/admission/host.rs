//! What the machine and the process have, and how near to the edge they are.

/// Thresholds of the process's anonymous memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Above it idle pipelines end and new ones wait.
    pub warning_bytes: u64,
    /// Above it the least wanted pipelines end, one by one. Never below the warning.
    pub critical_bytes: u64,
}

/// How a process stands against its thresholds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// At or below the warning threshold.
    #[default]
    Normal,
    /// Above the warning threshold.
    Warning,
    /// Above the critical threshold.
    Critical,
}

/// A snapshot of the process and of what it may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Host {
    /// Anonymous memory of the process, in bytes.
    pub process_bytes: u64,
    /// When pipelines end and wait.
    pub thresholds: Thresholds,
    /// Cores that the process may use, a quota counted; no limit when it is not a number above 0.
    pub cores: f32,
    /// Cores that are charged to sources whose picture is encoded as it comes in: they are not there
    /// for others.
    pub source_cores: f32,
    /// Open descriptors.
    pub open_fds: u64,
    /// The limit on them; 0 when unknown: then it is not checked.
    pub max_fds: u64,
}

impl Thresholds {
    /// No limits.
    pub const NONE: Self = Self {
        warning_bytes: u64::MAX,
        critical_bytes: u64::MAX,
    };

    /// The operator's thresholds, held within a memory limit of the process if there is one:
    /// critical at most at 90 %, warning at most at 75 % of it, because the kernel kills at 100 %
    /// and counts files and stacks too. A warning above critical comes down to it.
    pub fn capped(warning_bytes: u64, critical_bytes: u64, limit_bytes: Option<u64>) -> Self {
        let share = |percent: u64| {
            limit_bytes.map_or(u64::MAX, |limit| {
                limit / 100 * percent + limit % 100 * percent / 100
            })
        };
        let critical_bytes = critical_bytes.min(share(90));
        Self {
            warning_bytes: warning_bytes.min(share(75)).min(critical_bytes),
            critical_bytes,
        }
    }

    /// How a process with so much memory stands.
    pub fn pressure(&self, process_bytes: u64) -> Pressure {
        if process_bytes > self.critical_bytes {
            Pressure::Critical
        } else if process_bytes > self.warning_bytes {
            Pressure::Warning
        } else {
            Pressure::Normal
        }
    }
}

impl Pressure {
    /// A word for status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Default for Host {
    /// Nothing is known yet, and so nothing held back.
    fn default() -> Self {
        Self {
            process_bytes: 0,
            thresholds: Thresholds::NONE,
            cores: 0.0,
            source_cores: 0.0,
            open_fds: 0,
            max_fds: 0,
        }
    }
}

impl Host {
    /// Cores that pipelines may be charged with: all but those of sources that are encoded, and a
    /// tenth, at least 0.1 and at most 1 core, which is left to other sources, viewers and the system.
    pub fn usable_cores(&self) -> f32 {
        if self.cores.is_finite() && self.cores > 0.0 {
            let reserve = (self.cores * 0.1).clamp(0.1, 1.0);
            (self.cores - reserve - self.source_cores.max(0.0)).max(0.0)
        } else {
            f32::INFINITY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_limit_caps_both_thresholds() {
        let of = |w: u64, c: u64, limit: Option<u64>| {
            let t = Thresholds::capped(w * MIB, c * MIB, limit.map(|l| l * MIB));
            (t.warning_bytes / MIB, t.critical_bytes / MIB)
        };
        assert_eq!(of(512, 1024, None), (512, 1024));
        assert_eq!(of(512, 1024, Some(8192)), (512, 1024));
        assert_eq!(of(512, 1024, Some(1000)), (512, 900));
        assert_eq!(of(512, 1024, Some(400)), (300, 360));
        assert_eq!(of(2048, 1024, None), (1024, 1024));
    }

    #[test]
    fn pressure_begins_above_a_threshold_not_at_it() {
        let t = Thresholds::capped(10, 20, None);
        let at = |bytes| t.pressure(bytes).as_str();
        assert_eq!(at(10), "normal");
        assert_eq!(at(11), "warning");
        assert_eq!(at(20), "warning");
        assert_eq!(at(21), "critical");
    }

    #[test]
    fn a_little_cpu_is_kept_back() {
        let usable = |cores| {
            let host = Host {
                cores,
                ..Host::default()
            };
            host.usable_cores()
        };
        for (cores, expected) in [(0.05, 0.0), (0.5, 0.4), (2.0, 1.8), (32.0, 31.0)] {
            assert!((usable(cores) - expected).abs() < 1e-5, "{cores}");
        }
        assert!(usable(0.0).is_infinite() && usable(f32::NAN).is_infinite());
    }

    #[test]
    fn what_sources_take_is_not_there_for_others() {
        let usable = |cores, source_cores| {
            let host = Host {
                cores,
                source_cores,
                ..Host::default()
            };
            host.usable_cores()
        };
        assert!((usable(2.0, 0.5) - 1.3).abs() < 1e-5);
        assert!(usable(2.0, 5.0) == 0.0 && usable(0.0, 5.0).is_infinite());
    }

    proptest! {
        #[test]
        fn the_order_of_thresholds_holds(w: u64, c: u64, limit: Option<u64>) {
            let t = Thresholds::capped(w, c, limit);
            prop_assert!(t.warning_bytes <= t.critical_bytes);
            prop_assert!(t.warning_bytes <= w && t.critical_bytes <= c);
            prop_assert!(limit.is_none_or(|l| t.critical_bytes <= l));
        }
    }
}
