//! One stream's watch: holds its pull as its mode asks, looks at it when that is due, and judges.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::board::{Doing, Place};
use super::eyes::Eyes;
use super::gates::Pass;
use super::judge::Judge;
use super::look::{self, Look, Looked, Looking};
use super::{Inner, transport};
use crate::actors::hub::MonitorLease;
use crate::actors::ingest::{IngestStatus, Phase};
use crate::base::clock;
use crate::ingest::{Demand, Keeping};
use crate::stream::{Definition, MonitorMode};

/// What packets and playlists show is judged this often.
const BEAT: Duration = Duration::from_secs(2);
/// The shortest sleep.
const TICK: Duration = Duration::from_millis(50);
/// A source that brings nothing for so long has been looked at as well: it is what there is to see.
const PATIENCE: Duration = Duration::from_secs(15);
/// After a pull that ended under us, as when the definition changes.
const PAUSE: Duration = Duration::from_secs(1);
/// The shortest time between two looks that suspicion can ask for.
const SOON: Duration = Duration::from_secs(2);

/// One stream's watch.
pub(super) struct Watcher {
    pub(super) shared: Arc<Inner>,
    pub(super) definition: Arc<Definition>,
    pub(super) place: Arc<Place>,
    pub(super) mode: MonitorMode,
    /// How often it shall be looked at.
    pub(super) interval: Duration,
    pub(super) host: String,
    pub(super) judge: Judge,
    pub(super) eyes: Eyes,
    /// When the next look is due.
    pub(super) due: Instant,
    /// The next that suspicion can ask for comes no sooner than this.
    pub(super) soonest: Instant,
    /// The attempt to pull it whose failure was noticed last.
    pub(super) failed: u64,
}

/// Why a pull is let go.
enum End {
    /// It ended by itself.
    Ended,
    /// Enough was seen for now.
    Enough,
}

impl Watcher {
    /// Watches until it is dropped.
    pub(super) async fn run(&mut self) {
        loop {
            let now = clock::now();
            if self.due > now {
                self.doing(Doing::Resting);
                self.rest(self.due).await;
            }
            self.doing(Doing::Queued);
            let pass = self.shared.gates.pass(&self.host).await;
            self.doing(Doing::Pulling);
            let demand = match self.mode {
                MonitorMode::Continuous => Demand::Scanned,
                _ => Demand::Sampled,
            };
            let lease = self.shared.hub.monitor_ingest(&self.definition, demand);
            let end = self.follow(&lease, pass).await;
            drop(lease);
            self.due = match end {
                End::Enough => self.due.max(clock::now()),
                End::Ended => clock::now() + PAUSE,
            };
        }
    }

    /// It is over: what was counted and not told yet is told.
    pub(super) fn end(&mut self) {
        self.judge.flush(&self.shared);
    }

    /// Nothing is pulled; time passes for the conditions all the same.
    async fn rest(&mut self, until: Instant) {
        loop {
            let next = self.judge.next_deadline();
            let at = next.map_or(until, |next| next.min(until).max(clock::now() + TICK));
            tokio::time::sleep_until(at.into()).await;
            self.settle().await;
            if clock::now() >= until {
                return;
            }
        }
    }

    /// Holds a pull, and looks when that is due.
    async fn follow(&mut self, ingest: &MonitorLease, pass: Pass) -> End {
        ingest.observer().enable();
        let began = clock::now();
        let mut status = ingest.status();
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pass = Some(pass);
        let mut looking: Option<Look<'_>> = None;
        let mut keeping = None;
        loop {
            let soon = self.may_look_soon(&status.borrow());
            keeping = soon.then(|| {
                let kept: Option<Keeping> = keeping.take();
                kept.unwrap_or_else(|| ingest.keep())
            });
            let wake = self.wake(&status, looking.is_some());
            tokio::select! {
                changed = status.changed() => {
                    if changed.is_err() {
                        return End::Ended;
                    }
                    let now = status.borrow_and_update().clone();
                    self.on_status(&now);
                }
                _ = beat.tick() => {
                    let now = status.borrow().clone();
                    self.on_status(&now);
                    self.on_beat(ingest, &now);
                    self.hasten();
                }
                () = until(wake) => {}
                looked = look::done(&mut looking) => {
                    looking = None;
                    self.on_looked(looked);
                }
            }
            self.settle().await;
            self.go_elsewhere(ingest);
            let now = clock::now();
            let state = status.borrow().clone();
            if looking.is_none() && state.phase == Phase::Live && self.due <= now {
                looking = Some(self.look(ingest, pass.take()));
            }
            let late = now >= began + PATIENCE;
            if state.phase != Phase::Live && (late || state.exhausted) && self.due <= now {
                // Nothing more can be seen of it now; and nothing at all while it waits for a connection.
                pass = None;
                if state.phase != Phase::Waiting {
                    self.looked(true);
                }
            }
            let resting = looking.is_none() && self.due > now;
            if resting && self.may_let_go(&state) {
                return End::Enough;
            }
        }
    }

