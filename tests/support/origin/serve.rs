//! Listening, connections, counting, and finding what a path names.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Counters;
use super::answer::{Answer, Body, Served, plain};

/// Requests remembered.
const LOGGED: usize = 10_000;

/// Answers what is asked below one name.
pub type Resource = Arc<dyn Fn(Asked) -> Answer + Send + Sync>;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// GET, HEAD, ...
    pub method: String,
    /// The whole path, without the query.
    pub path: String,
    /// The path behind the name, without a slash in front.
    pub rest: String,
    /// The query, empty if none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// When it came.
    pub at: Instant,
}

impl Asked {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What the listener, the connections and the test's handle share.
pub struct Shared {
    pub resources: Mutex<HashMap<String, Resource>>,
    pub log: Mutex<VecDeque<Asked>>,
    pub listening: AtomicBool,
    pub stalled: AtomicBool,
    pub open: AtomicUsize,
    peak: AtomicUsize,
    accepted: AtomicUsize,
    requests: AtomicUsize,
    pub bytes: AtomicU64,
    /// Whether the port is to be open; every send, changed or not, ends all connections.
    gate: watch::Sender<bool>,
}

impl Shared {
    pub fn new() -> Self {
        Self {
            resources: Mutex::default(),
            log: Mutex::default(),
            listening: AtomicBool::new(true),
            stalled: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            gate: watch::Sender::new(true),
        }
    }

    pub fn set_open(&self, open: bool) {
        self.gate.send_replace(open);
    }

    /// Ends every connection of now, whether the port is open or not.
    pub fn end_connections(&self) {
        self.gate.send_modify(|_| {});
    }

    /// Told when connections are to end.
    pub fn endings(&self) -> watch::Receiver<bool> {
        self.gate.subscribe()
    }

    pub fn counters(&self) -> Counters {
        Counters {
            open: self.open.load(Ordering::SeqCst),
            peak: self.peak.load(Ordering::SeqCst),
            accepted: self.accepted.load(Ordering::SeqCst),
            requests: self.requests.load(Ordering::SeqCst),
            bytes: self.bytes.load(Ordering::SeqCst),
        }
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connected(self: &Arc<Self>) -> Connected {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(open, Ordering::SeqCst);
        self.accepted.fetch_add(1, Ordering::SeqCst);
        Connected(Arc::clone(self))
    }

    fn remember(&self, asked: Asked) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut log = self.log.lock().expect("no poison");
        if log.len() == LOGGED {
            log.pop_front();
        }
        log.push_back(asked);
    }
}

/// A connection that is being counted.
pub struct Connected(Arc<Shared>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Accepts for ever, closing the port and opening it again as told.
pub async fn accept(shared: Arc<Shared>, first: std::net::TcpListener, address: SocketAddr) {
    first
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let mut listener = TcpListener::from_std(first).expect("a listener");
    let mut gate = shared.gate.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(Arc::clone(&shared), stream));
                }
            }
            changed = gate.changed() => {
                if changed.is_err() {
                    return;
                }
                if !*gate.borrow_and_update() {
                    drop(listener);
                    shared.listening.store(false, Ordering::SeqCst);
                    if gate.wait_for(|open| *open).await.is_err() {
                        return;
                    }
                    listener = rebind(address).await;
                    shared.listening.store(true, Ordering::SeqCst);
                }
            }
        }
    }
}

/// Binds the port again; its old connections may take a moment to let go of it.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    let counted = shared.connected();
    let mut gate = shared.gate.subscribe();
    // Paced bodies are small writes that must not wait for each other.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(Arc::clone(&shared), request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = served => {}
        _ = gate.changed() => {}
    }
    drop(counted);
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Served {
    let path = request.uri().path().to_owned();
    let (name, rest) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let asked = Asked {
        method: request.method().to_string(),
        path: path.clone(),
        rest: rest.to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: request.headers().clone(),
        at: Instant::now(),
    };
    shared.remember(asked.clone());
    if shared.stalled.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let resource = shared
        .resources
        .lock()
        .expect("no poison")
        .get(name)
        .cloned();
    let reply = match resource {
        Some(resource) => resource(asked).await,
        None => plain(404, "text/plain", "no such name"),
    };
    if let Body::Left(whole) = reply.body() {
        let length = hyper::body::Body::size_hint(whole).lower();
        shared.bytes.fetch_add(length, Ordering::SeqCst);
    }
    Ok(reply)
}
