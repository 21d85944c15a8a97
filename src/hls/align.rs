//! How a reloaded playlist continues the one before: by sequence numbers where they can be trusted, else by addresses.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::playlist::{MediaPlaylist, Segment};

/// A jump forward by more segments than this is a new numbering, not a loss.
const LARGEST_JUMP: u64 = 100_000;

/// What was listed last: enough to recognise it, without holding the addresses.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) first: u64,
    ids: Vec<Id>,
}

/// Fingerprints of a segment. Signed addresses change their query at each reload; numbered queries share a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Id {
    full: u64,
    path: u64,
}

/// The relation of a playlist to what was listed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Nothing was listed before.
    First,
    /// The same segments.
    Same,
    /// An earlier state: another cache of the provider answered.
    Older,
    /// Goes on by sequence number, perhaps with a gap.
    Continues,
    /// Numbers were not counted up; by address, the new ones start at this index, which may be the end.
    Shifted { new_from: usize },
    /// Has nothing to do with the one before.
    Restarted,
}

impl Listed {
    pub(super) fn of(playlist: &MediaPlaylist) -> Self {
        Self {
            first: playlist.media_sequence,
            ids: playlist.segments.iter().map(Id::of).collect(),
        }
    }

    /// The same of at most so many segments at the end.
    pub(super) fn tail(playlist: &MediaPlaylist, most: usize) -> Self {
        let from = playlist.segments.len().saturating_sub(most);
        Self {
            first: playlist.media_sequence.saturating_add(from as u64),
            ids: playlist.segments[from..].iter().map(Id::of).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Sequence number after the last one listed.
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(self.ids.len() as u64)
    }

    /// How `next` continues `self`; `next` lists something.
    pub(super) fn relation(&self, next: &Self) -> Relation {
        if self.ids.is_empty() {
            return Relation::First;
        }
        let overlap = self.first.max(next.first)..self.end().min(next.end());
        if overlap.is_empty() {
            let ahead = next.first.checked_sub(self.end());
            return match ahead {
                Some(0..=LARGEST_JUMP) => Relation::Continues,
                _ => Relation::Restarted,
            };
        }
        if !self.agrees(next, overlap) || self.slid_unnumbered(next) {
            return self.find_tail(next);
        }
        if next.first < self.first || next.end() < self.end() {
            Relation::Older
        } else if next.first == self.first && next.end() == self.end() {
            Relation::Same
        } else {
            Relation::Continues
        }
    }

    /// Most of the numbers that both list have the same path in both.
    fn agrees(&self, next: &Self, overlap: std::ops::Range<u64>) -> bool {
        let count = overlap.end - overlap.start;
        let path = |list: &Self, n: u64| list.ids[(n - list.first) as usize].path;
        let same = overlap.filter(|n| path(self, *n) == path(next, *n)).count() as u64;
        same * 2 > count
    }

    /// The first number stayed but its address moved up: only queries tell these segments apart.
    fn slid_unnumbered(&self, next: &Self) -> bool {
        let head = next.ids[0].full;
        self.first == next.first
            && self.ids[0].full != head
            && self.ids[1..].iter().any(|id| id.full == head)
    }

    fn find_tail(&self, next: &Self) -> Relation {
        let Some(tail) = self.ids.last() else {
            return Relation::First;
        };
        let by_full = next.ids.iter().rposition(|id| id.full == tail.full);
        let found = by_full.or_else(|| next.ids.iter().rposition(|id| id.path == tail.path));
        if let Some(at) = found {
            return Relation::Shifted { new_from: at + 1 };
        }
        let known: HashSet<u64> = self.ids.iter().map(|id| id.full).collect();
        if next.ids.iter().any(|id| known.contains(&id.full)) {
            Relation::Older
        } else {
            Relation::Restarted
        }
    }
}

impl Id {
    fn of(segment: &Segment) -> Self {
        let range = segment.byte_range.map(|range| (range.offset, range.length));
        let hash = |parts: (Option<&str>, &str, Option<&str>)| {
            let mut hasher = DefaultHasher::new();
            (parts, range).hash(&mut hasher);
            hasher.finish()
        };
        let (host, path) = (segment.uri.host_str(), segment.uri.path());
        Self {
            full: hash((host, path, segment.uri.query())),
            path: hash((None, path, None)),
        }
    }
}
