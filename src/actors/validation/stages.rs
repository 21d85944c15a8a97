//! How far a pull came, as people read it: each stage once, with a verdict and its time.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::ingest::{Cause, IngestError, Stage};
use crate::stream::{SourceKind, SourceUrl};

/// The stages of a validation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationStage)]
pub enum Step {
    /// Is the address one that sources may use?
    Policy,
    /// Name resolution.
    Dns,
    /// The connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The request and its answer.
    Request,
    /// The playlist or manifest.
    Manifest,
    /// The first byte of media.
    FirstByte,
    /// Tables, tracks, a picture to begin with, and seconds of media.
    Demux,
    /// A picture and sound come out of the decoders.
    Decode,
}

/// What came of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationVerdict)]
pub enum Verdict {
    /// It was passed.
    Passed,
    /// It failed.
    Failed,
    /// This source has no such stage, or it was left out; `note` may tell why.
    Skipped,
    /// An earlier one failed; or it is still to come, while the source is being looked at.
    NotReached,
    /// The source is at this one now. Never in a report.
    Running,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationStageReport)]
pub struct StepReport {
    /// Which.
    pub stage: Step,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took, milliseconds; absent where that was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Policy,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Request,
        Self::Manifest,
        Self::FirstByte,
        Self::Demux,
        Self::Decode,
    ];

    fn of(stage: Stage) -> Self {
        match stage {
            Stage::Policy => Self::Policy,
            // A slot of the account comes before the first connection.
            Stage::Account | Stage::Dns => Self::Dns,
            Stage::Connect => Self::Connect,
            Stage::Tls => Self::Tls,
            Stage::Request => Self::Request,
            Stage::Manifest => Self::Manifest,
            Stage::FirstByte => Self::FirstByte,
            Stage::Demux | Stage::Flow => Self::Demux,
            Stage::Transcode => Self::Decode,
        }
    }
}

/// The way of one pull.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    /// What was passed, with the time since the start at which it was.
    passed: Vec<(Step, Duration)>,
    /// Which stages a source like this has.
    has: [bool; 9],
}

impl Journey {
    /// From what a pull told of itself. `protocol` is what the source turned out to be.
    pub(super) fn new(
        url: &SourceUrl,
        protocol: Option<&str>,
        passed: &[(Stage, Duration)],
        demuxed: Option<Duration>,
    ) -> Self {
        let mut steps: Vec<(Step, Duration)> = Vec::with_capacity(9);
        let told = passed.iter().map(|(stage, at)| (Step::of(*stage), *at));
        for (step, at) in told.chain(demuxed.map(|at| (Step::Demux, at))) {
            // An address is read as quickly as no name is resolved.
            let dns = step == Step::Dns && !is_named(url);
            if !dns && steps.iter().all(|(known, _)| *known != step) {
                steps.push((step, at));
            }
        }
        let scheme = url.as_url().scheme();
        let (kind, named) = (url.kind(), is_named(url));
        let network = !matches!(kind, SourceKind::Test | SourceKind::File);
        let dialled = network && !matches!(kind, SourceKind::Udp | SourceKind::Rtp);
        let has = Step::ALL.map(|step| match step {
            Step::Policy | Step::FirstByte | Step::Demux | Step::Decode => true,
            Step::Dns => network && named,
            Step::Connect => dialled,
            Step::Request => dialled && kind != SourceKind::Srt,
            Step::Tls => matches!(scheme, "https" | "rtsps" | "rtmps"),
            Step::Manifest => matches!(protocol, Some("hls" | "dash")),
        });
        let mut journey = Self { passed: steps, has };
        for step in Step::ALL {
            journey.has[step as usize] |= journey.passed_at(step).is_some();
        }
        journey
    }

    /// The stage that failed with `error`: where it says, but never one that was passed before.
    pub(super) fn failed_at(&self, error: &IngestError) -> Step {
        let said = Step::of(error.stage);
        if said == Step::Policy {
            return said; // a later hop or a name may lead where the first did not
        }
        let furthest = self.passed.iter().map(|(step, _)| *step).max();
        let after = Step::ALL
            .into_iter()
            .filter(|step| furthest.is_none_or(|furthest| *step > furthest))
            .find(|step| self.has[*step as usize] && *step != Step::Policy)
            .unwrap_or(Step::Decode);
        // Who waits for an answer may wait for any stage of it.
        if error.cause == Cause::Timeout && said < Step::Demux {
            return after;
        }
        said.max(after.min(Step::Demux))
    }

    /// All stages, when `failed` failed, or none did.
    pub(super) fn report(&self, failed: Option<Step>) -> Vec<StepReport> {
        let mut before = Duration::ZERO;
        let report = |step: Step| {
            let at = self.passed_at(step);
            let verdict = match (failed, at) {
                (Some(failed), _) if step == failed => Verdict::Failed,
                (_, Some(_)) => Verdict::Passed,
                (Some(failed), None) if step > failed => Verdict::NotReached,
                // Later ones were reached.
                (_, None) if self.has[step as usize] => Verdict::Passed,
                (_, None) => Verdict::Skipped,
            };
            let took = at.filter(|_| verdict == Verdict::Passed).map(|at| {
                let since = before;
                before = at.max(before);
                at.saturating_sub(since)
            });
            StepReport {
                stage: step,
                verdict,
                took_ms: took.map(milliseconds),
                note: None,
            }
        };
        Step::ALL.into_iter().map(report).collect()
    }

    /// All stages while the source is being looked at; `decodes`: all that is to come from it has come.
    pub(super) fn so_far(&self, decodes: bool) -> Vec<StepReport> {
        let furthest = self.passed.iter().map(|(step, _)| *step).max();
        let mut to_come = Step::ALL.into_iter().filter(|step| {
            self.has[*step as usize] && furthest.is_none_or(|furthest| *step > furthest)
        });
        let at = if decodes {
            Step::Decode
        } else {
            to_come.next().unwrap_or(Step::Decode)
        };
        let mut stages = self.report(None);
        for one in stages.iter_mut().filter(|one| one.stage >= at) {
            one.verdict = if one.stage == at {
                Verdict::Running
            } else {
                Verdict::NotReached
            };
        }
        stages
    }

    fn passed_at(&self, step: Step) -> Option<Duration> {
        let found = self.passed.iter().find(|(known, _)| *known == step);
        found.map(|(_, at)| *at)
    }
}

/// Whole milliseconds, as the API tells times.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the host is a name and not an address.
fn is_named(url: &SourceUrl) -> bool {
    match url.as_url().host() {
        // Schemes that `url` does not know keep addresses as names.
        Some(url::Host::Domain(name)) => name.parse::<std::net::IpAddr>().is_err(),
        _ => false,
    }
}
