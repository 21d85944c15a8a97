//! CPU time of looks: `cargo bench --bench samples`. Beside it, ffmpeg on the same footage (`-skip_frame nokey`).

#[path = "../tests/support/looks.rs"]
mod looks;

use std::process::Command;

use sightglass::actors::sampler::{PictureJob, SoundJob};
use sightglass::samples;

const ROUNDS: usize = 20;

#[tokio::main(worker_threads = 1)]
async fn main() {
    let clip = std::env::args().nth(1).filter(|arg| !arg.starts_with("--"));
    let clip = clip.unwrap_or_else(|| "bbb-4s/index.m3u8".to_owned());
    let (chunks, tracks) = looks::clip(&clip);
    let starts: Vec<usize> = (0..chunks.len())
        .filter(|&at| chunks[at].keyframe.is_some())
        .collect();
    let sampler = looks::sampler();
    let parts: Vec<_> = starts
        .windows(2)
        .map(|pair| &chunks[pair[0]..=pair[1]])
        .collect();
    let found: Vec<_> = parts
        .iter()
        .map(|part| samples::extract(part, &tracks))
        .collect();
    let bytes: usize = found
        .iter()
        .filter_map(|found| Some(found.keyframe.as_ref()?.data.len()))
        .sum();
    println!(
        "{clip}: {} keyframes of {} KB",
        found.len(),
        bytes / found.len() / 1000
    );
    let count = (ROUNDS * found.len()) as f64;
    println!("| work | CPU ms each |\n|---|---|");
    let began = cpu();
    for _ in 0..ROUNDS {
        for part in &parts {
            std::hint::black_box(samples::extract(part, &tracks));
        }
    }
    println!("| units out of chunks | {:.2} |", (cpu() - began) / count);
    for jpeg in [false, true, false, true] {
        let began = cpu();
        for _ in 0..ROUNDS {
            for found in &found {
                let job = PictureJob {
                    stream: looks::stream(),
                    codec: found.codec.expect("a codec"),
                    units: found.keyframe.iter().cloned().collect(),
                    jpeg,
                    all: false,
                };
                let shown = sampler.picture(job).await.expect("a picture");
                assert_eq!(shown.jpeg.is_some(), jpeg);
            }
        }
        let name = if jpeg {
            "keyframe, figures and JPEG"
        } else {
            "keyframe and figures"
        };
        println!("| {name} | {:.2} |", (cpu() - began) / count);
    }
    let began = cpu();
    let mut seconds = 0.0;
    for _ in 0..ROUNDS {
        for units in found.iter().filter_map(|found| found.sound.clone()) {
            let job = SoundJob {
                stream: looks::stream(),
                units,
            };
            seconds += sampler.sound(job).await.expect("sound").seconds;
        }
    }
    println!("| second of sound | {:.2} |", (cpu() - began) / seconds);
    sampler.close().await;
    let path = format!("{}/.media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let before = children();
    for _ in 0..5 {
        let ffmpeg = Command::new("ffmpeg")
            .args([
                "-nostdin",
                "-v",
                "error",
                "-threads",
                "1",
                "-skip_frame",
                "nokey",
                "-i",
                &path,
            ])
            .args(["-an", "-f", "null", "-"])
            .status();
        assert!(ffmpeg.is_ok_and(|status| status.success()));
    }
    let each = (children() - before) / (5 * found.len()) as f64;
    println!("| ffmpeg process, keyframes decoded to null | {each:.2} |");
}

/// Milliseconds of CPU of this process.
fn cpu() -> f64 {
    let stat = procfs::process::Process::myself()
        .and_then(|me| me.stat())
        .expect("procfs");
    (stat.utime + stat.stime) as f64 * 1000.0 / procfs::ticks_per_second() as f64
}

/// And of its children that have ended.
fn children() -> f64 {
    let stat = procfs::process::Process::myself()
        .and_then(|me| me.stat())
        .expect("procfs");
    (stat.cutime + stat.cstime) as f64 * 1000.0 / procfs::ticks_per_second() as f64
}
