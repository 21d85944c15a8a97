//! `/api/v1/accounts`: provider accounts, whose secrets go in and never come out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::AppState;
use super::extract::{Body, Params, Segments, if_match};
use super::problem::Problem;
use super::records::{self, PageParams, to_the_end};
use crate::accounts::Figures;
use crate::actors::catalog::CatalogError;
use crate::stream::{
    Account, AccountCredentials, AccountDraft, AccountId, AccountRecord, Invalid, Secret,
};

/// An account as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    /// The id, unique among accounts.
    id: AccountId,
    /// The name that people see.
    name: String,
    /// The most connections that the provider allows at a time.
    #[schema(minimum = 1, maximum = 1000)]
    max_connections: usize,
    /// How long the provider may count a connection that has ended, in milliseconds; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    release_ms: Option<u64>,
    /// How sources that name the account log in, unless they say it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<CredentialsView>,
    /// Its connections now.
    connections: ConnectionsView,
    /// Grows with each change. Sets the `ETag`.
    revision: u64,
    /// When it was first stored (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// When it was last changed (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    updated_at: jiff::Timestamp,
}

/// How to log in, without the secret.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = AccountCredentials)]
pub(super) enum CredentialsView {
    /// RFC 7617 (or Digest, where the protocol has it).
    Basic {
        /// The user name.
        username: String,
        /// That there is a password.
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<SecretView>,
        /// The file that it is in.
        #[serde(skip_serializing_if = "Option::is_none")]
        password_file: Option<String>,
    },
    /// RFC 6750.
    Bearer {
        /// That there is a token.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<SecretView>,
        /// The file that it is in.
        #[serde(skip_serializing_if = "Option::is_none")]
        token_file: Option<String>,
    },
}

/// A secret that is not shown. Sent back as it is, it stays what it was.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretView {
    /// Whether there is one.
    set: bool,
}

/// The connections of an account.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ConnectionsView {
    /// Taken: open ones, and those that the provider may still count.
    in_use: usize,
    /// Of the open ones, those that somebody watches.
    watched: usize,
    /// Pulls that wait for one.
    waiting: usize,
    /// The most.
    limit: usize,
}

/// A page of accounts.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "the description of a list")]
pub(super) struct AccountList {
    /// How many there are.
    total: usize,
    /// Where this page begins.
    offset: usize,
    /// The most that a page like this holds.
    limit: usize,
    /// The accounts, by id.
    items: Vec<AccountView>,
}

impl AccountView {
    fn new(app: &AppState, record: &AccountRecord) -> Self {
        let Account {
            id,
            name,
            max_connections,
            release_ms,
            credentials,
        } = record.account.clone();
        Self {
            connections: app.hub.accounts().figures(&id).into(),
            id,
            name,
            max_connections,
            release_ms,
            credentials: credentials.map(CredentialsView::from),
            revision: record.revision,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

impl From<Figures> for ConnectionsView {
    fn from(figures: Figures) -> Self {
        Self {
            in_use: figures.in_use,
            watched: figures.viewers,
            waiting: figures.waiting,
            limit: figures.limit,
        }
    }
}

impl From<AccountCredentials> for CredentialsView {
    fn from(credentials: AccountCredentials) -> Self {
        let hidden = |secret| match secret {
            Secret::Text(text) => (
                Some(SecretView {
                    set: !text.is_empty(),
                }),
                None,
            ),
            Secret::File(name) => (None, Some(name)),
        };
        match credentials {
            AccountCredentials::Basic { username, password } => {
                let (password, password_file) = hidden(password);
                Self::Basic {
                    username,
                    password,
                    password_file,
                }
            }
            AccountCredentials::Bearer { token } => {
                let (token, token_file) = hidden(token);
                Self::Bearer { token, token_file }
            }
        }
    }
}

fn answer(app: &AppState, record: &AccountRecord) -> Response {
    records::tagged(&record.etag(), AccountView::new(app, record))
}

/// What cannot be an id is an account that is not there.
fn parse_id(text: &str) -> Result<AccountId, Problem> {
    AccountId::parse(text).map_err(|_| CatalogError::AccountNotFound.into())
}

/// Lists accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(PageParams),
    responses((status = 200, body = AccountList), (status = 400, body = Problem)))]
pub(super) async fn list(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let all = app.hub.catalog.accounts();
    let page = params.of(all.values())?;
    Ok(Json(page.map(|record| AccountView::new(&app, record))).into_response())
}

/// Adds an account.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = AccountDraft,
    responses((status = 201, body = AccountView), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    Extract(app): Extract<Arc<AppState>>,
    Body(draft): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    let hub = Arc::clone(&app.hub);
    let record = to_the_end(async move {
        let make = |all: &crate::actors::catalog::Accounts| {
            Account::define(draft, None, |id| all.contains_key(id))
        };
        let record = hub.catalog.add_account(make).await?;
        hub.accounts_changed();
        Ok::<_, CatalogError>(record)
    })
    .await?;
    tracing::info!(account = %record.account.id, "account added");
    let location = format!("/api/v1/accounts/{}", record.account.id);
    let view = AccountView::new(&app, &record);
    Ok(records::created(&record.etag(), view, &location))
}

/// One account.
///
/// The entity tag is for writes (`If-Match`): it names the definition, not the connections of now.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "Account id")),
    responses((status = 200, body = AccountView), (status = 404, body = Problem)))]
