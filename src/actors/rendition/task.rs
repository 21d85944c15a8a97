//! The task of a rendition: a lease, then one pipeline after the other until nobody wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::supply::Supply;
use super::{Board, Live, RenditionDeps, RenditionStatus};
use crate::actors::audio::chosen;
use crate::actors::convert::encoding;
use crate::actors::ingest::Ingest;
use crate::actors::output::OutputKey;
use crate::actors::plan::{self, Convert, RenditionKey};
use crate::actors::pool::{Asked, PoolLease, Verdict};
use crate::admission::{Hold, Job, Work};
use crate::base::clock;
use crate::base::ids::ClientId;
use crate::base::shared::Lease;
use crate::feed::{Item, Publisher};
use crate::ingest::{Cause, IngestError, Stage};
use crate::metrics;
use crate::pipeline::{self, Event, Input, Label, Output, Running, Topology, TranscodeSpec};
use crate::stream::StreamId;
use crate::ts::{self, Cutter, CutterOptions, Tracks};

/// A pipeline that fails this often in a row ends its rendition: its viewers are told why.
const MAX_FAILURES: u32 = 3;
/// A pipeline that ran this long before it failed starts the count anew.
const HEALTHY: Duration = Duration::from_secs(30);
/// The pause before a failed pipeline is started again; doubles with each failure.
const PAUSE: Duration = Duration::from_millis(250);
/// A source that changes its tracks sooner than this after the last change does not settle, which
/// counts as a failure.
const SETTLED: Duration = Duration::from_secs(5);
/// How long a source that flows may be without a keyframe.
const KEYFRAME: Duration = Duration::from_secs(20);
/// How long a pipeline that is replaced may take to give out the rest of what it holds.
const HANDOVER: Duration = Duration::from_secs(5);

pub(super) struct Task {
    pub(super) stream: StreamId,
    pub(super) key: RenditionKey,
    pub(super) source: Lease<StreamId, Ingest>,
    pub(super) client: ClientId,
    pub(super) deps: RenditionDeps,
    pub(super) publisher: Publisher,
    pub(super) status: watch::Sender<RenditionStatus>,
    pub(super) board: Arc<Board>,
    pub(super) cancel: CancellationToken,
}

/// Why a pipeline run ended.
enum RunEnd {
    /// The source's feed ended: nothing is left to convert.
    SourceEnded,
    /// The source now carries other tracks: the pipeline must be built for them.
    TracksChanged,
    /// It has grown old and given out all it held: the next one goes on where it stopped.
    Replaced {
        /// All that it held has come out.
        complete: bool,
    },
    /// Nobody wants it any more.
    Cancelled,
    /// The pool has ended it; its status says why.
    Evicted,
    /// It failed.
    Failed(IngestError),
}

impl Task {
    pub(super) async fn run(self) {
        let Some(lease) = self.queue().await else {
            self.no_verdict();
            return;
        };
        self.set_status(RenditionStatus::Starting);
        let mut cutter = Cutter::new(CutterOptions::default());
        let mut failures = 0;
        let mut supply = None;
        loop {
            let started = clock::now();
            let end = self.run_once(&lease, &mut cutter, &mut supply).await;
            let error = match end {
                RunEnd::Cancelled | RunEnd::SourceEnded | RunEnd::Evicted => break,
                RunEnd::Replaced { complete } => {
                    tracing::info!(stream = %self.stream, rendition = %self.key, "pipeline has reached its age: the next one takes over");
                    metrics::pipeline_replaced();
                    if complete {
                        cutter.splice();
                    } else {
                        cutter.discontinuity();
                    }
                    continue;
                }
                RunEnd::TracksChanged if started.elapsed() >= SETTLED => {
                    tracing::info!(stream = %self.stream, rendition = %self.key, "source changed its tracks: pipeline is rebuilt");
                    cutter.discontinuity();
                    continue;
                }
                RunEnd::TracksChanged => internal("the source keeps changing its tracks"),
                RunEnd::Failed(error) => error,
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
                let error = Arc::new(error);
                let mut breakers = self.deps.breakers.lock();
                breakers.failed(&self.output(), clock::now(), Arc::clone(&error));
                drop(breakers);
                self.set_status(RenditionStatus::Failed(error));
                break;
            }
            self.set_status(RenditionStatus::Starting);
            let pause = PAUSE * 2u32.pow(failures);
            let waited = self.cancel.run_until_cancelled(tokio::time::sleep(pause));
            if waited.await.is_none() {
                break;
            }
            cutter.discontinuity();
        }
        self.no_verdict();
        // The pipeline has been torn down: only now may the next one take the place.
        drop(lease);
    }

