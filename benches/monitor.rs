//! What watching costs, and how soon it tells: many live channels of 720p at 2.5 Mbit/s watched by one
//! server, beside ffmpeg processes that do the classic job on the same channels, as many as keep up.
//!
//! `make bench-monitor` prints tables in Markdown after about half an hour. `MONITOR_ROUNDS` names the
//! rounds to run (`origin,ffmpeg,50,200,1000`), `MONITOR_SECONDS` (120) is how long each is measured,
//! `MONITOR_PROCESSES` (4) the number of processes to begin with; what one costs says how many are tried
//! next. Up to 200 streams are watched in mode `continuous` (every segment fetched and scanned, a keyframe
//! and a second of sound each 10 s), more in mode `sampled` with intervals of 30 s.
//!
//! With `MONITOR_MINUTES` (`make soak-monitor`: 60) healthy channels are watched for that long instead,
//! and it is red when anything is raised.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "monitor/delays.rs"]
mod delays;
#[path = "monitor/detectors.rs"]
mod detectors;
#[path = "monitor/load.rs"]
mod load;
#[path = "monitor/quiet.rs"]
mod quiet;
#[path = "monitor/server.rs"]
mod server;
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::farm::Clip;

/// Hosts that the channels are spread over, as over providers.
const HOSTS: u8 = 10;

/// What watching so many streams has cost.
#[derive(Debug, Default)]
struct Cost {
    name: String,
    streams: f64,
    /// Cores used by the watcher.
    cores: f64,
    /// Cores used by the origin meanwhile; part of the bench, not of the cost.
    origin: f64,
    /// Proportional set size and anonymous memory, in bytes.
    pss: f64,
    anonymous: f64,
    threads: f64,
    descriptors: f64,
    /// The least coverage that was seen, where that is said.
    coverage: Option<f64>,
    /// From the last stream's definition to full coverage, in seconds.
    covered_in: Option<f64>,
    /// By the origin: segments that were fetched of the stream of which the fewest were, a minute.
    fewest: Option<f64>,
    /// How long ago the longest unwatched stream was looked at in the end, in seconds.
    oldest: Option<f64>,
    /// Media time that was watched for each second of real time.
    speed: Option<f64>,
    /// Bits a second that came from the origin.
    traffic: f64,
}

fn main() -> ExitCode {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let minutes = std::env::var("MONITOR_MINUTES").ok();
    if let Some(minutes) = minutes.and_then(|text| text.parse::<f64>().ok()) {
        return runtime.block_on(quiet::run(Duration::from_secs_f64(minutes * 60.0)));
    }
    let rounds = std::env::var("MONITOR_ROUNDS").ok();
    let rounds = rounds.unwrap_or_else(|| "origin,ffmpeg,50,200,1000".to_owned());
    let length = Duration::from_secs(number("MONITOR_SECONDS", 120));
    runtime.block_on(async {
        let clip = Clip::main();
        eprintln!("the channels have {:.2} Mbit/s", clip.bitrate() / 1e6);
        let (mut costs, mut delays) = (Vec::new(), Vec::new());
        for round in rounds.split(',') {
            eprintln!("round {round}");
            match round {
                "origin" => load::run(&clip, length.min(Duration::from_secs(30))).await,
                "ffmpeg" => costs.extend(detectors::run(&clip, length).await),
                many => {
                    let many = many.parse().expect("a number of streams");
                    let (cost, told) = server::run(&clip, many, length).await;
                    costs.push(cost);
                    delays.push(told);
                }
            }
        }
        print(&costs);
        delays::print(&delays);
    });
    ExitCode::SUCCESS
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// CPU time of the origins' threads so far, in seconds.
fn origin_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    let seconds = |folder: std::path::PathBuf| -> Option<f64> {
        let name = std::fs::read_to_string(folder.join("comm")).ok()?;
        if name.trim() != "origin" {
            return None;
        }
        let spent = std::fs::read_to_string(folder.join("schedstat")).ok()?;
        let nanoseconds: f64 = spent.split_whitespace().next()?.parse().ok()?;
        Some(nanoseconds / 1e9)
    };
    tasks
        .filter_map(|task| seconds(task.ok()?.path()))
        .sum::<f64>()
}

/// CPU time of the origins over a time, as cores.
struct OriginClock(f64, Instant);

impl OriginClock {
    fn start() -> Self {
        Self(origin_seconds(), Instant::now())
    }

    fn cores(&self) -> f64 {
        (origin_seconds() - self.0) / self.1.elapsed().as_secs_f64()
    }
}

/// A row of the table: what it says of each round.
type Row = (&'static str, fn(&Cost) -> Option<f64>, usize);

/// Prints the costs, a round a column.
fn print(costs: &[Cost]) {
    let rows: [Row; 15] = [
        (
            "CPU seconds per stream-hour",
            |c| Some(c.cores * 3600.0 / c.streams),
            1,
        ),
        ("cores", |c| Some(c.cores), 3),
        ("memory (PSS), MB", |c| Some(c.pss / 1e6), 0),
        ("of it anonymous, MB", |c| Some(c.anonymous / 1e6), 0),
        (
            "memory (PSS) per stream, MB",
            |c| Some(c.pss / c.streams / 1e6),
            2,
        ),
        ("threads", |c| Some(c.threads), 0),
        ("descriptors", |c| Some(c.descriptors), 0),
        ("coverage, the least", |c| c.coverage, 3),
        ("seconds until all were covered", |c| c.covered_in, 1),
        (
            "by the origin: segments a minute of the stream with the fewest",
            |c| c.fewest,
            2,
        ),
        (
            "seconds since the look at the one that waits for longest",
            |c| c.oldest,
            1,
        ),
        ("media time over real time, the slowest", |c| c.speed, 3),
        ("from the origin, Mbit/s", |c| Some(c.traffic / 1e6), 1),
        ("the origin itself, cores", |c| Some(c.origin), 3),
        ("streams", |c| Some(c.streams), 0),
    ];
    let names: Vec<&str> = costs.iter().map(|cost| cost.name.as_str()).collect();
    println!("| measure | {} |", names.join(" | "));
    println!("|---|{}", "---:|".repeat(costs.len()));
    for (name, of, digits) in rows {
        let figure = |cost| of(cost).map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        let figures: Vec<String> = costs.iter().map(figure).collect();
        println!("| {name} | {} |", figures.join(" | "));
    }
}
