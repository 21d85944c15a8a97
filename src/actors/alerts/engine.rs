//! Follows the journal of events, and commits what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::facts::facts;
use super::{Active, Command, Inner, Start};
use crate::actors::catalog::Snapshot;
use crate::alerts::{
    Alert, AlertKey, MOST_PICTURE_BYTES, MOST_THUMBNAILS, Notification, NotificationId, Picture,
    Router, Setup,
};
use crate::base::clock;
use crate::conditions::{Condition, Ending};
use crate::history::EventKind;
use crate::metrics;
use crate::store::{AlertsCommit, StoreError};
use crate::stream::StreamId;

/// Events that are read at a time.
const PAGE: usize = 1_000;
/// Between two turns: what comes meanwhile is worked out together.
const PAUSE: Duration = Duration::from_millis(200);
/// The catalogue is looked at this often.
const LOOK: Duration = Duration::from_secs(2);
/// What the monitor knows is compared with what the journal told this often; what differs twice counts.
const COMPARE: Duration = Duration::from_secs(30);
/// After a commit that failed.
const RETRY: Duration = Duration::from_secs(2);

/// Works alerts out until `stop`.
pub(super) async fn run(inner: &Arc<Inner>, start: Start, stop: CancellationToken) {
    let mut router = Router::default();
    for (key, json) in &start.state {
        if !router.restore(key, json) {
            tracing::warn!(key, "what receivers know of an alert cannot be read");
        }
    }
    let mut engine = Engine {
        inner: Arc::clone(inner),
        setup: inner.book.setup(&inner.settings),
        router,
        commands: start.commands,
        read: 0,
        committed: 0,
        seen: None,
        compared: clock::now(),
        differing: BTreeSet::new(),
        refused: 0,
    };
    engine.publish();
    stop.run_until_cancelled(engine.work()).await;
}

struct Engine {
    inner: Arc<Inner>,
    router: Router,
    setup: Setup,
    commands: mpsc::Receiver<Command>,
    /// The last entry of the journal that the router knows.
    read: u64,
    /// The last one that is on disk to be known.
    committed: u64,
    /// The catalogue as it was looked at last.
    seen: Option<Snapshot>,
    compared: Instant,
    /// What differed when it was compared last: what is raised, and what is not.
    differing: BTreeSet<(AlertKey, bool)>,
    refused: u64,
}

impl Engine {
    /// Works until it is dropped.
    async fn work(&mut self) {
        let mut answers = Vec::new();
        loop {
            self.follow_catalog();
            self.compare();
            self.read_on().await;
            let deadline = self.turn().await;
            for (key, reply) in answers.drain(..) {
                let reply: oneshot::Sender<Option<Active>> = reply;
                // Who asked may have gone away; what was said stands all the same.
                let _ = reply.send(self.active(&key));
            }
            self.wait(deadline, &mut answers).await;
        }
    }

    /// Waits until there is something to do.
    async fn wait(
        &mut self,
        deadline: Option<Timestamp>,
        answers: &mut Vec<(AlertKey, oneshot::Sender<Option<Active>>)>,
    ) {
        let until = deadline.map(|at| at.duration_since(clock::wall()));
        let until = until.map(|it| Duration::try_from(it.max(SignedDuration::ZERO)));
        let pause = until.and_then(Result::ok).unwrap_or(LOOK).min(LOOK);
        let inner = Arc::clone(&self.inner);
        let mut command = None;
        tokio::select! {
            () = inner.hub.catalog.store().appended().notified() => {}
            () = inner.changed.notified() => self.setup = inner.book.setup(&inner.settings),
            given = self.commands.recv() => command = given,
            () = tokio::time::sleep(pause) => {}
        }
        if command.is_none() {
            // Who acknowledges waits for the answer; everybody else has time.
            tokio::time::sleep(PAUSE).await;
        }
        let more = std::iter::from_fn(|| self.commands.try_recv().ok());
        for Command::Acknowledge { key, by, reply } in command.into_iter().chain(more) {
            self.router.acknowledge(&key, by);
            answers.push((key, reply));
        }
    }

    /// Takes over what has changed in the catalogue: names, groups, and what is no longer watched.
    fn follow_catalog(&mut self) {
        let catalog = self.inner.hub.catalog.snapshot();
        if self
            .seen
            .as_ref()
            .is_some_and(|seen| Arc::ptr_eq(seen, &catalog))
        {
            return;
        }
        let terms = &self.inner.monitor.settings().terms;
        let known = |stream: &StreamId| facts(&catalog, terms, stream);
        self.router.refresh(known, clock::wall());
        self.seen = Some(catalog);
    }

