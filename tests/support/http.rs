//! The HTTP client of the tests.

/// A builder with the TLS provider that the server uses, too.
pub fn http_client() -> reqwest::ClientBuilder {
    // Refused only when it was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
