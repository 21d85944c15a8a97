//! RTP packets become TS: put in order, aligned by sender reports, unpacked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use tokio::sync::mpsc;

use super::assemble::{self, Assembled};
use super::error::PipelineError;
use super::event::Link;
use super::library::Library;
use super::set::set;
use super::spec::Profile;
use super::tail::{Settings, Tail};
use super::topology::{Topology, names};
use crate::memory::Account;

/// How much of the other tracks comes before one without any packet is given up.
const WITHOUT_PACKETS: gst::ClockTime = gst::ClockTime::from_seconds(2);
/// And one with packets, but without a picture to begin with: keyframes may lie far apart.
const WITHOUT_MEDIA: gst::ClockTime = gst::ClockTime::from_seconds(12);
/// Bytes of media between a packet source and the depayloaders.
const MAX_HELD: u64 = 16 << 20;
/// Without any way out for this long, what is held is counted anew: packets that came too late or twice
/// go in and never out.
const RECOUNT: Duration = Duration::from_secs(5);
/// Receiver reports that nobody has fetched.
const MAX_REPORTS: usize = 16;

/// RTP tracks of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpSpec {
    /// The tracks, by whose number packets are told apart.
    pub tracks: Vec<RtpTrack>,
    /// How long packets are waited for that were overtaken, in milliseconds.
    pub latency_ms: u32,
    /// How a picture is encoded that TS cannot carry.
    pub profile: Profile,
}

/// What a session description says of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpTrack {
    /// `video` or `audio`.
    pub media: String,
    /// RTP payload type.
    pub payload: u8,
    /// Encoding name in upper case.
    pub encoding: String,
    /// Ticks of its time stamps in a second.
    pub clock_rate: u32,
    /// Channels of an audio track.
    pub channels: Option<u16>,
    /// Format parameters, names in lower case.
    pub parameters: Vec<(String, String)>,
}

/// Where RTP packets go in, and receiver reports come out.
#[derive(Debug)]
pub struct Packets {
    tracks: Vec<Entry>,
    flow: Arc<Flow>,
    link: Arc<Link>,
    account: Account,
    reports: mpsc::Receiver<(usize, Bytes)>,
}

#[derive(Debug)]
struct Entry {
    media: gst_app::AppSrc,
    rtcp: gst_app::AppSrc,
}

/// Bytes of media that went in and that came out of the jitter buffers.
#[derive(Debug, Default)]
struct Flow {
    entered: AtomicU64,
    left: AtomicU64,
}

impl Flow {
    fn held(&self) -> u64 {
        let left = self.left.load(Ordering::Relaxed);
        self.entered.load(Ordering::Relaxed).saturating_sub(left)
    }
}

impl Packets {
    /// Hands in a packet of media; waits while too much is held. Cancel safe.
    ///
    /// # Errors
    /// [`PipelineError::Ended`] once the pipeline has failed, ended or been stopped.
    pub async fn push(&mut self, track: usize, packet: &[u8]) -> Result<(), PipelineError> {
        self.ready().await?;
        let Some(entry) = self.tracks.get(track) else {
            return Ok(());
        };
        let size = packet.len() as u64;
        self.flow.entered.fetch_add(size, Ordering::Relaxed);
        self.hand_in(&entry.media, packet)
    }

    /// Hands in a compound packet of RTCP.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_rtcp(&mut self, track: usize, packet: &[u8]) -> Result<(), PipelineError> {
        match self.tracks.get(track) {
            // Reports are worked off at once: what waits is a flood.
            Some(entry) if entry.rtcp.current_level_bytes() < entry.rtcp.max_bytes() => {
                self.hand_in(&entry.rtcp, packet)
            }
            _ => Ok(()),
        }
    }

    /// The next receiver report: the number of the track, and the packet. Cancel safe.
    pub async fn report(&mut self) -> Option<(usize, Bytes)> {
        self.reports.recv().await
    }

    async fn ready(&self) -> Result<(), PipelineError> {
        loop {
            if self.link.ended() {
                return Err(PipelineError::Ended);
            }
            if self.flow.held() < MAX_HELD {
                return Ok(());
            }
            let left = self.flow.left.load(Ordering::Relaxed);
            let waited = tokio::time::timeout(RECOUNT, self.link.room[0].notified()).await;
            if waited.is_err() && left == self.flow.left.load(Ordering::Relaxed) {
                self.flow.entered.store(left, Ordering::Relaxed);
            }
        }
    }

    fn hand_in(&self, src: &gst_app::AppSrc, packet: &[u8]) -> Result<(), PipelineError> {
        if self.link.ended() {
            return Err(PipelineError::Ended);
        }
        let copy = self.account.copy(packet);
        src.push_buffer(gst::Buffer::from_slice(copy))
            .map(|_| ())
            .map_err(|_| PipelineError::Ended)
    }
}

