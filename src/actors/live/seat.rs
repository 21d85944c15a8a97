//! The place of one who follows.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Live;
use super::shelf::SNAPSHOT_AGE;
use crate::live::{Filter, Message, Resync, Start};
use crate::metrics::{self, LiveClient};

/// How a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Server-sent events.
    Sse,
    /// WebSocket.
    WebSocket,
}

/// The place of one who follows; free for another when dropped.
#[must_use]
#[derive(Debug)]
pub struct Seat {
    live: Live,
    filter: Arc<Filter>,
    /// What it knows; `None` for one that is to be told everything.
    cursor: Option<u64>,
    moved: watch::Receiver<u64>,
    counted: LiveClient,
    _permit: OwnedSemaphorePermit,
}

impl Transport {
    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }
}

impl Seat {
    pub(super) fn new(
        live: Live,
        transport: Transport,
        filter: Arc<Filter>,
        since: Option<&str>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let start = live.inner.state().journal.start(since, &filter);
        let cursor = match start {
            Start::After(seq) => Some(seq),
            Start::Snapshot(why) => {
                why.into_iter().for_each(metrics::live_resync);
                None
            }
        };
        Self {
            cursor,
            moved: live.inner.moved.subscribe(),
            live,
            filter,
            counted: metrics::live_client(transport.as_str()),
            _permit: permit,
        }
    }

    /// Waits for what it is to be told next. What it has not taken in time is told as one change; if it has missed
    /// more than is remembered, everything is told anew. Cancel-safe.
    pub async fn next(&mut self) -> Arc<Message> {
        loop {
            self.moved.borrow_and_update();
            if let Some(message) = self.take() {
                return message;
            }
            if self.moved.changed().await.is_err() {
                // Nobody looks any more: the server stops, and says so elsewhere.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Where it is, as text, if it knows anything.
    pub fn id(&self) -> Option<String> {
        let mut position = self.live.inner.state().journal.position(&self.filter);
        position.seq = self.cursor?;
        Some(position.to_string())
    }

    /// Counts bytes that were handed over for it.
    pub fn sent(&self, bytes: usize) {
        self.counted.sent(bytes);
    }

    /// The updates that it belongs to.
    pub fn live(&self) -> &Live {
        &self.live
    }

    fn take(&mut self) -> Option<Arc<Message>> {
        let mut state = self.live.inner.state();
        if !state.is_fresh(crate::base::clock::now()) {
            return None;
        }
        let now = state.journal.seq();
        let known = self.cursor.filter(|seq| state.journal.remembers(*seq));
        if let Some(since) = known {
            let message = state.delta(since, &self.filter);
            self.cursor = Some(now);
            return message;
        }
        if let Some(since) = self.cursor {
            let kept_up = since + 1 == now;
            metrics::live_resync(if kept_up { Resync::Gap } else { Resync::Slow });
        }
        let message = state.snapshot(&self.filter, SNAPSHOT_AGE);
        self.cursor = Some(message.seq());
        Some(message)
    }
}
