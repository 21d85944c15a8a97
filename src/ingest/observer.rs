//! Watches what an ingest pulls, whatever it is pulled for: each byte of media and each playlist passes here.
//!
//! One for each ingest, over all its attempts and sources. Off, and nearly free, until somebody enables it. Then a
//! [`ts::Scan`] reads the bytes and a [`hls::Watch`](Watch) the playlists, and [`Observer::take`] hands out what they
//! have seen. What that means for the stream, [`findings`] says.

mod findings;
#[cfg(test)]
mod pull_tests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::progress::Found;
use crate::hls::{MediaPlaylist, PlaylistReport, SegmentSeen, VariantReport, Watch};
use crate::ts::{Scan, ScanOptions, ScanReport};
pub use findings::{Finding, Limits, findings};

/// Tables are wanted once in a segment (RFC 8216, 3.2): within its length, and this.
const SEGMENT_SLACK: Duration = Duration::from_secs(1);
/// Bit rates that are remembered, to know what is usual.
const RATES: usize = 31;
/// Bit rates that are remembered as they come; from then on one a minute, so that a fault of a quarter of an hour does
/// not become what is usual.
const EAGER_RATES: usize = 5;
/// Media time from one of the later ones to the next.
const RATE_EVERY: Duration = Duration::from_mins(1);
/// Playlists are judged by what was seen of them in this time, or in more.
const LATELY: Duration = Duration::from_secs(10);
/// A bit rate that is remembered covers so much media.
const LEAST_MEDIA: Duration = Duration::from_secs(2);

/// What was seen since the time before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Of the transport stream.
    pub scan: ScanReport,
    /// Of playlists and segments, over the last four target durations and ten seconds or more: what is wrong with
    /// them shows in several of them. `None` if the source has none.
    pub playlist: Option<PlaylistReport>,
    /// Of the variants beside the one that is pulled; `None` if there are none, or none was looked at.
    pub variants: Option<VariantReport>,
    /// Since the newest byte of media or playlist came, or since watching began; while a segment is on its way, since that was
    /// asked for or its newest byte came; after one that failed, since its newest byte, until one comes to its end.
    pub idle_for: Duration,
    /// The median of the bit rates before, bits a second; `None` until there are three.
    pub usual_bitrate: Option<f64>,
    /// The source's media is no transport stream, or two: what was scanned was multiplexed here, so that it tells of
    /// tracks and their times, and nothing of the source's transport.
    pub remuxed: bool,
}

/// Watches one ingest. See the module.
#[derive(Debug, Default)]
pub struct Observer {
    enabled: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    nature: Nature,
    /// While it is enabled. About 3 kB.
    watching: Option<Box<Watching>>,
}

/// What the source is, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Nature {
    container: Option<&'static str>,
    live: Option<bool>,
    bandwidth: Option<u64>,
    segments: Option<Segments>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segments {
    /// Of the longest so far.
    longest: Duration,
    /// They go out as they are, and not merged with others.
    alone: bool,
}

#[derive(Debug)]
struct Watching {
    scan: Scan,
    watch: Watch,
    /// What it has reported lately, and since when; the oldest first.
    reports: VecDeque<(Instant, PlaylistReport)>,
    has_playlists: bool,
    variants: Option<VariantReport>,
    /// When something came last, or watching began.
    heard_at: Option<Instant>,
    /// When media came last.
    media_at: Option<Instant>,
    /// Since when a segment is on its way: playlists that come meanwhile are no sign of life.
    asked_at: Option<Instant>,
    /// When the newest byte came of the first segment that failed since one came to its end: pieces of those that
    /// follow are no sign of life either.
    failed_at: Option<Instant>,
    /// Media time at the end of the segment before.
    segment_from: Option<Duration>,
    rates: Rates,
}

/// Bit rates of the past.
#[derive(Debug, Default)]
struct Rates {
    newest: VecDeque<f32>,
    seen: usize,
    since: Duration,
}

impl Nature {
    fn is_remuxed(&self) -> bool {
        self.container != Some("mpeg-ts") || self.segments.is_some_and(|s| !s.alone)
    }

    fn options(&self) -> ScanOptions {
        let usual = ScanOptions::default();
        if self.is_remuxed() {
            return ScanOptions {
                table_interval: None,
                ..usual
            };
        }
        let Some(segments) = self.segments else {
            return ScanOptions {
                paced: self.live != Some(false),
                ..usual
            };
        };
        let within = segments.longest + SEGMENT_SLACK;
        ScanOptions {
            table_interval: usual.table_interval.map(|usual| usual.max(within)),
            ..usual
        }
    }
}

