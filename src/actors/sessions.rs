//! Who watches: one session per viewer and rendition, with limits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::output::OutputKey;
use super::plan::RenditionKey;
use crate::base::clock;
use crate::base::ids::{ClientId, SessionId};
use crate::stream::StreamId;

/// How a session receives its media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Progressive MPEG-TS over one connection.
    Ts,
    /// HLS.
    Hls,
}

/// Who watches, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// As whom they were let in: their name in the audit log.
    pub name: String,
    /// Where they come from.
    pub address: IpAddr,
    /// What their player calls itself.
    pub user_agent: Option<String>,
}

/// One viewer's use of one rendition.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The stream.
    pub stream: StreamId,
    /// Who watches.
    pub viewer: Viewer,
    /// TS or HLS.
    pub format: Format,
    /// When it began.
    pub started_at: jiff::Timestamp,
    started: Instant,
    state: Mutex<State>,
    bytes: AtomicU64,
    cancel: CancellationToken,
}

#[derive(Debug)]
struct State {
    rendition: Option<RenditionKey>,
    last_seen: Instant,
}

/// Limits on sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Of one client.
    pub per_client: usize,
    /// Of all.
    pub total: usize,
}

/// Why there is no session for a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefused {
    /// The client has as many as it may have.
    #[error("this client already has {limit} sessions, the most it may have")]
    PerClient {
        /// The most.
        limit: usize,
    },
    /// The server has as many as it may have.
    #[error("the server already has {limit} sessions, the most it may have")]
    Total {
        /// The most.
        limit: usize,
    },
}

/// All sessions; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: SessionLimits,
    sessions: Mutex<HashMap<SessionId, Arc<Session>>>,
    ended: Notify,
}

/// A session that ends when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct SessionGuard {
    sessions: Sessions,
    session: Arc<Session>,
}

impl Viewer {
    /// The most of a user agent that is kept, characters.
    const AGENT: usize = 128;

    /// Somebody of whom only the address is known.
    pub fn anybody(address: IpAddr) -> Self {
        Self {
            name: "anybody".to_owned(),
            address,
            user_agent: None,
        }
    }

    /// Whether this is the same one, with whatever player: by the name, and by the client that limits are for.
    pub fn is_also(&self, other: &Self) -> bool {
        self.name == other.name && self.client() == other.client()
    }

    fn client(&self) -> ClientId {
        ClientId::of(self.address)
    }

    fn shortened(mut self) -> Self {
        let agent = self.user_agent.take();
        self.user_agent = agent.map(|text| text.chars().take(Self::AGENT).collect());
        self
    }
}

impl Sessions {
    /// No sessions yet.
    pub fn new(limits: SessionLimits) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                sessions: Mutex::default(),
                ended: Notify::new(),
            }),
        }
    }

    /// Begins a session: the place is taken before anything is started for it. It gets the id
    /// `wanted`, if nobody has it: an HLS player that comes back keeps its URLs.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn begin(
        &self,
        stream: StreamId,
        viewer: Viewer,
        format: Format,
        wanted: Option<SessionId>,
    ) -> Result<SessionGuard, SessionRefused> {
        let limits = self.inner.limits;
        let client = viewer.client();
        let mut sessions = self.lock();
        if sessions.len() >= limits.total {
            return Err(SessionRefused::Total {
                limit: limits.total,
            });
        }
        let same = sessions.values().filter(|s| s.client() == client);
        if same.count() >= limits.per_client {
            let limit = limits.per_client;
            return Err(SessionRefused::PerClient { limit });
        }
        let now = clock::now();
        let wanted = wanted.filter(|id| !sessions.contains_key(id));
        let session = Arc::new(Session {
            id: wanted.unwrap_or_else(SessionId::generate),
            stream,
            viewer: viewer.shortened(),
            format,
            started_at: clock::wall(),
            started: now,
            state: Mutex::new(State {
                rendition: None,
                last_seen: now,
            }),
            bytes: AtomicU64::new(0),
            cancel: CancellationToken::new(),
        });
        sessions.insert(session.id, Arc::clone(&session));
        drop(sessions);
        Ok(SessionGuard {
            sessions: self.clone(),
            session,
        })
    }

    /// All sessions, oldest first.
    pub fn list(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by_key(|s| (s.started_at, s.id));
        all
    }

    /// How many watch each output.
    pub fn by_output(&self) -> HashMap<OutputKey, usize> {
        let mut viewers = HashMap::new();
        for session in self.lock().values() {
            if let Some(key) = session.rendition() {
                *viewers.entry((session.stream.clone(), key)).or_default() += 1;
            }
        }
        viewers
    }

    /// Resolves when a session has ended since it did so last. For one who waits at a time.
    pub async fn ended(&self) {
        self.inner.ended.notified().await;
    }

    /// One session.
    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.lock().get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.inner
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Ends it: its body ends, or its playlist is no longer served.
    pub fn end(&self) {
        self.cancel.cancel();
    }

    /// Resolves when it was ended by somebody.
    pub fn ended(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Who watches.
    pub fn client(&self) -> ClientId {
        self.viewer.client()
    }

    /// When it began, for durations.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The rendition it watches, once that is known.
    pub fn rendition(&self) -> Option<RenditionKey> {
        self.state().rendition.clone()
    }

    /// Sets the rendition it watches.
    pub fn set_rendition(&self, rendition: RenditionKey) {
        self.state().rendition = Some(rendition);
    }

    /// Notes a request of an HLS viewer.
    pub fn touch(&self) {
        self.state().last_seen = clock::now();
    }

    /// Time since the last request.
    pub fn idle(&self) -> Duration {
        self.state().last_seen.elapsed()
    }

    /// Time since the start.
    pub fn duration(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts bytes handed to the viewer.
    pub fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes handed to the viewer.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for SessionGuard {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.session.id);
        self.sessions.inner.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_places_come_back() {
        let sessions = Sessions::new(SessionLimits {
            per_client: 2,
            total: 3,
        });
        let id = StreamId::parse("news").expect("valid");
        let begin = |n: u8| {
            let viewer = Viewer::anybody([192, 0, 2, n].into());
            sessions.begin(id.clone(), viewer, Format::Ts, None)
        };
        let first = begin(1).expect("free");
        let _second = begin(1).expect("free");
        assert_eq!(
            begin(1).expect_err("full"),
            SessionRefused::PerClient { limit: 2 }
        );
        let _other = begin(2).expect("free");
        assert_eq!(
            begin(3).expect_err("full"),
            SessionRefused::Total { limit: 3 }
        );
        drop(first);
        assert!(begin(1).is_ok());
    }
}
