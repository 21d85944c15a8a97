//! Pictures: bounded, there after a restart, gone with their stream.

use bytes::Bytes;

use super::*;
use crate::conditions::Kind;
use crate::history::{MOST_PICTURES, NewPicture, Picture, PictureOf};

fn picture(stream: &str, minute: u32, bytes: usize) -> NewPicture {
    let at = later(minute).starts();
    NewPicture {
        stream: id(stream),
        of: PictureOf {
            at,
            taken_at: at,
            condition: Kind::Black,
            raised: true,
        },
        jpeg: Bytes::from(vec![minute as u8; bytes]),
    }
}

/// Those of a stream, when all that was sent before is written.
async fn pictures(store: &Store, stream: &str) -> Vec<Picture> {
    store.check().await.expect("alive");
    let found = store.history().pictures(id(stream)).await;
    found.expect("readable")
}

async fn body(store: &Store, stream: &str, number: u64) -> Option<Vec<u8>> {
    let found = store.history().picture(id(stream), number).await;
    found.expect("readable")
}

#[tokio::test]
async fn the_newest_pictures_are_kept_and_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    store.put(vec![record("a")]).await.expect("defined");
    for minute in 0..40 {
        store.keep_pictures(vec![picture("a", minute, 10)]);
        store.check().await.expect("alive");
    }
    store.keep_pictures(vec![picture("undefined", 0, 10)]);
    let before = pictures(&store, "a").await;
    drop(store);
    closing.wait();

    let Opened { store, .. } = open(&path);
    let after = pictures(&store, "a").await;
    assert_eq!(after, before);
    assert_eq!(after.len(), MOST_PICTURES);
    assert_eq!(after[0].of.at, later(39).starts());
    assert!(after.is_sorted_by(|one, next| one.number > next.number));
    assert_eq!(body(&store, "a", after[0].number).await, Some(vec![39; 10]));
    assert_eq!(body(&store, "b", after[0].number).await, None);
    assert_eq!(body(&store, "a", 0).await, None);
    assert_eq!(pictures(&store, "undefined").await, []);
}

#[tokio::test]
async fn all_pictures_together_stay_within_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let mut settings = Settings::default();
    settings.history.picture_bytes = 100;
    let opened = Store::open(&path, &settings).expect("opens");
    let Opened { store, closing, .. } = opened;
    store
        .put(vec![record("a"), record("b")])
        .await
        .expect("defined");
    // The third pushes the oldest out, whosever it is; one that is larger than all is not kept at all.
    for (stream, bytes) in [("a", 40), ("b", 40), ("b", 50), ("a", 101)] {
        store.keep_pictures(vec![picture(stream, 1, bytes)]);
    }
    assert_eq!(pictures(&store, "a").await, []);
    assert_eq!(pictures(&store, "b").await.len(), 2);
    // They go with their stream, and their bytes are free again.
    let long_ago = Timestamp::UNIX_EPOCH;
    store.delete(vec![id("b")], long_ago).await.expect("gone");
    store.put(vec![record("b")]).await.expect("made again");
    assert_eq!(pictures(&store, "b").await, []);
    drop(store);
    closing.wait();
    let slot = slot(&path);
    keep_up(&slot, &settings.history, later(0));
    let read = slot.read().expect("readable");
    let left = read.open_table(schema::PICTURE_BODIES).expect("a table");
    assert_eq!(left.len().expect("counted"), 0);
    let meta = read.open_table(META).expect("a table");
    let bytes = meta.get("picture_bytes").expect("readable");
    assert_eq!(bytes.map(|bytes| bytes.value()), Some(0));
}
