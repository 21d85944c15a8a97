//! Whether `GStreamer` still works: a pipeline of three elements is made, passes a buffer from thread to thread, and ends.
//!
//! That takes the locks that all pipelines share, so it hangs when they would: after a deadlock in a plugin's start, with the
//! registry held, or when no thread can be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app::{AppSink, AppSrc};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What is tried. The queue makes it two threads.
const TRIAL: &str = "appsrc name=in ! queue max-size-buffers=1 ! appsink name=tap sync=false";
/// The trial's own wait for its buffer: no thread is to be left behind by one that is merely slow.
const BUFFER_LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// Tries, one at a time.
#[derive(Debug, Default)]
pub struct Pulse {
    under_way: Arc<AtomicBool>,
}

/// Why it is not known to work.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PulseError {
    /// The trial did not end in time, or that before it still has not.
    #[error("a trial pipeline does not end")]
    Stuck,
    /// There is no thread for it.
    #[error("there is no thread for a trial pipeline")]
    NoThread,
    /// It ended badly.
    #[error("a trial pipeline failed: {0}")]
    Failed(String),
}

impl Pulse {
    /// Tries it, on a thread of its own. While one hangs there is no other.
    ///
    /// # Errors
    /// When it did not work within `limit`.
    pub async fn beat(&self, limit: Duration) -> Result<(), PulseError> {
        self.attempt(limit, trial).await
    }

    async fn attempt(
        &self,
        limit: Duration,
        trial: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Result<(), PulseError> {
        if self.under_way.swap(true, Ordering::AcqRel) {
            return Err(PulseError::Stuck);
        }
        let (report, ended) = oneshot::channel();
        let over = Over(Arc::clone(&self.under_way));
        thread::Builder::new()
            .name("pulse".to_owned())
            .spawn(move || {
                let result = trial();
                drop(over);
                let _ = report.send(result);
            })
            .map_err(|_| PulseError::NoThread)?;
        match timeout(limit, ended).await {
            Ok(Ok(result)) => result.map_err(PulseError::Failed),
            Ok(Err(_)) => Err(PulseError::Failed("its thread panicked".to_owned())),
            Err(_) => Err(PulseError::Stuck),
        }
    }
}

/// The trial is over when this is dropped, however it ended.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn trial() -> Result<(), String> {
    let pipeline = gst::parse::launch(TRIAL).map_err(|e| e.to_string())?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "it is no pipeline".to_owned())?;
    let passed = pass_a_buffer(&pipeline);
    let ended = pipeline.set_state(gst::State::Null);
    passed?;
    ended.map(drop).map_err(|e| e.to_string())
}

fn pass_a_buffer(pipeline: &gst::Pipeline) -> Result<(), String> {
    let element = |name: &str| pipeline.by_name(name).ok_or("an element is missing");
    let source = element("in")?.downcast::<AppSrc>();
    let tap = element("tap")?.downcast::<AppSink>();
    let (Ok(source), Ok(tap)) = (source, tap) else {
        return Err("an element is of another sort".to_owned());
    };
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    source
        .push_buffer(gst::Buffer::new())
        .map_err(|e| e.to_string())?;
    match tap.try_pull_sample(BUFFER_LIMIT) {
        Some(_) => Ok(()),
        None => Err("nothing came out of it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn it_beats_again_and_again() {
        gst::init().unwrap();
        let pulse = Pulse::default();
        for _ in 0..3 {
            assert_eq!(pulse.beat(SOON).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn one_that_hangs_is_told_and_has_no_company() {
        gst::init().unwrap();
        let pulse = Pulse::default();
        let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
        let (ended, end) = oneshot::channel();
        let hang = move || {
            let _ = held.recv();
            let _ = ended.send(());
            Ok(())
        };
        let short = Duration::from_millis(20);
        assert_eq!(pulse.attempt(short, hang).await, Err(PulseError::Stuck));
        let never = || panic!("there is one under way");
        assert_eq!(pulse.attempt(SOON, never).await, Err(PulseError::Stuck));
        drop(release);
        end.await.unwrap();
        // Its thread has a few instructions to go.
        while pulse.beat(SOON).await == Err(PulseError::Stuck) {
            tokio::task::yield_now().await;
        }
        assert_eq!(pulse.beat(SOON).await, Ok(()));
    }

    #[tokio::test]
    async fn one_that_fails_does_not_end_the_pulse() {
        gst::init().unwrap();
        let pulse = Pulse::default();
        let failed = pulse.attempt(SOON, || Err("no".to_owned())).await;
        assert_eq!(failed, Err(PulseError::Failed("no".to_owned())));
        assert_eq!(pulse.beat(SOON).await, Ok(()));
    }
}
