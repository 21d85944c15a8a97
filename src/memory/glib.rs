//! Two settings of `GLib` without which accounts would not see what its users do.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

#[link(name = "glib-2.0")] // linked already by the bindings of GStreamer
unsafe extern "C" {
    /// Does nothing from 2.76 on, where there are no slices any more.
    fn g_slice_set_config(key: c_int, value: i64);
    fn g_thread_pool_set_max_unused_threads(most: c_int);
}

/// `G_SLICE_CONFIG_ALWAYS_MALLOC`.
const ALWAYS_MALLOC: c_int = 1;

/// Lets threads of `GLib`'s pools end when their work is done, instead of waiting for work of somebody else: a thread
/// that one pipeline made would keep its account open for 15 s, and then be charged with another's work.
pub(super) fn let_idle_threads_end() {
    // SAFETY: stores the number and wakes threads that are too many; may be called at any time.
    unsafe { g_thread_pool_set_max_unused_threads(0) };
}

/// Runs before the libraries' own initialisers: `GLib` takes this setting only before its first slice, and reads its
/// environment variable for it while it is loaded. Before 2.76 slices are memory of all mixed together.
#[used]
#[unsafe(link_section = ".preinit_array")]
static FIRST: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = first;

extern "C" fn first(_: c_int, _: *const *const c_char, _: *const *const c_char) {
    // SAFETY: only stores the value; needs nothing that is not there yet.
    unsafe { g_slice_set_config(ALWAYS_MALLOC, 1) };
}
