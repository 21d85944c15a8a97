//! Whether the process is one in which accounts work.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use tikv_jemalloc_sys as sys;

use super::{jemalloc, server, spawn};

/// Turns huge pages off for the process. Where the system refuses they stay as they are: more memory, nothing worse.
pub(super) fn turn_huge_pages_off() {
    // SAFETY: this option takes four numbers, of which only the first means something.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1_u64, 0_u64, 0_u64, 0_u64) };
}

/// Looks a function up as the libraries do; `None` when there is none.
fn exported(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: looks up a name.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

/// Why accounts cannot work, if they cannot.
pub(super) fn check() -> Result<(), &'static str> {
    if !jemalloc::answers() {
        return Err("the allocator's controls are missing");
    }
    // First this one: what is taken below could not be given back elsewhere.
    if exported(c"free") != Some(sys::free as *mut c_void)
        || exported(c"malloc_usable_size") != Some(sys::malloc_usable_size as *mut c_void)
    {
        return Err("the libraries free memory with another allocator");
    }
    if exported(c"pthread_create").map(<*mut c_void>::cast_const) != Some(spawn::address()) {
        return Err("the libraries start threads past the program");
    }
    if !allocations().into_iter().all(|p| p.is_some_and(is_ours)) {
        return Err("the libraries allocate memory with another allocator");
    }
    if !server::adopt() {
        return Err("the system does not tell which memory is resident (mincore)");
    }
    Ok(())
}

/// One allocation by each way that libraries know, the C library's own included.
fn allocations() -> [Option<*mut c_void>; 7] {
    type One = unsafe extern "C" fn(usize) -> *mut c_void;
    type Two = unsafe extern "C" fn(usize, usize) -> *mut c_void;
    type Again = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
    type Out = unsafe extern "C" fn(*mut *mut c_void, usize, usize) -> c_int;
    // SAFETY: functions of these names have these types.
    let two = |name| {
        exported(name).map(|f| unsafe { std::mem::transmute::<*mut c_void, Two>(f)(64, 64) })
    };
    [
        // SAFETY: as above.
        exported(c"malloc").map(|f| unsafe { std::mem::transmute::<*mut c_void, One>(f)(64) }),
        exported(c"realloc")
            // SAFETY: as above; of nothing it makes something.
            .map(|f| unsafe { std::mem::transmute::<*mut c_void, Again>(f)(ptr::null_mut(), 64) }),
        two(c"calloc"),
        two(c"aligned_alloc"),
        two(c"memalign"),
        exported(c"posix_memalign").map(|f| {
            let mut pointer = ptr::null_mut();
            // SAFETY: as above; it writes the pointer.
            unsafe { std::mem::transmute::<*mut c_void, Out>(f)(&raw mut pointer, 64, 64) };
            pointer
        }),
        // SAFETY: a copy of a string that ends.
        Some(unsafe { libc::strdup(c"the C library".as_ptr()) }.cast()),
    ]
}

/// Whether the memory is the allocator's; frees it if so.
fn is_ours(pointer: *mut c_void) -> bool {
    let ours = jemalloc::arena_of(pointer).is_some();
    if ours {
        // SAFETY: allocated above by the allocator, and not used again.
        unsafe { sys::free(pointer) };
    }
    ours
}
