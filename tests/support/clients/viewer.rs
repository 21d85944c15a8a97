//! A viewer of progressive TS that measures, and that can be slow.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use super::super::tsscan::{Keyframe, TsScan};
use super::super::wait::{eventually, patience};

/// Body bytes kept for a later look.
const KEPT: usize = 8 << 20;

/// How to view.
#[derive(Debug, Clone, Default)]
pub struct ViewerOptions {
    /// Size of the kernel's receive buffer in bytes; small for one who stops reading and wants the
    /// server to feel it. `None` leaves the choice to the kernel.
    pub receive_buffer: Option<u32>,
    /// Read at most so many bytes in a second.
    pub bytes_per_second: Option<u64>,
    /// Further request headers.
    pub headers: Vec<(String, String)>,
    /// Count bytes without looking into them: for crowds of viewers.
    pub blind: bool,
    /// The address to connect from, such as 127.0.0.2: another client to the server.
    pub from: Option<Ipv4Addr>,
}

/// What a viewer has seen so far. Times count from just before the connection was made.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Status of the answer; 0 until there is one.
    pub status: u16,
    /// Headers of the answer.
    pub headers: HeaderMap,
    /// When the headers came.
    pub answered: Option<Duration>,
    /// When the first byte of the body came.
    pub first_byte: Option<Duration>,
    /// When the first decodable picture was whole.
    pub first_keyframe: Option<Duration>,
    /// When each keyframe was whole.
    pub keyframes: Vec<(Duration, Keyframe)>,
    /// Bytes of the body.
    pub bytes: u64,
    /// Stream time of the body by its PCRs, in seconds (0 if blind).
    pub seconds: f64,
    /// Packets missing by the continuity counters.
    pub continuity_errors: u64,
    /// Discontinuities signalled.
    pub discontinuities: u64,
    /// Bytes out of step with the packets.
    pub sync_losses: u64,
    /// The longest step from one picture's decoding time to the next, in seconds (0 if blind):
    /// more than the duration of a picture when one is missing.
    pub longest_step: f64,
    /// How long a player that began with the first keyframe would have stood still since, because
    /// the stream was late (0 if blind).
    pub stalled: Duration,
    /// When the body (or the attempt) ended.
    pub ended: Option<Duration>,
    /// Why, if not in order.
    pub error: Option<String>,
    /// The first 8 MiB of the body (none if blind).
    pub body: Vec<u8>,
}

/// A viewer in the background; leaves when dropped.
pub struct TsViewer {
    seen: Arc<Mutex<Seen>>,
    reading: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl TsViewer {
    /// Connects and reads.
    pub fn open(url: &str) -> Self {
        Self::open_with(url, ViewerOptions::default())
    }

    /// As [`Self::open`], with options.
    pub fn open_with(url: &str, options: ViewerOptions) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reading = watch::Sender::new(true);
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let viewing = View {
            began: Instant::now(),
            seen: Arc::clone(&seen),
            reading: reading.subscribe(),
            options,
        };
        let task = tokio::spawn(viewing.run(url));
        Self {
            seen,
            reading,
            task,
        }
    }

    /// Stops reading, with the connection open.
    pub fn pause(&self) {
        self.reading.send_replace(false);
    }

    /// Reads again.
    pub fn resume(&self) {
        self.reading.send_replace(true);
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.locked().clone()
    }

    /// Bytes of the body so far.
    pub fn bytes(&self) -> u64 {
        self.locked().bytes
    }

    /// Status (0 until there is one), bytes of the body, and whether it has ended.
    pub fn glance(&self) -> (u16, u64, bool) {
        let seen = self.locked();
        (seen.status, seen.bytes, seen.ended.is_some())
    }

    /// Waits for the headers of the answer: its status.
    pub async fn wait_status(&self, limit: Duration) -> u16 {
        let answered = async || self.look(|seen| Some(seen.status).filter(|status| *status > 0));
        eventually(limit, "an answer", answered).await
    }

    /// Waits for the first decodable picture: when it was whole.
    pub async fn wait_keyframe(&self, limit: Duration) -> Duration {
        eventually(limit, "a keyframe", async || {
            self.look(|seen| seen.first_keyframe)
        })
        .await
    }

    /// Waits until the body has so many bytes.
    pub async fn wait_bytes(&self, bytes: u64, limit: Duration) {
        let enough = async || self.look(|seen| (seen.bytes >= bytes).then_some(()));
        eventually(limit, &format!("{bytes} bytes"), enough).await;
    }

    /// Waits for the end of the body: what has been seen.
    pub async fn wait_end(&self, limit: Duration) -> Seen {
        let ended = async || self.look(|seen| seen.ended);
        eventually(limit, "the end of the stream", ended).await;
        self.seen()
    }

