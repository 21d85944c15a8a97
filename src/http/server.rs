//! The hyper server: HTTP/1.1 and h2c on one port, with every wait and number bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::extract::Peer;
use crate::metrics;

/// How long a client may take for the last bytes of its answer when the server stops.
const LAST_BYTES: Duration = Duration::from_secs(4);
/// A peer that vanished without a word is noticed after about this long.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// Limits of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; further ones wait in the kernel's backlog.
    pub max_connections: usize,
    /// The longest a request head may take, and the longest a connection may idle between two.
    pub header_timeout: Duration,
    /// A client that takes no bytes for this long is cut off.
    pub write_timeout: Duration,
}

/// A place among the connections that there may be, counted; free when its last clone is dropped. Each request has it
/// with it, for who takes the connection over.
#[derive(Clone, Debug)]
pub(super) struct Place {
    _held: Arc<(OwnedSemaphorePermit, metrics::Runs)>,
}

/// A bound server.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
}

impl Server {
    /// Binds the address.
    ///
    /// # Errors
    /// When the address is in use or not ours.
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, limits })
    }

    /// Takes a socket over that listens already.
    ///
    /// # Errors
    /// When it cannot be waited for, as when it blocks.
    pub fn adopt(listener: std::net::TcpListener, limits: Limits) -> std::io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, limits })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then takes no more connections and waits until all requests are
    /// answered and all bodies have ended.
    pub async fn run(self, router: Router, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let cut_off = CancellationToken::new();
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        let builder = Arc::new(self.builder());
        loop {
            // The place comes first: a limit that is checked after accepting is none.
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (self.listener.accept().await, place)
            };
            let Some((accepted, Ok(place))) = stop.run_until_cancelled(next).await else {
                break;
            };
            let (socket, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: it passes when connections close.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let io = TokioIo::new(Box::pin(self.dress(socket)));
            let router = router.clone();
            // hyper's own timer starts only after the version of HTTP is known; one who sends
            // nothing at all must not keep a place either.
            let begun = CancellationToken::new();
            let first_request = begun.clone();
            let place = Place {
                _held: Arc::new((place, metrics::connection_open())),
            };
            let held = place.clone();
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                first_request.cancel();
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(held.clone());
                router.clone().oneshot(request)
            });
            let builder = Arc::clone(&builder);
            let watcher = graceful.watcher();
            let (cut_off, patience) = (cut_off.clone(), self.limits.header_timeout);
            tokio::spawn(async move {
                let silent = async {
                    if tokio::time::timeout(patience, begun.cancelled())
                        .await
                        .is_ok()
                    {
                        std::future::pending::<()>().await;
                    }
                };
                let connection = builder.serve_connection_with_upgrades(io, service);
                tokio::select! {
                    ended = watcher.watch(connection) => if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended");
                    },
                    () = silent => tracing::debug!("connection without a request closed"),
                    () = cut_off.cancelled() => tracing::debug!("connection cut off"),
                }
                drop(place);
            });
        }
        drop(self.listener);
        // Bodies have ended by now. What is left belongs to clients that do not read; they had
        // their time.
        if tokio::time::timeout(LAST_BYTES, graceful.shutdown())
            .await
            .is_err()
        {
            cut_off.cancel();
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(64 << 10);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_header_list_size(32 << 10)
            .keep_alive_interval(self.limits.header_timeout)
            .keep_alive_timeout(self.limits.header_timeout);
        builder
    }

    fn dress(&self, socket: TcpStream) -> TimeoutStream<TcpStream> {
        // Chunks are large and written at once; small answers should not wait for more.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let keep_alive = socket2::TcpKeepalive::new()
            .with_time(KEEP_ALIVE)
            .with_interval(KEEP_ALIVE / 4);
        if let Err(error) = socket2::SockRef::from(&socket).set_tcp_keepalive(&keep_alive) {
            tracing::debug!(%error, "cannot set TCP keepalive");
        }
        let mut stream = TimeoutStream::new(socket);
        stream.set_write_timeout(Some(self.limits.write_timeout));
        stream
    }
}
