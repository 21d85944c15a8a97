//! Accounts that charge nothing, for a program without its own allocator.

use std::marker::PhantomData;

use super::Usage;

/// Would be what a pipeline's memory is charged to.
#[derive(Clone, Debug)]
pub struct Account(());

/// Would bind the calling thread.
#[derive(Debug)]
#[must_use = "dropping the guard unbinds the thread"]
pub struct Entered {
    _here: PhantomData<*const ()>,
}

/// Bytes.
#[derive(Debug)]
pub struct Block(Box<[u8]>);

impl Account {
    /// An account that charges nothing.
    pub fn open() -> Self {
        Self(())
    }

    /// As any other.
    pub fn nobody() -> Self {
        Self(())
    }

    /// Does nothing.
    #[allow(clippy::unused_self, reason = "the interface of the real one")]
    pub fn enter(&self) -> Entered {
        Entered { _here: PhantomData }
    }

    /// Does nothing.
    #[allow(clippy::unused_self, reason = "the interface of the real one")]
    pub fn attach(&self) {}

    /// Does nothing.
    pub fn detach() {}

    /// A copy of the bytes.
    #[allow(clippy::unused_self, reason = "the interface of the real one")]
    pub fn copy(&self, bytes: &[u8]) -> Block {
        Block(bytes.into())
    }

    /// Does nothing.
    #[allow(clippy::unused_self, reason = "the interface of the real one")]
    pub fn trim(&self) {}

    /// Unknown.
    #[allow(clippy::unused_self, reason = "the interface of the real one")]
    pub fn usage(&self) -> Option<Usage> {
        None
    }
}

impl Drop for Entered {
    fn drop(&mut self) {}
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Accounting, init, process};

    #[test]
    fn everything_works_and_nothing_is_known() {
        assert!(matches!(init(), Accounting::Off { .. }));
        let account = Account::open();
        let _entered = account.enter();
        account.attach();
        Account::detach();
        assert_eq!(account.copy(b"bytes").as_ref(), b"bytes");
        assert_eq!(account.usage(), None);
        let process = process();
        assert!(process.anonymous > 0 && process.resident >= process.anonymous);
        assert_eq!(process.parts, None);
    }
}
