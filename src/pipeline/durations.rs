//! Frames without a duration get one.
//!
//! H.264 and HEVC need not say their frame rate, and then no decoder knows how long a frame lasts. `videorate` with `drop-only`
//! asserts that it is known (`GStreamer` 1.22), and an assertion that fails ends the whole program: a source must not be able to.

use gst::prelude::*;
use gstreamer as gst;

use super::topology::names;

/// What a frame is said to last where nobody knows; the next one's time is what counts.
const ASSUMED: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// Sees to it that what reduces the rate gets no frame without a duration.
pub(super) fn complete(bin: &impl IsA<gst::Bin>) {
    let rate = bin.by_name(names::RATE);
    let Some(pad) = rate.and_then(|element| element.static_pad("sink")) else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && buffer.duration().is_none()
        {
            buffer.make_mut().set_duration(ASSUMED);
        }
        gst::PadProbeReturn::Ok
    });
}

#[cfg(test)]
mod tests {
    use gstreamer_app::{AppSink, AppSrc};

    use super::*;

    #[test]
    fn a_stream_that_does_not_tell_its_rate_passes() {
        gst::init().unwrap();
        let caps = "video/x-raw,format=I420,width=16,height=16,framerate=0/1";
        let text = format!(
            "appsrc name=in format=time caps={caps} ! videorate name=rate drop-only=true ! appsink name=tap sync=false"
        );
        let pipeline = gst::parse::launch(&text).unwrap();
        let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
        complete(&pipeline);
        let source = pipeline.by_name("in").unwrap();
        let source = source.downcast::<AppSrc>().unwrap();
        let tap = pipeline.by_name("tap").unwrap();
        let tap = tap.downcast::<AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        for number in 0..5 {
            let mut frame = gst::Buffer::with_size(16 * 16 * 3 / 2).unwrap();
            let frame_mut = frame.get_mut().unwrap();
            frame_mut.set_pts(gst::ClockTime::from_mseconds(number * 40));
            source.push_buffer(frame).unwrap();
        }
        source.end_of_stream().unwrap();
        let frames = std::iter::from_fn(|| tap.try_pull_sample(gst::ClockTime::from_seconds(20)));
        assert_eq!(frames.count(), 5);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
