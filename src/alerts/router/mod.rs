//! From what happens to streams to what each receiver is told: a state machine of (state, event, time).

mod judge;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::alert::{Due, Marks};
use super::{Acknowledgement, Alert, AlertKey, Facts, ItemKind, Maintenance, Notification};
use super::{NotificationId, Receiver, ReceiverId, Rule, Target};
use crate::conditions::{Condition, Ending};
use crate::stream::StreamId;

/// Alerts that are kept at most, about 2 KB each; what is raised beyond them is counted.
pub const MOST_ALERTS: usize = 20_000;

/// When notifications are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a notification waits for more.
    pub collect: Duration,
    /// How long it waits at most while more keeps coming.
    pub collect_max: Duration,
    /// A receiver is told of one condition of one stream once in this time.
    pub rate_limit: Duration,
    /// What more streams than this share is named.
    pub common: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            collect: Duration::from_secs(5),
            collect_max: Duration::from_secs(30),
            rate_limit: Duration::from_mins(5),
            common: 5,
        }
    }
}

/// What an operator made of it all, prepared for the router.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    rules: Vec<std::sync::Arc<Rule>>,
    maintenance: Vec<std::sync::Arc<Maintenance>>,
    /// Those that are enabled.
    receivers: HashMap<ReceiverId, Terms>,
    common: usize,
}

/// When one receiver is told.
#[derive(Clone, Copy, Debug)]
struct Terms {
    collect: Duration,
    collect_max: Duration,
    rate_limit: Duration,
    /// It must be told of recoveries, whatever rules say: what it is not told of it takes to last.
    recovery: bool,
}

impl Setup {
    /// Prepares rules, receivers and windows.
    pub fn new<'r>(
        rules: impl IntoIterator<Item = std::sync::Arc<Rule>>,
        receivers: impl IntoIterator<Item = &'r Receiver>,
        maintenance: impl IntoIterator<Item = std::sync::Arc<Maintenance>>,
        settings: &Settings,
    ) -> Self {
        let enabled = receivers.into_iter().filter(|receiver| receiver.enabled);
        Self {
            rules: rules.into_iter().filter(|rule| rule.enabled).collect(),
            maintenance: maintenance.into_iter().collect(),
            receivers: enabled
                .map(|receiver| (receiver.id.clone(), Terms::new(&receiver.target, settings)))
                .collect(),
            common: settings.common,
        }
    }
}

