//! What the kernel says of a process.

use std::fs;
use std::path::PathBuf;

/// Clock ticks in a second of `/proc/PID/stat`; 100 on every Linux that Rust's std supports.
const TICKS: f64 = 100.0;

/// The resources of a process at one moment, read from `/proc`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Threads.
    pub threads: usize,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Resident anonymous memory (heap and stacks, not mapped files), in bytes.
    pub anonymous_bytes: u64,
    /// Resident memory in all, in bytes.
    pub resident_bytes: u64,
    /// The most that was ever resident, in bytes.
    pub peak_bytes: u64,
    /// CPU time used since its start by all its threads, user and system, in seconds.
    pub cpu_seconds: f64,
}

impl Figures {
    /// The figures of the process `pid`; `None` when there is none (or it is a zombie).
    pub fn of(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let kilobytes = |key: &str| field(&status, key).map(|kb| kb * 1024);
        Some(Self {
            threads: field(&status, "Threads:").unwrap_or(0) as usize,
            descriptors: fs::read_dir(folder.join("fd")).ok()?.count(),
            anonymous_bytes: kilobytes("RssAnon:")?,
            resident_bytes: kilobytes("VmRSS:")?,
            peak_bytes: kilobytes("VmHWM:")?,
            cpu_seconds: cpu_seconds(&stat)?,
        })
    }
}

/// Proportional set size of the process `pid`, in bytes: what it holds for itself, and its share of
/// what it shares with others. The fair figure when several processes run the same program.
pub fn pss_bytes(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    field(&rollup, "Pss:").map(|kb| kb * 1024)
}

/// Forgets the highest resident memory of the process `pid` so far ([`Figures::peak_bytes`]).
pub fn forget_peak(pid: u32) {
    // Number 5 of `proc_pid_clear_refs(5)`.
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the peak can be reset");
}

fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// utime and stime, the 14th and 15th field of `proc_pid_stat(5)`. The second field, the program's
/// name, may hold spaces and brackets, so counting starts behind its last bracket.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}
