//! A store and a deliverer in this process, with receivers that come and go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use sightglass::actors::delivery::{Delivery, Settings};
use sightglass::alerts::{
    Item, ItemKind, MailAddress, Mailbox, Notification, NotificationId, ReceiverId,
};
use sightglass::conditions::{Condition, Kind, Proof, Severity};
use sightglass::mail::{self, Mailer, Security};
use sightglass::notify::{Found, Poster, PosterSettings, Receivers, Retry, Target};
use sightglass::store::outbox::{Change, Row};
use sightglass::store::{self, Store};
use sightglass::stream::StreamId;
use tokio_util::sync::CancellationToken;

use crate::SOON;
use crate::support::{MailServer, eventually};

#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<ReceiverId, Target>>);

impl Receivers for Book {
    fn find(&self, id: &ReceiverId) -> Found {
        let book = self.0.lock().unwrap();
        book.get(id).cloned().map_or(Found::Gone, Found::Target)
    }

    fn list(&self) -> Vec<ReceiverId> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

pub(crate) struct Rig {
    book: Arc<Book>,
    pub(crate) store: Store,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Rig {
    /// With this mail server, if there is one. It tries again after a tenth of a second, and repeats each second.
    pub(crate) fn new(server: Option<&MailServer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = Store::open(&path, &store::Settings::default())
            .unwrap()
            .store;
        let mailer = server.map(|server| Mailer::new(settings(server.port())).unwrap());
        let poster = PosterSettings {
            allow: Vec::new(),
            private: false,
            loopback: true,
            deny_ports: Vec::new(),
            timeout: Duration::from_secs(2),
        };
        let settings = Settings {
            retry: Retry {
                min: Duration::from_millis(100),
                max: Duration::from_millis(400),
                give_up: Duration::from_hours(1),
            },
            batch: 10,
            batch_pause: Duration::from_millis(500),
            repeat: Duration::from_secs(1),
            grace: Duration::from_secs(1),
            secrets_dir: None,
        };
        let book = Arc::<Book>::default();
        let receivers = Arc::clone(&book) as Arc<dyn Receivers>;
        let poster = Poster::new(&poster).unwrap();
        let delivery = Delivery::new(store.clone(), receivers, mailer, poster, settings);
        let stop = CancellationToken::new();
        tokio::spawn(delivery.run(stop.clone()));
        Self {
            book,
            store,
            stop,
            _folder: folder,
        }
    }

    /// Adds a receiver.
    pub(crate) fn receiver(&self, id: &str, target: Target) {
        let id = ReceiverId(id.to_owned());
        self.book.0.lock().unwrap().insert(id, target);
    }

    /// Adds one that gets mail at these addresses.
    pub(crate) fn mailbox(&self, id: &str, to: &[&str]) {
        let to = to.iter().map(|to| MailAddress::parse(to).unwrap());
        let to = to.collect();
        self.receiver(id, Target::Email { to });
    }

    /// Puts a notification into the outbox.
    pub(crate) async fn tell(&self, receiver: &str, items: Vec<Item>) -> NotificationId {
        self.with(receiver, items, |_| ()).await
    }

    /// The same, with more in it.
    pub(crate) async fn with(
        &self,
        receiver: &str,
        items: Vec<Item>,
        change: impl FnOnce(&mut Notification),
    ) -> NotificationId {
        let id = NotificationId(ulid::Ulid::generate());
        let mut notification = Notification {
            id,
            receiver: ReceiverId(receiver.to_owned()),
            at: Timestamp::now(),
            items,
            more: 0,
            common: None,
            held_back: 0,
            pictures: Vec::new(),
        };
        change(&mut notification);
        let change = Change::Insert(Box::new(notification));
        self.store.change_outbox(change).await.unwrap();
        id
    }

    /// Waits until it was sent.
    pub(crate) async fn sent(&self, id: NotificationId) {
        let what = format!("notification {id} to be sent");
        eventually(SOON, &what, async || {
            let sent = self.store.outbox().sent().await.unwrap();
            sent.iter().any(|it| it.id == id).then_some(())
        })
        .await;
    }

    /// Waits until its row is as it should be.
    pub(crate) async fn row(&self, id: NotificationId, good: impl Fn(&Row) -> bool) -> Row {
        let what = format!("notification {id} to be as it should");
        eventually(SOON, &what, async || {
            let found = self.store.outbox().find(id).await.unwrap();
            found.map(|(row, _)| row).filter(|row| good(row))
        })
        .await
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn settings(port: u16) -> mail::Settings {
    mail::Settings {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::Plain,
        login: None,
        ca_file: None,
        from: Mailbox::parse("Sightglass <alerts@example.org>").unwrap(),
        hello: None,
        timeout: Duration::from_secs(5),
        installation: "test".to_owned(),
    }
}

/// A stream that is down.
pub(crate) fn down(id: &str) -> Item {
    let now = Timestamp::now();
    Item {
        kind: ItemKind::Raised,
        stream: StreamId::parse(id).unwrap(),
        name: format!("Channel {id}"),
        group: None,
        condition: Condition {
            kind: Kind::Down,
            severity: Severity::Critical,
            since: now,
            raised_at: now,
            cleared_at: None,
            ending: None,
            confirmed: true,
            relapses: 0,
            evidence: Proof {
                text: "the source refuses connections".to_owned(),
                ..Proof::default()
            },
        },
        at: now,
        held_back: 0,
    }
}

/// The same, over.
pub(crate) fn over(mut item: Item) -> Item {
    item.kind = ItemKind::Cleared;
    item.at = Timestamp::now();
    item.condition.cleared_at = Some(item.at);
    item
}
