//! Logging in and out.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::me::MeView;
use super::not_stored;
use crate::auth::{Audited, Digest, Entry, Outcome, Password};
use crate::base::clock;
use crate::http::AppState;
use crate::http::client::Client;
use crate::http::extract::Body;
use crate::http::gate::{cookie, guarded, session_keys};
use crate::http::problem::Problem;

/// Who logs in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// The user's name.
    #[schema(example = "ada")]
    name: String,
    /// Their password.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// Logs in: sets the cookie of a session. For pages; programs have tokens.
#[utoipa::path(post, path = "/api/v1/login", tag = "auth", request_body = Login,
    responses((status = 200, body = MeView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn log_in(
    Extract(app): Extract<Arc<AppState>>,
    client: Client,
    Body(login): Body<Login>,
) -> Result<Response, Problem> {
    let Login { name, password } = login;
    begin(&app, &client, &name, password).await
}

/// Begins a session, and answers with its cookie.
pub(super) async fn begin(
    app: &AppState,
    client: &Client,
    name: &str,
    password: Password,
) -> Result<Response, Problem> {
    let (key, principal) = guarded(app, Some(client), name, async || {
        app.auth.log_in(name, password, clock::now()).await
    })
    .await?;
    app.auth.audit(Entry {
        at: clock::wall(),
        sort: Audited::Login,
        who: principal.name(),
        address: Some(client.address.to_string()),
        action: "login".to_owned(),
        subject: None,
        outcome: Outcome::Done,
        status: Some(StatusCode::OK.as_u16()),
    });
    let view = MeView::new(app, &principal);
    let mut response = axum::Json(view).into_response();
    let age = app.auth.settings().lifetimes.age;
    let cookie = cookie(
        Some(key.as_str()),
        app.door.cookie_path(),
        client.https,
        age,
    );
    let cookie = cookie.ok_or_else(Problem::internal)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(not_stored(response))
}

/// Ends the session that the cookie names, and removes the cookie.
#[utoipa::path(post, path = "/api/v1/logout", tag = "auth", responses((status = 204)))]
pub(super) async fn log_out(
    Extract(app): Extract<Arc<AppState>>,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    for key in session_keys(&headers) {
        app.auth.log_out(&Digest::of(key.as_bytes()));
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cookie = cookie(
        None,
        app.door.cookie_path(),
        client.https,
        std::time::Duration::ZERO,
    );
    let cookie = cookie.ok_or_else(Problem::internal)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
