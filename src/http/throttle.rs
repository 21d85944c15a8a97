//! Who fails to log in has to wait before the next try, twice as long each time.
//!
//! Failures are counted thrice: by client and name together (a forgotten password), by client (who tries many names), and by
//! name (who tries one from many places). The last makes each wait only for a few seconds, and not those who have logged in
//! from where they are: nobody shall be locked out by others. Pure: time is an argument, names are kept as hashes alone.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::problem::Problem;
use crate::base::ids::ClientId;

/// Counts that are kept at most; further ones take the place of the oldest.
const ROOM: usize = 30_000;
/// Failures are forgotten this long after the last.
const MEMORY: Duration = Duration::from_hours(1);
/// That somebody has logged in from there is remembered this long.
const ACQUAINTANCE: Duration = Duration::from_hours(24 * 30);

/// How failures make wait: so many are free, then a second, doubled by each further one, up to a longest wait.
#[derive(Clone, Copy, Debug)]
struct Rule {
    free: u32,
    longest: Duration,
}

const PAIR: Rule = Rule {
    free: 5,
    longest: Duration::from_mins(15),
};
/// There may be many people behind one address.
const CLIENT: Rule = Rule {
    free: 20,
    longest: Duration::from_mins(15),
};
const NAME: Rule = Rule {
    free: 50,
    longest: Duration::from_secs(10),
};

impl Rule {
    fn wait(self, failures: u32) -> Duration {
        let Some(over) = failures.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        Duration::from_secs(1 << over.min(30)).min(self.longest)
    }
}

/// Has to wait, for this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) retry_after: Duration,
}

impl From<Wait> for Problem {
    fn from(wait: Wait) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many requests",
            "this was asked for too often; Retry-After tells when to come back",
        )
        .retry(wait.retry_after)
    }
}

/// The failed logins of late. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct LoginThrottle(Arc<Mutex<Book>>);

