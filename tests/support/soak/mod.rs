//! The soak: a random walk over a server, and what is left of it afterwards.

mod census;
mod random;
mod scene;
mod walk;

pub use census::Census;
pub use random::Random;
pub use scene::Scene;
pub use walk::Walk;

use std::time::{Duration, Instant};

use super::clients::TsViewer;
use super::figures::Figures;
use super::server::Server;

/// Bytes in use may grow by this much, where the server measures them itself.
pub const ALLOWED: u64 = 2 << 20;
/// The same by the kernel's figure, which knows nothing of what the allocator keeps.
const ALLOWED_UNMEASURED: u64 = 48 << 20;
/// How long a server may take to give everything back.
const BACK_LIMIT: Duration = Duration::from_secs(45);
/// Bytes that a leaking server loses with each pipeline, for the control.
pub const LEAK_BYTES: u64 = 1 << 20;

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Decides every step; the same seed takes the same steps.
    pub seed: u64,
    /// How long to walk.
    pub length: Duration,
    /// How often to take a sample.
    pub sample: Duration,
    /// How long the server may take to be back at its figures.
    pub back: Duration,
    /// Leak a viewer, and let the server leak memory: the control, which must come out red.
    pub leak: bool,
}

impl Script {
    /// A walk of this length.
    pub fn new(seed: u64, length: Duration) -> Self {
        Self {
            seed,
            length,
            sample: Duration::from_mins(1),
            back: BACK_LIMIT,
            leak: false,
        }
    }
}

/// How it came out.
#[derive(Debug)]
pub struct Report {
    /// Before the walk, at rest.
    pub before: Census,
    /// After it.
    pub after: Census,
    /// What is wrong; empty when all is well.
    pub findings: Vec<String>,
    /// What was done and answered, for people.
    pub summary: String,
}

/// Starts a server, walks, and looks at what is left. Samples go to standard output.
pub async fn soak(script: Script) -> Report {
    let scene = Scene::start();
    let mut options = Scene::options();
    if script.leak {
        options = options.env("SIGHTGLASS_LEAK_BYTES_PER_PIPELINE", &LEAK_BYTES);
    }
    let mut server = Server::start(options).await;
    scene.define(&server).await;
    // Twice: the first one loads, the second one fills what is reused.
    scene.warm_up(&server).await;
    scene.warm_up(&server).await;
    let before = Census::at_rest(&server, &scene.origin).await;
    header();
    row("start", &before, 0);
    let mut walk = Walk::new(&server, &scene, script.seed);
    let began = Instant::now();
    let mut next = script.sample;
    let mut steps = 0;
    while began.elapsed() < script.length && Figures::of(server.pid()).is_some() {
        walk.step().await;
        steps += 1;
        if began.elapsed() >= next {
            row(&clock(began.elapsed()), &Census::take(&server).await, steps);
            next += script.sample;
        }
    }
    walk.finish().await;
    let mut findings = std::mem::take(&mut walk.troubles);
    let summary = format!("done: {:?}\nanswers: {:?}", walk.done, walk.answers);
    drop(walk);
    let leaked = script
        .leak
        .then(|| TsViewer::open(&server.preview("ball", "transcode=true&quality=low")));
    let after = before.back_at(&server, &scene.origin, script.back).await;
    row("end", &after, steps);
    findings.extend(compare(&before, &after));
    if server.ended().is_some() {
        findings.push("the server is gone".to_owned());
    } else if server.logs().contain("panicked") {
        findings.push("something panicked; the log says where".to_owned());
    } else if let Err(told) = fresh_picture(&server).await {
        findings.push(format!("a fresh preview shows no picture: {told}"));
    }
    drop(leaked);
    Report {
        before,
        after,
        findings,
        summary,
    }
}

/// What is more after than before.
pub fn compare(before: &Census, after: &Census) -> Vec<String> {
    let allowed = if after.measured {
        ALLOWED
    } else {
        ALLOWED_UNMEASURED
    };
    let counts = [
        ("threads", before.threads, after.threads),
        ("descriptors", before.descriptors, after.descriptors),
        ("sessions", 0, after.sessions),
        (
            "pulls, transcodes, slots and places in the queue",
            0,
            after.running,
        ),
        ("wedged pipelines", 0, after.wedged),
    ];
    let mut findings: Vec<String> = counts
        .into_iter()
        .filter(|(_, before, after)| after > before)
        .map(|(what, before, after)| format!("{what}: {before} before, {after} after"))
        .collect();
    if after.bytes > before.bytes + allowed {
        findings.push(format!(
            "memory: {} before, {} after, {} more allowed",
            megabytes(before.bytes),
            megabytes(after.bytes),
            megabytes(allowed)
        ));
    }
    findings
}

/// Heads the rows.
pub fn header() {
    println!(
        "| time | steps | pipelines started | sessions | running | threads | descriptors | memory | wedged | CPU s |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
}

/// A sample as a row.
pub fn row(when: &str, census: &Census, steps: usize) {
    println!(
        "| {when} | {steps} | {} | {} | {} | {} | {} | {} | {} | {:.0} |",
        census.started,
        census.sessions,
        census.running,
        census.threads,
        census.descriptors,
        megabytes(census.bytes),
        census.wedged,
        census.cpu_seconds,
    );
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// Whether a preview that begins now shows a picture.
async fn fresh_picture(server: &Server) -> Result<(), String> {
    let viewer = TsViewer::open(&server.preview("small", "transcode=true&quality=low"));
    let limit = super::wait::patience(Duration::from_secs(30));
    let began = Instant::now();
    loop {
        let seen = viewer.seen();
        if seen.first_keyframe.is_some() {
            return Ok(());
        }
        if seen.ended.is_some() || began.elapsed() > limit {
            return Err(format!("status {}, {:?}", seen.status, seen.error));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
