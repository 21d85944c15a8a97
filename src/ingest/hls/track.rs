//! Pulls one media playlist: acts on what the pure [`Reloader`] decides.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::beside::Beside;
use super::{Audio, Context, inputs, parse};
use crate::base::clock;
use crate::hls::{
    Failed, MediaPlaylist, Playlist, ReloadOptions, Reloader, Segment, Step, Variables,
};
use crate::ingest::demand::Demand;
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::observer::Observer;
use crate::ingest::segmented::{
    self, EARLY_PAUSE, Glanced, Glances, Loader, MAX_FAILURES_EARLY, Output, SegmentEnd, Wanted,
};
use crate::ingest::{MAX_PLAYLIST, PLAYLIST_TIME};

/// A media playlist that does not change for this long is dead: the pull ends, and the next
/// attempt begins from the multivariant playlist, which may name another place.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// Reloads that fail in a row before the pull ends.
const MAX_RELOAD_FAILURES: u32 = 4;

/// How often the sound that goes with a look is looked for.
const SOUND_ATTEMPTS: u32 = 3;

/// Where a playlist is.
#[derive(Clone)]
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
    /// What it is pulled for, unless it is one of two.
    demand: Option<Demand>,
    /// It goes on when the demand changes, except for viewers who join.
    changes: bool,
    /// Looked at beside it.
    sound: Option<Audio>,
    /// The variants that it is one of.
    variants: Beside,
    glances: Glances,
    /// A look was wanted when it was last decided what to do.
    looks: bool,
    /// Whole segments delivered.
    delivered: u64,
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
            demand: None,
            changes: false,
            sound: None,
            variants: Beside::default(),
            glances: Glances::default(),
            looks: false,
            delivered: 0,
            lost_in_a_row: 0,
            reload_failures: 0,
        }
    }

    /// The same, as sound beside another track.
    pub(super) fn beside(mut self) -> Self {
        self.is_main = false;
        self
    }

    /// The same, as one of several variants.
    pub(super) fn with(mut self, variants: Beside) -> Self {
        self.variants = variants;
        self
    }

    /// As the only track, for a demand; `sound` goes with the looks at it.
    pub(super) fn serve(&mut self, demand: Demand, changes: bool, sound: Option<Audio>) {
        self.demand = Some(demand);
        self.changes = changes;
        self.sound = sound;
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
            self.variants.on_own(&playlist);
        }
        self.reloader.on_playlist(playlist, started);
        if self.demand == Some(Demand::Sampled) {
            let _ = sink.well().await;
        }
    }

    /// Pulls until the playlist ends, nobody takes its segments any more, or something is asked that needs
    /// another beginning: that is what it gives.
    pub(super) async fn run(&mut self) -> Result<Option<Demand>, IngestError> {
        loop {
            if let Some(other) = self.heed().await {
                return Ok(Some(other));
            }
            let now = clock::now();
            match self.next(now) {
                Step::Fetch(segment) => {
                    let flow = if self.is_sampled() {
                        Box::pin(self.glance(&segment)).await?
                    } else {
                        self.segment(&segment).await?
                    };
                    if flow.is_break() {
                        return Ok(None);
                    }
                }
                Step::Reload { at } => {
                    self.variants.look(self.context, now, at).await;
                    if self.sleep(Some(at)).await {
                        self.reload().await?;
                    }
                }
                Step::Stale { at, unchanged_for } => {
                    if unchanged_for >= DEAD_AFTER {
                        let seconds = unchanged_for.as_secs();
                        let text = format!("the playlist has not changed for {seconds} s");
                        return Err(IngestError::new(Stage::Manifest, Cause::Stalled, text));
                    }
                    if self.sleep(Some(at)).await {
                        self.reload().await?;
                    }
                }
                Step::Wait { until } if self.is_sampled() => {
                    self.sleep(until).await;
                }
                Step::Wait { until } => {
                    let until = until.unwrap_or(now + Duration::from_millis(100));
                    self.sleep(Some(until)).await;
                }
                Step::Ended => {
                    return segmented::ended(self.output.finish().await).map(|()| None);
                }
            }
        }
    }

    /// Goes over to what is asked now, if it can.
    async fn heed(&mut self) -> Option<Demand> {
        let sink = self.context.sink;
        let asked = sink.asked().demand();
        let serves = self.demand.filter(|serves| *serves != asked)?;
        if asked == Demand::Watched || !self.changes {
            return Some(asked);
        }
        if serves == Demand::Sampled {
            self.output = Output::new(sink);
            self.loader.renew();
        }
        self.demand = Some(asked);
        // A pump that is gone shows at the next segment.
        let _ = sink.serves(asked).await;
        None
    }

    fn next(&mut self, now: Instant) -> Step {
        if self.is_sampled() {
            let wanted = self.context.sink.asked().looks().are_due();
            self.looks = wanted;
            return self.reloader.sample(now, wanted);
        }
        self.reloader.next(now)
    }

    fn is_sampled(&self) -> bool {
        self.demand == Some(Demand::Sampled)
    }

    /// False if something else is to be done before then.
    async fn sleep(&self, until: Option<Instant>) -> bool {
        match self.demand {
            Some(demand) => {
                segmented::sleep(self.context.sink.asked(), demand, self.looks, until).await
            }
            None => segmented::sleep_until(until).await,
        }
    }

    /// Whether a whole segment has been delivered.
    pub(super) fn has_delivered(&self) -> bool {
        self.delivered > 0
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
                let asked = self.context.sink.asked();
                // With media left in hand there is still time.
                let early = segmented::gives_up_early(asked, &error)
                    && (self.is_sampled() || self.reloader.is_drained());
                let (most, pause) = if early {
                    (MAX_FAILURES_EARLY, EARLY_PAUSE)
                } else {
                    (MAX_RELOAD_FAILURES, Duration::MAX)
                };
                if error.cause.is_permanent() || self.reload_failures >= most {
                    return Err(error);
                }
                tracing::debug!(stage = error.stage.as_str(), "reload failed: {error}");
                self.reloader.on_failure(clock::now(), pause);
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

    /// Looks at one segment, and at the sound that goes with it.
    async fn glance(&mut self, segment: &Segment) -> Result<ControlFlow<()>, IngestError> {
        let sink = self.context.sink;
        // It is delivered by itself: it joins neither what was before nor what comes later.
        if sink.discontinuity().await.is_err() {
            return Ok(Break(()));
        }
        let before = self.delivered;
        self.loader.renew();
        let flow = match self.sound.clone() {
            None => {
                self.output = Output::new(sink);
                let flow = self.segment(segment).await?;
                segmented::ended(self.output.finish().await)?;
                flow
            }
            Some(audio) => self.glance_at_both(segment, audio).await?,
        };
        if flow.is_break() || self.delivered == before {
            return Ok(flow);
        }
        match self.glances.take(sink).await {
            Ok(_) => Ok(Continue(())),
            Err(Glanced::Gone) => Ok(Break(())),
            Err(Glanced::Blank(error)) => Err(error),
        }
    }

    async fn glance_at_both(
        &mut self,
        segment: &Segment,
        audio: Audio,
    ) -> Result<ControlFlow<()>, IngestError> {
        let context = self.context;
        let (to_main, from_main) = segmented::lane();
        let (to_sound, from_sound) = segmented::lane();
        let hold = segmented::hold(segment.duration);
        let lanes = [from_main, from_sound];
        let merged = segmented::merge(inputs(&audio), lanes, hold, context.sink);
        let mut sound = Track::new(context, audio.address, Output::Lane(to_sound)).beside();
        let sound = async move {
            // A picture without its sound is better than none.
            if let Err(error) = sound.newest().await {
                tracing::debug!("the sound that goes with a look cannot be pulled: {error}");
            }
        };
        self.output = Output::Lane(to_main);
        let picture = async {
            let flow = self.segment(segment).await;
            // The end of its lane.
            self.output = Output::new(context.sink);
            flow
        };
        let (flow, (), merged) = tokio::join!(picture, sound, merged);
        merged?;
        flow
    }

    /// Delivers the newest segment of its playlist.
    async fn newest(&mut self) -> Result<(), IngestError> {
        for _ in 0..SOUND_ATTEMPTS {
            self.reload().await?;
            if let Step::Fetch(segment) = self.reloader.sample(clock::now(), true) {
                let flow = self.segment(&segment).await?;
                if flow.is_break() || self.has_delivered() {
                    return Ok(());
                }
            }
        }
        Ok(())
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
                self.delivered += 1;
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
        if segmented::is_lost(self.context.sink.asked(), &error, self.lost_in_a_row) {
            return Err(error);
        }
        Ok(Continue(()))
    }
}
