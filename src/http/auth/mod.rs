//! Who is let in: logging in and out, users, tokens, keys, signed URLs, the audit log.

mod audit;
mod bootstrap;
mod keys;
mod login;
mod me;
mod playback;
mod tokens;
mod users;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::problem::Problem;
use crate::actors::auth::AuthError;
use crate::actors::catalog::CatalogError;
use crate::auth::{PasswordError, Refused};
use crate::stream::Invalid;

pub(super) use playback::Signer;

/// All of them.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(login::log_in))
        .routes(routes!(login::log_out))
        .routes(routes!(bootstrap::bootstrap))
        .routes(routes!(me::me))
        .routes(routes!(me::password))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::read, users::patch, users::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::remove))
        .routes(routes!(keys::list))
        .routes(routes!(keys::rotate))
        .routes(routes!(playback::stream))
        .routes(routes!(playback::playlist))
        .routes(routes!(audit::list))
}

/// All of something.
#[derive(Clone, Debug, Serialize)]
struct All<T> {
    items: Vec<T>,
}

/// One that was made, and where it is.
fn created(view: impl Serialize, location: &str) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(view)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// What was shown once is not to be kept on the way.
fn not_stored(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

fn mistake(pointer: &str, problem: impl Into<String>, allowed: impl Into<String>) -> Problem {
    Problem::invalid(vec![Invalid {
        pointer: pointer.to_owned(),
        problem: problem.into(),
        allowed: allowed.into(),
    }])
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        let conflict = |code, title| Self::new(StatusCode::CONFLICT, code, title, detail.clone());
        match error {
            AuthError::Refused(Refused::NoUser | Refused::NoToken) => Self::not_found(detail),
            AuthError::Refused(Refused::UserExists | Refused::TokenExists) => {
                conflict("exists", "The id is taken")
            }
            AuthError::Refused(Refused::LastAdmin) => {
                conflict("last_admin", "Nobody could let others in any more")
            }
            AuthError::Refused(Refused::TooMany(_)) => conflict("too_many", "There are too many"),
            AuthError::Password(PasswordError::Hashing)
            | AuthError::NoRandomness(_)
            | AuthError::Failed => {
                tracing::error!(error = detail, "somebody could not be let in");
                Self::internal()
            }
            AuthError::Password(_) => mistake("/password", "cannot be used", detail),
            AuthError::Wrong => Self::new(
                StatusCode::UNAUTHORIZED,
                "wrong_credentials",
                "Name or password are wrong",
                detail,
            ),
            AuthError::NoBootstrap => Self::new(
                StatusCode::FORBIDDEN,
                "no_bootstrap",
                "The one-time token is not good",
                detail,
            ),
            AuthError::Busy => Self::busy("too_many_logins", "Too many log in", detail),
            AuthError::Store(error) => CatalogError::Store(error).into(),
        }
    }
}
