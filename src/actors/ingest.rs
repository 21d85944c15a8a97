//! The one live pull of a stream: attempts, pauses between them, and the pump into the feed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::base::clock;
use crate::base::shared::Shareable;
use crate::feed::{Feed, Publisher, Retention};
use crate::ingest::backoff::{self, Backoff};
use crate::ingest::pacer::Pacer;
use crate::ingest::sink::{self, Drain, Piece};
use crate::ingest::{Cause, Dialer, Fetcher, IngestError, Stage};
use crate::metrics;
use crate::pipeline::Library;
use crate::stream::{Definition, Source};
use crate::ts::{Chunk, Cutter, CutterOptions};

/// A source that flows brings media at least this often, whatever the stall timeout: a keyframe may
/// take its time.
const MEDIA_WITHIN: Duration = Duration::from_secs(30);
/// How long, beyond the lead, what was pulled before a failure is still shown.
const DRAIN: Duration = Duration::from_secs(1);

/// What every ingest needs.
#[derive(Clone, Debug)]
pub struct IngestDeps {
    /// HTTP to sources.
    pub fetcher: Fetcher,
    /// Other connections to sources.
    pub dialer: Dialer,
    /// Pipelines for sources that GStreamer makes.
    pub library: Arc<Library>,
    /// Leases for those.
    pub pool: super::pool::Pool,
    /// What a feed keeps.
    pub retention: Retention,
    /// How far a feed runs ahead at the start.
    pub lead: Duration,
    /// Shortest and longest pause between attempts.
    pub backoff: (Duration, Duration),
    /// Without media for this long a source counts as stalled.
    pub stall_timeout: Duration,
    /// How long a pipeline may take to end.
    pub teardown_deadline: Duration,
}

/// What an ingest does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It connects, or waits for the first keyframe.
    #[default]
    Connecting,
    /// Media flows.
    Live,
    /// It pauses after a failure.
    BackingOff,
}

/// An ingest's status.
#[derive(Clone, Debug, Default)]
pub struct IngestStatus {
    /// What it does.
    pub phase: Phase,
    /// Attempts since the start.
    pub attempts: u64,
    /// The failure of the newest attempt that failed, until media flows again.
    pub error: Option<Arc<IngestError>>,
    /// The longest segment that the source announces.
    pub target_duration: Option<Duration>,
    /// Which of the sources it pulls, from 0.
    pub source: usize,
    /// Attempts in a row that brought no media.
    pub fruitless: usize,
}

impl IngestStatus {
    /// The error to tell a viewer at once: each of `sources` was tried since media last flowed,
    /// and trying again soon cannot help.
    pub fn final_error(&self, sources: usize) -> Option<Arc<IngestError>> {
        let tried_all = self.fruitless >= sources.max(1);
        self.error
            .clone()
            .filter(|error| tried_all && error.cause.is_permanent())
    }
}

/// A running ingest. Viewers, renditions and the monitor hold leases on it.
#[derive(Debug)]
pub struct Ingest {
    /// What it delivers.
    pub feed: Arc<Feed>,
    /// What it pulls.
    pub definition: Arc<Definition>,
    status: watch::Receiver<IngestStatus>,
    cancel: CancellationToken,
    linger: Duration,
}

impl Ingest {
    /// Starts pulling `definition` in a task of its own.
    pub fn start(definition: Arc<Definition>, deps: IngestDeps, linger: Duration) -> Self {
        let (feed, publisher) = Feed::new(deps.retention);
        let (status_sender, status) = watch::channel(IngestStatus::default());
        let cancel = CancellationToken::new();
        let task = Task {
            definition: Arc::clone(&definition),
            deps,
            publisher,
            status: status_sender,
        };
        let stop = cancel.clone();
        tokio::spawn(async move {
            let _counted = metrics::ingest_runs();
            stop.run_until_cancelled(task.run()).await;
        });
        Self {
            feed,
            definition,
            status,
            cancel,
            linger,
        }
    }

