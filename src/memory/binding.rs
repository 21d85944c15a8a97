//! Which account the calling thread works for.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use super::account::Open;
use super::jemalloc;
use super::thread::{self, Thread};

/// What the allocator keeps for each thread besides what it keeps in arenas: the lists of its cache, measured with the
/// sizes that are configured. Lies in memory that all share, and is charged to whom the thread works for.
pub(super) const CACHE_BYTES: u64 = 20 << 10;

thread_local! {
    // Neither has a destructor, so that both can be used up to the very end of a thread.
    /// An `Arc` that was turned into a pointer; null when the thread works for nobody.
    static HERE: Cell<*const Open> = const { Cell::new(ptr::null()) };
    /// The arena that the thread had before it was bound first.
    static HOME: Cell<u32> = const { Cell::new(0) };
}

/// Binds the calling thread to the account, or to none; returns what it was bound to. About 3 µs where that changes
/// anything.
pub(super) fn switch(next: Option<Arc<Open>>) -> Option<Arc<Open>> {
    let before = HERE.get();
    let wanted = next.as_ref().map_or(ptr::null(), Arc::as_ptr);
    if before == wanted {
        return next;
    }
    let thread = Thread::current();
    let now = thread.cpu();
    let next_slot = next.as_ref().and_then(|open| open.slot());
    if next.is_some() && !thread::at_end(end) {
        // It could not be told when the thread ends: better not charged than charged for ever.
        return next;
    }
    // SAFETY: the pointer, if there is one, is of the count that this thread holds.
    let before_slot = unsafe { before.as_ref() }.and_then(Open::slot);
    if let Some(slot) = before_slot {
        slot.leave(thread, now);
    }
    if let Some(slot) = next_slot {
        // Before the arena changes: the book's memory is not the account's.
        slot.join(thread, now);
    }
    match (before_slot, next_slot) {
        (None, Some(slot)) => {
            if let Some(home) = jemalloc::move_thread(slot.arena().index()) {
                HOME.set(home);
            }
        }
        (Some(_), Some(slot)) => {
            jemalloc::move_thread(slot.arena().index());
        }
        (Some(_), None) => {
            jemalloc::move_thread(HOME.get());
        }
        (None, None) => {}
    }
    HERE.set(next.map_or(ptr::null(), Arc::into_raw));
    // SAFETY: it came from `into_raw` here, and nothing else holds the count of it now.
    (!before.is_null()).then(|| unsafe { Arc::from_raw(before) })
}

/// The account that the calling thread works for.
pub(super) fn current() -> Option<Arc<Open>> {
    let here = HERE.get();
    if here.is_null() {
        return None;
    }
    // SAFETY: the pointer is of a count that this thread holds; another is taken for the caller.
    unsafe {
        Arc::increment_strong_count(here);
        Some(Arc::from_raw(here))
    }
}

/// Does something for nobody's account.
pub(super) fn outside<T>(work: impl FnOnce() -> T) -> T {
    /// Restores the binding also when the work panics.
    struct Restore(Option<Arc<Open>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            switch(self.0.take());
        }
    }
    let _restore = Restore(switch(None));
    work()
}

/// The calling thread ends. The allocator has cleared its cache by now, or clears it after this; it needs no arena.
extern "C" fn end() {
    let here = HERE.replace(ptr::null());
    if here.is_null() {
        return;
    }
    // SAFETY: as in `switch`.
    let open = unsafe { Arc::from_raw(here) };
    if let Some(slot) = open.slot() {
        let thread = Thread::current();
        slot.leave(thread, thread.cpu());
    }
}
