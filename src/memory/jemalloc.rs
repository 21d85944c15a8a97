//! The allocator and its controls. What is here neither knows accounts nor threads.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use tikv_jemalloc_sys as sys;
use tikv_jemalloc_sys::extent_hooks_t;

/// Rust's share of the heap. The C libraries come to the same allocator by the names that the executable exports.
#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CONF: &[u8; 132] = b"narenas:2,oversize_threshold:0,background_thread:true,\
max_background_threads:1,dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_max:4096\0";

/// Read by the allocator before anything runs. Few shared arenas, because the heavy threads have arenas of their own,
/// and none apart for large blocks, because it could not be looked into;
/// memory that was freed goes back to the system within a second, in the background.
#[used]
#[unsafe(export_name = "malloc_conf")]
static MALLOC_CONF: &[u8; 132] = CONF;

/// A name of the control interface, looked up once.
#[derive(Clone, Copy)]
struct Name<const N: usize>([usize; N]);

impl<const N: usize> Name<N> {
    fn look_up(name: &CStr) -> Option<Self> {
        let mut parts = [0; N];
        let mut len = N;
        // SAFETY: `parts` has room for `len` parts.
        let failed =
            unsafe { sys::mallctlnametomib(name.as_ptr(), parts.as_mut_ptr(), &raw mut len) };
        (failed == 0 && len == N).then_some(Self(parts))
    }

    fn with(mut self, at: usize, part: u32) -> Self {
        self.0[at] = part as usize;
        self
    }

    /// Reads, writes, or both.
    ///
    /// # Safety
    /// The value at this name must be of type `O` where it is read, `I` where it is written.
    unsafe fn control<O, I>(&self, old: Option<&mut O>, new: Option<&mut I>) -> bool {
        let mut old_size = size_of::<O>();
        let (old, old_size) = old.map_or((ptr::null_mut(), ptr::null_mut()), |old| {
            (ptr::from_mut(old).cast::<c_void>(), &raw mut old_size)
        });
        let (new, new_size) = new.map_or((ptr::null_mut(), 0), |new| {
            (ptr::from_mut(new).cast::<c_void>(), size_of::<I>())
        });
        // SAFETY: the pointers are null or point to values of the sizes given with them.
        unsafe { sys::mallctlbymib(self.0.as_ptr(), N, old, old_size, new, new_size) == 0 }
    }

    fn act(&self) -> bool {
        // SAFETY: nothing is read or written.
        unsafe { self.control::<(), ()>(None, None) }
    }

    /// # Safety
    /// As [`control`](Self::control).
    unsafe fn get<O: Default>(&self) -> Option<O> {
        let mut value = O::default();
        // SAFETY: the caller's promise.
        unsafe { self.control::<O, ()>(Some(&mut value), None) }.then_some(value)
    }
}

struct Names {
    thread_arena: Name<2>,
    cache_flush: Name<3>,
    create: Name<2>,
    purge: Name<3>,
    hooks: Name<3>,
    lookup: Name<2>,
    shared: Name<2>,
    retain: Name<2>,
}

fn names() -> Option<&'static Names> {
    static NAMES: OnceLock<Option<Names>> = OnceLock::new();
    NAMES
        .get_or_init(|| {
            Some(Names {
                thread_arena: Name::look_up(c"thread.arena")?,
                cache_flush: Name::look_up(c"thread.tcache.flush")?,
                create: Name::look_up(c"arenas.create")?,
                purge: Name::look_up(c"arena.0.purge")?,
                hooks: Name::look_up(c"arena.0.extent_hooks")?,
                lookup: Name::look_up(c"arenas.lookup")?,
                shared: Name::look_up(c"opt.narenas")?,
                retain: Name::look_up(c"opt.retain")?,
            })
        })
        .as_ref()
}

/// Whether the controls are there at all.
pub(super) fn answers() -> bool {
    names().is_some()
}

/// The hooks that arenas have from the start. Looked at once, before the first arena gets others.
pub(super) fn default_hooks() -> Option<extent_hooks_t> {
    static DEFAULT: OnceLock<Option<extent_hooks_t>> = OnceLock::new();
    *DEFAULT.get_or_init(|| {
        let mut hooks: *mut extent_hooks_t = ptr::null_mut();
        // SAFETY: the value is a pointer to hooks.
        let read = unsafe { names()?.hooks.control::<_, ()>(Some(&mut hooks), None) };
        // SAFETY: hooks in use live for ever.
        (read && !hooks.is_null()).then(|| unsafe { *hooks })
    })
}

/// Whether addresses that are free are kept for later instead of being unmapped.
pub(super) fn retains() -> bool {
    // SAFETY: the value is a truth value of one byte.
    names().is_some_and(|names| unsafe { names.retain.get() } == Some(true))
}

