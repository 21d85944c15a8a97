//! ffmpeg as the other side: one process, its standard output watched as a viewer would.

use std::io::Read;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::support::{Figures, Kid, TsScan, clean_command};

/// The settings of the `medium` profile, in ffmpeg's words, for a clip of 24 pictures a second.
const MEDIUM: &str = "-c:v libx264 -preset veryfast -profile:v baseline -threads 2 -b:v 2500k \
    -maxrate 2500k -bufsize 2500k -g 48 -sc_threshold 0 -bf 0 -c:a aac -b:a 128k -ac 2";

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

impl Ffmpeg {
    /// Reads `url` and writes TS as it is.
    pub(crate) fn copy(url: &str) -> Self {
        Self::start(url, "-c copy")
    }

    /// Reads `url` and transcodes it as the `medium` profile does.
    pub(crate) fn medium(url: &str) -> Self {
        Self::start(url, MEDIUM)
    }

    fn start(url: &str, settings: &str) -> Self {
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
        std::thread::spawn(move || {
            let mut scan = TsScan::new();
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
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
}
