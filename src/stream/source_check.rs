//! The rules of one source: URL, headers, credentials.

use std::collections::BTreeMap;
use std::fmt;

use super::draft::DraftSource;
use super::invalid::{Mistakes, join, longer_than};
use super::{AccountId, Credentials, Source, SourceUrl, StreamId, limits};

/// Headers that belong to the connection (RFC 9110, 7.6.1) or that the puller itself must set.
const REFUSED: [&str; 11] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const VALUE_ALLOWED: &str = "1 to 4096 printable ASCII characters";

/// A header that may be sent, or what it means.
#[derive(Clone, PartialEq, Eq)]
pub enum Header {
    /// `User-Agent`, which a source has a field for.
    UserAgent(String),
    /// `Authorization: Bearer`, which [`Credentials`] stand for.
    Bearer(String),
    /// Any other: name in `Title-Case`, and value.
    Plain(String, String),
}

/// Not derived: a value may be a secret.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserAgent(_) => f.write_str("UserAgent"),
            Self::Bearer(_) => f.write_str("Bearer"),
            Self::Plain(name, _) => write!(f, "Plain({name})"),
        }
    }
}

/// Checks one request header and sorts it. The error says what is wrong, then what is allowed; it quotes neither
/// name nor value.
pub fn check_header(name: &str, value: &str) -> Result<Header, (&'static str, &'static str)> {
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() > limits::HEADER_NAME || !name.bytes().all(is_token_byte) {
        return Err((
            "is no header name",
            "1 to 128 of the characters of an HTTP token (RFC 9110, 5.6.2)",
        ));
    }
    if REFUSED
        .iter()
        .any(|refused| refused.eq_ignore_ascii_case(name))
    {
        return Err((
            "is a header that belongs to the connection",
            "a header of the request itself",
        ));
    }
    if name.eq_ignore_ascii_case("user-agent") {
        return if is_field(value, limits::USER_AGENT) {
            Ok(Header::UserAgent(value.to_owned()))
        } else {
            Err((
                "has a value that cannot be sent",
                "1 to 1024 printable ASCII characters",
            ))
        };
    }
    if !is_field(value, limits::HEADER_VALUE) {
        return Err(("has a value that cannot be sent", VALUE_ALLOWED));
    }
    if name.eq_ignore_ascii_case("authorization")
        && let Some((scheme, token)) = value.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
        && is_bearer(token.trim_start())
    {
        return Ok(Header::Bearer(token.trim_start().to_owned()));
    }
    Ok(Header::Plain(title_case(name), value.to_owned()))
}

/// Checks a source; mistakes are told at `at` and below.
pub(super) fn check(at: &str, draft: DraftSource, mistakes: &mut Mistakes) -> Option<Source> {
    let before = mistakes.len();
    let url = SourceUrl::parse(&draft.url).and_then(SourceUrl::split_user);
    let url = url
        .map_err(|e| mistakes.add(format!("{at}/url"), e, SourceUrl::ALLOWED))
        .ok();

    let mut source = Sorted::default();
    let headers = format!("{at}/headers");
    if draft.headers.len() > limits::HEADERS {
        mistakes.add(
            &*headers,
            "has too many members",
            format!("at most {} headers", limits::HEADERS),
        );
    }
    for (name, value) in draft.headers.iter().take(limits::HEADERS) {
        source.header(&join(&headers, name), name, value, mistakes);
    }
    if let Some(agent) = draft
        .user_agent
        .as_deref()
        .filter(|agent| !agent.trim().is_empty())
    {
        source.header(&format!("{at}/user_agent"), "User-Agent", agent, mistakes);
    }
    let credentials_at = format!("{at}/credentials");
    if let Some(credentials) = draft.credentials {
        check_credentials(&credentials_at, &credentials, mistakes);
        source.credentials(&credentials_at, credentials, mistakes);
    }
    if let Some((_, Some((username, password)))) = &url {
        let credentials = Credentials::Basic {
            username: username.clone(),
            password: password.clone(),
        };
        check_credentials(&format!("{at}/url"), &credentials, mistakes);
        source.credentials(&credentials_at, credentials, mistakes);
    }
    if source.credentials.is_some() {
        if url
            .as_ref()
            .is_some_and(|(url, _)| !url.takes_credentials())
        {
            mistakes.add(
                &*credentials_at,
                "mean nothing to this scheme",
                "credentials with http, https, rtsp, rtmp or mms",
            );
        }
        if source.headers.contains_key("Authorization") {
            mistakes.add(
                join(&headers, "Authorization"),
                "is there beside credentials",
                "one of the two",
            );
        }
    }
    if let Some(ms) = draft.timeout_ms
        && !(limits::TIMEOUT_MIN_MS..=limits::TIMEOUT_MAX_MS).contains(&ms)
    {
        let allowed = format!(
            "{} to {} milliseconds",
            limits::TIMEOUT_MIN_MS,
            limits::TIMEOUT_MAX_MS
        );
        mistakes.add(format!("{at}/timeout_ms"), "is out of range", allowed);
    }
    let account = draft.account.as_deref().and_then(|id| {
        AccountId::parse(id)
            .map_err(|e| mistakes.add(format!("{at}/account"), e, StreamId::ALLOWED))
            .ok()
    });
    let (url, _) = url.filter(|_| mistakes.len() == before)?;
    let Sorted {
        headers,
        user_agent,
        credentials,
    } = source;
    Some(Source {
        url,
        headers,
        user_agent,
        credentials,
        timeout_ms: draft.timeout_ms,
        account,
    })
}

