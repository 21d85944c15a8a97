//! From figures to what is worth a warning, with hysteresis.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::Figures;
use crate::conditions::{Evidence, Kind, Observation};

/// Share of the descriptors in use.
const DESCRIPTORS: Bound = Bound::from(0.9, 0.85);
/// Share of the streams that were looked at in time.
const COVERAGE: Bound = Bound::from(0.9, 0.95);
/// Seconds that a notification waits.
const OUTBOX: Bound = Bound::from(300.0, 60.0);
/// Notifications that were given up.
const DEAD: Bound = Bound::from(1.0, 0.0);
/// Share of the cores that the process may use.
const CPU: Bound = Bound::from(0.9, 0.8);
/// Seconds that the store takes to answer.
const STORE: Bound = Bound::from(1.0, 0.5);
/// Lines lost.
const DROPPED: Bound = Bound::from(1.0, 0.0);
/// Memory ends to be too much at this share of the threshold, and disks end to be full at that multiple.
const MEMORY_CLEAR: f64 = 0.9;
const DISK_CLEAR: f64 = 1.25;
/// What stands for the time of a store that did not answer, seconds.
const NO_ANSWER: Duration = Duration::from_secs(2);

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServerCheck)]
pub enum Check {
    /// File descriptors in use.
    LowDescriptors,
    /// Space left where the store is.
    LowDisk,
    /// Anonymous memory of the process.
    MemoryWarning,
    /// Streams that were looked at within their intervals.
    MonitorBehind,
    /// Notifications that wait, or were given up.
    OutboxBehind,
    /// Load of the process.
    Cpu,
    /// Time that the store takes to answer.
    StoreSlow,
    /// Lines of the log that were lost.
    LogDropped,
}

/// In what a value is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share of 1.
    Share,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
}

/// A figure beside its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ServerReading)]
pub struct Reading {
    /// What was looked at.
    pub check: Check,
    /// Whether it is worth a warning.
    pub warning: bool,
    /// What was found.
    pub value: f64,
    /// Where the warning begins.
    pub threshold: f64,
    /// Where it ends.
    pub clears_at: f64,
    /// In what these are.
    pub unit: Unit,
    /// In a sentence.
    #[schema(example = "93 of 100 file descriptors are in use")]
    pub text: String,
}

/// Where a warning begins and ends. It is one of too much when it begins above its end, else of too little.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    begins: f64,
    ends: f64,
}

/// Looks at figures, and remembers what was worth a warning.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Free space below which the disk counts as nearly full, bytes; 0 never.
    disk_free: u64,
    warned: Vec<Check>,
}

impl Check {
    /// The condition that it is, if it is one.
    pub fn condition(self) -> Option<Kind> {
        match self {
            Self::LowDescriptors => Some(Kind::LowDescriptors),
            Self::LowDisk => Some(Kind::LowDisk),
            Self::MemoryWarning => Some(Kind::MemoryWarning),
            Self::MonitorBehind => Some(Kind::MonitorBehind),
            Self::OutboxBehind => Some(Kind::OutboxBehind),
            Self::Cpu | Self::StoreSlow | Self::LogDropped => None,
        }
    }
}

impl Bound {
    const fn from(begins: f64, ends: f64) -> Self {
        Self { begins, ends }
    }

    fn judge(self, was: bool, value: f64) -> bool {
        if self.begins >= self.ends {
            value >= self.begins || (was && value > self.ends)
        } else {
            value < self.begins || (was && value < self.ends)
        }
    }
}

impl Reading {
    /// What the condition's machine is told.
    pub fn observation(&self) -> Option<Observation> {
        let kind = self.check.condition()?;
        if !self.warning {
            return Some(Observation::absent(kind));
        }
        let evidence = Evidence::new(self.text.clone())
            .number("value", self.value)
            .number("threshold", self.threshold);
        Some(Observation::present(kind, evidence))
    }
}

impl Watch {
    /// One that has warned of nothing yet.
    pub fn new(disk_free: u64) -> Self {
        Self {
            disk_free,
            warned: Vec::new(),
        }
    }

    /// Looks at figures; what is not known is not judged, and ends no warning.
    pub fn look(&mut self, figures: &Figures) -> Vec<Reading> {
        let readings = [
            self.descriptors(figures),
            self.disk(figures),
            self.memory(figures),
            self.coverage(figures),
            self.outbox(figures),
            self.cpu(figures),
            Some(self.store(figures)),
            Some(self.log(figures)),
        ];
        let readings: Vec<_> = readings.into_iter().flatten().collect();
        for reading in &readings {
            self.warned.retain(|check| *check != reading.check);
            if reading.warning {
                self.warned.push(reading.check);
            }
        }
        readings
    }

