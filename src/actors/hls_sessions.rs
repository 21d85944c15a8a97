//! HLS viewers make requests, not connections: their sessions are held here until they stop.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::hls_output::HlsOutput;
use super::output::OutputKey;
use super::sessions::SessionGuard;
use crate::base::ids::SessionId;
use crate::base::shared::{Lease, Shareable};

/// Ids of ended sessions that are remembered, so that a player which was sent away is not let in
/// again by its next reload.
const REMEMBERED: usize = 1000;
/// A player may take this many target durations from one request to the next.
const TARGETS_BETWEEN_REQUESTS: u32 = 3;

/// What a request of a session finds.
#[derive(Debug)]
pub enum Touched {
    /// Its window.
    Window(Arc<HlsOutput>),
    /// Somebody has ended the session.
    Ended,
    /// There is no such session (any more): the player may begin it anew.
    Unknown,
}

/// The HLS sessions that are alive, each with its lease on a window.
#[derive(Debug, Default)]
pub(super) struct HlsSessions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<SessionId, Held>,
    ended: VecDeque<SessionId>,
}

#[derive(Debug)]
struct Held {
    session: SessionGuard,
    window: Lease<OutputKey, HlsOutput>,
}

impl Held {
    fn idles(&self, most: Duration) -> bool {
        let target = self.window.target_duration().unwrap_or_default();
        self.session.idle() >= most.max(target * TARGETS_BETWEEN_REQUESTS)
    }
}

impl HlsSessions {
    pub(super) fn add(&self, session: SessionGuard, window: Lease<OutputKey, HlsOutput>) {
        let held = Held { session, window };
        let replaced = self.lock().held.insert(held.session.id, held);
        drop(replaced); // outside the lock
    }

    /// Notes a request.
    pub(super) fn touch(&self, id: SessionId, key: &OutputKey) -> Touched {
        let mut state = self.lock();
        if state.ended.contains(&id) {
            return Touched::Ended;
        }
        let Some(held) = state.held.get(&id) else {
            return Touched::Unknown;
        };
        let session = &held.session;
        if session.ended().is_cancelled() {
            return Touched::Ended;
        }
        if session.stream != key.0 || session.rendition().as_ref() != Some(&key.1) {
            return Touched::Unknown;
        }
        if held.window.is_alive() {
            session.touch();
            return Touched::Window(Arc::clone(&held.window));
        }
        // Its window has ended (the source was changed, the conversion failed): it begins anew.
        let over = state.held.remove(&id);
        drop(state);
        drop(over);
        Touched::Unknown
    }

    /// Ends sessions that were ended by somebody, or have made no request for `idle`.
    pub(super) fn expire(&self, idle: Duration) {
        let over: Vec<Held> = {
            let mut state = self.lock();
            let ids: Vec<SessionId> = state
                .held
                .values()
                .filter(|h| h.session.ended().is_cancelled() || h.idles(idle))
                .map(|h| h.session.id)
                .collect();
            ids.iter().filter_map(|id| state.held.remove(id)).collect()
        };
        for held in &over {
            if held.session.ended().is_cancelled() {
                self.remember(held.session.id);
            }
        }
        drop(over); // outside the lock: this may end windows and pipelines
    }

    fn remember(&self, id: SessionId) {
        let mut state = self.lock();
        state.ended.push_back(id);
        if state.ended.len() > REMEMBERED {
            state.ended.pop_front();
        }
    }

    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut self.lock().held);
        drop(all);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
