//! `/api/v1/tokens`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{All, created, mistake, not_stored};
use crate::actors::auth::AuthError;
use crate::auth::{Change, Refused, Scopes, Token, TokenId, TokenText, Who};
use crate::base::{clock, random};
use crate::http::AppState;
use crate::http::extract::{Body, Segments};
use crate::http::gate::Access;
use crate::http::problem::Problem;

/// The longest name of a token, characters.
const NAME_MAX: usize = 64;
/// The longest life, seconds: ten years.
const LIFE_MAX: u64 = 10 * 366 * 86_400;

/// A token as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView {
    /// Names it.
    id: TokenId,
    /// What it is for, in somebody's words.
    name: String,
    /// What it may do.
    scopes: Scopes,
    /// When it was made (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it.
    created_by: String,
    /// When it ends (RFC 3339, UTC); never, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was last used (RFC 3339, UTC); never, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// All tokens.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TokenList)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct TokenViewList {
    /// By id.
    items: Vec<TokenView>,
}

/// A token that was just made.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct NewToken {
    /// The token itself. It is shown this once.
    token: String,
    #[serde(flatten)]
    view: TokenView,
}

/// A token to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenDraft {
    /// What it is for: 1 to 64 printable characters.
    #[schema(example = "prometheus", min_length = 1, max_length = 64)]
    name: String,
    /// What it may do.
    scopes: Scopes,
    /// How long it is good for, seconds; for ever, when absent.
    #[schema(minimum = 1, maximum = 316_224_000)]
    expires_in: Option<u64>,
}

impl TokenView {
    fn new(app: &AppState, token: &Token) -> Self {
        let used = app.auth.last_use(&token.id);
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            scopes: token.scopes.clone(),
            created_at: token.created_at,
            created_by: token.created_by.clone(),
            expires_at: token.expires_at,
            last_used_at: used.and_then(|second| Timestamp::from_second(second).ok()),
        }
    }
}

/// Lists all tokens, without what makes them tokens.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "auth", responses((status = 200, body = TokenViewList)))]
pub(super) async fn list(Extract(app): Extract<Arc<AppState>>) -> Json<All<TokenView>> {
    let book = app.auth.book();
    let items = book.tokens().map(|token| TokenView::new(&app, token));
    Json(All {
        items: items.collect(),
    })
}

/// Makes a token. It is shown in the answer, and never again.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "auth", request_body = TokenDraft,
    responses((status = 201, body = NewToken), (status = 400, body = Problem), (status = 422, body = Problem),
        (status = 409, body = Problem, description = "There are too many, or there is no administrator yet"),
        (status = 503, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    access: Access,
    Body(draft): Body<TokenDraft>,
) -> Result<Response, Problem> {
    if access.principal.who == Who::Anybody && !app.auth.book().has_admin() {
        // It would shut out everybody, and nobody could let them in again.
        let text = "a token makes everybody say who they are: add an administrator first";
        return Err(Problem::conflict(text));
    }
    let name = draft.name.trim();
    let length = name.chars().count();
    if !(1..=NAME_MAX).contains(&length) || name.contains(char::is_control) {
        let allowed = format!("1 to {NAME_MAX} printable characters");
        return Err(mistake("/name", "is no name", allowed));
    }
    let now = clock::wall();
    let text = TokenText::new(random::bytes().map_err(AuthError::from)?);
    let token = Token {
        id: TokenId::new(random::bytes().map_err(AuthError::from)?),
        name: name.to_owned(),
        scopes: draft.scopes,
        digest: text.digest(),
        created_at: now,
        created_by: access.principal.name(),
        expires_at: draft.expires_in.map(|life| end(now, life)).transpose()?,
    };
    let view = TokenView::new(&app, &token);
    let location = format!("/api/v1/tokens/{}", token.id);
    app.auth.change(Change::AddToken(token)).await?;
    let token = text.as_str().to_owned();
    Ok(not_stored(created(NewToken { token, view }, &location)))
}

fn end(now: Timestamp, life: u64) -> Result<Timestamp, Problem> {
    let end = Some(life)
        .filter(|life| (1..=LIFE_MAX).contains(life))
        .and_then(|life| now.checked_add(Duration::from_secs(life)).ok());
    end.ok_or_else(|| {
        let allowed = format!("1 to {LIFE_MAX} seconds");
        mistake("/expires_in", "is out of range", allowed)
    })
}

/// Takes a token back, at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{tokenId}", tag = "auth",
    params(("tokenId" = String, Path, description = "The token's id")),
    responses((status = 204), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn remove(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    let id = TokenId::parse(&id);
    let id = id.ok_or_else(|| Problem::not_found(Refused::NoToken.to_string()))?;
    app.auth.change(Change::RemoveToken(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
