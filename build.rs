//! Tells the linker which functions of the executables the libraries are to find, and the program of which commit it is.

use std::path::Path;
use std::process::Command;

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
    commit();
}

/// `SIGHTGLASS_COMMIT` as whoever builds sets it; else, of a release, what git says. Other builds would begin anew with each
/// commit if they knew it.
fn commit() {
    println!("cargo::rerun-if-env-changed=SIGHTGLASS_COMMIT");
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if std::env::var_os("SIGHTGLASS_COMMIT").is_some() || !release {
        return;
    }
    let history = ".git/logs/HEAD";
    if !Path::new(history).exists() {
        return;
    }
    for changed in [history, "src", "pipelines", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={changed}");
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let changes = ["status", "--porcelain", "--untracked-files=no"];
    if let (Some(commit), Some(changes)) = (git(&["rev-parse", "HEAD"]), git(&changes)) {
        let changed = if changes.is_empty() { "" } else { "-changed" };
        println!("cargo::rustc-env=SIGHTGLASS_COMMIT={commit}{changed}");
    }
}
