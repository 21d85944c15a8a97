use std::sync::Arc;

use super::schema::{migrate, open};
use super::*;
use crate::stream::Draft;

fn record(id: &str, revision: u64) -> Record {
    let json = serde_json::json!({ "id": id, "sources": [{ "url": "http://example.com/a.ts" }] });
    Record {
        definition: Draft::define(json, None, |_| false).expect("valid"),
        revision,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deeper/s.redb");
    let (store, closing, records) = Store::open(&path).expect("opens");
    assert!(records.is_empty());
    let put = vec![Arc::new(record("a", 1)), Arc::new(record("b", 1))];
    store.put(put).await.expect("written");
    store
        .put(vec![Arc::new(record("a", 2))])
        .await
        .expect("written");
    let gone = StreamId::parse("b").expect("valid");
    store.delete(vec![gone]).await.expect("removed");
    store.check().await.expect("alive");
    drop(store);
    closing.wait();
    let (_store, _closing, records) = Store::open(&path).expect("opens again");
    assert_eq!(records, [record("a", 2)]);
}

#[tokio::test]
async fn many_writers_at_once_all_get_their_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let (store, closing, _) = Store::open(&path).expect("opens");
    let writes = (0..300).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.put(vec![Arc::new(record(&format!("s{n}"), 1))]).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.expect("joined").expect("written");
    }
    drop(store);
    closing.wait();
    assert_eq!(Store::open(&path).expect("opens").2.len(), 300);
}

#[test]
fn a_file_in_use_and_a_newer_file_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let (_store, _closing, _) = Store::open(&path).expect("opens");
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));

    let newer = folder.path().join("newer.redb");
    let database = open(&newer).expect("opens");
    migrate(&database, &[|_| Ok(()), |_| Ok(()), |_| Ok(())]).expect("a later version");
    drop(database);
    let refused = Store::open(&newer).expect_err("too new");
    assert!(matches!(refused, StoreError::TooNew { found: 3, known: 1 }));
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "these are notes, not a database\n".repeat(400)).expect("written");
    assert!(matches!(Store::open(&path), Err(StoreError::Open { .. })));
    let text = std::fs::read_to_string(&path).expect("still there");
    assert!(text.starts_with("these are notes"));
}
