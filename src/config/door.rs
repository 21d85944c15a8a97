//! How the server is reached: proxies, names, pages, TLS, and how much each client may ask.

use super::mail::HostName;
use super::net::{Cidrs, array, list};
use super::parser::{About, FilePath, Maybe, OneOf, Parser, Shape, quoted, whole};
use super::reader::Reader;
use super::section::{Setting, section};
use super::units::{DAY, HOUR, Millis, SECOND};
use ipnet::IpNet;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

section! {
    /// Who is let to the door, and how often.
    pub struct Door in "http." {
        /// Address ranges of reverse proxies whose word about the client is taken (proxy_headers); nobody else's is.
        trusted_proxies: Vec<IpNet> = "", ["TRUSTED_PROXIES"], "trusted-proxies", Cidrs;
        /// What those proxies tell the client by: x-forwarded (X-Forwarded-For, -Proto, -Host) or forwarded (RFC 7239). Never both, for a proxy passes on what it does not know.
        proxy_headers: ProxyHeaders = "x-forwarded", ["PROXY_HEADERS"], "proxy-headers", OneOf(PROXY_HEADERS);
        /// Path below which a reverse proxy shows this server, such as /sightglass; requests with and without it are taken.
        base_path: String = "", ["BASE_PATH"], "base-path", BasePath;
        /// Host names by which the API may be called; addresses and names without a dot may always. Empty takes each, or on loopback those alone.
        allowed_hosts: Vec<String> = "", ["ALLOWED_HOSTS"], "allowed-hosts", Hosts;
        /// Origins of other sites whose pages may call the API.
        cors_origins: Vec<String> = "", ["CORS_ORIGINS"], "cors-origins", Origins;
        /// Origins of other sites whose pages may play media; * for each.
        cors_media_origins: MediaOrigins = "*", ["CORS_MEDIA_ORIGINS"], "cors-media-origins", MediaOriginList;
        /// How long browsers shall insist on https, once they have come by it; 0 tells them nothing.
        hsts: Duration = "180d", ["HSTS"], "hsts", Millis(0, 730 * DAY);
        /// Open connections of one client (an IPv4 address, an IPv6 /64 network); further ones are closed at once. 0 for no such limit.
        max_connections_per_client: usize = "512", ["MAX_CONNECTIONS_PER_CLIENT"], "max-connections-per-client", whole(0, 1_000_000);
        /// Requests per second of one client, in the long run; further ones get 429. 0 for no such limit.
        client_rate: u32 = "100", ["CLIENT_RATE"], "client-rate", whole(0, 1_000_000);
        /// Requests that a client may make at once beyond that.
        client_burst: u32 = "1000", ["CLIENT_BURST"], "client-burst", whole(1, 1_000_000);
        /// Requests per second with one token, in the long run, wherever they come from. 0 for no such limit.
        token_rate: u32 = "100", ["TOKEN_RATE"], "token-rate", whole(0, 1_000_000);
        /// Requests that may be made with one token at once beyond that.
        token_burst: u32 = "1000", ["TOKEN_BURST"], "token-burst", whole(1, 1_000_000);
        /// Address ranges of clients whose connections and requests are not limited each by itself.
        unlimited_clients: Vec<IpNet> = "127.0.0.0/8,::1", ["UNLIMITED_CLIENTS"], "unlimited-clients", Cidrs;
        /// An HTTP/2 connection on which nothing is asked for this long is closed.
        http2_idle_timeout: Duration = "2m", ["HTTP2_IDLE_TIMEOUT"], "http2-idle-timeout", Millis(SECOND, 24 * HOUR);
    }
}

section! {
    /// TLS of this server itself.
    pub struct Tls in "tls." {
        /// File of the certificate and those of its issuers (PEM); plain HTTP is served when it is empty. Read again on SIGHUP and when it changes.
        certificate: Option<PathBuf> = "", ["TLS_CERTIFICATE"], "tls-certificate", Maybe(FilePath);
        /// File of the private key (PEM).
        key: Option<PathBuf> = "", ["TLS_KEY"], "tls-key", Maybe(FilePath);
    }
    check check_tls;
}

impl Tls {
    /// How this server is spoken to: `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        match self.certificate {
            Some(_) => "https",
            None => "http",
        }
    }
}

fn check_tls(tls: &Tls, reader: &mut Reader<'_>) {
    match (&tls.certificate, &tls.key) {
        (Some(_), None) => {
            reader.refuse("tls.key", "must be set where tls.certificate is");
        }
        (None, Some(_)) => {
            reader.refuse("tls.certificate", "must be set where tls.key is");
        }
        _ => {}
    }
}

/// By which header fields trusted proxies tell of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeaders {
    /// `X-Forwarded-For`, `-Proto` and `-Host`, which nearly all write.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

