//! Attempt after attempt, as the failover says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::attempt::{self, Attempt, Trial};
use super::pump::{Flow, Pump};
use super::{IngestDeps, IngestStatus, Phase, Wishes};
use crate::base::clock;
use crate::feed::Publisher;
use crate::ingest::demand::Looks;
use crate::ingest::failover::{Failover, Pauses, Step};
use crate::ingest::observer::Observer;
use crate::ingest::sink::Piece;
use crate::ingest::{Cause, Demand, IngestError, Stage};
use crate::metrics;
use crate::stream::Definition;

/// A source that flows brings media at least this often, whatever the stall timeout: a keyframe may
/// take its time.
const MEDIA_WITHIN: Duration = Duration::from_secs(30);
/// How long, beyond the lead, what was pulled before a failure is still shown.
const DRAIN: Duration = Duration::from_secs(1);
/// How often it is asked whether a better source may be tried.
const TRIAL_GLANCE: Duration = Duration::from_secs(1);

pub(super) struct Task {
    pub(super) definition: Arc<Definition>,
    pub(super) deps: IngestDeps,
    pub(super) publisher: Publisher,
    pub(super) status: watch::Sender<IngestStatus>,
    /// Watches what the pull that is shown brings.
    pub(super) observer: Arc<Observer>,
    pub(super) wishes: watch::Receiver<Wishes>,
    pub(super) looks: Arc<Looks>,
    /// Ends it all.
    pub(super) end: CancellationToken,
}

/// How following an attempt ended.
enum End<'a> {
    /// It failed, or its source ended.
    Failed(IngestError),
    /// A better source has proved to flow.
    TakenBack(Attempt<'a>, VecDeque<Piece>),
}

