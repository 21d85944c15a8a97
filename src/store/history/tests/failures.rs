//! A disk that is full or gone, and a process that is killed at any point.

use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicI64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, Database, StorageBackend};

use super::*;
use crate::store::StoreError;

/// A file of which so many more writes succeed; below zero it fails.
#[derive(Debug)]
struct Failing {
    file: FileBackend,
    left: Arc<AtomicI64>,
}

impl Failing {
    fn spend(&self) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.spend()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.spend()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Err(error) = self.spend() {
            // The half of it.
            let _ = self.file.write(offset, &data[..data.len() / 2]);
            return Err(error);
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

fn open_failing(path: &Path, left: &Arc<AtomicI64>) -> Result<Opened, StoreError> {
    let (path, left) = (path.to_owned(), Arc::clone(left));
    let opener = move || {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .expect("a file");
        let failing = Failing {
            file: FileBackend::new(file).expect("a backend"),
            left: Arc::clone(&left),
        };
        let opened = Database::builder()
            .set_cache_size(1 << 20)
            .create_with_backend(failing);
        let database = opened.map_err(|source| StoreError::Open {
            path: path.clone(),
            source: Box::new(source),
        })?;
        schema::migrate(&database, schema::MIGRATIONS)?;
        Ok(database)
    };
    Store::open_by(Box::new(opener), &Settings::default())
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_store_works_again_when_it_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let left = Arc::new(AtomicI64::new(i64::MAX / 2));
    let Opened { store, closing, .. } = open_failing(&path, &left).expect("opens");
    store.put(vec![record("a")]).await.expect("defined");
    let put = async |n| {
        let rows = vec![(id("a"), later(n), minute(Health::Up))];
        store.put_minutes(rows).await
    };
    put(0).await.expect("written");
    for (n, writes) in (1..20).zip([0, 1, 2, 3, 5, 8].into_iter().cycle()) {
        left.store(writes, Ordering::SeqCst);
        let refused = put(n).await.expect_err("a full disk");
        let told = refused.to_string();
        assert!(told.contains("store"), "{told}");
        let other = store.put(vec![record("b")]).await;
        assert!(other.is_err(), "definitions fail as well, and are told so");
    }
    left.store(i64::MAX / 2, Ordering::SeqCst);
    put(20).await.expect("written again");
    store.put(vec![record("b")]).await.expect("written again");
    assert_eq!(up_ms(&store, "a", hours(1)).await, 2 * 60_000);
    drop(store);
    closing.wait();
    let Opened { store, records, .. } = open(&path);
    assert_eq!(records.len(), 2);
    assert_eq!(up_ms(&store, "a", hours(1)).await, 2 * 60_000);
}

/// As `kill -9` leaves it: the file after any number of writes, the last of them torn. What was
/// acknowledged is there; of what was not, all or nothing.
#[tokio::test]
async fn a_kill_at_any_point_loses_nothing_that_was_acknowledged() {
    let mut points = 0;
    for writes in (0..1_500).step_by(97) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.redb");
        let Opened { store, closing, .. } = open(&path);
        store
            .put(vec![record("a"), record("b")])
            .await
            .expect("defined");
        drop(store);
        closing.wait();

        let left = Arc::new(AtomicI64::new(writes));
        let Ok(Opened { store, closing, .. }) = open_failing(&path, &left) else {
            continue;
        };
        let mut acknowledged = 0;
        for n in 0..64 {
            let rows = ["a", "b"].map(|s| (id(s), later(n), minute(Health::Up)));
            if store.put_minutes(rows.to_vec()).await.is_err() {
                break;
            }
            acknowledged += 1;
        }
        drop(store);
        closing.wait();
        points += usize::from(acknowledged < 64);

        let mut database = schema::open(&path, 1 << 20).expect("opens");
        assert!(
            database.check_integrity().expect("whole"),
            "after {writes} writes"
        );
        drop(database);
        let Opened { store, records, .. } = open(&path);
        assert_eq!(records.len(), 2);
        let up = [
            up_ms(&store, "a", hours(2)).await,
            up_ms(&store, "b", hours(2)).await,
        ];
        assert_eq!(up[0], up[1], "all streams of a commit or none");
        let minutes = up[0] / 60_000;
        assert!(
            minutes == acknowledged || minutes == acknowledged + 1,
            "{minutes} of {acknowledged} after {writes} writes"
        );
    }
    assert!(points > 5, "{points} kills in the middle");
}