pub(super) fn rtp(
    library: &Library,
    spec: &RtpSpec,
    account: &Account,
) -> Result<Assembled, PipelineError> {
    let topology = Topology::Rtp;
    let (mut assembled, events) = assemble::bridged(library, topology, account)?;
    let (pipeline, link) = (&assembled.pipeline, &assembled.link);
    let settings = Settings {
        profile: spec.profile.clone(),
        sources: 1,
        patience: WITHOUT_MEDIA,
    };
    let tail = Tail::new(pipeline, topology, library, settings, &events, link)?;
    begin_with_keyframes(pipeline);
    let rtp = assemble::named(pipeline, topology, names::RTP)?;
    set(&rtp, "latency", &spec.latency_ms.to_string())?;
    let caps: Arc<[gst::Caps]> = spec.tracks.iter().map(RtpTrack::caps).collect();
    {
        let caps = Arc::clone(&caps);
        rtp.connect("request-pt-map", false, move |values| {
            let session = values.get(1)?.get::<u32>().ok()?;
            Some(caps.get(session as usize)?.to_value())
        });
    }
    let flow = Arc::new(Flow::default());
    take_tracks(&rtp, &tail, spec.tracks.len(), &flow, link);
    let (sender, reports) = mpsc::channel(MAX_REPORTS);
    let mut tracks = Vec::new();
    for (track, caps) in caps.iter().enumerate() {
        let src =
            |pad: &str, caps: &gst::Caps| source(pipeline, &rtp, &format!("{pad}_{track}"), caps);
        tracks.push(Entry {
            media: src("recv_rtp_sink", caps)?,
            rtcp: src(
                "recv_rtcp_sink",
                &gst::Caps::new_empty_simple("application/x-rtcp"),
            )?,
        });
        sink(pipeline, &rtp, track, sender.clone())?;
    }
    assembled.packets = Some(Packets {
        tracks,
        flow,
        link: Arc::clone(link),
        account: account.clone(),
        reports,
    });
    Ok(assembled)
}

/// Whoever joins in the middle gets pictures that refer to others which never came: those are left out.
fn begin_with_keyframes(pipeline: &gst::Pipeline) {
    const PROPERTY: &str = "wait-for-keyframe";
    pipeline.connect_deep_element_added(|_, _, element| {
        if element.find_property(PROPERTY).is_some() && set(element, PROPERTY, "true").is_err() {
            tracing::debug!("a depayloader takes what comes first");
        }
    });
}

/// Gives the tail each track when its first packet has come, and tells it when there are all, or when
/// one has brought enough for the others to be given up.
fn take_tracks(rtp: &gst::Element, tail: &Tail, count: usize, flow: &Arc<Flow>, link: &Arc<Link>) {
    let tail = tail.clone();
    let (flow, link) = (Arc::clone(flow), Arc::clone(link));
    let taken = AtomicUsize::new(0);
    let complete = Arc::new(AtomicBool::new(false));
    rtp.connect_pad_added(move |_, pad| {
        if pad.direction() != gst::PadDirection::Src || !pad.name().starts_with("recv_rtp_src_") {
            return;
        }
        let (flow, link) = (Arc::clone(&flow), Arc::clone(&link));
        let buffers = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(buffers, move |_, info| {
            let size = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => buffer.size(),
                Some(gst::PadProbeData::BufferList(list)) => list.calculate_size(),
                _ => 0,
            };
            flow.left.fetch_add(size as u64, Ordering::Relaxed);
            link.room[0].notify_one();
            gst::PadProbeReturn::Ok
        });
        tail.take(pad);
        let tell = {
            let (tail, complete) = (tail.clone(), Arc::clone(&complete));
            move || {
                if !complete.swap(true, Ordering::Relaxed) {
                    tail.complete();
                }
            }
        };
        if taken.fetch_add(1, Ordering::Relaxed) + 1 == count {
            tell();
            return;
        }
        let mut first = None;
        let complete = Arc::clone(&complete);
        let waits = std::sync::Mutex::new(move |at: gst::ClockTime| {
            at.saturating_sub(*first.get_or_insert(at)) > WITHOUT_PACKETS
        });
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let at = info.buffer().and_then(|buffer| buffer.pts());
            let late = at
                .zip(waits.lock().ok())
                .is_some_and(|(at, mut waits)| waits(at));
            if late {
                tell();
            }
            if late || complete.load(Ordering::Relaxed) {
                gst::PadProbeReturn::Remove
            } else {
                gst::PadProbeReturn::Ok
            }
        });
    });
}

