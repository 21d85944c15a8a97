//! What is asked of each request before anything looks at what it wants.

use axum::http::HeaderValue;
use ipnet::IpNet;
use url::Url;

use super::forwarded::Trust;
use super::rate::RateLimits;
use super::throttle::LoginThrottle;
use crate::config::{self, MediaOrigins};

/// How the server is reached, and how much each client may ask.
#[derive(Debug)]
pub struct Door {
    /// Proxies whose word about the client is taken.
    pub(super) trust: Trust,
    /// Origins whose pages may call the API.
    pub(super) api_origins: Vec<String>,
    /// Origins whose pages may play media.
    pub(super) media_origins: MediaOrigins,
    /// Names that the API may be called by.
    pub(super) own_hosts: Vec<String>,
    /// The name in the public URL.
    pub(super) public_host: Option<String>,
    /// Whether only this machine reaches us.
    pub(super) loopback: bool,
    /// What browsers are told that came by https.
    pub(super) hsts: Option<HeaderValue>,
    /// The path below which proxies show us; no slash at its end.
    pub(super) base_path: String,
    /// How often each may ask.
    pub(super) rates: RateLimits,
    /// Who has failed to log in.
    pub(super) logins: LoginThrottle,
}

impl Door {
    /// As configured; `loopback` tells whether only this machine reaches the server.
    pub fn new(config: &config::Door, public_url: Option<&Url>, loopback: bool) -> Self {
        let hsts = match config.hsts.as_secs() {
            0 => None,
            seconds => HeaderValue::try_from(format!("max-age={seconds}")).ok(),
        };
        Self {
            trust: Trust {
                proxies: config.trusted_proxies.clone(),
                headers: config.proxy_headers,
            },
            api_origins: config.cors_origins.clone(),
            media_origins: config.cors_media_origins.clone(),
            own_hosts: config.allowed_hosts.clone(),
            public_host: public_url.and_then(|url| url.host_str().map(str::to_owned)),
            loopback,
            hsts,
            base_path: config.base_path.clone(),
            rates: RateLimits::new(config),
            logins: LoginThrottle::default(),
        }
    }

    /// The path that cookies are for.
    pub(super) fn cookie_path(&self) -> &str {
        if self.base_path.is_empty() {
            "/"
        } else {
            &self.base_path
        }
    }

    /// The path below which this server is, for URLs that people read.
    pub(super) fn base_path(&self) -> &str {
        &self.base_path
    }

    /// One that lets everybody in.
    #[cfg(test)]
    pub(super) fn testing() -> Self {
        Self {
            trust: Trust {
                proxies: Vec::new(),
                headers: config::ProxyHeaders::XForwarded,
            },
            api_origins: Vec::new(),
            media_origins: MediaOrigins::Any,
            own_hosts: Vec::new(),
            public_host: None,
            loopback: true,
            hsts: None,
            base_path: String::new(),
            rates: RateLimits::default(),
            logins: LoginThrottle::default(),
        }
    }
}

/// Whether one of these ranges has this address.
pub(super) fn covered(ranges: &[IpNet], address: std::net::IpAddr) -> bool {
    let address = address.to_canonical();
    ranges.iter().any(|range| range.contains(&address))
}
