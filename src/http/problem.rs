//! Errors as RFC 9457 problem details: the one place that turns our errors into HTTP.
//!
//! Each has a stable `code`. None names a URL, a path of the machine, or a credential.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::actors::catalog::CatalogError;
use crate::actors::plan::PlanError;
use crate::actors::pool::PoolFigures;
use crate::actors::sessions::SessionRefused;
use crate::actors::view::ViewError;
use crate::ingest::{Cause, IngestError, Stage};
use crate::stream::{Invalid, StreamId};

/// A problem detail (RFC 9457) with our extension members.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub(super) struct Problem {
    /// `urn:sightglass:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The sort of problem, in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// This occurrence, in words.
    detail: String,
    /// The stable name of the sort of problem.
    code: &'static str,
    /// Each mistake in what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Invalid>,
    /// How far a pull got.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    /// Why it ended there.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// Streams that stand against it, at most ten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    streams: Vec<StreamId>,
    /// The connections of the provider's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountQueue>,
    /// The queue for transcodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<QueueInfo>,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

/// The queue for transcodes, as one who has to wait sees it.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueueInfo {
    /// How many wait.
    queued: usize,
    /// This request's place, from 1, if it was in the queue.
    position: Option<usize>,
    /// Transcodes that may run at once.
    max_concurrent: usize,
}

/// The connections of a provider's account, as one who has to wait sees them.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountQueue {
    /// The most connections that there may be.
    max_connections: usize,
    /// How many of them somebody watches.
    watched: usize,
    /// How many wait.
    waiting: usize,
    /// This stream's place, from 1, if it was in the queue.
    position: Option<usize>,
}

