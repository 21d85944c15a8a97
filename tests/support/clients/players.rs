//! Players that people use.

use std::time::Duration;

use super::super::child::{clean_command, run};

/// Time that a player gets beyond the length it was asked for.
const SLACK: Duration = Duration::from_secs(30);

/// How mpv got on.
#[derive(Debug, Clone)]
pub struct MpvPlayed {
    /// Whether it played to the end of its time and ended without an error.
    pub ok: bool,
    /// Video frames decoded and shown.
    pub frames: usize,
    /// Presentation times of those frames, in seconds, in order.
    pub times: Vec<f64>,
    /// Mean luma of those frames, 0 to 255.
    pub luma: Vec<f64>,
    /// Whether it had sound.
    pub audio: bool,
    /// Lines by which it told of errors.
    pub errors: Vec<String>,
    /// What it wrote, but for the lines about each frame.
    pub output: String,
}

/// Plays `seconds` of `url` with mpv, in real time, without a screen; at most six seconds longer on
/// the wall clock.
pub async fn play_with_mpv(url: &str, seconds: u32) -> MpvPlayed {
    // Where timestamps jump back, mpv counts its length anew: then the clock on the wall ends it.
    let mut command = clean_command("timeout");
    command
        .args(["--kill-after=5", &(seconds + 6).to_string(), "mpv"])
        .args([
            "--no-config",
            "--vo=null",
            "--ao=null",
            "--term-status-msg=",
        ])
        .args(["--msg-level=ffmpeg=v", "--vf=lavfi=[showinfo]"])
        .args(["--network-timeout=20", &format!("--length={seconds}"), url]);
    let finished = run(command, Duration::from_secs(seconds.into()) + SLACK).await;
    let output = finished.text() + &finished.stderr;
    let frames: Vec<&str> = output
        .lines()
        .filter(|line| line.contains("showinfo") && line.contains("pts_time:"))
        .collect();
    let number = |line: &str, key: &str| -> Option<f64> {
        let (_, behind) = line.split_once(key)?;
        behind
            .split([' ', ']'])
            .find(|word| !word.is_empty())?
            .parse()
            .ok()
    };
    let errors = output.lines().filter(|line| {
        ["rror", "orrupt", "ailed"]
            .iter()
            .any(|word| line.contains(word))
    });
    MpvPlayed {
        // 124: ended by the clock, while it still played.
        ok: finished
            .status
            .is_some_and(|status| matches!(status.code(), Some(0 | 124))),
        frames: frames.len(),
        times: frames
            .iter()
            .filter_map(|line| number(line, "pts_time:"))
            .collect(),
        luma: frames
            .iter()
            .filter_map(|line| number(line, "mean:["))
            .collect(),
        audio: output.contains("AO: [null]"),
        errors: errors.map(ToOwned::to_owned).collect(),
        output: told(&output),
    }
}

/// What is left of mpv's output without what the frame filter says.
fn told(output: &str) -> String {
    let lines = output.lines().filter(|line| !line.contains("showinfo"));
    lines.collect::<Vec<_>>().join("\n")
}

/// How `playbin` got on.
#[derive(Debug, Clone)]
pub struct GstPlayed {
    /// Frames shown in time.
    pub rendered: usize,
    /// Frames that came too late.
    pub dropped: usize,
    /// Lines by which it told of errors.
    pub errors: Vec<String>,
    /// All it wrote.
    pub output: String,
}

/// Plays `url` with `playbin` for `seconds` (of wall clock time), without a screen.
pub async fn gst_play(url: &str, seconds: u32) -> GstPlayed {
    let mut command = clean_command("timeout");
    command
        .args(["--signal=INT", "--kill-after=10", &seconds.to_string()])
        .args(["gst-launch-1.0", "-v", "playbin", &format!("uri={url}")])
        .arg(
            "video-sink=fpsdisplaysink text-overlay=false signal-fps-measurements=false \
             video-sink=fakesink",
        )
        .arg("audio-sink=fakesink sync=true");
    let finished = run(command, Duration::from_secs(seconds.into()) + SLACK).await;
    let output = finished.text() + &finished.stderr;
    let last = output
        .lines()
        .rfind(|line| line.contains("rendered: "))
        .unwrap_or_default();
    let number = |key: &str| -> usize {
        let behind = last.split_once(key).map_or("", |(_, behind)| behind);
        behind
            .split(',')
            .next()
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or(0)
    };
    let errors = output.lines().filter(|line| line.starts_with("ERROR"));
    GstPlayed {
        rendered: number("rendered: "),
        dropped: number("dropped: "),
        errors: errors.map(ToOwned::to_owned).collect(),
        output: output.clone(),
    }
}
