//! A sliding window of segments (RFC 8216, 6.2): cuts a feed's chunks into segments and lists the newest.
//!
//! Promises, whatever is pushed: the media sequence and the target duration never go back or change, each `EXTINF`
//! is above zero and rounds to at most the target duration, no byte after the first keyframe is left out or given
//! twice, and what is held stays within the given bytes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::cut::{Running, SECOND};
use super::write::{self, Entry, MediaText};
use crate::ts::{Chunk, Ticks};

/// A keyframe this little before the segment's goal still ends it.
const TOLERANCE: Ticks = SECOND / 10;
/// A segment that started without a keyframe ends at the first keyframe after this.
const SHORTEST_REPAIR: Ticks = SECOND / 4;
/// Longest first segment while the target duration is still open.
const LONGEST_FIRST: Ticks = 15 * SECOND;
/// Lowest target duration where nobody told what the source's GOPs are like.
const UNHINTED_TARGET: u64 = 4;
/// One segment may take this share of all bytes.
const SEGMENT_SHARE: usize = 4;
/// Segments listed beyond `window_segments`, as a factor, to keep the playlist three target durations long.
const STRETCH: usize = 4;

/// How a [`Window`] cuts and what it keeps.
#[derive(Debug, Clone)]
pub struct WindowOptions {
    /// Number of the first segment. Above 0 it continues an earlier window, and starts with a discontinuity.
    pub first_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE` to start from.
    pub first_discontinuity_sequence: u64,
    /// A segment ends at the first keyframe at or after this.
    pub segment_target: Duration,
    /// `EXT-X-TARGETDURATION`, rounded up to seconds, where the GOPs are known; else it follows from the first
    /// segment.
    pub target_duration: Option<Duration>,
    /// Segments listed. More are listed while they last less than three target durations.
    pub window_segments: usize,
    /// Segments kept for slow clients after they left the playlist.
    pub keep_segments: usize,
    /// Bytes held at most, by giving up the oldest. No segment is larger than a quarter, give or take a chunk.
    pub max_bytes: usize,
    /// All GOPs are closed, so `EXT-X-INDEPENDENT-SEGMENTS` may be claimed. It is withdrawn if a cut has to be made
    /// elsewhere than at a keyframe.
    pub independent: bool,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self {
            first_sequence: 0,
            first_discontinuity_sequence: 0,
            segment_target: Duration::from_secs(2),
            target_duration: None,
            window_segments: 6,
            keep_segments: 3,
            max_bytes: 64 << 20,
            independent: false,
        }
    }
}

/// A closed segment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SegmentData {
    /// PAT and PMT first, then the chunks.
    pub parts: Arc<[Bytes]>,
    /// Sum of the parts.
    pub bytes: usize,
    /// As in the playlist; above 0.
    pub duration: Duration,
}

/// Segments and playlist of one rendition.
#[derive(Debug)]
pub struct Window {
    options: WindowOptions,
    /// Whole seconds, once fixed.
    target: Option<u64>,
    running: Option<Running>,
    psi: Bytes,
    last_gop: Ticks,
    segments: VecDeque<Closed>,
    /// Sequence number of the oldest in `segments`.
    oldest: u64,
    /// How many in `segments` are no longer listed.
    unlisted: usize,
    discontinuity_sequence: u64,
    next_is_discontinuity: bool,
    all_clean: bool,
    phase: Phase,
    /// Cost of all closed segments.
    cost: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For the first keyframe.
    Waiting,
    Flowing,
    Ended,
}

#[derive(Debug)]
struct Closed {
    data: SegmentData,
    ticks: Ticks,
    cost: usize,
    discontinuity: bool,
}

impl Window {
    /// Empty.
    pub fn new(options: WindowOptions) -> Self {
        let whole_seconds = |hint: Duration| hint.as_secs() + u64::from(hint.subsec_nanos() > 0);
        Self {
            target: options
                .target_duration
                .map(|hint| whole_seconds(hint).clamp(1, 3600)),
            running: None,
            psi: Bytes::new(),
            last_gop: 0,
            segments: VecDeque::new(),
            // Room to count on, whatever was given.
            oldest: options.first_sequence.min(u64::MAX / 2),
            unlisted: 0,
            discontinuity_sequence: options.first_discontinuity_sequence.min(u64::MAX / 2),
            next_is_discontinuity: options.first_sequence > 0,
            all_clean: true,
            phase: Phase::Waiting,
            cost: 0,
            options,
        }
    }

    /// Takes the feed's next chunk. Chunks before the first keyframe, and after the end, are ignored.
    pub fn push(&mut self, chunk: &Chunk) {
        match self.phase {
            Phase::Waiting if chunk.keyframe.is_some() => self.phase = Phase::Flowing,
            Phase::Flowing => {}
            Phase::Waiting | Phase::Ended => return,
        }
        let gop = self
            .running
            .as_ref()
            .and_then(|running| running.gop_before(chunk));
        if let Some(cut) = self.cut_before(chunk) {
            self.close(cut.ticks);
            self.next_is_discontinuity |= cut.breaks;
        }
        self.last_gop = gop.unwrap_or(self.last_gop).min(LONGEST_FIRST);
        if let Some(keyframe) = &chunk.keyframe {
            self.psi = keyframe.psi.clone();
        }
        if let Some(running) = &mut self.running {
            running.push(chunk);
        } else {
            let discontinuity = std::mem::take(&mut self.next_is_discontinuity);
            let running = Running::start(self.psi.clone(), chunk, discontinuity);
            self.all_clean &= running.clean;
            self.running = Some(running);
        }
        self.give_up_oldest();
    }

    /// Nothing more will come: closes the running segment and ends the playlist.
    pub fn end(&mut self) {
        let ticks = self.running.as_ref().and_then(Running::on_its_own);
        self.close(ticks);
        self.phase = Phase::Ended;
    }

    /// A segment that is listed or still kept.
    pub fn segment(&self, sequence: u64) -> Option<SegmentData> {
        let index = usize::try_from(sequence.checked_sub(self.oldest)?).ok()?;
        self.segments.get(index).map(|closed| closed.data.clone())
    }

    /// The media playlist, with segments named `{sequence}.ts` and `uri_suffix` (a query, or nothing). `None` until
    /// a segment is closed.
    pub fn playlist(&self, uri_suffix: &str) -> Option<String> {
        if !self.ready() {
            return None;
        }
        let head = MediaText {
            target_duration: self.target?,
            media_sequence: self.oldest + self.unlisted as u64,
            discontinuity_sequence: self.discontinuity_sequence,
            independent: self.options.independent && self.all_clean,
            ended: self.phase == Phase::Ended,
            uri_suffix,
        };
        let entries = self.listed().map(|closed| Entry {
            duration: closed.data.duration,
            discontinuity: closed.discontinuity,
        });
        Some(write::media(&head, entries))
    }

    /// Bits per second of the segments held: the highest of one segment, and the average (RFC 8216, 4.3.4.2).
    /// Zero before the first segment.
    pub fn bandwidth(&self) -> (u64, u64) {
        let rate =
            |bytes: usize, ticks: Ticks| (bytes as u64 * 8).saturating_mul(SECOND) / ticks.max(1);
        let peak = self.segments.iter().map(|s| rate(s.data.bytes, s.ticks));
        let bytes = self.segments.iter().map(|s| s.data.bytes).sum();
        let ticks = self.segments.iter().map(|s| s.ticks).sum();
        (peak.max().unwrap_or(0), rate(bytes, ticks))
    }

    /// A playlist can be served.
    pub fn ready(&self) -> bool {
        !self.segments.is_empty()
    }

    /// `EXT-X-TARGETDURATION`; `None` until it is fixed.
    pub fn target_duration(&self) -> Option<Duration> {
        self.target.map(Duration::from_secs)
    }

    /// Number of the segment that is closed next: `first_sequence` for a window that continues this one.
    pub fn next_sequence(&self) -> u64 {
        self.oldest + self.segments.len() as u64
    }

    /// `first_discontinuity_sequence` for a window that continues this one.
    pub fn next_discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
            + self.listed().filter(|closed| closed.discontinuity).count() as u64
    }

    /// Bytes held, the running segment and an overhead for each chunk included.
    pub fn bytes_held(&self) -> usize {
        self.cost + self.running.as_ref().map_or(0, |running| running.cost)
    }

    fn listed(&self) -> impl Iterator<Item = &Closed> {
        self.segments.iter().skip(self.unlisted)
    }

    /// Whether the running segment ends before this chunk.
    fn cut_before(&self, chunk: &Chunk) -> Option<Cut> {
        let running = self.running.as_ref()?;
        let lasting = |ticks| {
            Some(Cut {
                ticks,
                breaks: false,
            })
        };
        let breaking = Some(Cut {
            ticks: running.on_its_own(),
            breaks: true,
        });
        if chunk.discontinuity {
            return breaking;
        }
        let elapsed = running.until(chunk);
        let limit = self.limit();
        let share = self.options.max_bytes / SEGMENT_SHARE;
        if running.cost.saturating_add(Running::cost_of(chunk)) > share {
            return lasting(elapsed.or(running.on_its_own()));
        }
        let Some(elapsed) = elapsed else {
            // Of a keyframe: its timestamps do not continue the segment's. Else: nothing to measure by.
            return breaking.filter(|_| chunk.keyframe.is_some());
        };
        if elapsed >= limit {
            // Too late to cut in time: a jump that nobody marked, or a flow without clocks.
            return breaking;
        }
        let must = if chunk.keyframe.is_some() {
            let long_enough = elapsed + TOLERANCE >= self.goal();
            let last_chance = elapsed + self.last_gop >= limit;
            let repairs = !running.clean && elapsed >= SHORTEST_REPAIR;
            long_enough || last_chance || repairs
        } else {
            running.beyond(chunk).is_some_and(|end| end >= limit)
        };
        if must { lasting(Some(elapsed)) } else { None }
    }

    /// Ticks after which a keyframe ends a segment.
    fn goal(&self) -> Ticks {
        let goal = ticks(self.options.segment_target);
        self.target.map_or(goal, |target| goal.min(target * SECOND))
    }

    /// Ticks that a segment stays below: what no longer rounds down to the target duration.
    fn limit(&self) -> Ticks {
        self.target
            .map_or(LONGEST_FIRST, |target| target * SECOND + SECOND / 2)
    }

    fn close(&mut self, measured: Option<Ticks>) {
        let Some(running) = self.running.take() else {
            return;
        };
        let measured = measured.unwrap_or_else(|| ticks(self.options.segment_target));
        let target = *self.target.get_or_insert_with(|| {
            let first = measured.min(LONGEST_FIRST).div_ceil(SECOND);
            let goal = ticks(self.options.segment_target).div_ceil(SECOND);
            (2 * first).max(goal).max(UNHINTED_TARGET)
        });
        let fits = measured < target * SECOND + SECOND / 2;
        let ticks = if fits {
            measured.max(SECOND / 1000)
        } else {
            target * SECOND
        };
        self.cost += running.cost;
        self.segments.push_back(Closed {
            data: SegmentData {
                parts: running.parts.into(),
                bytes: running.bytes,
                duration: Duration::from_micros(ticks * 100 / 9),
            },
            ticks,
            cost: running.cost,
            discontinuity: running.discontinuity,
        });
        self.slide(target * SECOND * 3);
    }

    /// Takes from the playlist what may leave it: a playlist stays three target durations long (6.2.2).
    fn slide(&mut self, shortest: Ticks) {
        let most = self.options.window_segments.max(1);
        let mut total: Ticks = self.listed().map(|closed| closed.ticks).sum();
        while self.segments.len() - self.unlisted > most {
            let rest = total - self.segments[self.unlisted].ticks;
            if rest < shortest
                && self.segments.len() - self.unlisted <= most.saturating_mul(STRETCH)
            {
                break;
            }
            total = rest;
            self.unlist();
        }
        while self.unlisted > self.options.keep_segments {
            self.drop_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        while self.bytes_held() > self.options.max_bytes && self.segments.len() > 1 {
            if self.unlisted == 0 {
                self.unlist();
            }
            self.drop_oldest();
        }
    }

    fn unlist(&mut self) {
        self.discontinuity_sequence += u64::from(self.segments[self.unlisted].discontinuity);
        self.unlisted += 1;
    }

    fn drop_oldest(&mut self) {
        if let Some(gone) = self.segments.pop_front() {
            self.cost -= gone.cost;
            self.unlisted -= 1;
            self.oldest += 1;
        }
    }
}

/// An end of the running segment.
struct Cut {
    /// Its duration, as far as it can be measured.
    ticks: Option<Ticks>,
    /// What follows does not continue it.
    breaks: bool,
}

fn ticks(duration: Duration) -> Ticks {
    let millis = duration.as_millis().min(u128::from(u32::MAX)) as u64;
    millis * (SECOND / 1000)
}

#[cfg(test)]
mod tests;
