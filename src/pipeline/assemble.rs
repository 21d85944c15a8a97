//! From a topology's text and a specification to a pipeline that is ready to start.

use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::bridge::{Input, Output};
use super::error::PipelineError;
use super::event::{self, Event, EventSender, Events, Fault, Link};
use super::library::Library;
use super::packages::packages_of;
use super::rtp::Packets;
use super::set::{set, set_bitrate};
use super::spec::{Audio, Profile, TestSpec, TranscodeSpec, Video, VideoCodec};
use super::topology::{Topology, names};
use super::{bus, durations, keyframes, overlay, sizing, timeline};
use crate::memory::Account;

/// libav's default is a thread per core and a frame of memory per thread; one keeps up with live 1080p.
const DECODER_THREADS: &str = "1";
/// Test tone.
const TONE_VOLUME: &str = "0.1";

/// What differs from x264's own presets, which are made for files; `pipelines/README.md` has the measurements.
fn tuned(preset: &str) -> &'static [(&'static str, &'static str)] {
    match preset {
        "ultrafast" | "superfast" => &[],
        // a tenth of the CPU for an eighth of a dB
        "veryfast" => &[("subme", "1")],
        // without any lookahead they would give away part of what they take their time for
        _ => &[("rc-lookahead", "3")],
    }
}

/// A pipeline in NULL state with its bridges.
pub(super) struct Assembled {
    pub(super) pipeline: gst::Pipeline,
    pub(super) input: Option<Input>,
    pub(super) sound_input: Option<Input>,
    pub(super) packets: Option<Packets>,
    pub(super) output: Output,
    pub(super) events: Events,
    pub(super) link: Arc<Link>,
}

pub(super) fn transcode(
    library: &Library,
    spec: &TranscodeSpec,
    account: &Account,
) -> Result<Assembled, PipelineError> {
    let topology = Topology::for_tracks(spec.video, spec.audio)?;
    let (assembled, events) = bridged(library, topology, account)?;
    let pipeline = &assembled.pipeline;
    timeline::guard_tracks(pipeline, &events, &assembled.link);
    for name in [names::ENCODER, names::AUDIO_ENCODER] {
        if let Some(encoder) = pipeline.by_name(name) {
            timeline::guard_encoder(&encoder);
        }
    }
    if spec.video == Video::Encode {
        sizing::refuse_absurd(pipeline, &events, &assembled.link);
        encode_picture(pipeline, topology, &spec.profile, &events)?;
    }
    if let Video::Copy(codec) = spec.video {
        copy_codec(pipeline, topology, codec)?;
    }
    if spec.audio == Audio::Encode {
        set_bitrate(
            &named(pipeline, topology, names::AUDIO_ENCODER)?,
            spec.profile.audio_bitrate_kbps,
        )?;
    }
    keep_decoders_lean(pipeline);
    tell_missing_tracks(pipeline, topology, &events, &assembled.link)?;
    Ok(assembled)
}

/// Sets up what encodes a picture in `bin`, which has a topology's elements.
pub(super) fn encode_picture(
    bin: &impl IsA<gst::Bin>,
    topology: Topology,
    profile: &Profile,
    events: &EventSender,
) -> Result<(), PipelineError> {
    let encoder = named(bin, topology, names::ENCODER)?;
    set(&encoder, "speed-preset", &profile.speed_preset)?;
    set(&encoder, "threads", &profile.threads.to_string())?;
    for (property, value) in tuned(&profile.speed_preset) {
        set(&encoder, property, value)?;
    }
    set_bitrate(&encoder, profile.video_bitrate_kbps)?;
    sizing::follow(bin, profile, events);
    durations::complete(bin);
    sizing::tell_encoded(&encoder, events);
    keyframes::force(&encoder);
    Ok(())
}

pub(super) fn test(
    library: &Library,
    spec: &TestSpec,
    account: &Account,
) -> Result<Assembled, PipelineError> {
    let topology = Topology::Test;
    let (assembled, events) = bridged(library, topology, account)?;
    let pipeline = &assembled.pipeline;
    let picture = named(pipeline, topology, names::PICTURE)?;
    set(&picture, "pattern", spec.pattern.nick())?;
    set(
        &picture,
        "horizontal-speed",
        if spec.pattern == super::spec::Pattern::Bars {
            "2"
        } else {
            "0"
        },
    )?;
    let even = |side: u32, most: u32| i32::try_from(side.clamp(64, most) & !1).unwrap_or(64);
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", even(spec.width, 3840))
        .field("height", even(spec.height, 2160))
        .field(
            "framerate",
            gst::Fraction::new(i32::try_from(spec.frame_rate.clamp(1, 60)).unwrap_or(25), 1),
        )
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build();
    set(
        &named(pipeline, topology, names::SIZE)?,
        "caps",
        &caps.to_string(),
    )?;
    let tone = named(pipeline, topology, names::TONE)?;
    set(&tone, "volume", if spec.tone { TONE_VOLUME } else { "0" })?;
    let encoder = named(pipeline, topology, names::ENCODER)?;
    sizing::tell_encoded(&encoder, &events);
    keyframes::force(&encoder);
    if spec.pattern.has_clock()
        && let Some(clock) = pipeline.by_name(names::CLOCK)
    {
        overlay::draw(&clock, &spec.name);
    }
    Ok(assembled)
}

