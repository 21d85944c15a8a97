//! Pictures that are kept: what a stream looked like when something was found to be wrong with it, or well again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::AppState;
use super::extract::{Segments, StreamPath, parse_id};
use super::history::unreadable;
use super::problem::Problem;
use crate::actors::catalog::CatalogError;
use crate::conditions::Kind;
use crate::history::Picture;

/// A picture of a stream.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StreamPicture)]
pub(super) struct PictureView {
    /// When the condition was raised or cleared (RFC 3339, UTC).
    #[schema(value_type = String, format = "date-time")]
    at: jiff::Timestamp,
    /// When the picture was seen: it is the newest that there was at that time. Of a stream that is down, it shows what
    /// was there before.
    #[schema(value_type = String, format = "date-time")]
    taken_at: jiff::Timestamp,
    /// The condition.
    condition: Kind,
    /// Whether it was raised then; else it was cleared.
    raised: bool,
    /// The path of the picture on this server.
    #[schema(example = "/api/v1/streams/news/pictures/17.jpg")]
    url: String,
}

/// The pictures of a stream.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StreamPictureList)]
pub(super) struct PictureList {
    /// Newest first; at most 24.
    items: Vec<PictureView>,
}

/// What a stream looked like when conditions were raised and cleared, newest first.
///
/// Pictures survive a restart. The oldest go: each stream keeps 24 at most, and all of them together
/// `MONITOR_PICTURES_SIZE`.
#[utoipa::path(get, path = "/api/v1/streams/{id}/pictures", tag = "history",
    params(("id" = String, Path, description = "Stream id")),
    responses((status = 200, body = PictureList), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
) -> Result<Json<PictureList>, Problem> {
    app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    let reader = app.hub.catalog.store().history();
    let found = reader.pictures(id.clone()).await.map_err(unreadable)?;
    let base = app.door.base_path();
    let view = |picture: Picture| PictureView {
        url: format!("{base}/api/v1/streams/{id}/pictures/{}.jpg", picture.number),
        at: picture.of.at,
        taken_at: picture.of.taken_at,
        condition: picture.of.condition,
        raised: picture.of.raised,
    };
    Ok(Json(PictureList {
        items: found.into_iter().map(view).collect(),
    }))
}

/// One of these pictures.
#[utoipa::path(get, path = "/api/v1/streams/{id}/pictures/{picture}", tag = "history",
    params(("id" = String, Path, description = "Stream id"),
        ("picture" = String, Path, description = "Its number and `.jpg`", example = "17.jpg")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn picture(
    Extract(app): Extract<Arc<AppState>>,
    Segments((id, name)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    let number = name.strip_suffix(".jpg").and_then(|n| n.parse().ok());
    let gone = || Problem::not_found("there is no such picture (any more)");
    let number = number.ok_or_else(gone)?;
    let reader = app.hub.catalog.store().history();
    let jpeg = reader.picture(id, number).await.map_err(unreadable)?;
    let jpeg = jpeg.ok_or_else(gone)?;
    let kind = HeaderValue::from_static("image/jpeg");
    // No other picture ever has this number.
    let keep = HeaderValue::from_static("private, max-age=86400, immutable");
    let fields = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)];
    Ok((fields, jpeg).into_response())
}