impl Problem {
    /// A problem of this sort.
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:sightglass:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            ..Self::default()
        }
    }

    /// 400: the request cannot be understood.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request is not valid",
            detail,
        )
    }

    /// 409: it cannot be done as things are.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "conflict",
            "That cannot be done as things are",
            detail,
        )
    }

    /// 503: not now, but soon.
    pub(super) fn busy(code: &'static str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title, detail)
            .retry(Duration::from_secs(5))
    }

    /// 429: this client asks for more at a time than it may; soon it may again.
    pub(super) fn too_many(code: &'static str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, title, detail).retry(Duration::from_secs(5))
    }

    /// 422: what the body tells to fetch cannot be fetched. That is told at its `/url`.
    pub(super) fn cannot_be_fetched(error: &IngestError) -> Self {
        if error.cause == Cause::Overload {
            return of_failure(error);
        }
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let title = "The playlist cannot be fetched";
        let mut problem = Self::new(status, "source_failed", title, error.message.clone());
        problem.errors.push(Invalid {
            pointer: "/url".to_owned(),
            problem: error.message.clone(),
            allowed: "a playlist that this server can and may fetch".to_owned(),
        });
        problem.stage(error.stage, error.cause)
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such resource",
            detail,
        )
    }

    /// 413: the body is larger than the limit, in bytes.
    pub(super) fn body_too_large(limit: Option<usize>) -> Self {
        let most = limit.map(|bytes| format!(", {bytes} bytes at most"));
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is too large",
            format!(
                "the body is larger than this request may send{}",
                most.unwrap_or_default()
            ),
        )
    }

    /// 422: the definition has mistakes.
    pub(super) fn invalid(errors: Vec<Invalid>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.to_string(),
            many => format!(
                "{} mistakes were found; all are listed in errors",
                many.len()
            ),
        };
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_definition",
            "The definition has mistakes",
            detail,
        );
        problem.errors = errors;
        problem
    }

    /// 500: our fault; the cause is in the log.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server failed",
            "an internal error; the log of the server has the cause",
        )
    }

    /// The stable code.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    fn stage(mut self, stage: Stage, cause: Cause) -> Self {
        self.stage = Some(stage);
        self.cause = Some(cause);
        self
    }

    fn queue(mut self, figures: PoolFigures, position: Option<usize>) -> Self {
        self.queue = Some(QueueInfo {
            queued: figures.queued,
            position,
            max_concurrent: figures.max,
        });
        self.retry(Duration::from_secs(10))
    }

    /// Worth another try after this long.
    pub(super) fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = retry_after {
            headers.insert(header::RETRY_AFTER, after.as_secs().max(1).into());
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2.
            let bearer = HeaderValue::from_static(r#"Bearer realm="Sightglass""#);
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let detail = error.to_string();
        match error {
            CatalogError::NotFound | CatalogError::AccountNotFound => Self::not_found(detail),
            CatalogError::Exists | CatalogError::AccountExists => {
                Self::new(StatusCode::CONFLICT, "exists", "The id is taken", detail)
            }
            CatalogError::Gone => Self::new(
                StatusCode::GONE,
                "gone",
                "It cannot be brought back any more",
                detail,
            ),
            CatalogError::AccountGone => Self::conflict(detail),
            CatalogError::Conflict { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "revision_conflict",
                "The stream was changed meanwhile",
                detail,
            ),
            CatalogError::TooMany { .. } => Self::new(
                StatusCode::CONFLICT,
                "too_many_streams",
                "There are too many streams",
                detail,
            ),
            CatalogError::AccountConflict { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "revision_conflict",
                "The account was changed meanwhile",
                detail,
            ),
            CatalogError::TooManyAccounts { .. } => Self::new(
                StatusCode::CONFLICT,
                "too_many_accounts",
                "There are too many accounts",
                detail,
            ),
            CatalogError::AccountInUse { named, .. } => {
                let title = "The account is in use";
                let mut problem = Self::new(StatusCode::CONFLICT, "account_in_use", title, detail);
                problem.streams = named;
                problem
            }
            CatalogError::Invalid(errors) => Self::invalid(errors),
            CatalogError::Store(cause) => {
                tracing::error!(error = %cause, "store failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_failed",
                    "The store failed",
                    "the change was not written; the log of the server has the cause",
                )
                .retry(Duration::from_secs(5))
            }
        }
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        let detail = error.to_string();
        match error {
            ViewError::NotFound => Self::not_found(detail),
            ViewError::Disabled => Self::new(
                StatusCode::CONFLICT,
                "stream_disabled",
                "The stream is disabled",
                detail,
            ),
            ViewError::Wish(wish) => of_wish(&wish, detail),
            ViewError::Refused(SessionRefused::PerClient { .. }) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_sessions",
                "Too many sessions of this client",
                detail,
            )
            .retry(Duration::from_secs(10)),
            ViewError::Refused(SessionRefused::Total { .. }) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "server_full",
                "The server has too many sessions",
                detail,
            )
            .retry(Duration::from_secs(10)),
            ViewError::Failed(cause) => of_failure(&cause),
            ViewError::Timeout { stage, cause, .. } => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "no_media_in_time",
                "No media came in time",
                detail,
            )
            .stage(stage, cause),
            ViewError::ProviderLimit {
                figures, position, ..
            } => {
                let title = "The provider's connections are in use";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let mut problem = Self::new(status, "provider_limit", title, detail);
                problem.account = Some(AccountQueue {
                    max_connections: figures.limit,
                    watched: figures.viewers,
                    waiting: figures.waiting,
                    position,
                });
                problem
                    .stage(Stage::Account, Cause::ProviderLimit)
                    .retry(Duration::from_secs(5))
            }
            ViewError::Broken { error, retry_after } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "transcode_suspended",
                "The stream cannot be converted for now",
                detail,
            )
            .stage(error.stage, error.cause)
            .retry(retry_after),
            ViewError::OutOfDescriptors => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "out_of_descriptors",
                "The server has too few file descriptors left",
                detail,
            )
            .retry(Duration::from_secs(5)),
            ViewError::QueueFull(figures) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "transcode_queue_full",
                "All transcodes are taken",
                detail,
            )
            .queue(figures, None),
            ViewError::QueueTimeout {
                figures, position, ..
            } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "transcode_queue_timeout",
                "All transcodes are taken",
                detail,
            )
            .queue(figures, Some(position)),
            ViewError::Ended => Self::new(
                StatusCode::GONE,
                "session_ended",
                "The session was ended",
                detail,
            ),
            ViewError::Stopping => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "stopping",
                "The stream or the server is stopping",
                detail,
            )
            .retry(Duration::from_secs(5)),
        }
    }
}

fn of_wish(wish: &PlanError, detail: String) -> Problem {
    match wish {
        PlanError::UnknownQuality { .. }
        | PlanError::Contradiction
        | PlanError::NoSuchAudio { .. } => Problem::bad_request(detail),
        PlanError::NoMedia => Problem::new(
            StatusCode::BAD_GATEWAY,
            "source_failed",
            "The source cannot be shown",
            detail,
        )
        .stage(Stage::Demux, Cause::NotMedia),
    }
}

fn of_failure(error: &IngestError) -> Problem {
    if error.cause == Cause::Overload {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "The server is short of memory",
            error.message.clone(),
        )
        .stage(error.stage, error.cause)
        .retry(Duration::from_secs(10));
    }
    if error.stage == Stage::Transcode {
        return Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "transcode_failed",
            "The stream could not be converted",
            error.message.clone(),
        )
        .stage(error.stage, error.cause);
    }
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "source_failed",
        "The source cannot be shown",
        error.message.clone(),
    )
    .stage(error.stage, error.cause)
}
