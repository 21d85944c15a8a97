//! HTTP over one connection at a time, for sources whose provider counts connections.
//!
//! A pool of connections cannot promise that: it keeps idle ones, and closes the rest in tasks of
//! its own. Here the connection belongs to the pull and is driven by whoever reads from it. It is
//! used again where HTTP allows, closed before another is made, and gone when the pull is dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::{Origin, Url};

use super::dial::Dialer;
use super::error::{Cause, IngestError, Stage};
use super::sink::Sink;

/// The longest that connecting may take; whoever asks has a deadline of its own.
const CONNECT: Duration = Duration::from_mins(2);
/// Between the end of a connection and the next: the provider, too, must see it end.
const PAUSE: Duration = Duration::from_millis(50);
/// A body that nobody wants is read to its end if it is no longer than this, to keep the connection.
const WASTE: usize = 16 << 10;

/// A client with at most one connection. Who asks while an answer is being read waits for its end.
#[derive(Clone)]
pub(super) struct Single {
    dialer: Dialer,
    sink: Sink,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    live: Option<Live>,
    /// When we have closed a connection.
    closed: Option<Instant>,
}

/// An open connection.
struct Live {
    origin: Origin,
    sender: SendRequest<Empty<Bytes>>,
    /// Moves the bytes while it is polled; `None` when the connection has ended.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

/// An answer, its body still to be read.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    /// The connection, until the body has been read to its end.
    line: Option<OwnedMutexGuard<Line>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Single {
    /// Connects under the policy of `dialer`, and tells `sink` the stages it passes.
    pub(super) fn new(dialer: &Dialer, sink: &Sink) -> Self {
        Self {
            dialer: dialer.clone(),
            sink: sink.clone(),
            line: Arc::default(),
        }
    }

    /// Asks for `url`.
    pub(super) async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Reply, IngestError> {
        let mut line = Arc::clone(&self.line).lock_owned().await;
        if let Some(live) = line.live.as_mut().filter(|l| l.origin == url.origin()) {
            // The server may have closed it in the meantime: then it is tried anew, once.
            if let Ok(response) = live.send(request(url, headers.clone())?).await {
                return Reply::new(response, line);
            }
        }
        line.close();
        if let Some(closed) = line.closed {
            tokio::time::sleep_until((closed + PAUSE).into()).await;
        }
        let live = line.live.insert(self.connect(url).await?);
        let sent = live.send(request(url, headers)?).await;
        let response = sent.map_err(|e| of_http(Stage::Request, &e))?;
        Reply::new(response, line)
    }

    async fn connect(&self, url: &Url) -> Result<Live, IngestError> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(80);
        let tcp = self.dialer.tcp(host, port, CONNECT, &self.sink).await?;
        let stream: Box<dyn Stream> = if url.scheme() == "https" {
            Box::new(self.dialer.tls(host, tcp, CONNECT, &self.sink).await?)
        } else {
            Box::new(tcp)
        };
        let made = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|e| of_http(Stage::Connect, &e))?;
        Ok(Live {
            origin: url.origin(),
            sender,
            driver: Some(Box::pin(connection)),
        })
    }
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Single").finish_non_exhaustive()
    }
}

impl Line {
    fn close(&mut self) {
        if self.live.take().is_some() {
            self.closed = Some(crate::base::clock::now());
        }
    }
}

impl Live {
    async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<hyper::Response<Incoming>> {
        let Self { sender, driver, .. } = self;
        let answer = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        tokio::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            ended = drive(driver) => ended?,
        }
        // It has ended in order: the answer, if there is one, is there.
        answer.await
    }
}

/// Moves the connection's bytes until it has ended; never ends again after that.
async fn drive(
    driver: &mut Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
) -> hyper::Result<()> {
    let Some(connection) = driver else {
        return std::future::pending().await;
    };
    let ended = connection.await;
    *driver = None;
    ended
}

impl Reply {
    fn new(
        response: hyper::Response<Incoming>,
        line: OwnedMutexGuard<Line>,
    ) -> Result<Self, IngestError> {
        let (head, body) = response.into_parts();
        let mut reply = Self {
            status: head.status,
            headers: head.headers,
            body,
            line: Some(line),
        };
        if let Some(coding) = reply.headers.get(CONTENT_ENCODING)
            && coding != "identity"
        {
            let text = "the source compresses its answer though it was asked not to";
            return Err(IngestError::new(Stage::Request, Cause::NotMedia, text));
        }
        reply.note_end();
        Ok(reply)
    }

    /// The next bytes of the body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, IngestError> {
        loop {
            let Some(live) = self.line.as_mut().and_then(|line| line.live.as_mut()) else {
                return Ok(None);
            };
            let frame = tokio::select! {
                biased;
                frame = self.body.frame() => frame,
                // What it has brought until its end is still read; a failure shows there.
                _ = drive(&mut live.driver) => continue,
            };
            let Some(frame) = frame else {
                self.line = None;
                return Ok(None);
            };
            let frame = frame.map_err(|e| of_http(Stage::Flow, &e))?;
            self.note_end();
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Reads a short body to its end, so that the connection can be used again.
    pub(super) async fn discard(mut self) {
        let mut read = 0;
        while let Ok(Some(bytes)) = self.chunk().await {
            read += bytes.len();
            if read > WASTE {
                return;
            }
        }
    }

    /// When the body is at its end the connection is for the next who asks.
    fn note_end(&mut self) {
        if self.body.is_end_stream() {
            self.line = None;
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // In the middle of a body the connection is good for nothing else.
        if let Some(line) = self.line.as_mut() {
            line.close();
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

fn request(url: &Url, headers: HeaderMap) -> Result<Request<Empty<Bytes>>, IngestError> {
    let wrong = || {
        let text = "the URL cannot be asked for";
        IngestError::new(Stage::Request, Cause::Unsupported, text)
    };
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(wrong()),
    };
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = Request::get(target)
        .body(Empty::new())
        .map_err(|_| wrong())?;
    *request.headers_mut() = headers;
    let host = HeaderValue::from_str(&host).map_err(|_| wrong())?;
    request.headers_mut().insert(HOST, host);
    let plain = HeaderValue::from_static("identity");
    request.headers_mut().insert(ACCEPT_ENCODING, plain);
    Ok(request)
}

/// The verdict on a failure of the connection.
fn of_http(stage: Stage, error: &hyper::Error) -> IngestError {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return IngestError::of_connection(stage, io);
        }
        cause = inner.source();
    }
    if error.is_parse() {
        return IngestError::new(stage, Cause::NotMedia, "the source's answer is no HTTP");
    }
    let text = "the source closed the connection";
    IngestError::new(stage, Cause::Unreachable, text)
}

#[cfg(test)]
#[path = "single_tests.rs"]
mod tests;
