//! What the resources share that are kept as records: pages, entity tags, and writes that are never left half done.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::stream::Page;

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// How many to pass over.
    #[serde(default)]
    offset: usize,
    /// How many to list, 1 to 1000; 100 unless told.
    limit: Option<usize>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct List<T> {
    total: usize,
    offset: usize,
    limit: usize,
    items: Vec<T>,
}

impl PageParams {
    /// This page of the items.
    ///
    /// # Errors
    /// When the limit is out of its range.
    pub(super) fn of<T>(&self, items: impl IntoIterator<Item = T>) -> Result<List<T>, Problem> {
        let page = page(self.offset, self.limit)?;
        let (items, total) = page.of(items);
        Ok(List {
            total,
            offset: page.offset,
            limit: page.limit,
            items,
        })
    }
}

impl<T> List<T> {
    /// The same page, each item seen otherwise.
    pub(super) fn map<U>(self, view: impl FnMut(T) -> U) -> List<U> {
        List {
            total: self.total,
            offset: self.offset,
            limit: self.limit,
            items: self.items.into_iter().map(view).collect(),
        }
    }
}

/// The page that was asked for.
///
/// # Errors
/// When the limit is out of its range.
pub(super) fn page(offset: usize, told: Option<usize>) -> Result<Page, Problem> {
    let limit = limit(told)?;
    Ok(Page { offset, limit })
}

/// How many to list.
///
/// # Errors
/// When that is out of its range.
pub(super) fn limit(told: Option<usize>) -> Result<usize, Problem> {
    let limit = told.unwrap_or(Page::default().limit);
    if (1..=Page::MOST).contains(&limit) {
        return Ok(limit);
    }
    let text = format!("limit is {limit}; it is 1 to {}", Page::MOST);
    Err(Problem::bad_request(text))
}

/// A record, with its entity tag (RFC 9110, 8.8.3).
pub(super) fn tagged(etag: &str, view: impl Serialize) -> Response {
    let mut response = Json(view).into_response();
    if let Ok(tag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A record that was made, and the path where it is.
pub(super) fn created(etag: &str, view: impl Serialize, location: &str) -> Response {
    let mut response = tagged(etag, view);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Runs a write to its end even when the client goes away in the middle: what is on disk and what is in memory must
/// never differ.
pub(super) async fn to_the_end<T, E>(
    write: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    match tokio::spawn(write).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => {
            tracing::error!(%error, "write ended early");
            Err(Problem::internal())
        }
    }
}
