//! When a failed delivery is tried again. Pure.

use std::time::Duration;

use crate::alerts::NotificationId;

/// How patiently deliveries are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first pause.
    pub min: Duration,
    /// The longest pause.
    pub max: Duration,
    /// A notification that is older than this when it fails is given up.
    pub give_up: Duration,
}

impl Retry {
    /// The pause after so many failed attempts, from 1: doubled each time, and cut by up to a third so that those that
    /// failed together do not come back together. The same notification waits the same time in each run.
    pub fn pause(&self, id: NotificationId, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let whole = self.min.saturating_mul(1 << doublings).min(self.max);
        let seed = u128::from(id.0) as u64 ^ u64::from(attempts).rotate_left(32);
        let share = f64::from((mix(seed) >> 32) as u32) / f64::from(u32::MAX);
        whole.mul_f64(1.0 - share / 3.0)
    }
}

/// Spreads a number over all bits (the finaliser of `SplitMix64`).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_differ() {
        let retry = Retry {
            min: Duration::from_secs(10),
            max: Duration::from_mins(5),
            give_up: Duration::from_hours(24),
        };
        let ids = (0..100).map(|n: u128| NotificationId(ulid::Ulid::from(n << 3)));
        let mut different = std::collections::BTreeSet::new();
        for id in ids {
            for (attempts, whole) in [
                (1, 10),
                (2, 20),
                (3, 40),
                (6, 300),
                (40, 300),
                (u32::MAX, 300),
            ] {
                let pause = retry.pause(id, attempts);
                let whole = Duration::from_secs(whole);
                assert!(
                    (whole.mul_f64(0.66)..=whole).contains(&pause),
                    "{attempts}: {pause:?}"
                );
                assert_eq!(pause, retry.pause(id, attempts));
            }
            different.insert(retry.pause(id, 1));
        }
        assert!(different.len() > 95);
    }
}
