//! Live updates for those who come and ask: `GET /api/v1/streams?since=`.

use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::{Wish, no_answer};
use crate::http::AppState;
use crate::http::problem::Problem;
use crate::metrics;

/// The query, if it is one of somebody who polls.
pub(in crate::http) fn query(uri: &Uri) -> Option<&str> {
    let query = uri.query()?;
    let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    names.any(|name| name == "since").then_some(query)
}

/// What is new, for this query.
pub(in crate::http) async fn answer(app: &AppState, query: &str) -> Result<Response, Problem> {
    let wish = Wish::parse(query)?;
    let message = app.live.poll(wish.filter, wish.since.as_deref()).await;
    let message = message.ok_or_else(no_answer)?;
    metrics::live_message();
    let head = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((head, message.json()).into_response())
}
