//! From what is seen to what is known: drives the state machine of conditions, and passes on what changes.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Inner;
use super::board::Place;
use super::pulse::Pulse;
use crate::actors::ingest::IngestStatus;
use crate::base::clock;
use crate::conditions::{Change, Condition, Health, Kind, Machine, Now, Observation, Terms};
use crate::history::{Event, EventKind, KeptState, Recorder, Seen};
use crate::ingest::{Cause, IngestError, Stage};
use crate::metrics;
use crate::stream::StreamId;
use crate::ts::Tracks;

/// A pull has come to something: media, or a failure.
struct Heard {
    failure: Option<Cause>,
}

/// What is wrong with one stream.
pub(super) struct Judge {
    pulse: Arc<Pulse>,
    /// The last standstill of this process that is reckoned with.
    back: Option<Instant>,
    stream: StreamId,
    host: String,
    /// Of a stream with picture and sound.
    terms: Arc<Terms>,
    machine: Machine,
    recorder: Recorder,
    seen: Seen,
    /// Since when its health is what it is.
    since: Timestamp,
    changes: Vec<Change>,
    /// What the pull came to that the guard of our own network has not heard of.
    heard: Option<Heard>,
    /// It has had a picture, and sound, at any time.
    had: (bool, bool),
    /// A condition that makes another source wanted.
    unwanted: Option<Kind>,
    /// The source that was seen live last, from 0.
    source: Option<usize>,
    /// What happened that is no change of a condition.
    moves: Vec<Event>,
}

impl Judge {
    /// Goes on from what was known, if anything.
    pub(super) fn new(
        pulse: Arc<Pulse>,
        stream: StreamId,
        host: String,
        terms: Arc<Terms>,
        known: Option<KeptState>,
    ) -> Self {
        let now = now();
        let since = known.as_ref().map_or(now.wall, |known| known.since);
        let machine = match known {
            Some(known) => {
                Machine::restore(Arc::clone(&terms), known.conditions, known.health, now)
            }
            None => Machine::new(Arc::clone(&terms)),
        };
        Self {
            back: pulse.feel(now.mono),
            pulse,
            stream,
            host,
            recorder: Recorder::new(machine.health(), now),
            machine,
            terms,
            seen: Seen::default(),
            since,
            changes: Vec::new(),
            heard: None,
            had: (false, false),
            unwanted: None,
            source: None,
            moves: Vec::new(),
        }
    }

    /// Something was seen, or seen not to be.
    pub(super) fn observe(&mut self, seen: Observation) {
        let now = self.now();
        self.machine.observe(seen, now, &mut self.changes);
    }

    /// What the pull came to.
    pub(super) fn network(&mut self, failure: Option<Cause>) {
        self.heard = Some(Heard { failure });
    }

    /// The source that is live now.
    pub(super) fn on_source(&mut self, status: &IngestStatus) {
        let to = status.source;
        let Some(from) = self.source.replace(to).filter(|from| *from != to) else {
            return;
        };
        let left = status.sources.get(from);
        let failed = left.and_then(|left| left.error.as_ref());
        let reason = failed.map_or_else(
            || "one that is preferred is back".to_owned(),
            |error| error.message.clone(),
        );
        tracing::info!(stream = %self.stream, from, to, "source: {reason}");
        let kind = EventKind::SourceChanged { from, to, reason };
        self.moves
            .push(Event::new(self.stream.clone(), clock::wall(), kind));
    }

    /// What the stream carries: radio has no picture that could be missing.
    pub(super) fn tracks(&mut self, tracks: &Tracks) {
        let has = (tracks.video().is_some(), tracks.audio().is_some());
        let had = (self.had.0 || has.0, self.had.1 || has.1);
        if had == self.had {
            return;
        }
        self.had = had;
        let mut terms = Terms::clone(&self.terms);
        if !had.0 {
            terms = terms.without_picture();
        }
        if !had.1 {
            terms = terms.without_sound();
        }
        let now = self.now();
        self.machine
            .set_terms(Arc::new(terms), now, &mut self.changes);
    }

    /// What came is counted.
    pub(super) fn count(&mut self, bytes: u64, bitrate: Option<f64>, continuity: u64, errors: u64) {
        self.seen.bytes += bytes;
        self.seen.bitrate = bitrate.map(|bits| bits as u64).or(self.seen.bitrate);
        self.seen.continuity_errors += continuity;
        self.seen.errors += errors;
    }