    /// Reads the journal to its end. What was told in hours that were missed comes out together.
    async fn read_on(&mut self) {
        loop {
            let store = self.inner.hub.catalog.store();
            let page = match store.journal(self.read, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "what has happened to streams cannot be read; nobody is told of it for now");
                    return;
                }
            };
            let full = page.len() >= PAGE;
            for one in page {
                self.read = one.entry;
                let Some(event) = one.event else { continue };
                match event.kind {
                    EventKind::ConditionRaised { condition } => {
                        self.raised(&event.stream, condition);
                    }
                    EventKind::ConditionCleared { condition } => {
                        self.router.cleared(&event.stream, condition, event.at);
                    }
                    EventKind::HealthChanged { .. } | EventKind::SourceChanged { .. } => {}
                }
            }
            if !full {
                return;
            }
        }
    }

    fn raised(&mut self, stream: &StreamId, condition: Condition) {
        let catalog = self.inner.hub.catalog.snapshot();
        let terms = &self.inner.monitor.settings().terms;
        // What is not watched any more is no alert.
        if let Ok(facts) = facts(&catalog, terms, stream) {
            self.router.raised(stream, condition, facts);
        }
        if self.router.refused() > self.refused {
            self.refused = self.router.refused();
            tracing::error!(%stream, "there are too many alerts: nobody is told of this one for now");
        }
    }

    /// Tells what is due, and commits. Nothing else is done until that has worked: what was told is told once.
    async fn turn(&mut self) -> Option<Timestamp> {
        let now = clock::wall();
        let mut next_id = || NotificationId(ulid::Ulid::generate());
        let mut outcome = self.router.advance(&self.setup, now, &mut next_id);
        metrics::held_back(outcome.held_back);
        for notification in &mut outcome.notifications {
            self.illustrate(notification);
            tracing::info!(
                receiver = %notification.receiver,
                items = notification.items.len(),
                held_back = notification.held_back,
                "alert"
            );
        }
        if !outcome.rows.is_empty() {
            self.publish();
        }
        let commit = AlertsCommit {
            read: self.read,
            rows: outcome.rows,
            notifications: outcome.notifications,
        };
        self.commit(commit).await;
        outcome.deadline
    }

    async fn commit(&mut self, commit: AlertsCommit) {
        let nothing = commit.rows.is_empty() && commit.notifications.is_empty();
        if nothing && self.committed == commit.read {
            return;
        }
        let mut failed = false;
        loop {
            let store = self.inner.hub.catalog.store();
            match store.commit_alerts(commit.clone()).await {
                Ok(()) => break,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    if !failed {
                        tracing::error!(%error, "alerts cannot be stored; they are told when they can be");
                    }
                    failed = true;
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        self.committed = commit.read;
    }

    /// Adds pictures of what is raised, as many as fit.
    fn illustrate(&self, notification: &mut Notification) {
        let mut left = MOST_PICTURE_BYTES;
        let mut shown = BTreeSet::new();
        for item in notification
            .items
            .iter()
            .filter(|item| item.kind.is_raised())
        {
            if notification.pictures.len() >= MOST_THUMBNAILS || !shown.insert(&item.stream) {
                continue;
            }
            let Some(thumbnail) = self.inner.monitor.thumbnail(&item.stream) else {
                continue;
            };
            if let Some(rest) = left.checked_sub(thumbnail.jpeg.len()) {
                left = rest;
                notification.pictures.push(Picture {
                    stream: item.stream.clone(),
                    at: thumbnail.taken_at,
                    jpeg: thumbnail.jpeg.to_vec(),
                });
            }
        }
    }

    /// Shows what has changed to who asks.
    fn publish(&self) {
        let active = self.router.alerts().filter(|(_, alert)| alert.is_raised());
        let active: BTreeMap<AlertKey, Active> = active
            .map(|(key, alert)| (key.clone(), Active::new(key, alert)))
            .collect();
        let place = self.inner.active.write();
        *place.unwrap_or_else(PoisonError::into_inner) = Arc::new(active);
    }

    fn active(&self, key: &AlertKey) -> Option<Active> {
        let alert = self.router.get(key).filter(|alert| alert.is_raised())?;
        Some(Active::new(key, alert))
    }

    /// Compares what the monitor knows with what the journal told: an event that could not be stored, or a watch that
    /// began with what was known before, would otherwise be told never, or its end.
    fn compare(&mut self) {
        let now = clock::now();
        if now.saturating_duration_since(self.compared) < COMPARE {
            return;
        }
        self.compared = now;
        let mut differing = BTreeSet::new();
        let mut watched = BTreeSet::new();
        let mut missing: BTreeMap<AlertKey, Condition> = BTreeMap::new();
        let mut lasting = BTreeSet::new();
        for (stream, known) in self.inner.monitor.all() {
            for condition in known.conditions {
                let key = AlertKey {
                    stream: stream.clone(),
                    kind: condition.kind,
                };
                if self.active_in_router(&key) {
                    lasting.insert(key);
                } else {
                    missing.insert(key, condition);
                }
            }
            watched.insert(stream);
        }
        let raised = self.router.alerts().filter(|(_, alert)| alert.is_raised());
        let over: Vec<(AlertKey, Condition)> = raised
            .filter(|(key, _)| watched.contains(&key.stream) && !lasting.contains(*key))
            .map(|(key, alert)| (key.clone(), alert.condition.clone()))
            .collect();
        for (key, condition) in missing {
            if self.differing.contains(&(key.clone(), true)) {
                tracing::warn!(alert = %key, "the monitor knows of a condition that was not told");
                self.raised(&key.stream, condition);
            } else {
                differing.insert((key, true));
            }
        }
        let wall = clock::wall();
        for (key, mut condition) in over {
            if self.differing.contains(&(key.clone(), false)) {
                tracing::warn!(alert = %key, "the monitor knows of the end of a condition that was not told");
                condition.cleared_at = Some(wall.max(condition.raised_at));
                condition.ending = Some(Ending::Over);
                self.router.cleared(&key.stream, condition, wall);
            } else {
                differing.insert((key, false));
            }
        }
        self.differing = differing;
    }

    fn active_in_router(&self, key: &AlertKey) -> bool {
        self.router.get(key).is_some_and(Alert::is_raised)
    }
}

impl Active {
    fn new(key: &AlertKey, alert: &Alert) -> Self {
        Self {
            key: key.clone(),
            condition: alert.condition.clone(),
            facts: alert.facts.clone(),
            acknowledged: alert.acknowledged().cloned(),
            maintenance: alert.is_muted(),
            told: alert.told().cloned().collect(),
            escalations: alert.escalations(),
        }
    }
}
