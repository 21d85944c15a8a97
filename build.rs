//! Tells the linker which functions of the executables the libraries are to find, and the program of which commit it is;
//! and packs the page into it.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

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
    page();
}

/// Where `make web` puts the page.
const PAGE: &str = "web/dist";
/// The types of what a page is made of. Others have to be added here on purpose; those of text are compressed.
const TYPES: [(&str, &str, bool); 12] = [
    ("html", "text/html; charset=utf-8", true),
    ("js", "text/javascript; charset=utf-8", true),
    ("css", "text/css; charset=utf-8", true),
    ("svg", "image/svg+xml", true),
    ("json", "application/json", true),
    ("map", "application/json", true),
    ("webmanifest", "application/manifest+json", true),
    ("txt", "text/plain; charset=utf-8", true),
    ("png", "image/png", false),
    ("webp", "image/webp", false),
    ("ico", "image/x-icon", false),
    ("woff2", "font/woff2", false),
];

/// Writes `page.rs`: the files of the page, as they are and compressed. `SIGHTGLASS_WEB` names another folder that has it; an
/// empty one leaves it out. Nothing about a file but its path and its bytes goes in, so that the same page makes the same program.
fn page() {
    println!("cargo::rerun-if-env-changed=SIGHTGLASS_WEB");
    let named = std::env::var_os("SIGHTGLASS_WEB");
    let folder = named.as_deref().unwrap_or(OsStr::new(PAGE));
    let folder = Path::new(folder);
    let mut paths = Vec::new();
    if folder.join("index.html").is_file() {
        println!("cargo::rerun-if-changed={}", folder.display());
        find(folder, &mut paths);
    } else if named.as_ref().is_some_and(|name| !name.is_empty()) {
        panic!(
            "SIGHTGLASS_WEB: there is no {}/index.html",
            folder.display()
        );
    } else if named.is_none() && Path::new("web").is_dir() {
        // A path that is not there would make each build begin anew.
        println!("cargo::rerun-if-changed=web");
    }
    // As the program looks for them: byte by byte.
    paths.sort_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo tells it"));
    let packed: Vec<String> = paths
        .iter()
        .enumerate()
        .map(|(number, path)| pack(folder, path, &out.join(format!("page-{number}.gz"))))
        .collect();
    let table = format!("&[{}]", packed.join(", "));
    std::fs::write(out.join("page.rs"), table).expect("OUT_DIR can be written");
}

/// All files below a folder.
fn find(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the page can be read") {
        let path = entry.expect("the page can be read").path();
        if path.is_dir() {
            find(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// One file of the page, as Rust writes it.
#[allow(
    clippy::unnecessary_debug_formatting,
    reason = "it is how literals are written"
)]
fn pack(folder: &Path, file: &Path, gzip: &Path) -> String {
    let bytes = std::fs::read(file).expect("the page can be read");
    let extension = file.extension().unwrap_or_default();
    let known = TYPES.iter().find(|(name, ..)| extension == *name);
    let (_, kind, is_text) = known.unwrap_or_else(|| {
        panic!("build.rs knows no type of {}", file.display());
    });
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let tag = hasher.finish();
    let mut packed = "None".to_owned();
    if *is_text {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).expect("memory takes it");
        let small = encoder.finish().expect("memory takes it");
        if small.len() < bytes.len() {
            std::fs::write(gzip, small).expect("OUT_DIR can be written");
            packed = format!("Some(include_bytes!({}))", quoted(gzip));
        }
    }
    let path = quoted(file.strip_prefix(folder).expect("it was found there"));
    let whole = quoted(&std::path::absolute(file).expect("there is a working directory"));
    format!(
        "File {{ path: {path}, kind: {kind:?}, tag: \"{tag:016x}\", plain: include_bytes!({whole}), gzip: {packed} }}"
    )
}

/// A path as Rust writes it.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_str().expect("paths are UTF-8"))
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
