//! Arenas in use and to spare, each with the threads and the time that are charged with it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::arena::Arena;
use super::process::Held;
use super::thread::Thread;
use super::{Usage, binding};

/// Most arenas that are ever made. The allocator knows no more than 4,095; nobody runs as many pipelines.
const MOST: usize = 4000;

/// An arena and the book that goes with it. Lives for ever, and is used by one account after the other.
pub(super) struct Slot {
    arena: &'static Arena,
    book: Mutex<Book>,
    peak: AtomicU64,
    is_open: AtomicBool,
}

#[derive(Default)]
struct Book {
    threads: Vec<Charged>,
    /// What threads used that are not bound any more.
    cpu: Duration,
}

struct Charged {
    thread: Thread,
    /// Its processor time when it was bound.
    since: Duration,
}

#[derive(Default)]
struct Slots {
    /// All that were made.
    all: Vec<&'static Slot>,
    /// Those that nobody uses, the longest unused first: what was kept in it has had most time to be freed.
    spare: VecDeque<&'static Slot>,
}

static SLOTS: Mutex<Option<Slots>> = Mutex::new(None);

/// A slot that nobody uses; `None` when there are too many already or the system refuses.
pub(super) fn take() -> Option<&'static Slot> {
    let spare = with(|slots| slots.spare.pop_front());
    let slot = spare.or_else(|| {
        // What lives for ever must not be charged to whom the calling thread works for.
        binding::outside(|| {
            // Made before it is counted: two at a time may pass the limit by as many as there are callers, and that
            // is still below the allocator's.
            let slot: &'static Slot = (with(|slots| slots.all.len()) < MOST)
                .then(make)
                .flatten()?;
            with(|slots| {
                slots.all.push(slot);
                // Giving one back must not allocate.
                slots.spare.reserve(slots.all.len());
            });
            Some(slot)
        })
    })?;
    slot.peak.store(0, Ordering::Relaxed);
    slot.book().cpu = Duration::ZERO;
    slot.is_open.store(true, Ordering::Relaxed);
    Some(slot)
}

fn make() -> Option<&'static Slot> {
    Some(Box::leak(Box::new(Slot {
        arena: Arena::create()?,
        book: Mutex::default(),
        peak: AtomicU64::new(0),
        is_open: AtomicBool::new(false),
    })))
}

/// Takes back a slot that has no threads any more.
pub(super) fn give_back(slot: &'static Slot) {
    slot.arena.purge();
    slot.is_open.store(false, Ordering::Relaxed);
    with(|slots| slots.spare.push_back(slot));
}

/// What all slots hold.
pub(super) fn held() -> Held {
    // Read without the lock: it takes a while.
    let all = with(|slots| slots.all.clone());
    let mut held = Held::default();
    for slot in all {
        if slot.is_open.load(Ordering::Relaxed) {
            let usage = slot.usage();
            held.open += 1;
            held.open_bytes += usage.total_bytes();
            held.cache_bytes += u64::from(usage.threads) * binding::CACHE_BYTES;
        } else {
            held.spare += 1;
            held.spare_bytes += slot.arena.resident_bytes();
        }
    }
    held
}

fn with<T>(work: impl FnOnce(&mut Slots) -> T) -> T {
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    work(slots.get_or_insert_default())
}

impl Slot {
    pub(super) fn arena(&self) -> &'static Arena {
        self.arena
    }

    /// Charges what the calling thread does from now on.
    pub(super) fn join(&self, thread: Thread, since: Duration) {
        self.book().threads.push(Charged { thread, since });
    }

    /// The calling thread is charged no more. A thread that has left may end; one that has not is not looked at by
    /// [`usage`](Self::usage) while it ends, because leaving waits for the same lock.
    pub(super) fn leave(&self, thread: Thread, now: Duration) {
        let mut book = self.book();
        let known = book
            .threads
            .iter()
            .position(|t| t.thread.id() == thread.id());
        if let Some(at) = known {
            let charged = book.threads.swap_remove(at);
            book.cpu += now.saturating_sub(charged.since);
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let heap_bytes = self.arena.resident_bytes();
        let book = self.book();
        let mut usage = Usage {
            heap_bytes,
            stack_bytes: 0,
            peak_bytes: 0,
            threads: u32::try_from(book.threads.len()).unwrap_or(u32::MAX),
            cpu: book.cpu,
        };
        for charged in &book.threads {
            usage.stack_bytes += charged.thread.stack_bytes() + binding::CACHE_BYTES;
            usage.cpu += charged.thread.cpu().saturating_sub(charged.since);
        }
        drop(book);
        let now = usage.total_bytes();
        usage.peak_bytes = self.peak.fetch_max(now, Ordering::Relaxed).max(now);
        usage
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
