//! One converted rendition: waits for a lease, runs its pipeline between two feeds, and tries
//! again when the pipeline fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ingest::Ingest;
use super::plan::{self, Convert, RenditionKey};
use super::pool::{Asked, Pool, PoolLease};
use crate::admission::Ticket;
use crate::base::clock;
use crate::base::ids::ClientId;
use crate::base::shared::{Lease, Shareable};
use crate::config::Profile;
use crate::feed::{Feed, Join, Publisher, Retention};
use crate::ingest::{Cause, IngestError, Stage};
use crate::metrics;
use crate::pipeline::{self, Event, Events, Input, Library, Output, Running, TranscodeSpec};
use crate::stream::StreamId;
use crate::ts::{Cutter, CutterOptions, Tracks};

/// A pipeline that fails this often in a row ends its rendition: its viewers are told why.
const MAX_FAILURES: u32 = 3;
/// A pipeline that ran this long before it failed starts the count anew.
const HEALTHY: Duration = Duration::from_secs(30);
/// The pause before a failed pipeline is started again; doubles with each failure.
const PAUSE: Duration = Duration::from_millis(250);
/// A source that changes its tracks sooner than this after the last change does not settle, which
/// counts as a failure.
const SETTLED: Duration = Duration::from_secs(5);
/// How long the output may lack behind a flowing input before the pipeline counts as stuck.
const STUCK: Duration = Duration::from_secs(15);

/// What every rendition needs.
#[derive(Clone, Debug)]
pub struct RenditionDeps {
    /// The pipelines.
    pub library: Arc<Library>,
    /// Leases for them.
    pub pool: Pool,
    /// The encode settings, by name.
    pub profiles: Arc<BTreeMap<String, Profile>>,
    /// Encoder threads of one pipeline.
    pub threads: u32,
    /// What a feed keeps.
    pub retention: Retention,
    /// How far back in the source it begins, so that its viewers have something to buffer.
    pub lead: Duration,
    /// How long it outlives its last viewer.
    pub linger: Duration,
    /// How long a pipeline may take to end.
    pub teardown_deadline: Duration,
}

/// How far a rendition is.
#[derive(Clone, Debug, Default)]
pub enum RenditionStatus {
    /// It waits for a lease.
    #[default]
    Queued,
    /// Its pipeline starts.
    Starting,
    /// Its pipeline runs.
    Running,
    /// The queue was full: it never ran.
    QueueFull,
    /// It gave up.
    Failed(Arc<IngestError>),
}

/// A rendition. Viewers and HLS windows hold leases on it.
#[derive(Debug)]
pub struct Rendition {
    /// What it delivers.
    pub feed: Arc<Feed>,
    status: watch::Receiver<RenditionStatus>,
    ticket: Arc<Mutex<Option<Ticket>>>,
    pool: Pool,
    cancel: CancellationToken,
    linger: Duration,
}

impl Rendition {
    /// Queues for a lease and then runs, in a task of its own.
    pub fn start(
        (stream, key): (StreamId, RenditionKey),
        source: Lease<StreamId, Ingest>,
        client: ClientId,
        deps: RenditionDeps,
    ) -> Self {
        let (feed, publisher) = Feed::new(deps.retention);
        let (status_sender, status) = watch::channel(RenditionStatus::default());
        let cancel = CancellationToken::new();
        let ticket = Arc::default();
        let (pool, linger) = (deps.pool.clone(), deps.linger);
        let task = Task {
            stream,
            key,
            source,
            client,
            deps,
            publisher,
            status: status_sender,
            ticket: Arc::clone(&ticket),
            cancel: cancel.clone(),
        };
        tokio::spawn(task.run());
        Self {
            feed,
            status,
            ticket,
            pool,
            cancel,
            linger,
        }
    }

    /// Its status, as it changes.
    pub fn status(&self) -> watch::Receiver<RenditionStatus> {
        self.status.clone()
    }

    /// Its place in the queue, from 1, while it waits.
    pub fn queue_position(&self) -> Option<usize> {
        let ticket = *self.ticket.lock().unwrap_or_else(PoisonError::into_inner);
        self.pool.position(ticket?)
    }
}

