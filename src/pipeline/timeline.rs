//! Keeps stray timestamps out of a pipeline.
//!
//! The muxer never lets a track's DTS go back. So one access unit with a wild timestamp (a flipped bit, or the last one
//! before a jump of the source's clock) would leave a track with wrong timestamps for as long as the pipeline lives.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstreamer as gst;

use super::event::{Event, EventSender, Fault, Link};
use super::topology::names;

/// How far ahead of all that came before a track may go in one step. The demuxer makes gaps of the source's clock 0.5 s.
const AHEAD: u64 = 1_500_000_000;
/// How far a track may go back: nothing but rounding is honest.
const BACK: u64 = 500_000_000;
/// How far tracks may lie apart when the later one begins.
const APART: u64 = 15_000_000_000;
/// After so many strays of a track without an honest one, the track has moved.
const MOVED: u32 = 150;

/// Takes a buffer out of the flow. The `Drop` of the binding leaves the library to free what is freed already.
const TAKEN: gst::PadProbeReturn = gst::PadProbeReturn::Handled;

/// What becomes of an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Keep,
    Drop,
    /// The track has gone back for good, which no muxer can follow.
    Lost,
}

/// The timestamps of the tracks of one stream: pure. Times are in nanoseconds.
#[derive(Debug, Default)]
struct Timeline {
    newest: Option<u64>,
    tracks: [Track; 2],
}

#[derive(Debug, Default, Clone, Copy)]
struct Track {
    last: Option<u64>,
    strays: u32,
}

impl Timeline {
    fn judge(&mut self, track: usize, time: u64) -> Verdict {
        let Some(track) = self.tracks.get_mut(track) else {
            return Verdict::Keep;
        };
        let newest = self.newest.unwrap_or(time);
        let honest = match track.last {
            None => time.abs_diff(newest) <= APART,
            Some(last) => time.saturating_add(BACK) >= last && time <= newest.saturating_add(AHEAD),
        };
        if !honest {
            track.strays += 1;
            if track.strays < MOVED {
                return Verdict::Drop;
            }
            if track.last.is_some_and(|last| time < last) {
                return Verdict::Lost;
            }
        }
        track.strays = 0;
        track.last = Some(time);
        // After a move both ways of telling the newest agree on the moved track.
        self.newest = Some(if honest { newest.max(time) } else { time });
        Verdict::Keep
    }
}

/// Watches the tracks as they leave the demuxer.
pub(super) fn guard_tracks(pipeline: &gst::Pipeline, events: &EventSender, link: &Arc<Link>) {
    let timeline = Arc::new(Mutex::new(Timeline::default()));
    for (index, name) in [names::VIDEO_IN, names::AUDIO_IN].into_iter().enumerate() {
        let Some(pad) = pipeline
            .by_name(name)
            .and_then(|queue| queue.static_pad("sink"))
        else {
            continue;
        };
        let (timeline, events, link) = (Arc::clone(&timeline), events.clone(), Arc::clone(link));
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let Some(time) = info.buffer().and_then(|buffer| buffer.dts_or_pts()) else {
                return gst::PadProbeReturn::Ok;
            };
            // both tracks come from the demuxer's one thread, so nobody ever waits here
            let verdict = timeline
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .judge(index, time.nseconds());
            match verdict {
                Verdict::Keep => gst::PadProbeReturn::Ok,
                Verdict::Drop => TAKEN,
                Verdict::Lost => {
                    if !link.ended() {
                        let message = "the timestamps of a track went back for good".to_owned();
                        events.send(Event::Error {
                            element: names::DEMUX.to_owned(),
                            message,
                            missing: None,
                            fault: Fault::Other,
                        });
                        link.end();
                    }
                    TAKEN
                }
            }
        });
    }
}

/// Lets only rising timestamps into an encoder: decoders repeat or swap them where data is damaged.
pub(super) fn guard_encoder(encoder: &gst::Element) {
    let Some(pad) = encoder.static_pad("sink") else {
        return;
    };
    let next = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        match info.buffer().and_then(|buffer| buffer.pts()) {
            Some(pts) if pts.nseconds() < next.load(Ordering::Relaxed) => TAKEN,
            Some(pts) => {
                next.store(pts.nseconds() + 1, Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            }
            None => gst::PadProbeReturn::Ok,
        }
    });
}

