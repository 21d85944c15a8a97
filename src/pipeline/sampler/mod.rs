//! Decoders that the monitor looks through: one after the other stream uses the same, which never leaves PLAYING.
//!
//! A look is: caps that no look had before, which have the decoder open its codec afresh, so that nothing of the stream
//! before is left; units; then a stream-start event, which has the decoder bring out what it holds. When that event
//! has come through to the tap, nothing more will: no look waits for time to pass, and a look that brought nothing is
//! known at once. Figures are made in the pipeline's own thread.

mod codec;
mod desk;
mod frame;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use tokio::sync::oneshot;

pub use codec::decoder_of;
pub use desk::Seen;

use super::assemble::{self, Assembled};
use super::error::PipelineError;
use super::event::Event;
use super::library::Library;
use super::registry::Label;
use super::running::{self, Running};
use super::set::set;
use super::teardown::StopOutcome;
use super::topology::{Topology, names};
use crate::memory::{Account, Usage};
use crate::samples::{SoundFigures, SoundUnits, Unit};
use crate::ts::{self, Codec, Kind};
use desk::{Desk, Outcome, Task};

/// What decoders are charged to: no stream of an operator can have this id.
const LABEL: &str = "_monitor";
/// All looks of a decoder lie one after the other on one timeline, in 90 kHz: it bends times that go back. Each has the
/// minute around its beginning.
const SPAN: i64 = 60 * 90_000;
/// After so many it is replaced, years before its timeline ends.
const MOST_LOOKS: u32 = 1_000_000;

/// What is wanted of a look at pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A small JPEG of the first picture.
    pub jpeg: bool,
    /// Figures of all pictures, not of the first alone.
    pub all: bool,
}

/// Why a look brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What went in was no good. The decoder can be used again.
    #[error("{0}")]
    Damaged(String),
    /// The pipeline has failed: it must not be used again.
    #[error("{0}")]
    Broken(String),
}

/// A decoder of one codec. It may be used for one look at a time, and not again after a look that failed as
/// [`Failure::Broken`] or that was dropped.
#[derive(Debug)]
pub struct Decoder {
    running: Running,
    src: gst_app::AppSrc,
    desk: Arc<Desk>,
    looks: u32,
}

impl Decoder {
    /// Starts one for a codec of [`decoder_of`].
    ///
    /// # Errors
    /// As [`start_transcode`](super::start_transcode).
    pub async fn start(
        library: &Library,
        codec: Codec,
        deadline: Duration,
    ) -> Result<Self, PipelineError> {
        let (topology, rendition) = match codec.kind() {
            Kind::Video => (Topology::SamplePicture, "picture"),
            _ => (Topology::SampleSound, "sound"),
        };
        let label = Label {
            stream: LABEL.to_owned(),
            rendition: rendition.to_owned(),
        };
        let library = library.clone();
        let (hand, parts) = oneshot::channel();
        let running = running::start(topology, label, deadline, move |account| {
            let (assembled, src, desk) = build(&library, topology, codec, account)?;
            // Nobody takes it when the start has passed its deadline.
            let _ = hand.send((src, desk));
            Ok(assembled)
        })
        .await?;
        let (src, desk) = parts.await.map_err(|_| PipelineError::Ended)?;
        Ok(Self {
            running,
            src,
            desk,
            looks: 0,
        })
    }