impl LoginThrottle {
    /// Lets a client try to log in under a name.
    ///
    /// The try counts as failed from now on, so that who makes many at once gains nothing by it;
    /// [`Attempt::succeeded`] takes that back.
    ///
    /// # Errors
    /// How long to wait. What is asked for meanwhile does not make it longer.
    pub(super) fn attempt(
        &self,
        client: ClientId,
        name: &str,
        now: Instant,
    ) -> Result<Attempt, Wait> {
        let mut book = self.book();
        let name = book.hasher.hash_one(name);
        book.attempt(client, name, now)?;
        Ok(Attempt {
            throttle: self.clone(),
            client,
            name,
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A try to log in. One that is dropped has failed.
#[derive(Debug)]
#[must_use = "a try that is not told to have succeeded has failed"]
pub(super) struct Attempt {
    throttle: LoginThrottle,
    client: ClientId,
    name: u64,
}

impl Attempt {
    /// It was the right password.
    pub(super) fn succeeded(self, now: Instant) {
        let mut book = self.throttle.book();
        book.take_back(self.client, self.name);
        let pair = book.tally(Key::Pair(self.client, self.name), now);
        pair.failures = 0;
        pair.known = true;
    }

    /// Nobody has looked whether it was.
    pub(super) fn taken_back(self) {
        let mut book = self.throttle.book();
        book.take_back(self.client, self.name);
    }
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Pair(ClientId, u64),
    Client(ClientId),
    Name(u64),
}

impl Key {
    fn rule(self) -> Rule {
        match self {
            Self::Pair(..) => PAIR,
            Self::Client(_) => CLIENT,
            Self::Name(_) => NAME,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    failures: u32,
    last: Instant,
    /// This client has logged in under this name.
    known: bool,
}

impl Tally {
    fn lasts(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.last);
        age < if self.known { ACQUAINTANCE } else { MEMORY }
    }

    fn left(&self, rule: Rule, now: Instant) -> Duration {
        let age = now.saturating_duration_since(self.last);
        if age >= MEMORY {
            return Duration::ZERO;
        }
        rule.wait(self.failures).saturating_sub(age)
    }
}

#[derive(Default)]
struct Book {
    tallies: HashMap<Key, Tally>,
    /// Keyed at random: nobody can make a name that counts as another's.
    hasher: RandomState,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("tallies", &self.tallies.len())
            .finish_non_exhaustive()
    }
}

impl Book {
    fn attempt(&mut self, client: ClientId, name: u64, now: Instant) -> Result<(), Wait> {
        let pair = Key::Pair(client, name);
        let known = self.tallies.get(&pair).is_some_and(|it| it.known);
        let keys = [pair, Key::Client(client), Key::Name(name)];
        let judged = if known { &keys[..2] } else { &keys[..] };
        let waits = judged.iter().filter_map(|key| {
            let tally = self.tallies.get(key)?;
            Some(tally.left(key.rule(), now))
        });
        let retry_after = waits.max().unwrap_or_default();
        if !retry_after.is_zero() {
            return Err(Wait { retry_after });
        }
        for key in keys {
            let tally = self.tally(key, now);
            tally.failures = tally.failures.saturating_add(1);
            tally.last = now;
        }
        Ok(())
    }

    fn take_back(&mut self, client: ClientId, name: u64) {
        for key in [
            Key::Pair(client, name),
            Key::Client(client),
            Key::Name(name),
        ] {
            if let Some(tally) = self.tallies.get_mut(&key) {
                tally.failures = tally.failures.saturating_sub(1);
            }
        }
    }

    /// The count of one, with old failures forgotten.
    fn tally(&mut self, key: Key, now: Instant) -> &mut Tally {
        if !self.tallies.contains_key(&key) && self.tallies.len() >= ROOM {
            self.make_room(now);
        }
        let new = Tally {
            failures: 0,
            last: now,
            known: false,
        };
        let tally = self.tallies.entry(key).or_insert(new);
        if now.saturating_duration_since(tally.last) >= MEMORY {
            tally.failures = 0;
        }
        tally
    }

    fn make_room(&mut self, now: Instant) {
        self.tallies.retain(|_, tally| tally.lasts(now));
        while self.tallies.len() >= ROOM {
            // A tenth at a time: one who fills it on purpose must not have each try cost a look at all.
            let mut ages: Vec<_> = self.tallies.values().map(|tally| tally.last).collect();
            let (_, oldest, _) = ages.select_nth_unstable(ROOM / 10);
            let oldest = *oldest;
            self.tallies.retain(|_, tally| tally.last > oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn client(n: u32) -> ClientId {
        ClientId::of(Ipv4Addr::from(n).into())
    }

    /// Fails so often, waiting as long as told: what all that took.
    fn fail(throttle: &LoginThrottle, times: u32, from: impl Fn(u32) -> (u32, String)) -> Duration {
        let start = clock::now();
        let mut now = start;
        for n in 0..times {
            let (who, name) = from(n);
            while let Err(wait) = throttle.attempt(client(who), &name, now) {
                now += wait.retry_after;
            }
        }
        now - start
    }

    #[test]
    fn guessing_is_slow_whatever_is_varied() {
        let one = fail(&LoginThrottle::default(), 100, |_| (1, "admin".to_owned()));
        assert!(one > Duration::from_hours(20), "{one:?}");
        let names = fail(&LoginThrottle::default(), 100, |n| (1, format!("user{n}")));
        assert!(names > Duration::from_hours(15), "{names:?}");
        let clients = fail(&LoginThrottle::default(), 1_000, |n| {
            (n, "admin".to_owned())
        });
        assert!(clients > Duration::from_hours(2), "{clients:?}");
    }

    #[test]
    fn a_few_mistakes_cost_nothing_and_success_forgives_them() {
        let throttle = LoginThrottle::default();
        let now = clock::now();
        for _ in 0..4 {
            for _ in 0..4 {
                drop(throttle.attempt(client(1), "anna", now).expect("free"));
            }
            let attempt = throttle.attempt(client(1), "anna", now).expect("free");
            attempt.succeeded(now);
        }
        // What nobody has looked at does not count.
        for _ in 0..100 {
            throttle
                .attempt(client(2), "otto", now)
                .expect("free")
                .taken_back();
        }
        // An hour later all is forgotten.
        for _ in 0..PAIR.free {
            let _ = throttle.attempt(client(3), "eva", now);
        }
        assert!(throttle.attempt(client(3), "eva", now).is_err());
        assert!(throttle.attempt(client(3), "eva", now + MEMORY).is_ok());
    }

    #[test]
    fn logging_in_oneself_buys_no_guesses() {
        let throttle = LoginThrottle::default();
        let now = clock::now();
        let refused = (0..200).find(|n| {
            if let Ok(own) = throttle.attempt(client(1), "mallory", now) {
                own.succeeded(now);
            }
            throttle
                .attempt(client(1), &format!("user{n}"), now)
                .is_err()
        });
        assert_eq!(refused, Some(CLIENT.free));
    }

    #[test]
    fn nobody_is_locked_out_by_others() {
        let throttle = LoginThrottle::default();
        let now = clock::now();
        throttle
            .attempt(client(1), "anna", now)
            .expect("free")
            .succeeded(now);
        for n in 2..200 {
            let _ = throttle.attempt(client(n), "anna", now);
        }
        let _good = throttle
            .attempt(client(1), "anna", now)
            .expect("she is known here");
        let wait = throttle
            .attempt(client(500), "anna", now)
            .expect_err("under attack");
        assert!(wait.retry_after <= NAME.longest);
    }

    #[test]
    fn tries_at_once_count_each() {
        let throttle = LoginThrottle::default();
        let now = clock::now();
        let under_way: Vec<_> = (0..50)
            .filter_map(|_| throttle.attempt(client(1), "anna", now).ok())
            .collect();
        assert_eq!(under_way.len() as u32, PAIR.free);
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_never_makes_wait_longer_than_the_rule(steps in prop::collection::vec((0u32..6, 0u8..4, 0u64..2_000), 1..300)) {
            let throttle = LoginThrottle::default();
            let mut now = clock::now();
            for (who, name, seconds) in steps {
                now += Duration::from_secs(seconds);
                match throttle.attempt(client(who), &name.to_string(), now) {
                    Ok(attempt) if seconds % 7 == 0 => attempt.succeeded(now),
                    Ok(_) => {}
                    Err(wait) => {
                        prop_assert!(!wait.retry_after.is_zero() && wait.retry_after <= PAIR.longest);
                        // Who waits as told is let in.
                        let then = now + wait.retry_after;
                        let again = throttle.attempt(client(who), &name.to_string(), then);
                        prop_assert!(again.is_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn it_is_bounded() {
        let throttle = LoginThrottle::default();
        let now = clock::now();
        for n in 0..2 * ROOM as u32 {
            let at = now + Duration::from_millis(u64::from(n));
            let _ = throttle.attempt(client(n), &format!("user{n}"), at);
        }
        assert!(throttle.book().tallies.len() <= ROOM);
    }
}