    /// Should this have been the trial of an open breaker, another may have it now.
    fn no_verdict(&self) {
        let now = clock::now();
        self.deps.breakers.lock().abandoned(&self.output(), now);
    }

    fn output(&self) -> OutputKey {
        (self.stream.clone(), self.key.clone())
    }

    async fn queue(&self) -> Option<PoolLease> {
        let pool = &self.deps.pool;
        let decided = |verdict, reason| {
            pool.decided(&self.stream, &self.key.to_string(), verdict, reason);
        };
        match pool.ask(self.client, pool.expected(&self.job())) {
            Asked::Granted(lease) => Some(lease),
            Asked::Full => {
                decided(Verdict::Refused, "queue_full");
                self.set_status(RenditionStatus::QueueFull);
                None
            }
            Asked::OutOfDescriptors => {
                decided(Verdict::Refused, Hold::Descriptors.as_str());
                self.set_status(RenditionStatus::OutOfDescriptors);
                None
            }
            Asked::Queued(mut waiter) => {
                decided(
                    Verdict::Queued,
                    pool.figures().hold.unwrap_or(Hold::Slots).as_str(),
                );
                self.board.set_ticket(Some(waiter.ticket()));
                let granted = self.cancel.run_until_cancelled(waiter.granted()).await;
                self.board.set_ticket(None);
                granted.flatten()
            }
        }
    }

    /// What a pipeline for this rendition does, by which its cost is known.
    fn job(&self) -> Job {
        let tracks = self.source.feed.tracks().borrow().clone();
        let tracks = tracks.as_deref();
        let spec = tracks.and_then(|tracks| self.spec(tracks));
        let work = spec
            .as_ref()
            .and_then(|spec| Topology::for_tracks(spec.video, spec.audio).ok())
            .and_then(|topology| Work::parse(topology.name()))
            .unwrap_or(Work::EncodeBoth);
        let picture = tracks
            .and_then(Tracks::video)
            .and_then(|track| track.video.as_ref());
        let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
        let source_pixels = picture.map_or(0, |video| pixels(video.width, video.height));
        let most = spec.map_or(0, |spec| pixels(spec.profile.width, spec.profile.height));
        Job {
            work,
            profile: self.key.profile().unwrap_or_default().into(),
            source_pixels,
            output_pixels: if source_pixels == 0 {
                most
            } else {
                most.min(source_pixels)
            },
        }
    }

    fn set_status(&self, status: RenditionStatus) {
        self.status.send_replace(status);
    }