impl Shareable for Rendition {
    fn linger(&self) -> Duration {
        // One that does not run yet has nothing worth keeping, and while others wait for a
        // lease an unwatched pipeline makes room at once.
        let runs = matches!(*self.status.borrow(), RenditionStatus::Running);
        if runs && self.pool.figures().queued == 0 {
            self.linger
        } else {
            Duration::ZERO
        }
    }
    fn is_alive(&self) -> bool {
        let over = matches!(
            *self.status.borrow(),
            RenditionStatus::Failed(_) | RenditionStatus::QueueFull
        );
        !over && !self.cancel.is_cancelled() && self.status.has_changed().is_ok()
    }
    fn stop(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Rendition {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Task {
    stream: StreamId,
    key: RenditionKey,
    source: Lease<StreamId, Ingest>,
    client: ClientId,
    deps: RenditionDeps,
    publisher: Publisher,
    status: watch::Sender<RenditionStatus>,
    ticket: Arc<Mutex<Option<Ticket>>>,
    cancel: CancellationToken,
}

/// Why a pipeline run ended.
enum RunEnd {
    /// The source's feed ended: nothing is left to convert.
    SourceEnded,
    /// The source now carries other tracks: the pipeline must be built for them.
    TracksChanged,
    /// Nobody wants it any more.
    Cancelled,
    /// It failed.
    Failed(IngestError),
}

impl Task {
    async fn run(self) {
        let Some(lease) = self.queue().await else {
            return;
        };
        self.set_status(RenditionStatus::Starting);
        let mut cutter = Cutter::new(CutterOptions::default());
        let mut failures = 0;
        loop {
            let started = clock::now();
            let end = self.run_once(&mut cutter).await;
            match end {
                RunEnd::Cancelled | RunEnd::SourceEnded => break,
                RunEnd::TracksChanged if started.elapsed() >= SETTLED => {
                    tracing::info!(stream = %self.stream, rendition = %self.key, "source changed its tracks: pipeline is rebuilt");
                }
                end => {
                    let error = match end {
                        RunEnd::Failed(error) => error,
                        _ => internal("the source keeps changing its tracks"),
                    };
                    failures = if started.elapsed() >= HEALTHY {
                        1
                    } else {
                        failures + 1
                    };
                    metrics::pipeline_failed();
                    tracing::warn!(
                        stream = %self.stream, rendition = %self.key, failures,
                        "pipeline failed: {error}"
                    );
                    if failures >= MAX_FAILURES {
                        self.set_status(RenditionStatus::Failed(Arc::new(error)));
                        break;
                    }
                    let pause = PAUSE * 2u32.pow(failures);
                    let waited = self.cancel.run_until_cancelled(tokio::time::sleep(pause));
                    if waited.await.is_none() {
                        break;
                    }
                }
            }
            cutter.discontinuity();
        }
        // The pipeline has been torn down: only now may the next one take the place.
        drop(lease);
    }

    async fn queue(&self) -> Option<PoolLease> {
        match self.deps.pool.ask(self.client) {
            Asked::Granted(lease) => Some(lease),
            Asked::Full => {
                self.set_status(RenditionStatus::QueueFull);
                None
            }
            Asked::Queued(mut waiter) => {
                self.set_ticket(Some(waiter.ticket()));
                let granted = self.cancel.run_until_cancelled(waiter.granted()).await;
                self.set_ticket(None);
                granted.flatten()
            }
        }
    }

    fn set_ticket(&self, ticket: Option<Ticket>) {
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = ticket;
    }

    fn set_status(&self, status: RenditionStatus) {
        self.status.send_replace(status);
    }

    /// One pipeline from its start to its end, torn down when this returns.
    async fn run_once(&self, cutter: &mut Cutter) -> RunEnd {
        let mut tracks = self.source.feed.tracks();
        let Some(current) = tracks.borrow_and_update().clone() else {
            return RunEnd::Failed(internal("the source's tracks are not known"));
        };
        let Some(spec) = self.spec(&current) else {
            return RunEnd::Failed(internal("the profile is gone"));
        };
        let deadline = self.deps.teardown_deadline;
        let start = pipeline::start_transcode(&self.deps.library, spec, deadline);
        let mut running = match start.await {
            Ok(running) => running,
            Err(error) => return RunEnd::Failed(internal(error.to_string())),
        };
        let counted = metrics::pipeline_runs();
        let end = tokio::select! {
            biased;
            () = self.cancel.cancelled() => RunEnd::Cancelled,
            () = changed(&mut tracks, &current, self.convert()) => RunEnd::TracksChanged,
            end = self.convey(&mut running, &current, cutter) => end,
        };
        running.stop(deadline).await;
        drop(counted);
        end
    }

    fn convert(&self) -> Convert {
        match &self.key {
            RenditionKey::Encoded { what, .. } => *what,
            RenditionKey::Source => Convert::All,
        }
    }

    fn spec(&self, tracks: &Tracks) -> Option<TranscodeSpec> {
        let profile = self.deps.profiles.get(self.key.profile()?)?;
        let (video, audio) = plan::work(self.convert(), tracks);
        Some(TranscodeSpec {
            profile: pipeline::Profile {
                name: profile.name.clone(),
                width: profile.width,
                height: profile.height,
                video_bitrate_kbps: profile.video_bitrate_kbps,
                speed_preset: profile.speed_preset.as_str().to_owned(),
                audio_bitrate_kbps: profile.audio_bitrate_kbps,
                max_frame_rate: profile.max_frame_rate,
                threads: self.deps.threads,
            },
            video,
            audio,
        })
    }

    /// Moves bytes in and out of the pipeline until something ends it.
    async fn convey(&self, running: &mut Running, tracks: &Tracks, cutter: &mut Cutter) -> RunEnd {
        let Running {
            input,
            output,
            events,
            ..
        } = running;
        let Some(input) = input.as_mut() else {
            return RunEnd::Failed(internal("the pipeline has no input"));
        };
        let progress = Progress::default();
        tokio::select! {
            end = self.feed_in(input, tracks, &progress) => end,
            end = self.drain_out(output, cutter, &progress) => end,
            error = first_error(events) => RunEnd::Failed(error),
            () = progress.stuck() => RunEnd::Failed(IngestError::new(
                Stage::Transcode,
                Cause::Stalled,
                "the pipeline takes media in but brings none out",
            )),
        }
    }

    async fn feed_in(&self, input: &mut Input, tracks: &Tracks, progress: &Progress) -> RunEnd {
        let mut subscription = self.source.feed.subscribe(Join::Back(self.deps.lead));
        let mut filter = crate::ts::select(tracks, &plan::wanted_pids(tracks));
        let mut known = self.source.feed.tracks();
        known.borrow_and_update();
        while let Some(item) = subscription.next().await {
            // A new table for the same tracks needs a new filter, not a new pipeline.
            if known.has_changed().unwrap_or(false)
                && let Some(tracks) = known.borrow_and_update().as_deref()
            {
                filter = crate::ts::select(tracks, &plan::wanted_pids(tracks));
            }
            let chunk = filter.apply(&item.chunk);
            let psi = chunk
                .keyframe
                .as_ref()
                .filter(|_| item.joined)
                .map(|k| k.psi.clone());
            for bytes in psi.into_iter().chain([chunk.data]) {
                if bytes.is_empty() {
                    continue;
                }
                progress.fed(bytes.len());
                if input.push(bytes).await.is_err() {
                    // The pipeline ended: its error message says why.
                    std::future::pending::<()>().await;
                }
            }
        }
        RunEnd::SourceEnded
    }

    async fn drain_out(
        &self,
        output: &mut Output,
        cutter: &mut Cutter,
        progress: &Progress,
    ) -> RunEnd {
        let mut chunks = Vec::new();
        while let Some(bytes) = output.next().await {
            progress.drained();
            cutter.push(&bytes, &mut chunks);
            // What is there already goes the same way: fewer, larger writes to the viewers.
            while let Some(bytes) = output.try_next() {
                cutter.push(&bytes, &mut chunks);
            }
            cutter.flush(&mut chunks);
            for chunk in chunks.drain(..) {
                self.publisher.set_tracks(cutter.tracks());
                if chunk.keyframe.is_some() {
                    self.status.send_if_modified(|status| {
                        let new = !matches!(status, RenditionStatus::Running);
                        *status = RenditionStatus::Running;
                        new
                    });
                }
                metrics::rendition_bytes(chunk.data.len());
                self.publisher.publish(chunk);
            }
        }
        RunEnd::Failed(internal("the pipeline ended by itself"))
    }
}

/// Waits until the source carries other tracks than a running pipeline was built for.
async fn changed(
    tracks: &mut watch::Receiver<Option<Arc<Tracks>>>,
    built_for: &Tracks,
    convert: Convert,
) {
    let work = plan::work(convert, built_for);
    loop {
        if tracks.changed().await.is_err() {
            // The feed ended; the subscription tells.
            std::future::pending::<()>().await;
        }
        let Some(now) = tracks.borrow_and_update().clone() else {
            continue;
        };
        let same_pids = plan::wanted_pids(&now) == plan::wanted_pids(built_for);
        let codec = |t: &Tracks| (t.video().map(|v| v.codec), t.audio().map(|a| a.codec));
        if !same_pids || codec(&now) != codec(built_for) || plan::work(convert, &now) != work {
            return;
        }
    }
}

async fn first_error(events: &mut Events) -> IngestError {
    while let Some(event) = events.next().await {
        match event {
            Event::Error { message, .. } => {
                return IngestError::new(Stage::Transcode, Cause::Internal, message);
            }
            Event::EndOfStream => return internal("the pipeline ended its stream"),
            other => tracing::debug!(event = ?other, "pipeline"),
        }
    }
    std::future::pending().await
}

fn internal(message: impl Into<String>) -> IngestError {
    IngestError::new(Stage::Transcode, Cause::Internal, message)
}

/// Watches that what goes in also comes out.
#[derive(Debug)]
struct Progress {
    fed_since_output: std::sync::atomic::AtomicUsize,
    output: watch::Sender<()>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            fed_since_output: 0.into(),
            output: watch::Sender::new(()),
        }
    }
}

impl Progress {
    /// Less than this may rightly lie inside: lookahead, muxer and queues.
    const INSIDE: usize = 64 << 10;

    fn fed(&self, bytes: usize) {
        self.fed_since_output
            .fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }

    fn drained(&self) {
        self.fed_since_output
            .store(0, std::sync::atomic::Ordering::Relaxed);
        self.output.send_replace(());
    }

    /// Ends when nothing came out for a while though enough went in.
    async fn stuck(&self) {
        let mut output = self.output.subscribe();
        loop {
            let waited = tokio::time::timeout(STUCK, output.changed()).await;
            let inside = self
                .fed_since_output
                .load(std::sync::atomic::Ordering::Relaxed);
            if waited.is_err() && inside > Self::INSIDE {
                return;
            }
        }
    }
}
