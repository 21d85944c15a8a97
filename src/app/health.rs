//! `sightglass health`: asks the server that runs with a configuration whether it takes requests. For containers, which have
//! no other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::redirect;

use crate::config::Config;

/// The longest that all of it may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why it is not known to be well.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Nobody answers.
    #[error("no answer from {address}: {source}")]
    NoAnswer {
        /// Who was asked.
        address: SocketAddr,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// It says that it is not ready.
    #[error("not ready: {0}")]
    NotReady(reqwest::StatusCode),
}

/// Asks at the configured address.
///
/// # Errors
/// When it does not answer with 200 within four seconds.
pub async fn ask(config: &Config) -> Result<(), HealthError> {
    let address = reachable(config.listen);
    let no_answer = |source: reqwest::Error| HealthError::NoAnswer {
        address,
        source: source.without_url(),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        // It is asked by address, and nothing is told it that is worth a secret.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(no_answer)?;
    let scheme = config.tls.scheme();
    let asked = client.get(format!("{scheme}://{address}/readyz"));
    let answer = asked.send().await;
    match answer.map_err(no_answer)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(HealthError::NotReady(status)),
    }
}

/// Where a server that listens there can be reached from the same machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_is_asked_at_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