    /// One pipeline from its start to its end, torn down when this returns; one that is replaced
    /// is torn down while its successor starts.
    async fn run_once(
        &self,
        lease: &PoolLease,
        cutter: &mut Cutter,
        kept: &mut Option<Supply>,
    ) -> RunEnd {
        let feed = &self.source.feed;
        let mut changes = feed.tracks();
        // Taken out first: who subscribes while looking at it waits for ever for a publisher who waits for us.
        let known = changes.borrow_and_update().clone();
        let mut supply = match (kept.take(), known) {
            (Some(supply), _) => supply,
            (None, Some(tracks)) => {
                let audio = self.key.audio().cloned();
                Supply::new(feed, tracks, audio, self.deps.lead)
            }
            (None, None) => return RunEnd::Failed(internal("the source's tracks are not known")),
        };
        let tracks = Arc::clone(supply.tracks());
        let Some(spec) = self.spec(&tracks) else {
            return RunEnd::Failed(internal("the profile is gone"));
        };
        let deadline = self.deps.teardown_deadline;
        let label = Label {
            stream: self.stream.to_string(),
            rendition: self.key.to_string(),
        };
        let start = pipeline::start_transcode(&self.deps.library, spec, label, deadline);
        let mut running = match start.await {
            Ok(running) => running,
            Err(error) => return RunEnd::Failed(internal(error.to_string())),
        };
        let counted = metrics::pipeline_runs();
        let job = self.job();
        let pool = &self.deps.pool;
        pool.restart(lease.id(), pool.expected(&job));
        let pace = Arc::new(Pace::default());
        self.board.live(Some(Live {
            lease: lease.id(),
            job,
            pipeline: running.control.id(),
            started: clock::now(),
            pace: Arc::clone(&pace),
        }));
        let end = tokio::select! {
            biased;
            () = self.cancel.cancelled() => RunEnd::Cancelled,
            error = self.board.evicted() => {
                // Its viewers need not wait for the teardown to be told.
                self.set_status(RenditionStatus::Failed(error));
                RunEnd::Evicted
            }
            () = changed(&mut changes, &tracks, &self.key) => RunEnd::TracksChanged,
            end = self.convey(&mut running, &mut supply, cutter, &pace) => end,
        };
        self.board.live(None);
        if matches!(end, RunEnd::Replaced { .. }) {
            *kept = Some(supply);
            tokio::spawn(async move {
                running.stop(deadline).await;
                drop(counted);
            });
            return end;
        }
        running.stop(deadline).await;
        drop(counted);
        end
    }

    fn spec(&self, tracks: &Tracks) -> Option<TranscodeSpec> {
        let profile = self.deps.profiles.get(self.key.profile()?)?;
        let (video, audio) = plan::work(convert(&self.key), tracks);
        let mut profile = encoding(profile, self.deps.threads);
        if let Some(picture) = tracks.video().and_then(plan::picture) {
            // The encoder takes no other number once it has started.
            let fit = pipeline::fit(&profile, &picture);
            profile.threads = pipeline::encoder_threads(&profile, &fit);
        }
        Some(TranscodeSpec {
            profile,
            video,
            audio,
        })
    }