    /// A look was made.
    pub(super) fn on_look(&mut self) {
        self.seen.looks += 1;
    }

    /// When time alone will change something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.machine.next_deadline()
    }

    /// Nothing is wrong, and nothing is suspected.
    pub(super) fn is_calm(&self) -> bool {
        self.machine.active().next().is_none() && self.machine.suspects().next().is_none()
    }

    /// When the next look is needed to prove or disprove what is suspected: of picture and sound; where media is seen by
    /// looks alone, of all that media shows.
    pub(super) fn next_suspicion(&self, by_looks_alone: bool) -> Option<Instant> {
        let suspects = self.machine.suspects();
        let suspects = suspects.filter(|(kind, _)| {
            Kind::FAILOVER.contains(kind) || by_looks_alone && kind.is_of_media()
        });
        suspects.map(|(_, at)| at).min()
    }

    /// Why another source is wanted, once for each condition that was raised.
    pub(super) fn unwanted(&mut self) -> Option<IngestError> {
        let kind = self.unwanted.take()?;
        let text = format!("its media was found to be {}", kind.as_str());
        Some(IngestError::new(Stage::Flow, Cause::Rejected, text))
    }

    /// Time has passed: what follows is told on the board, kept in the store, and logged.
    pub(super) async fn settle(&mut self, shared: &Inner, place: &Place) {
        let now = self.now();
        if let Some(heard) = self.heard.take() {
            shared.report(&self.stream, &self.host, heard.failure, now);
        }
        let network = shared.network();
        self.machine.set_network(network, now, &mut self.changes);
        self.machine.tick(now, &mut self.changes);
        self.record(shared, now);
        let mut events = std::mem::take(&mut self.moves);
        if self.changes.is_empty() && events.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        for change in &changes {
            self.tell(change);
        }
        let told = changes.into_iter();
        events.extend(told.map(|change| super::event(&self.stream, change)));
        let conditions: Vec<Condition> = self.machine.active().cloned().collect();
        let health = self.machine.health();
        place.note(|known| {
            known.health = health;
            known.health_since = self.since;
            known.conditions.clone_from(&conditions);
            if health == Health::Down {
                // What came before is no news of now.
                known.bitrate = None;
            }
        });
        let state = KeptState {
            health,
            since: self.since,
            conditions,
        };
        shared.keep(&self.stream, events, state).await;
    }

    fn record(&mut self, shared: &Inner, now: Now) {
        let mut done = Vec::new();
        let seen = std::mem::take(&mut self.seen);
        self.recorder.count(&seen, now, &mut done);
        self.recorder
            .set_health(self.machine.health(), now, &mut done);
        if !done.is_empty() {
            shared.outbox().push(&self.stream, done);
        }
    }

    fn tell(&mut self, change: &Change) {
        let stream = &self.stream;
        match change {
            Change::Raised(condition) => {
                tracing::warn!(
                    %stream,
                    condition = condition.kind.as_str(),
                    severity = condition.severity.as_str(),
                    "condition raised: {}", condition.evidence.text
                );
                metrics::condition_raised(condition.kind);
                if self.terms.failover_on.contains(&condition.kind) {
                    self.unwanted = Some(condition.kind);
                }
            }
            Change::Cleared(condition) => {
                tracing::info!(%stream, condition = condition.kind.as_str(), "condition cleared");
            }
            Change::Health { from, to, at } => {
                self.since = *at;
                tracing::info!(%stream, from = from.as_str(), to = to.as_str(), "health");
            }
        }
    }

    /// The time. After a standstill nothing has lasted for longer than since then.
    fn now(&mut self) -> Now {
        let now = now();
        let back = self.pulse.feel(now.mono);
        if back > self.back {
            self.back = back;
            self.machine.stood_still(now);
        }
        now
    }

    /// The last minute, as far as it has come.
    pub(super) fn flush(&mut self, shared: &Inner) {
        let mut done = Vec::new();
        self.recorder.flush(now(), &mut done);
        shared.outbox().push(&self.stream, done);
    }
}

pub(super) fn now() -> Now {
    Now {
        mono: clock::now(),
        wall: clock::wall(),
    }
}