/// Tells when raw media is shown, where only the time of its decoding is told, which is the same: so it is with AVI that
/// is read as it comes. Encoders go by the former alone.
pub(super) fn show_when_decoded(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data
            && let (None, Some(dts)) = (buffer.pts(), buffer.dts())
        {
            buffer.make_mut().set_pts(dts);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Mends the time of the first access unit that comes out of `timestamper`.
///
/// GStreamer's timestampers of 1.22 add the delay of the reordering to all times and to the segment, but to the first unit
/// before they know how much that is: it comes out with the times of the second.
pub(super) fn mend_first(timestamper: &gst::Element) {
    let pads = |name| timestamper.static_pad(name);
    let (Some(sink), Some(src)) = (pads("sink"), pads("src")) else {
        return;
    };
    let went_in = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&went_in);
    sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let time = info.buffer().and_then(|buffer| buffer.pts());
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = time;
        gst::PadProbeReturn::Remove
    });
    let sink = sink.downgrade();
    src.add_probe(gst::PadProbeType::BUFFER, move |src, info| {
        let start = |pad: &gst::Pad| {
            let segment = pad.sticky_event::<gst::event::Segment>(0)?;
            Some(segment.segment().start().value())
        };
        let before = sink.upgrade().and_then(|sink| start(&sink));
        let time = *went_in.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(before), Some(after), Some(time)) = (before, start(src), time)
            && let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data
            && let Some(pts) = buffer.pts()
        {
            // nanoseconds: as much as the segment was moved, each unit should have been
            let added = after.saturating_sub(before);
            let ahead = pts
                .nseconds()
                .saturating_sub(time.nseconds().saturating_add_signed(added));
            let ahead = gst::ClockTime::from_nseconds(ahead);
            let dts = buffer.dts().and_then(|dts| dts.checked_sub(ahead));
            let buffer = buffer.make_mut();
            buffer.set_pts(pts.checked_sub(ahead));
            buffer.set_dts(dts);
        }
        gst::PadProbeReturn::Remove
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const VIDEO: usize = 0;
    const AUDIO: usize = 1;

    /// Both tracks, 40 ms apart, from `from` ms to `to` ms; audio lies `behind` ms behind.
    fn flow(timeline: &mut Timeline, from: u64, to: u64, behind: u64) -> usize {
        (from..to)
            .step_by(40)
            .flat_map(|at| [(VIDEO, at), (AUDIO, at.saturating_sub(behind))])
            .filter(|(track, at)| timeline.judge(*track, at * MS) != Verdict::Keep)
            .count()
    }

    #[test]
    fn honest_streams_pass() {
        let mut timeline = Timeline::default();
        assert_eq!(flow(&mut timeline, 10_000, 20_000, 2500), 0);
        // sound pauses for a minute, then goes on
        for at in (20_000..80_000).step_by(40) {
            assert_eq!(timeline.judge(VIDEO, at * MS), Verdict::Keep);
        }
        assert_eq!(flow(&mut timeline, 80_000, 90_000, 0), 0);
    }

    #[test]
    fn single_strays_are_dropped() {
        let mut timeline = Timeline::default();
        flow(&mut timeline, 10_000, 20_000, 0);
        assert_eq!(timeline.judge(AUDIO, 5_000_000 * MS), Verdict::Drop);
        assert_eq!(timeline.judge(AUDIO, 3 * MS), Verdict::Drop);
        assert_eq!(timeline.judge(VIDEO, 22_000 * MS), Verdict::Drop);
        assert_eq!(flow(&mut timeline, 20_000, 30_000, 0), 0);
    }

    #[test]
    fn a_move_ahead_is_followed_and_a_move_back_is_lost() {
        let mut timeline = Timeline::default();
        flow(&mut timeline, 10_000, 20_000, 0);
        let mut ahead = (0..).map(|step| timeline.judge(VIDEO, (60_000 + step * 40) * MS));
        assert_eq!(
            ahead
                .by_ref()
                .take_while(|verdict| *verdict == Verdict::Drop)
                .count(),
            (MOVED - 1) as usize
        );
        assert_eq!(ahead.next(), Some(Verdict::Keep));
        let mut back = (0..).map(|step| timeline.judge(VIDEO, (1000 + step * 40) * MS));
        assert_eq!(
            back.find(|verdict| *verdict != Verdict::Drop),
            Some(Verdict::Lost)
        );
    }

    #[test]
    fn nothing_overflows() {
        let mut timeline = Timeline::default();
        for time in [u64::MAX, 0, u64::MAX, 1] {
            timeline.judge(VIDEO, time);
            timeline.judge(AUDIO, time);
        }
    }
}
