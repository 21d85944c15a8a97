//! HLS viewers make requests, not connections: their sessions are held here until they stop.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::hls_output::HlsOutput;
use super::hub::OutputKey;
use super::sessions::SessionGuard;
use crate::base::ids::SessionId;
use crate::base::shared::Lease;

/// The HLS sessions that are alive, each with its lease on a window.
#[derive(Debug, Default)]
pub(super) struct HlsSessions {
    held: Mutex<HashMap<SessionId, Held>>,
}

#[derive(Debug)]
struct Held {
    session: SessionGuard,
    _window: Lease<OutputKey, HlsOutput>,
}

impl HlsSessions {
    pub(super) fn add(&self, session: SessionGuard, window: Lease<OutputKey, HlsOutput>) {
        let held = Held {
            session,
            _window: window,
        };
        self.lock().insert(held.session.id, held);
    }

    /// Notes a request; false when the session is gone, was ended, or watches something else.
    pub(super) fn touch(&self, id: SessionId, key: &OutputKey) -> bool {
        let held = self.lock();
        let Some(held) = held.get(&id) else {
            return false;
        };
        let session = &held.session;
        let same = session.stream == key.0 && session.rendition().as_ref() == Some(&key.1);
        let alive = same && !session.ended().is_cancelled();
        if alive {
            session.touch();
        }
        alive
    }

    /// Ends sessions that were ended by somebody, or have made no request for `idle`.
    pub(super) fn expire(&self, idle: Duration) {
        let over: Vec<Held> = {
            let mut held = self.lock();
            let ids: Vec<SessionId> = held
                .values()
                .filter(|h| h.session.ended().is_cancelled() || h.session.idle() >= idle)
                .map(|h| h.session.id)
                .collect();
            ids.iter().filter_map(|id| held.remove(id)).collect()
        };
        drop(over); // outside the lock: this may end windows and pipelines
    }

    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