impl Task {
    /// Pulls until cancelled. `rejected` tells of a source that somebody does not want any more.
    pub(super) async fn run(self, mut rejected: mpsc::Receiver<IngestError>) {
        let pauses = Pauses {
            min: self.deps.backoff.0,
            max: self.deps.backoff.1,
        };
        let mut failover = Failover::new(self.definition.sources.len(), pauses);
        let mut pump = Pump::new(&self);
        let mut next: Option<(Attempt<'_>, VecDeque<Piece>)> = None;
        loop {
            let (attempt, kept) = match next.take() {
                Some(taken_back) => taken_back,
                None => (self.next_attempt(&mut failover).await, VecDeque::new()),
            };
            let source = attempt.source;
            let progress = Arc::clone(&attempt.progress);
            attempt::ask(&attempt.demand, self.demand());
            self.status.send_modify(|s| {
                s.progress = Some(progress);
                s.phase = Phase::Connecting;
                s.attempts += 1;
                s.source = source;
            });
            pump.restart(&attempt.drain);
            let started = clock::now();
            self.observer.restart(&attempt.progress.found());
            let end = self
                .follow(attempt, kept, &mut failover, &mut pump, &mut rejected)
                .await;
            match end {
                End::Failed(error) => {
                    self.note_failure(source, &error, started);
                    let (error, flowed) = (Arc::new(error), pump.flowed());
                    self.looks.answer(&Err(Arc::clone(&error)));
                    self.looks.doubt();
                    failover.ended(source, flowed, Arc::clone(&error), clock::now(), jitter());
                    self.publish(&failover, |s| {
                        s.phase = Phase::BackingOff;
                        s.error = Some(error);
                    });
                }
                End::TakenBack(attempt, kept) => {
                    let better = attempt.source;
                    tracing::info!(stream = %self.definition.id, from = source, to = better, "a better source is taken back");
                    metrics::source_taken_back();
                    attempt.mark_shown();
                    next = Some((attempt, kept));
                }
            }
        }
    }

    /// What is asked of the pull now.
    pub(super) fn demand(&self) -> Demand {
        self.wishes.borrow().demand()
    }

    /// The stream has more than one source.
    pub(super) fn has_alternatives(&self) -> bool {
        self.definition.sources.len() > 1
    }

    /// Waits until a source may be pulled, and begins.
    async fn next_attempt(&self, failover: &mut Failover) -> Attempt<'_> {
        let mut wishes = self.wishes.clone();
        loop {
            let until = match failover.next(clock::now()) {
                Step::Wait(until) => until,
                Step::Pull(source) => match Attempt::new(self, source) {
                    Some(attempt) => {
                        failover.began(source);
                        return attempt;
                    }
                    // The failover knows as many sources as the definition has.
                    None => return std::future::pending().await,
                },
            };
            let watched = self.demand() == Demand::Watched;
            let joined = wishes.wait_for(|wishes| wishes.demand() == Demand::Watched);
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                Ok(_) = joined, if !watched => failover.hurry(),
            }
        }
    }

    /// Shows one pull to its end, and tries better sources beside it.
    async fn follow<'a>(
        &'a self,
        mut attempt: Attempt<'a>,
        mut kept: VecDeque<Piece>,
        failover: &mut Failover,
        pump: &mut Pump<'a>,
        rejected: &mut mpsc::Receiver<IngestError>,
    ) -> End<'a> {
        let source = attempt.source;
        let mut flow = pump.flow();
        let mut wishes = self.wishes.clone();
        let limit = self.deps.stall_timeout.max(MEDIA_WITHIN);
        let (progress, asked) = (Arc::clone(&attempt.progress), attempt.asked.clone());
        let silence = attempt::silence(&progress, &asked, pump.flow(), limit);
        let late = attempt::late(&progress, &asked, attempt.first_byte);
        let mut trial: Option<(usize, Trial<'a>)> = None;
        let mut glance = tokio::time::interval(TRIAL_GLANCE);
        let mut told = false;
        let mut over = false;
        let ended = {
            let pump = pump.run(&mut kept, &mut attempt.drain);
            tokio::pin!(pump, silence, late);
            let ended = loop {
                tokio::select! {
                    pulled = &mut attempt.pull, if !over => match pulled {
                        // It ended by itself, as a file does: what it has brought is shown.
                        Ok(()) => over = true,
                        Err(error) => break Err(error),
                    },
                    () = &mut pump => break Ok(()),
                    error = &mut silence => break Err(error),
                    error = &mut late => break Err(error),
                    Some(error) = rejected.recv() => break Err(error),
                    Ok(()) = wishes.changed() => {
                        let demand = self.demand();
                        attempt::ask(&attempt.demand, demand);
                        if demand == Demand::Watched {
                            // It may not be what viewers are to see.
                            trial = None;
                        }
                    }
                    changed = flow.changed(), if !told => {
                        if changed.is_ok() && flow.borrow_and_update().is_some() {
                            told = true;
                            failover.flows(source);
                            self.publish(failover, |_| {});
                        }
                    }
                    // Nothing is better than the first: no timer for that.
                    _ = glance.tick(), if source > 0 && trial.is_none() && told => {
                        trial = self.glance(source, &flow, failover);
                    }
                    (better, result) = tried(&mut trial) => {
                        trial = None;
                        match result {
                            Ok((attempt, kept)) => return End::TakenBack(attempt, kept),
                            Err(error) => {
                                tracing::debug!(stream = %self.definition.id, source = better, "trial failed: {error}");
                                failover.trial_failed(better, Arc::new(error), clock::now());
                                self.publish(failover, |_| {});
                            }
                        }
                    }
                }
            };
            // What came before a failure is still shown, but nobody waits for long: the next
            // attempt may bring better.
            if ended.is_err() {
                let _ = tokio::time::timeout(self.deps.lead + DRAIN, pump).await;
            }
            ended
        };
        End::Failed(match ended {
            Err(error) => error,
            Ok(()) if flow.borrow().is_none() => IngestError::new(
                Stage::Demux,
                Cause::NotMedia,
                "the source ended without any media that can be shown",
            ),
            Ok(()) => IngestError::new(Stage::Flow, Cause::Ended, "the source ended"),
        })
    }

    /// Begins to try a better source, if it is time to.
    fn glance<'a>(
        &'a self,
        source: usize,
        flow: &watch::Receiver<Flow>,
        failover: &mut Failover,
    ) -> Option<(usize, Trial<'a>)> {
        let now = clock::now();
        let flowing = flow.borrow().map_or(Duration::ZERO, |(first, newest)| {
            newest.duration_since(first)
        });
        let better = failover.trial(source, flowing, now)?;
        let attempt = Attempt::new(self, better)?;
        tracing::debug!(stream = %self.definition.id, source = better, "a better source is tried");
        failover.began(better);
        attempt.mark_trial();
        Some((better, attempt::trial(attempt)))
    }

    fn note_failure(&self, source: usize, error: &IngestError, started: Instant) {
        metrics::ingest_attempt_failed(error.cause);
        tracing::warn!(
            stream = %self.definition.id,
            source,
            stage = error.stage.as_str(),
            cause = error.cause.as_str(),
            lasted_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "pull ended: {error}"
        );
    }

    /// Tells how the sources are, and what else has changed.
    fn publish(&self, failover: &Failover, change: impl FnOnce(&mut IngestStatus)) {
        self.status.send_modify(|s| {
            s.sources = failover.states().into();
            s.exhausted = failover.is_exhausted();
            change(s);
        });
    }
}

/// The end of a trial; never, when there is none.
async fn tried<'a>(
    trial: &mut Option<(usize, Trial<'a>)>,
) -> (usize, Result<(Attempt<'a>, VecDeque<Piece>), IngestError>) {
    match trial {
        Some((source, trial)) => (*source, trial.await),
        None => std::future::pending().await,
    }
}

/// A number in 0.0..1.0 that differs from call to call; need not be good, only different.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0u8) >> 11) as f64 / (1u64 << 53) as f64
}
