//! `GStreamer`, and the only place that names it.
//!
//! A pipeline is a topology's text (`pipelines/*.launch`, embedded, overridable by the operator) with values set on its
//! named elements; nothing that a user typed is ever parsed as a pipeline. MPEG-TS goes in by [`Input`] and comes out by
//! [`Output`]; what happens is told by [`Event`]s. Both bridges are bounded, and neither blocks a thread of the runtime
//! or of the pipeline.
//!
//! | file | idea |
//! |---|---|
//! | `allowlist`, `plugins` | what of `GStreamer` is used at all; everything else is not loaded, or removed |
//! | `library`, `topology`, `packages` | the texts, their contract, what is not installed |
//! | `spec`, `fit` | what is asked for; the size and rate of the picture (pure) |
//! | `assemble`, `set`, `sizing`, `durations`, `keyframes`, `timeline`, `overlay`, `glyphs` | from text to a pipeline ready to start |
//! | `convert`, `rtp`, `srt`, `tail` | what all ingests end with: tracks become TS as they are found |
//! | `sampler` | decoders that the monitor looks through, reused from stream to stream |
//! | `bridge`, `event`, `bus`, `redact` | bytes and news between streaming threads and async code |
//! | `running`, `teardown`, `census` | one way in, one way out, both counted |
//! | `pulse`, `versions` | whether it works at all; what is installed |
//! | `registry`, `warm_up` | all pipelines there are, and what each takes; what the first of all takes for good |

mod allowlist;
mod assemble;
mod bridge;
mod bus;
mod census;
#[cfg(test)]
mod confined;
mod convert;
mod durations;
mod error;
mod event;
mod fit;
mod glyphs;
mod keyframes;
#[cfg(feature = "leak")]
mod leak;
mod library;
mod overlay;
mod packages;
mod plugins;
mod pulse;
mod redact;
mod registry;
mod rtp;
mod running;
mod sampler;
mod set;
mod sizing;
mod spec;
mod srt;
mod tail;
mod teardown;
#[cfg(test)]
mod tests;
mod timeline;
mod topology;
mod versions;
mod warm_up;

pub use bridge::{Input, Output};
pub use census::{Census, census};
pub use convert::ConvertSpec;
pub use error::{Mistake, PipelineError};
pub use event::{Event, Events, Fault};
pub use fit::{Fit, Picture, encoder_threads, fit};
pub use library::{Library, init};
pub use plugins::{Loaded, loaded, prepare};
pub use pulse::{Pulse, PulseError};
pub use registry::{Kind, Label, Phase, PipelineId, Report, pipelines};
pub use rtp::{Packets, RtpSpec, RtpTrack};
pub use running::{
    Control, Running, start_convert, start_rtp, start_srt, start_test, start_transcode,
};
pub use sampler::{Decoder, Failure, Seen, Wanted, decoder_of};
pub use spec::{Audio, Pattern, Profile, TestSpec, TranscodeSpec, Video, VideoCodec};
pub use srt::SrtSpec;
pub use teardown::StopOutcome;
pub use topology::Topology;
pub use versions::{plugins, version};
pub use warm_up::warm_up;
