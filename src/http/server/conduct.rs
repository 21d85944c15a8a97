//! How a client behaves on an HTTP/2 connection, beyond what the protocol itself forbids.
//!
//! h2 bounds streams, headers, continuations and its own queues. It does not mind a client that asks and takes back without
//! end (rapid reset: each request costs us work and it nothing), that asks for much and takes nothing of it (a closed
//! window: answers pile up here), or that keeps a connection for nothing.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::Version;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;

use crate::base::clock;
use crate::metrics::TurnedAway;

/// Requests that may be taken back before they are answered in one [`SPELL`]; more are too many if they are also more than
/// were answered.
const RESETS: u32 = 100;
/// How long resets are counted together.
const SPELL: Duration = Duration::from_secs(10);

/// What one connection has done so far.
#[derive(Clone, Debug)]
pub(super) struct Conduct {
    shared: Arc<Shared>,
    idle_timeout: Duration,
    write_timeout: Duration,
}

#[derive(Debug)]
struct Shared {
    /// Requests under way; `None` before the first of HTTP/2.
    under_way: watch::Sender<Option<usize>>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    spell: Instant,
    answered: u32,
    resets: u32,
    /// Answers of which the client has yet to take something, by number, and since when.
    offered: HashMap<u64, Instant>,
    next: u64,
}

impl Conduct {
    /// Of a new connection.
    pub(super) fn new(idle_timeout: Duration, write_timeout: Duration) -> Self {
        let ledger = Ledger {
            spell: clock::now(),
            answered: 0,
            resets: 0,
            offered: HashMap::new(),
            next: 0,
        };
        let shared = Shared {
            under_way: watch::Sender::new(None),
            ledger: Mutex::new(ledger),
        };
        Self {
            shared: Arc::new(shared),
            idle_timeout,
            write_timeout,
        }
    }

    /// A request begins. Those of HTTP/1 come one after the other, and are bounded by other means.
    pub(super) fn begin(&self, version: Version) -> Option<Watched> {
        if version != Version::HTTP_2 {
            return None;
        }
        let under_way = &self.shared.under_way;
        under_way.send_modify(|count| *count = Some(count.unwrap_or(0) + 1));
        let mut ledger = self.shared.ledger();
        let number = ledger.next;
        ledger.next += 1;
        Some(Watched {
            shared: Arc::clone(&self.shared),
            number,
            answered: false,
        })
    }

    /// Ends when the client has done something for which its connection is to be closed.
    pub(super) async fn fault(&self) -> TurnedAway {
        tokio::select! {
            () = self.idle() => TurnedAway::Idle,
            fault = self.abuse() => fault,
        }
    }

