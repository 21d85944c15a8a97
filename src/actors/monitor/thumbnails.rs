//! The newest picture of each stream, in bounded memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use crate::stream::StreamId;

/// A small picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// JPEG.
    pub jpeg: Bytes,
    /// When it was seen.
    pub taken_at: Timestamp,
    /// Differs from that of every other picture of this process.
    pub version: u64,
}

/// The newest picture of each stream. When there are more bytes than allowed the oldest pictures go: those
/// of streams that nobody could look at for the longest.
#[derive(Debug)]
pub(super) struct Thumbnails {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pictures: HashMap<StreamId, Arc<Thumbnail>>,
    /// By version, which grows with each picture.
    by_age: BTreeMap<u64, StreamId>,
    bytes: usize,
    version: u64,
}

impl Thumbnails {
    /// Keeps at most `most` bytes of JPEG.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            inner: Mutex::default(),
        }
    }

    /// Keeps a picture instead of the stream's older one.
    pub(super) fn put(&self, stream: &StreamId, jpeg: Bytes, taken_at: Timestamp) {
        let mut inner = self.inner();
        inner.remove(stream);
        inner.version += 1;
        let version = inner.version;
        inner.bytes += jpeg.len();
        inner.by_age.insert(version, stream.clone());
        let picture = Arc::new(Thumbnail {
            jpeg,
            taken_at,
            version,
        });
        inner.pictures.insert(stream.clone(), picture);
        while inner.bytes > self.most {
            let Some(oldest) = inner.by_age.values().next().cloned() else {
                break;
            };
            inner.remove(&oldest);
        }
    }

    /// The newest picture of a stream.
    pub(super) fn get(&self, stream: &StreamId) -> Option<Arc<Thumbnail>> {
        self.inner().pictures.get(stream).cloned()
    }

    /// Forgets a stream's picture.
    pub(super) fn forget(&self, stream: &StreamId) {
        self.inner().remove(stream);
    }

    /// Pictures kept, and their bytes.
    pub(super) fn figures(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.pictures.len(), inner.bytes)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remove(&mut self, stream: &StreamId) {
        if let Some(old) = self.pictures.remove(stream) {
            self.bytes -= old.jpeg.len();
            self.by_age.remove(&old.version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> StreamId {
        text.parse().expect("an id")
    }

    fn picture(bytes: usize) -> Bytes {
        Bytes::from(vec![0; bytes])
    }

    #[test]
    fn the_oldest_pictures_make_room() {
        let all = Thumbnails::new(100);
        let at = Timestamp::UNIX_EPOCH;
        all.put(&id("a"), picture(40), at);
        all.put(&id("b"), picture(40), at);
        // A newer one of the same stream takes the place of the older.
        all.put(&id("a"), picture(50), at);
        assert_eq!(all.figures(), (2, 90));
        all.put(&id("c"), picture(30), at);
        assert!(all.get(&id("b")).is_none());
        assert_eq!(all.figures(), (2, 80));
        let versions = ["a", "c"].map(|one| all.get(&id(one)).expect("kept").version);
        assert_eq!(versions, [3, 4]);
        // One that is larger than all that is allowed is not kept, and pushes the others out.
        all.put(&id("d"), picture(101), at);
        assert_eq!(all.figures(), (0, 0));
        all.put(&id("a"), picture(1), at);
        all.forget(&id("a"));
        all.forget(&id("a"));
        assert_eq!(all.figures(), (0, 0));
    }
}