impl Observer {
    /// Begins to watch, if it does not yet.
    pub fn enable(&self) {
        let mut inner = self.inner();
        if inner.watching.is_none() {
            inner.watching = Some(Box::new(Watching::new(&inner.nature)));
        }
        self.enabled.store(true, Ordering::Relaxed);
    }

    /// Watches no more, and forgets what it has seen.
    pub fn disable(&self) {
        self.enabled.store(false, Ordering::Relaxed);
        self.inner().watching = None;
    }

    /// Whether it watches.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Another attempt is shown from now on, of which this was found so far: nothing continues what came before.
    pub fn restart(&self, found: &Found) {
        let mut inner = self.inner();
        inner.nature = Nature::default();
        inner.found(found);
        if let Some(watching) = &mut inner.watching {
            watching.discontinuity();
            watching.asked_at = None;
            watching.failed_at = None;
            watching.watch.restart();
            watching.reports.clear();
            watching.has_playlists = false;
            watching.variants = None;
        }
    }

    /// More was found out about the source.
    pub fn found(&self, found: &Found) {
        self.inner().found(found);
    }

    /// Bytes of media.
    pub fn bytes(&self, data: &[u8], at: Instant) {
        self.watching(|watching| {
            watching.heard_at = Some(at);
            watching.media_at = Some(at);
            watching.scan.push(data, at);
        });
    }

    /// The bytes that follow do not continue those before.
    pub fn discontinuity(&self) {
        self.watching(Watching::discontinuity);
    }

    /// A media playlist, whose loading began `at` this time.
    pub fn playlist(&self, playlist: &MediaPlaylist, at: Instant) {
        self.watching(|watching| {
            watching.hears_of_playlist(at);
            watching.watch.on_playlist(playlist, at);
        });
    }

    /// How the variants beside the one that is pulled are.
    pub fn variants(&self, report: VariantReport) {
        self.watching(|watching| watching.variants = Some(report));
    }

    /// A manifest that need not change to go on (DASH).
    pub fn manifest(&self, at: Instant) {
        self.watching(|watching| {
            watching.hears_of_playlist(at);
            watching.watch.on_manifest();
        });
    }

    /// A playlist or manifest could not be loaded or read.
    pub fn playlist_failed(&self) {
        self.watching(|watching| {
            watching.has_playlists = true;
            watching.watch.on_playlist_failed();
        });
    }

    /// A segment was asked for `at` this time; or none is any more.
    pub fn segment_asked(&self, at: Option<Instant>) {
        self.watching(|watching| watching.asked_at = at);
    }

    /// The bytes that follow are those of another segment. `alone`: they go out as they are.
    pub fn segment_begins(&self, announced: Duration, alone: bool) {
        let mut inner = self.inner();
        let before = inner.nature.segments.map_or(Duration::ZERO, |s| s.longest);
        let segments = Some(Segments {
            longest: before.max(announced),
            alone,
        });
        if inner.nature.segments != segments {
            inner.nature.segments = segments;
            inner.apply();
        }
        if let Some(watching) = &mut inner.watching {
            let media = watching.scan.media();
            watching.scan.segment();
            watching.segment_from.get_or_insert(media);
        }
    }

    /// A segment came, or failed. How long its media is, is measured here where it can be.
    pub fn segment(&self, seen: SegmentSeen) {
        let mut inner = self.inner();
        let measured = !inner.nature.is_remuxed();
        let Some(watching) = &mut inner.watching else {
            return;
        };
        let waits_since = watching.waits_since();
        watching.failed_at = waits_since.filter(|_| seen.failed);
        let end = watching.scan.media();
        let from = watching.segment_from.take().filter(|_| measured);
        watching.segment_from = (!seen.failed).then_some(end);
        let lasted = from.map(|from| end.saturating_sub(from));
        watching.has_playlists = true;
        watching.watch.on_segment(SegmentSeen {
            media: seen.media.or(lasted.filter(|lasted| !lasted.is_zero())),
            ..seen
        });
    }