    /// Moves bytes in and out of the pipeline until something ends it.
    async fn convey(
        &self,
        running: &mut Running,
        supply: &mut Supply,
        cutter: &mut Cutter,
        pace: &Pace,
    ) -> RunEnd {
        let Running {
            input,
            output,
            events,
            ..
        } = running;
        let Some(input) = input.as_mut() else {
            return RunEnd::Failed(internal("the pipeline has no input"));
        };
        let handed_over = AtomicBool::new(false);
        let replace_at = self.deps.max_age.map(|age| clock::now() + age);
        let feed = async {
            if tokio::time::timeout(KEYFRAME, supply.begin())
                .await
                .is_err()
            {
                return RunEnd::Failed(internal("the source brings no keyframe to begin with"));
            }
            if !self.feed_in(input, supply, replace_at, pace).await {
                return RunEnd::SourceEnded;
            }
            handed_over.store(true, Ordering::Relaxed);
            input.end_of_stream();
            tokio::time::sleep(HANDOVER).await;
            tracing::warn!(stream = %self.stream, rendition = %self.key, "a pipeline that is replaced did not give out all it held");
            RunEnd::Replaced { complete: false }
        };
        let drain = async {
            self.drain_out(output, cutter, pace).await;
            if handed_over.load(Ordering::Relaxed) {
                RunEnd::Replaced { complete: true }
            } else {
                RunEnd::Failed(internal("the pipeline ended by itself"))
            }
        };
        let error = async {
            loop {
                match events.next().await {
                    Some(Event::Error { message, .. }) => {
                        let error = IngestError::new(Stage::Transcode, Cause::Internal, message);
                        return RunEnd::Failed(error);
                    }
                    Some(Event::EndOfStream) if !handed_over.load(Ordering::Relaxed) => {
                        return RunEnd::Failed(internal("the pipeline ended its stream"));
                    }
                    Some(other) => tracing::debug!(event = ?other, "pipeline"),
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            // A failure is told before the output ends for it: the reason goes first.
            biased;
            end = error => end,
            end = feed => end,
            end = drain => end,
            () = pace.stuck() => RunEnd::Failed(IngestError::new(
                Stage::Transcode,
                Cause::Stalled,
                "the pipeline takes media in but brings none out",
            )),
        }
    }

    /// Feeds the pipeline. True when, at the first keyframe after `replace_at`, the rest was left to
    /// the next one; false when the source has ended.
    async fn feed_in(
        &self,
        input: &mut Input,
        supply: &mut Supply,
        replace_at: Option<Instant>,
        pace: &Pace,
    ) -> bool {
        let mut fed = false;
        while let Some(Item { mut chunk, joined }) = supply.next().await {
            let handover =
                fed && chunk.keyframe.is_some() && replace_at.is_some_and(|at| clock::now() >= at);
            if handover {
                let (rest, onward) = ts::seam(&chunk);
                supply.hold(onward);
                chunk.data = rest;
            }
            let psi = chunk.keyframe.as_ref().filter(|_| joined);
            for bytes in psi.map(|k| k.psi.clone()).into_iter().chain([chunk.data]) {
                if bytes.is_empty() {
                    continue;
                }
                pace.fed(bytes.len());
                if input.push(bytes).await.is_err() {
                    // The pipeline ended: its error message says why.
                    std::future::pending::<()>().await;
                }
            }
            if handover {
                return true;
            }
            fed = true;
        }
        false
    }

    /// Publishes what comes out until the output ends.
    async fn drain_out(&self, output: &mut Output, cutter: &mut Cutter, pace: &Pace) {
        let mut chunks = Vec::new();
        while let Some(bytes) = output.next().await {
            pace.drained();
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
                pace.came_to(self.source.feed.clock(), chunk.clock);
                metrics::rendition_bytes(chunk.data.len());
                self.publisher.publish(chunk);
            }
        }
    }
}

/// Waits until the source carries other tracks than a running pipeline was built for.
async fn changed(
    tracks: &mut watch::Receiver<Option<Arc<Tracks>>>,
    built_for: &Tracks,
    key: &RenditionKey,
) {
    let (convert, audio) = (convert(key), key.audio());
    let work = plan::work(convert, built_for);
    let pids = plan::wanted_pids(built_for, audio);
    loop {
        if tracks.changed().await.is_err() {
            // The feed ended; the subscription tells.
            std::future::pending::<()>().await;
        }
        let Some(now) = tracks.borrow_and_update().clone() else {
            continue;
        };
        let same_pids = plan::wanted_pids(&now, audio) == pids;
        let codec = |t: &Tracks| {
            let sound = chosen(audio, t).map(|a| a.codec);
            (t.video().map(|v| v.codec), sound)
        };
        if !same_pids || codec(&now) != codec(built_for) || plan::work(convert, &now) != work {
            return;
        }
    }
}

fn convert(key: &RenditionKey) -> Convert {
    match key {
        RenditionKey::Encoded { what, .. } => *what,
        RenditionKey::Source | RenditionKey::Picked { .. } => Convert::All,
    }
}

fn internal(message: impl Into<String>) -> IngestError {
    IngestError::new(Stage::Transcode, Cause::Internal, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topology_of_a_rendition_has_a_cost_of_its_own() {
        let renditions = Topology::ALL.into_iter().filter(|topology| {
            matches!(
                topology.kind(),
                pipeline::Kind::Transcode | pipeline::Kind::Audio
            )
        });
        for topology in renditions {
            assert_eq!(
                Work::parse(topology.name()).map(Work::as_str),
                Some(topology.name())
            );
        }
    }
}
