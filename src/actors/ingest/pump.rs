//! The pump: takes what a pull delivers, cuts and paces it, and publishes the chunks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::task::Task;
use super::{IngestStatus, Phase};
use crate::base::clock;
use crate::feed::Retention;
use crate::ingest::pacer::Pacer;
use crate::ingest::sink::{Drain, Note, Piece};
use crate::ingest::{Demand, Look};
use crate::metrics;
use crate::ts::{Chunk, Cutter, CutterOptions};

/// When the first and the newest media of an attempt were published.
pub(super) type Flow = Option<(Instant, Instant)>;

/// How far media may run ahead that nobody watches: no live source does, so that it is not paced; what
/// is not live is not read at the speed of the line.
const AHEAD: Duration = Duration::from_mins(1);

/// Takes pieces, cuts and paces them, and publishes the chunks.
pub(super) struct Pump<'a> {
    task: &'a Task,
    cutter: Cutter,
    pacer: Pacer,
    /// Cut, and not taken over into `waiting`.
    chunks: Vec<Chunk>,
    /// Cut, and to be published in turn. They are numbered already: were one lost, because waiting for its time was
    /// given up, packets would be missing for those who count them.
    waiting: VecDeque<Chunk>,
    /// Told with each chunk of media.
    flow: watch::Sender<Flow>,
    counted: crate::ts::Stats,
    /// What was asked when it was last heeded.
    asked: Demand,
    /// What is published, and how.
    serves: Demand,
    /// It has been told that the source is live.
    told: bool,
}

impl<'a> Pump<'a> {
    pub(super) fn new(task: &'a Task) -> Self {
        Self {
            task,
            cutter: Cutter::new(CutterOptions::default()),
            pacer: Pacer::new(task.deps.lead),
            chunks: Vec::new(),
            waiting: VecDeque::new(),
            flow: watch::Sender::new(None),
            counted: crate::ts::Stats::default(),
            asked: Demand::Watched,
            serves: Demand::Watched,
            told: false,
        }
    }

    /// What comes next does not continue what came before: another attempt begins.
    pub(super) fn restart(&mut self, drain: &Drain) {
        self.asked = drain.asked().demand();
        if self.asked == Demand::Watched && self.serves != Demand::Watched {
            self.forget();
        }
        // There is no time left to pace it.
        for chunk in std::mem::take(&mut self.waiting) {
            self.publish(chunk);
        }
        self.cutter.discontinuity();
        self.flow.send_replace(None);
        self.told = false;
        // Whether it can be sampled, it will tell.
        self.serve(continuous(self.asked));
    }

    /// How the media of this attempt flows.
    pub(super) fn flow(&self) -> watch::Receiver<Flow> {
        self.flow.subscribe()
    }

    /// For how long media has flowed in the attempt that ends.
    pub(super) fn flowed(&self) -> Duration {
        self.flow
            .borrow()
            .map_or(Duration::ZERO, |(first, newest)| {
                // Never nothing, if there was anything.
                newest.duration_since(first).max(Duration::from_millis(1))
            })
    }

    /// Conveys what was `kept` and what comes, until nothing more does.
    pub(super) async fn run(&mut self, kept: &mut VecDeque<Piece>, drain: &mut Drain) {
        let asked = drain.asked().clone();
        loop {
            let known = self.asked;
            let may_let_go = self.serves == Demand::Scanned;
            let piece = tokio::select! {
                biased;
                _ = asked.demands(|demand| demand != known) => {
                    self.heed(drain);
                    continue;
                }
                () = asked.looks().left(), if may_let_go => {
                    self.let_go(drain);
                    continue;
                }
                piece = next(kept, drain) => piece,
            };
            let Some(piece) = piece else { break };
            self.take(piece, kept.is_empty() && drain.is_empty(), drain)
                .await;
        }
        self.cutter.finish(&mut self.chunks);
        self.release(drain).await;
    }

    async fn take(&mut self, piece: Piece, last: bool, drain: &Drain) {
        match piece {
            Piece::Data(bytes, charge) => {
                self.cutter.push(&bytes, &mut self.chunks);
                drop(charge);
                if last {
                    self.cutter.flush(&mut self.chunks);
                }
                self.release(drain).await;
            }
            Piece::Discontinuity => {
                self.cutter.finish(&mut self.chunks);
                self.release(drain).await;
                self.cutter.discontinuity();
            }
            Piece::TargetDuration(longest) => {
                self.tell(|s| {
                    let new = s.target_duration != Some(longest);
                    s.target_duration = Some(longest);
                    new
                });
            }
            Piece::Note(note) => self.note(note, drain),
        }
    }

