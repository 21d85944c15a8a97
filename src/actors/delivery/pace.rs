//! Mail leaves in batches with pauses between them, so that a provider does not take it for a flood. Pure.

use std::time::{Duration, Instant};

/// When the next mail may leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    batch: u32,
    pause: Duration,
    left: u32,
    last: Option<Instant>,
}

impl Pace {
    /// So many at a time, and so long between them.
    pub(super) fn new(batch: u32, pause: Duration) -> Self {
        Self {
            batch,
            pause,
            left: batch,
            last: None,
        }
    }

    /// Takes a turn.
    ///
    /// # Errors
    /// When to ask again, if the batch is over.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        // A pause that came by itself counts.
        let over = self.last.map(|last| last + self.pause);
        if over.is_none_or(|over| now >= over) {
            self.left = self.batch;
        }
        if let (0, Some(over)) = (self.left, over) {
            return Err(over);
        }
        self.left = self.left.saturating_sub(1);
        self.last = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_leave_and_then_two_seconds_none() {
        let start = crate::base::clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(10, Duration::from_secs(2));
        for n in 0..10 {
            assert_eq!(pace.take(at(n * 100)), Ok(()));
        }
        assert_eq!(pace.take(at(950)), Err(at(2_900)));
        assert_eq!(pace.take(at(2_899)), Err(at(2_900)));
        for n in 0..10 {
            assert_eq!(pace.take(at(2_900 + n)), Ok(()));
        }
        assert!(pace.take(at(2_910)).is_err());
        assert_eq!(pace.take(at(60_000)), Ok(()));
    }
}
