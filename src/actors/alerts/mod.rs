//! Alerts: what happens to streams, by the rules, into the outbox.
//!
//! ```text
//! store: journal of events ─► engine ─► Router ─► store: rows, journal, outbox (one transaction) ─► delivery
//!            what the monitor knows ─┘ (what the journal has lost)
//! ```

mod book;
mod engine;
mod facts;
mod receivers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::catalog::Expect;
use super::hub::Hub;
use super::monitor::Monitor;
use crate::alerts::{
    Acknowledgement, AlertKey, Facts, Item, ItemKind, Kept, MailAddress, Maintenance,
    MaintenanceId, Named, Receiver, ReceiverId, Rule, RuleId, Settings,
};
use crate::base::clock;
use crate::conditions::{Condition, Severity};
use crate::store::AlertsKept;
use crate::stream::Invalid;

pub use book::{AlertingError, All};

use book::Book;

/// Requests that may wait for the engine.
const QUEUE: usize = 64;

/// An alert that is raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Active {
    /// Which.
    pub key: AlertKey,
    /// As it is.
    pub condition: Condition,
    /// What is known of the stream.
    pub facts: Facts,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledgement>,
    /// A maintenance window keeps it from being told.
    pub maintenance: bool,
    /// Who was told.
    pub told: Vec<ReceiverId>,
    /// Steps of escalation that were taken.
    pub escalations: usize,
}

/// How many alerts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Raised and not acknowledged, by severity, the mildest first.
    pub active: [usize; Severity::ALL.len()],
    /// Raised and acknowledged.
    pub acknowledged: usize,
}

/// Asks the engine for something.
enum Command {
    Acknowledge {
        key: AlertKey,
        by: Option<Acknowledgement>,
        reply: oneshot::Sender<Option<Active>>,
    },
}

/// Alerts; cheap to clone.
#[derive(Clone)]
pub struct Alerts {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    monitor: Monitor,
    book: Book,
    settings: Settings,
    /// Rules, receivers or windows were changed.
    changed: Notify,
    commands: mpsc::Sender<Command>,
    /// For the engine, when it starts.
    waiting: Mutex<Option<Start>>,
    active: RwLock<Arc<BTreeMap<AlertKey, Active>>>,
}

/// What the engine starts with.
struct Start {
    state: Vec<(String, Vec<u8>)>,
    commands: mpsc::Receiver<Command>,
}

impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerts")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl Alerts {
    /// Alerts by what the store held. For `email_to`, if there is any, there is a receiver, and a rule while operators
    /// have made none.
    pub fn new(
        hub: Arc<Hub>,
        monitor: Monitor,
        mut kept: AlertsKept,
        settings: Settings,
        email_to: &[MailAddress],
    ) -> Self {
        let (commands, receiver) = mpsc::channel(QUEUE);
        let book = Book::new(hub.catalog.store().clone(), &mut kept, email_to);
        let start = Start {
            state: kept.state,
            commands: receiver,
        };
        Self {
            inner: Arc::new(Inner {
                hub,
                monitor,
                book,
                settings,
                changed: Notify::new(),
                commands,
                waiting: Mutex::new(Some(start)),
                active: RwLock::default(),
            }),
        }
    }

    /// Works alerts out until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let waiting = &self.inner.waiting;
        let start = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(start) = start {
            engine::run(&self.inner, start, stop).await;
        }
    }

    /// All alerts that are raised.
    pub fn active(&self) -> Arc<BTreeMap<AlertKey, Active>> {
        let active = self.inner.active.read();
        Arc::clone(&active.unwrap_or_else(PoisonError::into_inner))
    }

    /// How many there are.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        for alert in self.active().values() {
            if alert.acknowledged.is_some() {
                figures.acknowledged += 1;
            } else {
                figures.active[alert.condition.severity as usize] += 1;
            }
        }
        figures
    }

    /// What is raised as this receiver knows it.
    pub fn told(&self, receiver: &ReceiverId) -> Vec<Item> {
        let active = self.active();
        let known = active
            .values()
            .filter(|alert| alert.told.contains(receiver));
        known
            .map(|alert| Item {
                kind: ItemKind::Raised,
                stream: alert.key.stream.clone(),
                name: alert.facts.name.clone(),
                group: alert.facts.group.clone(),
                condition: alert.condition.clone(),
                at: alert.condition.raised_at,
                held_back: 0,
            })
            .collect()
    }

    /// Somebody has seen an alert, or takes that back; the alert as it is then, none if it is not raised. It is on disk
    /// when this returns.
    pub async fn acknowledge(&self, key: AlertKey, by: Option<Acknowledgement>) -> Option<Active> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Acknowledge { key, by, reply };
        self.inner.commands.send(command).await.ok()?;
        answer.await.ok().flatten()
    }

    /// All rules by id; the built-in one while there is no other.
    pub fn rules(&self) -> All<Rule> {
        self.inner.book.rules()
    }

    /// All receivers by id, the built-in one among them.
    pub fn receivers(&self) -> All<Receiver> {
        self.inner.book.receivers()
    }

    /// One receiver.
    pub fn receiver(&self, id: &ReceiverId) -> Option<Arc<Kept<Receiver>>> {
        self.receivers().remove(id)
    }

    /// All maintenance windows by id.
    pub fn maintenance(&self) -> All<Maintenance> {
        self.inner.book.snapshot().maintenance.clone()
    }

    /// Whether something comes from the configuration.
    pub fn is_built_in<T: Named>(&self, kept: &Arc<Kept<T>>) -> bool {
        self.inner.book.is_built_in(kept)
    }

    /// Adds a rule; `make` is told which ids are taken, and which receivers there are.
    pub async fn add_rule(
        &self,
        make: impl FnOnce(
            &dyn Fn(&RuleId) -> bool,
            &dyn Fn(&ReceiverId) -> bool,
        ) -> Result<Rule, Vec<Invalid>>,
    ) -> Result<Arc<Kept<Rule>>, AlertingError> {
        let book = &self.inner.book;
        let rule = book
            .add(|all| make(&|id| all.rules.contains_key(id), &|id| book.knows(all, id)))
            .await?;
        self.inner.changed.notify_one();
        Ok(rule)
    }

    /// Changes a rule.
    pub async fn change_rule(
        &self,
        id: &RuleId,
        expect: &Expect,
        make: impl FnOnce(&Rule, &dyn Fn(&ReceiverId) -> bool) -> Result<Rule, Vec<Invalid>>,
    ) -> Result<Arc<Kept<Rule>>, AlertingError> {
        let book = &self.inner.book;
        let rule = book
            .change(id, expect, |all, old| make(old, &|id| book.knows(all, id)))
            .await?;
        self.inner.changed.notify_one();
        Ok(rule)
    }

    /// Removes a rule.
    pub async fn remove_rule(&self, id: &RuleId, expect: &Expect) -> Result<(), AlertingError> {
        let book = &self.inner.book;
        book.remove::<Rule>(id, expect, |_| Ok(())).await?;
        self.inner.changed.notify_one();
        Ok(())
    }

    /// Adds a receiver; `make` is told which ids are taken.
    pub async fn add_receiver(
        &self,
        make: impl FnOnce(&dyn Fn(&ReceiverId) -> bool) -> Result<Receiver, Vec<Invalid>>,
    ) -> Result<Arc<Kept<Receiver>>, AlertingError> {
        let book = &self.inner.book;
        let receiver = book.add(|all| make(&|id| book.knows(all, id))).await?;
        self.inner.changed.notify_one();
        Ok(receiver)
    }

    /// Changes a receiver.
    pub async fn change_receiver(
        &self,
        id: &ReceiverId,
        expect: &Expect,
        make: impl FnOnce(&Receiver) -> Result<Receiver, Vec<Invalid>>,
    ) -> Result<Arc<Kept<Receiver>>, AlertingError> {
        let book = &self.inner.book;
        let receiver = book.change(id, expect, |_, old| make(old)).await?;
        self.inner.changed.notify_one();
        Ok(receiver)
    }

    /// Removes a receiver that no rule names.
    pub async fn remove_receiver(
        &self,
        id: &ReceiverId,
        expect: &Expect,
    ) -> Result<(), AlertingError> {
        let book = &self.inner.book;
        book.remove::<Receiver>(id, expect, |all| all.unused(id))
            .await?;
        self.inner.changed.notify_one();
        Ok(())
    }

    /// Adds a maintenance window; `make` is told which ids are taken. When there are too many, one that is over goes.
    pub async fn add_maintenance(
        &self,
        make: impl FnOnce(&dyn Fn(&MaintenanceId) -> bool) -> Result<Maintenance, Vec<Invalid>>,
    ) -> Result<Arc<Kept<Maintenance>>, AlertingError> {
        let book = &self.inner.book;
        let (now, most) = (clock::wall(), book::MOST_WINDOWS);
        if let Some(old) = book.snapshot().window_to_forget(now, most) {
            self.remove_maintenance(&old, &Expect::Any).await?;
        }
        let window = book
            .add(|all| make(&|id| all.maintenance.contains_key(id)))
            .await?;
        self.inner.changed.notify_one();
        Ok(window)
    }

    /// Changes a maintenance window.
    pub async fn change_maintenance(
        &self,
        id: &MaintenanceId,
        expect: &Expect,
        make: impl FnOnce(&Maintenance) -> Result<Maintenance, Vec<Invalid>>,
    ) -> Result<Arc<Kept<Maintenance>>, AlertingError> {
        let book = &self.inner.book;
        let window = book.change(id, expect, |_, old| make(old)).await?;
        self.inner.changed.notify_one();
        Ok(window)
    }

    /// Removes a maintenance window; if it lasts, it ends.
    pub async fn remove_maintenance(
        &self,
        id: &MaintenanceId,
        expect: &Expect,
    ) -> Result<(), AlertingError> {
        let book = &self.inner.book;
        book.remove::<Maintenance>(id, expect, |_| Ok(())).await?;
        self.inner.changed.notify_one();
        Ok(())
    }
}
