//! How much history is kept.

use std::time::Duration;

/// The bounds of the history; what is beyond either of them goes, oldest first, an hour at a time; pictures one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The age; an hour is kept for as long as any of it is younger.
    pub age: Duration,
    /// The size in the store, bytes.
    pub bytes: u64,
    /// The size of all pictures in the store, bytes; they are not part of the other.
    pub picture_bytes: u64,
}

/// Why the oldest hour goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surplus {
    /// It is too old.
    Age,
    /// All of it together is too large.
    Size,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            age: Duration::from_hours(24 * 90),
            bytes: 1_000_000_000,
            picture_bytes: 64_000_000,
        }
    }
}

impl Bounds {
    /// Whether the oldest hour goes: its number, the one that runs now, and what all takes.
    /// The running hour stays, whatever its size.
    pub fn surplus(&self, oldest: u32, current: u32, bytes: u64) -> Option<Surplus> {
        if oldest >= current {
            return None;
        }
        let hours = self.age.as_secs().div_ceil(3_600);
        if u64::from(current - oldest) > hours {
            return Some(Surplus::Age);
        }
        (bytes > self.bytes).then_some(Surplus::Size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_within_the_bounds_stays(
            age in 0..40_u64, limit in 0..100_u64, oldest in 0..100_u32, minute in 0..6_000_u32, bytes in 0..200_u64,
        ) {
            let bounds = Bounds { age: Duration::from_hours(age), bytes: limit, ..Bounds::default() };
            let current = minute / 60;
            let surplus = bounds.surplus(oldest, current, bytes);
            // The age of the youngest minute of that hour.
            let youngest = i64::from(minute) - i64::from(oldest * 60 + 59);
            if youngest < (age * 60).cast_signed() && bytes <= limit {
                prop_assert_eq!(surplus, None);
            }
            if i64::from(minute) - i64::from((oldest + 1) * 60) >= (age * 60 + 60).cast_signed() {
                prop_assert_eq!(surplus, Some(Surplus::Age));
            }
            if oldest < current && bytes > limit {
                prop_assert!(surplus.is_some());
            }
        }
    }
}
