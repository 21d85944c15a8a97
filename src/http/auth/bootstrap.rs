//! The first administrator of a server that was started without one.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::login::begin;
use crate::actors::auth::AuthError;
use crate::auth::{Audited, Entry, Outcome, Password, UserName};
use crate::base::clock;
use crate::http::AppState;
use crate::http::auth::me::MeView;
use crate::http::client::Client;
use crate::http::extract::Body;
use crate::http::problem::Problem;
use crate::metrics;

/// The one-time token, and who is to be the first administrator.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct First {
    /// As the server printed it when it was started.
    #[schema(format = Password)]
    token: String,
    /// The administrator's name.
    name: UserName,
    /// Their password: 12 characters at least.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// Makes the first administrator, and logs them in. Works once, within an hour of the start, with the one-time token that
/// the server printed.
#[utoipa::path(post, path = "/api/v1/bootstrap", tag = "auth", request_body = First,
    responses((status = 200, body = MeView), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn bootstrap(
    Extract(app): Extract<Arc<AppState>>,
    client: Client,
    Body(first): Body<First>,
) -> Result<Response, Problem> {
    let First {
        token,
        name,
        password,
    } = first;
    let now = (clock::now(), clock::wall());
    let made = app
        .auth
        .bootstrap(&token, name.clone(), password.clone(), now);
    let made = made.await;
    let outcome = if made.is_ok() {
        Outcome::Done
    } else {
        Outcome::Refused
    };
    metrics::login(outcome.as_str());
    if !matches!(made, Err(AuthError::Password(_))) {
        app.auth.audit(Entry {
            at: now.1,
            sort: Audited::Login,
            who: "bootstrap".to_owned(),
            address: Some(client.address.to_string()),
            action: "bootstrap".to_owned(),
            subject: Some(name.to_string()),
            outcome,
            status: Some(
                if made.is_ok() {
                    StatusCode::OK
                } else {
                    StatusCode::FORBIDDEN
                }
                .as_u16(),
            ),
        });
    }
    made?;
    tracing::info!("the first administrator was made; the one-time token is good no more");
    begin(&app, &client, name.as_str(), password).await
}
