//! ffmpeg as the other side: one process, its standard output watched as a viewer would.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::support::{Figures, Kid, TsScan, clean_command, pss_bytes};

/// The settings of the `medium` profile, in ffmpeg's words, for a clip of 24 pictures a second.
const MEDIUM: &str = "-c:v libx264 -preset veryfast -profile:v baseline -threads 2 -b:v 2500k \
    -maxrate 2500k -bufsize 2500k -g 48 -sc_threshold 0 -bf 0 -c:a aac -b:a 128k -ac 2";
/// The settings of the `low` profile, for a clip of 1280 by 720.
const LOW: &str = "-vf scale=720:404 -c:v libx264 -preset ultrafast -profile:v baseline -threads 2 \
    -b:v 1000k -maxrate 1000k -bufsize 1000k -g 48 -sc_threshold 0 -bf 0 -c:a aac -b:a 96k -ac 2";

/// What has come out of it so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Output {
    /// From the start of the process to the first whole decodable picture.
    pub(crate) first_keyframe: Option<Duration>,
    /// Stream time by the PCRs, in seconds.
    pub(crate) seconds: f64,
}

/// A running ffmpeg; killed on drop.
pub(crate) struct Ffmpeg {
    kid: Kid,
    output: Arc<Mutex<Output>>,
}

#[allow(dead_code, reason = "each bench uses a part")]
impl Ffmpeg {
    /// Reads `url` and writes TS as it is.
    pub(crate) fn copy(url: &str) -> Self {
        Self::start(url, "-c copy", None)
    }

    /// Reads `url` and transcodes it as the `medium` profile does.
    pub(crate) fn medium(url: &str) -> Self {
        Self::start(url, MEDIUM, None)
    }

    /// Transcodes as the profile of this name does, `medium` or `low`, and keeps what comes out in
    /// this file.
    pub(crate) fn recorded(url: &str, profile: &str, file: &Path) -> Self {
        let settings = if profile == "low" { LOW } else { MEDIUM };
        Self::start(url, settings, Some(file))
    }

    fn start(url: &str, settings: &str, file: Option<&Path>) -> Self {
        let began = Instant::now();
        let mut command = clean_command("ffmpeg");
        command
            .args(["-nostdin", "-v", "error", "-i", url])
            .args(settings.split_whitespace())
            .args(["-f", "mpegts", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut kid = Kid::spawn(&mut command);
        let output = Arc::new(Mutex::new(Output::default()));
        let mut pipe = kid.child().stdout.take().expect("the pipe was asked for");
        let shared = Arc::clone(&output);
        let mut file = file.map(|path| File::create(path).expect("a file to record to"));
        std::thread::spawn(move || {
            let mut scan = TsScan::new();
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                if let Some(file) = &mut file {
                    file.write_all(&buffer[..length]).expect("room to record");
                }
                let keyframes = scan.push(&buffer[..length]);
                let mut output = shared.lock().unwrap_or_else(PoisonError::into_inner);
                if !keyframes.is_empty() {
                    output.first_keyframe.get_or_insert_with(|| began.elapsed());
                }
                output.seconds = scan.seconds();
            }
        });
        Self { kid, output }
    }

    /// What has come out so far.
    pub(crate) fn output(&self) -> Output {
        *self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// CPU and memory of the process.
    pub(crate) fn figures(&self) -> Figures {
        self.kid.figures().expect("ffmpeg runs")
    }

    /// Its proportional set size, in bytes.
    pub(crate) fn pss_bytes(&self) -> u64 {
        pss_bytes(self.kid.pid()).unwrap_or(0)
    }
}
