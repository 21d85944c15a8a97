//! An origin in the test's own process, on a runtime of its own, that counts what is asked of it
//! and misbehaves on command.
//!
//! What it serves has a name, the first part of the path: `origin.ts("sport", ...)` answers below
//! `/sport/`.

pub(super) mod answer;
mod bombs;
mod channel;
pub(super) mod clip;
mod gate;
mod gzip;
mod hostile;
mod live_hls;
pub(super) mod retime;
mod schedule;
pub(super) mod serve;
mod ts;

pub use bombs::Bomb;
pub use gate::Gate;
pub use hostile::Hostile;
pub use live_hls::{Fault, Key, Live, LiveHls};
pub use retime::Retime;
pub use serve::Asked;
pub use ts::{TsFile, TsLive};

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::media;
use answer::{Answer, plain, ranged, redirect};
use serve::{Resource, Shared};

/// What an origin has counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Connections open now.
    pub open: usize,
    /// The most that were open at one time.
    pub peak: usize,
    /// Connections accepted.
    pub accepted: usize,
    /// Requests.
    pub requests: usize,
    /// Bytes of bodies handed to connections.
    pub bytes: u64,
}

/// An HTTP/1.1 server on a loopback port; ends on drop.
pub struct Origin {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Origin {
    /// Starts an origin that serves nothing yet (every path is 404).
    pub fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST)
    }

    /// As [`Self::start`], at another address of this machine: all of 127.0.0.0/8 are, and each is
    /// a host of its own to a client.
    pub fn start_at(host: Ipv4Addr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("origin")
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind((host, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::new(Shared::new());
        runtime.spawn(serve::accept(Arc::clone(&shared), listener, address));
        Self {
            runtime: Some(runtime),
            shared,
            address,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path without a slash in front.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Serves a live HLS channel below `/{name}/`, live from now on.
    pub fn live_hls(&self, name: &str, channel: LiveHls) -> Live {
        let live = Live::new(self.url(name), channel);
        self.put(name, live.resource());
        live
    }

    /// Serves a multivariant playlist at `/{name}/master.m3u8`, whose variants are the channels
    /// given with their BANDWIDTH and RESOLUTION. Gives its URL.
    pub fn multivariant(&self, name: &str, variants: &[(&Live, u64, &str)]) -> String {
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
        for (live, bandwidth, resolution) in variants {
            let relative = live.url().replace(&self.url(""), "../");
            let _ = writeln!(
                text,
                "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={resolution}\n{relative}"
            );
        }
        self.content(
            &format!("{name}/master.m3u8"),
            "application/vnd.apple.mpegurl",
            text,
        )
    }

    /// Serves a TS file as one continuous body below `/{name}`, live from now on.
    pub fn ts(&self, name: &str, file: TsFile) -> TsLive {
        let live = TsLive::new(self.url(name), file, Arc::clone(&self.shared));
        self.put(name, live.resource());
        live
    }

    /// Serves fixed bytes at this path (whose first part becomes the name). Gives the URL.
    pub fn content(&self, path: &str, kind: &'static str, body: impl Into<Bytes>) -> String {
        let body = body.into();
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let rest = rest.to_owned();
        self.serve(name, move |asked| {
            if asked.rest == rest {
                plain(200, kind, body.clone())
            } else {
                plain(404, "text/plain", "no such path")
            }
        });
        self.url(path)
    }

    /// Serves the files of a folder, as they are at each request, below `/{name}/`. Gives the URL of `entry`.
    pub fn folder(&self, name: &str, folder: &Path, entry: &str) -> String {
        let folder = folder.to_owned();
        self.serve(name, move |asked| {
            let inside = !asked.rest.contains("..");
            match std::fs::read(folder.join(&asked.rest)) {
                Ok(body) if inside => ranged(
                    "application/octet-stream",
                    &body.into(),
                    asked.header("range"),
                ),
                _ => plain(404, "text/plain", "no such file"),
            }
        });
        self.url(&format!("{name}/{entry}"))
    }

    /// Answers below `/{name}` with a redirect to `target`; may point at itself. Gives the URL.
    pub fn redirect(&self, name: &str, target: &str) -> String {
        let target = target.to_owned();
        self.serve(name, move |_| redirect(&target));
        self.url(name)
    }

    /// Answers below `/{name}` with this status. Gives the URL.
    pub fn status(&self, name: &str, status: u16) -> String {
        self.serve(name, move |_| plain(status, "text/plain", "as told"));
        self.url(name)
    }

    /// Answers below `/{name}` with this status and page. Gives the URL.
    pub fn refusal(&self, name: &str, status: u16, page: &'static str) -> String {
        self.serve(name, move |_| plain(status, "text/html", page));
        self.url(name)
    }

    /// A port of its own that answers every request in this hostile way. Gives the URL.
    pub fn hostile(&self, kind: Hostile) -> String {
        hostile::start(self.runtime().handle(), kind, Arc::clone(&self.shared))
    }

    /// Serves a stream that is built to blow up below `/{name}`. Gives the URL.
    pub fn bomb(&self, name: &str, bomb: Bomb) -> String {
        let resource = bombs::resource(bomb, &media("bbb.ts"), &media("hevc10.ts"));
        self.put(name, resource);
        self.url(name)
    }

    /// Closes the listener and every connection: the port refuses until [`Self::resume`].
    pub fn stop(&self) {
        self.shared.set_open(false);
        wait("the origin's port to close", || {
            !self.shared.listening.load(Ordering::SeqCst)
                && self.shared.open.load(Ordering::SeqCst) == 0
        });
    }

    /// Listens on the same port again.
    pub fn resume(&self) {
        self.shared.set_open(true);
        wait("the origin's port to open", || {
            self.shared.listening.load(Ordering::SeqCst)
        });
    }

    /// Accepts and reads requests but answers none of them, while `on`. Bodies under way go on.
    pub fn stall(&self, on: bool) {
        self.shared.stalled.store(on, Ordering::SeqCst);
    }

    /// Breaks every connection of now; new ones are welcome.
    pub fn drop_connections(&self) {
        self.shared.end_connections();
    }

    /// What has been counted.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// The last requests (at most 10,000), oldest first.
    pub fn requests(&self) -> Vec<Asked> {
        self.shared
            .log
            .lock()
            .expect("no poison")
            .iter()
            .cloned()
            .collect()
    }

    /// How many of them asked for a path that holds `part`.
    pub fn hits(&self, part: &str) -> usize {
        let log = self.shared.log.lock().expect("no poison");
        log.iter().filter(|asked| asked.path.contains(part)).count()
    }

    fn serve(&self, name: &str, answer: impl Fn(&Asked) -> answer::Reply + Send + Sync + 'static) {
        let answer = Arc::new(answer);
        self.put(
            name,
            Arc::new(move |asked: Asked| -> Answer {
                let reply = answer(&asked);
                Box::pin(async move { reply })
            }),
        );
    }

    pub(super) fn put(&self, name: &str, resource: Resource) {
        let mut resources = self.shared.resources.lock().expect("no poison");
        resources.insert(name.to_owned(), resource);
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the runtime lives until drop")
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // Not by waiting: the test itself may run on a runtime, where that is forbidden.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits, without a runtime, for what another thread does at once.
fn wait(what: &str, reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "gave up waiting for {what}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
