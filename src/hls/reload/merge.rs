//! Merging a reloaded playlist into what is known: what is new, what was lost, where to go on.

use std::time::{Duration, Instant};

use super::{Pending, Reloader};
use crate::hls::align::{Listed, Relation};
use crate::hls::playlist::MediaPlaylist;

/// Never start closer to the end than this, in target durations (6.3.3) and in segments.
const START_DISTANCE: u32 = 3;
/// An older state of the playlist that stays for so many target durations is taken for a restart.
const OLDER_FOR: u32 = 4;

impl Reloader {
    /// Queues what is new. True if the playlist has changed.
    pub(super) fn merge(&mut self, playlist: MediaPlaylist, started_at: Instant) -> bool {
        let listed = Listed::of(&playlist);
        if playlist.segments.is_empty() {
            return false;
        }
        let mut relation = self.listed.relation(&listed);
        if relation == Relation::Older {
            self.counters.older += 1;
            let since = started_at.saturating_duration_since(self.changed_at);
            if since <= self.target * OLDER_FOR {
                return false;
            }
            relation = Relation::Restarted;
        }
        let first = listed.first;
        let known = self.listed.end();
        let mut lost = 0;
        let new_from = match relation {
            Relation::First => {
                let from = start_index(&playlist);
                self.next_number = first.wrapping_add(from as u64);
                from
            }
            Relation::Restarted => {
                self.counters.restarts += 1;
                self.counters.missed += self.pending.len() as u64;
                self.pending.clear();
                self.in_flight.clear();
                self.lost(true);
                let from = start_index(&playlist);
                self.renumber(first, from);
                from
            }
            Relation::Shifted { new_from } => {
                self.counters.unnumbered += 1;
                self.renumber(first, new_from);
                new_from
            }
            Relation::Same | Relation::Older | Relation::Continues => {
                lost = first.saturating_sub(known);
                (known.saturating_sub(first) as usize).min(playlist.segments.len())
            }
        };
        self.counters.missed += lost;
        if lost > 0 {
            // Whether the timestamps jumped among them is not known.
            self.lost(true);
        }
        self.listed = listed;
        self.window_start = self
            .next_number
            .saturating_add(lost)
            .saturating_sub(new_from as u64);
        self.drop_unlisted();
        let grown = new_from < playlist.segments.len();
        let live = !playlist.ended;
        self.queue(playlist, new_from);
        if live && !matches!(relation, Relation::First | Relation::Restarted) {
            self.catch_up();
        }
        grown || relation == Relation::Restarted
    }

    /// Makes the segment at `index` of a list that begins at `first` the next number to hand out.
    fn renumber(&mut self, first: u64, index: usize) {
        self.offset = self
            .next_number
            .wrapping_sub(first.wrapping_add(index as u64));
    }

    fn queue(&mut self, playlist: MediaPlaylist, from: usize) {
        for mut segment in playlist.segments.into_iter().skip(from) {
            segment.sequence = segment.sequence.wrapping_add(self.offset);
            self.next_number = segment.sequence.wrapping_add(1);
            self.pending.push_back(Pending {
                segment,
                attempts: 0,
                not_before: None,
            });
        }
    }

    fn drop_unlisted(&mut self) {
        let start = self.window_start;
        let unlisted = |first: &&Pending| first.segment.sequence < start;
        while let Some(first) = self.pending.front().filter(unlisted) {
            let jumps = first.segment.discontinuity;
            self.pending.pop_front();
            self.counters.missed += 1;
            self.lost(jumps);
        }
    }

    fn catch_up(&mut self) {
        let behind: Duration = self.pending.iter().map(|p| p.segment.duration).sum();
        if behind <= self.options.max_behind.max(self.target * 6) {
            return;
        }
        let durations = self.pending.iter().map(|p| p.segment.duration);
        let from = distance_from_end(durations, self.target);
        let mut passed_over = self.pending.drain(..from);
        let jumps = passed_over.any(|passed| passed.segment.discontinuity);
        drop(passed_over);
        self.counters.passed_over += from as u64;
        self.lost(jumps);
    }
}

/// Where to begin: at the start of what has ended, else three target durations from the end.
fn start_index(playlist: &MediaPlaylist) -> usize {
    if playlist.ended {
        return 0;
    }
    let durations = playlist.segments.iter().map(|segment| segment.duration);
    distance_from_end(durations, playlist.target_duration)
}

fn distance_from_end(
    durations: impl DoubleEndedIterator<Item = Duration> + ExactSizeIterator,
    target: Duration,
) -> usize {
    let (count, wanted) = (durations.len(), target * START_DISTANCE);
    let mut sum = Duration::ZERO;
    let enough = durations.rev().position(|duration| {
        sum += duration;
        sum >= wanted
    });
    let taken = enough
        .map_or(count, |at| at + 1)
        .max(START_DISTANCE as usize);
    count.saturating_sub(taken)
}
