//! Following a playlist (RFC 8216, 6.3.3 and 6.3.4): what to fetch next, when to reload, what was lost.
//!
//! The [`Reloader`] fetches nothing. Its owner asks [`Reloader::next`], does what it says, and reports the outcome:
//!
//! ```text
//! Reload, Stale ─► load the playlist ─► on_playlist | on_failure
//! Fetch         ─► load the segment ─► (nothing)    | segment_failed
//! Wait          ─► sleep, or wait for the reload under way
//! Ended         ─► done
//! ```
//!
//! Loading playlist and segments at the same time is fine: tell [`Reloader::reload_started`]. Who wants a segment only
//! now and then asks [`Reloader::sample`].

mod merge;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::align::Listed;
use super::playlist::{MediaPlaylist, Segment};

/// Segments handed out whose failure can still be reported.
const IN_FLIGHT: usize = 16;

/// What a [`Reloader`] may be told; the defaults fit live television.
#[derive(Debug, Clone)]
pub struct ReloadOptions {
    /// [`Step::Stale`] after this time without a change, or after three target durations if that is longer.
    pub stale_after: Duration,
    /// Skip to the live edge with more than this (and more than six target durations) still to fetch.
    pub max_behind: Duration,
    /// Longest pause between reloads, whatever the playlist says.
    pub max_interval: Duration,
    /// Longest pause after failed reloads.
    pub max_backoff: Duration,
    /// Pause before a failed segment is tried again.
    pub retry_delay: Duration,
    /// How often a segment is tried in all.
    pub attempts: u32,
}

impl Default for ReloadOptions {
    fn default() -> Self {
        Self {
            stale_after: Duration::from_secs(30),
            max_behind: Duration::from_mins(1),
            max_interval: Duration::from_secs(30),
            max_backoff: Duration::from_secs(10),
            retry_delay: Duration::from_millis(250),
            attempts: 2,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Load this segment. Each is handed out once, in order; only a retry comes again.
    Fetch(Box<Segment>),
    /// Load the playlist, not before `at`.
    Reload {
        /// Earliest time.
        at: Instant,
    },
    /// As `Reload`, and the playlist has not changed for long: the source may be dead.
    Stale {
        /// Earliest time.
        at: Instant,
        /// Since when it has not changed.
        unchanged_for: Duration,
    },
    /// Nothing before this time, or before the reload under way is reported.
    Wait {
        /// A time to ask again at the latest.
        until: Option<Instant>,
    },
    /// The playlist ended and everything was handed out.
    Ended,
}

/// What becomes of a failed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It will be handed out again.
    Retry,
    /// It is lost; the next one handed out starts after a discontinuity.
    Skipped,
}

/// What happened since the start. Numbers of segments, unless they say otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Playlists loaded.
    pub playlists: u64,
    /// Playlists loaded that had nothing new.
    pub unchanged: u64,
    /// Playlists that could not be loaded.
    pub failures: u64,
    /// Handed out, without retries.
    pub segments: u64,
    /// Handed out once more.
    pub retries: u64,
    /// Given up after failing.
    pub skipped: u64,
    /// Left the playlist before they were handed out.
    pub missed: u64,
    /// Marked as gaps by the source.
    pub gaps: u64,
    /// Passed over to get back to the live edge, or because they were not wanted.
    pub passed_over: u64,
    /// Times the source began a new numbering.
    pub restarts: u64,
    /// Playlists whose sequence number stayed while their segments moved.
    pub unnumbered: u64,
    /// Playlists that were older than the one before.
    pub older: u64,
    /// Handed out with a discontinuity, the source's or ours.
    pub discontinuities: u64,
}

/// The state of following one media playlist.
#[derive(Debug)]
pub struct Reloader {
    options: ReloadOptions,
    counters: Counters,
    listed: Listed,
    /// Added to the source's sequence numbers (wrapping), so that those handed out grow across restarts.
    offset: u64,
    /// Number, as handed out, after the last one queued.
    next_number: u64,
    /// Number, as handed out, of the first one listed now.
    window_start: u64,
    pending: VecDeque<Pending>,
    in_flight: VecDeque<Pending>,
    /// What is missing before the next segment.
    broken: Option<Break>,
    ended: bool,
    target: Duration,
    changed_at: Instant,
    reload_at: Instant,
    turn: Turn,
    failures_in_row: u32,
}

