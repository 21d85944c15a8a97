//! Asks the encoder for a keyframe at each multiple of the GOP duration.

use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;

/// Closed GOPs of this length, so that segments of about this length can be cut.
const GOP: gst::ClockTime = gst::ClockTime::from_seconds(2);
/// Timestamps that went through the 90 kHz clock lie up to 11 µs early; a frame that is early by less than this counts as on time.
const TOLERANCE: gst::ClockTime = gst::ClockTime::from_mseconds(5);

/// Forces keyframes by time, whatever the frame rate: an encoder's own interval counts frames, and x264 takes no change
/// of it while it runs.
pub(super) fn force(encoder: &gst::Element) {
    let (Some(sink), Some(src)) = (encoder.static_pad("sink"), encoder.static_pad("src")) else {
        return;
    };
    let src = src.downgrade();
    let last = AtomicU64::new(0);
    sink.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(gop) = info.buffer().and_then(|buffer| gop_of(pad, buffer))
            && last.swap(gop, Ordering::Relaxed) != gop
            && let Some(src) = src.upgrade()
        {
            // No time given means: the next frame, which is this one.
            src.send_event(
                gst_video::UpstreamForceKeyUnitEvent::builder()
                    .all_headers(true)
                    .build(),
            );
        }
        gst::PadProbeReturn::Ok
    });
}

fn gop_of(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time(buffer.pts()?)?;
    Some((time + TOLERANCE) / GOP)
}
