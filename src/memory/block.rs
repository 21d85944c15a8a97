//! Bytes in memory of an account.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use super::account::Open;
use super::jemalloc;

/// Bytes in memory of an account; see [`Account::copy`](super::Account::copy). The account stays open as long as it
/// lives.
pub struct Block(Memory);

enum Memory {
    /// From the arena of an account, which is kept open by it.
    Charged {
        pointer: NonNull<u8>,
        len: usize,
        _open: Arc<Open>,
    },
    /// For an account that charges nothing.
    Common(Box<[u8]>),
}

// SAFETY: the bytes are the block's own and are never written after it was made; any thread may free them.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    pub(super) fn copy(open: Arc<Open>, bytes: &[u8]) -> Self {
        let Some(slot) = open.slot() else {
            return Self(Memory::Common(bytes.into()));
        };
        let Some(pointer) = slot.arena().allocate(bytes.len()) else {
            // As everywhere in the process when memory is out.
            handle_alloc_error(Layout::for_value(bytes));
        };
        // SAFETY: the new memory has room for as many bytes, and is nobody else's.
        unsafe {
            pointer
                .as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Self(Memory::Charged {
            pointer,
            len: bytes.len(),
            _open: open,
        })
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            // SAFETY: as many bytes were written when the block was made.
            Memory::Charged { pointer, len, .. } => unsafe {
                std::slice::from_raw_parts(pointer.as_ptr(), *len)
            },
            Memory::Common(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.as_ref().len())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Memory::Charged { pointer, .. } = self.0 {
            // SAFETY: it came from the arena, and the block is gone after this.
            unsafe { jemalloc::release(pointer) };
        }
    }
}
