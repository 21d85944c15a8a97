//! What runs: transcodes, sessions, and an end to them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;

use super::AppState;
use super::client::Client;
use super::extract::Segments;
use super::gate::{Access, Everyday};
use super::problem::Problem;
use crate::actors::output::OutputKey;
use crate::actors::rendition::RenditionStatus;
use crate::actors::sessions::{Format, Session};
use crate::auth::Permission;
use crate::base::ids::SessionId;

/// The pool and who uses it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TranscodingStatus {
    /// Transcodes that run now.
    active_sessions: usize,
    /// Transcodes that may run at once.
    max_concurrent: usize,
    /// Share of the transcode slots taken, percent.
    utilization_percentage: f64,
    /// Requests that wait for a slot.
    queued: usize,
    /// All viewers' sessions, oldest first.
    sessions: Vec<SessionView>,
}

/// One viewer's session.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    /// Its id.
    session_id: String,
    /// The stream.
    stream_id: String,
    /// When it began.
    #[schema(value_type = String, format = "date-time")]
    start_time: jiff::Timestamp,
    /// Since then, seconds.
    duration: f64,
    /// Where the viewer comes from.
    #[serde(rename = "clientIP")]
    client_ip: String,
    /// What the viewer calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// The profile, or `source`; absent while it is being chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<String>,
    /// The rendition: the profile and which tracks are converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    rendition: Option<String>,
    /// How it receives its media.
    format: Format,
    /// Sessions that share the rendition, this one included.
    viewers: usize,
    /// The rendition's pipeline: `none` for the source itself.
    pipeline: PipelineState,
    /// Memory that the rendition's pipeline holds, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Place in the queue, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_position: Option<usize>,
    /// Bytes handed over (MPEG-TS sessions).
    bytes: u64,
}

/// How far a rendition's pipeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PipelineState {
    /// The source itself is watched.
    None,
    /// It waits for a slot.
    Queued,
    /// It starts.
    Starting,
    /// It runs.
    Running,
    /// It has failed.
    Failed,
}

/// The pool and all sessions.
#[utoipa::path(get, path = "/api/streams/transcoding/status", tag = "status",
    responses((status = 200, body = TranscodingStatus)))]
pub(super) async fn transcoding(Extract(app): Extract<Arc<AppState>>) -> Json<TranscodingStatus> {
    let pool = app.hub.pool().figures();
    let all = app.hub.sessions.list();
    let viewers = app.hub.sessions.by_output();
    let memory = memory_by_output(&app);
    let sessions = all
        .iter()
        .map(|session| view(&app, session, &viewers, &memory))
        .collect();
    Json(TranscodingStatus {
        active_sessions: pool.running,
        max_concurrent: pool.max,
        utilization_percentage: match pool.max {
            0 => 0.0,
            max => 100.0 * pool.running as f64 / max as f64,
        },
        queued: pool.queued,
        sessions,
    })
}

fn memory_by_output(app: &AppState) -> HashMap<OutputKey, u64> {
    let fleet = app.hub.fleet().into_iter();
    fleet
        .filter_map(|member| Some((member.work?.key, member.report.usage?.total_bytes())))
        .collect()
}

fn view(
    app: &AppState,
    session: &Session,
    viewers: &HashMap<OutputKey, usize>,
    memory: &HashMap<OutputKey, u64>,
) -> SessionView {
    let key = session.rendition();
    let output = key.clone().map(|key| (session.stream.clone(), key));
    let viewers = output.as_ref().and_then(|output| viewers.get(output));
    let rendition = output
        .as_ref()
        .filter(|(_, key)| key.is_encoded())
        .and_then(|output| app.hub.rendition(output));
    let status = rendition.as_ref().map(|r| r.status().borrow().clone());
    SessionView {
        session_id: session.id.to_string(),
        stream_id: session.stream.to_string(),
        start_time: session.started_at,
        duration: session.duration().as_secs_f64(),
        client_ip: session.viewer.address.to_string(),
        user_agent: session.viewer.user_agent.clone(),
        quality: key
            .as_ref()
            .map(|k| k.profile().unwrap_or("source").to_owned()),
        rendition: key.as_ref().map(ToString::to_string),
        format: session.format,
        viewers: viewers.copied().unwrap_or(1),
        pipeline: match status {
            None => PipelineState::None,
            Some(RenditionStatus::Queued) => PipelineState::Queued,
            Some(RenditionStatus::Starting) => PipelineState::Starting,
            Some(RenditionStatus::Running) => PipelineState::Running,
            Some(
                RenditionStatus::QueueFull
                | RenditionStatus::OutOfDescriptors
                | RenditionStatus::Failed(_),
            ) => PipelineState::Failed,
        },
        memory_bytes: output
            .as_ref()
            .and_then(|output| memory.get(output))
            .copied(),
        queue_position: rendition.and_then(|r| r.queue_position()),
        bytes: session.bytes(),
    }
}

/// Ends a session: its connection is closed, or its playlist is served no more.
///
/// Viewers end their own, by the name they were let in with and from the client they watch from; operators any.
#[utoipa::path(delete, path = "/api/v1/sessions/{sessionId}", tag = "status",
    params(("sessionId" = String, Path, description = "Session id")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn end_session(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    client: Client,
    access: Access,
) -> Result<Response, Problem> {
    let session = SessionId::parse(&id).and_then(|id| app.hub.sessions.get(id));
    let session = session.ok_or_else(|| Problem::not_found("there is no such session"))?;
    let own = session.viewer.is_also(&access.viewer(&client, None));
    if !own {
        access.require(&app, Permission::Operate)?;
    }
    tracing::info!(session = %session.id, stream = %session.stream, "session ended by request");
    session.end();
    app.hub.expire_hls();
    // Players do so at each change of channels.
    let everyday = own.then_some(Extension(Everyday));
    Ok((everyday, StatusCode::NO_CONTENT).into_response())
}
