//! How much of the picture an encoder has kept.

use std::path::Path;
use std::time::Duration;

use crate::support::{clean_command, run};

/// Pictures in a second of the clip.
const RATE: u32 = 24;
/// Where a recording may begin in the clip, in seconds: at one of its first keyframes.
const STARTS: [u32; 3] = [0, 2, 4];
/// How much is compared to find out which, and then in all, in seconds.
const GLANCE: u32 = 2;
const WHOLE: u32 = 30;

/// The mean PSNR of the luma of a recording against its source, scaled to the recording's size, in
/// decibels, and the number of pictures compared.
pub(crate) async fn psnr(recording: &Path, source: &Path) -> (f64, usize) {
    let mut best = (f64::MIN, 0);
    for start in STARTS {
        let (found, _) = compare(recording, source, start, GLANCE).await;
        if found > best.0 {
            best = (found, start);
        }
    }
    compare(recording, source, best.1, WHOLE).await
}

async fn compare(recording: &Path, source: &Path, start: u32, seconds: u32) -> (f64, usize) {
    // Half a picture later than its counterpart, so that rounding never picks the one before.
    let graph = format!(
        "[0:v]setpts=PTS-STARTPTS+0.5/{RATE}/TB,split[a][b];\
         [1:v]setpts=PTS-STARTPTS,trim=start={start},setpts=PTS-STARTPTS[c];\
         [c][a]scale2ref=flags=bicubic[d][e];[e]nullsink;[b][d]psnr=shortest=1:repeatlast=0:stats_file=-"
    );
    let mut command = clean_command("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(recording)
        .arg("-i")
        .arg(source)
        .args(["-lavfi", &graph, "-t", &seconds.to_string()])
        .args(["-f", "null", "/dev/null"]);
    let done = run(command, Duration::from_mins(3)).await;
    let errors: Vec<f64> = done
        .text()
        .lines()
        .filter_map(|line| line.split("mse_y:").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    assert!(!errors.is_empty(), "nothing to compare: {}", done.stderr);
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    (
        10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10(),
        errors.len(),
    )
}
