//! What a pipeline's memory, threads and processor time are charged to.

use std::marker::PhantomData;
use std::sync::Arc;

use super::block::Block;
use super::slot::{self, Slot};
use super::{Accounting, Usage, binding, init};

/// The account of one pipeline. Clones are the same account. It is closed, and its memory given to the next one, when
/// the last clone, the last [`Block`] and the last bound thread are gone.
#[derive(Clone, Debug)]
pub struct Account(Arc<Open>);

/// An account as long as anyone has it: the pipeline's owner, a thread, a block.
pub(super) struct Open {
    slot: Option<&'static Slot>,
}

impl Account {
    /// A new account, empty but for what libraries still keep from before in the memory it is given (some kilobytes).
    /// When 4,000 are open at once, or accounting is off, it is one that charges nothing.
    pub fn open() -> Self {
        let slot = (init() == Accounting::On).then(slot::take).flatten();
        Self(Arc::new(Open { slot }))
    }

    /// An account that charges nothing: for what is to be nobody's.
    pub fn nobody() -> Self {
        Self(Arc::new(Open { slot: None }))
    }

    /// Binds the calling thread until the guard is dropped: what it allocates, what it computes, and the threads it
    /// starts are charged to this account. May be nested; the guard restores what was before.
    ///
    /// A guard must not be held across an `await`, which its type forbids, nor while tasks are spawned on a pool that
    /// may start threads for them: those would stay bound.
    pub fn enter(&self) -> Entered {
        Entered {
            before: binding::switch(Some(Arc::clone(&self.0))),
            _here: PhantomData,
        }
    }

    /// Binds the calling thread until it is [detached](Self::detach), attached elsewhere, or ends. For threads of a
    /// pool that say when they begin to work for somebody and when they are done; not while a guard of
    /// [`enter`](Self::enter) is held, which would restore what was before.
    pub fn attach(&self) {
        binding::switch(Some(Arc::clone(&self.0)));
    }

    /// Unbinds the calling thread, whatever it was bound to.
    pub fn detach() {
        binding::switch(None);
    }

    /// A copy of the bytes in memory of this account, whichever thread calls.
    pub fn copy(&self, bytes: &[u8]) -> Block {
        Block::copy(Arc::clone(&self.0), bytes)
    }

    /// Gives what is free in its memory back to the system now, instead of within a second, unless that is under way.
    /// Closing does that, too.
    pub fn trim(&self) {
        if let Some(slot) = self.0.slot {
            slot.arena().purge();
        }
    }

    /// What is charged to it now; `None` when that is not known because accounting is off. 10 µs, and 1 to 3 µs for
    /// each megabyte.
    pub fn usage(&self) -> Option<Usage> {
        self.0.slot.map(Slot::usage)
    }
}

impl Open {
    pub(super) fn slot(&self) -> Option<&'static Slot> {
        self.slot
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arena = self.slot.map(|slot| slot.arena().index());
        f.debug_struct("Open").field("arena", &arena).finish()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            slot::give_back(slot);
        }
    }
}

/// The calling thread works for an account; see [`Account::enter`].
#[derive(Debug)]
#[must_use = "dropping the guard unbinds the thread"]
pub struct Entered {
    before: Option<Arc<Open>>,
    /// Belongs to one thread.
    _here: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        binding::switch(self.before.take());
    }
}

#[cfg(test)]
impl Account {
    pub(super) fn arena(&self) -> &'static super::arena::Arena {
        self.0.slot.unwrap().arena()
    }

    /// Tells later whether it is still open.
    pub(super) fn watch(&self) -> std::sync::Weak<Open> {
        Arc::downgrade(&self.0)
    }
}
