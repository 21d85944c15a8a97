//! Tries with passwords: slowed down when they fail, and counted. Tokens need no such thing: nobody guesses 256 bits.

use crate::actors::auth::AuthError;
use crate::auth::{Audited, Entry, Outcome};
use crate::base::clock;
use crate::http::AppState;
use crate::http::client::Client;
use crate::http::problem::Problem;
use crate::metrics;

use axum::http::StatusCode;

/// Lets a client try under a name, unless too many tries have failed.
pub(in crate::http) async fn guarded<T>(
    app: &AppState,
    client: Option<&Client>,
    name: &str,
    work: impl AsyncFnOnce() -> Result<T, AuthError>,
) -> Result<T, Problem> {
    let client = client.ok_or_else(Problem::internal)?;
    let name = name.trim().to_ascii_lowercase();
    let attempt = app.door.logins.attempt(client.id(), &name, clock::now());
    let attempt = attempt.map_err(|wait| {
        metrics::login("refused");
        Problem::from(wait)
    })?;
    match work().await {
        Ok(done) => {
            attempt.succeeded(clock::now());
            metrics::login("done");
            Ok(done)
        }
        Err(error @ AuthError::Wrong) => {
            drop(attempt);
            metrics::login("refused");
            refused_login(app, client, &name);
            Err(error.into())
        }
        Err(error) => {
            attempt.taken_back();
            metrics::login("failed");
            Err(error.into())
        }
    }
}

/// Writes down that somebody was not let in.
fn refused_login(app: &AppState, client: &Client, name: &str) {
    app.auth.audit(Entry {
        at: clock::wall(),
        sort: Audited::Login,
        who: "anonymous".to_owned(),
        address: Some(client.address.to_string()),
        action: "login".to_owned(),
        subject: Some(name.to_owned()),
        outcome: Outcome::Refused,
        status: Some(StatusCode::UNAUTHORIZED.as_u16()),
    });
}