impl Terms {
    fn new(target: &Target, settings: &Settings) -> Self {
        match target {
            // It groups, limits and repeats by itself, and wants to know at once.
            Target::Alertmanager { .. } => Self {
                collect: settings.collect.min(Duration::from_secs(1)),
                collect_max: settings.collect_max.min(Duration::from_secs(2)),
                rate_limit: Duration::ZERO,
                recovery: true,
            },
            Target::Email { .. } | Target::Webhook { .. } => Self {
                collect: settings.collect,
                collect_max: settings.collect_max.max(settings.collect),
                rate_limit: settings.rate_limit,
                recovery: false,
            },
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What is to be told.
    pub notifications: Vec<Notification>,
    /// Changes of the state, for the store.
    pub rows: Vec<Row>,
    /// Changes that will not be told one by one.
    pub held_back: u64,
    /// When time alone will change something.
    pub deadline: Option<Timestamp>,
}

/// A part of the router's state: its key, and its value as JSON, none if it is no more.
pub type Row = (String, Option<Vec<u8>>);

/// Keeps what each receiver knows.
#[derive(Clone, Debug, Default)]
pub struct Router {
    alerts: BTreeMap<AlertKey, Alert>,
    /// What was held back of alerts that are forgotten, for the next notification of each receiver.
    carried: BTreeMap<ReceiverId, u64>,
    /// What has changed since the last rows.
    dirty: BTreeSet<AlertKey>,
    dirty_carried: BTreeSet<ReceiverId>,
    refused: u64,
}

/// Rows of alerts and of [`Router::carried`].
const ALERT: &str = "alert/";
const CARRIED: &str = "carried/";

impl Router {
    /// Takes a row that an earlier router gave; whether it could be read.
    pub fn restore(&mut self, key: &str, json: &[u8]) -> bool {
        if let Some(key) = key.strip_prefix(ALERT) {
            let key = key.rsplit_once('/').and_then(|(stream, kind)| {
                let stream = StreamId::parse_subject(stream).ok()?;
                let kind = crate::conditions::Kind::parse(kind)?;
                Some(AlertKey { stream, kind })
            });
            let alert = serde_json::from_slice(json).ok();
            return key
                .zip(alert)
                .map(|(key, alert)| self.alerts.insert(key, alert))
                .is_some();
        }
        let receiver = key.strip_prefix(CARRIED);
        let count = serde_json::from_slice(json).ok();
        receiver
            .zip(count)
            .map(|(id, count)| self.carried.insert(ReceiverId(id.to_owned()), count))
            .is_some()
    }

    /// A condition was raised. One that is known to be raised is none the newer for it.
    pub fn raised(&mut self, stream: &StreamId, condition: Condition, facts: Facts) {
        let key = AlertKey {
            stream: stream.clone(),
            kind: condition.kind,
        };
        if let Some(alert) = self.alerts.get_mut(&key) {
            if !alert.is_raised() {
                alert.marks.acknowledged = None;
                alert.marks.rules.clear();
            }
            alert.condition = condition;
            alert.condition.cleared_at = None;
            alert.facts = facts;
        } else if self.alerts.len() < MOST_ALERTS {
            let alert = Alert {
                condition,
                facts,
                marks: Marks::default(),
            };
            self.alerts.insert(key.clone(), alert);
        } else {
            self.refused += 1;
            return;
        }
        self.dirty.insert(key);
    }

    /// A condition was cleared; of one that is not known nothing comes.
    pub fn cleared(&mut self, stream: &StreamId, condition: Condition, at: Timestamp) {
        let key = AlertKey {
            stream: stream.clone(),
            kind: condition.kind,
        };
        let Some(alert) = self.alerts.get_mut(&key).filter(|alert| alert.is_raised()) else {
            return;
        };
        alert.condition = condition;
        alert.condition.cleared_at.get_or_insert(at);
        self.dirty.insert(key);
    }

    /// The catalogue has changed: `facts` tells what is known of a stream, or why it is no longer watched.
    pub fn refresh(&mut self, facts: impl Fn(&StreamId) -> Result<Facts, Ending>, now: Timestamp) {
        for (key, alert) in &mut self.alerts {
            match facts(&key.stream) {
                Ok(facts) if facts == alert.facts => continue,
                Ok(facts) => alert.facts = facts,
                Err(_) if !alert.is_raised() => continue,
                Err(ending) => {
                    alert.condition.cleared_at = Some(now.max(alert.condition.raised_at));
                    alert.condition.ending = Some(ending);
                }
            }
            self.dirty.insert(key.clone());
        }
    }

    /// Somebody has seen an alert, or takes that back; whether it is raised.
    pub fn acknowledge(&mut self, key: &AlertKey, by: Option<Acknowledgement>) -> bool {
        let Some(alert) = self.alerts.get_mut(key).filter(|alert| alert.is_raised()) else {
            return false;
        };
        alert.marks.acknowledged = by;
        self.dirty.insert(key.clone());
        true
    }

    /// Time has passed, or something has changed: tells what is to be told.
    pub fn advance(
        &mut self,
        setup: &Setup,
        now: Timestamp,
        next_id: &mut dyn FnMut() -> NotificationId,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut deadlines = Deadlines::new(now);
        let openings = judge::Opening::all(setup, now);
        for (key, alert) in &mut self.alerts {
            let before = alert.marks.clone();
            let unsaid = judge::judge(key, alert, (setup, &openings), now, &mut deadlines);
            outcome.held_back += unsaid;
            if alert.marks != before {
                self.dirty.insert(key.clone());
            }
        }
        self.tell(setup, now, next_id, &mut deadlines, &mut outcome);
        self.forget(setup, now, &mut deadlines);
        outcome.rows = self.rows();
        outcome.deadline = deadlines.next;
        outcome
    }

    /// What has changed since the last time, without making anything of it.
    pub fn rows(&mut self) -> Vec<Row> {
        let alerts = std::mem::take(&mut self.dirty).into_iter().map(|key| {
            let json = self.alerts.get(&key).map(json);
            (format!("{ALERT}{key}"), json)
        });
        let carried = std::mem::take(&mut self.dirty_carried)
            .into_iter()
            .map(|id| (format!("{CARRIED}{id}"), self.carried.get(&id).map(json)));
        alerts.chain(carried).collect()
    }

    /// All alerts: raised ones, and those that somebody has to be told of.
    pub fn alerts(&self) -> impl Iterator<Item = (&AlertKey, &Alert)> {
        self.alerts.iter()
    }

    /// One alert.
    pub fn get(&self, key: &AlertKey) -> Option<&Alert> {
        self.alerts.get(key)
    }

    /// Conditions that found no room among [`MOST_ALERTS`].
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets alerts that are over, and of which nobody has to be told any more.
    fn forget(&mut self, setup: &Setup, now: Timestamp, deadlines: &mut Deadlines) {
        let (dirty, carried) = (&mut self.dirty, &mut self.carried);
        let dirty_carried = &mut self.dirty_carried;
        self.alerts.retain(|key, alert| {
            let lines = &mut alert.marks.lines;
            let before = lines.len();
            lines.retain(|id, line| {
                let Some(terms) = setup.receivers.get(id) else {
                    return false;
                };
                let limited = limited(line.last, terms.rate_limit, now);
                if let Some(until) = limited.filter(|_| line.due.is_none() && !line.knows) {
                    deadlines.at(until);
                }
                let stays = line.knows || line.due.is_some() || line.late || limited.is_some();
                if !stays && line.unsaid > 0 {
                    let count = carried.entry(id.clone()).or_default();
                    *count = count.saturating_add(line.unsaid.into());
                    dirty_carried.insert(id.clone());
                }
                stays
            });
            let stays = alert.condition.cleared_at.is_none() || !lines.is_empty();
            if !stays || lines.len() != before {
                dirty.insert(key.clone());
            }
            stays
        });
        let gone = |id: &ReceiverId| !setup.receivers.contains_key(id);
        for id in carried.extract_if(.., |id, _| gone(id)) {
            dirty_carried.insert(id.0);
        }
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Maps with text as keys, and numbers that were finite when they were made: it cannot fail.
    serde_json::to_vec(value).unwrap_or_default()
}

/// The next time at which time alone changes something.
struct Deadlines {
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Deadlines {
    fn new(now: Timestamp) -> Self {
        Self { now, next: None }
    }

    fn at(&mut self, at: Timestamp) {
        if at > self.now {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }
}

impl Due {
    fn new(kind: ItemKind, since: Timestamp) -> Self {
        Self { kind, since }
    }
}

/// Until when a receiver that was told at `last` is told nothing more of it, if that is still to come. A `last` that lies in the
/// future by more than the limit is of a clock that was set back, and limits nothing.
fn limited(last: Option<Timestamp>, limit: Duration, now: Timestamp) -> Option<Timestamp> {
    let last = last.filter(|last| *last <= after(now, limit))?;
    Some(after(last, limit)).filter(|until| *until > now)
}

/// A time later by so much; the end of time if there is none.
fn after(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