    /// Decodes units of the decoder's codec, the first of which is a keyframe with its parameter sets.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn pictures(
        &mut self,
        codec: Codec,
        units: &[Unit],
        wanted: Wanted,
    ) -> Result<Seen, Failure> {
        let Some(first) = units.first() else {
            return Err(Failure::Damaged("there is nothing of a picture".into()));
        };
        let caps = codec::picture_caps(codec);
        let begin = self.next_begin();
        let task = Task::pictures(wanted, first.dts, begin);
        let most = SPAN / 2 - 1;
        let time = |stamp| begin + ts::distance(first.dts, stamp).clamp(-most, most);
        let pushed = units
            .iter()
            .map(|unit| (unit.data.clone(), time(unit.pts), Some(time(unit.dts))));
        match self.look(caps, pushed, task).await? {
            Outcome::Pictures(seen) => seen.map_err(|reason| Failure::Damaged(reason.to_owned())),
            Outcome::Sound(_) => Err(Failure::Broken("the wrong work".into())),
        }
    }

    /// Decodes and measures sound of the decoder's codec.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn sound(&mut self, units: &SoundUnits) -> Result<SoundFigures, Failure> {
        let caps = codec::sound_caps(units);
        // Frames need only be in order: sound is measured as it comes.
        let pushed = (self.next_begin()..).step_by(1920).zip(&units.frames);
        let pushed = pushed.map(|(time, frame)| (frame.clone(), time, None));
        match self.look(caps, pushed, Task::sound()).await? {
            Outcome::Sound(Some(figures)) => Ok(figures),
            Outcome::Sound(None) => Err(Failure::Damaged("too little sound came out".into())),
            Outcome::Pictures(_) => Err(Failure::Broken("the wrong work".into())),
        }
    }

    /// Whether it may be used again after a look that went well.
    pub fn lasts(&self) -> bool {
        self.looks < MOST_LOOKS
    }

    /// What it takes now; `None` where that is not measured.
    pub fn usage(&self) -> Option<Usage> {
        self.running.control.usage()
    }

    /// Stops it; see [`Control::stop`](super::Control::stop).
    pub async fn stop(self, deadline: Duration) -> StopOutcome {
        self.running.stop(deadline).await
    }

    fn next_begin(&mut self) -> i64 {
        self.looks = self.looks.wrapping_add(1);
        i64::from(self.looks) * SPAN
    }

    async fn look(
        &mut self,
        mut caps: gst::Caps,
        units: impl Iterator<Item = (Bytes, i64, Option<i64>)>,
        task: Task,
    ) -> Result<Outcome, Failure> {
        for structure in caps.make_mut().iter_mut() {
            structure.set("look", self.looks);
        }
        let ended = || Failure::Broken("the decoder has ended".into());
        let mut done = self.desk.begin(task, self.looks);
        self.src.set_caps(Some(&caps));
        for (data, pts, dts) in units {
            let mut buffer = gst::Buffer::from_slice(data);
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(clock_time(pts));
                buffer.set_dts(dts.and_then(clock_time));
            }
            self.src.push_buffer(buffer).map_err(|_| ended())?;
        }
        let end = gst::event::StreamStart::new(&Desk::stream_id(self.looks));
        if !self.src.send_event(end) {
            return Err(ended());
        }
        loop {
            tokio::select! {
                biased;
                outcome = &mut done => return outcome.map_err(|_| ended()),
                event = self.running.events.next() => match event {
                    Some(Event::Error { message, .. }) => return Err(Failure::Broken(message)),
                    Some(_) => {}
                    None => return Err(ended()),
                },
            }
        }
    }
}

/// From 90 kHz.
fn clock_time(ticks: i64) -> Option<gst::ClockTime> {
    let ticks = u64::try_from(ticks).ok()?;
    let nanoseconds = u64::try_from(u128::from(ticks) * 100_000 / 9).ok()?;
    Some(gst::ClockTime::from_nseconds(nanoseconds))
}

type Built = (Assembled, gst_app::AppSrc, Arc<Desk>);

fn build(
    library: &Library,
    topology: Topology,
    codec: Codec,
    account: &Account,
) -> Result<Built, PipelineError> {
    let failed = |reason: &str| PipelineError::Start {
        topology,
        reason: reason.to_owned(),
    };
    let factory = decoder_of(codec).ok_or_else(|| failed("no decoder is known for this codec"))?;
    let (assembled, _) = assemble::bridged(library, topology, account)?;
    let pipeline = &assembled.pipeline;
    assemble::swap(pipeline, topology, names::DECODER, factory)?;
    let decoder = assemble::named(pipeline, topology, names::DECODER)?;
    set(&decoder, "max-threads", "1")?;
    let src = assemble::named(pipeline, topology, names::IN)?
        .downcast::<gst_app::AppSrc>()
        .map_err(|_| failed("\"in\" is no appsrc"))?;
    let sink = assemble::named(pipeline, topology, names::TAP)?
        .downcast::<gst_app::AppSink>()
        .map_err(|_| failed("\"tap\" is no appsink"))?;
    let desk = Arc::new(Desk::default());
    desk.attach(&sink);
    Ok((assembled, src, desk))
}
