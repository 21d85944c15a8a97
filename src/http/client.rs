//! Who asks: the one answer that limits, logs, sessions and signatures go by.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header, uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::forwarded::{Trust, authority};
use super::problem::Problem;
use crate::base::ids::ClientId;

/// The other end of a connection; put into each request by the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Its address, which may be that of a proxy.
    pub(super) address: SocketAddr,
    /// Whether it speaks TLS with us.
    pub(super) tls: bool,
}

/// Who asks, behind all proxies that are trusted. In each request, as extension and as extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// Its address.
    pub(super) address: IpAddr,
    /// Whether its first hop is encrypted.
    pub(super) https: bool,
    /// The host it has called, with its port unless that is the usual one; can be the authority of a URL.
    pub(super) host: Option<String>,
}

impl Client {
    /// Who it is for limits.
    pub(super) fn id(&self) -> ClientId {
        ClientId::of(self.address)
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn of(peer: Peer, trust: &Trust, uri: &Uri, headers: &HeaderMap) -> Self {
        let address = peer.address.ip().to_canonical();
        let told = trust.client(address, headers);
        // HTTP/2 names the host in the URI.
        let called = uri.authority().map(uri::Authority::as_str);
        let called = called.or_else(|| headers.get(header::HOST)?.to_str().ok());
        let called = called.and_then(authority);
        match told {
            None => Self {
                address,
                https: peer.tls,
                host: called,
            },
            Some(told) => Self {
                address: told.address,
                https: told.https.unwrap_or(peer.tls),
                host: told.host.or(called),
            },
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let client = parts.extensions.get::<Self>().cloned();
        client.ok_or_else(Problem::internal)
    }
}

/// Finds out who asks.
pub(super) async fn find(
    State(app): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        return Problem::internal().into_response();
    };
    let client = Client::of(peer, &app.door.trust, request.uri(), request.headers());
    request.extensions_mut().insert(client);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProxyHeaders;

    #[test]
    fn without_a_proxy_it_is_the_peer_and_what_it_called() {
        let trust = Trust {
            proxies: Vec::new(),
            headers: ProxyHeaders::XForwarded,
        };
        let peer = |tls| Peer {
            address: "[::ffff:192.0.2.1]:5".parse().expect("an address"),
            tls,
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "TV.example".parse().expect("a value"));
        let of = |tls, uri: &'static str| {
            Client::of(peer(tls), &trust, &Uri::from_static(uri), &headers)
        };
        let client = of(false, "/x");
        assert_eq!(client.address.to_string(), "192.0.2.1");
        assert_eq!(
            (client.scheme(), client.host.as_deref()),
            ("http", Some("tv.example"))
        );
        let client = of(true, "https://other:8443/x");
        assert_eq!(
            (client.scheme(), client.host.as_deref()),
            ("https", Some("other:8443"))
        );
    }
}