    fn reading(
        &self,
        check: Check,
        (value, unit): (f64, Unit),
        bound: Bound,
        text: String,
    ) -> Reading {
        Reading {
            check,
            warning: bound.judge(self.warned.contains(&check), value),
            value,
            threshold: bound.begins,
            clears_at: bound.ends,
            unit,
            text,
        }
    }

    fn descriptors(&self, figures: &Figures) -> Option<Reading> {
        let found = figures.descriptors?;
        let value = (found.of_one()?, Unit::Share);
        let text = format!(
            "{} of {} file descriptors are in use",
            found.part, found.whole
        );
        Some(self.reading(Check::LowDescriptors, value, DESCRIPTORS, text))
    }

    fn disk(&self, figures: &Figures) -> Option<Reading> {
        let disk = figures.disk?;
        let begins = self.disk_free as f64;
        // Nothing is below nothing: turned off.
        let bound = Bound::from(begins, begins * DISK_CLEAR + f64::MIN_POSITIVE);
        let text = format!(
            "{} MB are free where the store is",
            disk.free_bytes / 1_000_000
        );
        let value = (disk.free_bytes as f64, Unit::Bytes);
        Some(self.reading(Check::LowDisk, value, bound, text))
    }

    fn memory(&self, figures: &Figures) -> Option<Reading> {
        let memory = figures.memory.filter(|memory| memory.whole > 0)?;
        let begins = memory.whole as f64;
        let bound = Bound::from(begins, begins * MEMORY_CLEAR);
        let (part, whole) = (memory.part / 1_000_000, memory.whole / 1_000_000);
        let text = format!("{part} MB of memory are taken, the warning is at {whole} MB");
        let value = (memory.part as f64, Unit::Bytes);
        Some(self.reading(Check::MemoryWarning, value, bound, text))
    }

    fn coverage(&self, figures: &Figures) -> Option<Reading> {
        let coverage = figures.coverage?;
        let (part, whole) = (coverage.part, coverage.whole);
        let value = (coverage.of_one().unwrap_or(1.0), Unit::Share);
        let text = format!("{part} of {whole} streams were looked at within their intervals");
        Some(self.reading(Check::MonitorBehind, value, COVERAGE, text))
    }

    fn outbox(&self, figures: &Figures) -> Option<Reading> {
        let outbox = figures.outbox?;
        let was = self.warned.contains(&Check::OutboxBehind);
        if DEAD.judge(was, outbox.dead as f64) {
            let text = format!(
                "{} notifications were given up, {} wait",
                outbox.dead, outbox.pending
            );
            let value = (outbox.dead as f64, Unit::Count);
            return Some(self.reading(Check::OutboxBehind, value, DEAD, text));
        }
        let oldest = outbox.oldest.unwrap_or_default().as_secs_f64();
        let text = match outbox.pending {
            0 => "no notification waits".to_owned(),
            pending => format!("{pending} notifications wait, the oldest for {oldest:.0} s"),
        };
        let value = (oldest, Unit::Seconds);
        Some(self.reading(Check::OutboxBehind, value, OUTBOX, text))
    }

    fn cpu(&self, figures: &Figures) -> Option<Reading> {
        let cpu = figures.cpu.filter(|cpu| cpu.available_cores > 0.0)?;
        let value = (cpu.process_cores / cpu.available_cores, Unit::Share);
        let text = format!(
            "{:.2} of {:.2} cores are taken by this server",
            cpu.process_cores, cpu.available_cores
        );
        Some(self.reading(Check::Cpu, value, CPU, text))
    }

    fn store(&self, figures: &Figures) -> Reading {
        let latency = figures.store_latency.unwrap_or(NO_ANSWER).as_secs_f64();
        let text = match figures.store_latency {
            Some(_) => format!("the store answers within {:.1} ms", latency * 1e3),
            None => "the store does not answer".to_owned(),
        };
        self.reading(Check::StoreSlow, (latency, Unit::Seconds), STORE, text)
    }

