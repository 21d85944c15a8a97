//! The pump: takes what a pull delivers, cuts and paces it, and publishes the chunks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Phase;
use super::task::Task;
use crate::base::clock;
use crate::ingest::pacer::Pacer;
use crate::ingest::sink::{Drain, Piece};
use crate::metrics;
use crate::ts::{Chunk, Cutter, CutterOptions};

/// When the first and the newest media of an attempt were published.
pub(super) type Flow = Option<(Instant, Instant)>;

/// Takes pieces, cuts and paces them, and publishes the chunks.
pub(super) struct Pump<'a> {
    task: &'a Task,
    cutter: Cutter,
    pacer: Pacer,
    chunks: Vec<Chunk>,
    /// Told with each chunk of media.
    flow: watch::Sender<Flow>,
    counted: crate::ts::Stats,
}

impl<'a> Pump<'a> {
    pub(super) fn new(task: &'a Task) -> Self {
        Self {
            task,
            cutter: Cutter::new(CutterOptions::default()),
            pacer: Pacer::new(task.deps.lead),
            chunks: Vec::new(),
            flow: watch::Sender::new(None),
            counted: crate::ts::Stats::default(),
        }
    }

    /// What comes next does not continue what came before: another attempt begins.
    pub(super) fn restart(&mut self) {
        self.chunks.clear();
        self.cutter.discontinuity();
        self.flow.send_replace(None);
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
        loop {
            let piece = match kept.pop_front() {
                Some(piece) => piece,
                None => match drain.next().await {
                    Some(piece) => piece,
                    None => break,
                },
            };
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
                self.task.status.send_if_modified(|s| {
                    let new = s.target_duration != Some(longest);
                    s.target_duration = Some(longest);
                    new
                });
            }
        }
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
            let media = keyframe || (self.flow.borrow().is_some() && chunk.clock.is_some());
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

    /// Media was published. Only then is the stream live: who waits for that finds it in the feed.
    fn note_media(&mut self) {
        let now = clock::now();
        let before = *self.flow.borrow();
        if before.is_none() {
            self.task.status.send_modify(|s| {
                s.phase = Phase::Live;
                s.error = None;
            });
        }
        let first = before.map_or(now, |(first, _)| first);
        self.flow.send_replace(Some((first, now)));
    }
}
