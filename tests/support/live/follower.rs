//! A client of our own, of which there may be hundreds.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::View;
use super::wire::{Events, Frames};

/// How one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Sse,
    SseGzip,
    WebSocket,
    WebSocketDeflate,
}

/// A client that follows, until it is dropped.
pub struct Follower {
    way: Way,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    view: View,
    bytes: usize,
    ended: bool,
}

impl Way {
    pub const ALL: [Self; 4] = [
        Self::Sse,
        Self::SseGzip,
        Self::WebSocket,
        Self::WebSocketDeflate,
    ];

    fn request(self, query: &str) -> String {
        // HTTP/1.0 has no chunks: what comes is what is meant.
        let sse = format!("GET /api/v1/events/stream{query} HTTP/1.0\r\nHost: sightglass\r\n");
        let socket = format!(
            "GET /api/v1/ws{query} HTTP/1.1\r\nHost: sightglass\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        match self {
            Self::Sse => sse + "\r\n",
            Self::SseGzip => sse + "Accept-Encoding: gzip\r\n\r\n",
            Self::WebSocket => socket + "\r\n",
            Self::WebSocketDeflate => {
                socket
                    + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
            }
        }
    }
}

impl Follower {
    /// Begins to follow; `query` is empty or begins with a question mark. Takes nothing for so long at first, with
    /// little room in the kernel meanwhile if it takes its time.
    pub async fn start(server: SocketAddr, way: Way, query: &str, idle: Duration) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if !idle.is_zero() {
            // The kernel's buffers at both ends go by these: at the server's, too, or it would take megabytes.
            socket
                .set_recv_buffer_size(4 << 10)
                .expect("a small buffer");
            let small = socket2::SockRef::from(&socket).set_tcp_mss(536);
            small.expect("small segments");
        }
        let mut stream = socket.connect(server).await.expect("a connection");
        let request = way.request(query);
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                tokio::time::sleep(idle).await;
                read(stream, way, &seen).await;
                seen.lock().expect("seen").ended = true;
            }
        });
        Self { way, seen, task }
    }

    /// How it follows.
    pub fn way(&self) -> Way {
        self.way
    }

    /// What it knows.
    pub fn view(&self) -> View {
        self.seen().view.clone()
    }

    /// Where it is.
    pub fn id(&self) -> String {
        self.seen().view.id.clone()
    }

    /// Documents and bytes that it got so far, without the head of the answer.
    pub fn got(&self) -> (usize, usize) {
        let seen = self.seen();
        (seen.view.documents, seen.bytes)
    }

    /// Whether its connection has ended.
    pub fn ended(&self) -> bool {
        self.seen().ended
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("seen")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(mut stream: TcpStream, way: Way, seen: &Mutex<Seen>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let good = match way {
        Way::Sse => head.contains(" 200 ") && !head.contains("content-encoding"),
        Way::SseGzip => head.contains(" 200 ") && head.contains("content-encoding: gzip"),
        Way::WebSocket => head.contains(" 101 ") && !head.contains("permessage"),
        Way::WebSocketDeflate => {
            head.contains(" 101 ") && head.contains("server_no_context_takeover")
        }
    };
    assert!(good, "{way:?}: {head}");
    let mut events = Events::new(way == Way::SseGzip);
    let mut frames = Frames::default();
    let mut buffer = vec![0; 32 << 10];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let documents = match way {
            Way::Sse | Way::SseGzip => events.add(&buffer[..length]),
            Way::WebSocket | Way::WebSocketDeflate => frames.add(&buffer[..length]),
        };
        {
            let mut seen = seen.lock().expect("seen");
            seen.bytes += length;
            for one in &documents {
                seen.view.take(one);
            }
        }
        for _ in 0..std::mem::take(&mut frames.pings) {
            // A pong without anything, masked by zeros.
            if stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.is_err() {
                return;
            }
        }
    }
}
