//! The soak: minutes or hours of everything that operators, viewers and sources do, on one server,
//! and what is left of it at the end. Red when anything is.
//!
//! `make soak` walks for `SOAK_MINUTES` (5), in steps that `SOAK_SEED` decides. `SOAK_LEAK=1` leaks
//! on purpose, to see that it comes out red; the server leaks along when it was built with the
//! feature `leak`. `SOAK_CYCLES=1000` (`make cycles`) starts and stops previews instead, so many
//! times, eight at a time.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "soak/cycles.rs"]
mod cycles;
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use support::soak::{Script, soak};

fn main() -> ExitCode {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let findings = runtime.block_on(async {
        match number("SOAK_CYCLES") {
            Some(cycles) => cycles::run(cycles as usize).await,
            None => walk().await,
        }
    });
    println!();
    if findings.is_empty() {
        println!("GREEN: nothing is left behind");
        return ExitCode::SUCCESS;
    }
    println!("RED");
    for finding in findings {
        println!("- {finding}");
    }
    ExitCode::FAILURE
}

async fn walk() -> Vec<String> {
    let minutes = std::env::var("SOAK_MINUTES").ok();
    let minutes: f64 = minutes.and_then(|text| text.parse().ok()).unwrap_or(5.0);
    let seed = number("SOAK_SEED").unwrap_or_else(some_seed);
    let mut script = Script::new(seed, Duration::from_secs_f64(minutes * 60.0));
    script.leak = number("SOAK_LEAK").is_some_and(|leak| leak > 0);
    println!(
        "soak: {minutes} minutes, SOAK_SEED={seed}{}\n",
        if script.leak {
            ", leaking on purpose"
        } else {
            ""
        }
    );
    let report = soak(script).await;
    println!("\n{}", report.summary);
    if !report.after.measured {
        println!("memory: the kernel's figure; this server does not say what is in use");
    }
    report.findings
}

/// Another walk each time.
fn some_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |since| since.as_secs())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