    async fn idle(&self) {
        let mut changes = self.shared.under_way.subscribe();
        loop {
            let quiet = *changes.borrow_and_update() == Some(0);
            let changed = changes.changed();
            if !quiet {
                // The sender lives as long as we do.
                let _ = changed.await;
            } else if tokio::time::timeout(self.idle_timeout, changed)
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn abuse(&self) -> TurnedAway {
        let mut changes = self.shared.under_way.subscribe();
        loop {
            // Woken by each request, and now and then for those that hang.
            let pause = self.write_timeout / 4;
            let _ = tokio::time::timeout(pause, changes.changed()).await;
            let fault = self.shared.ledger().judge(clock::now(), self.write_timeout);
            if let Some(fault) = fault {
                return fault;
            }
        }
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn judge(&mut self, now: Instant, write_timeout: Duration) -> Option<TurnedAway> {
        if self.resets > RESETS && self.resets > self.answered {
            return Some(TurnedAway::Resets);
        }
        if now.saturating_duration_since(self.spell) >= SPELL {
            (self.spell, self.answered, self.resets) = (now, 0, 0);
        }
        let stalled = |since: &Instant| now.saturating_duration_since(*since) >= write_timeout;
        let stalled = self.offered.values().any(stalled);
        stalled.then_some(TurnedAway::Stalled)
    }
}

/// A request under way, until its answer has ended.
#[derive(Debug)]
pub(super) struct Watched {
    shared: Arc<Shared>,
    number: u64,
    answered: bool,
}

impl Watched {
    /// Watches over the body of the answer.
    pub(super) fn over(mut self, body: Body) -> Body {
        self.answered = true;
        let mut ledger = self.shared.ledger();
        ledger.answered = ledger.answered.saturating_add(1);
        drop(ledger);
        // hyper asks for the first of it when the client has room for that.
        self.offered(Some(clock::now()));
        Body::new(Answer {
            body,
            watched: self,
        })
    }

    /// The client has been offered something, or has come for more.
    fn offered(&self, since: Option<Instant>) {
        let mut ledger = self.shared.ledger();
        match since {
            Some(since) => {
                ledger.offered.insert(self.number, since);
            }
            None => {
                ledger.offered.remove(&self.number);
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut ledger = self.shared.ledger();
        ledger.offered.remove(&self.number);
        if !self.answered {
            ledger.resets = ledger.resets.saturating_add(1);
        }
        drop(ledger);
        let under_way = &self.shared.under_way;
        under_way.send_modify(|count| *count = Some(count.unwrap_or(1).saturating_sub(1)));
    }
}

/// A body that tells when its client does not come for more. hyper asks for more only when the client has room for it.
struct Answer {
    body: Body,
    watched: Watched,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let offered = matches!(frame, Poll::Ready(Some(Ok(_))));
        self.watched.offered(offered.then(clock::now));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn conduct() -> Conduct {
        Conduct::new(MINUTE, MINUTE)
    }

    fn judged(conduct: &Conduct, later: Duration) -> Option<TurnedAway> {
        let now = clock::now() + later;
        conduct.shared.ledger().judge(now, MINUTE)
    }

    fn ask(conduct: &Conduct) -> Watched {
        conduct.begin(Version::HTTP_2).expect("HTTP/2 is watched")
    }

    #[test]
    fn asking_and_taking_back_is_a_fault_changing_one_s_mind_is_not() {
        let it = conduct();
        assert!(it.begin(Version::HTTP_11).is_none());
        for n in 0..=RESETS {
            assert_eq!(judged(&it, Duration::ZERO), None, "{n}");
            drop(ask(&it));
        }
        assert_eq!(judged(&it, Duration::ZERO), Some(TurnedAway::Resets));
        // A page that loads much and is left soon.
        let it = conduct();
        for _ in 0..2 * RESETS {
            drop(ask(&it));
            drop(ask(&it).over(Body::empty()));
            drop(ask(&it).over(Body::empty()));
            assert_eq!(judged(&it, Duration::ZERO), None);
        }
        // Now and then for a long time.
        let it = conduct();
        for n in 0..10 * RESETS {
            drop(ask(&it));
            assert_eq!(judged(&it, Duration::from_secs(u64::from(n))), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_idle_one_with_is_not() {
        let it = conduct();
        let fault = async |wait| tokio::time::timeout(wait, it.fault()).await.ok();
        // Before the first request it is not ours to judge; nor is HTTP/1.
        assert_eq!(fault(10 * MINUTE).await, None);
        let one = ask(&it).over(Body::empty());
        assert_eq!(fault(10 * MINUTE).await, None);
        drop(one);
        assert_eq!(fault(MINUTE / 2).await, None);
        assert_eq!(fault(MINUTE * 2).await, Some(TurnedAway::Idle));
    }

    #[tokio::test]
    async fn one_that_takes_nothing_has_stalled_one_that_has_nothing_to_take_has_not() {
        let it = conduct();
        let mut waits = ask(&it).over(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, std::convert::Infallible>,
        >()));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut waits).poll_frame(&mut context).is_pending());
        assert_eq!(judged(&it, 2 * MINUTE), None);
        let mut full = ask(&it).over(Body::from("text"));
        assert_eq!(judged(&it, MINUTE / 2), None);
        assert_eq!(judged(&it, 2 * MINUTE), Some(TurnedAway::Stalled));
        assert!(Pin::new(&mut full).poll_frame(&mut context).is_ready());
        assert_eq!(judged(&it, MINUTE / 2), None);
        assert_eq!(judged(&it, 2 * MINUTE), Some(TurnedAway::Stalled));
        assert!(Pin::new(&mut full).poll_frame(&mut context).is_ready());
        assert_eq!(judged(&it, 2 * MINUTE), None);
    }
}
