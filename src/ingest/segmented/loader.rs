//! Fetching segments, initialization sections and keys.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use url::Url;

use super::output::{Break, Output};
use super::{Cost, SegmentEnd};
use crate::hls::{ByteRange, Decryptor, Key, SegmentSeen};
use crate::ingest::PLAYLIST_TIME;
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::fetch::{Answer, Fetcher, Manners};
use crate::ingest::sink::Sink;

/// A segment larger than this is no segment.
const MAX_SEGMENT: u64 = 512 << 20;
/// The largest initialization section.
const MAX_INIT: usize = 4 << 20;
/// Keys that are kept: a source that rotates uses a few at a time.
const KEYS: usize = 16;

/// A segment to fetch.
#[derive(Debug)]
pub(in crate::ingest) struct Wanted<'a> {
    /// Its number; `None` if it is not to be told who watches, as sound beside another track.
    pub(in crate::ingest) sequence: Option<u64>,
    /// Where it is.
    pub(in crate::ingest) uri: &'a Url,
    /// The part of that which it is.
    pub(in crate::ingest) range: Option<ByteRange>,
    /// How it is encrypted.
    pub(in crate::ingest) key: Option<&'a Key>,
    /// What has to be read before it: where, which part of that, how encrypted.
    pub(in crate::ingest) init: Option<(&'a Url, Option<ByteRange>, Option<&'a Key>)>,
    /// How it joins the one before.
    pub(in crate::ingest) joint: Break,
    /// How long it lasts.
    pub(in crate::ingest) duration: Duration,
    /// What is added to its times, in ticks of 90 kHz.
    pub(in crate::ingest) offset: i64,
}

/// Fetches for one track.
pub(in crate::ingest) struct Loader<'a> {
    fetcher: &'a Fetcher,
    manners: &'a Manners,
    sink: &'a Sink,
    /// The newest last.
    keys: VecDeque<(Url, [u8; 16])>,
    init: Init,
}

/// The initialization section that was fetched last.
#[derive(Default)]
struct Init {
    of: Option<(Url, Option<ByteRange>, Option<Key>)>,
    body: Bytes,
    /// It has been handed on with media.
    used: bool,
}

impl<'a> Loader<'a> {
    pub(in crate::ingest) fn new(
        fetcher: &'a Fetcher,
        manners: &'a Manners,
        sink: &'a Sink,
    ) -> Self {
        Self {
            fetcher,
            manners,
            sink,
            keys: VecDeque::new(),
            init: Init::default(),
        }
    }

    /// True when whoever asks has to wait until the answer before was read to its end.
    pub(super) fn has_one_connection(&self) -> bool {
        self.fetcher.is_single()
    }

    /// What has to be handed on before the segment; `None` if that has been done, or if there is
    /// nothing.
    pub(super) async fn init(&mut self, wanted: &Wanted<'_>) -> Result<Option<Bytes>, IngestError> {
        let Some((uri, range, key)) = wanted.init else {
            return Ok(None);
        };
        let known = self.init.of.as_ref();
        if known.is_none_or(|(u, r, k)| (u, *r, k.as_ref()) != (uri, range, key)) {
            let body = self.whole(uri, range, key, MAX_INIT).await?;
            self.init = Init {
                of: Some((uri.clone(), range, key.cloned())),
                body,
                used: false,
            };
        }
        Ok((!self.init.used).then(|| self.init.body.clone()))
    }

    /// Tells who watches that a segment is asked for, or no longer.
    pub(super) fn asks(&self, at: Option<Instant>) {
        self.sink.observe(|observer| observer.segment_asked(at));
    }

    /// Tells who watches that a segment begins.
    pub(super) fn begins(&self, wanted: &Wanted<'_>, output: &Output<'_>) {
        // What the source is, is to be known whenever somebody begins to watch.
        if let Some(observer) = self.sink.observer() {
            observer.segment_begins(wanted.duration, !output.waits_for_another());
        }
    }

    /// Tells who watches how a segment came.
    pub(super) fn tell(&self, wanted: &Wanted<'_>, cost: Cost, ended: &Result<(), SegmentEnd>) {
        let (Some(sequence), false) = (wanted.sequence, matches!(ended, Err(SegmentEnd::Gone)))
        else {
            return;
        };
        let seen = SegmentSeen {
            sequence,
            announced: wanted.duration,
            media: None,
            bytes: cost.bytes,
            took: cost.took,
            failed: ended.is_err(),
        };
        self.sink.observe(|observer| observer.segment(seen));
    }

    /// The segment before went out with its initialization section.
    pub(super) fn began(&mut self) {
        self.init.used = true;
    }

    /// Media goes elsewhere from now on: with its initialization section first.
    pub(in crate::ingest) fn renew(&mut self) {
        self.init.used = false;
    }

    /// Asks for the segment.
    pub(super) async fn open(&mut self, wanted: &Wanted<'_>) -> Result<Body, IngestError> {
        self.body(wanted.uri, wanted.range, wanted.key, MAX_SEGMENT)
            .await
    }

