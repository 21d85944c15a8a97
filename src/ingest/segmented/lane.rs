//! The bounded way from one of two tracks to where they are merged.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::output::Begin;
use crate::ingest::sink::Gone;

/// Segments in a lane: the one that is read, and the next.
const SEGMENTS: usize = 2;
/// Bytes in a lane.
const BUDGET: usize = 4 << 20;
/// Larger reads are split, so that one never asks for more than the budget.
const PIECE: usize = 256 << 10;
/// Pieces in a lane.
const PIECES: usize = 256;

/// What goes through a lane.
pub(super) enum Item {
    /// A segment begins, and holds its place in the lane.
    Begin(Begin, Place),
    /// Bytes of it.
    Data(Bytes, Place),
}

/// Room that is given back when this is dropped.
pub(super) struct Place(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// The track's end.
pub(in crate::ingest) struct LaneSender {
    items: mpsc::Sender<Item>,
    segments: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// The end where lanes are merged.
pub(in crate::ingest) struct LaneReceiver {
    items: mpsc::Receiver<Item>,
}

/// A connected pair.
pub(in crate::ingest) fn lane() -> (LaneSender, LaneReceiver) {
    let (sender, receiver) = mpsc::channel(PIECES);
    let sender = LaneSender {
        items: sender,
        segments: Arc::new(Semaphore::new(SEGMENTS)),
        bytes: Arc::new(Semaphore::new(BUDGET)),
    };
    (sender, LaneReceiver { items: receiver })
}

impl LaneSender {
    /// Begins a segment; waits while the lane is full of others.
    pub(super) async fn begin(&mut self, begin: Begin) -> Result<(), Gone> {
        let place = take(&self.segments, 1).await?;
        self.send(Item::Begin(begin, place)).await
    }

    /// Hands over bytes; waits while the lane is full.
    pub(super) async fn data(&mut self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            let place = take(&self.bytes, piece.len()).await?;
            self.send(Item::Data(piece, place)).await?;
        }
        Ok(())
    }

    async fn send(&self, item: Item) -> Result<(), Gone> {
        self.items.send(item).await.map_err(|_| Gone)
    }
}

impl LaneReceiver {
    /// The next item; `None` when the track has ended.
    pub(super) async fn next(&mut self) -> Option<Item> {
        self.items.recv().await
    }
}

async fn take(room: &Arc<Semaphore>, amount: usize) -> Result<Place, Gone> {
    let amount = u32::try_from(amount).map_err(|_| Gone)?;
    let permit = Arc::clone(room).acquire_many_owned(amount).await;
    permit.map(Place).map_err(|_| Gone)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::super::output::Break;
    use super::*;

    fn begin() -> Begin {
        Begin {
            joint: Break::None,
            duration: Duration::from_secs(4),
            offset: 0,
            init: None,
        }
    }

    #[tokio::test]
    async fn a_track_runs_two_segments_ahead_and_no_further() {
        let (mut sender, mut receiver) = lane();
        for _ in 0..SEGMENTS {
            sender.begin(begin()).await.unwrap();
            sender.data(Bytes::from_static(&[1; 1000])).await.unwrap();
        }
        assert!(sender.begin(begin()).now_or_never().is_none(), "held up");
        let Some(Item::Begin(_, first)) = receiver.next().await else {
            panic!("no segment");
        };
        assert!(sender.begin(begin()).now_or_never().is_none(), "it is read");
        drop(first);
        assert!(sender.begin(begin()).now_or_never().is_some());
        let huge = Bytes::from(vec![0; BUDGET]);
        assert!(sender.data(huge).now_or_never().is_none(), "held up");
        drop(receiver);
        assert!(sender.data(Bytes::from_static(&[1])).await.is_err());
    }
}
