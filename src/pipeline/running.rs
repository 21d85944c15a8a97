//! Starting a pipeline, and holding it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use tokio::sync::oneshot;

use super::assemble::{self, Assembled};
use super::bridge::{Input, Output};
use super::census;
use super::convert::{self, ConvertSpec};
use super::error::PipelineError;
use super::event::{Event, Events, Link};
use super::library::Library;
use super::registry::{Label, Phase, PipelineId, Registered};
use super::rtp::{self, Packets, RtpSpec};
use super::spec::{TestSpec, TranscodeSpec};
use super::srt::{self, SrtSpec};
use super::teardown::{self, StopOutcome};
use super::topology::Topology;
use crate::memory::{Account, Usage};

/// How long a pipeline that is merely dropped may take to stop before it counts as wedged.
const DROP_DEADLINE: Duration = Duration::from_secs(10);

/// A pipeline that runs. Its parts may go to different tasks; the pipeline lives as long as its control.
#[derive(Debug)]
pub struct Running {
    /// Where bytes go in; `None` where the pipeline has a source of its own.
    pub input: Option<Input>,
    /// Where the sound goes in, if it comes from a place of its own.
    pub sound_input: Option<Input>,
    /// Where RTP packets go in.
    pub packets: Option<Packets>,
    /// Where TS comes out.
    pub output: Output,
    /// What it tells.
    pub events: Events,
    /// Its life.
    pub control: Control,
}

impl Running {
    /// Stops it; see [`Control::stop`].
    pub async fn stop(self, deadline: Duration) -> StopOutcome {
        let Self {
            input,
            sound_input,
            packets,
            output,
            events,
            control,
        } = self;
        drop((input, sound_input, packets, output, events));
        control.stop(deadline).await
    }
}

/// The life of a pipeline. Dropping it tears the pipeline down in the background.
#[derive(Debug)]
#[must_use = "dropping the control stops the pipeline"]
pub struct Control {
    pipeline: Option<(gst::Pipeline, Registered)>,
    id: PipelineId,
    link: Arc<Link>,
}

impl Control {
    /// Which pipeline it is.
    pub fn id(&self) -> PipelineId {
        self.id
    }

    /// What it takes now; `None` where that is not measured.
    pub fn usage(&self) -> Option<Usage> {
        self.pipeline.as_ref()?.1.account().usage()
    }

    /// Stops the pipeline off the runtime, whatever state its bridges are in. Should this future be dropped, the
    /// teardown goes on and is counted all the same.
    pub async fn stop(mut self, deadline: Duration) -> StopOutcome {
        match self.begin(deadline) {
            Some(outcome) => outcome.await.unwrap_or(StopOutcome::Wedged),
            None => StopOutcome::Clean,
        }
    }

    fn begin(&mut self, deadline: Duration) -> Option<oneshot::Receiver<StopOutcome>> {
        let (pipeline, registered) = self.pipeline.take()?;
        self.link.end();
        Some(teardown::begin(pipeline, registered, deadline))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.begin(DROP_DEADLINE));
    }
}

/// Starts a transcode. Returns as soon as the pipeline takes input; pictures come when enough of it is there.
///
/// # Errors
/// Any [`PipelineError`] but `Init`, `Library` and `Ended`. What was begun is torn down.
pub async fn start_transcode(
    library: &Library,
    spec: TranscodeSpec,
    label: Label,
    deadline: Duration,
) -> Result<Running, PipelineError> {
    let topology = Topology::for_tracks(spec.video, spec.audio)?;
    let library = library.clone();
    start(topology, label, deadline, move |account| {
        assemble::transcode(&library, &spec, account)
    })
    .await
}

/// Starts the test source.
///
/// # Errors
/// As [`start_transcode`].
pub async fn start_test(
    library: &Library,
    spec: TestSpec,
    label: Label,
    deadline: Duration,
) -> Result<Running, PipelineError> {
    let library = library.clone();
    start(Topology::Test, label, deadline, move |account| {
        assemble::test(&library, &spec, account)
    })
    .await
}

