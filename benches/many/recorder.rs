//! A viewer that keeps what it sees in a file.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::support::TsScan;

/// What has come so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recorded {
    /// Whether a whole decodable picture has.
    pub(crate) picture: bool,
    /// Stream time by the PCRs, in seconds.
    pub(crate) seconds: f64,
}

/// A viewer in the background; leaves when dropped.
pub(crate) struct Recorder {
    recorded: Arc<Mutex<Recorded>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Views `url` and keeps it in this file.
    pub(crate) fn open(http: reqwest::Client, url: String, file: &Path) -> Self {
        let recorded = Arc::new(Mutex::new(Recorded::default()));
        let shared = Arc::clone(&recorded);
        let mut file = File::create(file).expect("a file to record to");
        let task = tokio::spawn(async move {
            let mut answer = http.get(&url).send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), 200, "{url}");
            let mut scan = TsScan::new();
            while let Ok(Some(bytes)) = answer.chunk().await {
                file.write_all(&bytes).expect("room to record");
                let picture = !scan.push(&bytes).is_empty();
                let mut recorded = shared.lock().unwrap_or_else(PoisonError::into_inner);
                recorded.picture |= picture;
                recorded.seconds = scan.seconds();
            }
        });
        Self { recorded, task }
    }

    /// What has come so far.
    pub(crate) fn recorded(&self) -> Recorded {
        *self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}
