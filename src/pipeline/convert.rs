//! A container that is not TS becomes TS.

use gstreamer as gst;

use super::assemble::{self, Assembled};
use super::error::PipelineError;
use super::library::Library;
use super::spec::Profile;
use super::tail::{Settings, Tail};
use super::topology::{Topology, names};
use crate::memory::Account;

/// Files are interleaved more coarsely than live streams.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// What is to be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertSpec {
    /// How a picture is encoded that TS cannot carry.
    pub profile: Profile,
    /// Whether the sound comes from a place of its own: then [`Running::sound_input`](super::Running) is there.
    pub sound_apart: bool,
}

impl ConvertSpec {
    /// The topology that does it.
    pub(super) fn topology(&self) -> Topology {
        if self.sound_apart {
            Topology::ConvertPair
        } else {
            Topology::Convert
        }
    }
}

pub(super) fn convert(
    library: &Library,
    spec: &ConvertSpec,
    account: &Account,
) -> Result<Assembled, PipelineError> {
    let topology = spec.topology();
    let (assembled, events) = assemble::bridged(library, topology, account)?;
    let settings = Settings {
        profile: spec.profile.clone(),
        sources: if spec.sound_apart { 2 } else { 1 },
        patience: PATIENCE,
    };
    let pipeline = &assembled.pipeline;
    let link = &assembled.link;
    let tail = Tail::new(pipeline, topology, library, settings, &events, link)?;
    tail.follow(&assemble::named(pipeline, topology, names::PARSE)?);
    if spec.sound_apart {
        tail.follow(&assemble::named(pipeline, topology, names::SOUND_PARSE)?);
    }
    Ok(assembled)
}
