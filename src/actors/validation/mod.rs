//! Validation: a source is pulled for seconds, and people are told how far that came, what it is, and
//! what they could do with it. It changes nothing of a stream: no state, no history.
//!
//! | file | idea |
//! |---|---|
//! | `report` | what the API tells |
//! | `stages` | how far a pull came, stage by stage |
//! | `class` | why it failed, and who must do what |
//! | `collect` | seconds of media, and what they show |
//! | `tracks`, `names` | what the tracks are, and what a browser makes of them |
//! | `pace` | which of many sources is checked next, so that no host is crowded |
//! | `course` | how far a source is, for who looks on |
//! | `check` | one definition, source by source |
//! | `decode` | its media through a real pipeline |
//! | `jobs` | many definitions, with progress and an end |
//!
//! The files above `check` are pure.

mod check;
mod class;
mod collect;
mod course;
mod decode;
pub mod jobs;
mod names;
mod pace;
mod report;
mod stages;
#[cfg(test)]
mod tests;
mod tracks;

pub use check::{Options, validate};
pub use class::Class;
pub use course::{Course, SoFar};
pub use report::{
    Browser, Connection, Errors, FailureReport, Found, Outcome, Preview, Report, SourceOutcome,
    SourceReport, TrackReport, VariantReport,
};
pub use stages::{Step, StepReport, Verdict};
