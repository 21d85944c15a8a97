//! What is around the program where it runs: units, the flake, containers, a load balancer, and what is told of its safety.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod containers;
mod haproxy;
mod nix;
mod security;
mod systemd;
mod units;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Long enough for anything that should take a moment, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Longest time for a tool that looks at files.
const TOOL_LIMIT: Duration = Duration::from_mins(1);

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the repository.
fn text(path: &str) -> String {
    let path = repository(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
