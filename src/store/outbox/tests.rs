use super::*;
use crate::alerts::testing::{began, item, notification};
use crate::conditions::Kind;
use crate::notify::Verdict;
use crate::notify::alertmanager::alerts;
use crate::store::{Opened, Settings, Store};

fn told(n: u128) -> Notification {
    let mut told = notification(vec![item("news", "News", Kind::Down)]);
    told.id = NotificationId(ulid::Ulid::from(n));
    told
}

fn insert(notification: &Notification) -> Change {
    Change::Insert(Box::new(notification.clone()))
}

fn failed(id: NotificationId, again: Option<Timestamp>) -> Change {
    let failure = Failure::new(Stage::Connect, Verdict::Unreachable, "refused");
    Change::Failed {
        id,
        error: LastError::new(&failure, began()),
        again,
        accepted: vec![MailAddress::parse("a@example.org").unwrap()],
    }
}

fn open(folder: &tempfile::TempDir) -> Opened {
    Store::open(&folder.path().join("s.redb"), &Settings::default()).unwrap()
}

#[tokio::test]
async fn a_row_lives_until_it_is_accepted_and_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { store, closing, .. } = open(&folder);
    let (first, mut second) = (told(1), told(2));
    second.pictures.push(crate::alerts::Picture {
        stream: second.items[0].stream.clone(),
        at: began(),
        jpeg: vec![0xff, 0xd8, 0],
    });
    store.change_outbox(insert(&second)).await.unwrap();
    store.change_outbox(insert(&first)).await.unwrap();
    // Somebody is told, also who asks afterwards.
    store.outbox().changed().await;
    let later = began() + jiff::SignedDuration::from_secs(60);
    store
        .change_outbox(failed(second.id, Some(later)))
        .await
        .unwrap();
    drop(store);
    closing.wait();

    let Opened { store, .. } = open(&folder);
    let rows = store.outbox().rows().await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, [first.id, second.id], "the oldest first");
    let (row, body) = store.outbox().find(second.id).await.unwrap().unwrap();
    assert_eq!(body, second);
    assert_eq!(
        (row.attempts, row.not_before, row.state),
        (1, later, State::Pending)
    );
    assert_eq!(row.accepted.len(), 1);

    store.change_outbox(failed(second.id, None)).await.unwrap();
    let (row, _) = store.outbox().find(second.id).await.unwrap().unwrap();
    assert_eq!((row.attempts, row.state), (2, State::Dead));
    let ids = vec![second.id];
    store
        .change_outbox(Change::Again { ids, at: later })
        .await
        .unwrap();
    let (row, _) = store.outbox().find(second.id).await.unwrap().unwrap();
    assert_eq!((row.attempts, row.state), (0, State::Pending));
    assert_eq!(
        row.accepted.len(),
        1,
        "who has it already is not told again"
    );

    let repeat: Vec<_> = alerts(&second)
        .into_iter()
        .map(|(key, alert)| (key, Some(alert)))
        .collect();
    let (id, at) = (second.id, later);
    store
        .change_outbox(Change::Sent { id, at, repeat })
        .await
        .unwrap();
    assert!(store.outbox().find(id).await.unwrap().is_none());
    let sent = store.outbox().sent().await.unwrap();
    assert_eq!((sent.len(), sent[0].id, sent[0].sent_at), (1, id, later));
    let receiver = second.receiver.clone();
    assert_eq!(
        store
            .outbox()
            .repeated(receiver.clone())
            .await
            .unwrap()
            .len(),
        1
    );
    let to = store.outbox().repeated_to().await.unwrap();
    assert_eq!(to.iter().collect::<Vec<_>>(), [&receiver]);
    let to = receiver.clone();
    store
        .change_outbox(Change::Forget { receiver })
        .await
        .unwrap();
    assert_eq!(store.outbox().repeated(to).await.unwrap().len(), 0);
    assert!(store.outbox().repeated_to().await.unwrap().is_empty());
    // What is gone stays gone, whatever is still said of it.
    store.change_outbox(failed(id, None)).await.unwrap();
    store
        .change_outbox(Change::Delete {
            ids: vec![first.id, id],
        })
        .await
        .unwrap();
    assert!(store.outbox().rows().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_too_much_goes_the_dead_first_and_then_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { store, .. } = open(&folder);
    let most = u128::from(MOST_ROWS);
    let writes = (0..most).map(|n| {
        let (store, change) = (store.clone(), insert(&told(n)));
        tokio::spawn(async move { store.change_outbox(change).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    let dead = NotificationId(ulid::Ulid::from(7_u128));
    store.change_outbox(failed(dead, None)).await.unwrap();
    store.change_outbox(insert(&told(most))).await.unwrap();
    store.change_outbox(insert(&told(most + 1))).await.unwrap();
    let rows = store.outbox().rows().await.unwrap();
    assert_eq!(rows.len() as u64, MOST_ROWS);
    let kept = |n: u128| rows.iter().any(|row| row.id.0 == ulid::Ulid::from(n));
    assert!(!kept(7) && !kept(0) && kept(1) && kept(most + 1));
}
