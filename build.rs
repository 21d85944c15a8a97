//! Tells the linker which functions of the executables the libraries are to find.

/// With accounting, the program is the process's allocator and starts its threads, also for libraries that are loaded
/// later. The linker exports by itself only what the libraries that it sees ask for.
const EXPORTED: [&str; 12] = [
    "malloc",
    "calloc",
    "realloc",
    "free",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
    "valloc",
    "pvalloc",
    "malloc_usable_size",
    "malloc_conf",
    "pthread_create",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_ACCOUNTING").is_some() {
        for name in EXPORTED {
            println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol={name}");
        }
    }
}
