//! Origins that mean harm, or might as well. Each has a port of its own and speaks HTTP by hand,
//! because no well-made server would send this.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::gzip;
use super::serve::Shared;

/// What a hostile origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// Noise without end, called TS.
    EndlessJunk,
    /// Sync bytes at every 188 bytes, without end, and no table or track in them.
    EndlessNullPackets,
    /// A playlist whose list of segments has no end.
    EndlessPlaylist,
    /// A playlist whose first line has no end.
    EndlessLine,
    /// A playlist, compressed, that unpacks to far more than was sent, without end.
    GzipBomb,
    /// A web page with status 200.
    Html,
    /// A playlist of one byte in 100 ms.
    Drip,
    /// A header of 8 MiB.
    HugeHeader,
    /// Headers without end.
    EndlessHeaders,
    /// Headers of one byte in 500 ms.
    SlowHeaders,
    /// A body far longer than what is sent of it; then silence.
    LyingLength,
    /// Reads the request and answers nothing.
    Silent,
    /// Closes at once.
    Closes,
    /// A redirect to itself, for ever.
    RedirectLoop,
    /// Bytes that are no HTTP.
    NotHttp,
}

/// Starts it; gives its URL.
pub fn start(runtime: &Handle, kind: Hostile, shared: Arc<Shared>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    listener
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    runtime.spawn(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            let counted = shared.connected();
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let _counted = counted;
                let mut endings = shared.endings();
                tokio::select! {
                    // It ends when the client has had enough; how is of no interest.
                    _ = misbehave(stream, kind, &shared) => {}
                    _ = endings.changed() => {}
                }
            });
        }
    });
    let path = match kind {
        Hostile::EndlessJunk | Hostile::EndlessNullPackets => "stream.ts",
        _ => "index.m3u8",
    };
    format!("http://{address}/{path}")
}

async fn misbehave(mut stream: TcpStream, kind: Hostile, shared: &Shared) -> io::Result<()> {
    if kind == Hostile::Closes {
        return Ok(());
    }
    read_request(&mut stream).await?;
    let mut to = Counting { stream, shared };
    match kind {
        Hostile::EndlessJunk => to.endless(&head("video/mp2t", ""), &noise()).await,
        Hostile::EndlessNullPackets => {
            let mut packet = [0xff; 188];
            packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
            to.endless(&head("video/mp2t", ""), &packet.repeat(100))
                .await
        }
        Hostile::EndlessPlaylist => {
            let head = head(PLAYLIST, "") + START;
            to.endless(&head, "#EXTINF:4.0,\nsegment.ts\n".repeat(400).as_bytes())
                .await
        }
        Hostile::EndlessLine => {
            to.endless(&(head(PLAYLIST, "") + "#EXTM3U "), &[b'x'; 16 << 10])
                .await
        }
        Hostile::GzipBomb => {
            to.send(head(PLAYLIST, "content-encoding: gzip\r\n").as_bytes())
                .await?;
            to.send(&gzip::bomb(START.as_bytes())).await?;
            to.endless("", &gzip::MORE.repeat(800)).await
        }
        Hostile::Html => {
            let page = "<!doctype html><title>Login</title><p>Please log in.";
            to.send((head("text/html; charset=utf-8", "") + page).as_bytes())
                .await
        }
        Hostile::Drip => {
            to.send(head(PLAYLIST, "").as_bytes()).await?;
            let playlist = START.to_owned() + &"#EXTINF:4.0,\nsegment.ts\n".repeat(100);
            to.slowly(playlist.as_bytes(), Duration::from_millis(100))
                .await
        }
        Hostile::HugeHeader => {
            let value = "x".repeat(8 << 20);
            let head = head(PLAYLIST, &format!("x-huge: {value}\r\n"));
            to.send((head + START).as_bytes()).await
        }
        Hostile::EndlessHeaders => {
            to.endless(
                "HTTP/1.1 200 OK\r\n",
                "x-more: of this\r\n".repeat(100).as_bytes(),
            )
            .await
        }
        Hostile::SlowHeaders => {
            let head = head(PLAYLIST, &"x-slow: header\r\n".repeat(50));
            to.slowly(head.as_bytes(), Duration::from_millis(500)).await
        }
        Hostile::LyingLength => {
            let head = head(PLAYLIST, "content-length: 1000000000000\r\n");
            to.send((head + START).as_bytes()).await?;
            to.silence().await
        }
        Hostile::Silent => to.silence().await,
        Hostile::RedirectLoop => {
            let answer = "HTTP/1.1 302 Found\r\nlocation: /index.m3u8?again\r\n\
                          content-length: 0\r\nconnection: close\r\n\r\n";
            to.send(answer.as_bytes()).await
        }
        Hostile::NotHttp => to.send(b"220 mail.example ESMTP ready\r\n").await,
        Hostile::Closes => Ok(()),
    }
}

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const START: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n";

/// The head of an answer whose body ends with the connection.
fn head(kind: &str, more: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n{more}\r\n")
}

/// Bytes without pattern, and the same in every run.
pub(super) fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..64 << 10)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

async fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut buffer).await?;
        if length == 0 || request.len() > 1 << 20 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..length]);
    }
    Ok(())
}

struct Counting<'a> {
    stream: TcpStream,
    shared: &'a Shared,
}

impl Counting<'_> {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.shared
            .bytes
            .fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    async fn endless(&mut self, first: &str, more: &[u8]) -> io::Result<()> {
        self.send(first.as_bytes()).await?;
        loop {
            self.send(more).await?;
        }
    }

    async fn slowly(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes {
            self.send(&[*byte]).await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Until the client closes.
    async fn silence(&mut self) -> io::Result<()> {
        while self.stream.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    }
}
