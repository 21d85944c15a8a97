//! Pulls an HLS source: acts on what the pure [`Reloader`] decides.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use url::Url;

use super::charset::to_utf8;
use super::error::{Cause, IngestError, Stage};
use super::fetch::{Answer, Fetcher, Manners};
use super::sink::{Gone, Sink};
use super::{MAX_PLAYLIST, PLAYLIST_TIME};
use crate::base::clock;
use crate::hls::{
    self, Decryptor, Key, MediaPlaylist, Playlist, PlaylistError, ReloadOptions, Reloader, Segment,
    Step, Want,
};

/// A media playlist that does not change for this long is dead: the pull ends, and the next
/// attempt begins from the multivariant playlist, which may name another place.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// Reloads that fail in a row before the pull ends.
const MAX_RELOAD_FAILURES: u32 = 4;
/// Segments lost in a row before the pull ends.
const MAX_LOST: u32 = 5;
/// A segment larger than this is no segment.
const MAX_SEGMENT: u64 = 512 << 20;

/// Pulls the stream of a playlist that has been read from `url` already.
pub(super) async fn pull(
    fetcher: &Fetcher,
    manners: &Manners,
    url: Url,
    body: &[u8],
    sink: &Sink,
) -> Result<(), IngestError> {
    let started = clock::now();
    let (url, first) = match parse(body, &url)? {
        Playlist::Media(playlist) => (url, Some(playlist)),
        Playlist::Multivariant(variants) => {
            let variant = hls::choose(&variants, Want::Best)
                .ok_or_else(|| manifest_error(&PlaylistError::NoVariants))?;
            if variant.audio_is_separate {
                tracing::warn!(
                    "the source's audio is in a playlist of its own, which this version does not pull"
                );
            }
            (variant.uri.clone(), None)
        }
    };
    let mut pull = Pull {
        fetcher,
        manners,
        sink,
        url,
        reloader: Reloader::new(started, ReloadOptions::default()),
        key: None,
        lost_in_a_row: 0,
        reload_failures: 0,
    };
    if let Some(playlist) = first {
        pull.accept(playlist, started).await?;
    }
    pull.run().await
}

struct Pull<'a> {
    fetcher: &'a Fetcher,
    manners: &'a Manners,
    sink: &'a Sink,
    /// Where the media playlist is, after redirects.
    url: Url,
    reloader: Reloader,
    /// The newest key and where it came from.
    key: Option<(Url, [u8; 16])>,
    lost_in_a_row: u32,
    reload_failures: u32,
}

/// Why a segment was not delivered to its end.
enum SegmentEnd {
    Gone,
    Failed {
        error: IngestError,
        /// Bytes of it are in the feed already, so it must not be fetched again.
        begun: bool,
    },
}

impl From<Gone> for SegmentEnd {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Pull<'_> {
    async fn run(&mut self) -> Result<(), IngestError> {
        loop {
            let now = clock::now();
            match self.reloader.next(now) {
                Step::Fetch(segment) => {
                    if self.segment(&segment).await?.is_break() {
                        return Ok(());
                    }
                }
                Step::Reload { at } => {
                    tokio::time::sleep_until(at.into()).await;
                    self.reload().await?;
                }
                Step::Stale { at, unchanged_for } => {
                    if unchanged_for >= DEAD_AFTER {
                        let text = format!(
                            "the playlist has not changed for {} s",
                            unchanged_for.as_secs()
                        );
                        return Err(IngestError::new(Stage::Manifest, Cause::Stalled, text));
                    }
                    tokio::time::sleep_until(at.into()).await;
                    self.reload().await?;
                }
                Step::Wait { until } => {
                    let until = until.unwrap_or(now + Duration::from_millis(100));
                    tokio::time::sleep_until(until.into()).await;
                }
                Step::Ended => return Ok(()),
            }
        }
    }

    async fn reload(&mut self) -> Result<(), IngestError> {
        let started = clock::now();
        self.reloader.reload_started();
        match self.load().await {
            Ok(playlist) => {
                self.reload_failures = 0;
                self.accept(playlist, started).await
            }
            Err(error) => {
                self.reload_failures += 1;
                if error.cause.is_permanent() || self.reload_failures >= MAX_RELOAD_FAILURES {
                    return Err(error);
                }
                tracing::debug!(stage = error.stage.as_str(), "reload failed: {error}");
                self.reloader.on_failure(clock::now());
                Ok(())
            }
        }
    }

    async fn load(&mut self) -> Result<MediaPlaylist, IngestError> {
        let mut answer = self.fetcher.get(&self.url, self.manners, None).await?;
        let body = answer
            .read_all(Bytes::new(), MAX_PLAYLIST, PLAYLIST_TIME)
            .await?;
        match parse(&body, &answer.url)? {
            Playlist::Media(playlist) => {
                // As players do: reload where the first answer came from.
                self.url = answer.url;
                Ok(playlist)
            }
            Playlist::Multivariant(_) => Err(IngestError::new(
                Stage::Manifest,
                Cause::NotMedia,
                "a multivariant playlist names another one instead of a media playlist",
            )),
        }
    }

    async fn accept(
        &mut self,
        playlist: MediaPlaylist,
        started: std::time::Instant,
    ) -> Result<(), IngestError> {
        // A pump that is gone shows at the next segment.
        let _ = self.sink.target_duration(playlist.target_duration).await;
        self.reloader.on_playlist(playlist, started);
        Ok(())
    }

