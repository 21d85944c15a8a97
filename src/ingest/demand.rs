//! What is asked of a pull: all media at the pace of viewers, all of it as it comes, or a look now and then.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot, watch};

use super::error::IngestError;
use crate::ts::{Chunk, Tracks};

/// Looks that wait at a time; of more the oldest are given up.
const WAITERS: usize = 16;

/// How much of a source is wanted, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// For viewers: the best variant, paced, and kept for who joins.
    #[default]
    Watched,
    /// All media of the cheapest variant that fits, as it comes. The newest GOP is kept; of segmented
    /// sources, which begin anew for whoever joins, only while somebody looks at it.
    Scanned,
    /// Of segmented sources only the playlists, and a segment when a [look](Looks) is asked for. Of
    /// all others the same as [`Demand::Scanned`].
    Sampled,
}

/// What a look at a source brought.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// A keyframe and what follows it, as much as there was: at most a MiB of a source that nobody
    /// watches.
    pub chunks: Arc<[Chunk]>,
    /// What the source carries, if that is known.
    pub tracks: Option<Arc<Tracks>>,
    /// Of what flows, the keyframe's number in the feed: who looks again may find the same.
    pub number: Option<u64>,
}

/// What a look comes to: `None` when media flows anyway, and is to be taken from the feed.
pub type Looked = Result<Option<Look>, Arc<IngestError>>;

/// The looks that are asked for at a source that is sampled.
#[derive(Debug, Default)]
pub struct Looks {
    state: Mutex<State>,
    /// A look has become due.
    asked: Notify,
    /// Who looks at what flows.
    readers: AtomicUsize,
    /// The last of them has gone.
    left: Notify,
}

/// Somebody looks at what flows.
#[derive(Debug)]
#[must_use]
pub struct Keeping(Arc<Looks>);

impl Drop for Keeping {
    fn drop(&mut self) {
        if self.0.readers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.left.notify_one();
        }
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<oneshot::Sender<Looked>>,
    /// The source failed: a look has to succeed before it counts as live again.
    doubted: bool,
}

/// What is asked of one pull, as its puller and its pump see it.
#[derive(Clone, Debug)]
pub struct Asked {
    demand: watch::Receiver<Demand>,
    looks: Arc<Looks>,
    alternatives: bool,
}

impl Looks {
    /// Asks for a look.
    pub fn ask(&self) -> oneshot::Receiver<Looked> {
        let (waiter, answer) = oneshot::channel();
        let mut state = self.state();
        state.waiting.retain(|waiter| !waiter.is_closed());
        if state.waiting.len() >= WAITERS {
            state.waiting.remove(0);
        }
        state.waiting.push(waiter);
        drop(state);
        self.asked.notify_one();
        answer
    }

    /// Until the guard is dropped, what flows is kept to be looked at.
    pub fn keep(self: &Arc<Self>) -> Keeping {
        self.readers.fetch_add(1, Ordering::Relaxed);
        Keeping(Arc::clone(self))
    }

    /// Whether somebody looks at what flows.
    pub fn are_kept_for(&self) -> bool {
        self.readers.load(Ordering::Relaxed) > 0
    }

    /// Resolves when the last who looked has gone, perhaps some time ago.
    pub async fn left(&self) {
        self.left.notified().await;
    }

    /// The source failed: the next attempt has to prove itself by a look.
    pub fn doubt(&self) {
        self.state().doubted = true;
        self.asked.notify_one();
    }

    /// Whether a look is wanted.
    pub fn are_due(&self) -> bool {
        let state = self.state();
        state.doubted || state.waiting.iter().any(|waiter| !waiter.is_closed())
    }

    /// Resolves when a look is wanted.
    pub async fn due(&self) {
        while !self.are_due() {
            // One that was asked for in between has left a permit.
            self.asked.notified().await;
        }
    }

    /// Answers all who wait.
    pub fn answer(&self, looked: &Looked) {
        let waiting = {
            let mut state = self.state();
            state.doubted = false;
            std::mem::take(&mut state.waiting)
        };
        for waiter in waiting {
            // Who has gone away needs no answer.
            let _ = waiter.send(looked.clone());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete in itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// By this demand, as it changes, and these looks. `alternatives`: the stream has other sources.
    pub fn new(demand: watch::Receiver<Demand>, looks: Arc<Looks>, alternatives: bool) -> Self {
        Self {
            demand,
            looks,
            alternatives,
        }
    }

    /// The demand now.
    pub fn demand(&self) -> Demand {
        *self.demand.borrow()
    }

    /// Resolves with the first demand that `wanted` picks, which may be the one of now.
    pub async fn demands(&self, mut wanted: impl FnMut(Demand) -> bool) -> Demand {
        let mut demand = self.demand.clone();
        let found = demand.wait_for(|demand| wanted(*demand)).await;
        let found = found.ok().map(|found| *found);
        match found {
            Some(found) => found,
            // Nobody changes it any more.
            None => std::future::pending().await,
        }
    }

    /// Whether the stream has other sources.
    pub fn has_alternatives(&self) -> bool {
        self.alternatives
    }

    /// The looks.
    pub fn looks(&self) -> &Looks {
        &self.looks
    }
}

/// All media, for ever.
impl Default for Asked {
    fn default() -> Self {
        Self::new(watch::channel(Demand::Watched).1, Arc::default(), false)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_look_is_due_while_somebody_waits_for_it() {
        let looks = Looks::default();
        assert!(looks.due().now_or_never().is_none());
        let (first, second) = (looks.ask(), looks.ask());
        looks.due().await;
        drop(first);
        assert!(looks.are_due());
        looks.answer(&Ok(None));
        assert!(matches!(second.await, Ok(Ok(None))));
        assert!(!looks.are_due());
        drop(looks.ask());
        assert!(looks.due().now_or_never().is_none(), "nobody waits for it");
        looks.doubt();
        looks.due().await;
    }

    #[tokio::test]
    async fn of_too_many_looks_the_oldest_are_given_up() {
        let looks = Looks::default();
        let mut all: Vec<_> = (0..WAITERS + 3).map(|_| looks.ask()).collect();
        let given_up = |answer: &mut oneshot::Receiver<Looked>| {
            answer
                .try_recv()
                .is_err_and(|e| e == oneshot::error::TryRecvError::Closed)
        };
        assert_eq!(
            all.iter_mut()
                .filter_map(|a| given_up(a).then_some(()))
                .count(),
            3
        );
    }
}
