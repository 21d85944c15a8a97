//! The gate before every route: who asks, and may they?

mod attempt;
mod credentials;
mod describe;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::client::Client;
use super::problem::Problem;
use crate::actors::auth::Auth;
use crate::actors::sessions::Viewer;
use crate::auth::{
    Audited, Digest, Entry as AuditEntry, Outcome, Permission, Place, Principal, Ticket,
};
use crate::base::clock;
use crate::metrics;

pub(super) use attempt::guarded;
pub(super) use credentials::{cookie, session_keys};
pub(super) use describe::describe;

/// What takes long is looked at again after this long.
const LOOKED: Duration = Duration::from_secs(5);

/// Who asks, for handlers.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// Who.
    pub(super) principal: Arc<Principal>,
    /// Their session, if they have one.
    session: Option<Digest>,
    /// The signature that let them in, if one did.
    pub(super) ticket: Option<Arc<Ticket>>,
}

impl Access {
    /// That they may do more than the route wants of everybody.
    ///
    /// # Errors
    /// 403.
    pub(super) fn require(&self, app: &AppState, wanted: Permission) -> Result<(), Problem> {
        if app.auth.may(&self.principal, wanted) {
            return Ok(());
        }
        metrics::refusal("forbidden");
        Err(forbidden(wanted))
    }

    /// Them as somebody who watches, from where they ask.
    pub(super) fn viewer(&self, client: &Client, agent: Option<&HeaderValue>) -> Viewer {
        Viewer {
            name: self.principal.name(),
            address: client.address,
            user_agent: agent.and_then(|v| v.to_str().ok()).map(str::to_owned),
        }
    }
}

/// The right to go on with what takes long: somebody who was let in may be shut out meanwhile.
#[derive(Debug)]
pub(super) struct Pass {
    auth: Auth,
    access: Access,
    wanted: Permission,
    looked: Instant,
}

impl Pass {
    /// Of somebody who was let in now.
    pub(super) fn new(app: &AppState, access: Access, wanted: Permission) -> Self {
        Self {
            auth: app.auth.clone(),
            access,
            wanted,
            looked: clock::now(),
        }
    }

    /// Whether they may go on. It is looked at now and then, however often it is asked for.
    pub(super) fn holds(&mut self) -> bool {
        let now = clock::now();
        if now.saturating_duration_since(self.looked) < LOOKED {
            return true;
        }
        self.looked = now;
        let Access {
            principal, session, ..
        } = &self.access;
        let now = (now, clock::wall());
        self.auth
            .still(principal, session.as_ref(), self.wanted, now)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let access = parts.extensions.get::<Self>().cloned();
        access.ok_or_else(Problem::internal)
    }
}

