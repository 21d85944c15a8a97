//! Pictures out of a stream, decoded by ffmpeg.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::super::child::{clean_command, run, run_with_input};

const LIMIT: Duration = Duration::from_secs(30);

/// A decoded picture, scaled to 64x36 grey samples: enough to tell one from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(pub Vec<u8>);

impl Picture {
    /// Width of the samples.
    pub const WIDTH: usize = 64;
    /// Height of the samples.
    pub const HEIGHT: usize = 36;

    /// The first picture that can be decoded from these TS bytes, if any.
    pub async fn first(ts: Bytes) -> Option<Self> {
        let mut command = clean_command("ffmpeg");
        command
            .args([
                "-v",
                "error",
                "-f",
                "mpegts",
                "-i",
                "pipe:0",
                "-frames:v",
                "1",
            ])
            .args(["-vf", "scale=64:36,format=gray", "-f", "rawvideo", "pipe:1"]);
        let finished = run_with_input(command, ts, LIMIT).await;
        let whole = finished.stdout.len() == Self::WIDTH * Self::HEIGHT;
        whole.then_some(Self(finished.stdout))
    }

    /// Mean luma, 0 to 255.
    pub fn mean(&self) -> f64 {
        self.0.iter().map(|sample| f64::from(*sample)).sum::<f64>() / self.0.len() as f64
    }

    /// Mean absolute difference to another picture, 0 to 255.
    pub fn distance(&self, other: &Self) -> f64 {
        let differences = self
            .0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| f64::from(a.abs_diff(*b)));
        differences.sum::<f64>() / self.0.len() as f64
    }
}

/// Writes the first picture of a URL or file as a PNG; for people who look into a failure.
///
/// # Panics
/// When nothing can be decoded in 30 s.
pub async fn decode_png(url: &str, png: &Path) {
    let mut command = clean_command("ffmpeg");
    command
        .args(["-y", "-v", "error", "-i", url, "-frames:v", "1"])
        .arg(png);
    let finished = run(command, LIMIT).await;
    assert!(
        finished.success() && png.exists(),
        "no picture in {url}: {}",
        finished.stderr
    );
}

/// Writes TS bytes into a file in `folder`, for clients that want a file.
pub fn write_ts(folder: &Path, name: &str, ts: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, ts).expect("a file can be written");
    path.to_string_lossy().into_owned()
}
