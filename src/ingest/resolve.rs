//! Names to addresses that sources may use. The only place that resolves names of sources, once for each
//! connection, so that the address that was checked is the one that is used.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use super::error::{Cause, IngestError, Stage};
use super::policy::Policy;

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// How names are looked up: by the system, unless a test brings its own.
pub type Lookup = Arc<dyn Fn(String, u16) -> Answer + Send + Sync>;

/// Looks names up under the source policy.
#[derive(Clone)]
pub struct Resolver {
    policy: Arc<Policy>,
    lookup: Lookup,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks the system.
    pub fn new(policy: Arc<Policy>) -> Self {
        let lookup: Lookup = Arc::new(|host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        });
        Self::with(policy, lookup)
    }

    /// Asks `lookup`.
    pub fn with(policy: Arc<Policy>, lookup: Lookup) -> Self {
        Self { policy, lookup }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The addresses of `host` (a name, or an address in any spelling, in brackets or not) that sources may use;
    /// at least one. Addresses go through the look-up as well: it reads `0x7f.1` and `2130706433` as what they are.
    ///
    /// # Errors
    /// [`Stage::Dns`] when it does not resolve, [`Stage::Policy`] when no address is allowed.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, IngestError> {
        let unresolved = |text| IngestError::new(Stage::Dns, Cause::Unreachable, text);
        let found = self.look_up(host, port).await;
        let found = found.map_err(|_| unresolved("the source's host name cannot be resolved"))?;
        let allowed = self.policy.filter(found)?;
        if allowed.is_empty() {
            return Err(unresolved("the source's host name has no address"));
        }
        Ok(allowed)
    }

    /// All addresses of `host`, before the policy has a say.
    ///
    /// # Errors
    /// When it does not resolve.
    pub async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
            Err(_) => (self.lookup)(bare.to_owned(), port).await,
        }
    }
}

#[cfg(test)]
mod tests;