    /// Watches for so long, then leaves: what has been seen.
    pub async fn watch(self, length: Duration) -> Seen {
        tokio::time::sleep(length).await;
        self.seen()
    }

    /// Looks only while nothing ends the stream: panics with the viewer's error otherwise.
    fn look<T>(&self, choose: impl Fn(&Seen) -> Option<T>) -> Option<T> {
        let seen = self.locked();
        let found = choose(&seen);
        let failed = found.is_none() && seen.ended.is_some();
        assert!(
            !failed,
            "the stream ended before: status {}, {} bytes, {:?}: {}",
            seen.status,
            seen.bytes,
            seen.error,
            String::from_utf8_lossy(&seen.body[..seen.body.len().min(400)])
        );
        found
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for TsViewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct View {
    began: Instant,
    seen: Arc<Mutex<Seen>>,
    reading: watch::Receiver<bool>,
    options: ViewerOptions,
}

impl View {
    async fn run(mut self, url: Url) {
        let result = self.read(&url).await;
        self.note(|seen, now| {
            seen.ended = Some(now);
            seen.error = result.err().map(|error| error.to_string());
        });
    }

    async fn read(&mut self, url: &Url) -> Result<(), Failure> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = self.options.from {
            socket.bind((from, 0).into())?;
        }
        if let Some(bytes) = self.options.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let addresses = url.socket_addrs(|| None)?;
        let address = addresses.into_iter().find(std::net::SocketAddr::is_ipv4);
        let connecting = socket.connect(address.ok_or("no IPv4 address")?);
        let stream = tokio::time::timeout(patience(Duration::from_secs(10)), connecting).await??;
        let mut http = hyper::client::conn::http1::Builder::new();
        if self.options.receive_buffer.is_some() {
            // Or hyper's own buffer would hide the viewer's slowness.
            http.max_buf_size(8192);
        }
        let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await?;
        let request = self.request(url)?;
        // The connection is driven here, not in a task of its own: whoever stops reading the body
        // stops reading the socket.
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(sender.send_request(request));
        let answer = tokio::select! {
            answer = &mut answer => answer?,
            ended = &mut connection => match ended {
                Ok(()) => answer.await?,
                Err(error) => return Err(error.into()),
            },
        };
        self.note(|seen, now| {
            seen.status = answer.status().as_u16();
            seen.headers = answer.headers().clone();
            seen.answered = Some(now);
        });
        let mut body = answer.into_body();
        let mut scan = TsScan::new();
        let mut connected = true;
        loop {
            self.reading.wait_for(|reading| *reading).await?;
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                _ = &mut connection, if connected => {
                    connected = false;
                    continue;
                }
            };
            let Some(frame) = frame else { return Ok(()) };
            if let Some(bytes) = frame?.data_ref() {
                self.take(&mut scan, bytes);
                if let Some(rate) = self.options.bytes_per_second {
                    let pause = bytes.len() as f64 / rate as f64;
                    tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                }
            }
        }
    }

    fn request(&self, url: &Url) -> Result<Request<Empty<Bytes>>, Failure> {
        let query = url
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let mut request = Request::get(format!("{}{query}", url.path()))
            .header("host", url.authority())
            .header("user-agent", "TsViewer");
        for (name, value) in &self.options.headers {
            request = request.header(name, value);
        }
        Ok(request.body(Empty::new())?)
    }

    fn take(&self, scan: &mut TsScan, bytes: &Bytes) {
        let keyframes = if self.options.blind {
            Vec::new()
        } else {
            scan.push(bytes)
        };
        let blind = self.options.blind;
        self.note(|seen, now| {
            seen.first_byte.get_or_insert(now);
            seen.bytes += bytes.len() as u64;
            if blind {
                return;
            }
            if !keyframes.is_empty() {
                seen.first_keyframe.get_or_insert(now);
            }
            if let Some(begun) = seen.first_keyframe {
                let played = now.saturating_sub(begun).saturating_sub(seen.stalled);
                // What had come before this piece is all that could be shown until now.
                let had = Duration::from_secs_f64(seen.seconds);
                seen.stalled += played.saturating_sub(had);
            }
            seen.keyframes
                .extend(keyframes.into_iter().map(|keyframe| (now, keyframe)));
            seen.seconds = scan.seconds();
            seen.longest_step = scan.longest_step();
            seen.continuity_errors = scan.continuity_errors;
            seen.discontinuities = scan.discontinuities;
            seen.sync_losses = scan.sync_losses;
            let room = KEPT.saturating_sub(seen.body.len());
            seen.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        });
    }

    fn note(&self, note: impl FnOnce(&mut Seen, Duration)) {
        let now = self.began.elapsed();
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        note(&mut seen, now);
    }
}
