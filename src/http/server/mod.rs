//! The hyper server: HTTP/1.1 and HTTP/2 on one port, over TLS or not, with every wait and number bounded.

mod clients;
mod conduct;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use tls::{Certificates, TlsError};

use super::client::Peer;
use super::door::covered;
use crate::metrics::{self, TurnedAway, turned_away};
use clients::{Clients, Seat};
use conduct::{Conduct, Watched};

/// How long a client may take for the last bytes of its answer when the server stops.
const LAST_BYTES: Duration = Duration::from_secs(4);
/// A peer that vanished without a word is noticed after about this long.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 100;
/// What one HTTP/2 answer may have waiting for a client that takes it slowly, bytes.
const SEND_BUFFER: usize = 256 << 10;
/// Requests of an HTTP/2 client that it has taken back and that have not been looked at yet (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams of an HTTP/2 connection that the client made us reset by mistakes (CVE-2025-8671).
const OWN_RESETS: usize = 100;

/// Limits of the server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; further ones wait in the kernel's backlog.
    pub max_connections: usize,
    /// Open connections of one client; further ones are closed. 0 for no such limit.
    pub max_connections_per_client: usize,
    /// Whose connections are not counted each by itself: proxies, and who is spared.
    pub uncounted: Vec<IpNet>,
    /// The longest that TLS and a request head may take, and the longest a connection may idle between two.
    pub header_timeout: Duration,
    /// A client that takes no bytes for this long is cut off.
    pub write_timeout: Duration,
    /// The longest that an HTTP/2 connection may be without a request.
    pub http2_idle_timeout: Duration,
}

/// A place among the connections that there may be, counted; free when its last clone is dropped. Each request has it
/// with it, for who takes the connection over.
#[derive(Clone, Debug)]
pub(super) struct Place {
    _held: Arc<(OwnedSemaphorePermit, Option<Seat>, metrics::Runs)>,
}

/// A bound server.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
    certificates: Option<Certificates>,
}

impl Server {
    /// Binds the address; TLS is spoken if there are certificates.
    ///
    /// # Errors
    /// When the address is in use or not ours.
    pub async fn bind(
        address: SocketAddr,
        limits: Limits,
        certificates: Option<Certificates>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            limits,
            certificates,
        })
    }

    /// Takes a socket over that listens already.
    ///
    /// # Errors
    /// When it cannot be waited for, as when it blocks.
    pub fn adopt(
        listener: std::net::TcpListener,
        limits: Limits,
        certificates: Option<Certificates>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Self {
            listener,
            limits,
            certificates,
        })
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
        let clients = Clients::new(self.limits.max_connections_per_client);
        let tls = self.certificates.as_ref().map(Certificates::acceptor);
        let builder = Arc::new(self.builder());
        loop {
            // The place comes first: a limit that is checked after accepting is none.
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (self.listener.accept().await, place)
            };
            let Some((accepted, Ok(permit))) = stop.run_until_cancelled(next).await else {
                break;
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: it passes when connections close.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let counted = !covered(&self.limits.uncounted, address.ip());
            let seat = match counted.then(|| clients.enter(address.ip())) {
                Some(None) => {
                    turned_away(TurnedAway::Connections);
                    continue;
                }
                Some(seat) => seat,
                None => None,
            };
            let place = Place {
                _held: Arc::new((permit, seat, metrics::connection_open())),
            };
            let connection = Connection {
                router: router.clone(),
                builder: Arc::clone(&builder),
                peer: Peer {
                    address,
                    tls: tls.is_some(),
                },
                place,
                patience: self.limits.header_timeout,
                conduct: Conduct::new(self.limits.http2_idle_timeout, self.limits.write_timeout),
            };
            let io = self.dress(socket);
            let watcher = graceful.watcher();
            let (tls, stop, cut_off) = (tls.clone(), stop.clone(), cut_off.clone());
            tokio::spawn(async move {
                let served = connection.open(io, tls, watcher, &stop);
                if cut_off.run_until_cancelled(served).await.is_none() {
                    tracing::debug!("connection cut off");
                }
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
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(PENDING_RESETS)
            .max_local_error_reset_streams(OWN_RESETS)
            .max_header_list_size(32 << 10)
            .max_send_buf_size(SEND_BUFFER)
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

/// One connection, from its first byte to its last.
struct Connection {
    router: Router,
    builder: Arc<auto::Builder<TokioExecutor>>,
    peer: Peer,
    place: Place,
    patience: Duration,
    conduct: Conduct,
}

impl Connection {
    async fn open(
        self,
        io: TimeoutStream<TcpStream>,
        tls: Option<TlsAcceptor>,
        watcher: Watcher,
        stop: &CancellationToken,
    ) {
        let io = Box::pin(io);
        let Some(tls) = tls else {
            return self.serve(io, watcher).await;
        };
        let handshake = tokio::time::timeout(self.patience, tls.accept(io));
        match stop.run_until_cancelled(handshake).await {
            Some(Ok(Ok(io))) => self.serve(io, watcher).await,
            Some(Ok(Err(error))) => {
                turned_away(TurnedAway::Handshake);
                tracing::debug!(%error, "TLS did not come about");
            }
            Some(Err(_)) => turned_away(TurnedAway::Silent),
            None => {}
        }
    }

    async fn serve<I>(self, io: I, watcher: Watcher)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            router,
            builder,
            peer,
            place,
            patience,
            conduct,
        } = self;
        // hyper's own timer starts only after the version of HTTP is known; one who sends
        // nothing at all must not keep a place either.
        let begun = CancellationToken::new();
        let service = service_fn(|request: hyper::Request<Incoming>| {
            begun.cancel();
            let request = prepare(request, peer, &place);
            let watched = conduct.begin(request.version());
            answer(router.clone(), request, watched)
        });
        let silent = async {
            if tokio::time::timeout(patience, begun.cancelled())
                .await
                .is_ok()
            {
                std::future::pending::<()>().await;
            }
        };
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
        tokio::select! {
            ended = watcher.watch(connection) => if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            },
            () = silent => {
                turned_away(TurnedAway::Silent);
                tracing::debug!("connection without a request closed");
            }
            fault = conduct.fault() => {
                turned_away(fault);
                tracing::debug!(?fault, "connection closed");
            }
        }
    }
}

/// A request as handlers see it: with who is at the other end, and its place among the connections.
fn prepare(request: hyper::Request<Incoming>, peer: Peer, place: &Place) -> hyper::Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(place.clone());
    request
}

async fn answer(
    router: Router,
    request: hyper::Request<Body>,
    watched: Option<Watched>,
) -> Result<hyper::Response<Body>, Infallible> {
    let response = router.oneshot(request).await?;
    Ok(match watched {
        Some(watched) => response.map(|body| watched.over(body)),
        None => response,
    })
}