    /// Whether a look comes before the next segment may: then that is kept, so that no look has to wait.
    fn may_look_soon(&self, status: &IngestStatus) -> bool {
        let segment = status.target_duration.unwrap_or_default();
        self.due <= clock::now() + segment + BEAT || self.next_suspicion().is_some()
    }

    /// When the next look is needed because something is suspected.
    fn next_suspicion(&self) -> Option<Instant> {
        self.judge.next_suspicion(self.mode == MonitorMode::Sampled)
    }

    /// Whether nothing is lost by letting go of the pull until the next look.
    fn may_let_go(&self, status: &IngestStatus) -> bool {
        // A playlist is followed all the time: that costs little, and tells much.
        let followed = self.mode == MonitorMode::Continuous || status.demand == Demand::Sampled;
        !followed && self.judge.is_calm()
    }

    /// When something is to be done without anything having happened.
    fn wake(&self, status: &watch::Receiver<IngestStatus>, looking: bool) -> Option<Instant> {
        let look = !looking && status.borrow().phase == Phase::Live;
        let look = look.then_some(self.due);
        let next = self.judge.next_deadline().into_iter().chain(look).min();
        next.map(|at| at.max(clock::now() + TICK))
    }

    fn look<'a>(&self, ingest: &'a MonitorLease, pass: Option<Pass>) -> Look<'a> {
        let look = Looking {
            shared: Arc::clone(&self.shared),
            place: Arc::clone(&self.place),
            stream: self.definition.id.clone(),
            host: self.host.clone(),
            closer: self.next_suspicion().is_some(),
            before: self.eyes.before(),
            seen: self.eyes.seen(),
        };
        Box::pin(look.run(ingest, pass))
    }

    fn on_status(&mut self, status: &IngestStatus) {
        if status.phase == Phase::Waiting {
            self.doing(Doing::WaitingForConnection);
        }
        transport::on_status(&mut self.judge, status, &mut self.failed);
    }

    fn on_beat(&mut self, ingest: &MonitorLease, status: &IngestStatus) {
        let now = clock::now();
        let observed = ingest.observer().take(now);
        transport::on_observed(&mut self.judge, &observed, status);
        let scan = &observed.scan;
        let continuity = scan.errors.continuity_count_error;
        let others = scan
            .errors
            .named()
            .iter()
            .map(|(_, count)| count)
            .sum::<u64>()
            - continuity;
        self.judge
            .count(scan.bytes, scan.bitrate, continuity, others);
        self.place.note(|known| {
            known.bitrate = scan.bitrate.or(known.bitrate);
            known.continuity_errors += continuity;
        });
    }

    fn on_looked(&mut self, looked: Looked) {
        if let Some((jpeg, at)) = looked.thumbnail() {
            let id = &self.definition.id;
            self.shared.thumbnails.put(id, jpeg, at);
        }
        let saw = looked.saw();
        tracing::debug!(stream = %self.definition.id, saw, %looked, "look");
        self.eyes.judge(&mut self.judge, looked);
        self.looked(saw);
    }

    /// A look is done: tells so if it `saw` how the stream is, and when the next is due.
    fn looked(&mut self, saw: bool) {
        let (now, wall) = (clock::now(), clock::wall());
        self.due = next_due(self.due, now, self.interval);
        self.soonest = now + SOON;
        self.hasten();
        if !saw {
            self.doing(Doing::Resting);
            return;
        }
        self.judge.on_look();
        self.place.note(|known| {
            known.stretched = known.looked.map(|last| now.saturating_duration_since(last));
            known.looked = Some(now);
            known.checked_at = Some(wall);
            known.looks += 1;
            known.doing = Doing::Resting;
        });
    }

    /// What is suspected, by a look or by what came since, asks for a look before the regular one.
    fn hasten(&mut self) {
        if let Some(at) = self.next_suspicion() {
            self.due = self.due.min(at.max(self.soonest));
        }
    }

    /// Time has passed: what follows from that is told and kept.
    async fn settle(&mut self) {
        self.judge.settle(&self.shared, &self.place).await;
    }

    /// Gives up a source whose media is not what is wanted, if there is another.
    fn go_elsewhere(&mut self, ingest: &MonitorLease) {
        let wish = self.judge.unwanted();
        if let Some(error) = wish.filter(|_| self.definition.sources.len() > 1) {
            tracing::info!(stream = %self.definition.id, "the source is given up: {error}");
            ingest.reject(error);
        }
    }

    fn doing(&self, what: Doing) {
        self.place.note(|known| known.doing = what);
    }
}

/// Until then; for ever without a time.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// When the next look is due: an interval after this one was, so that looks keep their rhythm; or, when
/// this one came late by more than that, an interval from now, so that late ones do not bunch up.
fn next_due(due: Instant, now: Instant, interval: Duration) -> Instant {
    let next = due + interval;
    if next > now { next } else { now + interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_keep_their_rhythm_and_never_bunch_up() {
        let start = clock::now();
        let s = |seconds| start + Duration::from_secs(seconds);
        let interval = Duration::from_secs(30);
        assert_eq!(next_due(s(10), s(12), interval), s(40));
        assert_eq!(next_due(s(10), s(39), interval), s(40));
        assert_eq!(next_due(s(10), s(90), interval), s(120));
    }
}
