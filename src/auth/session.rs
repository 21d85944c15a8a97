//! Sessions of people who have logged in. They are in memory only: a server that is started again asks anew.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;

use super::name::UserName;
use super::token::Digest;

/// Sessions in all; the one that was unused for longest goes for a new one.
const MOST: usize = 10_000;
/// Sessions of one user, as many browsers as a person has.
const MOST_OF_USER: usize = 32;

/// What a browser has of its session.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(String);

impl SessionKey {
    /// A key of these bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(BASE64URL_NOPAD.encode(&random))
    }

    /// Its text, for a cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey")
    }
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Without a request.
    pub idle: Duration,
    /// In all.
    pub age: Duration,
}

#[derive(Clone, Debug)]
struct Session {
    user: UserName,
    stamp: Digest,
    began: Instant,
    used: Instant,
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    lifetimes: Lifetimes,
    held: HashMap<Digest, Session>,
}

impl Sessions {
    /// None yet.
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            held: HashMap::new(),
        }
    }

    /// Begins one. `stamp` is that of the password that was given ([`User::stamp`](super::User::stamp)).
    pub fn begin(&mut self, key: Digest, user: UserName, stamp: Digest, now: Instant) {
        let own = self.held.values().filter(|one| one.user == user).count();
        if own >= MOST_OF_USER {
            self.forget_oldest(|one| one.user == user);
        }
        if self.held.len() >= MOST {
            self.expire(now);
        }
        if self.held.len() >= MOST {
            self.forget_oldest(|_| true);
        }
        let session = Session {
            user,
            stamp,
            began: now,
            used: now,
        };
        self.held.insert(key, session);
    }

    /// Whose session it is, and the stamp of the password it began with; this counts as a use.
    pub fn find(&mut self, key: &Digest, now: Instant) -> Option<(UserName, Digest)> {
        let lifetimes = self.lifetimes;
        let session = self.held.get_mut(key)?;
        if lifetimes.over(session, now) {
            self.held.remove(key);
            return None;
        }
        session.used = now;
        Some((session.user.clone(), session.stamp))
    }

    /// Ends one; whether it was there.
    pub fn end(&mut self, key: &Digest) -> bool {
        self.held.remove(key).is_some()
    }

    /// Ends those of a user.
    pub fn end_of(&mut self, user: &UserName) {
        self.held.retain(|_, session| session.user != *user);
    }

    /// Forgets those that are over.
    pub fn expire(&mut self, now: Instant) {
        let lifetimes = self.lifetimes;
        self.held.retain(|_, session| !lifetimes.over(session, now));
    }

    /// How long one that begins now lasts at most.
    pub fn age(&self) -> Duration {
        self.lifetimes.age
    }

    fn forget_oldest(&mut self, of: impl Fn(&Session) -> bool) {
        let those = self.held.iter().filter(|(_, session)| of(session));
        let oldest = those.min_by_key(|(_, session)| session.used);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.held.remove(&key);
        }
    }
}

impl Lifetimes {
    fn over(self, session: &Session, now: Instant) -> bool {
        now.saturating_duration_since(session.used) >= self.idle
            || now.saturating_duration_since(session.began) >= self.age
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    const LIFETIMES: Lifetimes = Lifetimes {
        idle: Duration::from_secs(10),
        age: Duration::from_secs(25),
    };

    fn key(n: u32) -> Digest {
        Digest::of(&n.to_be_bytes())
    }

    fn ada() -> UserName {
        UserName::parse("ada").expect("a name")
    }

    #[test]
    fn sessions_end_by_idleness_by_age_and_by_word() {
        let mut sessions = Sessions::new(LIFETIMES);
        let start = clock::now();
        let at = |second| start + Duration::from_secs(second);
        sessions.begin(key(1), ada(), key(0), at(0));
        assert_eq!(sessions.find(&key(2), at(0)), None);
        for second in [9, 18, 24] {
            let found = sessions.find(&key(1), at(second));
            assert_eq!(found, Some((ada(), key(0))), "{second}");
        }
        assert_eq!(sessions.find(&key(1), at(25)), None, "too old");
        sessions.begin(key(2), ada(), key(0), at(30));
        assert_eq!(sessions.find(&key(2), at(40)), None, "idle");
        sessions.begin(key(3), ada(), key(0), at(50));
        assert!(sessions.end(&key(3)) && !sessions.end(&key(3)));
        sessions.begin(key(4), ada(), key(0), at(50));
        sessions.end_of(&ada());
        assert_eq!(sessions.find(&key(4), at(50)), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut sessions = Sessions::new(LIFETIMES);
        let now = clock::now();
        for n in 0..40 {
            let at = now + Duration::from_millis(n.into());
            sessions.begin(key(n), ada(), key(0), at);
        }
        assert_eq!(sessions.held.len(), MOST_OF_USER);
        let late = now + Duration::from_secs(1);
        assert!(sessions.find(&key(39), late).is_some() && sessions.find(&key(7), late).is_none());
        for n in 0..MOST as u32 + 5 {
            let user = UserName::parse(&format!("u{}", n / 16)).expect("a name");
            sessions.begin(key(1_000 + n), user, key(0), late);
        }
        assert_eq!(sessions.held.len(), MOST);
    }
}
