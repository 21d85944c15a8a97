//! MMS over HTTP ([MS-WMSP]): two requests, one that describes and one that plays; framed ASF comes back.
//!
//! Delivers plain ASF, packets padded to their size, which is to be converted. `mms://` is taken as this protocol, too,
//! as servers and players have done since its own was withdrawn.

pub mod asf;
pub mod frame;
mod http;

use std::fmt::Write;

use bytes::{Bytes, BytesMut};

use super::error::{Cause, IngestError, Stage};
use super::sink::{Gone, Sink};
use super::{Dialer, Patience};
use crate::stream::{Credentials, Source};
use asf::Asf;
use frame::{Chunk, Deframer};
use http::Connection;

const PORT: u16 = 80;
/// Largest ASF header.
const MAX_HEADER: usize = 1 << 20;
/// Servers tell players by it, and answer others with a redirection file.
const PLAYER: &str = "NSPlayer/4.1.0.3856";
/// Who asks; servers count players by it and want one that stays the same within a session.
const CLIENT: &str = "{C77E7400-738A-11D2-9ADD-0020AF0A3278}";

/// Asks a source what it has. Tells `sink` the stages it passes.
///
/// # Errors
/// With the stage reached and the cause.
pub async fn open<'a>(
    dialer: &'a Dialer,
    source: &'a Source,
    patience: Patience,
    sink: &Sink,
) -> Result<Opened<'a>, IngestError> {
    let peer = Peer {
        dialer,
        source,
        patience,
    };
    let described = peer.describe(sink).await?;
    sink.reached(Stage::Manifest);
    Ok(Opened { peer, described })
}

/// A source that has said what it has.
#[derive(Debug)]
pub struct Opened<'a> {
    peer: Peer<'a>,
    described: Asf,
}

impl Opened<'_> {
    /// Pulls its ASF into `sink` until it ends or fails.
    ///
    /// # Errors
    /// With the stage reached and the cause.
    pub async fn pull(self, sink: &Sink) -> Result<(), IngestError> {
        self.peer.play(&self.described, sink).await
    }
}

#[derive(Debug)]
struct Peer<'a> {
    dialer: &'a Dialer,
    source: &'a Source,
    patience: Patience,
}

/// What is expected next.
struct Chunks {
    connection: Connection,
    deframer: Deframer,
}

impl Chunks {
    async fn next(&mut self) -> Result<Option<Chunk>, IngestError> {
        loop {
            let chunk = self.deframer.next_chunk().map_err(|_| {
                let text = "the source does not speak MMS over HTTP";
                IngestError::new(Stage::FirstByte, Cause::NotMedia, text)
            })?;
            if chunk.is_some() {
                return Ok(chunk);
            }
            match self.connection.read().await? {
                Some(bytes) => self.deframer.push(&bytes),
                None => return Ok(None),
            }
        }
    }

    /// The whole ASF header.
    async fn header(&mut self) -> Result<Bytes, IngestError> {
        let mut header = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            match chunk {
                Chunk::Header(part, last) => {
                    if header.len() + part.len() > MAX_HEADER {
                        let text = "the source's ASF header is too long";
                        return Err(IngestError::new(Stage::Manifest, Cause::Limit, text));
                    }
                    header.extend_from_slice(&part);
                    if last {
                        return Ok(header.freeze());
                    }
                }
                Chunk::Other => {}
                Chunk::End => break,
                Chunk::Data(_) | Chunk::Change => {
                    let text = "the source sends no ASF header";
                    return Err(IngestError::new(Stage::Manifest, Cause::NotMedia, text));
                }
            }
        }
        // As VLC answers while it still starts.
        let text = "the source ended before its ASF header";
        Err(IngestError::new(Stage::FirstByte, Cause::Ended, text))
    }
}

