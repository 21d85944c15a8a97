//! A subscription to some of a feed's tracks.

use std::sync::Arc;

use tokio::sync::watch;

use super::audio::AudioChoice;
use super::plan;
use crate::feed::{Feed, Item, Join, Subscription};
use crate::ts::{self, Filter, Tracks};

/// Which tracks of a feed are taken.
#[derive(Clone, Debug)]
pub enum Pick {
    /// All, by reference.
    All,
    /// The first video track and one audio track: the first one, or the chosen one.
    One(Option<AudioChoice>),
}

/// Chunks of a feed with the picked tracks only.
#[derive(Debug)]
pub struct Picked {
    subscription: Subscription,
    known: watch::Receiver<Option<Arc<Tracks>>>,
    pick: Pick,
    /// Absent while everything is passed on, and until the tracks are known.
    filter: Option<Filter>,
}

impl Picked {
    /// Subscribes to a feed.
    pub fn subscribe(feed: &Arc<Feed>, join: Join, pick: Pick) -> Self {
        let subscription = feed.subscribe(join);
        let mut known = feed.tracks();
        let tracks = known.borrow_and_update().clone();
        Self {
            subscription,
            known,
            filter: tracks.and_then(|tracks| filter(&pick, &tracks)),
            pick,
        }
    }

    /// The next chunk with the picked tracks; `None` once the feed has ended.
    pub async fn next(&mut self) -> Option<Item> {
        let item = self.subscription.next().await?;
        // A new table, be it for the same tracks, needs a new filter.
        if self.known.has_changed().unwrap_or(false)
            && let Some(tracks) = self.known.borrow_and_update().as_deref()
        {
            self.filter = filter(&self.pick, tracks);
        }
        Some(match &mut self.filter {
            None => item,
            Some(filter) => Item {
                chunk: filter.apply(&item.chunk),
                joined: item.joined,
            },
        })
    }

    /// How often it fell behind and skipped to a keyframe.
    pub fn skips(&self) -> u64 {
        self.subscription.skips()
    }
}

fn filter(pick: &Pick, tracks: &Tracks) -> Option<Filter> {
    match pick {
        Pick::All => None,
        Pick::One(audio) => {
            let pids = plan::wanted_pids(tracks, audio.as_ref());
            Some(ts::select(tracks, &pids))
        }
    }
}