fn failed(reason: &str) -> PipelineError {
    PipelineError::Start {
        topology: Topology::Rtp,
        reason: reason.to_owned(),
    }
}

/// A source of packets for a pad of `rtp`.
fn source(
    pipeline: &gst::Pipeline,
    rtp: &gst::Element,
    pad: &str,
    caps: &gst::Caps,
) -> Result<gst_app::AppSrc, PipelineError> {
    let src = gst_app::AppSrc::builder()
        .caps(caps)
        .format(gst::Format::Time)
        .is_live(true)
        .do_timestamp(true)
        .max_bytes(256 << 10)
        .build();
    src.set_property("emit-signals", false);
    pipeline.add(&src).map_err(|error| failed(&error.message))?;
    let from = src.static_pad("src").ok_or_else(|| failed("no pad"))?;
    let to = rtp
        .request_pad_simple(pad)
        .ok_or_else(|| failed("no pad for packets"))?;
    from.link(&to).map_err(|_| failed("packets do not link"))?;
    Ok(src)
}

/// A sink for the receiver reports of a track.
fn sink(
    pipeline: &gst::Pipeline,
    rtp: &gst::Element,
    track: usize,
    reports: mpsc::Sender<(usize, Bytes)>,
) -> Result<(), PipelineError> {
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(map) = sample
                .buffer()
                .and_then(|buffer| buffer.map_readable().ok())
            {
                // Nobody waits for one: the next comes in some seconds.
                let _ = reports.try_send((track, Bytes::copy_from_slice(&map)));
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    let sink = gst_app::AppSink::builder()
        .sync(false)
        .async_(false)
        .enable_last_sample(false)
        .max_buffers(4)
        .callbacks(callbacks)
        .build();
    pipeline
        .add(&sink)
        .map_err(|error| failed(&error.message))?;
    let to = sink.static_pad("sink").ok_or_else(|| failed("no pad"))?;
    let from = rtp
        .request_pad_simple(&format!("send_rtcp_src_{track}"))
        .ok_or_else(|| failed("no pad for reports"))?;
    from.link(&to).map_err(|_| failed("reports do not link"))?;
    Ok(())
}

impl RtpTrack {
    /// What depayloaders are told of the track.
    fn caps(&self) -> gst::Caps {
        const OURS: [&str; 5] = [
            "media",
            "payload",
            "clock-rate",
            "encoding-name",
            "encoding-params",
        ];
        let mut caps = gst::Caps::builder("application/x-rtp")
            .field("media", &self.media)
            .field("payload", i32::from(self.payload))
            .field(
                "clock-rate",
                i32::try_from(self.clock_rate).unwrap_or(90_000),
            )
            .field("encoding-name", &self.encoding);
        if let Some(channels) = self.channels {
            caps = caps.field("encoding-params", channels.to_string());
        }
        for (name, value) in &self.parameters {
            // A field's name is as strict as an identifier; the value is any text without NUL.
            let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !OURS.contains(&name.as_str())
                && !value.contains('\0');
            if fits {
                caps = caps.field(name.as_str(), value);
            }
        }
        caps.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_say_what_the_description_says_and_no_more() {
        gst::init().unwrap();
        let parameters = [
            ("sprop-parameter-sets", "Z2QAH6zZ,aOvssiw="),
            ("media", "audio"),
            ("bad name", "x"),
            ("1x", "x"),
            ("nul", "a\0b"),
            ("quote", "\"; (int)1"),
        ];
        let track = RtpTrack {
            media: "video".into(),
            payload: 96,
            encoding: "H264".into(),
            clock_rate: 90_000,
            channels: None,
            parameters: parameters
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
        };
        let caps = track.caps();
        let fields = caps.structure(0).unwrap();
        assert_eq!(fields.n_fields(), 6, "{caps}");
        assert_eq!(fields.get::<&str>("media"), Ok("video"));
        assert_eq!(fields.get::<i32>("clock-rate"), Ok(90_000));
        assert_eq!(
            fields.get::<&str>("sprop-parameter-sets"),
            Ok("Z2QAH6zZ,aOvssiw=")
        );
        assert_eq!(fields.get::<&str>("quote"), Ok("\"; (int)1"));
    }
}
