//! What is known of the server at one time.

use std::time::{Duration, Instant};

/// Figures of one moment. What could not be read, or is not there, is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// File descriptors: those in use, of those that there may be.
    pub descriptors: Option<Share>,
    /// Where the store is.
    pub disk: Option<Disk>,
    /// Anonymous memory of the process, bytes, of what the operator's warning allows.
    pub memory: Option<Share>,
    /// Streams that were looked at in time, of those whose looks are due.
    pub coverage: Option<Share>,
    /// Notifications that wait.
    pub outbox: Option<OutboxFigures>,
    /// Of the process, in the time since the last look.
    pub cpu: Option<Cpu>,
    /// How long the store took to answer; `None` when it did not.
    pub store_latency: Option<Duration>,
    /// Lines of the log that were lost since the last look.
    pub log_dropped: u64,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub part: u64,
    /// The whole.
    pub whole: u64,
}

/// Where the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that we may still write.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes of the store's file.
    pub file_bytes: u64,
}

/// Notifications on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxFigures {
    /// Those that wait to be delivered.
    pub pending: u64,
    /// Those that were given up, which people can see and send again.
    pub dead: u64,
    /// How long the oldest that waits has waited.
    pub oldest: Option<Duration>,
}

/// Load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Cores that the process kept busy.
    pub process_cores: f64,
    /// Cores that it may use.
    pub available_cores: f64,
    /// The share of the machine's time that was not idle, 0 to 1.
    pub system_share: Option<f64>,
}

/// Counters of processor time at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuTimes {
    /// When.
    pub at: Instant,
    /// Of the process, seconds.
    pub process: f64,
    /// Of the machine, all cores together, busy and in all, in any unit.
    pub machine: Option<(u64, u64)>,
}

impl Share {
    /// The share, 0 to 1; `None` of nothing.
    pub fn of_one(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }
}

impl CpuTimes {
    /// The load since an earlier moment.
    pub fn since(&self, before: &Self, available_cores: f64) -> Option<Cpu> {
        let seconds = self.at.saturating_duration_since(before.at).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let machine = self.machine.zip(before.machine);
        let system_share = machine.and_then(|(now, before)| {
            // Counters of the kernel may go back a little.
            let all = now.1.checked_sub(before.1).filter(|all| *all > 0)?;
            let busy = now.0.saturating_sub(before.0).min(all);
            Some(busy as f64 / all as f64)
        });
        Some(Cpu {
            process_cores: ((self.process - before.process) / seconds).max(0.0),
            available_cores,
            system_share,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn load_is_what_was_used_since() {
        let start = clock::now();
        let before = CpuTimes {
            at: start,
            process: 10.0,
            machine: Some((100, 1_000)),
        };
        let now = CpuTimes {
            at: start + Duration::from_secs(5),
            process: 15.0,
            machine: Some((105, 1_010)),
        };
        let cpu = now.since(&before, 2.0).expect("time has passed");
        assert!((cpu.process_cores - 1.0).abs() < 1e-9);
        assert!((cpu.system_share.expect("known") - 0.5).abs() < 1e-9);
        assert_eq!(before.since(&before, 2.0), None);
        let unknown = CpuTimes {
            machine: None,
            ..now
        };
        assert_eq!(
            unknown.since(&before, 2.0).and_then(|cpu| cpu.system_share),
            None
        );
    }
}
