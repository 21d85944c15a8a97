//! What the API tells of a validation. Nothing in it names a URL, a path or a credential.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::class::Class;
use super::stages::{Step, StepReport};

/// A stream's validation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ValidationReport)]
pub struct Report {
    /// The stream; absent for a definition that is not saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
    /// The verdict on all its sources.
    pub outcome: Outcome,
    /// In words: what was found, or why it failed.
    pub summary: String,
    /// When the validation began.
    #[schema(value_type = String, format = "date-time")]
    pub checked_at: jiff::Timestamp,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// The sources that were to be checked, in the order of the definition.
    pub sources: Vec<SourceReport>,
}

/// The verdict on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationOutcome)]
pub enum Outcome {
    /// Each source works.
    Passed,
    /// Some sources work, others do not.
    Degraded,
    /// No source works.
    Failed,
    /// There is no such stream any more.
    Deleted,
}

/// The verdict on a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationSourceOutcome)]
pub enum SourceOutcome {
    /// Media came that can be shown.
    Passed,
    /// It failed; `failure` tells why.
    Failed,
    /// The time of the request was over before its turn.
    NotChecked,
}

/// Which connection was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationConnection)]
pub enum Connection {
    /// One of its own.
    Own,
    /// The one by which the stream is pulled already: no second one was opened. `fresh=true` opens one.
    Running,
}

/// One source's validation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ValidationSource)]
pub struct SourceReport {
    /// Its place among the sources of the definition, from 0.
    pub index: usize,
    /// The verdict.
    pub outcome: SourceOutcome,
    /// Which connection was looked at; absent if it was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReport>,
    /// How far it came; all nine stages, in their order.
    pub stages: Vec<StepReport>,
    /// What was found, as far as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// What a preview without further wishes would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

/// Why a source failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationFailure)]
pub struct FailureReport {
    /// The sort of cause.
    pub class: Class,
    /// The stage that failed.
    pub stage: Step,
    /// What happened.
    pub message: String,
    /// Who must do what.
    pub advice: &'static str,
}

/// What a source turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = ValidationFound)]
pub struct Found {
    /// The protocol: `hls`, `dash`, or the scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The container of the media (`mpeg-ts`, `fmp4`, `flv`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Whether it is live; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<bool>,
    /// How the media is encrypted (`AES-128`); absent when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// The variants or representations it offers, at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantReport>,
    /// Its tracks, at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<TrackReport>,
    /// Bits a second of all that came, tables and padding included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// How much media was looked at, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_ms: Option<u64>,
    /// Faults in what came; absent when no packets did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
}

/// One variant of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationVariant)]
pub struct VariantReport {
    /// Peak bits a second, as announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
    /// Pixels, as announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
    /// Pixels, as announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Codecs (RFC 6381), as announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codecs: Option<String>,
    /// Language of its sound (BCP 47), as announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The one that is pulled.
    pub chosen: bool,
}

/// Faults that were counted in what came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationErrors)]
pub struct Errors {
    /// Packets whose counter did not follow: something was lost before them.
    pub continuity: u64,
    /// Packets marked as damaged.
    pub transport: u64,
    /// Tables with a wrong checksum.
    pub tables: u64,
    /// How often packet boundaries were lost.
    pub sync_losses: u64,
    /// Packets with a scrambled payload.
    pub scrambled: u64,
}

/// One track.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = ValidationTrack)]
pub struct TrackReport {
    /// Its PID.
    pub pid: u16,
    /// `video`, `audio`, `subtitle` or `data`.
    pub kind: &'static str,
    /// How it is coded.
    pub codec: &'static str,
    /// Profile of the codec (`High`, `Main 10`, `LC`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Level of the codec (`3.1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Lines of a whole picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures a second, as signalled, or as measured where that is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
    /// May hold fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interlaced: Option<bool>,
    /// Bits a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u8>,
    /// `4:2:0`, `4:2:2`, `4:4:4` or `4:0:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chroma: Option<&'static str>,
    /// Hz, as signalled: HE-AAC shows its core rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Number of channels, one for effects included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// ISO 639-2 code; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Bits a second, as measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// Whether browsers play it as it is; for video and audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
}

/// What browsers make of a track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationBrowser)]
pub struct Browser {
    /// It plays as it is.
    pub plays: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What `/streams/preview/{id}` would do without further wishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationPreview)]
pub struct Preview {
    /// The rendition: `source`, or a profile and what it converts.
    pub rendition: String,
    /// The kinds of track that are converted.
    pub converts: Vec<&'static str>,
    /// The same in words.
    pub summary: String,
}
