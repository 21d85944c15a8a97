//! A feed: one flow of TS bytes with any number of subscribers.
//!
//! The publisher appends chunks to one ring; a subscriber is a cursor into it. A chunk is stored
//! once and handed out by reference, so that a subscriber costs no copy and no queue of its own:
//! its bounded queue is the ring, at most [`Retention::max_bytes`] for all of them together. A
//! subscriber that falls out of the ring goes on at the newest keyframe and is counted; it
//! never slows the publisher or the others.

mod gop;
mod ring;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use gop::Gop;
pub use ring::Retention;
use ring::Ring;

use crate::ts::{Chunk, Ticks, Tracks};

/// Where a subscriber starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// At the newest keyframe: closest to live, and a picture at once.
    Newest,
    /// At the oldest keyframe kept that is no older than this, compared with the newest one: more to
    /// start with, for encoders that have to catch up and for windows that are cut into segments.
    Back(Duration),
}

/// What a subscriber receives.
#[derive(Clone, Debug)]
pub struct Item {
    /// The chunk.
    pub chunk: Chunk,
    /// True for the first chunk and for the first after a skip: what was received before does
    /// not continue here. The chunk starts with a keyframe, and its PSI should be sent first.
    pub joined: bool,
}

/// A feed, as its subscribers and observers see it.
#[derive(Debug)]
pub struct Feed {
    state: Mutex<State>,
    /// The next sequence number; a change wakes the subscribers.
    head: watch::Sender<u64>,
    tracks: watch::Sender<Option<Arc<Tracks>>>,
    /// Newest clock, plus one; zero while there is none.
    clock: AtomicU64,
    bytes_total: AtomicU64,
    skips_total: AtomicU64,
    subscribers: AtomicU64,
    /// Numbers subscribers.
    subscribed: AtomicU64,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    ended: bool,
    /// Where each subscriber goes on, by its number.
    cursors: HashMap<u64, u64>,
}

/// The one who writes a feed. Dropping it ends the feed for all subscribers, after they have
/// received what is in the ring.
#[derive(Debug)]
pub struct Publisher {
    feed: Arc<Feed>,
}

/// A subscriber's cursor.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    number: u64,
    head: watch::Receiver<u64>,
    join: Join,
    skips: u64,
}

impl Feed {
    /// A new feed and its publisher.
    pub fn new(retention: Retention) -> (Arc<Self>, Publisher) {
        let feed = Arc::new(Self {
            state: Mutex::new(State {
                ring: Ring::new(retention),
                ended: false,
                cursors: HashMap::new(),
            }),
            head: watch::Sender::new(0),
            tracks: watch::Sender::new(None),
            clock: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            skips_total: AtomicU64::new(0),
            subscribers: AtomicU64::new(0),
            subscribed: AtomicU64::new(0),
        });
        let publisher = Publisher {
            feed: Arc::clone(&feed),
        };
        (feed, publisher)
    }

    /// Subscribes; nothing is received before the first keyframe.
    pub fn subscribe(self: &Arc<Self>, join: Join) -> Subscription {
        self.subscribers.fetch_add(1, Ordering::Relaxed);
        Subscription {
            feed: Arc::clone(self),
            number: self.subscribed.fetch_add(1, Ordering::Relaxed),
            head: self.head.subscribe(),
            join,
            skips: 0,
        }
    }

    /// What the feed carries, as it is learnt and changes.
    pub fn tracks(&self) -> watch::Receiver<Option<Arc<Tracks>>> {
        self.tracks.subscribe()
    }

    /// True once a subscriber would receive something at once.
    pub fn has_keyframe(&self) -> bool {
        self.state().ring.newest_keyframe().is_some()
    }