/// Headers, sorted to where they belong.
#[derive(Default)]
struct Sorted {
    headers: BTreeMap<String, String>,
    user_agent: Option<String>,
    credentials: Option<Credentials>,
}

impl Sorted {
    fn header(&mut self, at: &str, name: &str, value: &str, mistakes: &mut Mistakes) {
        match check_header(name, value) {
            Ok(Header::UserAgent(agent)) => {
                if self.user_agent.replace(agent).is_some() {
                    mistakes.add(
                        at,
                        "sets the user agent twice",
                        "one of user_agent and the header",
                    );
                }
            }
            Ok(Header::Bearer(token)) => {
                self.credentials(at, Credentials::Bearer { token }, mistakes);
            }
            Ok(Header::Plain(name, value)) => {
                if self.headers.insert(name, value).is_some() {
                    mistakes.add(
                        at,
                        "is there twice",
                        "each header once; names are case-insensitive",
                    );
                }
            }
            Err((problem, allowed)) => mistakes.add(at, problem, allowed),
        }
    }

    fn credentials(&mut self, at: &str, credentials: Credentials, mistakes: &mut Mistakes) {
        if self.credentials.replace(credentials).is_some() {
            mistakes.add(
                at,
                "are given twice",
                "one of credentials, a user in the URL, and a bearer header",
            );
        }
    }
}

pub(super) fn check_credentials(at: &str, credentials: &Credentials, mistakes: &mut Mistakes) {
    let plain =
        |text: &str| !longer_than(text, limits::SECRET) && !text.chars().any(char::is_control);
    match credentials {
        Credentials::Basic { username, password } => {
            // RFC 7617, 2: the first colon ends the user name.
            if !plain(username)
                || username.contains(':')
                || (username.is_empty() && password.is_empty())
            {
                mistakes.add(
                    format!("{at}/username"),
                    "is no user name",
                    "1 to 1024 characters without ':'",
                );
            }
            if !plain(password) {
                mistakes.add(
                    format!("{at}/password"),
                    "is no password",
                    "at most 1024 characters, no control characters",
                );
            }
        }
        Credentials::Bearer { token } if !is_bearer(token) => {
            mistakes.add(
                format!("{at}/token"),
                "is no token",
                "1 to 4089 printable ASCII characters without spaces",
            );
        }
        Credentials::Bearer { .. } => {}
    }
}

fn is_bearer(token: &str) -> bool {
    !token.is_empty() && token.len() <= limits::TOKEN && token.bytes().all(|b| b.is_ascii_graphic())
}

fn is_field(value: &str, most: usize) -> bool {
    !value.is_empty()
        && value.len() <= most
        && value.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// RFC 9110, 5.6.2.
fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

fn title_case(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|c| {
            let cased = if start {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            };
            start = c == '-';
            cased
        })
        .collect()
}

#[cfg(test)]
#[path = "source_check_tests.rs"]
mod tests;
