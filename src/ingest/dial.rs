//! Connections to sources that do not speak HTTP: resolved, checked and opened here alone, so that
//! each goes to an address that the policy has allowed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{Cause, IngestError, Stage};
use super::policy::Policy;
use super::resolve::Resolver;
use super::sink::Sink;

/// Opens connections under the source policy.
#[derive(Clone)]
pub struct Dialer {
    resolver: Resolver,
    tls: Arc<rustls::ClientConfig>,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer")
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

impl Dialer {
    /// Dials under `policy`, and trusts whom the system trusts.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new(policy: Arc<Policy>) -> Result<Self, rustls::Error> {
        Self::with(Resolver::new(policy))
    }

    /// As [`Dialer::new`], with a resolver of the caller's.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn with(resolver: Resolver) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        Ok(Self {
            resolver,
            tls: Arc::new(tls),
        })
    }

    /// The policy that it dials under.
    pub fn policy(&self) -> &Policy {
        self.resolver.policy()
    }

    /// The addresses of `host` (a name, or an address in any spelling) that sources may use, with `port`.
    ///
    /// # Errors
    /// [`Stage::Dns`] when it does not resolve, [`Stage::Policy`] when no address, or not the port, is allowed.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, IngestError> {
        self.policy().check_port(port)?;
        self.resolver.resolve(host, port).await
    }

    /// A TCP connection to `host`, within `time`. Tells `sink` the stages it passes.
    ///
    /// # Errors
    /// With the stage that was reached.
    pub async fn tcp(
        &self,
        host: &str,
        port: u16,
        time: Duration,
        sink: &Sink,
    ) -> Result<TcpStream, IngestError> {
        let dial = async {
            let addresses = self.resolve(host, port).await?;
            sink.reached(Stage::Dns);
            let mut failure = None;
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        let _ = stream.set_nodelay(true);
                        sink.reached(Stage::Connect);
                        return Ok(stream);
                    }
                    Err(error) => failure = Some(error),
                }
            }
            Err(failure.map_or_else(unreachable, |error| {
                IngestError::of_connection(Stage::Connect, &error)
            }))
        };
        tokio::time::timeout(time, dial)
            .await
            .unwrap_or_else(|_| Err(late(Stage::Connect)))
    }

    /// TLS to `host` over a connection, within `time`.
    ///
    /// # Errors
    /// [`Stage::Tls`].
    pub async fn tls(
        &self,
        host: &str,
        stream: TcpStream,
        time: Duration,
        sink: &Sink,
    ) -> Result<TlsStream<TcpStream>, IngestError> {
        let failed = || {
            let text = "the TLS handshake with the source failed (certificate or protocol)";
            IngestError::new(Stage::Tls, Cause::Unreachable, text)
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| failed())?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = tokio::time::timeout(time, connector.connect(name, stream))
            .await
            .map_err(|_| late(Stage::Tls))?
            .map_err(|_| failed())?;
        sink.reached(Stage::Tls);
        Ok(stream)
    }
}

fn unreachable() -> IngestError {
    IngestError::new(
        Stage::Connect,
        Cause::Unreachable,
        "the source cannot be reached",
    )
}

fn late(stage: Stage) -> IngestError {
    let text = "the source did not answer in time";
    IngestError::new(stage, Cause::Timeout, text)
}
