//! How often each client, and each token, may ask.
//!
//! The sums are governor's (GCRA: a rate with a burst on top, one time stamp for each who asks). Its own stores grow with
//! who asks; this one has room for so many, and those who come when it is full share one place.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, MonotonicClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;

use super::AppState;
use super::client::Client;
use super::door::covered;
use super::problem::Problem;
use super::throttle::Wait;
use crate::base::ids::ClientId;
use crate::config;
use crate::metrics::{self, TurnedAway};

/// Who is known by a place of its own, at most.
const ROOM: usize = 50_000;
/// The places are looked through for ones to give away this often at most.
const TIDY: Duration = Duration::from_secs(1);

/// Refuses who asks too often.
pub(super) async fn limit(
    State(app): State<Arc<AppState>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    match app.door.rates.client(client.address) {
        Ok(()) => next.run(request).await,
        Err(wait) => Problem::from(wait).into_response(),
    }
}

/// The limits of all.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    clients: Option<Limit<ClientId>>,
    tokens: Option<Limit<String>>,
    unlimited: Vec<IpNet>,
}

impl RateLimits {
    /// As configured.
    pub(super) fn new(config: &config::Door) -> Self {
        Self {
            clients: Limit::new(
                config.client_rate,
                config.client_burst,
                ROOM,
                MonotonicClock,
            ),
            tokens: Limit::new(config.token_rate, config.token_burst, ROOM, MonotonicClock),
            unlimited: config.unlimited_clients.clone(),
        }
    }

    /// A client asks.
    fn client(&self, address: IpAddr) -> Result<(), Wait> {
        match &self.clients {
            Some(limit) if !covered(&self.unlimited, address) => limit
                .ask(&ClientId::of(address))
                .inspect_err(|_| metrics::turned_away(TurnedAway::ClientRate)),
            _ => Ok(()),
        }
    }

    /// Somebody asks with a token, known by this name, wherever from.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn token(&self, name: &str) -> Result<(), Wait> {
        let Some(limit) = &self.tokens else {
            return Ok(());
        };
        limit
            .ask(&name.to_owned())
            .inspect_err(|_| metrics::turned_away(TurnedAway::TokenRate))
    }
}

/// One limit, for each who is known by a `K`.
struct Limit<K: Clone + Eq + Hash, C: Clock + Clone = MonotonicClock> {
    room: usize,
    limiter: RateLimiter<K, Places<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    tidied: Mutex<C::Instant>,
}

impl<K: Clone + Eq + Hash, C: Clock + Clone> fmt::Debug for Limit<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").finish_non_exhaustive()
    }
}

impl<K: Clone + Eq + Hash, C: Clock + Clone> Limit<K, C> {
    /// So many per second, with a burst of so many; `None` for no limit.
    fn new(rate: u32, burst: u32, room: usize, clock: C) -> Option<Self> {
        let quota = Quota::per_second(NonZeroU32::new(rate)?);
        let quota = quota.allow_burst(NonZeroU32::new(burst)?);
        let places = Places {
            room,
            inner: Mutex::default(),
        };
        Some(Self {
            room,
            tidied: Mutex::new(clock.now()),
            limiter: RateLimiter::new(quota, places, clock.clone()),
            clock,
        })
    }

    fn ask(&self, key: &K) -> Result<(), Wait> {
        if self.limiter.len() >= self.room {
            self.tidy();
        }
        self.limiter.check_key(key).map_err(|refusal| Wait {
            retry_after: refusal.wait_time_from(self.clock.now()),
        })
    }

    /// Gives away the places of those who have been quiet for long enough.
    fn tidy(&self) {
        let now = self.clock.now();
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if Duration::from(now.duration_since(*tidied)) >= TIDY {
            *tidied = now;
            self.limiter.retain_recent();
        }
    }
}

/// A time stamp for each who has asked of late.
struct Places<K> {
    room: usize,
    inner: Mutex<Inner<K>>,
}

struct Inner<K> {
    own: HashMap<K, u64>,
    /// Of all who found no place.
    shared: Option<u64>,
}

impl<K> Default for Inner<K> {
    fn default() -> Self {
        Self {
            own: HashMap::new(),
            shared: None,
        }
    }
}

impl<K> Places<K> {
    fn lock(&self) -> MutexGuard<'_, Inner<K>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> StateStore for Places<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut inner = self.lock();
        if let Some(stamp) = inner.own.get_mut(key) {
            let (told, next) = judge(Some(Nanos::from(*stamp)))?;
            *stamp = next.as_u64();
            return Ok(told);
        }
        if inner.own.len() >= self.room {
            let (told, next) = judge(inner.shared.map(Nanos::from))?;
            inner.shared = Some(next.as_u64());
            return Ok(told);
        }
        let (told, next) = judge(None)?;
        inner.own.insert(key.clone(), next.as_u64());
        Ok(told)
    }
}

impl<K: Clone + Eq + Hash> ShrinkableKeyedStateStore<K> for Places<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let drop_below = drop_below.as_u64();
        self.lock().own.retain(|_, stamp| *stamp > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.lock().own.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.lock().own.len()
    }

    fn is_empty(&self) -> bool {
        self.lock().own.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    #[test]
    fn a_burst_then_the_rate_each_for_itself() {
        let clock = FakeRelativeClock::default();
        let limit = Limit::new(10, 50, ROOM, clock.clone()).expect("a limit");
        let asked = |who: u8| (0..1_000).filter(|_| limit.ask(&who).is_ok()).count();
        assert_eq!(asked(1), 50);
        assert_eq!(asked(2), 50);
        clock.advance(Duration::from_secs(2));
        assert_eq!(asked(1), 20);
        let wait = limit.ask(&1).expect_err("too often");
        assert!(wait.retry_after <= Duration::from_millis(100), "{wait:?}");
        // Who waits as told is let in.
        clock.advance(wait.retry_after);
        assert_eq!(limit.ask(&1), Ok(()));
        assert!(Limit::<u8, _>::new(0, 50, ROOM, clock).is_none());
    }

    #[test]
    fn it_is_bounded_and_crowds_share_what_is_left() {
        let clock = FakeRelativeClock::default();
        let limit = Limit::new(10, 5, 100, clock.clone()).expect("a limit");
        let let_in = (0..10_000u32).filter(|who| limit.ask(who).is_ok()).count();
        assert_eq!(let_in, 100 + 5);
        assert_eq!(limit.limiter.len(), 100);
        // Those who had a place still have it.
        assert_eq!(limit.ask(&7), Ok(()));
        // Places come free when the crowd is quiet.
        clock.advance(Duration::from_secs(2));
        assert_eq!(limit.ask(&20_000), Ok(()));
        assert_eq!(limit.limiter.len(), 1);
    }
}
