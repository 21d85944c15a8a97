//! The one way out of a pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use tokio::sync::oneshot;

use super::census;
use super::registry::{Phase, Registered};

/// How a teardown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// All threads of the pipeline are gone.
    Clean,
    /// It did not end within the deadline: counted, left alone, never tried again.
    Wedged,
}

const PENDING: u8 = 0;
const DONE: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Begins the teardown and returns at once. Going to NULL may block for ever, may not happen on a streaming thread nor
/// on a runtime's, so it has a thread of its own; another one keeps the time, so that the outcome is counted even if
/// the receiver is dropped. What the pipeline is charged to stays listed until nothing of it is left.
pub(super) fn begin(
    pipeline: gst::Pipeline,
    registered: Registered,
    deadline: Duration,
) -> oneshot::Receiver<StopOutcome> {
    let (report, outcome) = oneshot::channel();
    registered.enter_phase(Phase::Stopping);
    let registered = Arc::new(registered);
    // A failed spawn drops its closure, which must not drop the pipeline on this thread: keep one reference apart.
    let kept = (pipeline.clone(), Arc::clone(&registered));
    let watch = thread::Builder::new()
        .name("pipe-watch".to_owned())
        .spawn(move || {
            let outcome = watched(pipeline, &registered, deadline);
            drop(registered);
            let _ = report.send(outcome);
        });
    if watch.is_err() {
        abandon(kept);
    }
    outcome
}

/// There is no thread to stop it with.
fn abandon(kept: (gst::Pipeline, Arc<Registered>)) {
    census::wedged();
    kept.1.enter_phase(Phase::Wedged);
    tracing::error!("no thread to stop a pipeline with; it is left alone");
    std::mem::forget(kept);
}

fn watched(
    pipeline: gst::Pipeline,
    registered: &Arc<Registered>,
    deadline: Duration,
) -> StopOutcome {
    let state = Arc::new(AtomicU8::new(PENDING));
    let (done, end) = mpsc::sync_channel::<()>(1);
    let kept = pipeline.clone();
    let stop = thread::Builder::new().name("pipe-stop".to_owned()).spawn({
        let state = Arc::clone(&state);
        let registered = Arc::clone(registered);
        move || {
            let bound = registered.account().enter();
            if pipeline.set_state(gst::State::Null).is_err() {
                tracing::warn!("a pipeline refused to stop");
            }
            drop(pipeline);
            drop(bound);
            #[cfg(feature = "leak")]
            super::leak::lose_some();
            drop(registered);
            if settle(&state, DONE) {
                census::stopped();
            } else {
                census::recovered();
                tracing::warn!("a pipeline that was given up has stopped after all");
            }
            let _ = done.send(());
        }
    });
    let Ok(stop) = stop else {
        abandon((kept, Arc::clone(registered)));
        return StopOutcome::Wedged;
    };
    let _ = end.recv_timeout(deadline);
    if settle(&state, GIVEN_UP) {
        census::wedged();
        registered.enter_phase(Phase::Wedged);
        tracing::error!(?deadline, "a pipeline did not stop in time; it is given up");
        // not the last reference: the stuck thread has one
        drop(kept);
        return StopOutcome::Wedged;
    }
    // Free the pipeline here, before anyone is told that it is gone.
    {
        let _bound = registered.account().enter();
        drop(kept);
    }
    let _ = stop.join();
    StopOutcome::Clean
}

fn settle(state: &AtomicU8, to: u8) -> bool {
    state
        .compare_exchange(PENDING, to, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::pipeline::topology::Topology;
    use crate::pipeline::{Label, pipelines};

    fn registered(stream: &str) -> Registered {
        let label = Label {
            stream: stream.into(),
            rendition: "test".into(),
        };
        Registered::begin(label, Topology::Test)
    }

    /// A pipeline whose streaming thread hangs until the sender is dropped.
    fn stuck() -> (gst::Pipeline, mpsc::SyncSender<()>) {
        gst::init().unwrap();
        let pipeline = gst::parse::launch("fakesrc name=source ! fakesink async=false")
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        let (release, held) = mpsc::sync_channel(1);
        let (reached, at) = mpsc::sync_channel(1);
        let held = Mutex::new(held);
        let pad = pipeline
            .by_name("source")
            .unwrap()
            .static_pad("src")
            .unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let _ = reached.try_send(());
            let _ = held.lock().unwrap().recv();
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        at.recv().unwrap();
        (pipeline, release)
    }

    #[tokio::test]
    async fn a_wedged_pipeline_is_counted_and_left_alone() {
        census::started();
        let (pipeline, release) = stuck();
        let weak = pipeline.downgrade();
        let before = census::census();
        let outcome = begin(pipeline, registered("wedged"), Duration::from_millis(50)).await;
        assert_eq!(outcome, Ok(StopOutcome::Wedged));
        assert!(census::census().wedged_total > before.wedged_total);
        assert!(weak.upgrade().is_some());
        let listed = pipelines().into_iter().find(|p| p.label.stream == "wedged");
        assert_eq!(listed.map(|p| p.phase), Some(Phase::Wedged));
        drop(release);
    }

    #[tokio::test]
    async fn a_healthy_pipeline_is_freed_before_the_outcome() {
        census::started();
        let (pipeline, release) = stuck();
        drop(release);
        let weak = pipeline.downgrade();
        assert_eq!(
            begin(pipeline, registered("healthy"), Duration::from_secs(5)).await,
            Ok(StopOutcome::Clean)
        );
        assert!(weak.upgrade().is_none());
        assert!(!pipelines().iter().any(|p| p.label.stream == "healthy"));
    }
}
