//! Who asks: a signature in the URL, a token, a password, or a session's cookie.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use data_encoding::BASE64;
use url::form_urlencoded;

use super::{Access, Refusal, attempt, place, text};
use crate::actors::hls_sessions::Touched;
use crate::actors::plan::RenditionKey;
use crate::auth::{
    Claim, Digest, Fault, Password, Permission, Place, Principal, Ticket, TokenText, Who,
};
use crate::base::clock;
use crate::base::ids::SessionId;
use crate::http::AppState;
use crate::http::client::Client;
use crate::metrics;
use crate::stream::StreamId;

/// The cookie of a session.
const COOKIE: &str = "sightglass_session";
/// Cookies of this name that are looked at: one may have been set for a wider path or domain.
const COOKIES: usize = 4;

/// Who asks. Whoever shows credentials that are not good is told so, and is not nobody.
pub(super) async fn find(
    app: &AppState,
    parts: &mut Parts,
    template: &str,
    path: &[String],
    wanted: Permission,
) -> Result<Access, Refusal> {
    let known = |principal: Principal| Access {
        principal: Arc::new(principal),
        session: None,
        ticket: None,
    };
    // Where nobody is asked, and where it makes no difference, credentials are for somebody else: a proxy on the way.
    if !app.auth.is_on() || wanted == Permission::Public {
        return Ok(known(app.auth.nobody()));
    }
    let signed = match place(template) {
        Some(place) => signed(app, parts, place, path),
        None => Ok(None),
    };
    if let Ok(Some(access)) = signed {
        return Ok(access);
    }
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let value = value.to_str().unwrap_or_default().to_owned();
        let client = parts.extensions.get::<Client>().cloned();
        return authorization(app, client.as_ref(), &value).await.map(known);
    }
    let now = clock::now();
    let sessions = session_keys(&parts.headers).map(|key| Digest::of(key.as_bytes()));
    for session in sessions {
        if let Some(principal) = app.auth.by_session(&session, now) {
            return Ok(Access {
                session: Some(session),
                ..known(principal)
            });
        }
    }
    match signed {
        Err(fault) => Err(Refusal::Url(fault)),
        Ok(_) => Ok(known(app.auth.nobody())),
    }
}

/// Who shows `Authorization` (RFC 9110, 11.6.2): a token, or a name with a password or a token.
async fn authorization(
    app: &AppState,
    client: Option<&Client>,
    value: &str,
) -> Result<Principal, Refusal> {
    let unreadable = Refusal::Unauthenticated("Authorization is Bearer with a token, or Basic");
    let Some((scheme, rest)) = value.split_once(' ') else {
        return Err(unreadable);
    };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return token(app, rest);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable);
    }
    let decoded = BASE64.decode(rest.as_bytes()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((name, password)) = decoded.as_ref().and_then(|pair| pair.split_once(':')) else {
        return Err(unreadable);
    };
    if TokenText::parse(password).is_some() {
        return token(app, password);
    }
    let password = Password::new(password);
    if let Some(known) = app.auth.known(name, &password, clock::now()) {
        return Ok(known);
    }
    let verified = attempt::guarded(app, client, name, async || {
        app.auth.by_password(name, password, clock::now()).await
    });
    match verified.await {
        Ok(principal) => Ok(principal),
        Err(problem) if problem.code() == "wrong_credentials" => {
            let text = "the name or the password is wrong";
            Err(Refusal::Unauthenticated(text))
        }
        Err(problem) => Err(Refusal::Other(Box::new(problem))),
    }
}

fn token(app: &AppState, text: &str) -> Result<Principal, Refusal> {
    let principal = app.auth.by_token(text, clock::wall()).ok_or_else(|| {
        metrics::login("refused");
        Refusal::Unauthenticated("the token is not good, or no longer")
    })?;
    let turn = app.door.rates.token(&principal.name());
    turn.map_err(|wait| Refusal::Other(Box::new(wait.into())))?;
    Ok(principal)
}

/// Who has a signed URL for what they ask for. While an HLS session that it began goes on, so does the URL: what is
/// watched for longer than it is good for does not end in its middle.
fn signed(
    app: &AppState,
    parts: &Parts,
    place: Place,
    path: &[String],
) -> Result<Option<Access>, Fault> {
    let query = parts.uri.query().unwrap_or_default();
    let Some(ticket) = Ticket::find(query)? else {
        return Ok(None);
    };
    let part = |at: usize| path.get(at).map_or("", String::as_str);
    let (stream, rendition) = match place {
        Place::Playlist => ("", ""),
        Place::Preview | Place::Index => (part(0), ""),
        Place::Output => (part(0), part(1)),
    };
    let client = parts.extensions.get::<Client>().map(Client::id);
    let claim = Claim::new(place, stream, rendition, query);
    let claim = claim.bound_to(client.filter(|_| ticket.is_bound()));
    match app.auth.verify_url(&claim, &ticket, clock::wall()) {
        Err(Fault::Expired) if place == Place::Output && goes_on(app, stream, rendition, query) => {
        }
        verified => verified?,
    }
    let principal = Principal::new(Who::Signed {
        kid: ticket.kid(),
        expires: ticket.expires(),
        bound: ticket.is_bound(),
    });
    Ok(Some(Access {
        principal: Arc::new(principal),
        session: None,
        ticket: Some(Arc::new(ticket)),
    }))
}

/// Whether the session of a query watches this output now.
fn goes_on(app: &AppState, stream: &str, rendition: &str, query: &str) -> bool {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let session = pairs.find(|(name, _)| name == "session");
    let session = session.and_then(|(_, id)| SessionId::parse(&id));
    let key = StreamId::parse(stream)
        .ok()
        .zip(RenditionKey::parse(rendition));
    let touched = session
        .zip(key)
        .map(|(session, key)| app.hub.touch_hls(session, &key));
    matches!(touched, Some(Touched::Window(_)))
}

/// The keys of sessions that a browser shows.
pub(in crate::http) fn session_keys(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = text(headers, &header::COOKIE)
        .unwrap_or_default()
        .split(';');
    let pairs = cookies.filter_map(|cookie| cookie.trim().split_once('='));
    let own = pairs.filter(|(name, _)| *name == COOKIE);
    own.map(|(_, value)| value).take(COOKIES)
}

/// A cookie for a session: not for scripts, not for requests of other sites, and where we are spoken to by TLS not for
/// any other way. Without a key it removes the one that is there.
pub(in crate::http) fn cookie(
    key: Option<&str>,
    path: &str,
    secure: bool,
    age: std::time::Duration,
) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let (key, age) = key.map_or(("", 0), |key| (key, age.as_secs()));
    let text =
        format!("{COOKIE}={key}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        let value =
            HeaderValue::from_static("a=b; sightglass_session=one;sightglass_session=two; x");
        headers.insert(header::COOKIE, value);
        assert_eq!(session_keys(&headers).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(session_keys(&HeaderMap::new()).count(), 0);
        let set = cookie(Some("k"), "/", true, std::time::Duration::from_secs(9)).expect("good");
        assert_eq!(
            set,
            "sightglass_session=k; Path=/; HttpOnly; SameSite=Strict; Max-Age=9; Secure"
        );
        assert!(cookie(Some("a\nb"), "/", false, std::time::Duration::ZERO).is_none());
    }
}
