//! What the pull itself tells of a stream: whether it is down, and what its packets and playlists show.

use std::time::Duration;

use super::judge::Judge;
use crate::actors::ingest::{IngestStatus, Phase};
use crate::conditions::{Evidence, Kind, Observation};
use crate::ingest::observer::{Limits, Observed, findings};
use crate::ingest::{Cause, IngestError};

/// A source that brings nothing for so long, or for one and a half target durations, has stalled: playlists come more
/// often.
const STALLED: Duration = Duration::from_secs(4);

/// The pull has changed, or goes on as it was. `failed` is the attempt whose failure was told last.
pub(super) fn on_status(judge: &mut Judge, status: &IngestStatus, failed: &mut u64) {
    match (&status.error, status.phase) {
        (_, Phase::Live) => {
            *failed = 0;
            judge.network(None);
            judge.on_source(status);
            judge.observe(Observation::absent(Kind::Down));
            judge.observe(Observation::absent(Kind::Blocked));
        }
        // Each failure once: a retry has to be seen to fail.
        (Some(error), Phase::BackingOff)
            if *failed != status.attempts && tells_of_the_stream(error.cause) =>
        {
            *failed = status.attempts;
            let kind = if error.cause == Cause::Blocked {
                Kind::Blocked
            } else {
                Kind::Down
            };
            judge.network(Some(error.cause));
            let seen = Observation::present(kind, evidence(error, status));
            // Of what somebody has to mend no retry is needed, and none comes soon.
            judge.observe(if error.cause.is_permanent() {
                seen.confirmed()
            } else {
                seen
            });
        }
        // While it waits for a connection nobody knows how it is.
        _ => {}
    }
}

/// Not when the connection was needed elsewhere, when this server is short of something, or when somebody wished it.
fn tells_of_the_stream(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::ProviderLimit | Cause::Overload | Cause::Rejected | Cause::Internal
    )
}

fn evidence(error: &IngestError, status: &IngestStatus) -> Evidence {
    Evidence::new(&error.message)
        .number("attempts", status.attempts as f64)
        .number("source", status.source as f64)
        .cause(error.cause)
}

/// What packets and playlists have shown since the last beat.
pub(super) fn on_observed(judge: &mut Judge, observed: &Observed, status: &IngestStatus) {
    if status.phase != Phase::Live {
        return;
    }
    let target = status.target_duration.unwrap_or_default();
    let stalled = observed.idle_for >= STALLED.max(target * 3 / 2);
    judge.observe(if stalled {
        let evidence = Evidence::new("it is connected, but nothing comes");
        let seconds = observed.idle_for.as_secs_f64();
        Observation::present(Kind::Stalled, evidence.number("seconds", seconds))
            .lasting(observed.idle_for)
    } else {
        Observation::absent(Kind::Stalled)
    });
    for finding in findings(observed, &Limits::default()) {
        let Some(kind) = Kind::parse(finding.kind) else {
            continue;
        };
        judge.observe(if finding.present {
            let mut evidence = Evidence::new(finding.text);
            evidence.numbers = finding.numbers;
            Observation::present(kind, evidence).lasting(finding.lasting)
        } else {
            Observation::absent(kind)
        });
    }
}
