//! Figures and limits of our own process, from /proc and its cgroups.

mod cgroup;
mod sample;

pub use cgroup::{CgroupLimits, cgroup_limits, cgroup_limits_at, cgroup_memory, cgroup_memory_at};
pub use sample::{Sample, Space, sample, space};

/// What the process uses now. Zero where it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Open file descriptors.
    pub open_fds: u64,
    /// The soft limit on them.
    pub max_fds: u64,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// Resident memory that no file backs (heap and stacks), bytes.
    pub anonymous_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// CPU time, user and system, seconds.
    pub cpu_seconds: f64,
}

/// Reads the figures. Some hundred microseconds; more with thousands of descriptors.
pub fn figures() -> Figures {
    let mut figures = Figures {
        max_fds: soft_limit(),
        ..Figures::default()
    };
    let Ok(me) = procfs::process::Process::myself() else {
        return figures;
    };
    figures.open_fds = open_descriptors(&me);
    if let Ok(stat) = me.stat() {
        figures.resident_bytes = stat.rss * procfs::page_size();
        figures.threads = u64::try_from(stat.num_threads).unwrap_or(0);
        figures.cpu_seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    }
    figures.anonymous_bytes = anonymous(&me);
    figures
}

/// Resident memory that no file backs, in bytes. Some ten microseconds.
pub fn anonymous_bytes() -> u64 {
    procfs::process::Process::myself().map_or(0, |me| anonymous(&me))
}

/// Open descriptors, and the soft limit on them.
pub fn descriptors() -> (u64, u64) {
    let open = procfs::process::Process::myself().map_or(0, |me| open_descriptors(&me));
    (open, soft_limit())
}

fn soft_limit() -> u64 {
    rlimit::Resource::NOFILE.get().map_or(0, |(soft, _)| soft)
}

fn open_descriptors(me: &procfs::process::Process) -> u64 {
    // The folder that is being read counts itself: not ours.
    me.fd_count().map_or(0, |n| n.saturating_sub(1) as u64)
}

/// As the kernel counts it; where it does not (before Linux 4.5), all that is not shared.
fn anonymous(me: &procfs::process::Process) -> u64 {
    let counted = me.status().ok().and_then(|status| status.rssanon);
    counted.map_or_else(
        || {
            let pages = me
                .statm()
                .map_or(0, |m| m.resident.saturating_sub(m.shared));
            pages.saturating_mul(procfs::page_size())
        },
        |kib| kib.saturating_mul(1024),
    )
}

/// Cores that the process may use: those it is allowed to run on, or its quota if that is less.
/// Never below 0.01.
pub fn available_cores(limits: &CgroupLimits) -> f32 {
    let cores = std::thread::available_parallelism().map_or(1.0, |n| n.get() as f32);
    limits
        .cpu_cores
        .map_or(cores, |quota| quota.min(cores))
        .max(0.01)
}

/// Raises the soft limit on descriptors to the hard one; returns both as they were.
///
/// # Errors
/// When the system refuses.
pub fn raise_descriptor_limit() -> std::io::Result<(u64, u64)> {
    let (soft, hard) = rlimit::Resource::NOFILE.get()?;
    if soft < hard {
        rlimit::Resource::NOFILE.set(hard, hard)?;
    }
    Ok((soft, hard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_a_living_process() {
        let figures = figures();
        assert!(figures.anonymous_bytes > 0);
        assert!(figures.anonymous_bytes <= figures.resident_bytes + (1 << 20));
        assert!(figures.open_fds > 0 && figures.threads > 0);
    }

    #[test]
    fn anonymous_memory_grows_by_what_is_written() {
        const SIZE: usize = 64 << 20;
        let before = figures().anonymous_bytes;
        let block = std::hint::black_box(vec![1u8; SIZE]);
        let grown = figures().anonymous_bytes.saturating_sub(before);
        // Other tests run beside it, with far less memory.
        assert!(grown > SIZE as u64 / 2, "{grown}");
        drop(block);
    }

    #[test]
    fn a_quota_counts_when_it_is_less_than_the_machine() {
        let of = |cpu_cores| {
            available_cores(&CgroupLimits {
                cpu_cores,
                ..CgroupLimits::default()
            })
        };
        let all = of(None);
        assert!(all >= 1.0);
        assert!((of(Some(0.5)) - 0.5).abs() < f32::EPSILON);
        assert!((of(Some(1e6)) - all).abs() < f32::EPSILON);
        assert!(of(Some(0.0)) > 0.0);
    }
}
