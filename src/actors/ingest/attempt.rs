//! One pull that runs, and one that is tried beside it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::pump::Flow;
use super::slot;
use super::task::Task;
use crate::base::clock;
use crate::ingest::demand::Asked;
use crate::ingest::sink::{self, Drain, Piece};
use crate::ingest::{Cause, Demand, IngestError, Progress, Stage};
use crate::ts::{Chunk, Cutter, CutterOptions, Ticks};

/// A trial has won when media of this length has come after a keyframe, in ticks of 90 kHz.
const PROOF: Ticks = 2 * 90_000;
/// How long a trial may take.
const TRIAL: Duration = Duration::from_secs(30);

/// A pull that runs while it is polled, and what it delivers.
pub(super) struct Attempt<'a> {
    /// Which source.
    pub(super) source: usize,
    /// Ends with the pull.
    pub(super) pull: Pin<Box<dyn Future<Output = Result<(), IngestError>> + Send + 'a>>,
    /// What it delivers; ends when the pull has ended and all was taken.
    pub(super) drain: Drain,
    /// How far it has come.
    pub(super) progress: Arc<Progress>,
    /// The longest that its first byte may take.
    pub(super) first_byte: Duration,
    /// What is asked of it.
    pub(super) asked: Asked,
    /// Where that is [changed](ask).
    pub(super) demand: watch::Sender<Demand>,
    /// Set while it is not the one that is shown.
    trial: Arc<AtomicBool>,
}

impl<'a> Attempt<'a> {
    /// The pull of a source of the definition; `None` when it has no such source.
    pub(super) fn new(task: &'a Task, source: usize) -> Option<Self> {
        let place = task.definition.sources.get(source)?;
        let (demand, demanded) = watch::channel(task.demand());
        let asked = Asked::new(demanded, Arc::clone(&task.looks), task.has_alternatives());
        let (sink, drain) = sink::asked_channel(asked.clone());
        let progress = drain.progress();
        let trial = Arc::new(AtomicBool::new(false));
        let sink = sink.watched_by(Arc::clone(&task.observer), Arc::clone(&trial));
        let as_trial = Arc::clone(&trial);
        let pull = async move {
            // Dropped with this future's end: the pump takes what is left, and ends.
            let sink = sink;
            Box::pin(slot::pull(task, place, &sink, as_trial)).await
        };
        let timeout = place.timeout_ms.map(Duration::from_millis);
        Some(Self {
            source,
            pull: Box::pin(pull),
            drain,
            progress,
            first_byte: timeout.unwrap_or(task.deps.timeout) * 2,
            asked,
            demand,
            trial,
        })
    }

    /// It runs beside the one that is shown: others may have a better right to its connection, and
    /// its media has to prove it.
    pub(super) fn mark_trial(&self) {
        self.trial.store(true, Ordering::Relaxed);
        if self.asked.demand() == Demand::Sampled {
            ask(&self.demand, Demand::Scanned);
        }
    }

    /// It is shown from now on.
    pub(super) fn mark_shown(&self) {
        self.trial.store(false, Ordering::Relaxed);
    }
}

/// Asks something else of an attempt.
pub(super) fn ask(of: &watch::Sender<Demand>, demand: Demand) {
    of.send_if_modified(|asked| {
        let new = *asked != demand;
        *asked = demand;
        new
    });
}