/// Makes an arena; it lives for ever.
///
/// # Safety
/// `hooks` must be hooks that work, and stay valid for ever.
pub(super) unsafe fn create_arena(mut hooks: *mut extent_hooks_t) -> Option<u32> {
    let mut index = 0_u32;
    // SAFETY: this name takes a pointer to hooks, which are good by the caller's promise, and gives a number.
    unsafe { names()?.create.control(Some(&mut index), Some(&mut hooks)) }.then_some(index)
}

/// Lets the calling thread allocate from the arena from now on; returns the one it had. What the thread's cache holds
/// goes back to where it came from.
pub(super) fn move_thread(mut arena: u32) -> Option<u32> {
    let names = names()?;
    // A thread without a cache refuses, and has nothing to give back.
    names.cache_flush.act();
    let mut before = 0_u32;
    // SAFETY: this name takes and gives arena numbers; one that does not exist is refused.
    unsafe {
        names
            .thread_arena
            .control(Some(&mut before), Some(&mut arena))
    }
    .then_some(before)
}

/// Gives the arena's free pages back to the system.
pub(super) fn purge(arena: u32) {
    if let Some(names) = names() {
        names.purge.with(1, arena).act();
    }
}

/// Ends or starts the thread that gives free memory back to the system; returns whether it ran.
pub(super) fn run_background_thread(mut run: bool) -> bool {
    let mut ran = false;
    let name = Name::<1>::look_up(c"background_thread");
    // SAFETY: this name takes and gives a truth value of one byte.
    let done = name.is_some_and(|name| unsafe { name.control(Some(&mut ran), Some(&mut run)) });
    done && ran
}

/// The arena that a pointer was allocated from; `None` when it is not this allocator's.
pub(super) fn arena_of(mut pointer: *const c_void) -> Option<u32> {
    let mut arena = 0_u32;
    // SAFETY: this name takes any pointer, which is looked up and not followed, and gives a number.
    unsafe {
        names()?
            .lookup
            .control(Some(&mut arena), Some(&mut pointer))
    }
    .then_some(arena)
}

/// The arenas that all other threads share have the numbers from zero up to this one.
pub(super) fn shared_arenas() -> u32 {
    // SAFETY: the value is a number of four bytes.
    names()
        .and_then(|names| unsafe { names.shared.get() })
        .unwrap_or(0)
}

/// Gives an arena that all share other hooks, and makes it if it was not used yet.
///
/// # Safety
/// `hooks` must be hooks that work for what the arena holds already, and stay valid for ever.
pub(super) unsafe fn set_hooks(arena: u32, mut hooks: *mut extent_hooks_t) -> bool {
    // SAFETY: this name takes a pointer to hooks, which are good by the caller's promise.
    names().is_some_and(|names| unsafe {
        names
            .hooks
            .with(1, arena)
            .control::<(), _>(None, Some(&mut hooks))
    })
}

/// Memory for `size` bytes from the arena itself, past the thread's cache.
pub(super) fn allocate(arena: u32, size: usize) -> Option<NonNull<u8>> {
    let size = size.max(1);
    let flags = sys::MALLOCX_ARENA(arena as usize) | sys::MALLOCX_TCACHE_NONE;
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { sys::mallocx(size, flags) }.cast())
}

/// Frees what [`allocate`] gave, past the thread's cache.
///
/// # Safety
/// `pointer` must come from [`allocate`], and is not used again.
pub(super) unsafe fn release(pointer: NonNull<u8>) {
    let flags: c_int = sys::MALLOCX_TCACHE_NONE;
    // SAFETY: the caller's promise.
    unsafe { sys::dallocx(pointer.as_ptr().cast(), flags) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_in_force() {
        assert!(CONF.ends_with(b"\0"));
        assert!(!CONF[..CONF.len() - 1].contains(&0));
        let read = |name: &CStr| {
            let name = Name::<2>::look_up(name).unwrap();
            // SAFETY: the names below are of numbers of eight bytes.
            unsafe { name.get::<u64>() }.unwrap()
        };
        assert_eq!(read(c"opt.dirty_decay_ms"), 1000);
        assert_eq!(read(c"opt.tcache_max"), 4096);
        let shared = Name::<2>::look_up(c"arenas.narenas").unwrap();
        // SAFETY: a number of four bytes.
        assert!(unsafe { shared.get::<u32>() }.unwrap() >= 2);
    }

    #[test]
    fn it_knows_its_own() {
        let mine = Box::new(5_u64);
        assert!(arena_of(ptr::from_ref(&*mine).cast()).is_some());
        let here = 5_u64;
        assert_eq!(arena_of(ptr::from_ref(&here).cast()), None);
    }
}