const PROXY_HEADERS: &[(&str, ProxyHeaders)] = &[
    ("x-forwarded", ProxyHeaders::XForwarded),
    ("forwarded", ProxyHeaders::Forwarded),
];

/// Whose pages may play media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaOrigins {
    /// Anybody's.
    Any,
    /// Those of these origins.
    These(Vec<String>),
}

/// A path without a slash at its end, or nothing.
struct BasePath;

/// First segments of this server's own paths: a request for one would have two meanings.
const OWN: &[&str] = &[
    "api",
    "assets",
    "streams",
    "ui",
    "health",
    "livez",
    "readyz",
    "metrics",
    "playlist.m3u",
];

impl Parser for BasePath {
    type Value = String;

    fn parse(&self, text: &str) -> Option<String> {
        let text = text.trim().trim_end_matches('/');
        if text.is_empty() {
            return Some(String::new());
        }
        let inner = text.strip_prefix('/')?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let good =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
        let own = inner.split('/').next().is_some_and(|it| OWN.contains(&it));
        (text.len() <= 128 && inner.split('/').all(good) && !own).then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        format!(
            "a path such as /sightglass, of at most 128 letters, digits and -._~/, that does not begin as a path of this server does ({}), or empty for none",
            OWN.join(", ")
        )
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }
}

/// The most names, or origins, in a list.
const NAMES_MAX: usize = 64;

/// Host names without ports, comma-separated.
struct Hosts;

impl Parser for Hosts {
    type Value = Vec<String>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<String>> {
        list(text, NAMES_MAX, |item| HostName.parse(item))
    }

    fn allowed(&self) -> String {
        format!(
            "up to {NAMES_MAX} host names without ports, comma-separated, such as tv.example.org"
        )
    }

    fn show(&self, value: &Vec<String>) -> String {
        array(value)
    }
}

/// Origins (RFC 6454) as browsers send them, comma-separated.
struct Origins;

impl Parser for Origins {
    type Value = Vec<String>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<String>> {
        list(text, NAMES_MAX, origin)
    }

    fn allowed(&self) -> String {
        format!("up to {NAMES_MAX} origins, comma-separated, such as https://tv.example.org")
    }

    fn show(&self, value: &Vec<String>) -> String {
        array(value)
    }
}

fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https") && url.path() == "/";
    let origin = url.origin().ascii_serialization();
    // What was written is the origin alone, but for the case, the usual port and a slash at the end.
    let alone = url.as_str().trim_end_matches('/') == origin;
    (plain && alone).then_some(origin)
}

/// [`Origins`], or `*`.
struct MediaOriginList;

impl Parser for MediaOriginList {
    type Value = MediaOrigins;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<MediaOrigins> {
        if text.trim() == "*" {
            return Some(MediaOrigins::Any);
        }
        Origins.parse(text).map(MediaOrigins::These)
    }

    fn allowed(&self) -> String {
        format!("*, or {}", Origins.allowed())
    }

    fn show(&self, value: &MediaOrigins) -> String {
        match value {
            MediaOrigins::Any => array(&["*"]),
            MediaOrigins::These(origins) => Origins.show(origins),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths() {
        for (text, path) in [
            ("", ""),
            ("/", ""),
            ("/tv/", "/tv"),
            ("/a/b-c.d", "/a/b-c.d"),
        ] {
            assert_eq!(BasePath.parse(text).as_deref(), Some(path));
        }
        for text in [
            "tv",
            "/a//b",
            "/..",
            "/a/./b",
            "/a b",
            "/a?b",
            "/api",
            "/streams/x",
            "/ui",
            "/ä",
        ] {
            assert_eq!(BasePath.parse(text), None, "{text}");
        }
    }

    #[test]
    fn origins_are_no_more_than_that() {
        let good = Origins.parse("https://TV.example.org/, http://a:8080,https://b:443");
        let meant = ["https://tv.example.org", "http://a:8080", "https://b"];
        assert_eq!(good, Some(meant.map(str::to_owned).to_vec()));
        for text in [
            "*",
            "null",
            "tv.example.org",
            "https://a/b",
            "https://u@a",
            "ftp://a",
            "https://a?x",
        ] {
            assert_eq!(Origins.parse(text), None, "{text}");
        }
        assert_eq!(MediaOriginList.parse(" * "), Some(MediaOrigins::Any));
        assert_eq!(MediaOriginList.parse(""), Some(MediaOrigins::These(vec![])));
        for origins in [
            MediaOrigins::Any,
            MediaOrigins::These(vec!["https://a".to_owned()]),
        ] {
            let shown = MediaOriginList.show(&origins);
            let text = shown.trim_matches(['[', ']']).replace('"', "");
            assert_eq!(MediaOriginList.parse(&text), Some(origins));
        }
    }
}
