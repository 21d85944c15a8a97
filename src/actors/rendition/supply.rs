//! What a rendition takes from its source.

use std::sync::Arc;
use std::time::Duration;

use crate::actors::audio::AudioChoice;
use crate::actors::picked::{Pick, Picked};
use crate::feed::{Feed, Item, Join};
use crate::ts::{Chunk, Tracks};

/// The tracks that are wanted of a feed, chunk by chunk. It may outlive a pipeline: then the next
/// one goes on where the former has stopped.
#[derive(Debug)]
pub(super) struct Supply {
    picked: Picked,
    /// What the pipelines are built for.
    tracks: Arc<Tracks>,
    /// The chunk that the next pipeline begins with.
    held: Option<Item>,
}

impl Supply {
    /// From `lead` before the newest keyframe on.
    pub(super) fn new(
        feed: &Arc<Feed>,
        tracks: Arc<Tracks>,
        audio: Option<AudioChoice>,
        lead: Duration,
    ) -> Self {
        Self {
            picked: Picked::subscribe(feed, Join::Back(lead), Pick::One(audio)),
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
        match self.held.take() {
            Some(held) => Some(held),
            // A new table for the same tracks needs a new filter, not a new pipeline.
            None => self.picked.next().await,
        }
    }

    /// Keeps a keyframe's chunk for the next pipeline, tables first.
    pub(super) fn hold(&mut self, chunk: Chunk) {
        self.held = Some(Item {
            chunk,
            joined: true,
        });
    }
}