    /// Delivers one segment; `Break` when nobody takes it any more.
    async fn segment(
        &mut self,
        segment: &Segment,
    ) -> Result<std::ops::ControlFlow<()>, IngestError> {
        use std::ops::ControlFlow::{Break, Continue};
        match self.deliver(segment).await {
            Ok(()) => {
                self.lost_in_a_row = 0;
                Ok(Continue(()))
            }
            Err(SegmentEnd::Gone) => Ok(Break(())),
            Err(SegmentEnd::Failed { error, begun }) => {
                tracing::debug!(stage = error.stage.as_str(), "segment failed: {error}");
                if begun {
                    // The rest is lost: what comes next does not continue it.
                    if self.sink.discontinuity().await.is_err() {
                        return Ok(Break(()));
                    }
                } else {
                    let now = clock::now();
                    if self.reloader.segment_failed(segment.sequence, now) == hls::Failed::Retry {
                        return Ok(Continue(()));
                    }
                }
                self.lost_in_a_row += 1;
                let hopeless = matches!(error.cause, Cause::Policy | Cause::Auth);
                if hopeless || self.lost_in_a_row >= MAX_LOST {
                    return Err(error);
                }
                Ok(Continue(()))
            }
        }
    }

    async fn deliver(&mut self, segment: &Segment) -> Result<(), SegmentEnd> {
        let before = |error| SegmentEnd::Failed {
            error,
            begun: false,
        };
        let mut decryptor = match &segment.key {
            Some(key) => Some(self.decryptor(key).await.map_err(before)?),
            None => None,
        };
        let range = segment.byte_range.as_ref().map(|r| (r.offset, r.length));
        let answer = self.fetcher.get(&segment.uri, self.manners, range).await;
        let mut body = SegmentBody::new(answer.map_err(before)?, range);
        if segment.discontinuity {
            self.sink.discontinuity().await?;
        }
        let mut begun = false;
        let mut clear = BytesMut::new();
        loop {
            let failed = |error| SegmentEnd::Failed { error, begun };
            let Some(bytes) = body.next().await.map_err(failed)? else {
                break;
            };
            let bytes = match &mut decryptor {
                Some(decryptor) => {
                    decryptor.push(&bytes, &mut clear);
                    clear.split().freeze()
                }
                None => bytes,
            };
            begun |= !bytes.is_empty();
            self.sink.data(bytes).await?;
        }
        if let Some(decryptor) = decryptor {
            let padding = decryptor.finish(&mut clear);
            padding.map_err(|e| SegmentEnd::Failed {
                error: IngestError::new(Stage::Flow, Cause::NotMedia, e.to_string()),
                begun,
            })?;
            self.sink.data(clear.freeze()).await?;
        }
        Ok(())
    }

    async fn decryptor(&mut self, key: &Key) -> Result<Decryptor, IngestError> {
        let known = self.key.as_ref().filter(|(url, _)| *url == *key.uri);
        let bytes = if let Some((_, bytes)) = known {
            *bytes
        } else {
            let mut answer = self.fetcher.get(&key.uri, self.manners, None).await?;
            let body = answer.read_all(Bytes::new(), 1024, PLAYLIST_TIME).await?;
            let bytes: [u8; 16] = body.as_ref().try_into().map_err(|_| {
                let text = format!("the key has {} bytes; an AES-128 key has 16", body.len());
                IngestError::new(Stage::Manifest, Cause::NotMedia, text)
            })?;
            self.key = Some((Url::clone(&key.uri), bytes));
            bytes
        };
        Ok(Decryptor::new(&bytes, &key.iv))
    }
}

/// The bytes of one segment, also from a server that ignores ranges.
struct SegmentBody {
    answer: Answer,
    skip: u64,
    left: u64,
}

impl SegmentBody {
    fn new(answer: Answer, range: Option<(u64, u64)>) -> Self {
        let (skip, left) = match range {
            Some((_, length)) if answer.partial => (0, length),
            Some((offset, length)) => (offset, length),
            None => (0, MAX_SEGMENT),
        };
        Self { answer, skip, left }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, IngestError> {
        while self.left > 0 {
            let Some(mut bytes) = self.answer.chunk().await? else {
                return Ok(None);
            };
            let skipped = self.skip.min(bytes.len() as u64);
            self.skip -= skipped;
            bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(bytes.len()));
            let taken = self.left.min(bytes.len() as u64);
            self.left -= taken;
            bytes.truncate(usize::try_from(taken).unwrap_or(bytes.len()));
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn parse(body: &[u8], url: &Url) -> Result<Playlist, IngestError> {
    let text = to_utf8(body);
    hls::parse(&text, url, &hls::Limits::default()).map_err(|e| manifest_error(&e))
}

fn manifest_error(error: &PlaylistError) -> IngestError {
    let cause = match error {
        PlaylistError::Encrypted { .. } => Cause::Drm,
        PlaylistError::FragmentedMp4 => Cause::Unsupported,
        PlaylistError::TooLarge { .. }
        | PlaylistError::TooManySegments { .. }
        | PlaylistError::TooManyVariants { .. }
        | PlaylistError::UriTooLong { .. } => Cause::Limit,
        _ => Cause::NotMedia,
    };
    IngestError::new(Stage::Manifest, cause, error.to_string())
}
