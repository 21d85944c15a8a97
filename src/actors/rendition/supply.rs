//! What a rendition takes from its source.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::actors::plan;
use crate::feed::{Feed, Item, Join, Subscription};
use crate::ts::{self, Chunk, Filter, Tracks};

/// The tracks that are wanted of a feed, chunk by chunk. It may outlive a pipeline: then the next
/// one goes on where the former has stopped.
#[derive(Debug)]
pub(super) struct Supply {
    subscription: Subscription,
    known: watch::Receiver<Option<Arc<Tracks>>>,
    /// What the pipelines are built for.
    tracks: Arc<Tracks>,
    filter: Filter,
    /// The chunk that the next pipeline begins with.
    held: Option<Item>,
}

impl Supply {
    /// From `lead` before the newest keyframe on.
    pub(super) fn new(feed: &Arc<Feed>, tracks: Arc<Tracks>, lead: Duration) -> Self {
        let subscription = feed.subscribe(Join::Back(lead));
        let mut known = feed.tracks();
        known.borrow_and_update();
        Self {
            subscription,
            known,
            filter: ts::select(&tracks, &plan::wanted_pids(&tracks)),
            tracks,
            held: None,
        }
    }

    /// What the pipelines are built for.
    pub(super) fn tracks(&self) -> &Arc<Tracks> {
        &self.tracks
    }

    /// Waits for something to begin with, which [`next`](Self::next) then gives.
    pub(super) async fn begin(&mut self) {
        if self.held.is_none() {
            self.held = self.next().await;
        }
    }

    /// The next chunk with the wanted tracks; `None` once the source has ended.
    pub(super) async fn next(&mut self) -> Option<Item> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let item = self.subscription.next().await?;
        // A new table for the same tracks needs a new filter, not a new pipeline.
        if self.known.has_changed().unwrap_or(false)
            && let Some(tracks) = self.known.borrow_and_update().as_deref()
        {
            self.filter = ts::select(tracks, &plan::wanted_pids(tracks));
        }
        Some(Item {
            chunk: self.filter.apply(&item.chunk),
            joined: item.joined,
        })
    }

    /// Keeps a keyframe's chunk for the next pipeline, tables first.
    pub(super) fn hold(&mut self, chunk: Chunk) {
        self.held = Some(Item {
            chunk,
            joined: true,
        });
    }
}
