//! Sources held open and scanned, nothing else: a hundred in one server, ten ffmpeg processes that
//! copy to nowhere, of the same clip at real time. What each stream costs.
//!
//! `make bench-pulls` prints a table in Markdown after about four minutes. `PULLS_SECONDS` (40) is
//! the length of a round, `PULLS` (100) the number of streams of the server.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "versus/table.rs"]
mod table;
#[path = "pulls/udp.rs"]
mod udp;

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use support::{
    Figures, Kid, LiveHls, Options, Origin, Server, TsViewer, ViewerOptions, clean_command,
    eventually, media, pss_bytes,
};
use table::Table;
use tempfile::NamedTempFile;
use udp::Sender;

/// Processes on the other side.
const PROCESSES: usize = 10;
/// Most that anything may take to begin.
const PATIENCE: Duration = Duration::from_mins(2);
/// After the start and before measuring, so that no start is in the figures.
/// ffmpeg looks at a stream for up to seven seconds before it copies.
const SETTLE: Duration = Duration::from_secs(12);
/// Viewers that start pulls at one time.
const AT_ONCE: usize = 10;

fn main() {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bench = Bench {
            length: Duration::from_secs(number("PULLS_SECONDS", 40)),
            many: usize::try_from(number("PULLS", 100)).expect("a number of streams"),
        };
        let mut table = Table::default();
        let origin = Origin::start();
        let channel = origin.live_hls("channel", LiveHls::new(media("bbb-4s")).seamless());
        let urls = |many: usize| {
            (0..many)
                .map(|n| format!("{}?{n}", channel.url()))
                .collect()
        };
        bench
            .compare("HLS", urls(bench.many), urls(PROCESSES), &mut table)
            .await;
        // The same clip: keyframes that lie farther apart than ffmpeg looks would be the end of it.
        let sender = Sender::start(&media("bbb-4s"), bench.many + PROCESSES);
        let urls = sender.urls();
        let (ours, theirs) = urls.split_at(bench.many);
        // By itself, ffmpeg ends when it once does not read for long enough.
        let theirs = theirs.iter().map(|url| format!("{url}?overrun_nonfatal=1"));
        bench
            .compare("UDP", ours.to_vec(), theirs.collect(), &mut table)
            .await;
        table.print();
    });
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

struct Bench {
    length: Duration,
    many: usize,
}

/// What one stream costs.
#[derive(Debug, Default)]
struct Cost {
    /// CPU seconds for each second of each stream.
    cpu: f64,
    /// Proportional set size, of the server its growth over idle, in bytes.
    memory: f64,
    threads: f64,
    descriptors: f64,
}

impl Bench {
    async fn compare(&self, what: &str, ours: Vec<String>, theirs: Vec<String>, table: &mut Table) {
        eprintln!("{what}: {} processes", theirs.len());
        let theirs = self.processes(&theirs).await;
        eprintln!("{what}: {} streams of one server", ours.len());
        let ours = self.server(&ours).await;
        let mut row = |name: &str, unit: &str, of: fn(&Cost) -> f64| {
            let name = format!("{what}: {name}, for each stream");
            table.compare(&name, unit, &[of(&ours)], &[of(&theirs)]);
        };
        row("CPU per second", "ms", |cost| cost.cpu * 1e3);
        row("memory (PSS; ours: growth over idle)", "MB", |cost| {
            cost.memory / 1e6
        });
        row("threads", "", |cost| cost.threads);
        row("descriptors", "", |cost| cost.descriptors);
    }

    async fn processes(&self, urls: &[String]) -> Cost {
        let mut all: Vec<Copier> = urls.iter().map(|url| Copier::start(url)).collect();
        tokio::time::sleep(SETTLE).await;
        let mut figures = || -> Vec<Figures> { all.iter_mut().map(Copier::figures).collect() };
        let cpu = |all: &[Figures]| all.iter().map(|one| one.cpu_seconds).sum::<f64>();
        let before = figures();
        tokio::time::sleep(self.length).await;
        let after = figures();
        let sum = |of: fn(&Figures) -> f64| after.iter().map(of).sum::<f64>();
        let many = all.len() as f64;
        let memory: u64 = all.iter().filter_map(|one| pss_bytes(one.kid.pid())).sum();
        Cost {
            cpu: (cpu(&after) - cpu(&before)) / self.length.as_secs_f64() / many,
            memory: memory as f64 / many,
            threads: sum(|one| one.threads as f64) / many,
            descriptors: sum(|one| one.descriptors as f64) / many,
        }
    }

    async fn server(&self, urls: &[String]) -> Cost {
        // A pull outlives its viewer here: what is measured is the pull alone.
        let options = Options::new()
            .env("STREAM_LINGER", "10m")
            .env("MAX_SESSIONS_PER_CLIENT", "1000")
            .env("SOURCE_ALLOW_LISTEN", "true");
        let server = Server::start(options).await;
        for (n, url) in urls.iter().enumerate() {
            server.add_stream(&format!("s{n}"), url).await;
        }
        let pss = || pss_bytes(server.pid()).unwrap_or(0) as f64;
        let (idle, at_rest) = (pss(), server.figures());
        let all: Vec<usize> = (0..urls.len()).collect();
        for some in all.chunks(AT_ONCE) {
            join_all(some.iter().map(|n| begin(&server, *n))).await;
        }
        tokio::time::sleep(SETTLE).await;
        let before = server.figures();
        tokio::time::sleep(self.length).await;
        let after = server.figures();
        let up = server.get("/api/v1/streams?state=up&limit=1").await.2;
        assert_eq!(up["total"], Value::from(urls.len()), "all are still pulled");
        let many = urls.len() as f64;
        let grown = |of: fn(&Figures) -> usize| of(&after) as f64 - of(&at_rest) as f64;
        Cost {
            cpu: (after.cpu_seconds - before.cpu_seconds) / self.length.as_secs_f64() / many,
            memory: (pss() - idle) / many,
            threads: grown(|one| one.threads) / many,
            descriptors: grown(|one| one.descriptors) / many,
        }
    }
}

/// Starts a pull by viewing it for a moment.
async fn begin(server: &Server, n: usize) {
    let url = server.preview(&format!("s{n}"), "quality=source");
    let options = ViewerOptions {
        blind: true,
        ..ViewerOptions::default()
    };
    let viewer = TsViewer::open_with(&url, options);
    eventually(PATIENCE, "media", async || {
        (viewer.seen().bytes > 0).then_some(())
    })
    .await;
}

/// An ffmpeg process that copies a source to nowhere.
struct Copier {
    kid: Kid,
    errors: NamedTempFile,
}

impl Copier {
    fn start(url: &str) -> Self {
        let errors = NamedTempFile::new().expect("a file for what it says");
        let mut command = clean_command("ffmpeg");
        command
            .args(["-nostdin", "-nostats", "-v", "error", "-i", url])
            .args(["-map", "0", "-c", "copy", "-f", "null", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors.reopen().expect("the file again"));
        let kid = Kid::spawn(&mut command);
        Self { kid, errors }
    }

    /// What it takes.
    ///
    /// # Panics
    /// When it has ended.
    fn figures(&mut self) -> Figures {
        if let Some(status) = self.kid.ended() {
            let said = std::fs::read(self.errors.path()).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let last: Vec<&str> = said.lines().rev().take(10).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            panic!("an ffmpeg process ended ({status}):\n{}", last.join("\n"));
        }
        self.kid.figures().expect("figures of a process that runs")
    }
}