/// A pull beside the one that is shown. It ends well with what has come since its keyframe.
pub(super) type Trial<'a> =
    Pin<Box<dyn Future<Output = Result<(Attempt<'a>, VecDeque<Piece>), IngestError>> + Send + 'a>>;

/// Tries a source beside the one that flows, until it has proved to flow as well.
pub(super) fn trial(mut attempt: Attempt<'_>) -> Trial<'_> {
    Box::pin(async move {
        let mut proof = Proof::default();
        let limit = clock::now() + TRIAL;
        loop {
            let piece = tokio::select! {
                biased;
                piece = attempt.drain.next() => piece,
                pulled = &mut attempt.pull => {
                    pulled?;
                    None
                }
                () = tokio::time::sleep_until(limit.into()) => {
                    let text = "the source brought no picture in the time of a trial";
                    return Err(IngestError::new(Stage::Demux, Cause::Timeout, text));
                }
            };
            let Some(piece) = piece else {
                let text = "the source ended while it was tried";
                return Err(IngestError::new(Stage::Flow, Cause::Ended, text));
            };
            if proof.take(piece, attempt.drain.is_pressed()) {
                return Ok((attempt, proof.kept));
            }
        }
    })
}

/// What a trial has brought so far. Bounded by the budget of the sink, which the pieces hold.
struct Proof {
    cutter: Cutter,
    chunks: Vec<Chunk>,
    kept: VecDeque<Piece>,
    keyframe: Option<Ticks>,
}

impl Default for Proof {
    fn default() -> Self {
        Self {
            cutter: Cutter::new(CutterOptions::default()),
            chunks: Vec::new(),
            kept: VecDeque::new(),
            keyframe: None,
        }
    }
}

impl Proof {
    /// Takes a piece; true when enough has come. `pressed`: no more can be kept.
    fn take(&mut self, piece: Piece, pressed: bool) -> bool {
        match &piece {
            Piece::Data(bytes, _) => self.cutter.push(bytes, &mut self.chunks),
            Piece::Discontinuity => self.cutter.discontinuity(),
            Piece::TargetDuration(_) | Piece::Note(_) => {}
        }
        self.kept.push_back(piece);
        let mut newest = None;
        for chunk in self.chunks.drain(..) {
            if chunk.keyframe.is_some() && self.keyframe.is_none() {
                self.keyframe = chunk.clock;
            }
            newest = chunk.clock.or(newest);
        }
        match (self.keyframe, newest) {
            (Some(keyframe), Some(newest)) if newest >= keyframe + PROOF => true,
            (Some(_), _) => pressed,
            (None, _) => {
                if pressed {
                    // Nothing in it can be shown.
                    self.kept.clear();
                }
                false
            }
        }
    }
}

/// Ends when the first byte has not come in time. Time spent waiting for a lease does not count, nor
/// does time in which no media is wanted.
pub(super) async fn late(progress: &Progress, asked: &Asked, limit: Duration) -> IngestError {
    let mut wanted_since = None;
    loop {
        if progress.has_bytes() {
            return std::future::pending().await;
        }
        if wants_nothing(progress, asked) {
            asked.demands(|demand| demand != Demand::Sampled).await;
            wanted_since = Some(clock::now());
        }
        let due = wanted_since
            .max(Some(progress.began()))
            .unwrap_or_else(clock::now)
            + limit;
        if due <= clock::now() {
            let text = format!("no media came from the source within {} s", limit.as_secs());
            return IngestError::new(Stage::FirstByte, Cause::Timeout, text);
        }
        tokio::time::sleep_until(due.into()).await;
    }
}

/// Ends when no media has come for `limit`, though the source sends bytes or has sent some, and media
/// is wanted.
pub(super) async fn silence(
    progress: &Progress,
    asked: &Asked,
    mut flow: watch::Receiver<Flow>,
    limit: Duration,
) -> IngestError {
    let mut flows = false;
    loop {
        if wants_nothing(progress, asked) {
            asked.demands(|demand| demand != Demand::Sampled).await;
            flow.mark_unchanged();
        }
        let sampled = asked.demands(|demand| demand == Demand::Sampled);
        let changed = tokio::select! {
            changed = tokio::time::timeout(limit, flow.changed()) => changed,
            _ = sampled, if progress.is_following() => continue,
        };
        match changed {
            Ok(Ok(())) => flows = true,
            // The first byte has a deadline of its own.
            Err(_) if !flows && !progress.has_bytes() => {}
            _ => break,
        }
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

/// A source that is sampled brings media when a look is asked for, and whoever looks has deadlines of
/// its own.
fn wants_nothing(progress: &Progress, asked: &Asked) -> bool {
    progress.is_following() && asked.demand() == Demand::Sampled
}
