//! The sources of a running stream, and going over to the next one by hand.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Serialize;

use super::AppState;
use super::extract::StreamPath;
use super::problem::Problem;
use super::streams::FailureView;
use crate::actors::catalog::CatalogError;
use crate::actors::ingest::{IngestStatus, Phase};
use crate::ingest::failover::SourceState;
use crate::ingest::{Cause, IngestError, Stage};

/// What is done with one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourcePhase {
    /// It is pulled, and media flows.
    Live,
    /// It waits for a connection among those of its account.
    Waiting,
    /// It is pulled; no media has come yet.
    Connecting,
    /// It failed, and is left alone for a while.
    Cooling,
    /// It may be pulled when it is wanted.
    Ready,
}

/// One source of a stream that is being pulled.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SourceView {
    /// Its place among the sources of the definition, from 0.
    index: usize,
    /// What is done with it.
    state: SourcePhase,
    /// Attempts since the pull of the stream began, trials beside another source included.
    attempts: u64,
    /// Failures in a row.
    failures: u32,
    /// Why it failed last; absent once media has come from it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView>,
    /// Seconds until it may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in: Option<f64>,
}

/// The sources in the order of the definition.
pub(super) fn views(status: &IngestStatus, now: Instant) -> Vec<SourceView> {
    let pulled = |index: usize| status.source == index && status.phase != Phase::BackingOff;
    let view = |(index, source): (usize, &SourceState)| {
        let cools = source.cools_until.filter(|until| *until > now);
        let state = match (pulled(index), status.phase, cools) {
            (true, Phase::Live, _) => SourcePhase::Live,
            (true, Phase::Waiting, _) => SourcePhase::Waiting,
            (true, ..) => SourcePhase::Connecting,
            (false, _, Some(_)) => SourcePhase::Cooling,
            (false, _, None) => SourcePhase::Ready,
        };
        SourceView {
            index,
            state,
            attempts: source.attempts,
            failures: source.failures,
            failure: source.error.as_deref().map(FailureView::new),
            retry_in: cools.map(|until| until.duration_since(now).as_secs_f64()),
        }
    };
    status.sources.iter().enumerate().map(view).collect()
}

/// Gives up the source that is pulled now and goes over to the next one; it is tried again a minute
/// later at the soonest.
#[utoipa::path(post, path = "/api/v1/streams/{id}/failover", tag = "streams",
    params(("id" = String, Path, description = "Stream id")),
    responses((status = 202, description = "The next source is being tried"), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The stream is not pulled, or has no other source")))]
pub(super) async fn fail_over(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
) -> Result<StatusCode, Problem> {
    let record = app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    if record.definition.sources.len() < 2 {
        return Err(Problem::conflict("the stream has no other source"));
    }
    let text = "somebody asked for another source";
    let error = IngestError::new(Stage::Flow, Cause::Rejected, text);
    if !app.hub.reject_source(&id, error) {
        return Err(Problem::conflict("the stream is not pulled now"));
    }
    tracing::info!(stream = %id, "another source was asked for");
    Ok(StatusCode::ACCEPTED)
}
