//! Media files and endless answers over HTTP that are no MPEG-TS: FLV and MP4, through the remuxer.
//!
//! A file flows at real time, since the pump takes no more; its connection may break on the way, and
//! is then opened anew where it broke.

use bytes::Bytes;
use url::Url;

use super::error::{Cause, IngestError, Stage};
use super::fetch::{Answer, Fetcher, Manners};
use super::remuxed::{Remuxed, Stop};
use super::sink::Sink;
use crate::remux::{Container, Limits, Need};

/// How far is read to get to a place in a file whose server knows no ranges.
const MAX_SKIP: u64 = 64 << 20;
/// Places in a file that are gone to, besides its start: the index and the media are two.
const MAX_PLACES: usize = 8;
/// Attempts to read on that brought little, in a row, before the pull ends.
const MAX_FRUITLESS: u32 = 3;
/// What an attempt has to bring to count as a good one.
const FRUIT: u64 = 256 << 10;

/// Radio: AAC or MP3 frames without a container, live or from a file.
///
/// # Errors
/// When the connection breaks, nothing comes for the stall timeout, or it is no such sound.
pub(super) async fn radio(answer: Answer, start: Bytes, sink: &Sink) -> Result<(), IngestError> {
    let live = answer.length.is_none();
    sink.note(|found| {
        found.container = Some("packed audio");
        found.live = Some(live);
    });
    let remuxed = Remuxed::new(Container::PackedAudio, Limits::default(), sink);
    ended(read_on(remuxed, answer, start).await)
}

/// FLV, live or a file; `start` was read already.
pub(super) async fn flv(answer: Answer, start: Bytes, sink: &Sink) -> Result<(), IngestError> {
    let live = answer.length.is_none();
    sink.note(|found| {
        found.container = Some("flv");
        found.live = Some(live);
    });
    let limits = if live {
        Limits::live()
    } else {
        Limits::default()
    };
    let remuxed = Remuxed::new(Container::Flv, limits, sink);
    ended(read_on(remuxed, answer, start).await)
}

async fn read_on(mut remuxed: Remuxed<'_>, mut answer: Answer, start: Bytes) -> Result<(), Stop> {
    let mut next = Some(start);
    while let Some(bytes) = next {
        remuxed.push(&bytes).await?;
        next = answer.chunk().await?;
    }
    remuxed.finish().await
}

/// MP4: a file, with its index in front or at the end, or fragments without end; `start` was read
/// already.
pub(super) async fn mp4(
    fetcher: &Fetcher,
    manners: &Manners,
    answer: Answer,
    start: Bytes,
    sink: &Sink,
) -> Result<(), IngestError> {
    let length = answer.length;
    sink.note(|found| {
        found.container = Some("mp4");
        found.live = Some(length.is_none());
    });
    let mut file = File {
        fetcher,
        manners,
        url: answer.url.clone(),
        answer: Some(answer),
        start,
        at: 0,
        skip: 0,
        length,
        places: 0,
        opened_at: 0,
        fruitless: 0,
    };
    let mut remuxed = Remuxed::new(Container::Mp4, Limits::default(), sink);
    ended(file.play(&mut remuxed).await)
}

fn ended(read: Result<(), Stop>) -> Result<(), IngestError> {
    match read {
        Ok(()) | Err(Stop::Gone) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A file that is read from several places.
struct File<'a> {
    fetcher: &'a Fetcher,
    manners: &'a Manners,
    /// Where it is, after redirections.
    url: Url,
    /// Dropped before the next request: the source may allow one connection.
    answer: Option<Answer>,
    /// Bytes of the answer that were read to find out what it is.
    start: Bytes,
    /// The place of the next byte.
    at: u64,
    /// Bytes of the answer before that place.
    skip: u64,
    /// Bytes of the file. Without, it has no end, and cannot be read on where it broke.
    length: Option<u64>,
    /// Places gone to so far.
    places: usize,
    /// Where the newest request began.
    opened_at: u64,
    fruitless: u32,
}

impl File<'_> {
    async fn play(&mut self, remuxed: &mut Remuxed<'_>) -> Result<(), Stop> {
        loop {
            match remuxed.need() {
                Need::Next => {}
                Need::From(place) => {
                    self.go_to(place).await?;
                    remuxed.seek(place);
                }
                Need::Done => break,
            }
            let Some(bytes) = self.next().await? else {
                break;
            };
            remuxed.push(&bytes).await?;
        }
        remuxed.finish().await
    }

    /// Goes on where the index says.
    async fn go_to(&mut self, place: u64) -> Result<(), IngestError> {
        self.places += 1;
        if self.places > MAX_PLACES {
            let text = "the index of the MP4 file leads in circles";
            return Err(IngestError::new(Stage::Demux, Cause::NotMedia, text));
        }
        if self.length.is_some_and(|length| place >= length) {
            let text = "the MP4 file is cut off: what should follow its end is missing";
            return Err(IngestError::new(Stage::Demux, Cause::NotMedia, text));
        }
        self.open(place).await.map_err(index_at_end)
    }

    /// The bytes at the current place; `None` at the end of the file.
    async fn next(&mut self) -> Result<Option<Bytes>, IngestError> {
        loop {
            let read = match &mut self.answer {
                _ if !self.start.is_empty() => Ok(Some(std::mem::take(&mut self.start))),
                Some(answer) => answer.chunk().await,
                None => Ok(None),
            };
            match read {
                Ok(Some(mut bytes)) => {
                    let skipped = self.skip.min(bytes.len() as u64);
                    self.skip -= skipped;
                    bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(bytes.len()));
                    if bytes.is_empty() {
                        continue;
                    }
                    self.at += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Ok(None) => return Ok(None),
                Err(error) => self.reopen(error).await?,
            }
        }
    }

    /// Reads on where the connection broke, unless that is hopeless.
    async fn reopen(&mut self, error: IngestError) -> Result<(), IngestError> {
        let came = self.at.saturating_sub(self.opened_at);
        self.fruitless = if came < FRUIT { self.fruitless + 1 } else { 1 };
        if self.length.is_none() || self.fruitless > MAX_FRUITLESS {
            return Err(error);
        }
        tracing::debug!(stage = error.stage.as_str(), "reading on: {error}");
        self.open(self.at).await
    }

    /// Goes on at this place of the file.
    async fn open(&mut self, place: u64) -> Result<(), IngestError> {
        self.answer = None;
        let asked = self.fetcher.get_from(&self.url, self.manners, place);
        let answer = asked.await?;
        // A server may know no ranges, or answer with another.
        let skip = place
            .checked_sub(answer.first)
            .filter(|skip| *skip <= MAX_SKIP);
        let skip = skip.ok_or_else(|| {
            let text = "the server does not send parts of the file (byte ranges)";
            IngestError::new(Stage::Request, Cause::Unsupported, text)
        })?;
        self.answer = Some(answer);
        self.start = Bytes::new();
        self.at = place;
        self.opened_at = place;
        self.skip = skip;
        Ok(())
    }
}

/// Says why another place is asked for at all.
fn index_at_end(error: IngestError) -> IngestError {
    if error.cause != Cause::Unsupported {
        return error;
    }
    IngestError {
        message: format!(
            "the MP4 file has its index at the end, and {}: write it with the index in front (faststart)",
            error.message
        ),
        ..error
    }
}
