//! The arenas that all threads share that work for no account.

use std::sync::OnceLock;

use procfs::process::{MMPermissions, MMapPath, Process};

use super::arena::Arena;
use super::jemalloc;

/// The allocator's own mappings are not smaller; most others are.
const SMALLEST: u64 = 1 << 20;

static SHARED: OnceLock<Vec<&'static Arena>> = OnceLock::new();

/// Begins to take note of what they get, and looks up what they have already. Whether that can be read.
pub(super) fn adopt() -> bool {
    SHARED.get_or_init(|| {
        let arenas: Vec<_> = (0..jemalloc::shared_arenas())
            .filter_map(Arena::adopt)
            .collect();
        // What was mapped before was mapped for the first, by the loader and the libraries' initialisers. Nobody
        // tells where; but there is hardly anything else of that size now that no file stands behind.
        if let Some((first, others)) = arenas.split_first() {
            for (start, end) in anonymous_mappings() {
                first.note(start, end, others);
            }
        }
        arenas
    });
    resident_bytes() > 0
}

/// Bytes of them that are in memory now.
pub(super) fn resident_bytes() -> u64 {
    let arenas = SHARED.get().map(Vec::as_slice).unwrap_or_default();
    arenas.iter().map(|arena| arena.resident_bytes()).sum()
}

fn anonymous_mappings() -> Vec<(usize, usize)> {
    let writable = MMPermissions::READ | MMPermissions::WRITE | MMPermissions::PRIVATE;
    let maps = Process::myself().and_then(|me| me.maps());
    maps.into_iter()
        .flatten()
        .filter(|map| map.pathname == MMapPath::Anonymous && map.perms == writable)
        .map(|map| map.address)
        .filter(|(start, end)| end - start >= SMALLEST)
        .map(|(start, end)| (start as usize, end as usize))
        .collect()
}