    /// Its status, as it changes.
    pub fn status(&self) -> watch::Receiver<IngestStatus> {
        self.status.clone()
    }
}

impl Shareable for Ingest {
    fn linger(&self) -> Duration {
        self.linger
    }
    fn is_alive(&self) -> bool {
        // The status is closed when the task has ended, for whatever reason.
        !self.cancel.is_cancelled() && self.status.has_changed().is_ok()
    }
    fn stop(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Task {
    definition: Arc<Definition>,
    deps: IngestDeps,
    publisher: Publisher,
    status: watch::Sender<IngestStatus>,
}

impl Task {
    /// Pulls until cancelled. A source that ends or fails is tried again, the next one first.
    async fn run(self) {
        let mut pump = Pump::new(&self);
        let mut backoff = Backoff::new(self.deps.backoff.0, self.deps.backoff.1);
        let sources = &self.definition.sources;
        let mut at = 0;
        loop {
            let Some(source) = sources.get(at % sources.len().max(1)) else {
                return; // a definition has at least one source
            };
            self.status.send_modify(|s| {
                s.phase = Phase::Connecting;
                s.attempts += 1;
                s.source = at % sources.len();
            });
            let started = clock::now();
            let error = self.attempt(source, &mut pump).await;
            let flowed = pump.take_flowed();
            metrics::ingest_attempt_failed(error.cause);
            tracing::warn!(
                stream = %self.definition.id,
                source = at % sources.len(),
                stage = error.stage.as_str(),
                cause = error.cause.as_str(),
                lasted_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "pull ended: {error}"
            );
            // A source that had flowed well is tried again before the next one is.
            if flowed < backoff::HEALTHY {
                at += 1;
            }
            self.status.send_modify(|s| {
                s.phase = Phase::BackingOff;
                s.error = Some(Arc::new(error));
                s.fruitless = if flowed.is_zero() { s.fruitless + 1 } else { 0 };
            });
            // Every source is tried once before the pause grows.
            let round_ends = at % sources.len() == 0 || flowed >= backoff::HEALTHY;
            let pause = if round_ends {
                backoff.after(flowed, jitter())
            } else {
                self.deps.backoff.0
            };
            tokio::time::sleep(pause).await;
            pump.restart();
        }
    }

    /// One pull, to its end; there always is a reason why it ended.
    async fn attempt(&self, source: &Source, pump: &mut Pump<'_>) -> IngestError {
        let (sink, drain) = sink::channel();
        let pull = async move {
            // Dropped with this future's end: the pump drains what is left, and ends.
            let sink = sink;
            let who = (&self.definition.id, self.definition.name.as_str());
            super::pull::pull(&self.deps, source, who, &sink).await
        };
        let mut media = pump.media.subscribe();
        let watchdog = silence(&mut media, self.deps.stall_timeout.max(MEDIA_WITHIN));
        let pulled = {
            let pump = pump.run(drain);
            tokio::pin!(pull, pump);
            let pulled = tokio::select! {
                pulled = &mut pull => pulled,
                () = &mut pump => Ok(()),
                error = watchdog => Err(error),
            };
            // What came before the end is still shown, but nobody waits for long: the next
            // attempt may bring better.
            let _ = tokio::time::timeout(self.deps.lead + DRAIN, pump).await;
            pulled
        };
        match pulled {
            Err(error) => error,
            Ok(()) if pump.flowed.is_none() => IngestError::new(
                Stage::Demux,
                Cause::NotMedia,
                "the source ended without any media that can be shown",
            ),
            Ok(()) => IngestError::new(Stage::Flow, Cause::Ended, "the source ended"),
        }
    }
}

/// Ends when no media has come for `limit`, though the source may send bytes.
async fn silence(media: &mut watch::Receiver<()>, limit: Duration) -> IngestError {
    let mut flows = false;
    while let Ok(Ok(())) = tokio::time::timeout(limit, media.changed()).await {
        flows = true;
    }
    let seconds = limit.as_secs();
    if flows {
        let text = format!("the source sends bytes, but no media for {seconds} s");
        IngestError::new(Stage::Flow, Cause::Stalled, text)
    } else {
        let text = format!("nothing in the first {seconds} s of the source can be shown");
        IngestError::new(Stage::Demux, Cause::NotMedia, text)
    }
}

/// Takes pieces, cuts and paces them, and publishes the chunks.
struct Pump<'a> {
    task: &'a Task,
    cutter: Cutter,
    pacer: Pacer,
    chunks: Vec<Chunk>,
    /// When the first and the newest media of this attempt were published.
    flowed: Option<(Instant, Instant)>,
    /// Told with each chunk of media.
    media: watch::Sender<()>,
    counted: crate::ts::Stats,
}

impl<'a> Pump<'a> {
    fn new(task: &'a Task) -> Self {
        Self {
            task,
            cutter: Cutter::new(CutterOptions::default()),
            pacer: Pacer::new(task.deps.lead),
            chunks: Vec::new(),
            flowed: None,
            media: watch::Sender::new(()),
            counted: crate::ts::Stats::default(),
        }
    }

