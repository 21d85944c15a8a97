//! The part of a pipeline that brings one track to the muxer.

use gst::prelude::*;
use gstreamer as gst;

use super::codec::{Carry, Kind};
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::EventSender;
use crate::pipeline::library::Library;
use crate::pipeline::packages::packages_of;
use crate::pipeline::set::{set, set_bitrate};
use crate::pipeline::spec::Profile;
use crate::pipeline::topology::{Topology, names};
use crate::pipeline::{assemble, timeline};

/// What a queue holds: as much as picture and sound may lie apart in the source.
const VIDEO_BYTES: u32 = 8 << 20;
const AUDIO_BYTES: u32 = 1 << 20;

/// A branch, not yet in a pipeline.
pub(super) struct Branch {
    pub(super) bin: gst::Bin,
    /// Holds what the muxer does not take yet.
    pub(super) queue: gst::Element,
    pub(super) entry: gst::Pad,
    pub(super) exit: gst::Pad,
}

/// A branch in which a track stays as it is.
pub(super) fn carrying(kind: Kind, carry: &Carry) -> Result<Branch, PipelineError> {
    let queue = make("queue")?;
    set(&queue, "max-size-buffers", "0")?;
    set(&queue, "max-size-time", "0")?;
    let bytes = match kind {
        Kind::Video => VIDEO_BYTES,
        Kind::Audio => AUDIO_BYTES,
    };
    set(&queue, "max-size-bytes", &bytes.to_string())?;
    let parser = make(carry.parser)?;
    set(&parser, "config-interval", "-1")?;
    let filter = make("capsfilter")?;
    set(&filter, "caps", carry.caps)?;
    let mut chain = vec![queue.clone(), parser, filter.clone()];
    // GStreamer has it since 1.22.
    if let Some(timestamper) = carry.timestamper.and_then(|name| make(name).ok()) {
        timeline::mend_first(&timestamper);
        chain.push(timestamper);
    }
    let last = chain.last().unwrap_or(&filter).clone();
    let bin = gst::Bin::new();
    bin.add_many(&chain)
        .and_then(|()| gst::Element::link_many(&chain))
        .map_err(|error| failed(&error.message))?;
    ends(bin, queue, &last)
}

/// A branch in which a track is decoded and encoded.
pub(super) fn converting(
    kind: Kind,
    library: &Library,
    profile: &Profile,
    events: &EventSender,
) -> Result<Branch, PipelineError> {
    let (topology, queue, encoder) = match kind {
        Kind::Video => (Topology::IngestVideo, names::VIDEO_IN, names::ENCODER),
        Kind::Audio => (Topology::IngestAudio, names::AUDIO_IN, names::AUDIO_ENCODER),
    };
    let bin = library.part(topology)?;
    let encoder = assemble::named(&bin, topology, encoder)?;
    match kind {
        Kind::Video => assemble::encode_picture(&bin, topology, profile, events)?,
        Kind::Audio => set_bitrate(&encoder, profile.audio_bitrate_kbps)?,
    }
    timeline::guard_encoder(&encoder);
    let queue = assemble::named(&bin, topology, queue)?;
    let out = assemble::named(&bin, topology, names::OUT)?;
    ends(bin, queue, &out)
}

fn ends(bin: gst::Bin, queue: gst::Element, last: &gst::Element) -> Result<Branch, PipelineError> {
    let ghost = |element: &gst::Element, name| {
        let inner = element.static_pad(name).ok_or_else(|| failed("no pad"))?;
        let pad = gst::GhostPad::with_target(&inner).map_err(|error| failed(&error.message))?;
        bin.add_pad(&pad).map_err(|error| failed(&error.message))?;
        Ok::<gst::Pad, PipelineError>(pad.upcast())
    };
    let (entry, exit) = (ghost(&queue, "sink")?, ghost(last, "src")?);
    // A decoder that looks for its first picture is no reason for the pipeline to go back to PAUSED.
    bin.set_property("async-handling", true);
    Ok(Branch {
        bin,
        queue,
        entry,
        exit,
    })
}

fn make(factory: &'static str) -> Result<gst::Element, PipelineError> {
    gst::ElementFactory::make(factory)
        .build()
        .map_err(|_| PipelineError::Unavailable {
            topology: Topology::Convert,
            elements: vec![factory.to_owned()],
            packages: packages_of(&[factory]),
        })
}

fn failed(reason: &str) -> PipelineError {
    PipelineError::Start {
        topology: Topology::Convert,
        reason: format!("a track: {reason}"),
    }
}