    /// Waits until a subscriber would receive something at once; false when the feed ends first.
    pub async fn wait_keyframe(&self) -> bool {
        let mut head = self.head.subscribe();
        loop {
            head.borrow_and_update();
            let (found, ended) = {
                let state = self.state();
                (state.ring.newest_keyframe().is_some(), state.ended)
            };
            if found || ended {
                return found;
            }
            if head.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Waits until it is known what the feed carries; `None` when it ends first.
    pub async fn wait_tracks(&self) -> Option<Arc<Tracks>> {
        let mut tracks = self.tracks.subscribe();
        let mut head = self.head.subscribe();
        loop {
            let known = tracks.borrow_and_update().clone();
            if known.is_some() {
                return known;
            }
            head.borrow_and_update();
            if self.state().ended {
                return None;
            }
            tokio::select! {
                changed = tracks.changed() => changed.ok()?,
                changed = head.changed() => changed.ok()?,
            }
        }
    }

    /// The newest clock of what has been published.
    pub fn clock(&self) -> Option<Ticks> {
        self.clock.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Bytes kept now.
    pub fn bytes_kept(&self) -> usize {
        self.state().ring.bytes()
    }

    /// Bytes published since the start.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total.load(Ordering::Relaxed)
    }

    /// How often subscribers could not keep up and skipped to a keyframe.
    pub fn skips_total(&self) -> u64 {
        self.skips_total.load(Ordering::Relaxed)
    }

    /// How many subscribe now.
    pub fn subscribers(&self) -> u64 {
        self.subscribers.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    /// Appends a chunk and wakes the subscribers.
    pub fn publish(&self, chunk: Chunk) {
        let bytes = chunk.data.len() as u64;
        self.feed.bytes_total.fetch_add(bytes, Ordering::Relaxed);
        if let Some(clock) = chunk.clock {
            self.feed
                .clock
                .store(clock.saturating_add(1), Ordering::Relaxed);
        }
        let next = {
            let mut state = self.feed.state();
            let needed = state.needed();
            state.ring.push(chunk, needed);
            state.ring.next_sequence()
        };
        self.feed.head.send_replace(next);
    }

    /// Tells what the feed carries, when that is new.
    pub fn set_tracks(&self, tracks: Option<&Arc<Tracks>>) {
        self.feed.tracks.send_if_modified(|current| {
            let same = match (current.as_ref(), tracks) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
                (None, None) => true,
                _ => false,
            };
            if !same {
                *current = tracks.cloned();
            }
            !same
        });
    }

    /// Keeps more or less from now on.
    pub fn set_retention(&self, retention: Retention) {
        let mut state = self.feed.state();
        let needed = state.needed();
        state.ring.set_retention(retention, needed);
    }

    /// Lets go of all that is kept: who joins begins at the next keyframe.
    pub fn clear(&self) {
        self.feed.state().ring.clear();
    }

    /// Lets go of all that is kept, and gives it, from its oldest keyframe on.
    pub fn take(&self) -> Vec<Chunk> {
        let mut state = self.feed.state();
        let chunks = state.ring.all_gops();
        state.ring.clear();
        chunks
    }

    /// The feed.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.feed.state().ended = true;
        self.feed.head.send_modify(|_| ());
    }
}

impl State {
    /// What the slowest subscriber comes to next. Who has fallen out already goes on at the newest
    /// keyframe.
    fn needed(&self) -> Option<u64> {
        let first = self.ring.first_sequence();
        let behind = self.cursors.values().filter(|&&at| at >= first);
        behind.min().copied()
    }
}

enum Take {
    Item(Item),
    Wait,
    End,
}

impl Subscription {
    /// The next chunk; `None` once the feed has ended and all of it was received.
    pub async fn next(&mut self) -> Option<Item> {
        loop {
            // Marked as seen before looking, so that a chunk published in between wakes us.
            self.head.borrow_and_update();
            match self.take() {
                Take::Item(item) => return Some(item),
                Take::End => return None,
                Take::Wait => self.head.changed().await.ok()?,
            }
        }
    }

    /// How often this subscriber could not keep up and skipped to a keyframe.
    pub fn skips(&self) -> u64 {
        self.skips
    }