impl Peer<'_> {
    /// Asks what there is.
    async fn describe(&self, sink: &Sink) -> Result<Asf, IngestError> {
        let pragma = "Pragma: no-cache,rate=1.000000,stream-time=0,stream-offset=0:0,request-context=1,max-duration=0\r\n";
        let mut chunks = self.ask(pragma, sink).await?;
        read(&chunks.header().await?)
    }

    /// Asks for it, and delivers it.
    async fn play(&self, described: &Asf, sink: &Sink) -> Result<(), IngestError> {
        let mut pragma = String::from(
            "Pragma: no-cache,rate=1.000000,stream-time=0,stream-offset=4294967295:4294967295,packet-num=4294967295,request-context=2,max-duration=0\r\nPragma: xPlayStrm=1\r\n",
        );
        let _ = write!(
            pragma,
            "Pragma: stream-switch-count={}\r\nPragma: stream-switch-entry=",
            described.streams.len()
        );
        for (number, wanted) in &described.streams {
            // the third number thins a stream: 0 is all of it, 2 nothing
            let _ = write!(pragma, "ffff:{number}:{} ", if *wanted { 0 } else { 2 });
        }
        pragma.push_str("\r\n");
        let mut chunks = self.ask(&pragma, sink).await?;
        let header = chunks.header().await?;
        let Asf { packet, .. } = read(&header)?;
        if sink.data(header).await.is_err() {
            return Ok(());
        }
        while let Some(chunk) = chunks.next().await? {
            match chunk {
                Chunk::Data(data) if data.len() <= packet => {
                    if let Err(Gone) = sink.data(padded(&data, packet)).await {
                        return Ok(());
                    }
                }
                Chunk::Data(_) => {
                    let text = "the source sends packets that are longer than it says";
                    return Err(IngestError::new(Stage::Flow, Cause::NotMedia, text));
                }
                // What follows a change begins with a header: for the next attempt.
                Chunk::End | Chunk::Change | Chunk::Header(..) => break,
                Chunk::Other => {}
            }
        }
        Ok(())
    }

    async fn ask(&self, pragma: &str, sink: &Sink) -> Result<Chunks, IngestError> {
        let url = self.source.url.as_url();
        let host = url.host_str().unwrap_or_default();
        let port = url.port().unwrap_or(PORT);
        let mut request = format!("GET {}", url.path());
        if let Some(query) = url.query() {
            let _ = write!(request, "?{query}");
        }
        let agent = self.source.user_agent.as_deref();
        let agent = agent.filter(|agent| !agent.contains(char::is_control));
        let agent = agent.unwrap_or(PLAYER);
        let _ = write!(
            request,
            " HTTP/1.0\r\nAccept: */*\r\nUser-Agent: {agent}\r\nHost: {host}:{port}\r\n\
             {pragma}Pragma: xClientGUID={CLIENT}\r\nConnection: Close\r\n"
        );
        if let Some(Credentials::Basic { username, password }) = &self.source.credentials {
            let pair = format!("{username}:{password}");
            let pair = data_encoding::BASE64.encode(pair.as_bytes());
            let _ = write!(request, "Authorization: Basic {pair}\r\n");
        }
        request.push_str("\r\n");
        let time = self.patience.answer;
        let stream = self.dialer.tcp(host, port, time, sink).await?;
        let mut connection = Connection::new(stream, self.patience.stall);
        connection.ask(request.as_bytes(), time).await?;
        sink.reached(Stage::Request);
        Ok(Chunks {
            connection,
            deframer: Deframer::default(),
        })
    }
}

fn read(header: &[u8]) -> Result<Asf, IngestError> {
    let asf = asf::read(header).ok_or_else(|| {
        let text = "the source's ASF header cannot be read";
        IngestError::new(Stage::Manifest, Cause::NotMedia, text)
    })?;
    if asf.protected {
        let text = "the source's content is encrypted (DRM)";
        return Err(IngestError::new(Stage::Manifest, Cause::Drm, text));
    }
    Ok(asf)
}

/// A data packet as it would lie in a file: the server leaves its padding away.
fn padded(data: &[u8], packet: usize) -> Bytes {
    let mut whole = BytesMut::with_capacity(packet);
    whole.extend_from_slice(data);
    whole.resize(packet.max(data.len()), 0);
    whole.freeze()
}