    /// All of a small resource.
    pub(in crate::ingest) async fn whole(
        &mut self,
        uri: &Url,
        range: Option<ByteRange>,
        key: Option<&Key>,
        limit: usize,
    ) -> Result<Bytes, IngestError> {
        let mut body = self.body(uri, range, key, limit as u64).await?;
        let read = async {
            let mut whole = BytesMut::new();
            while let Some(bytes) = body.next().await? {
                whole.extend_from_slice(&bytes);
            }
            Ok(whole.freeze())
        };
        let late = "the source sent its answer too slowly";
        tokio::time::timeout(PLAYLIST_TIME, read)
            .await
            .unwrap_or_else(|_| Err(IngestError::new(Stage::Flow, Cause::Timeout, late)))
    }

    async fn body(
        &mut self,
        uri: &Url,
        range: Option<ByteRange>,
        key: Option<&Key>,
        limit: u64,
    ) -> Result<Body, IngestError> {
        let decryptor = match key {
            Some(key) => Some(self.decryptor(key).await?),
            None => None,
        };
        let range = range.map(|range| (range.offset, range.length));
        let answer = self.fetcher.get(uri, self.manners, range).await?;
        let (skip, left) = match range {
            Some((_, length)) if answer.partial => (0, Some(length)),
            Some((offset, length)) => (offset, Some(length)),
            None => (0, None),
        };
        Ok(Body {
            sink: self.sink.clone(),
            answer,
            skip,
            left,
            most: limit,
            limit,
            decryptor,
            clear: BytesMut::new(),
        })
    }

    async fn decryptor(&mut self, key: &Key) -> Result<Decryptor, IngestError> {
        let known = self.keys.iter().find(|(uri, _)| *uri == *key.uri);
        let bytes = if let Some((_, bytes)) = known {
            *bytes
        } else {
            let mut answer = self.fetcher.get(&key.uri, self.manners, None).await?;
            let body = answer.read_all(Bytes::new(), 1024, PLAYLIST_TIME).await?;
            let bytes: [u8; 16] = body.as_ref().try_into().map_err(|_| {
                let text = format!("the key has {} bytes; an AES-128 key has 16", body.len());
                IngestError::new(Stage::Manifest, Cause::NotMedia, text)
            })?;
            if self.keys.len() == KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back((Url::clone(&key.uri), bytes));
            bytes
        };
        Ok(Decryptor::new(&bytes, &key.iv))
    }
}

/// The clear bytes of one resource, also from a server that ignores ranges.
pub(super) struct Body {
    sink: Sink,
    answer: Answer,
    /// Bytes before the range.
    skip: u64,
    /// Bytes of the range that have not come.
    left: Option<u64>,
    /// Bytes that may come, and that may still come.
    most: u64,
    limit: u64,
    decryptor: Option<Decryptor>,
    clear: BytesMut,
}

impl Body {
    /// Reads on until the end, but no more than `most` bytes or so.
    pub(super) async fn read_ahead(&mut self, most: usize) -> Result<VecDeque<Bytes>, IngestError> {
        let mut read = VecDeque::new();
        let mut length = 0;
        while length < most {
            let Some(bytes) = self.next().await? else {
                break;
            };
            length += bytes.len();
            read.push_back(bytes);
        }
        Ok(read)
    }

    /// The next bytes, which may be none; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, IngestError> {
        let bytes = if self.left == Some(0) {
            None
        } else {
            self.answer.chunk().await?
        };
        let Some(bytes) = bytes else {
            return self.end();
        };
        self.sink.reached(Stage::FirstByte);
        let bytes = self.within_range(bytes);
        self.limit = self.limit.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let text = format!("the source sent more than {} bytes in one piece", self.most);
            IngestError::new(Stage::Flow, Cause::Limit, text)
        })?;
        Ok(Some(match &mut self.decryptor {
            Some(decryptor) => {
                decryptor.push(&bytes, &mut self.clear);
                self.clear.split().freeze()
            }
            None => bytes,
        }))
    }

    fn within_range(&mut self, mut bytes: Bytes) -> Bytes {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(bytes.len()));
        if let Some(left) = &mut self.left {
            let taken = (*left).min(bytes.len() as u64);
            *left -= taken;
            bytes.truncate(usize::try_from(taken).unwrap_or(bytes.len()));
        }
        bytes
    }

    fn end(&mut self) -> Result<Option<Bytes>, IngestError> {
        let Some(decryptor) = self.decryptor.take() else {
            return Ok(None);
        };
        decryptor
            .finish(&mut self.clear)
            .map_err(|e| IngestError::new(Stage::Flow, Cause::NotMedia, e.to_string()))?;
        // Once more: without a decryptor the next call ends.
        self.left = Some(0);
        Ok(Some(self.clear.split().freeze()))
    }
}
