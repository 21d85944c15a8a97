//! Pulling sources: async, without GStreamer and without a thread per stream.
//!
//! [`pull`] asks a source over HTTP, finds out what it is, and delivers its bytes to a
//! [`sink::Sink`] until it ends; [`udp::pull`] takes datagrams. Which source is pulled when is for
//! [`failover`] to say. Cutting, pacing and publishing are the pump's (`actors::ingest`).

mod charset;
mod dash;
mod detect;
mod dial;
mod error;
pub mod failover;
mod fetch;
pub mod file;
mod hls;
pub mod pacer;
pub mod policy;
mod progress;
mod progressive;
mod remuxed;
pub mod resolve;
pub mod rtmp;
mod rtp;
mod segmented;
mod single;
pub mod sink;
pub mod udp;

use bytes::Bytes;

pub use dial::Dialer;
pub use error::{Cause, IngestError, Stage};
pub use fetch::{Answer, Fetcher, Manners};
pub use progress::{Found, Progress};

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
pub async fn pull(fetcher: &Fetcher, source: &Source, sink: &Sink) -> Result<(), IngestError> {
    let manners = fetcher.manners(source);
    let mut answer = fetcher.get(source.url.as_url(), &manners, None).await?;
    sink.reached(Stage::Request);
    let start = read_start(&mut answer).await?;
    match detect::container(&answer.content_type, answer.url.path(), &start) {
        Container::Hls => {
            let body = answer.read_all(start, MAX_PLAYLIST, PLAYLIST_TIME).await?;
            hls::pull(fetcher, &manners, answer.url.clone(), &body, sink).await
        }
        Container::Ts => continuous(answer, start, sink).await,
        // Large futures, which the others need not make room for.
        Container::Mp4 => Box::pin(progressive::mp4(fetcher, &manners, answer, start, sink)).await,
        Container::Flv => Box::pin(progressive::flv(answer, start, sink)).await,
        Container::Dash => {
            let body = answer.read_all(start, MAX_PLAYLIST, PLAYLIST_TIME).await?;
            dash::pull(fetcher, &manners, answer, &body, sink).await
        }
        Container::Asf => unsupported("ASF"),
        Container::Matroska => unsupported("Matroska"),
        Container::Adts | Container::Mp3 => unsupported("packed audio"),
        Container::Other => unsupported("a format that is not recognised"),
        Container::NotMedia(what) => Err(IngestError::new(
            Stage::FirstByte,
            Cause::NotMedia,
            format!("the source sends {what}, which is no media"),
        )),
    }
}

fn unsupported(what: &str) -> Result<(), IngestError> {
    let text = format!("the source sends {what}, which this version cannot pull");
    Err(IngestError::new(Stage::FirstByte, Cause::Unsupported, text))
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

/// Continuous MPEG-TS over HTTP: bytes as they come.
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
