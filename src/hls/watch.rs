//! Watches how a live playlist and its segments come (RFC 8216, 6.2 and 6.3): is it fresh, does it count on, do
//! segments last as long as announced, and do they come quickly enough. Fetches nothing; time is an argument.

use std::time::{Duration, Instant};

use super::align::{Listed, Relation};
use super::playlist::{MediaPlaylist, Segment};

/// Segments at the end of a playlist by which the next one is recognised.
const TAIL: usize = 64;
/// By how much a segment's measured length may differ from `EXTINF`: the step from its last clock to the next one's
/// first, and rounding to whole seconds as version 2 of the protocol has it.
const TOLERANCE: Duration = Duration::from_millis(600);

/// A segment that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSeen {
    /// Its number, as handed out.
    pub sequence: u64,
    /// How long it lasts by the playlist or the manifest.
    pub announced: Duration,
    /// How long it lasts by its own clock; `None` where that was not measured.
    pub media: Option<Duration>,
    /// Bytes received of it.
    pub bytes: u64,
    /// How long was waited for the source. Time in which we took no bytes does not count.
    pub took: Duration,
    /// It could not be fetched, or not to its end; it may come again.
    pub failed: bool,
}

/// What was seen since the report before, or since the start, and how old the playlist is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlaylistReport {
    /// `EXT-X-TARGETDURATION`; zero before the first playlist, and of DASH.
    pub target_duration: Duration,
    /// More segments are to come.
    pub live: bool,
    /// Since the newest change was seen.
    pub age: Duration,
    /// From the answer that brought the newest change to the newest answer without one: for at least so long the
    /// source has not gone on. Zero while each answer brings something.
    pub unchanged_for: Duration,
    /// Playlists or manifests loaded.
    pub loaded: u64,
    /// Those that had nothing new among them.
    pub unchanged: u64,
    /// Times that one could not be loaded or read.
    pub failures: u64,
    /// Of these, the newest in a row, from before this window, too.
    pub failures_in_row: u64,
    /// Playlists that had gone back to an earlier state (RFC 8216, 6.2.2: segments are only added at the end and
    /// removed at the start).
    pub regressions: u64,
    /// Times that the source began another numbering, or numbered other segments the same.
    pub restarts: u64,
    /// Playlists whose segments moved on while `EXT-X-MEDIA-SEQUENCE` stayed.
    pub unnumbered: u64,
    /// Segments that were gone before they were ever seen listed.
    pub missed: u64,
    /// Segments marked by `EXT-X-GAP`.
    pub gaps: u64,
    /// Segments that were listed for the first time.
    pub listed: u64,
    /// Of these, ones whose `EXTINF`, rounded, exceeds the target duration (RFC 8216, 4.3.3.1).
    pub over_target: u64,
    /// Times that a segment's discontinuity number changed (RFC 8216, 6.2.2); only where the source numbers them.
    pub discontinuity_errors: u64,
    /// Segments that came whole.
    pub segments: u64,
    /// Attempts at a segment that failed.
    pub segments_failed: u64,
    /// Whole segments since the newest attempt that failed, from before this window, too.
    pub segments_in_row: u64,
    /// Whole segments that took longer than they last.
    pub segments_slow: u64,
    /// How long all whole segments last by the playlist.
    pub announced: Duration,
    /// How long was waited for them.
    pub took: Duration,
    /// Of those whose length was measured: how many, of which so many differ from `EXTINF` by more than 0.6 s and a
    /// tenth.
    pub measured: (u64, u64),
    /// Bits a second over all whole segments of the window.
    pub mean_bandwidth: Option<f64>,
    /// Bits a second of the largest whole segment for its length.
    pub peak_bandwidth: Option<f64>,
    /// `BANDWIDTH` of the variant that is pulled, bits a second; segments should stay below (RFC 8216, 4.3.4.2).
    pub announced_bandwidth: Option<u64>,
}

