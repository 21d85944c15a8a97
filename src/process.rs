//! Figures of our own process, from /proc.

/// What the process uses now. Zero where it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Open file descriptors.
    pub open_fds: u64,
    /// The soft limit on them.
    pub max_fds: u64,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// CPU time, user and system, seconds.
    pub cpu_seconds: f64,
}

/// Reads the figures. Some hundred microseconds; more with thousands of descriptors.
pub fn figures() -> Figures {
    let mut figures = Figures {
        max_fds: rlimit::Resource::NOFILE.get().map_or(0, |(soft, _)| soft),
        ..Figures::default()
    };
    let Ok(me) = procfs::process::Process::myself() else {
        return figures;
    };
    // The descriptor of the folder that is being read counts itself: not ours.
    figures.open_fds = me.fd_count().map_or(0, |n| n.saturating_sub(1) as u64);
    if let Ok(stat) = me.stat() {
        figures.resident_bytes = stat.rss * procfs::page_size();
        figures.threads = u64::try_from(stat.num_threads).unwrap_or(0);
        figures.cpu_seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    }
    figures
}

/// Raises the soft limit on descriptors to the hard one; returns both as they were, and as it is.
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
