//! An arena of the allocator that knows which addresses it has.
#![allow(unsafe_code)]

use std::ffi::{c_uint, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, OnceLock, PoisonError};

use tikv_jemalloc_sys::extent_hooks_t;

use super::jemalloc;
use super::ranges::Ranges;
use super::resident::resident_bytes;

/// One of the allocator's arenas. Lives for ever: libraries keep small things that were allocated in it.
#[repr(C)] // the allocator is given a pointer to the first field, and gives it back to the hooks
pub(super) struct Arena {
    hooks: extent_hooks_t,
    defaults: extent_hooks_t,
    ranges: Mutex<Ranges>,
    index: OnceLock<u32>,
}

impl Arena {
    /// Makes one; about 95 KB of memory.
    pub(super) fn create() -> Option<&'static Self> {
        // SAFETY: the hooks are good: see `install`.
        Self::install(|hooks| unsafe { jemalloc::create_arena(hooks) })
    }

    /// Takes note of what one of the arenas that all share gets from now on. Call once for each.
    pub(super) fn adopt(index: u32) -> Option<&'static Self> {
        // SAFETY: the hooks are good, also for memory that came by the default ones: see `install`.
        Self::install(|hooks| unsafe { jemalloc::set_hooks(index, hooks) }.then_some(index))
    }

    /// Has the hooks taken by the allocator. They do what the default ones do and take notes besides, and are never
    /// freed.
    fn install(take: impl FnOnce(*mut extent_hooks_t) -> Option<u32>) -> Option<&'static Self> {
        let defaults = jemalloc::default_hooks()?;
        defaults.alloc?;
        let hooks = extent_hooks_t {
            alloc: Some(alloc),
            // Where nothing is ever unmapped there is nothing to note.
            dalloc: if jemalloc::retains() {
                defaults.dalloc
            } else {
                defaults.dalloc.map(|_| dalloc as _)
            },
            destroy: defaults.destroy.map(|_| destroy as _),
            ..defaults
        };
        let arena: &'static Self = Box::leak(Box::new(Self {
            hooks,
            defaults,
            ranges: Mutex::new(Ranges::new()),
            index: OnceLock::new(),
        }));
        // The pointer is made from the whole, because the hooks reach the whole through it.
        let index = take(ptr::from_ref(arena).cast_mut().cast::<extent_hooks_t>())?;
        arena.index.get_or_init(|| index);
        Some(arena)
    }

    /// Notes a range that was mapped before the hooks were there, as far as it is not known and not another's.
    pub(super) fn note(&self, start: usize, end: usize, others: &[&'static Self]) {
        let theirs: Vec<Ranges> = others.iter().map(|other| *other.lock()).collect();
        let mut ranges = self.lock();
        ranges.remove(start, end - start);
        ranges.insert(start, end - start);
        for range in theirs.iter().flat_map(Ranges::listed) {
            ranges.remove(range.start, range.end - range.start);
        }
    }

    /// The allocator's number for it.
    pub(super) fn index(&self) -> u32 {
        // Set by `install` before anyone sees the arena. The first arena is one that all share.
        self.index.get().copied().unwrap_or(0)
    }

    /// Bytes of it that are in memory now.
    pub(super) fn resident_bytes(&self) -> u64 {
        // Looked at without the lock: a thread that needs more memory does not wait for the kernel's answer.
        let ranges = *self.lock();
        let listed = ranges.listed().iter();
        listed
            // Only a range that was unmapped since has no answer.
            .filter_map(|range| resident_bytes(range.start, range.end))
            .sum::<u64>()
            + ranges.unlisted() as u64
    }

    /// Gives free memory back to the system.
    pub(super) fn purge(&self) {
        jemalloc::purge(self.index());
    }

    /// Memory from here, past the thread's cache.
    pub(super) fn allocate(&self, size: usize) -> Option<NonNull<u8>> {
        jemalloc::allocate(self.index(), size)
    }

    /// Never held while memory is allocated: the hooks take it in the midst of an allocation.
    fn lock(&self) -> std::sync::MutexGuard<'_, Ranges> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # Safety
/// `hooks` is the pointer that was given to the allocator for an [`Arena`].
unsafe fn of(hooks: *mut extent_hooks_t) -> &'static Arena {
    // SAFETY: it points to the first field of an arena that lives for ever, and was made from the whole.
    unsafe { &*hooks.cast::<Arena>() }
}

// The hooks run inside the allocator: they must not allocate, and do not unwind.

unsafe extern "C" fn alloc(
    hooks: *mut extent_hooks_t,
    wanted: *mut c_void,
    size: usize,
    alignment: usize,
    zero: *mut bool,
    commit: *mut bool,
    arena: c_uint,
) -> *mut c_void {
    // SAFETY: called by the allocator with the hooks it was given.
    let this = unsafe { of(hooks) };
    let Some(default) = this.defaults.alloc else {
        return ptr::null_mut();
    };
    // SAFETY: the arguments go through as they came.
    let got = unsafe { default(hooks, wanted, size, alignment, zero, commit, arena) };
    if !got.is_null() {
        this.lock().insert(got.addr(), size);
    }
    got
}

unsafe extern "C" fn dalloc(
    hooks: *mut extent_hooks_t,
    address: *mut c_void,
    size: usize,
    committed: bool,
    arena: c_uint,
) -> bool {
    // SAFETY: called by the allocator with the hooks it was given.
    let this = unsafe { of(hooks) };
    let Some(default) = this.defaults.dalloc else {
        return true;
    };
    // Forgotten first, because another arena may get the addresses as soon as they are unmapped.
    this.lock().remove(address.addr(), size);
    // SAFETY: the arguments go through as they came.
    let kept = unsafe { default(hooks, address, size, committed, arena) };
    if kept {
        this.lock().insert(address.addr(), size);
    }
    kept
}

unsafe extern "C" fn destroy(
    hooks: *mut extent_hooks_t,
    address: *mut c_void,
    size: usize,
    committed: bool,
    arena: c_uint,
) {
    // SAFETY: called by the allocator with the hooks it was given.
    let this = unsafe { of(hooks) };
    this.lock().remove(address.addr(), size);
    if let Some(default) = this.defaults.destroy {
        // SAFETY: the arguments go through as they came.
        unsafe { default(hooks, address, size, committed, arena) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_seen_and_what_is_freed_goes() {
        const SIZE: usize = 20 << 20;
        let arena = Arena::create().unwrap();
        let empty = arena.resident_bytes();
        assert!((1..1 << 20).contains(&empty), "{empty}");
        let memory = arena.allocate(SIZE).unwrap();
        let untouched = arena.resident_bytes();
        assert!(untouched - empty < 1 << 16, "{untouched}");
        // SAFETY: as many bytes as were allocated.
        unsafe { memory.as_ptr().write_bytes(1, SIZE) };
        let full = arena.resident_bytes() - empty;
        assert!(
            (SIZE..SIZE + (1 << 16)).contains(&(full as usize)),
            "{full}"
        );
        // SAFETY: allocated above and not used again.
        unsafe { jemalloc::release(memory) };
        arena.purge();
        assert!(arena.resident_bytes() - empty < 1 << 16);
    }
}