pub(super) async fn read(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
) -> Result<Response, Problem> {
    let record = app.hub.catalog.account(&parse_id(&id)?);
    let record = record.ok_or(CatalogError::AccountNotFound)?;
    Ok(answer(&app, &record))
}

/// Replaces an account's definition.
///
/// A secret that is left out, or is `{"set": true}` as an answer shows it, stays as it is; without
/// `credentials` it is gone. Connections keep to a new limit at once: those beyond it are ended.
#[utoipa::path(put, path = "/api/v1/accounts/{id}", tag = "accounts", request_body = AccountDraft,
    params(("id" = String, Path, description = "Account id"),
        ("If-Match" = Option<String>, Header, description = "Write only if the account has this entity tag")),
    responses((status = 200, body = AccountView), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn replace(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(draft): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old| {
        Account::define(draft, Some(old), |_| false)
    })
    .await
}

/// Changes parts of an account's definition: a JSON merge patch (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/accounts/{id}", tag = "accounts",
    request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("id" = String, Path, description = "Account id"),
        ("If-Match" = Option<String>, Header, description = "Write only if the account has this entity tag")),
    responses((status = 200, body = AccountView), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn patch(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Body(patch): Body<serde_json::Value>,
) -> Result<Response, Problem> {
    change(app, &id, &headers, move |old| old.patched(&patch)).await
}

async fn change(
    app: Arc<AppState>,
    id: &str,
    headers: &HeaderMap,
    make: impl FnOnce(&Account) -> Result<Account, Vec<Invalid>> + Send + 'static,
) -> Result<Response, Problem> {
    let (id, expect) = (parse_id(id)?, if_match(headers)?);
    let hub = Arc::clone(&app.hub);
    let record = to_the_end(async move {
        let record = hub.catalog.change_account(&id, &expect, make).await?;
        hub.accounts_changed();
        Ok::<_, CatalogError>(record)
    })
    .await?;
    Ok(answer(&app, &record))
}

/// Removes an account that no stream names.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "Account id"),
        ("If-Match" = Option<String>, Header, description = "Remove only if the account has this entity tag")),
    responses((status = 204), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Streams name it; `streams` lists the first of them"),
        (status = 412, body = Problem)))]
pub(super) async fn remove(
    Extract(app): Extract<Arc<AppState>>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (id, expect) = (parse_id(&id)?, if_match(&headers)?);
    let hub = Arc::clone(&app.hub);
    to_the_end(async move {
        hub.catalog.remove_account(&id, &expect).await?;
        hub.accounts_changed();
        tracing::info!(account = %id, "account removed");
        Ok::<_, CatalogError>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
