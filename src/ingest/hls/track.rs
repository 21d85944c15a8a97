//! Pulls one media playlist: acts on what the pure [`Reloader`] decides.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::{Context, parse};
use crate::base::clock;
use crate::hls::{
    Failed, MediaPlaylist, Playlist, ReloadOptions, Reloader, Segment, Step, Variables,
};
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::observer::Observer;
use crate::ingest::segmented::{self, Loader, MAX_LOST, Output, SegmentEnd, Wanted};
use crate::ingest::{MAX_PLAYLIST, PLAYLIST_TIME};

/// A media playlist that does not change for this long is dead: the pull ends, and the next
/// attempt begins from the multivariant playlist, which may name another place.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// Reloads that fail in a row before the pull ends.
const MAX_RELOAD_FAILURES: u32 = 4;

/// Where a playlist is.
pub(super) struct Address {
    /// After redirects, once it has been loaded.
    pub(super) url: Url,
    /// What it may import.
    pub(super) variables: Variables,
}

/// The pull of one media playlist.
pub(super) struct Track<'a> {
    context: &'a Context<'a>,
    address: Address,
    loader: Loader<'a>,
    output: Output<'a>,
    reloader: Reloader,
    /// It tells how the source is; its sound apart does not.
    is_main: bool,
    delivered: bool,
    lost_in_a_row: u32,
    reload_failures: u32,
}

impl Context<'_> {
    /// Loads a playlist. As players do, it is reloaded where the first answer came from.
    pub(super) async fn load(&self, address: &mut Address) -> Result<Playlist, IngestError> {
        let mut answer = self.fetcher.get(&address.url, self.manners, None).await?;
        let body = answer
            .read_all(Bytes::new(), MAX_PLAYLIST, PLAYLIST_TIME)
            .await?;
        address.url = answer.url;
        parse(&body, address)
    }
}

impl<'a> Track<'a> {
    pub(super) fn new(context: &'a Context<'a>, address: Address, output: Output<'a>) -> Self {
        Self {
            context,
            address,
            loader: Loader::new(context.fetcher, context.manners, context.sink),
            output,
            reloader: Reloader::new(clock::now(), ReloadOptions::default()),
            is_main: true,
            delivered: false,
            lost_in_a_row: 0,
            reload_failures: 0,
        }
    }

    /// The same, as sound beside another track.
    pub(super) fn beside(mut self) -> Self {
        self.is_main = false;
        self
    }

    /// Takes in a playlist whose loading began at `started`.
    pub(super) async fn accept(&mut self, playlist: MediaPlaylist, started: Instant) {
        let sink = self.context.sink;
        let encrypted = playlist.segments.iter().any(|s| s.key.is_some());
        if self.is_main {
            // A pump that is gone shows at the next segment.
            let _ = sink.target_duration(playlist.target_duration).await;
            sink.note(|found| found.live = Some(!playlist.ended));
        }
        sink.note(|found| {
            if encrypted {
                found.encryption = Some("AES-128".to_owned());
            }
        });
        if self.is_main {
            sink.observe(|observer| observer.playlist(&playlist, started));
        }
        self.reloader.on_playlist(playlist, started);
    }

    /// Pulls until the playlist ends, or nobody takes its segments any more.
    pub(super) async fn run(&mut self) -> Result<(), IngestError> {
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
                        let seconds = unchanged_for.as_secs();
                        let text = format!("the playlist has not changed for {seconds} s");
                        return Err(IngestError::new(Stage::Manifest, Cause::Stalled, text));
                    }
                    tokio::time::sleep_until(at.into()).await;
                    self.reload().await?;
                }
                Step::Wait { until } => {
                    let until = until.unwrap_or(now + Duration::from_millis(100));
                    tokio::time::sleep_until(until.into()).await;
                }
                Step::Ended => return segmented::ended(self.output.finish().await),
            }
        }
    }

    /// Whether a whole segment has been delivered.
    pub(super) fn has_delivered(&self) -> bool {
        self.delivered
    }

    async fn reload(&mut self) -> Result<(), IngestError> {
        let started = clock::now();
        self.reloader.reload_started();
        match self.load().await {
            Ok(playlist) => {
                self.reload_failures = 0;
                self.accept(playlist, started).await;
                Ok(())
            }
            Err(error) => {
                self.reload_failures += 1;
                if self.is_main {
                    self.context.sink.observe(Observer::playlist_failed);
                }
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
        match self.context.load(&mut self.address).await? {
            Playlist::Media(playlist) => Ok(playlist),
            Playlist::Multivariant(_) => Err(IngestError::new(
                Stage::Manifest,
                Cause::NotMedia,
                "a multivariant playlist stands where a media playlist has to be",
            )),
        }
    }

    /// Delivers one segment; `Break` when nobody takes it any more.
    async fn segment(&mut self, segment: &Segment) -> Result<ControlFlow<()>, IngestError> {
        let wanted = Wanted {
            sequence: self.is_main.then_some(segment.sequence),
            uri: &segment.uri,
            range: segment.byte_range,
            key: segment.key.as_ref(),
            init: (segment.map.as_ref()).map(|map| (&map.uri, map.byte_range, map.key.as_ref())),
            joint: match (segment.discontinuity, segment.after_loss) {
                (false, _) => segmented::Break::None,
                (true, true) => segmented::Break::Loss,
                (true, false) => segmented::Break::Jump,
            },
            duration: segment.duration,
            offset: 0,
        };
        let delivered = segmented::deliver(&mut self.loader, &wanted, &mut self.output).await;
        let (error, begun) = match delivered {
            Ok(()) => {
                self.delivered = true;
                self.lost_in_a_row = 0;
                return Ok(Continue(()));
            }
            Err(SegmentEnd::Gone) => return Ok(Break(())),
            Err(SegmentEnd::Fatal(error)) => return Err(error),
            Err(SegmentEnd::Failed { error, begun }) => (error, begun),
        };
        tracing::debug!(stage = error.stage.as_str(), "segment failed: {error}");
        if begun {
            if self.output.cut().await.is_err() {
                return Ok(Break(()));
            }
        } else {
            let now = clock::now();
            if self.reloader.segment_failed(segment.sequence, now) == Failed::Retry {
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
