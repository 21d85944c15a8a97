//! Many transcodes: as ffmpeg processes, one each, and as pipelines of one server, on the same clip
//! at real time. What they cost, and what is left of the picture.
//!
//! `make bench-many` prints a table in Markdown after about five minutes. `MANY_SECONDS` (40) is
//! the length of a round. ffmpeg gets the settings of our profiles in its own words.
// A bench lives in wall clock time.
#![allow(clippy::disallowed_methods)]

#[path = "versus/ffmpeg.rs"]
mod ffmpeg;
#[path = "many/quality.rs"]
mod quality;
#[path = "many/recorder.rs"]
mod recorder;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "versus/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ffmpeg::Ffmpeg;
use recorder::Recorder;
use support::{Figures, Options, Origin, Server, TsFile, eventually, media, pss_bytes};
use table::Table;

/// Most that anything may take to give a first picture.
const PATIENCE: Duration = Duration::from_mins(1);
/// The clip; a round is shorter.
const CLIP: &str = "bbb.ts";
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(500);

fn main() {
    // Test runners start benches, too, to see what is in them; only `cargo bench` asks for work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let length = std::env::var("MANY_SECONDS").ok();
    let length = length.and_then(|text| text.parse().ok()).unwrap_or(40);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bench = Bench {
            origin: Origin::start(),
            length: Duration::from_secs(length),
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let mut table = Table::default();
        for (many, profile) in [(1, "medium"), (3, "medium"), (6, "low")] {
            eprintln!("{many} x {profile}");
            let theirs = bench.ffmpeg(many, profile).await;
            let ours = bench.server(many, profile).await;
            rows(&mut table, &format!("{many} x {profile}"), &ours, &theirs);
        }
        table.print();
    });
}

struct Bench {
    origin: Origin,
    length: Duration,
    folder: tempfile::TempDir,
}

/// What a round has cost.
#[derive(Debug, Default)]
struct Cost {
    /// Proportional set size: the most and the mean, in bytes.
    peak: f64,
    mean: f64,
    /// The same over what was held before.
    growth: f64,
    /// CPU seconds for each second of each stream.
    cpu: f64,
    threads: f64,
    descriptors: f64,
    /// Mean PSNR of the luma, in decibels.
    quality: f64,
    pictures: usize,
}

fn rows(table: &mut Table, what: &str, ours: &Cost, theirs: &Cost) {
    let mut row = |name: &str, unit: &str, ours: f64, theirs: f64| {
        table.compare(&format!("{what}: {name}"), unit, &[ours], &[theirs]);
    };
    row(
        "memory (PSS), peak",
        "MB",
        ours.peak / 1e6,
        theirs.peak / 1e6,
    );
    row(
        "memory (PSS), mean",
        "MB",
        ours.mean / 1e6,
        theirs.mean / 1e6,
    );
    row(
        "memory (PSS), mean, ours: growth over idle",
        "MB",
        ours.growth / 1e6,
        theirs.growth / 1e6,
    );
    row("CPU per stream second", "s", ours.cpu, theirs.cpu);
    row("threads", "", ours.threads, theirs.threads);
    row("descriptors", "", ours.descriptors, theirs.descriptors);
    row("PSNR (Y)", "dB", ours.quality, theirs.quality);
    row(
        "pictures compared",
        "",
        ours.pictures as f64,
        theirs.pictures as f64,
    );
    let lost = ours.quality - theirs.quality;
    table.ours(
        &format!("{what}: PSNR (Y), ours over theirs"),
        "dB",
        &[lost],
    );
}

impl Bench {
    async fn ffmpeg(&self, many: usize, profile: &str) -> Cost {
        let urls = self.urls(many);
        let files = self.files(many, "theirs");
        let all: Vec<Ffmpeg> = urls
            .iter()
            .zip(&files)
            .map(|(url, file)| Ffmpeg::recorded(url, profile, file))
            .collect();
        let begun = async || {
            let first = all.iter().map(|one| one.output().first_keyframe);
            first.min().flatten()
        };
        eventually(PATIENCE, "all first keyframes", begun).await;
        let (peak, mean) = self.watch(|| all.iter().map(Ffmpeg::pss_bytes).sum()).await;
        let figures: Vec<Figures> = all.iter().map(Ffmpeg::figures).collect();
        let seconds: f64 = all.iter().map(|one| one.output().seconds).sum();
        let sum = |of: fn(&Figures) -> f64| figures.iter().map(of).sum::<f64>();
        drop(all);
        let (quality, pictures) = quality::psnr(&files[0], &media(CLIP)).await;
        Cost {
            peak,
            mean,
            growth: mean,
            cpu: sum(|one| one.cpu_seconds) / seconds,
            threads: sum(|one| one.threads as f64),
            descriptors: sum(|one| one.descriptors as f64),
            quality,
            pictures,
        }
    }

    async fn server(&self, many: usize, profile: &str) -> Cost {
        let slots = many.to_string();
        let server = Server::start(Options::new().env("MAX_CONCURRENT_TRANSCODES", &slots)).await;
        for (n, url) in self.urls(many).iter().enumerate() {
            server.add_stream(&format!("s{n}"), url).await;
        }
        let files = self.files(many, "ours");
        let pss = || pss_bytes(server.pid()).unwrap_or(0);
        let (idle, before) = (pss() as f64, server.figures());
        let query = format!("transcode=true&quality={profile}");
        let all: Vec<Recorder> = files
            .iter()
            .enumerate()
            .map(|(n, file)| {
                let url = server.preview(&format!("s{n}"), &query);
                Recorder::open(server.http().clone(), url, file)
            })
            .collect();
        let begun = async || {
            let begun = all.iter().all(|one| one.recorded().picture);
            begun.then_some(())
        };
        eventually(PATIENCE, "all first keyframes", begun).await;
        let (peak, mean) = self.watch(pss).await;
        // Both at one moment: what follows the last byte is in neither.
        let after = server.figures();
        let seconds: f64 = all.iter().map(|one| one.recorded().seconds).sum();
        drop((all, server));
        let (quality, pictures) = quality::psnr(&files[0], &media(CLIP)).await;
        Cost {
            peak,
            mean,
            growth: mean - idle,
            cpu: (after.cpu_seconds - before.cpu_seconds) / seconds,
            threads: after.threads as f64,
            descriptors: after.descriptors as f64,
            quality,
            pictures,
        }
    }

    /// Sources at real time, each from the clip's start: the same pictures at the same pace.
    fn urls(&self, many: usize) -> Vec<String> {
        let clip = self.origin.ts("clip", TsFile::new(media(CLIP)));
        (0..many).map(|n| format!("{}/{n}", clip.url())).collect()
    }

    fn files(&self, many: usize, side: &str) -> Vec<PathBuf> {
        let path = |n| Path::new(self.folder.path()).join(format!("{side}-{n}.ts"));
        (0..many).map(path).collect()
    }

    /// The highest and the mean value of `figure` while the length of a round passes.
    async fn watch(&self, figure: impl Fn() -> u64) -> (f64, f64) {
        let began = Instant::now();
        let mut looks = Vec::new();
        while began.elapsed() < self.length {
            looks.push(figure() as f64);
            tokio::time::sleep(LOOK).await;
        }
        let peak = looks.iter().copied().fold(0.0, f64::max);
        (peak, looks.iter().sum::<f64>() / looks.len() as f64)
    }
}
