//! Rules, receivers and maintenance windows: read from memory, written through the store.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::actors::catalog::Expect;
use crate::alerts::{
    Kept, MailAddress, Maintenance, MaintenanceId, Named, Receiver, ReceiverId, Rule, RuleId,
    Settings, Setup,
};
use crate::base::clock;
use crate::store::{Alerting, AlertsKept, Store, StoreError};
use crate::stream::Invalid;

/// The most rules kept.
pub(super) const MOST_RULES: usize = 500;
/// The most receivers kept.
pub(super) const MOST_RECEIVERS: usize = 200;
/// The most maintenance windows kept.
pub(super) const MOST_WINDOWS: usize = 1_000;
/// Rules named when a receiver cannot be removed.
const NAMED: usize = 10;
/// The receiver of the configured addresses.
const BUILT_IN_RECEIVER: &str = "email";
/// The rule that tells it of warnings and worse, while there is no other.
const BUILT_IN_RULE: &str = "default";

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub enum AlertingError {
    /// There is no such thing.
    #[error("there is no such {what}")]
    NotFound {
        /// What.
        what: &'static str,
    },
    /// The id is taken.
    #[error("a {what} with this id exists already")]
    Exists {
        /// What.
        what: &'static str,
    },
    /// `If-Match` names another revision.
    #[error("the {what} was changed meanwhile: it has revision {current}")]
    Conflict {
        /// What.
        what: &'static str,
        /// The revision it has.
        current: u64,
    },
    /// There are too many.
    #[error("there are already {limit} of these, the most there may be")]
    TooMany {
        /// The most.
        limit: usize,
    },
    /// Rules name the receiver.
    #[error("rules name this receiver: {}", named.iter().map(RuleId::as_str).collect::<Vec<_>>().join(", "))]
    InUse {
        /// The first of them.
        named: Vec<RuleId>,
    },
    /// It comes from the configuration.
    #[error("this {what} comes from the configuration, and is changed there")]
    BuiltIn {
        /// What.
        what: &'static str,
    },
    /// It has mistakes.
    #[error("the definition has {} mistake(s)", .0.len())]
    Invalid(Vec<Invalid>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All things of one sort by id.
pub type All<T> = BTreeMap<<T as Named>::Id, Arc<Kept<T>>>;

/// What operators made, as one immutable snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    /// Rules.
    pub rules: All<Rule>,
    /// Receivers.
    pub receivers: All<Receiver>,
    /// Maintenance windows.
    pub maintenance: All<Maintenance>,
}

/// Something that operators make.
pub(super) trait Alertable:
    Named + PartialEq + Serialize + Clone + Send + Sync + Sized + 'static
{
    /// Its table.
    const TABLE: Alerting;
    /// Its name in messages.
    const WHAT: &'static str;
    /// The most there may be.
    const MOST: usize;
    /// Those of a snapshot.
    fn all(snapshot: &Snapshot) -> &All<Self>;
    /// The same, to be changed.
    fn all_mut(snapshot: &mut Snapshot) -> &mut All<Self>;
}

macro_rules! alertable {
    ($type:ty, $table:ident, $field:ident, $what:literal, $most:expr) => {
        impl Alertable for $type {
            const TABLE: Alerting = Alerting::$table;
            const WHAT: &'static str = $what;
            const MOST: usize = $most;
            fn all(snapshot: &Snapshot) -> &All<Self> {
                &snapshot.$field
            }
            fn all_mut(snapshot: &mut Snapshot) -> &mut All<Self> {
                &mut snapshot.$field
            }
        }
    };
}
alertable!(Rule, Rules, rules, "rule", MOST_RULES);
alertable!(Receiver, Receivers, receivers, "receiver", MOST_RECEIVERS);
alertable!(
    Maintenance,
    Maintenance,
    maintenance,
    "maintenance window",
    MOST_WINDOWS
);

/// What comes from the configuration.
#[derive(Clone, Debug)]
struct BuiltIn {
    receiver: Arc<Kept<Receiver>>,
    rule: Arc<Kept<Rule>>,
}

/// Rules, receivers and maintenance windows.
#[derive(Debug)]
pub(super) struct Book {
    store: Store,
    current: RwLock<Arc<Snapshot>>,
    built_in: Option<BuiltIn>,
    /// Writes go one after the other, so that what was checked still holds when it is written.
    writing: tokio::sync::Mutex<()>,
}

impl Book {
    /// What the store held at start, and a receiver and a rule for these addresses.
    pub(super) fn new(store: Store, kept: &mut AlertsKept, email_to: &[MailAddress]) -> Self {
        fn all<T: Named>(kept: &mut Vec<Kept<T>>) -> All<T> {
            let kept = std::mem::take(kept).into_iter();
            kept.map(|one| (one.item.id().clone(), Arc::new(one)))
                .collect()
        }
        let snapshot = Snapshot {
            rules: all(&mut kept.rules),
            receivers: all(&mut kept.receivers),
            maintenance: all(&mut kept.maintenance),
        };
        Self {
            store,
            current: RwLock::new(Arc::new(snapshot)),
            built_in: built_in(email_to),
            writing: tokio::sync::Mutex::new(()),
        }
    }

    /// What operators made.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// All receivers, the built-in one included unless an operator made another of its id.
    pub(super) fn receivers(&self) -> All<Receiver> {
        let mut all = self.snapshot().receivers.clone();
        if let Some(built_in) = &self.built_in {
            let id = built_in.receiver.item.id.clone();
            let receiver = Arc::clone(&built_in.receiver);
            all.entry(id).or_insert(receiver);
        }
        all
    }

    /// All rules; the built-in one while there is no other.
    pub(super) fn rules(&self) -> All<Rule> {
        let rules = self.snapshot().rules.clone();
        match &self.built_in {
            Some(built_in) if rules.is_empty() => {
                BTreeMap::from([(built_in.rule.item.id.clone(), Arc::clone(&built_in.rule))])
            }
            _ => rules,
        }
    }

    /// Whether something comes from the configuration.
    pub(super) fn is_built_in<T: Named>(&self, kept: &Arc<Kept<T>>) -> bool {
        let address = Arc::as_ptr(kept).cast::<()>();
        self.built_in.as_ref().is_some_and(|built_in| {
            address == Arc::as_ptr(&built_in.receiver).cast()
                || address == Arc::as_ptr(&built_in.rule).cast()
        })
    }

    /// All of it, for the router.
    pub(super) fn setup(&self, settings: &Settings) -> Setup {
        let item = |kept: Arc<Kept<Rule>>| Arc::new(kept.item.clone());
        let receivers: Vec<Receiver> = self
            .receivers()
            .into_values()
            .map(|kept| kept.item.clone())
            .collect();
        let windows = self.snapshot();
        let windows = windows.maintenance.values();
        Setup::new(
            self.rules().into_values().map(item),
            &receivers,
            windows.map(|kept| Arc::new(kept.item.clone())),
            settings,
        )
    }

    /// Adds one; `make` sees what is there.
    pub(super) async fn add<T: Alertable>(
        &self,
        make: impl FnOnce(&Snapshot) -> Result<T, Vec<Invalid>>,
    ) -> Result<Arc<Kept<T>>, AlertingError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        let item = make(&before).map_err(AlertingError::Invalid)?;
        let all = T::all(&before);
        if all.contains_key(item.id()) {
            return Err(AlertingError::Exists { what: T::WHAT });
        }
        if all.len() >= T::MOST {
            return Err(AlertingError::TooMany { limit: T::MOST });
        }
        self.keep(&before, Kept::new(item, clock::wall())).await
    }

    /// Changes one; `make` sees what is there. An unchanged one is not written.
    pub(super) async fn change<T: Alertable>(
        &self,
        id: &T::Id,
        expect: &Expect,
        make: impl FnOnce(&Snapshot, &T) -> Result<T, Vec<Invalid>>,
    ) -> Result<Arc<Kept<T>>, AlertingError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        let old = self.find::<T>(&before, id, expect)?;
        let item = make(&before, &old.item).map_err(AlertingError::Invalid)?;
        if item == old.item {
            return Ok(old);
        }
        let changed = old.changed(item, clock::wall());
        self.keep(&before, changed).await
    }

    /// Removes one that `may` be removed.
    pub(super) async fn remove<T: Alertable>(
        &self,
        id: &T::Id,
        expect: &Expect,
        may: impl FnOnce(&Snapshot) -> Result<(), AlertingError>,
    ) -> Result<(), AlertingError> {
        let _writing = self.writing.lock().await;
        let before = self.snapshot();
        self.find::<T>(&before, id, expect)?;
        may(&before)?;
        self.store
            .delete_alerting(T::TABLE, &id.to_string())
            .await?;
        let mut after = Snapshot::clone(&before);
        T::all_mut(&mut after).remove(id);
        self.replace(after);
        Ok(())
    }

    fn find<T: Alertable>(
        &self,
        snapshot: &Snapshot,
        id: &T::Id,
        expect: &Expect,
    ) -> Result<Arc<Kept<T>>, AlertingError> {
        let what = T::WHAT;
        let Some(old) = T::all(snapshot).get(id) else {
            let built_in = self
                .built_in
                .as_ref()
                .is_some_and(|built_in| match T::TABLE {
                    Alerting::Rules => built_in.rule.item.id.as_str() == id.to_string(),
                    Alerting::Receivers => built_in.receiver.item.id.as_str() == id.to_string(),
                    Alerting::Maintenance => false,
                });
            return Err(if built_in {
                AlertingError::BuiltIn { what }
            } else {
                AlertingError::NotFound { what }
            });
        };
        match expect {
            Expect::Tag(wanted) if !wanted.contains(&old.etag()) => Err(AlertingError::Conflict {
                what,
                current: old.revision,
            }),
            _ => Ok(Arc::clone(old)),
        }
    }

    async fn keep<T: Alertable>(
        &self,
        before: &Snapshot,
        kept: Kept<T>,
    ) -> Result<Arc<Kept<T>>, AlertingError> {
        let id = kept.item.id().clone();
        self.store
            .put_alerting(T::TABLE, &id.to_string(), &kept)
            .await?;
        let kept = Arc::new(kept);
        let mut after = Snapshot::clone(before);
        T::all_mut(&mut after).insert(id, Arc::clone(&kept));
        self.replace(after);
        Ok(kept)
    }

    fn replace(&self, after: Snapshot) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
    }

    /// Whether a rule may name this receiver.
    pub(super) fn knows(&self, snapshot: &Snapshot, id: &ReceiverId) -> bool {
        let built_in = self.built_in.as_ref();
        snapshot.receivers.contains_key(id)
            || built_in.is_some_and(|built_in| built_in.receiver.item.id == *id)
    }
}