    /// What was seen since the last time; nothing while it is off.
    pub fn take(&self, now: Instant) -> Observed {
        let mut inner = self.inner();
        let remuxed = inner.nature.is_remuxed();
        let Some(watching) = &mut inner.watching else {
            return Observed::default();
        };
        let scan = watching.scan.take(now);
        let heard_at = *watching.heard_at.get_or_insert(now);
        let idle_since = watching.waits_since().unwrap_or(heard_at);
        let usual_bitrate = watching.rates.median();
        watching.rates.learn(&scan);
        let playlist = watching.lately(now);
        Observed {
            scan,
            playlist: watching.has_playlists.then_some(playlist),
            variants: watching.variants.filter(|report| report.watched > 0),
            idle_for: now.saturating_duration_since(idle_since),
            usual_bitrate,
            remuxed,
        }
    }

    fn watching(&self, tell: impl FnOnce(&mut Watching)) {
        if self.is_enabled()
            && let Some(watching) = &mut self.inner().watching
        {
            tell(watching);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What a panic left is a count or two off at worst.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn found(&mut self, found: &Found) {
        let chosen = found.variants.iter().filter(|variant| variant.chosen);
        let bandwidth = chosen
            .filter_map(|variant| variant.bandwidth)
            .reduce(u64::saturating_add);
        let before = self.nature;
        self.nature.container = found.container;
        self.nature.live = found.live;
        self.nature.bandwidth = bandwidth;
        if self.nature == before {
            return;
        }
        self.apply();
        if let Some(watching) = &mut self.watching
            && before.bandwidth != bandwidth
        {
            // Another variant: another playlist.
            watching.watch.restart();
            watching.variants = None;
        }
    }

    fn apply(&mut self) {
        if let Some(watching) = &mut self.watching {
            watching.scan.set_options(self.nature.options());
            watching
                .watch
                .set_announced_bandwidth(self.nature.bandwidth);
        }
    }
}

impl Watching {
    fn new(nature: &Nature) -> Self {
        let mut watch = Watch::default();
        watch.set_announced_bandwidth(nature.bandwidth);
        Self {
            scan: Scan::new(nature.options()),
            watch,
            reports: VecDeque::new(),
            has_playlists: false,
            variants: None,
            heard_at: None,
            media_at: None,
            asked_at: None,
            failed_at: None,
            segment_from: None,
            rates: Rates::default(),
        }
    }

    fn discontinuity(&mut self) {
        self.scan.discontinuity();
        // No media time passes over it.
        self.segment_from = Some(self.scan.media());
    }

    /// What the watch has reported in the last four target durations, and in ten seconds at least.
    fn lately(&mut self, now: Instant) -> PlaylistReport {
        let newest = self.watch.report(now);
        let window = (newest.target_duration * 4).max(LATELY);
        let ago = |at: Instant| now.saturating_duration_since(at);
        // A few that overlap the window are exact enough.
        match self.reports.back_mut() {
            Some((since, last)) if ago(*since) < window / 4 => *last = last.followed_by(&newest),
            _ => self.reports.push_back((now, newest)),
        }
        while self
            .reports
            .front()
            .is_some_and(|(since, _)| ago(*since) > window)
        {
            self.reports.pop_front();
        }
        let all = self.reports.iter().map(|(_, report)| report.clone());
        all.reduce(|before, later| before.followed_by(&later))
            .unwrap_or_default()
    }

    /// Since when a segment is waited for that does not come; `None` while none is.
    fn waits_since(&self) -> Option<Instant> {
        let newest = |asked: Instant| asked.max(self.media_at.unwrap_or(asked));
        self.failed_at.or(self.asked_at.map(newest))
    }

    fn hears_of_playlist(&mut self, at: Instant) {
        self.has_playlists = true;
        // Its loading began then; bytes may have come since.
        self.heard_at = self.heard_at.max(Some(at));
    }
}

impl Rates {
    fn learn(&mut self, scan: &ScanReport) {
        self.since += scan.media;
        let due = self.seen < EAGER_RATES || self.since >= RATE_EVERY;
        let Some(rate) = scan.bitrate.filter(|_| due && scan.media >= LEAST_MEDIA) else {
            return;
        };
        self.since = Duration::ZERO;
        self.seen += 1;
        if self.newest.len() == RATES {
            self.newest.pop_front();
        }
        self.newest.push_back(rate as f32);
    }

    fn median(&self) -> Option<f64> {
        let mut sorted: Vec<f32> = self.newest.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        (sorted.len() >= 3).then(|| f64::from(sorted[sorted.len() / 2]))
    }
}
