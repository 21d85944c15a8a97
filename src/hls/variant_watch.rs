//! Watches the variants beside the one that is pulled: all hold the same content and go on together (RFC 8216, 6.2.4),
//! or a player that changes between them stands still or jumps. Fetches nothing; whose playlist is due, it says.
//!
//! Media sequence numbers of two variants need not be the same, but their distance stays: by how much it has changed
//! is how far they have drifted apart.

use std::time::Duration;

use super::playlist::MediaPlaylist;

/// Segments by which one variant may be ahead or behind: its playlist came some seconds before or after the other's.
const SLACK: u64 = 3;
/// Times in a row that a variant has to be found apart, or could not be loaded.
const PROOF: u32 = 2;
/// A numbering that is so many segments elsewhere is another one.
const ANEW: u64 = 1_000;

/// How the variants beside the one that is pulled are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VariantReport {
    /// Variants beside it that were looked at.
    pub watched: u64,
    /// Of these, ones whose playlist could not be loaded or read, twice in a row.
    pub failing: u64,
    /// Of these, ones that stood still while the one that is pulled went on by three segments or more.
    pub standing: u64,
    /// By how much the worst of the others has moved against the one that is pulled; zero below three segments.
    pub drift: Duration,
}

/// Watches the variants of one stream.
#[derive(Debug, Default)]
pub struct VariantWatch {
    own: Option<Position>,
    others: Vec<Other>,
    turn: usize,
}

/// Where a playlist is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Position {
    /// Number after that of its last segment.
    end: u64,
    /// Of its segments, on average.
    segment: Duration,
}

/// A variant that is not pulled.
#[derive(Clone, Copy, Debug, Default)]
struct Other {
    seen: bool,
    failures: u32,
    standing: bool,
    /// The end of the one that is pulled, and its own, when it was last seen to move.
    moved: Option<(u64, u64)>,
    /// Segments that it was behind at first.
    usual: Option<i64>,
    /// Segments that it is away from there, and how often in a row.
    apart: (u64, u32),
}

impl Position {
    fn of(playlist: &MediaPlaylist) -> Option<Self> {
        let count = u32::try_from(playlist.segments.len()).ok()?;
        let total: Duration = playlist.segments.iter().map(|s| s.duration).sum();
        Some(Self {
            end: playlist.media_sequence.saturating_add(count.into()),
            segment: total.checked_div(count)?,
        })
    }

    /// Whether both are cut alike, so that their numbers grow together.
    fn is_cut_like(&self, other: &Self) -> bool {
        self.segment.abs_diff(other.segment) <= self.segment / 10
    }

    fn behind(&self, other: &Self) -> i64 {
        other.end.wrapping_sub(self.end).cast_signed()
    }
}

impl VariantWatch {
    /// Of so many variants beside the one that is pulled.
    pub fn new(others: usize) -> Self {
        Self {
            own: None,
            others: vec![Other::default(); others],
            turn: 0,
        }
    }

    /// The playlist of the variant that is pulled.
    pub fn on_own(&mut self, playlist: &MediaPlaylist) {
        let Some(own) = Position::of(playlist) else {
            return;
        };
        // It counts anew, and so will the others.
        if self.own.is_some_and(|before| own.end < before.end) {
            self.others
                .iter_mut()
                .for_each(|other| *other = other.anew());
        }
        self.own = Some(own);
    }

    /// The variant whose playlist is due next; `None` if there is nothing to compare.
    pub fn next(&self) -> Option<usize> {
        self.own?;
        (!self.others.is_empty()).then(|| self.turn % self.others.len())
    }

    /// The playlist of the variant that was due.
    pub fn on_playlist(&mut self, playlist: &MediaPlaylist) {
        let (Some(own), Some(which)) = (self.own, self.next()) else {
            return;
        };
        self.turn = which + 1;
        let other = &mut self.others[which];
        other.failures = 0;
        other.seen = true;
        if let Some(at) = Position::of(playlist).filter(|_| !playlist.ended) {
            other.moves(own, at);
        }
    }

    /// The playlist of the variant that was due could not be loaded or read. It stays due.
    pub fn on_failure(&mut self) {
        if let Some(which) = self.next() {
            let other = &mut self.others[which];
            other.seen = true;
            other.failures = other.failures.saturating_add(1);
            if other.failures >= PROOF {
                self.turn = which + 1;
            }
        }
    }

    /// The variant that was due could not be looked at; it is another one's turn.
    pub fn pass(&mut self) {
        self.turn += 1;
    }

    /// How the others are.
    pub fn report(&self) -> VariantReport {
        let count = |is: fn(&Other) -> bool| self.others.iter().filter(|o| is(o)).count() as u64;
        let apart = self.others.iter().map(Other::proven_apart).max();
        let segment = self.own.map_or(Duration::ZERO, |own| own.segment);
        let apart = u32::try_from(apart.unwrap_or(0)).unwrap_or(u32::MAX);
        VariantReport {
            watched: count(|other| other.seen),
            failing: count(|other| other.failures >= PROOF),
            standing: count(|other| other.standing),
            drift: segment.saturating_mul(apart),
        }
    }
}