/// Watches one media playlist.
#[derive(Debug, Default)]
pub struct Watch {
    report: PlaylistReport,
    seen: Listed,
    /// Number of the newest segment seen, and how many discontinuities there were up to it.
    discontinuities: Option<(u64, u64)>,
    changed_at: Option<Instant>,
    bytes: u64,
}

impl PlaylistReport {
    /// What was counted before and what was counted later, as one.
    #[must_use]
    pub fn followed_by(&self, later: &Self) -> Self {
        Self {
            loaded: self.loaded + later.loaded,
            unchanged: self.unchanged + later.unchanged,
            failures: self.failures + later.failures,
            regressions: self.regressions + later.regressions,
            restarts: self.restarts + later.restarts,
            unnumbered: self.unnumbered + later.unnumbered,
            missed: self.missed + later.missed,
            gaps: self.gaps + later.gaps,
            listed: self.listed + later.listed,
            over_target: self.over_target + later.over_target,
            discontinuity_errors: self.discontinuity_errors + later.discontinuity_errors,
            segments: self.segments + later.segments,
            segments_failed: self.segments_failed + later.segments_failed,
            segments_slow: self.segments_slow + later.segments_slow,
            announced: self.announced + later.announced,
            took: self.took + later.took,
            measured: (
                self.measured.0 + later.measured.0,
                self.measured.1 + later.measured.1,
            ),
            peak_bandwidth: [self.peak_bandwidth, later.peak_bandwidth]
                .into_iter()
                .flatten()
                .reduce(f64::max),
            ..later.clone()
        }
    }
}

impl Watch {
    /// A playlist came, whose loading began `at` this time.
    pub fn on_playlist(&mut self, playlist: &MediaPlaylist, at: Instant) {
        self.loaded();
        self.report.target_duration = playlist.target_duration;
        self.report.live = !playlist.ended;
        let next = Listed::tail(playlist, TAIL);
        let relation = if playlist.segments.is_empty() {
            Relation::Same
        } else {
            self.seen.relation(&next)
        };
        let report = &mut self.report;
        let first = playlist.media_sequence;
        let end = first.saturating_add(playlist.segments.len() as u64);
        let new = match relation {
            Relation::Same | Relation::First => 0,
            Relation::Older => {
                report.regressions += 1;
                0
            }
            Relation::Continues => {
                report.missed += first.saturating_sub(self.seen.end());
                end - self.seen.end().max(first)
            }
            Relation::Shifted { new_from } => {
                // Only the tail is known to the relation.
                let new = next.len().saturating_sub(new_from);
                report.unnumbered += u64::from(new > 0);
                new as u64
            }
            Relation::Restarted => {
                report.restarts += 1;
                0
            }
        };
        if relation == Relation::Older {
            report.unchanged += 1;
            self.unchanged_at(at);
            return;
        }
        let judged = if relation == Relation::First {
            playlist.segments.len() as u64
        } else {
            new
        };
        let skipped = playlist.segments.len().saturating_sub(judged as usize);
        for segment in &playlist.segments[skipped..] {
            report.listed += 1;
            report.gaps += u64::from(segment.gap);
            report.over_target += u64::from(is_over(segment, playlist.target_duration));
        }
        self.count_discontinuities(playlist, relation);
        if new > 0 || matches!(relation, Relation::First | Relation::Restarted) {
            self.changed_at = Some(at);
            self.report.unchanged_for = Duration::ZERO;
        } else {
            self.report.unchanged += 1;
            self.unchanged_at(at);
        }
        if !playlist.segments.is_empty() {
            self.seen = next;
        }
    }

    /// A manifest came that need not change for its stream to go on, as those of DASH.
    pub fn on_manifest(&mut self) {
        self.loaded();
    }

    /// A playlist or manifest could not be loaded or read.
    pub fn on_playlist_failed(&mut self) {
        self.report.failures += 1;
        self.report.failures_in_row += 1;
    }