impl Snapshot {
    /// The maintenance window that goes for a new one when there are too many: of those that are over, the oldest.
    pub(super) fn window_to_forget(&self, now: Timestamp, most: usize) -> Option<MaintenanceId> {
        if self.maintenance.len() < most {
            return None;
        }
        let windows = self.maintenance.values().map(|kept| &kept.item);
        let over = windows.filter(|window| window.to <= now);
        let oldest = over.min_by_key(|window| window.to)?;
        Some(oldest.id.clone())
    }

    /// That no rule names a receiver.
    pub(super) fn unused(&self, id: &ReceiverId) -> Result<(), AlertingError> {
        let rules = self.rules.values();
        let naming = rules.filter(|rule| rule.item.all_receivers().any(|one| one == id));
        let named: Vec<RuleId> = naming
            .map(|rule| rule.item.id.clone())
            .take(NAMED)
            .collect();
        if named.is_empty() {
            Ok(())
        } else {
            Err(AlertingError::InUse { named })
        }
    }
}

fn built_in(email_to: &[MailAddress]) -> Option<BuiltIn> {
    if email_to.is_empty() {
        return None;
    }
    let receiver = json!({"id": BUILT_IN_RECEIVER, "name": "The configured addresses", "kind": "email", "to": email_to});
    let receiver = Receiver::define(receiver, None, |_| false);
    let rule = json!({"id": BUILT_IN_RULE, "name": "Warnings and worse, to the configured addresses",
        "match": {"severities": ["critical", "warning"]}, "receivers": [BUILT_IN_RECEIVER]});
    let rule = Rule::define(rule, None, |_| false, |_| true);
    let (receiver, rule) = receiver
        .and_then(|receiver| Ok((receiver, rule?)))
        .inspect_err(|mistakes| {
            let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            tracing::error!(mistakes = told.join("; "), "nobody is told by default");
        })
        .ok()?;
    let since = jiff::Timestamp::UNIX_EPOCH;
    Some(BuiltIn {
        receiver: Arc::new(Kept::new(receiver, since)),
        rule: Arc::new(Kept::new(rule, since)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn windows_that_are_over_make_room() {
        let mut snapshot = Snapshot::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        for (id, from, to) in [("a", 10, 20), ("b", 5, 15), ("c", 1, 99)] {
            let body = json!({"id": id, "from": at(from), "to": at(to)});
            let window = Maintenance::define(body, None, |_| false).expect("valid");
            let kept = Arc::new(Kept::new(window.clone(), at(0)));
            snapshot.maintenance.insert(window.id, kept);
        }
        let forget = |second, most| {
            let id = snapshot.window_to_forget(at(second), most);
            id.map(|id| id.to_string())
        };
        assert_eq!(forget(50, 4), None);
        assert_eq!(forget(50, 3).as_deref(), Some("b"));
        assert_eq!(forget(17, 3).as_deref(), Some("b"));
        assert_eq!(forget(12, 3), None, "none is over");
    }

    #[tokio::test]
    async fn configured_addresses_are_told_until_there_are_rules() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.redb");
        let opened = Store::open(&path, &store::Settings::default()).expect("opens");
        let mut kept = opened.alerts;
        let nobody = Book::new(opened.store.clone(), &mut kept, &[]);
        assert!(nobody.rules().is_empty() && nobody.receivers().is_empty());
        let book = Book::new(
            opened.store,
            &mut kept,
            &[crate::alerts::MailAddress::parse("noc@example.org").expect("an address")],
        );
        let only = |all: &All<Rule>| {
            let ids: Vec<_> = all.keys().map(ToString::to_string).collect();
            ids.join(",")
        };
        assert_eq!(only(&book.rules()), "default");
        let email = ReceiverId("email".to_owned());
        let receiver = book.receivers().remove(&email).expect("there");
        assert!(book.is_built_in(&receiver));
        let gone = book.remove::<Receiver>(&email, &Expect::Any, |_| Ok(()));
        assert!(matches!(
            gone.await,
            Err(AlertingError::BuiltIn { what: "receiver" })
        ));
        let make = |all: &Snapshot| {
            let body = json!({"id": "mine", "receivers": ["email"]});
            Rule::define(body, None, |_| false, |id| book.knows(all, id))
        };
        let rule = book.add(make).await.expect("made");
        assert!(!book.is_built_in(&rule));
        assert_eq!(only(&book.rules()), "mine");
        let any = Expect::Any;
        let gone = book.remove::<Rule>(&rule.item.id, &any, |_| Ok(()));
        gone.await.expect("removed");
        assert_eq!(only(&book.rules()), "default");
    }
}
