//! The other side: an ffmpeg process for each stream that decodes everything and looks for black,
//! still and silence, as many as keep up with real time.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::support::farm::{Clip, Farm, Layout};
use super::support::{Figures, Kid, clean_command, pss_bytes};
use super::{Cost, OriginClock, number};

/// After the start and before measuring, so that no start is in the figures.
const SETTLE: Duration = Duration::from_secs(15);
/// Who gets less than this share of the media done in its time does not keep up.
const KEEPS_UP: f64 = 0.97;

struct Detector {
    kid: Kid,
    /// Media time done so far, in microseconds.
    done: Arc<AtomicU64>,
}

impl Detector {
    fn start(url: &str) -> Self {
        let mut command = clean_command("ffmpeg");
        command
            .args(["-nostdin", "-v", "quiet", "-progress", "pipe:1", "-i", url])
            .args(["-vf", "blackdetect,freezedetect", "-af", "silencedetect"])
            .args(["-f", "null", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut kid = Kid::spawn(&mut command);
        let progress = kid.child().stdout.take().expect("the pipe was asked for");
        let done = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&done);
        std::thread::spawn(move || {
            for line in BufReader::new(progress).lines().map_while(Result::ok) {
                let time = line.strip_prefix("out_time_us=");
                if let Some(time) = time.and_then(|time| time.parse().ok()) {
                    shared.store(time, Ordering::Relaxed);
                }
            }
        });
        Self { kid, done }
    }
}

/// First a few, for what one costs; then as many as the machine should carry by that, and fewer until they do.
/// Gives the figures of both.
pub(crate) async fn run(clip: &Arc<Clip>, length: Duration) -> Vec<Cost> {
    let few = usize::try_from(number("MONITOR_PROCESSES", 4)).expect("a number of processes");
    let mut costs = vec![told(clip, few, length).await];
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut many = (cores as f64 * few as f64 / costs[0].cores) as usize;
    while many > few {
        let cost = told(clip, many, length).await;
        if cost.speed >= Some(KEEPS_UP) {
            costs.push(cost);
            break;
        }
        many -= (many / 10).max(1);
    }
    costs
}

async fn told(clip: &Arc<Clip>, many: usize, length: Duration) -> Cost {
    let cost = measure(clip, many, length).await;
    let speed = cost.speed.unwrap_or(0.0);
    eprintln!(
        "{many} ffmpeg processes: {:.2} cores, speed {speed:.3}",
        cost.cores
    );
    cost
}

async fn measure(clip: &Arc<Clip>, many: usize, length: Duration) -> Cost {
    let farm = Farm::start();
    let channels = farm.channels(many, clip, &Layout::default());
    let all: Vec<Detector> = channels
        .iter()
        .map(|channel| Detector::start(&channel.url()))
        .collect();
    tokio::time::sleep(SETTLE).await;
    let figures = || -> Vec<Figures> {
        let figures = all.iter().map(|one| one.kid.figures());
        figures.map(|found| found.expect("ffmpeg runs")).collect()
    };
    let done = || -> Vec<u64> {
        let done = all.iter().map(|one| one.done.load(Ordering::Relaxed));
        done.collect()
    };
    let (before, done_before, clock) = (figures(), done(), OriginClock::start());
    let bytes = farm.totals().3;
    tokio::time::sleep(length).await;
    let (after, done_after) = (figures(), done());
    let seconds = length.as_secs_f64();
    let sum = |of: fn(&Figures) -> f64, all: &[Figures]| all.iter().map(of).sum::<f64>();
    let cpu = |all| sum(|one| one.cpu_seconds, all);
    let advanced = done_before.iter().zip(&done_after).map(|(a, b)| b - a);
    let slowest = advanced.min().expect("a process") as f64 / 1e6;
    Cost {
        name: format!("{many} ffmpeg processes"),
        streams: many as f64,
        cores: (cpu(&after) - cpu(&before)) / seconds,
        origin: clock.cores(),
        pss: all
            .iter()
            .filter_map(|one| pss_bytes(one.kid.pid()))
            .sum::<u64>() as f64,
        anonymous: sum(|one| one.anonymous_bytes as f64, &after),
        threads: sum(|one| one.threads as f64, &after),
        descriptors: sum(|one| one.descriptors as f64, &after),
        speed: Some(slowest / seconds),
        traffic: (farm.totals().3 - bytes) as f64 * 8.0 / seconds,
        ..Cost::default()
    }
}
