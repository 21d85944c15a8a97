//! The one-time token that makes the first administrator.

use std::time::{Duration, Instant};

use super::token::Digest;

/// How long it is good for.
const LASTS: Duration = Duration::from_hours(1);

/// The one-time token, until it is used or lapses.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    digest: Digest,
    until: Instant,
}

impl Bootstrap {
    /// One that begins now.
    pub fn new(digest: Digest, now: Instant) -> Self {
        Self {
            digest,
            until: now + LASTS,
        }
    }

    /// Whether it is this one, and still good.
    pub fn opens(&self, digest: Digest, now: Instant) -> bool {
        self.digest == digest && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn it_lapses() {
        let (now, right) = (clock::now(), Digest::of(b"right"));
        let bootstrap = Bootstrap::new(right, now);
        assert!(bootstrap.opens(right, now) && !bootstrap.opens(Digest::of(b"wrong"), now));
        assert!(!bootstrap.opens(right, now + LASTS));
    }
}