    fn note(&mut self, note: Note, drain: &Drain) {
        match note {
            Note::Serves(demand) => {
                if demand == Demand::Watched && self.serves != Demand::Watched {
                    // Of another variant, and older than what comes: not for those who join now.
                    self.told = false;
                    self.tell(|s| {
                        s.phase = Phase::Connecting;
                        true
                    });
                    self.forget();
                }
                self.serve(demand);
            }
            Note::Well => {
                if self.serves == Demand::Sampled {
                    // The rest of what was watched.
                    self.task.publisher.clear();
                    if !drain.asked().looks().are_due() {
                        self.note_flow();
                    }
                }
            }
            Note::Looked(reply) => {
                let chunks = self.task.publisher.take();
                let look = (!chunks.is_empty()).then(|| Look {
                    chunks: chunks.into(),
                    tracks: self.cutter.tracks().cloned(),
                    number: None,
                });
                // The next look may be long in coming, and stands for itself.
                self.renew();
                // A puller that is gone waits for nothing.
                let _ = reply.send(look);
            }
        }
    }

    /// Something else is asked.
    fn heed(&mut self, drain: &Drain) {
        self.asked = drain.asked().demand();
        // A puller that follows tells from where on it does.
        if !drain.progress().is_following() {
            self.serve(continuous(self.asked));
        }
    }

    fn serve(&mut self, demand: Demand) {
        if demand != self.serves {
            let deps = &self.task.deps;
            let (retention, ahead) = match demand {
                Demand::Watched => (deps.retention, deps.lead),
                Demand::Scanned => (Retention::SCANNED, AHEAD),
                Demand::Sampled => (Retention::SAMPLED, AHEAD),
            };
            self.task.publisher.set_retention(retention);
            self.pacer = Pacer::new(ahead);
            self.serves = demand;
        }
        self.tell(|s| {
            let new = s.demand != demand;
            s.demand = demand;
            new
        });
    }

    /// Nothing of what was published goes on.
    fn forget(&mut self) {
        self.renew();
        self.task.publisher.clear();
        self.task.publisher.set_tracks(None);
    }

    fn renew(&mut self) {
        self.chunks = Vec::new();
        self.waiting = VecDeque::new();
        self.cutter = Cutter::new(CutterOptions::default());
        self.counted = crate::ts::Stats::default();
    }

    fn tell(&self, change: impl FnOnce(&mut IngestStatus) -> bool) {
        self.task.status.send_if_modified(change);
    }

    async fn release(&mut self, drain: &Drain) {
        self.waiting.extend(self.chunks.drain(..));
        while let Some(next) = self.waiting.front() {
            if let Some(clock_value) = next.clock {
                let now = clock::now();
                let due = self.pacer.due(clock_value, now, drain.is_pressed());
                // Timers below their own resolution only cost.
                if due > now + Duration::from_millis(2) && !self.awaits_turn(drain) {
                    let (asked, known) = (drain.asked(), self.asked);
                    tokio::select! {
                        () = tokio::time::sleep_until(due.into()) => {}
                        _ = asked.demands(|demand| demand != known) => self.heed(drain),
                    }
                }
            }
            let Some(chunk) = self.waiting.pop_front() else {
                break;
            };
            let keyframe = chunk.keyframe.is_some();
            let media = keyframe || (self.told && chunk.clock.is_some());
            self.publish(chunk);
            if media {
                self.note_flow();
                let looks = drain.asked().looks();
                if self.serves != Demand::Sampled && looks.are_due() {
                    // They find it in the feed.
                    looks.answer(&Ok(None));
                }
            }
        }
        self.let_go(drain);
        let stats = self.cutter.stats().clone();
        metrics::ts_errors(&self.counted, &stats);
        self.counted = stats;
    }

    /// Lets go of what is for nobody: a segmented source begins anew for who joins, and who looks takes what comes next.
    fn let_go(&self, drain: &Drain) {
        let follows = self.serves == Demand::Scanned && drain.progress().is_following();
        if follows && !drain.asked().looks().are_kept_for() {
            self.task.publisher.clear();
        }
    }

    fn publish(&self, chunk: Chunk) {
        if let Some(tracks) = self.cutter.tracks() {
            self.task.publisher.set_tracks(Some(tracks));
        }
        metrics::ingest_bytes(chunk.data.len());
        self.task.publisher.publish(chunk);
    }

    /// The puller is about to do what is asked: what comes before that is for nobody.
    fn awaits_turn(&self, drain: &Drain) -> bool {
        self.asked != self.serves && drain.progress().is_following()
    }

    /// Media was published, or the source is well though none was wanted. Only then is the stream
    /// live: who waits for media finds it in the feed.
    fn note_flow(&mut self) {
        let now = clock::now();
        if !std::mem::replace(&mut self.told, true) {
            self.task.status.send_modify(|s| {
                s.phase = Phase::Live;
                s.error = None;
            });
        }
        let first = self.flow.borrow().map_or(now, |(first, _)| first);
        self.flow.send_replace(Some((first, now)));
    }
}

/// What was kept, and then what comes.
async fn next(kept: &mut VecDeque<Piece>, drain: &mut Drain) -> Option<Piece> {
    match kept.pop_front() {
        Some(piece) => Some(piece),
        None => drain.next().await,
    }
}

/// A continuous source is not sampled: its media comes anyway.
fn continuous(demand: Demand) -> Demand {
    match demand {
        Demand::Sampled => Demand::Scanned,
        other => other,
    }
}
