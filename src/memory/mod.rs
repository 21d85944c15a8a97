//! What each pipeline really holds: its heap, its threads and their processor time, inside one process.
//!
//! An [`Account`] owns an arena of the allocator. A thread that is bound to it allocates from that arena, and so do the
//! threads that it starts, libraries' own included. Memory that is freed elsewhere goes back to where it came from, so
//! the arena holds what the pipeline holds. How much of it is in memory is asked of the kernel, page by page.
//!
//! ```text
//! open() ─► enter() around building, starting, stopping     ─┐
//!           attach()/detach() by a streaming thread for itself ├─► usage()      all of them and the rest ─► process()
//!           copy() for buffers made on threads of all         ─┘
//! ```
//!
//! - The allocator is the whole process's, C libraries included; [`init`] finds out whether that came true.
//! - An account stays open as long as a thread is bound to it: one whose pipeline hangs is still seen.
//! - An arena is never destroyed. It is emptied and given to the next account, because libraries keep a few kilobytes
//!   that happened to be allocated there.
//! - What libraries set up once for the process (loading plugins, starting helper threads) would be charged to the
//!   first who needs it: run one of each kind outside of any account at the start.
//!
//! Without the feature `accounting` all of it compiles to nothing, and figures are `None`. Nearly all `unsafe` code of the
//! program is in this room.

#[cfg(feature = "accounting")]
mod account;
#[cfg(feature = "accounting")]
mod arena;
#[cfg(feature = "accounting")]
mod binding;
#[cfg(feature = "accounting")]
mod block;
#[cfg(feature = "accounting")]
mod check;
#[cfg(feature = "accounting")]
mod glib;
#[cfg(feature = "accounting")]
mod jemalloc;
#[cfg(not(feature = "accounting"))]
mod off;
mod process;
#[cfg(feature = "accounting")]
mod ranges;
#[cfg(feature = "accounting")]
mod resident;
#[cfg(feature = "accounting")]
mod server;
#[cfg(feature = "accounting")]
mod slot;
#[cfg(feature = "accounting")]
mod spawn;
#[cfg(all(test, feature = "accounting"))]
mod tests;
#[cfg(feature = "accounting")]
mod thread;

use std::sync::OnceLock;
use std::time::Duration;

#[cfg(feature = "accounting")]
pub use account::{Account, Entered};
#[cfg(feature = "accounting")]
pub use block::Block;
#[cfg(not(feature = "accounting"))]
pub use off::{Account, Block, Entered};
pub use process::{Parts, ProcessMemory, process};

/// Whether accounts charge anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounting {
    /// They do.
    On,
    /// They do not; all figures are unknown.
    Off {
        /// Why, for the log.
        reason: &'static str,
    },
}

/// What is charged to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Heap that is in memory, bytes, in whole pages.
    pub heap_bytes: u64,
    /// Stacks of the bound threads that are in memory, and what the allocator keeps for each thread, bytes.
    pub stack_bytes: u64,
    /// The highest sum of both that was seen by [`Account::usage`] or [`process`], bytes.
    pub peak_bytes: u64,
    /// Threads bound now.
    pub threads: u32,
    /// Processor time, user and system, of all threads while they were bound, ended ones included.
    pub cpu: Duration,
}

impl Usage {
    /// All memory that is charged now, bytes.
    pub fn total_bytes(&self) -> u64 {
        self.heap_bytes + self.stack_bytes
    }
}

/// To be called first in `main`: sets up accounting and tells whether it works. Turns huge pages off for the process
/// and its children: encoders ask for them, and each keeps up to 2 MB where some kilobytes are used.
///
/// Later calls give the answer of the first. [`Account::open`] calls it, too.
pub fn init() -> Accounting {
    static ANSWER: OnceLock<Accounting> = OnceLock::new();
    *ANSWER.get_or_init(set_up)
}

/// Does this while the allocator has no thread of its own. It has one since before `main`, and what a thread gives up, only
/// threads that it starts afterwards give up with it.
#[cfg(feature = "accounting")]
pub fn without_threads<T>(work: impl FnOnce() -> T) -> T {
    let ran = jemalloc::run_background_thread(false);
    let done = work();
    if ran {
        jemalloc::run_background_thread(true);
    }
    done
}

/// Does this.
#[cfg(not(feature = "accounting"))]
pub fn without_threads<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(feature = "accounting")]
fn set_up() -> Accounting {
    check::turn_huge_pages_off();
    match check::check() {
        Ok(()) => {
            glib::let_idle_threads_end();
            Accounting::On
        }
        Err(reason) => Accounting::Off { reason },
    }
}

#[cfg(not(feature = "accounting"))]
fn set_up() -> Accounting {
    Accounting::Off {
        reason: "the program was built without it",
    }
}

/// What accounts hold and what the allocator holds for others, if that is known.
#[cfg(feature = "accounting")]
fn heap() -> Option<(process::Held, u64)> {
    (init() == Accounting::On).then(|| (slot::held(), server::resident_bytes()))
}

#[cfg(not(feature = "accounting"))]
fn heap() -> Option<(process::Held, u64)> {
    None
}
