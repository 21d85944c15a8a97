//! The newest chunks of a feed, kept once for all its subscribers.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ts::Chunk;

/// How much a feed keeps.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Kept for those who join: the GOPs that begin within this time before the newest one. At
    /// least the newest one is.
    pub history: Duration,
    /// The most that is kept on top for subscribers that are behind, the history included.
    pub lag_bytes: usize,
    /// Never exceeded, not even by a GOP that is larger: then joiners wait for the next one.
    pub max_bytes: usize,
    /// Whether the start of such a GOP is kept all the same, within the same bound: not for
    /// subscribers, but to look at.
    pub keep_start: bool,
}

impl Retention {
    /// For a feed that nobody watches: no more than it takes to look at, or to join at once.
    pub const SCANNED: Self = Self {
        history: Duration::ZERO,
        lag_bytes: 1 << 20,
        max_bytes: 1 << 20,
        keep_start: true,
    };

    /// For one into which a piece of media comes now and then, to be [taken](super::Publisher::take).
    pub const SAMPLED: Self = Self {
        history: Duration::from_mins(1),
        ..Self::SCANNED
    };
}

/// Chunks by sequence number, the newest GOP always among them if it fits.
#[derive(Debug)]
pub(super) struct Ring {
    retention: Retention,
    chunks: VecDeque<Chunk>,
    first: u64,
    bytes: usize,
    newest_keyframe: Option<u64>,
    /// Where the history begins.
    history_from: Option<u64>,
    /// The start of the newest GOP, when it is too large; nothing else is kept then.
    start: Vec<Chunk>,
}

impl Ring {
    pub(super) fn new(retention: Retention) -> Self {
        Self {
            retention,
            chunks: VecDeque::new(),
            first: 0,
            bytes: 0,
            newest_keyframe: None,
            history_from: None,
            start: Vec::new(),
        }
    }

    /// Keeps more or less from now on.
    pub(super) fn set_retention(&mut self, retention: Retention, needed: Option<u64>) {
        self.retention = retention;
        self.history_from = self.keyframe_within(retention.history);
        self.start = Vec::new();
        self.trim(needed);
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        self.first = self.next_sequence();
        self.chunks = VecDeque::new();
        self.bytes = 0;
        self.newest_keyframe = None;
        self.history_from = None;
        self.start = Vec::new();
    }

    /// The newest keyframe and what follows it, or as much of that as is kept; empty if nothing is.
    pub(super) fn newest_gop(&self) -> Vec<Chunk> {
        let Some(at) = self.newest_keyframe else {
            return self.start.clone();
        };
        let before = usize::try_from(at - self.first).unwrap_or(0);
        self.chunks.iter().skip(before).cloned().collect()
    }

    /// The oldest keyframe that is kept and what follows it, or as much of the newest as is kept.
    pub(super) fn all_gops(&self) -> Vec<Chunk> {
        if self.has_start_only() {
            return self.start.clone();
        }
        let before = |chunk: &&Chunk| chunk.keyframe.is_none();
        self.chunks.iter().skip_while(before).cloned().collect()
    }

    /// Whether only the start of the newest GOP is kept.
    pub(super) fn has_start_only(&self) -> bool {
        self.newest_keyframe.is_none() && !self.start.is_empty()
    }

    /// Appends a chunk, and lets go of what nobody needs: neither those who may join nor the
    /// slowest subscriber, who comes to `needed` next.
    pub(super) fn push(&mut self, chunk: Chunk, needed: Option<u64>) {
        let begins_gop = chunk.keyframe.is_some();
        if begins_gop {
            self.newest_keyframe = Some(self.next_sequence());
            self.start = Vec::new();
        }
        let alone = self.newest_keyframe == Some(self.first);
        if self.retention.keep_start
            && alone
            && self.bytes + chunk.data.len() > self.retention.max_bytes
        {
            self.start = self.chunks.iter().cloned().collect();
        }
        self.bytes += chunk.data.len();
        self.chunks.push_back(chunk);
        if begins_gop {
            self.history_from = self.keyframe_within(self.retention.history);
        }
        self.trim(needed);
    }

    fn trim(&mut self, needed: Option<u64>) {
        while self.has_too_much(needed) {
            let Some(oldest) = self.chunks.pop_front() else {
                break;
            };
            self.bytes -= oldest.data.len();
            self.first += 1;
            self.newest_keyframe = self.newest_keyframe.filter(|&k| k >= self.first);
        }
    }

    fn has_too_much(&self, needed: Option<u64>) -> bool {
        let before = |at: Option<u64>| at.is_some_and(|at| self.first < at);
        let unneeded = needed.is_none_or(|needed| self.first < needed);
        self.bytes > self.retention.max_bytes
            || (self.has_start_only() && unneeded && !self.chunks.is_empty())
            || (self.bytes > self.retention.lag_bytes && before(self.newest_keyframe))
            || (before(self.history_from) && unneeded)
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Chunk> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.chunks.get(index)
    }

    /// The sequence number of the oldest chunk kept.
    pub(super) fn first_sequence(&self) -> u64 {
        self.first
    }

    /// The sequence number that the next chunk will have.
    pub(super) fn next_sequence(&self) -> u64 {
        self.first + self.chunks.len() as u64
    }

    pub(super) fn newest_keyframe(&self) -> Option<u64> {
        self.newest_keyframe
    }

    /// The oldest keyframe that is at most this much older than the newest one.
    pub(super) fn keyframe_within(&self, most: Duration) -> Option<u64> {
        let newest = self.get(self.newest_keyframe?)?.keyframe.as_ref()?.pts;
        let ticks = u64::try_from(most.as_nanos() * 9 / 100_000).unwrap_or(u64::MAX);
        let earliest = newest.saturating_sub(ticks);
        let recent = |chunk: &Chunk| chunk.keyframe.as_ref().is_some_and(|k| k.pts >= earliest);
        let at = self.chunks.iter().position(recent)?;
        Some(self.first + at as u64)
    }

    pub(super) fn bytes(&self) -> usize {
        if self.has_start_only() {
            let start = self.start.iter().map(|chunk| chunk.data.len());
            return self.bytes + start.sum::<usize>();
        }
        self.bytes
    }
}