/// Why somebody is not let in.
#[derive(Debug)]
enum Refusal {
    /// They have not said who they are, or it is not true.
    Unauthenticated(&'static str),
    /// They may not.
    Forbidden(Permission),
    /// Their URL is not (or no longer) good.
    Url(crate::auth::Fault),
    /// Nobody has said who may.
    Closed,
    /// Something else.
    Other(Box<Problem>),
}

/// Lets a request through to its route, or refuses it; and has what it was to change written down.
pub(super) async fn gate(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let template = parts.extensions.get::<MatchedPath>().cloned();
    let Some(template) = template else {
        // There is nothing there, which is all that is told.
        return next.run(Request::from_parts(parts, body)).await;
    };
    let template = template.as_str();
    // Served by no handler: it is asked for by browsers, without credentials, before what it is about.
    if parts.method == Method::OPTIONS {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let entry = table::entry(template, &parts.method);
    let wanted = match entry {
        table::Entry::Wants(wanted) => wanted,
        // To be told that the method is wrong one must be somebody.
        table::Entry::OtherMethod => Permission::Own,
        table::Entry::Missing => return refuse(Refusal::Closed, template),
    };
    let path = path_values(&mut parts).await;
    let found = credentials::find(&app, &mut parts, template, &path, wanted).await;
    let (access, refusal) = match found {
        Err(refusal) => return refuse(refusal, template),
        Ok(access) if app.auth.may(&access.principal, wanted) => (access, None),
        Ok(access) if access.principal.is_known() => (access, Some(Refusal::Forbidden(wanted))),
        Ok(_) => {
            let refusal = Refusal::Unauthenticated("this is for who has logged in, or has a token");
            return refuse(refusal, template);
        }
    };
    // Who logs in says so by a name that only the route knows.
    let changes = !matches!(parts.method, Method::GET | Method::HEAD)
        && wanted != Permission::Public
        && matches!(entry, table::Entry::Wants(_));
    let audited = changes.then(|| Audit::begin(&app, &parts, template, &access, &path));
    parts.extensions.insert(access);
    let mut response = match refusal {
        Some(refusal) => refuse(refusal, template),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    if app.auth.is_on() && wanted != Permission::Public {
        // What was shown to one is not for who asks a cache next.
        let private = HeaderValue::from_static("private, no-cache");
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert(private);
    }
    if let Some(audit) = audited {
        audit.end(&response);
    }
    response
}

/// The variable parts of the path.
async fn path_values(parts: &mut Parts) -> Vec<String> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.iter().flat_map(RawPathParams::iter);
    params.map(|(_, value)| value.to_owned()).collect()
}

/// Part of an answer to something that everybody does all the time with what is theirs: it is not written down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Everyday;

/// What is written down of a change; also when who asked goes away before it is known what came of it.
struct Audit {
    auth: Auth,
    entry: Option<AuditEntry>,
}

impl Audit {
    fn begin(
        app: &AppState,
        parts: &Parts,
        template: &str,
        access: &Access,
        path: &[String],
    ) -> Self {
        let client = parts.extensions.get::<Client>();
        let entry = AuditEntry {
            at: clock::wall(),
            sort: Audited::Change,
            who: access.principal.name(),
            address: client.map(|client| client.address.to_string()),
            action: format!("{} {template}", parts.method),
            subject: (!path.is_empty()).then(|| path.join(" ")),
            outcome: Outcome::Unknown,
            status: None,
        };
        Self {
            auth: app.auth.clone(),
            entry: Some(entry),
        }
    }

    fn end(mut self, response: &Response) {
        if response.extensions().get::<Everyday>().is_some() {
            self.entry = None;
            return;
        }
        let status = response.status();
        // What was made is named by where it is.
        let location = response.headers().get(header::LOCATION);
        let made = location.filter(|_| status == StatusCode::CREATED);
        let made = made.and_then(|location| location.to_str().ok()?.rsplit('/').next());
        if let Some(entry) = &mut self.entry {
            entry.outcome = Outcome::of(status.as_u16());
            entry.status = Some(status.as_u16());
            if entry.subject.is_none() {
                entry.subject = made.map(str::to_owned);
            }
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.auth.audit(entry);
        }
    }
}

fn refuse(refusal: Refusal, template: &str) -> Response {
    match refusal {
        Refusal::Unauthenticated(text) => {
            metrics::refusal("unauthenticated");
            unauthenticated(text, takes_basic(template))
        }
        Refusal::Forbidden(wanted) => {
            metrics::refusal("forbidden");
            forbidden(wanted).into_response()
        }
        Refusal::Url(fault) => {
            metrics::refusal("url");
            let code = if fault == crate::auth::Fault::Expired {
                "url_expired"
            } else {
                "url_not_valid"
            };
            let title = "The signed URL is not valid";
            let text = format!("{fault}; ask for a new one");
            Problem::new(StatusCode::FORBIDDEN, code, title, text).into_response()
        }
        Refusal::Closed => {
            metrics::refusal("forbidden");
            tracing::error!(route = template, "nobody has said who may use this route");
            let text = "nobody has said who may use this route";
            let title = "The route is closed";
            Problem::new(StatusCode::FORBIDDEN, "route_closed", title, text).into_response()
        }
        Refusal::Other(problem) => problem.into_response(),
    }
}

fn forbidden(wanted: Permission) -> Problem {
    let text = format!("this takes the permission {}", wanted.as_str());
    Problem::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "That is not allowed",
        text,
    )
}

/// 401 (RFC 9110, 15.5.2). Programs of the field show a password only when they are asked for one; a page that asks
/// would make browsers do it in their own way.
fn unauthenticated(text: &str, basic: bool) -> Response {
    let title = "Nobody is known by these credentials";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", title, text);
    let mut response = problem.into_response();
    if basic {
        let basic = HeaderValue::from_static(r#"Basic realm="Sightglass", charset="UTF-8""#);
        response
            .headers_mut()
            .append(header::WWW_AUTHENTICATE, basic);
    }
    response
}

fn takes_basic(template: &str) -> bool {
    table::place(template).is_some() || matches!(template, "/metrics" | "/health")
}

/// Where a template leads that a URL may be signed for.
fn place(template: &str) -> Option<Place> {
    table::place(template)
}

/// The value of a header that is text.
fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
