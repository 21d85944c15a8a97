//! Passwords that were right a moment ago: a player that sends one with each request (RFC 7617) must not cost a slow
//! hash each time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ring::hmac;

use super::name::UserName;
use super::password::Password;
use super::token::Digest;

/// The most that are remembered.
const MOST: usize = 1_024;
/// How long one is that nobody shows again.
const LASTS: Duration = Duration::from_mins(15);

/// Passwords that were right a moment ago, under a key that is never written anywhere.
#[derive(Debug)]
pub struct Verified {
    key: hmac::Key,
    held: HashMap<Vec<u8>, (Digest, Instant)>,
}

impl Verified {
    /// None yet.
    pub fn new(random: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &random),
            held: HashMap::new(),
        }
    }

    /// Remembers that this was the password of the user's hash with this stamp.
    pub fn remember(&mut self, name: &UserName, password: &Password, stamp: Digest, now: Instant) {
        if self.held.len() >= MOST {
            self.held.retain(|_, (_, until)| *until > now);
        }
        if self.held.len() >= MOST {
            // Whoever comes again is verified again.
            self.held.clear();
        }
        let tag = self.tag(name, password);
        self.held.insert(tag, (stamp, now + LASTS));
    }

    /// Whether it is known to be the password of the hash with this stamp; then it is known for longer. Who plays on has
    /// not to be slowed down for others behind the same address who show wrong ones.
    pub fn knows(
        &mut self,
        name: &UserName,
        password: &Password,
        stamp: Digest,
        now: Instant,
    ) -> bool {
        let tag = self.tag(name, password);
        let held = self.held.get_mut(&tag);
        let Some((_, until)) = held.filter(|(kept, until)| *kept == stamp && *until > now) else {
            return false;
        };
        *until = now + LASTS;
        true
    }

    fn tag(&self, name: &UserName, password: &Password) -> Vec<u8> {
        let mut message = name.as_str().as_bytes().to_vec();
        // No name holds it.
        message.push(0);
        message.extend_from_slice(password.as_bytes());
        hmac::sign(&self.key, &message).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn only_what_was_right_and_not_for_long() {
        let mut verified = Verified::new([1; 32]);
        let now = clock::now();
        let (ada, bob) = (
            UserName::parse("ada").expect("a"),
            UserName::parse("bob").expect("b"),
        );
        let (right, wrong) = (Password::new("right"), Password::new("wrong"));
        let (stamp, other) = (Digest::of(b"1"), Digest::of(b"2"));
        verified.remember(&ada, &right, stamp, now);
        assert!(verified.knows(&ada, &right, stamp, now));
        assert!(!verified.knows(&ada, &wrong, stamp, now));
        assert!(!verified.knows(&bob, &right, stamp, now));
        assert!(!verified.knows(&ada, &right, other, now), "it was changed");
        let late = now + LASTS * 3 / 4;
        assert!(verified.knows(&ada, &right, stamp, late));
        assert!(verified.knows(&ada, &right, stamp, late + LASTS / 2));
        assert!(!verified.knows(&ada, &right, stamp, late + LASTS * 2));
        for n in 0..3 * MOST {
            verified.remember(&ada, &Password::new(n.to_string()), stamp, now);
        }
        assert!(verified.held.len() <= MOST);
    }
}