impl Other {
    fn anew(self) -> Self {
        Self {
            seen: self.seen,
            failures: self.failures,
            ..Self::default()
        }
    }

    fn moves(&mut self, own: Position, at: Position) {
        match self.moved {
            Some((_, end)) if end == at.end => {
                let from = self.moved.map_or(own.end, |(from, _)| from);
                self.standing = own.end >= from + SLACK;
            }
            _ => {
                self.standing = false;
                self.moved = Some((own.end, at.end));
            }
        }
        if !own.is_cut_like(&at) {
            self.usual = None;
            self.apart = (0, 0);
            return;
        }
        let behind = at.behind(&own);
        let usual = *self.usual.get_or_insert(behind);
        let away = behind.abs_diff(usual);
        if away >= ANEW {
            self.usual = Some(behind);
            self.apart = (0, 0);
        } else if away >= SLACK {
            self.apart = (away, self.apart.1.saturating_add(1));
        } else {
            self.apart = (0, 0);
        }
    }

    fn proven_apart(&self) -> u64 {
        if self.apart.1 >= PROOF {
            self.apart.0
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::hls::{Limits, Playlist, parse};

    /// Six segments of four seconds, the last with the number before `end`.
    fn playlist(end: u64) -> MediaPlaylist {
        cut(end, 4)
    }

    fn cut(end: u64, seconds: u64) -> MediaPlaylist {
        let mut text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:{seconds}\n#EXT-X-MEDIA-SEQUENCE:{}\n",
            end - 6
        );
        for n in end - 6..end {
            let _ = write!(text, "#EXTINF:{seconds},\n{n}.ts\n");
        }
        let base = url::Url::parse("http://example.com/").expect("a URL");
        match parse(text.as_bytes(), &base, &Limits::default()).expect("a playlist") {
            Playlist::Media(media) => media,
            Playlist::Multivariant(_) => panic!("a media playlist"),
        }
    }

    /// Plays pairs of (own end, other's end; 0 for a failure), and reports.
    fn played(pairs: &[(u64, u64)]) -> VariantReport {
        let mut watch = VariantWatch::new(1);
        for (own, other) in pairs {
            watch.on_own(&playlist(*own));
            assert_eq!(watch.next(), Some(0));
            match other {
                0 => watch.on_failure(),
                end => watch.on_playlist(&playlist(*end)),
            }
        }
        watch.report()
    }

    fn well() -> VariantReport {
        VariantReport {
            watched: 1,
            ..VariantReport::default()
        }
    }

    #[test]
    fn variants_that_go_on_together_are_well_however_they_are_numbered() {
        assert_eq!(played(&[(10, 10), (18, 17), (25, 27), (32, 32)]), well());
        assert_eq!(played(&[(10, 910), (18, 917), (25, 927)]), well());
        // One late answer proves nothing, and neither does a failure.
        assert_eq!(played(&[(10, 10), (18, 15), (25, 25)]), well());
        assert_eq!(played(&[(10, 10), (18, 0), (25, 25), (32, 0)]), well());
    }

    #[test]
    fn one_that_stands_while_the_other_goes_on() {
        let report = played(&[(10, 10), (18, 10)]);
        assert_eq!((report.standing, report.failing), (1, 0));
        assert_eq!(played(&[(10, 10), (12, 10)]), well(), "too soon to tell");
        assert_eq!(played(&[(10, 10), (18, 10), (19, 19)]), well(), "goes on");
    }

    #[test]
    fn variants_that_drift_apart() {
        let report = played(&[(10, 10), (18, 14), (26, 22)]);
        assert_eq!(report.drift, Duration::from_secs(16));
        let report = played(&[(10, 10), (18, 22), (26, 31)]);
        assert_eq!(report.drift, Duration::from_secs(20));
        // Another numbering is no drift, neither the other's nor its own.
        assert_eq!(played(&[(10, 10), (18, 2018), (26, 2026)]), well());
        assert_eq!(played(&[(100, 100), (20, 110), (28, 118)]), well());
    }

    #[test]
    fn one_that_cannot_be_loaded() {
        assert_eq!(played(&[(10, 0), (14, 0)]).failing, 1);
        assert_eq!(played(&[(10, 0), (14, 0), (18, 18)]), well());
    }

    #[test]
    fn cut_otherwise_is_not_compared_by_number() {
        let mut watch = VariantWatch::new(2);
        for n in 0..4 {
            watch.on_own(&playlist(10 + 8 * n));
            for _ in 0..2 {
                watch.on_playlist(&cut(20 + 16 * n, 2));
            }
        }
        let report = watch.report();
        assert_eq!((report.watched, report.drift), (2, Duration::ZERO));
    }

    #[test]
    fn all_have_their_turn_and_who_fails_has_two() {
        let mut watch = VariantWatch::new(3);
        assert_eq!(watch.next(), None, "nothing to compare with");
        watch.on_own(&playlist(10));
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(watch.next());
            watch.on_playlist(&playlist(10));
        }
        for _ in 0..3 {
            turns.push(watch.next());
            watch.on_failure();
        }
        assert_eq!(turns, [0, 1, 2, 0, 1, 1, 2].map(Some));
    }
}
