//! Where the pipeline's thread puts down what it has found.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use tokio::sync::oneshot;

use super::{Wanted, frame};
use crate::samples::{MOST_FRAMES, PictureFigures, SoundFigures, SoundMeter, jpeg, shrink};
use crate::ts::WRAP;

/// What pictures showed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of the first picture or of all of them, in the order in which they are shown. Never empty.
    pub frames: Vec<PictureFigures>,
    /// The first one, small.
    pub jpeg: Option<Bytes>,
    /// Samples per line of the source's picture.
    pub width: u32,
    /// Its lines.
    pub height: u32,
}

/// What a look has come to.
#[derive(Debug)]
pub(super) enum Outcome {
    Pictures(Result<Seen, &'static str>),
    Sound(Option<SoundFigures>),
}

/// What is to be made of the frames that come.
#[derive(Debug)]
pub(super) enum Task {
    Pictures(Box<Album>),
    Sound(Option<Box<SoundMeter>>),
}

#[derive(Debug)]
pub(super) struct Album {
    wanted: Wanted,
    first_dts: u64,
    /// Where that lies on the decoder's timeline.
    begin: i64,
    frames: Vec<PictureFigures>,
    jpeg: Option<Bytes>,
    size: (u32, u32),
    came: usize,
    corrupted: bool,
}

/// Shared by the pipeline's thread and the task that waits. Holds no `GStreamer` object.
#[derive(Debug, Default)]
pub(super) struct Desk(Mutex<Option<Work>>);

#[derive(Debug)]
struct Work {
    task: Task,
    stream_id: String,
    done: oneshot::Sender<Outcome>,
}

impl Task {
    pub(super) fn pictures(wanted: Wanted, first_dts: u64, begin: i64) -> Self {
        Self::Pictures(Box::new(Album {
            wanted,
            first_dts,
            begin,
            frames: Vec::new(),
            jpeg: None,
            size: (0, 0),
            came: 0,
            corrupted: false,
        }))
    }

    pub(super) fn sound() -> Self {
        Self::Sound(None)
    }
}

impl Desk {
    /// Of the event that ends a look.
    pub(super) fn stream_id(look: u32) -> String {
        format!("look-{look}")
    }

    /// Looks at whatever comes to the tap.
    pub(super) fn attach(self: &Arc<Self>, sink: &gst_app::AppSink) {
        let desk = Arc::clone(self);
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                desk.on_sample(&sample)
            })
            .build();
        sink.set_callbacks(callbacks);
        let desk = Arc::clone(self);
        if let Some(pad) = sink.static_pad("sink") {
            pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
                if let Some(event) = info.event()
                    && let gst::EventView::StreamStart(start) = event.view()
                {
                    desk.on_end(start.stream_id());
                }
                gst::PadProbeReturn::Ok
            });
        }
    }

    /// Puts work on the desk; what lay there is given up.
    pub(super) fn begin(&self, task: Task, look: u32) -> oneshot::Receiver<Outcome> {
        let (done, outcome) = oneshot::channel();
        *self.work() = Some(Work {
            task,
            stream_id: Self::stream_id(look),
            done,
        });
        outcome
    }

    fn on_sample(&self, sample: &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut work = self.work();
        match work.as_mut().map(|work| &mut work.task) {
            Some(Task::Pictures(album)) => album.add(sample)?,
            Some(Task::Sound(meter)) => measure(meter, sample),
            None => {}
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn on_end(&self, stream_id: &str) {
        let mut work = self.work();
        if let Some(Work { task, done, .. }) = work.take_if(|work| work.stream_id == stream_id) {
            let _ = done.send(match task {
                Task::Pictures(album) => Outcome::Pictures(album.close()),
                Task::Sound(meter) => Outcome::Sound(meter.and_then(|meter| meter.finish())),
            });
        }
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Album {
    fn add(&mut self, sample: &gst::Sample) -> Result<(), gst::FlowError> {
        self.came += 1;
        if self.came > 2 * MOST_FRAMES {
            // A unit that holds pictures without end.
            return Err(gst::FlowError::Error);
        }
        let full = if self.wanted.all { MOST_FRAMES } else { 1 };
        let Some(buffer) = sample.buffer().filter(|_| self.frames.len() < full) else {
            return Ok(());
        };
        if buffer.flags().contains(gst::BufferFlags::CORRUPTED) {
            self.corrupted = true;
            return Ok(());
        }
        let info = sample
            .caps()
            .and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
        let Some(info) = info else { return Ok(()) };
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info);
        let Ok(frame) = frame else { return Ok(()) };
        let Some(planes) = frame::planes(&frame) else {
            return Ok(());
        };
        let wants_jpeg = self.wanted.jpeg && self.jpeg.is_none();
        let small = shrink(&planes, wants_jpeg);
        if wants_jpeg {
            self.jpeg = jpeg(&small);
        }
        if self.frames.is_empty() {
            self.size = (info.width(), info.height());
        }
        self.frames
            .push(PictureFigures::of(&small, self.stamp(buffer.pts())));
        Ok(())
    }

    /// Back onto the stream's own timeline.
    fn stamp(&self, pts: Option<gst::ClockTime>) -> u64 {
        let ticks = pts.map_or(0, |pts| {
            let ticks = (u128::from(pts.nseconds()) * 9 + 50_000) / 100_000;
            i64::try_from(ticks).unwrap_or(i64::MAX) - self.begin
        });
        self.first_dts.wrapping_add_signed(ticks) % WRAP
    }

    fn close(self) -> Result<Seen, &'static str> {
        if self.frames.is_empty() {
            return Err(if self.corrupted {
                "only a damaged picture came out"
            } else {
                "no picture came out"
            });
        }
        Ok(Seen {
            frames: self.frames,
            jpeg: self.jpeg,
            width: self.size.0,
            height: self.size.1,
        })
    }
}

/// Sound that changes its form in the middle of a look is measured from there on.
fn measure(meter: &mut Option<Box<SoundMeter>>, sample: &gst::Sample) {
    let form = sample.caps().and_then(|caps| caps.structure(0));
    let field = |name| form.and_then(|form| u32::try_from(form.get::<i32>(name).ok()?).ok());
    let (Some(channels), Some(rate), Some(buffer)) =
        (field("channels"), field("rate"), sample.buffer())
    else {
        return;
    };
    if !meter
        .as_ref()
        .is_some_and(|meter| meter.fits(channels, rate))
    {
        *meter = SoundMeter::new(channels, rate).map(Box::new);
    }
    if let (Some(meter), Ok(map)) = (meter, buffer.map_readable()) {
        let bytes = map.as_chunks::<4>().0;
        let samples: Vec<f32> = bytes
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        meter.push(&samples);
    }
}
