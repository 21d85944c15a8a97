//! The memory of the whole process.

use std::sync::atomic::{AtomicU64, Ordering};

use super::heap;

/// What the process holds, in bytes of memory that is resident now. Zero where it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// All that is resident, mapped files included.
    pub resident: u64,
    /// What no file stands behind: heap and stacks. The sum of the parts.
    pub anonymous: u64,
    /// The highest `anonymous` that was seen by [`process`].
    pub peak_anonymous: u64,
    /// What it consists of; `None` when that is not known because accounting is off.
    pub parts: Option<Parts>,
}

/// Where anonymous memory is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Charged to open accounts, stacks included.
    pub pipelines: u64,
    /// Left in the arenas of accounts that are closed.
    pub spare: u64,
    /// Held by the allocator for all others, and what was mapped before `main`.
    pub server: u64,
    /// The rest: stacks of other threads, memory that libraries map themselves, data of libraries. Never negative:
    /// zero when the parts sum up to more than the whole because they were read one after the other.
    pub unattributed: u64,
    /// Open accounts, those kept open by a thread or a block alone included.
    pub open_accounts: u64,
    /// Arenas to spare.
    pub spare_arenas: u64,
}

/// What the arenas of accounts hold, open ones and those to spare, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) open_bytes: u64,
    /// The part of `open_bytes` that lies in the server's arenas.
    pub(super) cache_bytes: u64,
    pub(super) open: u64,
    pub(super) spare_bytes: u64,
    pub(super) spare: u64,
}

/// Reads the figures: some 100 µs, and for each open account what [`Account::usage`](super::Account::usage) costs.
pub fn process() -> ProcessMemory {
    static PEAK: AtomicU64 = AtomicU64::new(0);
    let status = procfs::process::Process::myself().and_then(|me| me.status());
    let bytes = |kilobytes: Option<u64>| kilobytes.unwrap_or(0) * 1024;
    let (resident, anonymous) = status.map_or((0, 0), |s| (bytes(s.vmrss), bytes(s.rssanon)));
    ProcessMemory {
        resident,
        anonymous,
        peak_anonymous: PEAK.fetch_max(anonymous, Ordering::Relaxed).max(anonymous),
        parts: heap().map(|(held, server)| Parts::of(anonymous, held, server)),
    }
}

impl Parts {
    fn of(anonymous: u64, held: Held, shared: u64) -> Self {
        let server = shared.saturating_sub(held.cache_bytes);
        let known = held.open_bytes + held.spare_bytes + server;
        Self {
            pipelines: held.open_bytes,
            spare: held.spare_bytes,
            server,
            unattributed: anonymous.saturating_sub(known),
            open_accounts: held.open,
            spare_arenas: held.spare,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_in_one_part() {
        let held = Held {
            open_bytes: 500,
            cache_bytes: 40,
            open: 2,
            spare_bytes: 30,
            spare: 1,
        };
        let parts = Parts::of(1000, held, 140);
        assert_eq!((parts.pipelines, parts.spare, parts.server), (500, 30, 100));
        assert_eq!(parts.unattributed, 370);
        assert_eq!((parts.open_accounts, parts.spare_arenas), (2, 1));
        // Figures that were read one after the other may not fit together.
        assert_eq!(Parts::of(600, held, 140).unattributed, 0);
        assert_eq!(Parts::of(600, held, 10).server, 0);
    }
}
