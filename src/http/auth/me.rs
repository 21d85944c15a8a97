//! About who asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::login::begin;
use super::mistake;
use crate::auth::{Password, Permission, Principal, Role, Scopes, Who};
use crate::base::clock;
use crate::http::AppState;
use crate::http::client::Client;
use crate::http::extract::Body;
use crate::http::gate::{Access, guarded};
use crate::http::problem::Problem;

/// What somebody is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MeKind)]
pub(super) enum Kind {
    /// Anybody: this server asks nobody who they are.
    Anybody,
    /// A user.
    User,
    /// A program with a token.
    Token,
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Me)]
pub(super) struct MeView {
    /// Whether one must say who one is here.
    authentication: bool,
    /// What they are.
    kind: Kind,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The role of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// The scopes of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Scopes>,
    /// What they may do.
    permissions: Vec<Permission>,
}

impl MeView {
    pub(super) fn new(app: &AppState, principal: &Principal) -> Self {
        let (kind, name, role, scopes) = match &principal.who {
            Who::User { name, role } => (Kind::User, Some(name.to_string()), Some(*role), None),
            Who::Token { name, scopes, .. } => {
                (Kind::Token, Some(name.clone()), None, Some(scopes.clone()))
            }
            Who::Anybody | Who::Anonymous | Who::Signed { .. } => (Kind::Anybody, None, None, None),
        };
        let permissions = Permission::ALL.into_iter();
        Self {
            authentication: app.auth.is_on(),
            kind,
            name,
            role,
            scopes,
            permissions: permissions
                .filter(|one| app.auth.may(principal, *one))
                .collect(),
        }
    }
}

/// Who asks, and what they may do.
#[utoipa::path(get, path = "/api/v1/me", tag = "auth", responses((status = 200, body = MeView)))]
pub(super) async fn me(Extract(app): Extract<Arc<AppState>>, access: Access) -> Json<MeView> {
    Json(MeView::new(&app, &access.principal))
}

/// A user's old password and the new one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChange {
    /// The password until now.
    #[schema(value_type = String, format = Password)]
    old: Password,
    /// The password from now on: 12 characters at least.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// Changes one's own password. All sessions of the user end; this one goes on under a new cookie.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "auth", request_body = PasswordChange,
    responses((status = 200, body = MeView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 409, body = Problem, description = "One is no user"), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn password(
    Extract(app): Extract<Arc<AppState>>,
    client: Client,
    access: Access,
    Body(change): Body<PasswordChange>,
) -> Result<Response, Problem> {
    let Who::User { name, .. } = &access.principal.who else {
        return Err(Problem::conflict("only users have a password"));
    };
    let PasswordChange { old, password } = change;
    if old == password {
        return Err(mistake("/password", "is the old one", "another password"));
    }
    // Who has found an open page shall not guess here, either.
    guarded(&app, Some(&client), name.as_str(), async || {
        let verified = app.auth.by_password(name.as_str(), old, clock::now());
        verified.await.map(drop)
    })
    .await?;
    let new = Some(password.clone());
    let changed = app.auth.change_user(name.clone(), None, new, clock::wall());
    changed.await?;
    begin(&app, &client, name.as_str(), password).await
}