    /// A segment came, or failed.
    pub fn on_segment(&mut self, seen: SegmentSeen) {
        let report = &mut self.report;
        if seen.failed {
            report.segments_failed += 1;
            report.segments_in_row = 0;
            return;
        }
        report.segments += 1;
        report.segments_in_row += 1;
        report.segments_slow += u64::from(seen.took > seen.announced);
        report.announced += seen.announced;
        report.took += seen.took;
        self.bytes = self.bytes.saturating_add(seen.bytes);
        if let Some(media) = seen.media {
            report.measured.0 += 1;
            let off = media.abs_diff(seen.announced);
            report.measured.1 += u64::from(off > TOLERANCE.max(seen.announced / 10));
        }
        if !seen.announced.is_zero() {
            let bandwidth = seen.bytes as f64 * 8.0 / seen.announced.as_secs_f64();
            report.peak_bandwidth = Some(report.peak_bandwidth.unwrap_or(0.0).max(bandwidth));
        }
    }

    /// What the source announces of the variant that is pulled.
    pub fn set_announced_bandwidth(&mut self, bandwidth: Option<u64>) {
        self.report.announced_bandwidth = bandwidth;
    }

    /// Another playlist is followed from now on: what is known of this one says nothing about it.
    pub fn restart(&mut self) {
        self.seen = Listed::default();
        self.discontinuities = None;
        self.changed_at = None;
        self.report.unchanged_for = Duration::ZERO;
        self.report.failures_in_row = 0;
        self.report.segments_in_row = 0;
    }

    /// What was counted since the last time.
    pub fn report(&mut self, now: Instant) -> PlaylistReport {
        let next = PlaylistReport {
            target_duration: self.report.target_duration,
            live: self.report.live,
            unchanged_for: self.report.unchanged_for,
            failures_in_row: self.report.failures_in_row,
            segments_in_row: self.report.segments_in_row,
            announced_bandwidth: self.report.announced_bandwidth,
            ..PlaylistReport::default()
        };
        let mut report = std::mem::replace(&mut self.report, next);
        let changed = self.changed_at;
        report.age = changed.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let bytes = std::mem::take(&mut self.bytes);
        let seconds = report.announced.as_secs_f64();
        report.mean_bandwidth = (seconds > 0.0).then(|| bytes as f64 * 8.0 / seconds);
        report
    }

    fn loaded(&mut self) {
        self.report.loaded += 1;
        self.report.failures_in_row = 0;
    }

    fn unchanged_at(&mut self, at: Instant) {
        if let Some(changed) = self.changed_at {
            self.report.unchanged_for = at.saturating_duration_since(changed);
        }
    }

    /// A segment keeps its discontinuity number, whatever has been removed before it.
    fn count_discontinuities(&mut self, playlist: &MediaPlaylist, relation: Relation) {
        let mut number = playlist.discontinuity_sequence;
        let numbered = |segment: &Segment| {
            number = number.saturating_add(u64::from(segment.discontinuity));
            (segment.sequence, number)
        };
        let all = playlist.segments.iter().map(numbered);
        let (mut newest, mut known) = (None, None);
        for (sequence, number) in all {
            if self
                .discontinuities
                .is_some_and(|(known, _)| known == sequence)
            {
                known = Some(number);
            }
            newest = Some((sequence, number));
        }
        // Many servers leave the number out where they have breaks; who has it should have it right.
        let judged = relation == Relation::Continues && playlist.discontinuity_sequence > 0;
        if let (true, Some(known), Some((_, before))) = (judged, known, self.discontinuities) {
            self.report.discontinuity_errors += u64::from(known != before);
        }
        self.discontinuities = newest.or(self.discontinuities);
    }
}

fn is_over(segment: &Segment, target: Duration) -> bool {
    let rounded = |time: Duration| (time + Duration::from_millis(500)).as_secs();
    rounded(segment.duration) > rounded(target)
}

#[cfg(test)]
mod tests;