/// Starts a conversion of a container that is not TS.
///
/// # Errors
/// As [`start_transcode`].
pub async fn start_convert(
    library: &Library,
    spec: ConvertSpec,
    label: Label,
    deadline: Duration,
) -> Result<Running, PipelineError> {
    let library = library.clone();
    start(spec.topology(), label, deadline, move |account| {
        convert::convert(&library, &spec, account)
    })
    .await
}

/// Starts a pull by SRT. Returns before it is connected.
///
/// # Errors
/// As [`start_transcode`].
pub async fn start_srt(
    library: &Library,
    spec: SrtSpec,
    label: Label,
    deadline: Duration,
) -> Result<Running, PipelineError> {
    let library = library.clone();
    start(Topology::Srt, label, deadline, move |account| {
        srt::srt(&library, &spec, account)
    })
    .await
}

/// Starts what makes TS of RTP packets.
///
/// # Errors
/// As [`start_transcode`].
pub async fn start_rtp(
    library: &Library,
    spec: RtpSpec,
    label: Label,
    deadline: Duration,
) -> Result<Running, PipelineError> {
    let library = library.clone();
    start(Topology::Rtp, label, deadline, move |account| {
        rtp::rtp(&library, &spec, account)
    })
    .await
}

/// Starts a pipeline that is charged to nobody and listed nowhere.
pub(super) async fn start_uncharged(
    topology: Topology,
    deadline: Duration,
    assemble: impl FnOnce(&Account) -> Result<Assembled, PipelineError> + Send + 'static,
) -> Result<Running, PipelineError> {
    begin(topology, Registered::nobody, deadline, assemble).await
}

pub(super) async fn start(
    topology: Topology,
    label: Label,
    deadline: Duration,
    assemble: impl FnOnce(&Account) -> Result<Assembled, PipelineError> + Send + 'static,
) -> Result<Running, PipelineError> {
    let register = move || Registered::begin(label, topology);
    begin(topology, register, deadline, assemble).await
}

/// Plugins are loaded from disk and elements may open devices, so a start has a thread of its own. One that passes its
/// deadline is torn down by the same thread when it ends, because nobody takes its result.
async fn begin(
    topology: Topology,
    register: impl FnOnce() -> Registered + Send + 'static,
    deadline: Duration,
    assemble: impl FnOnce(&Account) -> Result<Assembled, PipelineError> + Send + 'static,
) -> Result<Running, PipelineError> {
    let (report, started) = oneshot::channel();
    thread::Builder::new()
        .name("pipe-start".to_owned())
        .spawn(move || {
            let registered = register();
            let bound = registered.account().clone();
            let _bound = bound.enter();
            let result = assemble(registered.account())
                .and_then(|assembled| play(topology, assembled, registered));
            drop(report.send(result));
        })?;
    match tokio::time::timeout(deadline, started).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(PipelineError::Start {
            topology,
            reason: "its thread panicked".to_owned(),
        }),
        Err(_) => Err(PipelineError::StartDeadline(deadline)),
    }
}

fn play(
    topology: Topology,
    assembled: Assembled,
    registered: Registered,
) -> Result<Running, PipelineError> {
    let Assembled {
        pipeline,
        input,
        sound_input,
        packets,
        output,
        mut events,
        link,
    } = assembled;
    census::started();
    // From here on dropping the control is the way out, whatever happens.
    let control = Control {
        id: registered.id(),
        pipeline: Some((pipeline.clone(), registered)),
        link,
    };
    if pipeline.set_state(gst::State::Playing).is_err() {
        let mut reason = "an element refused".to_owned();
        while let Some(event) = events.try_next() {
            if let Event::Error {
                element, message, ..
            } = event
            {
                reason = format!("{element}: {message}");
                break;
            }
        }
        return Err(PipelineError::Start { topology, reason });
    }
    if let Some((_, registered)) = &control.pipeline {
        registered.enter_phase(Phase::Running);
    }
    Ok(Running {
        input,
        sound_input,
        packets,
        output,
        events,
        control,
    })
}
