//! Arithmetic on 33-bit 90 kHz time stamps.

use super::Ticks;

/// Where PTS, DTS and PCR base wrap: after 26.5 hours.
pub(crate) const WRAP: u64 = 1 << 33;
/// One second.
pub(super) const SECOND: i64 = 90_000;

/// Signed way from `from` to `to`, the shorter one around the wrap.
pub(crate) fn distance(from: u64, to: u64) -> i64 {
    // Moves bit 32, the sign of a 33-bit number, to bit 63 and back.
    (to.wrapping_sub(from) << 31).cast_signed() >> 31
}

/// The time nearest to `near` whose low 33 bits are `raw`.
pub(super) fn unwrap_near(near: Ticks, raw: u64) -> Ticks {
    near.wrapping_add_signed(distance(near, raw))
}

/// The first time of a timeline: one wrap up, so that stamps a little before it stay positive.
pub(super) fn first(raw: u64) -> Ticks {
    WRAP + (raw & (WRAP - 1))
}

/// `to - from`, for times that lie less than 2^63 apart.
pub(super) fn between(from: Ticks, to: Ticks) -> i64 {
    to.wrapping_sub(from).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_over_the_wrap() {
        let start = first(WRAP - 10);
        let after = unwrap_near(start, 5);
        assert_eq!(after - start, 15);
        assert_eq!(after % WRAP, 5);
        assert_eq!(unwrap_near(after, WRAP - 10), start);
        assert_eq!(distance(5, WRAP - 10), -15);
    }
}