    /// What comes next does not continue what came before.
    fn restart(&mut self) {
        self.cutter.discontinuity();
    }

    /// For how long media has flowed in the attempt that ends.
    fn take_flowed(&mut self) -> Duration {
        let flowed = self.flowed.take();
        flowed.map_or(Duration::ZERO, |(first, newest)| {
            // Never nothing, if there was anything.
            newest.duration_since(first).max(Duration::from_millis(1))
        })
    }

    async fn run(&mut self, mut drain: Drain) {
        while let Some(piece) = drain.next().await {
            match piece {
                Piece::Data(bytes, charge) => {
                    self.cutter.push(&bytes, &mut self.chunks);
                    drop(charge);
                    if drain.is_empty() {
                        self.cutter.flush(&mut self.chunks);
                    }
                    self.release(&drain).await;
                }
                Piece::Discontinuity => {
                    self.cutter.finish(&mut self.chunks);
                    self.release(&drain).await;
                    self.cutter.discontinuity();
                }
                Piece::TargetDuration(longest) => {
                    self.task.status.send_if_modified(|s| {
                        let new = s.target_duration != Some(longest);
                        s.target_duration = Some(longest);
                        new
                    });
                }
            }
        }
        self.cutter.finish(&mut self.chunks);
        self.release(&drain).await;
    }

    async fn release(&mut self, drain: &Drain) {
        for chunk in std::mem::take(&mut self.chunks) {
            if let Some(clock_value) = chunk.clock {
                let now = clock::now();
                let due = self.pacer.due(clock_value, now, drain.is_pressed());
                // Timers below their own resolution only cost.
                if due > now + Duration::from_millis(2) {
                    tokio::time::sleep_until(due.into()).await;
                }
            }
            self.task.publisher.set_tracks(self.cutter.tracks());
            let keyframe = chunk.keyframe.is_some();
            let media = keyframe || (self.flowed.is_some() && chunk.clock.is_some());
            metrics::ingest_bytes(chunk.data.len());
            self.task.publisher.publish(chunk);
            if media {
                self.note_media();
            }
        }
        let stats = self.cutter.stats().clone();
        metrics::ts_errors(&self.counted, &stats);
        self.counted = stats;
    }
}

impl Pump<'_> {
    /// Media was published. Only then is the stream live: who waits for that finds it in the feed.
    fn note_media(&mut self) {
        let now = clock::now();
        if let Some((_, newest)) = &mut self.flowed {
            *newest = now;
        } else {
            self.flowed = Some((now, now));
            self.task.status.send_modify(|s| {
                s.phase = Phase::Live;
                s.error = None;
                s.fruitless = 0;
            });
        }
        self.media.send_replace(());
    }
}

/// A number in 0.0..1.0 that differs from call to call; need not be good, only different.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0u8) >> 11) as f64 / (1u64 << 53) as f64
}