/// What goes first when a reload is overdue: alternating, neither starves the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Reload,
    Fetch,
    /// A reload is under way.
    Loading,
}

/// Why the next segment does not continue the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Segments are missing.
    Loss,
    /// The timestamps may be others.
    Jump,
}

#[derive(Debug)]
struct Pending {
    segment: Segment,
    attempts: u32,
    not_before: Option<Instant>,
}

impl Reloader {
    /// Begins; the first step is to load the playlist at once.
    pub fn new(now: Instant, options: ReloadOptions) -> Self {
        Self {
            options,
            counters: Counters::default(),
            listed: Listed::default(),
            offset: 0,
            next_number: 0,
            window_start: 0,
            pending: VecDeque::new(),
            in_flight: VecDeque::new(),
            broken: None,
            ended: false,
            target: Duration::from_secs(2),
            changed_at: now,
            reload_at: now,
            turn: Turn::Reload,
            failures_in_row: 0,
        }
    }

    /// What to do next. Asking again is harmless, except that a `Fetch` is given only once.
    pub fn next(&mut self, now: Instant) -> Step {
        let may_reload = self.turn != Turn::Loading && !self.ended;
        self.drop_gaps();
        let first = self.pending.front().map(|first| first.not_before);
        let ready = first.is_some_and(|at| at.is_none_or(|at| at <= now));
        if may_reload && self.reload_at <= now && !(self.turn == Turn::Fetch && ready) {
            return self.reload_step(now);
        }
        match first {
            Some(Some(at)) if !ready => {
                let until = if may_reload {
                    at.min(self.reload_at)
                } else {
                    at
                };
                Step::Wait { until: Some(until) }
            }
            Some(_) => self.hand_out(),
            None if self.turn == Turn::Loading => Step::Wait { until: None },
            None if self.ended => Step::Ended,
            None => self.reload_step(now),
        }
    }

    /// As [`Reloader::next`], for who wants a segment only now and then: all but the newest are passed over, and that
    /// one is handed out while one is `wanted`. What has ended is handed out from its start, one by one.
    pub fn sample(&mut self, now: Instant, wanted: bool) -> Step {
        self.pass_over();
        self.drop_gaps();
        let first = self.pending.front().map(|first| first.not_before);
        let ready = first.is_some_and(|at| at.is_none_or(|at| at <= now));
        match first {
            _ if self.turn == Turn::Loading => Step::Wait { until: None },
            None if self.ended => Step::Ended,
            Some(_) if wanted && ready => self.hand_out(),
            Some(at) if self.ended => Step::Wait {
                until: at.filter(|_| wanted),
            },
            Some(Some(at)) if wanted && at < self.reload_at => Step::Wait { until: Some(at) },
            _ => self.reload_step(now),
        }
    }

    /// A playlist arrived whose loading began at `started_at`.
    pub fn on_playlist(&mut self, playlist: MediaPlaylist, started_at: Instant) {
        self.counters.playlists += 1;
        self.turn = Turn::Fetch;
        self.failures_in_row = 0;
        self.target = self.pace(&playlist);
        let ends = playlist.ended && !self.ended;
        let changed = self.merge(playlist, started_at) || ends;
        self.ended |= ends;
        if changed {
            self.changed_at = started_at;
            self.reload_at = started_at + self.target;
        } else {
            self.counters.unchanged += 1;
            self.reload_at = started_at + self.target / 2;
        }
    }

    /// The playlist could not be loaded or read. The next try waits half a target duration, then twice as long each
    /// time, but no longer than `most`.
    pub fn on_failure(&mut self, now: Instant, most: Duration) {
        self.counters.failures += 1;
        self.turn = Turn::Fetch;
        let factor = 1 << self.failures_in_row.min(10);
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        self.reload_at = now
            + (self.target / 2)
                .saturating_mul(factor)
                .min(self.options.max_backoff)
                .min(most);
    }

