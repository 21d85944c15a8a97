//! Do the pipelines' own figures add up? The sum of what each pipeline is said to hold, and what the
//! server holds for their feeds and viewers, beside what the process has grown by as the kernel
//! tells it, for 1, 5 and 20 pipelines of every kind.
//!
//! `make bench-accounting` prints a table in Markdown after about two minutes.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use support::{
    Metrics, Options, Origin, Server, TsFile, TsViewer, ViewerOptions, eventually, media,
};

const PIPELINE: &str = "sightglass_pipeline_memory_bytes";
const PROCESS: &str = "sightglass_process_memory_bytes";
/// How far the sum may be from the growth.
const WITHIN: f64 = 0.05;
/// Most that anything may take to give a first picture.
const SOON: Duration = Duration::from_mins(2);
/// Looks at both figures, and the pause between two.
const LOOKS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(500);

/// The kinds that are mixed: a clip (or a test picture) and the query it is previewed with.
const KINDS: &[(&str, &str, &str)] = &[
    ("transcode", "hevc10.ts", "transcode=true&quality=low"),
    ("audio only", "mp2.ts", ""),
    ("test source", "", ""),
];

fn main() -> ExitCode {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut good = true;
    println!(
        "| pipelines | their sum | the server's growth | both | the process's growth | ratio | of the pipelines alone |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for pipelines in [1, 5, 20] {
        good &= runtime.block_on(measure(pipelines));
    }
    if good {
        return ExitCode::SUCCESS;
    }
    println!("\nRED: not within {:.0} %", WITHIN * 100.0);
    ExitCode::FAILURE
}

/// Runs so many pipelines and prints a row. Whether the figures agree.
async fn measure(pipelines: usize) -> bool {
    let origin = Origin::start();
    let flows: Vec<String> = KINDS
        .iter()
        .map(|(_, clip, _)| match *clip {
            "" => "test://ball?width=320&height=180".to_owned(),
            clip => {
                let file = TsFile::new(media(clip)).seamless();
                origin.ts(clip.trim_end_matches(".ts"), file).url()
            }
        })
        .collect();
    let server = Server::start(
        Options::new()
            .env("MAX_CONCURRENT_TRANSCODES", "32")
            .env("MAX_SESSIONS_PER_CLIENT", "100")
            .env("STREAM_LINGER", "0")
            .env("RENDITION_LINGER", "0"),
    )
    .await;
    let open = async |n: usize| {
        let (_, _, query) = KINDS[n % KINDS.len()];
        let options = ViewerOptions {
            blind: true,
            ..ViewerOptions::default()
        };
        let viewer = TsViewer::open_with(&server.preview(&format!("s{n}"), query), options);
        viewer.wait_bytes(20_000, SOON).await;
        viewer
    };
    for n in 0..pipelines.max(KINDS.len()) {
        let flow = &flows[n % KINDS.len()];
        let own = if flow.starts_with("http") {
            format!("{flow}/{n}")
        } else {
            flow.clone()
        };
        server.add_stream(&format!("s{n}"), &own).await;
    }
    // One of each kind first: what is loaded once belongs to no pipeline.
    for n in 0..KINDS.len() {
        drop(open(n).await);
    }
    eventually(SOON, "everything to have ended", async || {
        let metrics = server.metrics().await;
        let running = metrics.sum("sightglass_transcode_pipelines_running", &[])
            + metrics.sum("sightglass_ingests_running", &[]);
        (running == 0.0).then_some(())
    })
    .await;
    // What was freed goes back to the system after a moment.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle = Held::now(&server).await;
    let mut viewers = Vec::new();
    for n in 0..pipelines {
        viewers.push(open(n).await);
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    let mut mean = Held::default();
    for _ in 0..LOOKS {
        let now = Held::now(&server).await;
        mean.pipelines += now.pipelines / LOOKS as f64;
        mean.server += (now.server - idle.server) / LOOKS as f64;
        mean.process += (now.process - idle.process) / LOOKS as f64;
        tokio::time::sleep(BETWEEN).await;
    }
    let both = mean.pipelines + mean.server;
    let ratio = both / mean.process;
    let alone = mean.pipelines / (mean.process - mean.server);
    println!(
        "| {pipelines} | {:.1} MB | {:.1} MB | {:.1} MB | {:.1} MB | {ratio:.3} | {alone:.3} |",
        mean.pipelines / 1e6,
        mean.server / 1e6,
        both / 1e6,
        mean.process / 1e6,
    );
    (ratio - 1.0).abs() <= WITHIN && (alone - 1.0).abs() <= WITHIN
}

/// Memory, in bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    /// By all pipelines, as each is said to hold.
    pipelines: f64,
    /// By the server, what pipelines have left to be used again included.
    server: f64,
    /// Anonymous memory of the process, as the kernel counts it.
    process: f64,
}

impl Held {
    async fn now(server: &Server) -> Self {
        let metrics: Metrics = server.metrics().await;
        let process = server.figures().anonymous_bytes as f64;
        let state = |state| metrics.sum(PROCESS, &[("state", state)]);
        Self {
            pipelines: metrics.sum(PIPELINE, &[]),
            server: state("server") + state("spare"),
            process,
        }
    }
}
