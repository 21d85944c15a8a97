//! The one connection of a pull: RTSP messages and interleaved packets, over TLS or not.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use url::Url;

use super::address;
use super::message::{Frame, Framer, Malformed};
use crate::ingest::dial::Dialer;
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::sink::Sink;

/// Bytes asked of the socket at a time.
const READ: usize = 16 << 10;
/// Bytes that may wait to be sent: a server that reads nothing is left.
const MAX_UNSENT: usize = 256 << 10;

/// Bytes in both directions.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a server.
pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    framer: Framer,
    unsent: BytesMut,
    unflushed: bool,
    /// Our end.
    pub(super) local: SocketAddr,
    /// The server's end, which the policy allowed.
    pub(super) peer: SocketAddr,
}

impl Connection {
    /// Connects to the server of `url` under the source policy; each step within `time`.
    pub(super) async fn open(
        dialer: &Dialer,
        url: &Url,
        time: Duration,
        sink: &Sink,
    ) -> Result<Self, IngestError> {
        let host = url.host_str().unwrap_or_default();
        let stream = dialer.tcp(host, address::port(url), time, sink).await?;
        let broken = |error: io::Error| IngestError::of_connection(Stage::Connect, &error);
        let local = stream.local_addr().map_err(broken)?;
        let peer = stream.peer_addr().map_err(broken)?;
        let stream: Box<dyn Duplex> = if address::is_secure(url) {
            Box::new(dialer.tls(host, stream, time, sink).await?)
        } else {
            Box::new(stream)
        };
        Ok(Self {
            stream,
            framer: Framer::default(),
            unsent: BytesMut::new(),
            unflushed: false,
            local,
            peer,
        })
    }

    /// Takes bytes to be sent while [`next`](Self::next) waits.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), IngestError> {
        if self.unsent.len() + bytes.len() > MAX_UNSENT {
            let text = "the source does not read what it is told";
            return Err(IngestError::new(Stage::Flow, Cause::Stalled, text));
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }

    /// An interleaved packet to be sent. Left out while much waits already: it is only a report.
    pub(super) fn send_packet(&mut self, channel: u8, packet: &[u8]) {
        if let Ok(length) = u16::try_from(packet.len())
            && self.unsent.len() + packet.len() < MAX_UNSENT / 2
        {
            self.unsent.extend_from_slice(&[b'$', channel]);
            self.unsent.extend_from_slice(&length.to_be_bytes());
            self.unsent.extend_from_slice(packet);
        }
    }

    /// The next thing that comes; `None` when the server closes. Cancel safe.
    pub(super) async fn next(&mut self, stage: Stage) -> Result<Option<Frame>, IngestError> {
        loop {
            match self.framer.next() {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => {}
                Err(Malformed::NotRtsp) => {
                    let text = "the source answers with something else than RTSP";
                    return Err(IngestError::new(stage, Cause::NotMedia, text));
                }
                Err(Malformed::TooLarge) => {
                    let text = "the source sends a larger message than is allowed";
                    return Err(IngestError::new(stage, Cause::Limit, text));
                }
            }
            let read = self.turn().await;
            if read.map_err(|error| IngestError::of_connection(stage, &error))? == 0 {
                return Ok(None);
            }
        }
    }

    /// Sends what it can, and reads once.
    async fn turn(&mut self) -> io::Result<usize> {
        let buffer = self.framer.buffer();
        buffer.reserve(READ);
        poll_fn(|context| {
            while !self.unsent.is_empty() {
                match Pin::new(&mut self.stream).poll_write(context, &self.unsent) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(sent)) => {
                        self.unsent.advance(sent);
                        self.unflushed = true;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            // TLS keeps records back until they are flushed.
            if self.unflushed && Pin::new(&mut self.stream).poll_flush(context)?.is_ready() {
                self.unflushed = false;
            }
            let read = ready!(pin!(self.stream.read_buf(buffer)).poll(context));
            Poll::Ready(read)
        })
        .await
    }
}
