//! `/api/v1/alerts`: what is raised, and who is told of it.

mod active;
mod maintenance;
mod outbox;
mod receivers;
mod rules;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::problem::Problem;
use super::records;
use crate::actors::alerts::AlertingError;
use crate::alerts::{Kept, Named};

/// All of them.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(active::list))
        .routes(routes!(active::acknowledge, active::take_back))
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(
            rules::read,
            rules::replace,
            rules::patch,
            rules::remove
        ))
        .routes(routes!(receivers::list, receivers::create))
        .routes(routes!(
            receivers::read,
            receivers::replace,
            receivers::patch,
            receivers::remove
        ))
        .routes(routes!(maintenance::list, maintenance::create))
        .routes(routes!(
            maintenance::read,
            maintenance::replace,
            maintenance::patch,
            maintenance::remove
        ))
        .routes(routes!(outbox::list))
        .routes(routes!(outbox::retry_all))
        .routes(routes!(outbox::read, outbox::remove))
        .routes(routes!(outbox::retry))
        .routes(routes!(outbox::sent))
        .routes(routes!(outbox::test))
}

/// What a record has beside what it holds.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AlertingRecord)]
struct About {
    /// It comes from the configuration, and is changed there.
    built_in: bool,
    /// Grows with each change. Sets the `ETag`.
    revision: u64,
    /// When it was first stored (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// When it was last changed (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    updated_at: jiff::Timestamp,
}

impl About {
    fn new<T: Named>(app: &AppState, kept: &Arc<Kept<T>>) -> Self {
        Self {
            built_in: app.alerts.is_built_in(kept),
            revision: kept.revision,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }
    }
}

/// One of them, with its entity tag.
fn answer<T>(kept: &Kept<T>, view: impl Serialize) -> Response {
    records::tagged(&kept.etag(), view)
}

/// One that was made, and where it is.
fn created<T: Named>(kept: &Kept<T>, view: impl Serialize, path: &str) -> Response {
    let location = format!("/api/v1/alerts/{path}/{}", kept.item.id());
    records::created(&kept.etag(), view, &location)
}

impl From<AlertingError> for Problem {
    fn from(error: AlertingError) -> Self {
        let detail = error.to_string();
        match error {
            AlertingError::NotFound { .. } => Self::not_found(detail),
            AlertingError::Exists { .. } => {
                Self::new(StatusCode::CONFLICT, "exists", "The id is taken", detail)
            }
            AlertingError::Conflict { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "revision_conflict",
                "It was changed meanwhile",
                detail,
            ),
            AlertingError::TooMany { .. } => Self::new(
                StatusCode::CONFLICT,
                "too_many",
                "There are too many",
                detail,
            ),
            AlertingError::InUse { .. } => Self::new(
                StatusCode::CONFLICT,
                "receiver_in_use",
                "The receiver is in use",
                detail,
            ),
            AlertingError::BuiltIn { .. } => Self::new(
                StatusCode::CONFLICT,
                "built_in",
                "It comes from the configuration",
                detail,
            ),
            AlertingError::Invalid(errors) => Self::invalid(errors),
            AlertingError::Store(error) => {
                crate::actors::catalog::CatalogError::Store(error).into()
            }
        }
    }
}
