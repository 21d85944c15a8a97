//! The address ranges of one arena: a small set of fixed size, so that noting a range never allocates.

/// Ranges that are kept apart. An arena's mappings grow by a quarter each time and mostly lie side by side, so a
/// terabyte fits.
pub(super) const MOST: usize = 128;

/// A half-open range of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A set of addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranges {
    list: [Range; MOST],
    len: usize,
    unlisted: usize,
}

impl Ranges {
    pub(super) const fn new() -> Self {
        Self {
            list: [Range { start: 0, end: 0 }; MOST],
            len: 0,
            unlisted: 0,
        }
    }

    /// The ranges, in no order; no two of them overlap.
    pub(super) fn listed(&self) -> &[Range] {
        &self.list[..self.len]
    }

    /// Bytes that found no place in the list; they are to be taken for resident.
    pub(super) fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Adds a range that is not in the set.
    pub(super) fn insert(&mut self, start: usize, len: usize) {
        let mut new = Range {
            start,
            end: start.saturating_add(len),
        };
        if len == 0 {
            return;
        }
        let mut at = 0;
        while at < self.len {
            let old = self.list[at];
            if old.end == new.start || new.end == old.start {
                new.start = new.start.min(old.start);
                new.end = new.end.max(old.end);
                self.forget(at);
            } else {
                at += 1;
            }
        }
        self.list_or_count(new);
    }

    /// Takes a range out; whatever of it is in the set.
    pub(super) fn remove(&mut self, start: usize, len: usize) {
        let end = start.saturating_add(len);
        let mut found = 0;
        let mut at = 0;
        // What remains of a range that is cut in two is kept aside: at most one on either side.
        let (mut before, mut after) = (None, None);
        while at < self.len {
            let old = self.list[at];
            if old.end <= start || end <= old.start {
                at += 1;
                continue;
            }
            self.forget(at);
            found += old.end.min(end) - old.start.max(start);
            if old.start < start {
                before = Some(Range {
                    start: old.start,
                    end: start,
                });
            }
            if end < old.end {
                after = Some(Range {
                    start: end,
                    end: old.end,
                });
            }
        }
        for rest in [before, after].into_iter().flatten() {
            self.list_or_count(rest);
        }
        self.unlisted = self.unlisted.saturating_sub(len - found.min(len));
    }

    fn list_or_count(&mut self, range: Range) {
        if self.len < MOST {
            self.list[self.len] = range;
            self.len += 1;
        } else {
            self.unlisted = self.unlisted.saturating_add(range.end - range.start);
        }
    }

    fn forget(&mut self, at: usize) {
        self.len -= 1;
        self.list[at] = self.list[self.len];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn neighbours_become_one() {
        let mut ranges = Ranges::new();
        ranges.insert(100, 10);
        ranges.insert(120, 10);
        assert_eq!(ranges.listed().len(), 2);
        ranges.insert(110, 10);
        assert_eq!(
            ranges.listed(),
            [Range {
                start: 100,
                end: 130
            }]
        );
    }

    #[test]
    fn what_finds_no_place_is_counted() {
        let mut ranges = Ranges::new();
        for i in 0..MOST + 3 {
            ranges.insert(i * 10 + 1, 5);
        }
        assert_eq!((ranges.listed().len(), ranges.unlisted()), (MOST, 15));
        ranges.remove((MOST + 1) * 10 + 1, 5);
        assert_eq!(ranges.unlisted(), 10);
        // Cutting one in two while the list is full loses no byte either.
        ranges.remove(2, 2);
        let listed: usize = ranges.listed().iter().map(|r| r.end - r.start).sum();
        assert_eq!(listed + ranges.unlisted(), 5 * (MOST + 2) - 2);
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_addresses(steps in prop::collection::vec((any::<bool>(), 0_usize..200, 0_usize..30), 0..60)) {
            let mut ranges = Ranges::new();
            let mut model = BTreeSet::new();
            for (add, start, len) in steps {
                let span = start..start + len;
                if add {
                    if span.clone().any(|address| model.contains(&address)) {
                        continue;
                    }
                    ranges.insert(start, len);
                    model.extend(span);
                } else {
                    ranges.remove(start, len);
                    model.retain(|address| !span.contains(address));
                }
                let listed: Vec<usize> =
                    ranges.listed().iter().flat_map(|range| range.start..range.end).collect();
                prop_assert_eq!(listed.len(), model.len());
                prop_assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), model.clone());
                prop_assert_eq!(ranges.unlisted(), 0);
            }
        }
    }
}
