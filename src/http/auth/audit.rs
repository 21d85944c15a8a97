//! `/api/v1/audit`: what was done, by whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};

use crate::actors::catalog::CatalogError;
use crate::auth::{Audited, Entry};
use crate::http::AppState;
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::store::{AuditQuery, Numbered};
use crate::stream::Page;

/// Which entries.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParams {
    /// Those before this number: `next` of the page before.
    before: Option<u64>,
    /// Of this sort only.
    #[param(inline)]
    sort: Option<Audited>,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = NumberedAuditEntry)]
pub(super) struct EntryView {
    /// Grows from entry to entry.
    number: u64,
    #[serde(flatten)]
    entry: Entry,
}

/// Some entries of the audit log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct AuditPage {
    /// The newest first.
    items: Vec<EntryView>,
    /// What to ask for `before` to read on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// The audit log: changes and logins, whether they were done or not, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "auth", params(AuditParams),
    responses((status = 200, body = AuditPage), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<AuditParams>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = params.limit.unwrap_or(Page::default().limit);
    if !(1..=Page::MOST).contains(&limit) {
        let text = format!("limit is {limit}; it is 1 to {}", Page::MOST);
        return Err(Problem::bad_request(text));
    }
    let query = AuditQuery {
        before: params.before,
        sort: params.sort,
        limit,
    };
    let found = app.auth.store().audited(query).await;
    let found = found.map_err(CatalogError::Store)?;
    let next = found.last().filter(|_| found.len() == limit);
    let next = next.map(|one| one.number);
    let view = |Numbered { number, entry }| EntryView { number, entry };
    Ok(Json(AuditPage {
        items: found.into_iter().map(view).collect(),
        next,
    }))
}
