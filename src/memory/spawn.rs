//! Threads inherit the account of the thread that starts them, also those that libraries start.
//!
//! The executable exports a `pthread_create` of its own, which all libraries find before the C library's.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::account::Open;
use super::binding;

/// A thread's function. It may be left by unwinding: that is how `pthread_exit` and cancellation work.
type Body = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Body,
    *mut c_void,
) -> c_int;

/// What a new thread is given.
struct Start {
    body: Body,
    argument: *mut c_void,
    account: Arc<Open>,
}

/// Starts a thread that works for whom its creator works for.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    body: Body,
    argument: *mut c_void,
) -> c_int {
    let Some(create) = original() else {
        return libc::ENOSYS;
    };
    let Some(account) = binding::current() else {
        // SAFETY: the arguments go through as they came.
        return unsafe { create(thread, attributes, body, argument) };
    };
    let start = Box::into_raw(Box::new(Start {
        body,
        argument,
        account,
    }));
    // SAFETY: the thread gets the box, which is its own from here on.
    let failed = unsafe { create(thread, attributes, run, start.cast()) };
    if failed != 0 {
        // SAFETY: there is no thread that could have taken it.
        drop(unsafe { Box::from_raw(start) });
    }
    failed
}

/// The new thread's first function. Nothing here may have a destructor while `body` runs: it may be left without
/// returning. The binding ends with the thread, by the destructor of a thread key.
unsafe extern "C-unwind" fn run(start: *mut c_void) -> *mut c_void {
    let (body, argument) = begin(start);
    // SAFETY: the function and its argument, as the creator gave them.
    unsafe { body(argument) }
}

#[inline(never)] // its locals have destructors
fn begin(start: *mut c_void) -> (Body, *mut c_void) {
    // SAFETY: the box that `pthread_create` made for this thread.
    let start = *unsafe { Box::from_raw(start.cast::<Start>()) };
    binding::switch(Some(start.account));
    (start.body, start.argument)
}

/// The C library's function.
fn original() -> Option<Create> {
    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut found = FOUND.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: looks up a name.
        found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
        FOUND.store(found, Ordering::Relaxed);
    }
    // SAFETY: a function of this name has this type; null is no function.
    unsafe { std::mem::transmute::<*mut c_void, Option<Create>>(found) }
}

/// Where this executable's own function is.
pub(super) fn address() -> *const c_void {
    pthread_create as *const c_void
}
