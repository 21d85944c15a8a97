//! Growing pauses between attempts. Pure.

use std::time::Duration;

/// A pull that flowed this long was a success: the next failure starts from the shortest pause.
/// Shorter ones do not count, so that a source that accepts and drops is not hammered.
pub const HEALTHY: Duration = Duration::from_secs(10);

/// Pauses that double from `min` to `max`.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses between `min` and `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            failures: 0,
        }
    }

    /// The pause after an attempt in which media flowed for `flowed`. `jitter` in 0.0..=1.0
    /// spreads the attempts of many streams of one provider over half the pause.
    pub fn after(&mut self, flowed: Duration, jitter: f64) -> Duration {
        if flowed >= HEALTHY {
            self.failures = 0;
        }
        let factor = 2u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let pause = self.min.saturating_mul(factor).min(self.max);
        pause.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_bound_and_only_a_healthy_pull_resets_them() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(500), ms(30_000));
        let mut pauses: Vec<_> = (0..4).map(|_| backoff.after(ms(9_999), 1.0)).collect();
        assert_eq!(pauses, [ms(500), ms(1000), ms(2000), ms(4000)]);
        pauses = (0..9).map(|_| backoff.after(ms(0), 1.0)).collect();
        assert_eq!(pauses.last(), Some(&ms(30_000)));
        assert_eq!(backoff.after(ms(10_000), 1.0), ms(500));
        assert_eq!(backoff.after(ms(0), 0.0), ms(500), "half of a second");
    }
}