    fn log(&self, figures: &Figures) -> Reading {
        let lines = figures.log_dropped;
        let text = format!("{lines} lines of the log were lost since the last look");
        self.reading(
            Check::LogDropped,
            (lines as f64, Unit::Count),
            DROPPED,
            text,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info::{Cpu, Disk, OutboxFigures, Share};
    use proptest::prelude::*;

    const DISK_FREE: u64 = 1_000_000;

    /// Figures that are all fine.
    fn fine() -> Figures {
        let share = |part, whole| Some(Share { part, whole });
        Figures {
            descriptors: share(10, 100),
            disk: Some(Disk {
                free_bytes: 10 * DISK_FREE,
                ..Disk::default()
            }),
            memory: share(10, 100),
            coverage: share(100, 100),
            outbox: Some(OutboxFigures::default()),
            cpu: Some(Cpu {
                process_cores: 1.0,
                available_cores: 2.0,
                system_share: None,
            }),
            store_latency: Some(Duration::from_millis(1)),
            log_dropped: 0,
        }
    }

    fn warnings(watch: &mut Watch, figures: &Figures) -> Vec<Check> {
        let readings = watch.look(figures);
        let warned = readings.into_iter().filter(|it| it.warning);
        warned.map(|it| it.check).collect()
    }

    /// Begins beyond the threshold, stays between the two, ends beyond the other.
    fn check(of: Check, values: [u64; 3], set: impl Fn(&mut Figures, u64)) {
        let mut watch = Watch::new(DISK_FREE);
        let mut at = |value| {
            let mut figures = fine();
            set(&mut figures, value);
            warnings(&mut watch, &figures)
        };
        let [bad, between, good] = values;
        for (value, expected) in [
            (good, false),
            (between, false),
            (bad, true),
            (between, true),
            (good, false),
            (between, false),
        ] {
            let expected = if expected { vec![of] } else { Vec::new() };
            assert_eq!(at(value), expected, "{value}");
        }
    }

    #[test]
    fn each_has_its_thresholds() {
        assert_eq!(warnings(&mut Watch::new(DISK_FREE), &fine()), []);
        check(Check::LowDescriptors, [90, 87, 85], |figures, value| {
            figures.descriptors = Some(Share {
                part: value,
                whole: 100,
            });
        });
        let disk = [999_999, 1_249_999, 1_250_001];
        check(Check::LowDisk, disk, |figures, value| {
            figures.disk = Some(Disk {
                free_bytes: value,
                ..Disk::default()
            });
        });
        check(Check::MemoryWarning, [100, 91, 90], |figures, value| {
            figures.memory = Some(Share {
                part: value,
                whole: 100,
            });
        });
        check(Check::MonitorBehind, [89, 94, 95], |figures, value| {
            figures.coverage = Some(Share {
                part: value,
                whole: 100,
            });
        });
        check(Check::OutboxBehind, [300, 61, 60], |figures, value| {
            let oldest = Some(Duration::from_secs(value));
            figures.outbox = Some(OutboxFigures {
                pending: 1,
                dead: 0,
                oldest,
            });
        });
        check(Check::Cpu, [180, 161, 160], |figures, value| {
            let process_cores = value as f64 / 100.0;
            figures.cpu = Some(Cpu {
                process_cores,
                available_cores: 2.0,
                system_share: None,
            });
        });
        check(Check::StoreSlow, [1_000, 501, 500], |figures, value| {
            figures.store_latency = Some(Duration::from_millis(value));
        });
    }

    #[test]
    fn what_was_given_up_is_told_until_somebody_has_seen_to_it() {
        let mut watch = Watch::new(DISK_FREE);
        let outbox = |pending, dead, seconds| Figures {
            outbox: Some(OutboxFigures {
                pending,
                dead,
                oldest: Some(Duration::from_secs(seconds)),
            }),
            ..fine()
        };
        assert_eq!(
            warnings(&mut watch, &outbox(5, 1, 1)),
            [Check::OutboxBehind]
        );
        // Those that wait are still old.
        assert_eq!(
            warnings(&mut watch, &outbox(5, 0, 61)),
            [Check::OutboxBehind]
        );
        assert_eq!(warnings(&mut watch, &outbox(5, 0, 5)), []);
    }

    #[test]
    fn what_is_not_known_is_not_judged() {
        let mut watch = Watch::new(DISK_FREE);
        let mut full = fine();
        full.disk = Some(Disk::default());
        assert_eq!(warnings(&mut watch, &full), [Check::LowDisk]);
        let unknown = Figures {
            store_latency: Some(Duration::ZERO),
            ..Figures::default()
        };
        let readings = watch.look(&unknown);
        let known: Vec<_> = readings.iter().map(|it| it.check).collect();
        assert_eq!(known, [Check::StoreSlow, Check::LogDropped]);
        // It goes on as it was.
        full.disk = Some(Disk {
            free_bytes: 1_200_000,
            ..Disk::default()
        });
        assert_eq!(warnings(&mut watch, &full), [Check::LowDisk]);
        // Turned off.
        full.disk = Some(Disk::default());
        assert_eq!(warnings(&mut Watch::new(0), &full), []);
        // The store does not answer.
        full.store_latency = None;
        assert_eq!(warnings(&mut Watch::new(0), &full), [Check::StoreSlow]);
    }

    proptest! {
        /// A value that trembles around a threshold by less than the gap warns once.
        #[test]
        fn nothing_flutters(values in prop::collection::vec(86u64..95, 1..100)) {
            let mut watch = Watch::new(DISK_FREE);
            let mut began = 0;
            let mut was = false;
            for part in values {
                let figures = Figures { descriptors: Some(Share { part, whole: 100 }), ..fine() };
                let is = !warnings(&mut watch, &figures).is_empty();
                began += u32::from(is && !was);
                was = is;
            }
            prop_assert!(began <= 1);
        }
    }
}
