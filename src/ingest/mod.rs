//! Pulling sources: async, without GStreamer and without a thread per stream.
//!
//! [`pull`] asks a source over HTTP, finds out what it is, and delivers its bytes to a
//! [`sink::Sink`] until it ends; [`udp::pull`] takes datagrams. Which source is pulled when is for
//! [`failover`] to say. Cutting, pacing and publishing are the pump's (`actors::ingest`).

mod blocked;
mod charset;
mod dash;
pub mod demand;
pub mod detect;
mod dial;
mod error;
pub mod failover;
mod fetch;
pub mod file;
mod hls;
pub mod mms;
pub mod observer;
pub mod pacer;
mod patience;
pub mod policy;
mod progress;
mod progressive;
mod remuxed;
pub mod resolve;
mod route;
pub mod rtmp;
mod rtp;
pub mod rtsp;
mod segmented;
mod single;
pub mod sink;
pub mod srt;
pub mod udp;

use bytes::Bytes;

pub use demand::{Demand, Keeping, Look};
pub use dial::Dialer;
pub use error::{Cause, IngestError, Stage};
pub use fetch::{Answer, Fetcher, Manners};
pub use patience::Patience;
pub use progress::{Found, Progress, Variant};
pub use route::has_route;

use crate::stream::Source;
use detect::Container;
use sink::{Gone, Sink};

/// Bytes looked at to find out what a source is.
const SNIFF: usize = 4096;
/// The largest playlist that is read.
const MAX_PLAYLIST: usize = 4 << 20;
/// The longest a playlist may take to arrive.
const PLAYLIST_TIME: std::time::Duration = std::time::Duration::from_secs(20);

/// Pulls an HTTP source into `sink` until it ends or fails.
///
/// # Errors
/// With the stage it reached and the cause. `Ok` means that the source ended by itself, or that
/// nobody takes its bytes any more.
pub async fn pull(fetcher: &Fetcher, source: &Source, sink: &Sink) -> Result<Pulled, IngestError> {
    let manners = fetcher.manners(source);
    let mut answer = fetcher.get(source.url.as_url(), &manners, None).await?;
    sink.reached(Stage::Request);
    let start = read_start(&mut answer).await?;
    match detect::container(&answer.content_type, answer.url.path(), &start) {
        Container::Hls => {
            let body = answer.read_all(start, MAX_PLAYLIST, PLAYLIST_TIME).await?;
            hls::pull(fetcher, &manners, source, answer, &body, sink).await?;
        }
        Container::Ts => {
            sink.note(|found| found.container = Some("mpeg-ts"));
            continuous(answer, start, sink).await?;
        }
        // Large futures, which the others need not make room for.
        Container::Mp4 => {
            let pulled = progressive::mp4(fetcher, &manners, answer, start, sink);
            match Box::pin(pulled).await {
                // It was read well, but TS cannot carry what is in it: from the start, to be converted.
                Err(IngestError {
                    stage: Stage::Demux,
                    cause: Cause::Unsupported,
                    ..
                }) => return foreign(fetcher, source, &manners).await,
                ended => ended?,
            }
        }
        Container::Flv => Box::pin(progressive::flv(answer, start, sink)).await?,
        Container::Adts | Container::Mp3 => {
            Box::pin(progressive::radio(answer, start, sink)).await?;
        }
        Container::Dash => {
            let body = answer.read_all(start, MAX_PLAYLIST, PLAYLIST_TIME).await?;
            Box::pin(dash::pull(fetcher, &manners, source, answer, &body, sink)).await?;
        }
        Container::Asf | Container::Matroska | Container::Other => {
            return Ok(Pulled::Foreign(Box::new(Foreign { answer, start })));
        }
        Container::NotMedia(what) => {
            let text = format!("the source sends {what}, which is no media");
            return Err(IngestError::new(Stage::FirstByte, Cause::NotMedia, text));
        }
    }
    Ok(Pulled::Ended)
}

/// Asks anew for a container that is to be converted.
async fn foreign(
    fetcher: &Fetcher,
    source: &Source,
    manners: &Manners,
) -> Result<Pulled, IngestError> {
    let answer = fetcher.get(source.url.as_url(), manners, None).await?;
    let start = Bytes::new();
    Ok(Pulled::Foreign(Box::new(Foreign { answer, start })))
}

/// How a pull over HTTP ended that did not fail.
#[derive(Debug)]
pub enum Pulled {
    /// The source ended by itself, or nobody takes its bytes any more.
    Ended,
    /// It sends a container that has to be converted, if it is one at all; nothing of it was delivered.
    Foreign(Box<Foreign>),
}

/// An answer whose bytes are to be converted.
#[derive(Debug)]
pub struct Foreign {
    answer: Answer,
    start: Bytes,
}

impl Foreign {
    /// Pulls its bytes, as they are, into `sink`.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes for the stall timeout.
    pub async fn pull(self, sink: &Sink) -> Result<(), IngestError> {
        continuous(self.answer, self.start, sink).await
    }
}

async fn read_start(answer: &mut Answer) -> Result<Bytes, IngestError> {
    let mut start = bytes::BytesMut::new();
    while start.len() < SNIFF && !detect::is_decided(&start) {
        match answer.chunk().await {
            Ok(Some(bytes)) => start.extend_from_slice(&bytes),
            Ok(None) => break,
            Err(error) if start.is_empty() => {
                let stage = Stage::FirstByte;
                return Err(IngestError { stage, ..error });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(start.freeze())
}

/// A continuous body: bytes as they come.
async fn continuous(mut answer: Answer, start: Bytes, sink: &Sink) -> Result<(), IngestError> {
    let mut next = Some(start);
    while let Some(bytes) = next {
        if let Err(Gone) = sink.data(bytes).await {
            return Ok(());
        }
        next = answer.chunk().await?;
    }
    Ok(())
}
