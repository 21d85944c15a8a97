//! Something that has to come again in time.

use crate::ts::Ticks;

/// Measured from one tick of media time to another, so that an interval is never taken for longer than it was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer {
    since: Option<Ticks>,
    seen: bool,
}

impl Timer {
    /// It has come.
    pub(super) fn seen(&mut self) {
        self.seen = true;
    }

    /// Begins anew: what was before a break does not count.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Time passes; true each time that `limit` has passed since it came, or since this was true.
    pub(super) fn is_late(&mut self, now: Ticks, limit: u64) -> bool {
        let since = *self.since.get_or_insert(now);
        let came = std::mem::take(&mut self.seen);
        let late = !came && now.saturating_sub(since) > limit;
        if came || late {
            self.since = Some(now);
        }
        late
    }
}
