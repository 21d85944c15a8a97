//! The HTTP client of the tests.

use std::time::Duration;

/// Kept open between two requests for less than the server does by default, which may otherwise close a connection in the
/// moment that the next request goes out.
const KEEP_IDLE: Duration = Duration::from_secs(5);

/// A builder with the TLS provider that the server uses, too.
pub fn http_client() -> reqwest::ClientBuilder {
    // Refused only when it was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().pool_idle_timeout(KEEP_IDLE)
}