    fn take(&mut self) -> Take {
        let mut state = self.feed.state();
        let ring = &state.ring;
        let cursor = state.cursors.get(&self.number).copied();
        let kept = cursor.filter(|&at| at >= ring.first_sequence());
        let fell_behind = cursor.is_some() && kept.is_none();
        let (at, joined) = match kept {
            Some(at) => (Some(at), false),
            None => match self.join {
                Join::Back(most) if !fell_behind => (ring.keyframe_within(most), true),
                _ => (ring.newest_keyframe(), true),
            },
        };
        let found = at.and_then(|at| ring.get(at).map(|chunk| (at, chunk.clone())));
        let ended = state.ended;
        if let Some((at, _)) = &found {
            state.cursors.insert(self.number, at + 1);
        }
        drop(state);
        match found {
            Some((_, chunk)) => {
                if fell_behind {
                    self.skips += 1;
                    self.feed.skips_total.fetch_add(1, Ordering::Relaxed);
                }
                Take::Item(Item { chunk, joined })
            }
            None if ended => Take::End,
            None => Take::Wait,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.state().cursors.remove(&self.number);
        self.feed.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::Keyframe;
    use bytes::Bytes;

    const RETENTION: Retention = Retention {
        history: Duration::from_mins(1),
        lag_bytes: 188 * 8,
        max_bytes: 188 * 20,
        keep_start: false,
    };

    fn chunk(mark: u8, key: bool) -> Chunk {
        Chunk {
            data: Bytes::from(vec![mark; 188]),
            keyframe: key.then(|| Keyframe {
                psi: Bytes::from_static(b"psi"),
                pts: u64::from(mark) * 3600,
            }),
            discontinuity: false,
            clock: None,
        }
    }

    async fn mark(subscription: &mut Subscription) -> (u8, bool) {
        let item = subscription.next().await.expect("an item");
        (item.chunk.data[0], item.joined)
    }

    #[tokio::test]
    async fn a_joiner_starts_at_the_newest_keyframe_and_gets_the_rest_of_its_gop() {
        let (feed, publisher) = Feed::new(RETENTION);
        for (m, key) in [(0, false), (1, true), (2, false), (3, true), (4, false)] {
            publisher.publish(chunk(m, key));
        }
        let mut newest = feed.subscribe(Join::Newest);
        assert_eq!(mark(&mut newest).await, (3, true));
        assert_eq!(mark(&mut newest).await, (4, false));
        // Marks are frames of 25 a second: keyframe 1 is two frames older than keyframe 3.
        let mut back = feed.subscribe(Join::Back(Duration::from_millis(80)));
        assert_eq!(mark(&mut back).await, (1, true));
        let mut less = feed.subscribe(Join::Back(Duration::from_millis(79)));
        assert_eq!(mark(&mut less).await, (3, true));
        drop((back, less));
        drop(publisher);
        assert!(newest.next().await.is_none());
        assert_eq!(feed.subscribers(), 1);
        drop(newest);
        assert_eq!(feed.subscribers(), 0);
    }

    #[tokio::test]
    async fn a_slow_one_skips_to_a_keyframe_and_the_others_do_not_notice() {
        let (feed, publisher) = Feed::new(RETENTION);
        let mut slow = feed.subscribe(Join::Newest);
        let mut quick = feed.subscribe(Join::Newest);
        publisher.publish(chunk(0, true));
        assert_eq!(mark(&mut slow).await, (0, true));
        assert_eq!(mark(&mut quick).await, (0, true));
        for m in 1..=60 {
            publisher.publish(chunk(m, m % 5 == 0));
            assert!(feed.bytes_kept() <= RETENTION.max_bytes);
            assert_eq!(mark(&mut quick).await, (m, false));
        }
        assert_eq!(mark(&mut slow).await, (60, true));
        assert_eq!(slow.skips(), 1);
        assert_eq!(feed.skips_total(), 1);
    }

    #[tokio::test]
    async fn only_what_somebody_may_need_is_kept() {
        let (feed, publisher) = Feed::new(Retention {
            // Four frames at 25 a second: more than one GOP and less than two.
            history: Duration::from_millis(240),
            ..RETENTION
        });
        let mut slow = feed.subscribe(Join::Newest);
        for m in 0..=15 {
            publisher.publish(chunk(m, m % 5 == 0));
        }
        // Nobody is behind: the newest GOP (15) and the one before it (10).
        assert_eq!(feed.bytes_kept(), 6 * 188);
        assert_eq!(mark(&mut slow).await, (15, true));
        for m in 16..=20 {
            publisher.publish(chunk(m, m % 5 == 0));
        }
        // What it has not read yet is within the history.
        assert_eq!(feed.bytes_kept(), 6 * 188);
        for m in 21..=22 {
            publisher.publish(chunk(m, false));
        }
        assert_eq!(mark(&mut slow).await, (16, false));
        // It is behind: kept for it, up to the bound for laggards.
        for m in 23..=30 {
            publisher.publish(chunk(m, m % 5 == 0));
            assert!(feed.bytes_kept() <= RETENTION.max_bytes);
        }
        assert_eq!(slow.skips(), 0);
        drop(slow);
        publisher.publish(chunk(31, false));
        assert_eq!(feed.bytes_kept(), 7 * 188);
    }

    #[tokio::test]
    async fn a_gop_larger_than_the_ring_makes_joiners_wait_for_the_next() {
        let (feed, publisher) = Feed::new(RETENTION);
        publisher.publish(chunk(0, true));
        for m in 1..100 {
            publisher.publish(chunk(m, false));
        }
        assert!(!feed.has_keyframe());
        assert!(feed.bytes_kept() <= RETENTION.max_bytes);
        let mut joiner = feed.subscribe(Join::Newest);
        publisher.publish(chunk(100, true));
        assert_eq!(mark(&mut joiner).await, (100, true));
    }

    #[tokio::test]
    async fn a_waiting_subscriber_is_woken() {
        let (feed, publisher) = Feed::new(RETENTION);
        let mut subscription = feed.subscribe(Join::Newest);
        let reader = tokio::spawn(async move { mark(&mut subscription).await });
        tokio::task::yield_now().await;
        publisher.publish(chunk(7, true));
        assert_eq!(reader.await.expect("joined"), (7, true));
    }
    #[tokio::test]
    async fn a_feed_that_nobody_watches_keeps_the_newest_gop_and_of_a_large_one_the_start() {
        let (feed, publisher) = Feed::new(RETENTION);
        for m in 0..=12 {
            publisher.publish(chunk(m, m % 5 == 0));
        }
        assert!(feed.bytes_kept() > 3 * 188);
        publisher.set_retention(Retention {
            max_bytes: 188 * 20,
            lag_bytes: 188 * 20,
            ..Retention::SCANNED
        });
        assert_eq!(feed.bytes_kept(), 3 * 188);
        let marks = || -> Vec<u8> {
            let gop = feed.newest_gop();
            gop.chunks.iter().map(|chunk| chunk.data[0]).collect()
        };
        assert_eq!(marks(), [10, 11, 12]);
        publisher.publish(chunk(13, true));
        for m in 14..100 {
            publisher.publish(chunk(m, false));
            assert!(feed.bytes_kept() <= 188 * 20);
        }
        assert!(feed.newest_gop().cut && !feed.has_keyframe());
        assert_eq!(marks(), (13..33).collect::<Vec<u8>>());
        assert_eq!(feed.bytes_kept(), 188 * 20, "the start, and nothing else");
        publisher.publish(chunk(100, true));
        assert_eq!(marks(), [100]);
        assert!(!feed.newest_gop().cut);
        publisher.clear();
        assert!(marks().is_empty() && !feed.has_keyframe());
        publisher.publish(chunk(101, false));
        let mut joiner = feed.subscribe(Join::Newest);
        publisher.publish(chunk(102, true));
        assert_eq!(mark(&mut joiner).await, (102, true));
    }
}
