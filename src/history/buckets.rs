//! The course of a stream in equal steps, for charts.

use super::{MINUTE_MS, Minute, MinuteAt, Period, Spans};

/// The most buckets of one answer.
pub const MOST_BUCKETS: u32 = 2_000;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub at: MinuteAt,
    /// The time in each state; together the length of the step, or what of it lies in the period.
    pub spans: Spans,
    /// Outages that began in it.
    pub outages: u32,
    /// What was pulled for the monitor, bytes.
    pub bytes: u64,
    /// The mean bitrate of the minutes in which it was measured, kbit/s.
    pub bitrate_kbps: Option<u32>,
    /// Continuity errors.
    pub continuity_errors: u64,
    /// Other errors.
    pub errors: u64,
    /// Looks at picture or sound.
    pub looks: u64,
    bitrates: (u64, u64),
}

/// Sorts minutes into steps.
#[derive(Clone, Debug)]
pub struct Buckets {
    period: Period,
    step: u32,
    first: u32,
    steps: Vec<Bucket>,
}

impl Buckets {
    /// Steps of this many minutes that begin at multiples of it (UTC). At most `most`, and no more
    /// than [`MOST_BUCKETS`]: the period is cut off there. A step of 0 is one of 1.
    pub fn new(period: Period, step: u32, most: u32) -> Self {
        let (step, most) = (step.max(1), most.clamp(1, MOST_BUCKETS));
        let first = period.from.0 / step;
        let last = period.to.0.saturating_sub(1) / step;
        let count = (last - first + 1).min(most);
        let end = (u64::from(first + count) * u64::from(step)).min(period.to.0.into());
        let period = Period {
            to: MinuteAt(end as u32),
            ..period
        };
        let bucket = |n: u32| Bucket {
            at: MinuteAt(((first + n) * step).max(period.from.0)),
            spans: Spans::default(),
            outages: 0,
            bytes: 0,
            bitrate_kbps: None,
            continuity_errors: 0,
            errors: 0,
            looks: 0,
            bitrates: (0, 0),
        };
        Self {
            period,
            step,
            first,
            steps: (0..count).map(bucket).collect(),
        }
    }

    /// What the buckets cover.
    pub fn period(&self) -> Period {
        self.period
    }

    /// Adds a minute; one outside the period is left out.
    pub fn add(&mut self, at: MinuteAt, minute: &Minute) {
        if !self.period.contains(at) {
            return;
        }
        let Some(bucket) = self.steps.get_mut((at.0 / self.step - self.first) as usize) else {
            return;
        };
        bucket.spans.add(&minute.spans);
        bucket.outages = bucket.outages.saturating_add(minute.outages);
        bucket.bytes += u64::from(minute.kilobytes) * 1_000;
        bucket.continuity_errors += u64::from(minute.continuity_errors);
        bucket.errors += u64::from(minute.errors);
        bucket.looks += u64::from(minute.looks);
        if minute.bitrate_kbps > 0 {
            bucket.bitrates.0 += u64::from(minute.bitrate_kbps);
            bucket.bitrates.1 += 1;
        }
    }

    /// The buckets, all of them, in their order.
    pub fn finish(mut self) -> Vec<Bucket> {
        let starts: Vec<u32> = self.steps.iter().map(|bucket| bucket.at.0).collect();
        let ends = starts.into_iter().skip(1).chain([self.period.to.0]);
        for (bucket, end) in self.steps.iter_mut().zip(ends) {
            let length = u64::from(end - bucket.at.0) * u64::from(MINUTE_MS);
            let recorded = bucket.spans.total() - bucket.spans.unknown;
            bucket.spans.unknown = length.saturating_sub(recorded);
            let (sum, count) = bucket.bitrates;
            bucket.bitrate_kbps = sum.checked_div(count).map(|mean| mean as u32);
        }
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::minute::tests::any_minute;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_are_the_period_and_lose_nothing(
            from in 0..5_000_u32,
            length in 1..5_000_u32,
            step in 0..700_u32,
            minutes in prop::collection::btree_map(0..11_000_u32, any_minute(), 0..50),
        ) {
            let period = Period { from: MinuteAt(from), to: MinuteAt(from + length) };
            let mut buckets = Buckets::new(period, step, 500);
            let covered = buckets.period();
            prop_assert!(covered == period || buckets.steps.len() == 500);
            for (at, minute) in &minutes {
                buckets.add(MinuteAt(*at), minute);
            }
            let buckets = buckets.finish();
            let total: u64 = buckets.iter().map(|b| b.spans.total()).sum();
            prop_assert_eq!(total, covered.ms());
            let inside = || minutes.iter().filter(|(at, _)| covered.contains(MinuteAt(**at)));
            let down: u64 = inside().map(|(_, m)| m.spans.down).sum();
            prop_assert_eq!(buckets.iter().map(|b| b.spans.down).sum::<u64>(), down);
            let bytes: u64 = inside().map(|(_, m)| u64::from(m.kilobytes) * 1_000).sum();
            prop_assert_eq!(buckets.iter().map(|b| b.bytes).sum::<u64>(), bytes);
            prop_assert_eq!(buckets[0].at, MinuteAt(from));
            prop_assert!(buckets.is_sorted_by_key(|b| b.at));
        }
    }
}
