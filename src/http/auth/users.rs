//! `/api/v1/users`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{All, created};
use crate::auth::{Change, Password, Refused, Role, User, UserName};
use crate::base::clock;
use crate::http::AppState;
use crate::http::extract::{Body, Segments};
use crate::http::problem::Problem;

/// A user as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub(super) struct UserView {
    /// The name.
    name: UserName,
    /// What they may do.
    role: Role,
    /// When they were added (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// When they were changed last (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    updated_at: jiff::Timestamp,
}

/// All users.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UserList)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct UserViewList {
    /// By name.
    items: Vec<UserView>,
}

/// A user to be added.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserDraft {
    /// The name.
    name: UserName,
    /// What they may do.
    role: Role,
    /// Their password: 12 characters at least.
    #[schema(value_type = String, format = Password, min_length = 12)]
    password: Password,
}

/// What is to change of a user.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserPatch {
    /// What they may do from now on.
    role: Option<Role>,
    /// Their password from now on; all their sessions end.
    #[schema(value_type = Option<String>, format = Password, min_length = 12)]
    password: Option<Password>,
}

impl UserView {
    fn new(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Lists all users.
#[utoipa::path(get, path = "/api/v1/users", tag = "auth", responses((status = 200, body = UserViewList)))]
pub(super) async fn list(Extract(app): Extract<Arc<AppState>>) -> Json<All<UserView>> {
    let book = app.auth.book();
    let items = book.users().map(|user| UserView::new(user)).collect();
    Json(All { items })
}

/// Adds a user. The first one is an administrator; from then on everybody must say who they are.
#[utoipa::path(post, path = "/api/v1/users", tag = "auth", request_body = UserDraft,
    responses((status = 201, body = UserView), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    Body(draft): Body<UserDraft>,
) -> Result<Response, Problem> {
    let UserDraft {
        name,
        role,
        password,
    } = draft;
    let added = app
        .auth
        .add_user(name.clone(), role, password, clock::wall());
    added.await?;
    let location = format!("/api/v1/users/{name}");
    Ok(created(find(&app, &name)?, &location))
}

/// One user.
#[utoipa::path(get, path = "/api/v1/users/{name}", tag = "auth",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, body = UserView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(name): Segments<String>,
) -> Result<Json<UserView>, Problem> {
    find(&app, &parse(&name)?).map(Json)
}

/// Changes the role or the password of a user.
#[utoipa::path(patch, path = "/api/v1/users/{name}", tag = "auth", request_body = UserPatch,
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, body = UserView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "There would be no administrator"),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn patch(
    Extract(app): Extract<Arc<AppState>>,
    Segments(name): Segments<String>,
    Body(patch): Body<UserPatch>,
) -> Result<Json<UserView>, Problem> {
    let name = parse(&name)?;
    // Nothing is hashed for nobody.
    find(&app, &name)?;
    let UserPatch { role, password } = patch;
    let changed = app
        .auth
        .change_user(name.clone(), role, password, clock::wall());
    changed.await?;
    find(&app, &name).map(Json)
}

/// Removes a user; all their sessions end.
#[utoipa::path(delete, path = "/api/v1/users/{name}", tag = "auth",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 204), (status = 404, body = Problem), (status = 503, body = Problem),
        (status = 409, body = Problem, description = "There would be no administrator")))]
pub(super) async fn remove(
    Extract(app): Extract<Arc<AppState>>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let change = Change::RemoveUser(parse(&name)?);
    app.auth.change(change).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(name: &str) -> Result<UserName, Problem> {
    // What cannot be a name is nobody's.
    UserName::parse(name).ok_or_else(|| Problem::not_found(Refused::NoUser.to_string()))
}

fn find(app: &AppState, name: &UserName) -> Result<UserView, Problem> {
    let book = app.auth.book();
    let user = book.user(name).map(|user| UserView::new(user));
    user.ok_or_else(|| Problem::not_found(Refused::NoUser.to_string()))
}
