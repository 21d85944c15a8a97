//! `/api/v1/keys`: what URLs are signed with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};

use super::All;
use crate::auth::KeyId;
use crate::base::clock;
use crate::http::AppState;
use crate::http::extract::Body;
use crate::http::problem::Problem;

/// A key as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SigningKey)]
pub(super) struct KeyView {
    /// Names it, in URLs.
    id: KeyId,
    /// When it was made (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// Whether URLs are signed with it now; those of the others are still good.
    current: bool,
}

/// All keys.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SigningKeyList)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct KeyViewList {
    /// The newest first.
    items: Vec<KeyView>,
}

/// How to go over to a new key.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// Forget the earlier keys: all URLs that were ever signed are good no more.
    #[serde(default)]
    forget: bool,
}

/// Lists the keys that URLs are signed with, without what makes them keys.
#[utoipa::path(get, path = "/api/v1/keys", tag = "auth", responses((status = 200, body = KeyViewList)))]
pub(super) async fn list(Extract(app): Extract<Arc<AppState>>) -> Json<All<KeyView>> {
    let book = app.auth.book();
    let keys = book.keys().keys().iter().enumerate();
    let items = keys.map(|(at, key)| KeyView {
        id: key.id,
        created_at: key.created_at,
        current: at == 0,
    });
    Json(All {
        items: items.collect(),
    })
}

/// Makes a new key the one that URLs are signed with.
///
/// Those signed before stay good until they end, with the last four keys; unless those are to be forgotten.
#[utoipa::path(post, path = "/api/v1/keys/rotate", tag = "auth", request_body = Rotation,
    responses((status = 200, body = KeyViewList), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn rotate(
    app: Extract<Arc<AppState>>,
    Body(rotation): Body<Rotation>,
) -> Result<Json<All<KeyView>>, Problem> {
    app.auth.rotate(rotation.forget, clock::wall()).await?;
    Ok(list(app).await)
}
