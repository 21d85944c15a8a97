//! The scenario bench: our server beside an `ffmpeg` process that does the same work, on the same
//! origin, with the same settings, in the same run. Absolute figures drift from machine
//! to machine; the ratios are what counts.
//!
//! `make bench-versus` prints a table in Markdown after about eight minutes. `VERSUS_SECONDS` (50 for
//! the transcode, 20 for the rest) and `VERSUS_ROUNDS` (3) make it longer or shorter.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "versus/ffmpeg.rs"]
mod ffmpeg;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "versus/table.rs"]
mod table;

use std::time::{Duration, Instant};

use ffmpeg::Ffmpeg;
use support::{
    LiveHls, Options, Origin, Server, TsFile, TsViewer, ViewerOptions, eventually, media,
};
use table::Table;

/// Most that anything may take to give a first picture.
const PATIENCE: Duration = Duration::from_mins(1);
/// The query of our transcode.
const MEDIUM: &str = "transcode=true&quality=medium";
/// The query of our copy.
const COPY: &str = "transcode=false";
const CROWD: usize = 50;

fn main() {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bench = Bench::new();
        let mut table = Table::default();
        bench.transcode(&mut table).await;
        bench.first_keyframe(&mut table).await;
        bench.joining(&mut table).await;
        bench.crowd(&mut table).await;
        table.print();
    });
}

struct Bench {
    origin: Origin,
    length: Duration,
    /// Of a round of the transcode: long enough that the start is a small part of it.
    long: Duration,
    rounds: usize,
}

impl Bench {
    fn new() -> Self {
        let number = |name: &str, otherwise: u64| {
            std::env::var(name)
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(otherwise)
        };
        Self {
            origin: Origin::start(),
            length: Duration::from_secs(number("VERSUS_SECONDS", 20)),
            long: Duration::from_secs(number("VERSUS_SECONDS", 50)),
            rounds: number("VERSUS_ROUNDS", 3) as usize,
        }
    }

    /// A server of its own with one stream, and the URL of that stream's origin. Everyone gets a
    /// channel that has just begun, so that all start at the same place of the clip.
    async fn server(&self) -> (Server, String) {
        // A crowd from one address is the point here.
        let server = Server::start(Options::new().env("MAX_SESSIONS_PER_CLIENT", "1000")).await;
        let source = self.channel();
        server.add_stream("clip", &source).await;
        (server, source)
    }

    fn channel(&self) -> String {
        self.origin
            .live_hls("clip", LiveHls::new(media("bbb-4s")))
            .url()
    }

    /// CPU and memory of one transcode in real time.
    async fn transcode(&self, table: &mut Table) {
        let mut cpu = (Vec::new(), Vec::new());
        let mut memory = (Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            eprintln!("transcode, round {round} of {}", self.rounds);
            // Continuous TS at real time, from the clip's start for each client: the same frames at the
            // same pace. (From live HLS ffmpeg encodes all it finds listed in one burst.)
            let tv = self.origin.ts("tv", TsFile::new(media("bbb.ts")));
            let server = Server::start(Options::new()).await;
            server.add_stream("tv", &tv.url()).await;
            let idle = server.figures();
            let viewer = TsViewer::open(&server.preview("tv", MEDIUM));
            viewer.wait_keyframe(PATIENCE).await;
            let peak = self.watch(|| server.figures().anonymous_bytes).await;
            // Both at one moment, while the viewer still watches: nothing that lingers is in it.
            let (seconds, used) = (viewer.seen().seconds, server.figures().cpu_seconds);
            cpu.0.push((used - idle.cpu_seconds) / seconds);
            memory
                .0
                .push(megabytes(peak.saturating_sub(idle.anonymous_bytes)));
            drop((viewer, server));

            let ffmpeg = Ffmpeg::medium(&tv.url());
            first_keyframe(&ffmpeg).await;
            let peak = self.watch(|| ffmpeg.figures().anonymous_bytes).await;
            cpu.1
                .push(ffmpeg.figures().cpu_seconds / ffmpeg.output().seconds);
            memory.1.push(megabytes(peak));
        }
        let what = "transcode 720p medium: CPU per stream second";
        table.compare(what, "s", &cpu.0, &cpu.1);
        let what = "the same: peak anonymous memory (ours: growth over idle)";
        table.compare(what, "MB", &memory.0, &memory.1);
    }