pub(super) fn bridged(
    library: &Library,
    topology: Topology,
    account: &Account,
) -> Result<(Assembled, EventSender), PipelineError> {
    let pipeline = library.build(topology)?;
    let (sender, events) = event::channel();
    let link = Arc::new(Link::default());
    bus::attach(
        &pipeline,
        sender.clone(),
        Arc::clone(&link),
        account.clone(),
    );
    let input = |name, index| {
        let src = pipeline.by_name(name)?.downcast::<gst_app::AppSrc>().ok()?;
        Some(Input::new(src, Arc::clone(&link), index, account.clone()))
    };
    let (input, sound_input) = (input(names::IN, 0), input(names::SOUND_IN, 1));
    let sink = named(&pipeline, topology, names::TAP)?
        .downcast::<gst_app::AppSink>()
        .map_err(|_| PipelineError::Start {
            topology,
            reason: "\"tap\" is no appsink".to_owned(),
        })?;
    let output = Output::new(sink, Arc::clone(&link));
    Ok((
        Assembled {
            pipeline,
            input,
            sound_input,
            packets: None,
            output,
            events,
            link,
        },
        sender,
    ))
}

pub(super) fn named(
    pipeline: &impl IsA<gst::Bin>,
    topology: Topology,
    name: &str,
) -> Result<gst::Element, PipelineError> {
    pipeline.by_name(name).ok_or_else(|| PipelineError::Start {
        topology,
        reason: format!("no element is named {name:?}"),
    })
}

/// Puts the parser of the codec in the place of the topology's.
fn copy_codec(
    pipeline: &gst::Pipeline,
    topology: Topology,
    codec: VideoCodec,
) -> Result<(), PipelineError> {
    swap(pipeline, topology, names::VIDEO_COPY, codec.parser())
}

/// Puts an element of this factory in the place of a topology's, under the same name.
pub(super) fn swap(
    pipeline: &gst::Pipeline,
    topology: Topology,
    name: &str,
    factory: &str,
) -> Result<(), PipelineError> {
    let old = named(pipeline, topology, name)?;
    if old.factory().is_none_or(|old| old.name() == factory) {
        return Ok(());
    }
    let failed = |reason: &str| PipelineError::Start {
        topology,
        reason: format!("{name}: {reason}"),
    };
    let peer = |pad| {
        old.static_pad(pad)
            .and_then(|pad| pad.peer())
            .ok_or_else(|| failed("not linked"))
    };
    let (before, after) = (peer("sink")?, peer("src")?);
    let new = gst::ElementFactory::make(factory)
        .name(name)
        .build()
        .map_err(|_| PipelineError::Unavailable {
            topology,
            elements: vec![factory.to_owned()],
            packages: packages_of(&[factory]),
        })?;
    pipeline
        .remove(&old)
        .and_then(|()| pipeline.add(&new))
        .map_err(|error| failed(&error.message))?;
    let pad = |name| new.static_pad(name).ok_or_else(|| failed("no pad"));
    before
        .link(&pad("sink")?)
        .and_then(|_| {
            pad("src")
                .map_err(|_| gst::PadLinkError::Refused)?
                .link(&after)
        })
        .map_err(|_| failed("does not link"))?;
    Ok(())
}

/// Limits the threads of decoders that `decodebin` finds, when it finds them.
pub(super) fn keep_decoders_lean(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        let Some(factory) = element.factory() else {
            return;
        };
        let property = match factory.name().as_str() {
            name if name.starts_with("avdec_") => "max-threads",
            "vp8dec" | "vp9dec" => "threads",
            _ => return,
        };
        if let Err(error) = set(element, property, DECODER_THREADS) {
            tracing::debug!(%error, "decoder threads stay as they are");
        }
    });
}

/// Without this, a track that was promised and is not in the stream would leave the muxer waiting for it without a word.
/// Looked for once the demuxer has all tracks, and at the end of a stream in which it found none.
fn tell_missing_tracks(
    pipeline: &gst::Pipeline,
    topology: Topology,
    events: &EventSender,
    link: &Arc<Link>,
) -> Result<(), PipelineError> {
    let demux = named(pipeline, topology, names::DEMUX)?;
    let tracks: Vec<_> = [(names::VIDEO_IN, "video"), (names::AUDIO_IN, "audio")]
        .into_iter()
        .filter_map(|(name, kind)| {
            let pad = pipeline.by_name(name)?.static_pad("sink")?;
            Some((pad.downgrade(), kind))
        })
        .collect();
    let (events, link) = (events.clone(), Arc::clone(link));
    let look = Arc::new(move || {
        for (pad, kind) in &tracks {
            if pad.upgrade().is_some_and(|pad| !pad.is_linked()) && !link.ended() {
                let message = format!("the stream has no {kind} track of a known codec");
                let element = names::DEMUX.to_owned();
                events.send(Event::Error {
                    element,
                    message,
                    missing: None,
                    fault: Fault::Other,
                });
                link.end();
            }
        }
    });
    if let Some(pad) = demux.static_pad("sink") {
        let look = Arc::clone(&look);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info
                .event()
                .is_some_and(|event| event.type_() == gst::EventType::Eos)
            {
                look();
            }
            gst::PadProbeReturn::Ok
        });
    }
    demux.connect_no_more_pads(move |_| look());
    Ok(())
}
