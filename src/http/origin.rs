//! Pages of other sites: what they may do here, and by which name this server may be called.
//!
//! A browser lets any page send requests anywhere in its visitor's name (CSRF), and a page whose host name turns into this
//! server's address (DNS rebinding) may read the answers, too. Programs send none of the header fields that this looks at.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Host;

use super::AppState;
use super::client::Client;
use super::door::Door;
use super::problem::Problem;

/// Refuses what changes something for a page of another site, and what is not open to each page under a name that is not
/// this server's.
pub(super) async fn refuse_foreign_pages(
    State(app): State<Arc<AppState>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    let refused = app.door.check(&client, &request);
    match refused {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

impl Door {
    fn check(&self, client: &Client, request: &Request) -> Result<(), Problem> {
        if !is_open(request.uri()) && !self.is_own_name(client.host.as_deref()) {
            return Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "unknown_host",
                "This server does not go by that name",
                "the host that was called is not this server's, as far as it knows: see allowed_hosts",
            ));
        }
        let reads = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        if reads {
            return Ok(());
        }
        self.refuse_foreign(client, request.headers())
    }

    /// Refuses what a browser sends for a page of another site, unless it is one that may call the API.
    pub(super) fn refuse_foreign(
        &self,
        client: &Client,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        if !self.is_foreign(client, headers) {
            return Ok(());
        }
        let text = "this is for programs and for this server's own pages, not for other sites";
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "The origin may not do this",
            text,
        ))
    }

    fn is_foreign(&self, client: &Client, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("null"));
        if let Some(origin) = text("origin") {
            if self.api_origins.iter().any(|it| it == origin) {
                return false;
            }
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let own = authority.is_some_and(|it| client.host.as_deref() == Some(it));
            if !own {
                return true;
            }
        }
        text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"))
    }

    /// Whether this server may be called so. No name will do: that is no browser.
    fn is_own_name(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return true };
        let name = host_name(host);
        // Nobody elsewhere can make an address, localhost, or a name without a dot lead here.
        let fixed = match Host::parse(name) {
            Ok(Host::Domain(name)) => !name.contains('.') || name.ends_with(".localhost"),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Err(_) => false,
        };
        let known = || self.own_hosts.iter().any(|own| own == name);
        let any = self.own_hosts.is_empty() && !self.loopback;
        any || fixed || known() || self.public_host.as_deref() == Some(name)
    }
}

/// The host of an authority, without its port.
fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// What each page may read: media, pictures of it, and the list of it unless that holds the sources.
pub(super) fn is_open(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default().as_bytes();
    let sources = || url::form_urlencoded::parse(query).any(|(name, _)| name == "sources");
    let path = uri.path();
    let thumbnail = path.starts_with("/api/v1/streams/") && path.ends_with("/thumbnail.jpg");
    path.starts_with("/streams/") || thumbnail || (path == "/playlist.m3u" && !sources())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn door() -> Door {
        Door {
            api_origins: vec!["https://page.example".to_owned()],
            own_hosts: vec!["tv.example".to_owned()],
            public_host: Some("public.example".to_owned()),
            ..Door::testing()
        }
    }

    fn client(host: &str) -> Client {
        Client {
            address: [192, 0, 2, 1].into(),
            https: false,
            host: Some(host.to_owned()),
        }
    }

    #[test]
    fn foreign_pages() {
        let foreign = |host: &str, lines: &[(&'static str, &'static str)]| {
            let pairs = lines.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            door().is_foreign(&client(host), &pairs.collect())
        };
        assert!(!foreign("tv:80", &[]));
        assert!(!foreign(
            "tv:80",
            &[
                ("origin", "http://tv:80"),
                ("sec-fetch-site", "same-origin")
            ]
        ));
        assert!(foreign("tv:80", &[("origin", "http://tv:81")]));
        assert!(foreign("tv", &[("origin", "null")]));
        assert!(foreign("tv", &[("sec-fetch-site", "same-site")]));
        assert!(foreign(
            "tv",
            &[("sec-fetch-site", "cross-site"), ("origin", "http://tv")]
        ));
        assert!(!foreign("tv", &[("sec-fetch-site", "none")]));
        let allowed = [
            ("origin", "https://page.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(!foreign("tv", &allowed));
    }

    #[test]
    fn names_of_this_server() {
        let strict = door();
        for name in [
            "tv.example",
            "tv.example:8080",
            "192.0.2.1:80",
            "[::1]:80",
            "[::1]",
            "localhost:1",
            "tv-server:80",
            "public.example",
        ] {
            assert!(strict.is_own_name(Some(name)), "{name}");
        }
        for name in [
            "evil.example",
            "tv.example.evil.example",
            "127.0.0.1.nip.io",
            ":80",
            "[::1",
        ] {
            assert!(!strict.is_own_name(Some(name)), "{name}");
        }
        assert!(strict.is_own_name(None));
        let mut open = Door {
            own_hosts: Vec::new(),
            loopback: false,
            ..door()
        };
        assert!(open.is_own_name(Some("evil.example")));
        open.loopback = true;
        assert!(!open.is_own_name(Some("evil.example")));
    }

    #[test]
    fn media_is_open_sources_are_not() {
        let open = |uri: &'static str| is_open(&Uri::from_static(uri));
        assert!(open("/streams/preview/a?x=1") && open("/playlist.m3u?format=hls"));
        assert!(!open("/playlist.m3u?sources=true") && !open("/playlist.m3u?a=b&%73ources=true"));
        assert!(open("/api/v1/streams/a/thumbnail.jpg") && !open("/api/v1/streams/a"));
        assert!(!open("/api/v1/streams") && !open("/"));
    }
}
