//! An RTSP server that misbehaves on command, and notes what it was asked.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a fake server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fake {
    /// Answers everything with a redirect to this URL.
    Redirect(String),
    /// Answers with something else than RTSP.
    Garbage,
    /// Answers nothing.
    Mute,
    /// Answers everything with this status.
    Status(u16),
    /// Offers a track of a codec that nobody knows.
    OddCodec,
    /// Agrees to everything, and then sends nothing.
    Silent,
    /// Agrees to everything, and closes.
    Closes,
    /// Agrees to everything, and then sends nonsense in place of packets, without end.
    Nonsense,
}

/// A running fake server; gone when dropped.
pub struct FakeRtsp {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl FakeRtsp {
    /// Starts one.
    pub async fn start(fake: Fake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let asked = Arc::clone(&asked);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, fake.clone(), Arc::clone(&asked)));
                }
            }
        });
        Self { port, asked, task }
    }

    /// The URL of what it claims to play.
    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/live", self.port)
    }

    /// The requests so far, head by head.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FakeRtsp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, fake: Fake, asked: Arc<Mutex<Vec<String>>>) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let number = request.lines().find_map(|line| line.strip_prefix("CSeq: "));
        let ok = format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\n", number.unwrap_or("0"));
        let method = request.split(' ').next().unwrap_or_default().to_owned();
        let answer = match (&fake, method.as_str()) {
            (Fake::Garbage, _) => "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
            (Fake::Mute, _) => String::new(),
            (Fake::Redirect(to), _) => format!(
                "{}Location: {to}\r\n\r\n",
                ok.replace("200 OK", "302 Moved")
            ),
            (Fake::Status(status), _) => format!("{}\r\n", ok.replace("200", &status.to_string())),
            (_, "DESCRIBE") => {
                let codec = if fake == Fake::OddCodec {
                    "SMELL"
                } else {
                    "H264"
                };
                let sdp = format!(
                    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {codec}/90000\r\na=control:v\r\n"
                );
                format!("{ok}Content-Length: {}\r\n\r\n{sdp}", sdp.len())
            }
            (_, "SETUP") => {
                format!("{ok}Session: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n")
            }
            _ => format!("{ok}\r\n"),
        };
        asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        match fake {
            Fake::Closes if method == "PLAY" => return,
            Fake::Nonsense if method == "PLAY" => {
                // Frames of one size, without a packet of the track in them.
                let mut frame = vec![b'$', 0, 4, 0];
                frame.extend((0..1024).map(|at| (at * 7) as u8));
                while stream.write_all(&frame).await.is_ok() {}
                return;
            }
            _ => {}
        }
    }
}

/// The next request, without its empty line.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let request = buffer.drain(..end + 4).collect::<Vec<_>>();
            return Some(String::from_utf8_lossy(&request).trim_end().to_owned());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
