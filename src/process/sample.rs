//! What the process and the machine take at one moment, for who looks now and then.

use std::io;
use std::path::Path;

use procfs::Current;

/// Figures of one moment. Zero or absent where they cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Threads of the process.
    pub threads: u64,
    /// CPU time of the process, user and system, seconds.
    pub cpu_seconds: f64,
    /// CPU time of the machine, all cores together: busy, and in all; in the kernel's ticks.
    pub machine_ticks: Option<(u64, u64)>,
    /// Processes that ran or waited for the disk, averaged over 1, 5 and 15 minutes.
    pub load: Option<[f32; 3]>,
    /// Memory of the machine, bytes.
    pub memory_bytes: Option<u64>,
    /// What of it could be had without swapping, bytes.
    pub available_bytes: Option<u64>,
    /// Memory that the control group has in use, bytes.
    pub group_bytes: Option<u64>,
    /// What it may use, bytes.
    pub group_limit_bytes: Option<u64>,
}

/// Space of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What we may still write, bytes.
    pub free_bytes: u64,
    /// All of it, bytes.
    pub total_bytes: u64,
}

/// Reads the figures: a few small files, some hundred microseconds.
pub fn sample() -> Sample {
    let mut sample = Sample {
        group_bytes: super::cgroup_memory(),
        group_limit_bytes: super::cgroup_limits().memory_bytes,
        machine_ticks: std::fs::read_to_string("/proc/stat")
            .ok()
            .and_then(|text| parse_ticks(&text)),
        load: procfs::LoadAverage::current()
            .ok()
            .map(|load| [load.one, load.five, load.fifteen]),
        ..Sample::default()
    };
    if let Ok(stat) = procfs::process::Process::myself().and_then(|me| me.stat()) {
        sample.threads = u64::try_from(stat.num_threads).unwrap_or(0);
        sample.cpu_seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    }
    if let Ok(memory) = procfs::Meminfo::current() {
        sample.memory_bytes = Some(memory.mem_total);
        sample.available_bytes = memory.mem_available;
    }
    sample
}

/// The space of the file system that holds `path`. May block for as long as the file system does.
///
/// # Errors
/// When there is nothing at `path`, or it cannot be looked at.
pub fn space(path: &Path) -> io::Result<Space> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Space {
        // What is kept for the superuser is not ours.
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// The first line of `/proc/stat` (`proc_stat(5)`): user, nice, system, idle, iowait, irq, softirq, steal; guests are
/// counted among the users already.
fn parse_ticks(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .take(8)
        .map(|word| word.parse().ok())
        .collect::<Option<_>>()?;
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
    Some((all.saturating_sub(idle), all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_busy_and_in_all() {
        let text = "cpu  100 10 50 800 40 0 5 5 7 0\ncpu0 1 2 3 4\n";
        assert_eq!(parse_ticks(text), Some((170, 1_010)));
        for text in ["", "cpu0 1 2 3 4", "cpu 1 2 3", "cpu a b c d"] {
            assert_eq!(parse_ticks(text), None, "{text}");
        }
    }

    #[test]
    fn a_living_system_has_figures() {
        let sample = sample();
        assert!(sample.threads > 0);
        assert!(sample.machine_ticks.is_some_and(|(busy, all)| busy <= all));
        assert!(sample.available_bytes <= sample.memory_bytes);
        let space = space(Path::new("/")).expect("a root");
        assert!(space.free_bytes <= space.total_bytes && space.total_bytes > 0);
        assert!(super::space(Path::new("/nowhere/at/all")).is_err());
    }
}
