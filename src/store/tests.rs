use std::sync::Arc;

use super::schema::{MIGRATIONS, STREAMS, migrate};
use super::*;
use crate::admission::Cost;
use crate::stream::{Account, Draft};

fn open(path: &Path) -> Result<Opened, StoreError> {
    Store::open(path, &Settings::default())
}

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
    let Opened {
        store,
        closing,
        records,
        ..
    } = open(&path).expect("opens");
    assert!(records.is_empty());
    let put = vec![Arc::new(record("a", 1)), Arc::new(record("b", 1))];
    store.put(put).await.expect("written");
    store
        .put(vec![Arc::new(record("a", 2))])
        .await
        .expect("written");
    let gone = StreamId::parse("b").expect("valid");
    let now = jiff::Timestamp::now();
    store.delete(vec![gone], now).await.expect("removed");
    store.check().await.expect("alive");
    drop(store);
    closing.wait();
    let Opened { records, .. } = open(&path).expect("opens again");
    assert_eq!(records, [record("a", 2)]);
}

#[tokio::test]
async fn many_writers_at_once_all_get_their_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path).expect("opens");
    let writes = (0..300).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.put(vec![Arc::new(record(&format!("s{n}"), 1))]).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.expect("joined").expect("written");
    }
    drop(store);
    closing.wait();
    assert_eq!(open(&path).expect("opens").records.len(), 300);
}

#[test]
fn a_file_in_use_and_a_newer_file_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let _opened = open(&path).expect("opens");
    assert!(matches!(open(&path), Err(StoreError::InUse { .. })));

    let newer = folder.path().join("newer.redb");
    let database = schema::open(&newer, 1 << 20).expect("opens");
    let later = vec![MIGRATIONS[0]; MIGRATIONS.len() + 1];
    migrate(&database, &later).expect("a later version");
    drop(database);
    let refused = open(&newer).expect_err("too new");
    let version = MIGRATIONS.len() as u64;
    assert!(
        matches!(refused, StoreError::TooNew { found, known } if (found, known) == (version + 1, version))
    );
}

#[tokio::test]
async fn a_file_of_any_earlier_version_is_brought_up_to_date_with_all_it_holds() {
    for version in 1..MIGRATIONS.len() {
        brought_up_to_date(version).await;
    }
}

async fn brought_up_to_date(version: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let database = redb::Database::create(&path).expect("creates");
    migrate(&database, &MIGRATIONS[..version]).expect("an earlier version");
    let write = database.begin_write().expect("begins");
    let json = serde_json::to_vec(&record("old", 3)).expect("serialises");
    write
        .open_table(STREAMS)
        .expect("opens")
        .insert("old", json.as_slice())
        .expect("inserts");
    write.commit().expect("commits");
    drop(database);
    let Opened {
        records,
        accounts,
        costs,
        states,
        store,
        ..
    } = open(&path).expect("migrates");
    assert_eq!(records, [record("old", 3)], "version {version}");
    assert!(accounts.is_empty() && costs.is_empty() && states.is_empty());
    let old = StreamId::parse("old").expect("an id");
    let events = store.history().events(old, EventQuery::default()).await;
    assert_eq!(events.expect("readable"), []);
}

#[tokio::test]
async fn accounts_are_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let account = |id: &str| {
        let json = serde_json::json!({ "id": id, "max_connections": 2,
            "credentials": { "type": "basic", "username": "bob", "password": "s3cret" } });
        Arc::new(AccountRecord {
            account: Account::define(json, None, |_| false).expect("valid"),
            revision: 1,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
        })
    };
    let Opened { store, closing, .. } = open(&path).expect("opens");
    store.put_account(account("a")).await.expect("written");
    store.put_account(account("b")).await.expect("written");
    let gone = AccountId::parse("b").expect("valid");
    store.delete_account(gone).await.expect("removed");
    drop(store);
    closing.wait();
    let Opened { accounts, .. } = open(&path).expect("opens again");
    assert_eq!(accounts, [account("a").as_ref().clone()]);
}

#[tokio::test]
async fn what_was_learned_of_costs_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path).expect("opens");
    let learned = |key: &str, forgotten: Option<&str>| Learned {
        key: key.to_owned(),
        cost: Cost {
            memory_bytes: 5,
            cpu_cores: 0.5,
        },
        forgotten: forgotten.map(str::to_owned),
    };
    store.learn(learned("test/low/none", None));
    store.learn(learned("encode-both/low/hd", Some("test/low/none")));
    drop(store);
    closing.wait();
    let Opened { costs, .. } = open(&path).expect("opens again");
    let [(key, json)] = costs.as_slice() else {
        panic!("{costs:?}")
    };
    assert_eq!(key, "encode-both/low/hd");
    let cost: Cost = serde_json::from_slice(json).expect("a cost");
    assert_eq!(cost.memory_bytes, 5);
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "these are notes, not a database\n".repeat(400)).expect("written");
    assert!(matches!(open(&path), Err(StoreError::Open { .. })));
    let text = std::fs::read_to_string(&path).expect("still there");
    assert!(text.starts_with("these are notes"));
}