    /// A reload was begun and will be reported: until then `next` gives segments only.
    pub fn reload_started(&mut self) {
        self.turn = Turn::Loading;
    }

    /// A segment could not be loaded. It is tried again while it is listed and has attempts left.
    pub fn segment_failed(&mut self, sequence: u64, now: Instant) -> Failed {
        let found = self
            .in_flight
            .iter()
            .position(|p| p.segment.sequence == sequence);
        let Some(mut failed) = found.and_then(|at| self.in_flight.remove(at)) else {
            return Failed::Skipped;
        };
        if failed.attempts >= self.options.attempts || sequence < self.window_start {
            self.counters.skipped += 1;
            self.lost(failed.segment.discontinuity);
            return Failed::Skipped;
        }
        failed.not_before = Some(now + self.options.retry_delay);
        let at = self
            .pending
            .partition_point(|p| p.segment.sequence < sequence);
        self.pending.insert(at, failed);
        Failed::Retry
    }

    /// True when nothing that is listed is left to hand out.
    pub fn is_drained(&self) -> bool {
        self.pending.is_empty()
    }

    /// Time since the playlist last changed, or since the start.
    pub fn unchanged_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.changed_at)
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn reload_step(&self, now: Instant) -> Step {
        let unchanged_for = self.unchanged_for(now);
        if unchanged_for > self.options.stale_after.max(self.target * 3) {
            Step::Stale {
                at: self.reload_at,
                unchanged_for,
            }
        } else {
            Step::Reload { at: self.reload_at }
        }
    }

    /// The target duration to reload by: one far above all segments listed would starve us.
    fn pace(&self, playlist: &MediaPlaylist) -> Duration {
        let target = match longest(playlist) {
            Some(longest) if playlist.target_duration > longest * 2 => longest,
            _ => playlist.target_duration,
        };
        let max = self.options.max_interval;
        target.clamp(Duration::from_secs(1).min(max), max)
    }

    /// Lets go of all but the newest segment.
    fn pass_over(&mut self) {
        if self.ended {
            return;
        }
        let newest = self.pending.iter().rposition(|p| !p.segment.gap);
        let passed = newest.unwrap_or(self.pending.len());
        if passed == 0 {
            return;
        }
        let jumps = self.pending.drain(..passed);
        let jumps = jumps.filter(|p| p.segment.discontinuity).count() > 0;
        self.counters.passed_over += passed as u64;
        self.lost(jumps);
    }

    fn drop_gaps(&mut self) {
        while let Some(first) = self.pending.front().filter(|first| first.segment.gap) {
            let jumps = first.segment.discontinuity;
            self.pending.pop_front();
            self.counters.gaps += 1;
            self.lost(jumps);
        }
    }

    /// Something was lost before the next segment; `jumps` if the timestamps may not go on after it.
    fn lost(&mut self, jumps: bool) {
        let jumps = jumps || self.broken == Some(Break::Jump);
        self.broken = Some(if jumps { Break::Jump } else { Break::Loss });
    }

    fn hand_out(&mut self) -> Step {
        let Some(mut next) = self.pending.pop_front() else {
            return Step::Wait { until: None };
        };
        if self.turn == Turn::Fetch {
            self.turn = Turn::Reload;
        }
        next.attempts += 1;
        if let Some(broken) = self.broken.take() {
            next.segment.after_loss = broken == Break::Loss && !next.segment.discontinuity;
            next.segment.discontinuity = true;
        }
        let segment = next.segment.clone();
        if next.attempts == 1 {
            self.counters.segments += 1;
            self.counters.discontinuities += u64::from(segment.discontinuity);
        } else {
            self.counters.retries += 1;
        }
        if self.in_flight.len() == IN_FLIGHT {
            self.in_flight.pop_front();
        }
        self.in_flight.push_back(next);
        Step::Fetch(Box::new(segment))
    }
}

fn longest(playlist: &MediaPlaylist) -> Option<Duration> {
    playlist
        .segments
        .iter()
        .map(|segment| segment.duration)
        .max()
}

#[cfg(test)]
mod tests;
