//! The certificate that the server shows, and how it comes by another one while it runs.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// The largest file of a certificate or key, bytes.
const FILE_MAX: u64 = 1 << 20;
/// The files are looked at this often.
const LOOK: Duration = Duration::from_secs(5);

/// Why there is no certificate to be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TlsError {
    /// A file.
    #[error("the {what} ({path}) cannot be used: {why}", path = path.display())]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// They do not go together, or are of a sort that is not known.
    #[error("the certificate and the key cannot be used: {0}")]
    Pair(String),
}

/// A certificate with its key, read from files, and read again when they change. Clones are the same.
#[derive(Clone, Debug)]
pub struct Certificates {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    files: Arc<Files>,
}

impl Certificates {
    /// Reads them.
    ///
    /// # Errors
    /// When a file cannot be read or used, or the key is another certificate's.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let files = Files {
            certificate,
            key,
            read: Mutex::new(None),
        };
        let provider = Arc::new(ring::default_provider());
        let stamp = files.stamp();
        let shown = Shown(RwLock::new(files.read(&provider)?));
        *files.read.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
        let (shown, files) = (Arc::new(shown), Arc::new(files));
        let unusable = |error: rustls::Error| TlsError::Pair(error.to_string());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Without the cache: who resumes brings its ticket along, and costs no memory here.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new().map_err(unusable)?;
        Ok(Self {
            config: Arc::new(config),
            shown,
            files,
        })
    }

    /// Reads the files again. New connections get what they hold now; if that cannot be used, what there was.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let stamp = self.files.stamp();
        // Also when it fails: it is tried again as soon as the files change once more.
        *self
            .files
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = stamp;
        let read = self.files.read(self.config.crypto_provider())?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Whether the files are others than those that were read.
    pub fn changed(&self) -> bool {
        let stamp = self.files.stamp();
        let read = self
            .files
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        stamp.is_some() && *read != stamp
    }

    /// How often to ask whether they have [`changed`](Self::changed).
    pub const LOOK: Duration = LOOK;

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// What they were like when they were read last.
    read: Mutex<Option<Stamp>>,
}

/// Time of change in nanoseconds, size and inode of both files. Kubernetes swaps a link on the way to them.
type Stamp = [(i64, i64, u64, u64); 2];

impl Files {
    fn stamp(&self) -> Option<Stamp> {
        let one = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.mtime(), meta.mtime_nsec(), meta.len(), meta.ino()))
        };
        Some([one(&self.certificate)?, one(&self.key)?])
    }

    fn read(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        let of = |what, path: &Path, why: String| TlsError::File {
            what,
            path: path.to_owned(),
            why,
        };
        let read =
            |what, path: &Path| bounded(path).map_err(|error| of(what, path, error.to_string()));
        let pem = read("certificate", &self.certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|e| of("certificate", &self.certificate, e.to_string()))?;
        if chain.is_empty() {
            let why = "there is no certificate in it".to_owned();
            return Err(of("certificate", &self.certificate, why));
        }
        let pem = read("key", &self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem);
        let key = key.map_err(|e| of("key", &self.key, e.to_string()))?;
        let pair = CertifiedKey::from_der(chain, key, provider);
        pair.map(Arc::new)
            .map_err(|error| TlsError::Pair(error.to_string()))
    }
}

fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// What is shown to whoever connects, by whatever name.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}