    /// The highest value of `figure` while the length of a long round passes.
    async fn watch(&self, figure: impl Fn() -> u64) -> u64 {
        let began = Instant::now();
        let mut peak = 0;
        while began.elapsed() < self.long {
            peak = peak.max(figure());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        peak
    }

    /// From nothing to the first picture, copied and transcoded.
    async fn first_keyframe(&self, table: &mut Table) {
        for (what, query, other) in [
            (
                "cold copy: first keyframe",
                COPY,
                Ffmpeg::copy as fn(&str) -> Ffmpeg,
            ),
            ("cold transcode: first keyframe", MEDIUM, Ffmpeg::medium),
        ] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for round in 1..=self.rounds + 2 {
                eprintln!("{what}, round {round} of {}", self.rounds + 2);
                let (server, _) = self.server().await;
                let viewer = TsViewer::open(&server.preview("clip", query));
                ours.push(milliseconds(viewer.wait_keyframe(PATIENCE).await));
                drop((viewer, server));
                theirs.push(milliseconds(first_keyframe(&other(&self.channel())).await));
            }
            table.compare(what, "ms", &ours, &theirs);
        }
    }

    /// The first picture for those who come later.
    async fn joining(&self, table: &mut Table) {
        for (what, query) in [
            ("joining a running copy: first keyframe", COPY),
            ("joining a running transcode: first keyframe", MEDIUM),
        ] {
            eprintln!("{what}");
            let (server, _) = self.server().await;
            let url = server.preview("clip", query);
            let first = TsViewer::open(&url);
            first.wait_keyframe(PATIENCE).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            let mut waits = Vec::new();
            for _ in 0..10 {
                let wait = TsViewer::open(&url).wait_keyframe(PATIENCE).await;
                waits.push(milliseconds(wait));
                // Not in step with the keyframes, which come every two seconds.
                tokio::time::sleep(Duration::from_millis(370)).await;
            }
            table.ours(what, "ms", &waits);
        }
    }

    /// What a crowd costs over one viewer.
    async fn crowd(&self, table: &mut Table) {
        eprintln!("{CROWD} viewers of one transcode");
        let (server, _) = self.server().await;
        let url = server.preview("clip", MEDIUM);
        let blind = || ViewerOptions {
            blind: true,
            ..ViewerOptions::default()
        };
        let first = TsViewer::open(&url);
        first.wait_keyframe(PATIENCE).await;
        // Past the head start that a new viewer's player gets.
        tokio::time::sleep(Duration::from_secs(8)).await;
        let alone = self.load(&server).await;
        let memory = server.figures().anonymous_bytes;
        let crowd: Vec<TsViewer> = (1..CROWD)
            .map(|_| TsViewer::open_with(&url, blind()))
            .collect();
        for viewer in &crowd {
            viewer.wait_bytes(188, PATIENCE).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let together = self.load(&server).await;
        let growth = server.figures().anonymous_bytes.saturating_sub(memory);
        table.ours("CPU cores for 1 viewer of a transcode", "cores", &[alone]);
        table.ours(
            &format!("CPU cores for {CROWD} viewers of it"),
            "cores",
            &[together],
        );
        table.ours(
            &format!("{CROWD} viewers over 1: CPU"),
            "ratio",
            &[together / alone],
        );
        table.ours(
            &format!("{CROWD} viewers over 1: memory"),
            "MB",
            &[megabytes(growth)],
        );
    }

    /// CPU seconds of the server in a second of wall clock time.
    async fn load(&self, server: &Server) -> f64 {
        let (began, before) = (Instant::now(), server.figures().cpu_seconds);
        tokio::time::sleep(self.length).await;
        (server.figures().cpu_seconds - before) / began.elapsed().as_secs_f64()
    }
}

async fn first_keyframe(ffmpeg: &Ffmpeg) -> Duration {
    let seen = async || ffmpeg.output().first_keyframe;
    eventually(PATIENCE, "ffmpeg's first keyframe", seen).await
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
