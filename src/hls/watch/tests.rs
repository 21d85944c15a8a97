use proptest::prelude::*;
use url::Url;

use super::*;
use crate::base::clock::now;

/// Segments of 4 s, named by their numbers.
fn list(numbers: std::ops::Range<u64>) -> MediaPlaylist {
    let base = Url::parse("http://h.example/live/").unwrap();
    let segment = |sequence| Segment {
        sequence,
        uri: base.join(&format!("{sequence}.ts")).unwrap(),
        duration: Duration::from_secs(4),
        byte_range: None,
        key: None,
        map: None,
        discontinuity: false,
        after_loss: false,
        gap: false,
    };
    MediaPlaylist {
        target_duration: Duration::from_secs(4),
        media_sequence: numbers.start,
        discontinuity_sequence: 0,
        segments: numbers.map(segment).collect(),
        ended: false,
    }
}

fn watched(playlists: &[MediaPlaylist]) -> PlaylistReport {
    let (mut watch, mut at) = (Watch::default(), now());
    for playlist in playlists {
        watch.on_playlist(playlist, at);
        at += Duration::from_secs(4);
    }
    watch.report(at)
}

fn came(announced: f64, took: f64) -> SegmentSeen {
    SegmentSeen {
        sequence: 1,
        announced: Duration::from_secs_f64(announced),
        media: None,
        bytes: 1_000_000,
        took: Duration::from_secs_f64(took),
        failed: false,
    }
}

#[test]
fn a_playlist_that_goes_on() {
    let report = watched(&[list(7..12), list(8..13), list(10..15), list(15..18)]);
    let want = PlaylistReport {
        target_duration: Duration::from_secs(4),
        live: true,
        age: Duration::from_secs(4),
        loaded: 4,
        listed: 11,
        ..PlaylistReport::default()
    };
    assert_eq!(report, want);
}

#[test]
fn staleness_is_counted_from_answer_to_answer() {
    let (mut watch, start) = (Watch::default(), now());
    let at = |seconds| start + Duration::from_secs(seconds);
    watch.on_playlist(&list(0..5), at(0));
    // Nobody has asked: it is not known to be stale.
    let report = watch.report(at(20));
    assert_eq!(
        (report.age.as_secs(), report.unchanged_for.as_secs()),
        (20, 0)
    );
    watch.on_playlist(&list(0..5), at(21));
    watch.on_playlist_failed();
    let report = watch.report(at(25));
    assert_eq!(
        (report.age.as_secs(), report.unchanged_for.as_secs()),
        (25, 21)
    );
    assert_eq!(
        (report.unchanged, report.failures, report.failures_in_row),
        (1, 1, 1)
    );
    watch.on_playlist(&list(1..6), at(26));
    let report = watch.report(at(27));
    assert_eq!(
        (report.age.as_secs(), report.unchanged_for.as_secs()),
        (1, 0)
    );
    assert_eq!(
        (report.unchanged, report.failures, report.failures_in_row),
        (0, 0, 0)
    );
}

#[test]
fn numbers_that_go_back_leap_or_begin_anew() {
    let back = watched(&[list(7..12), list(8..13), list(7..12), list(9..14)]);
    assert_eq!(
        (back.regressions, back.restarts, back.missed, back.listed),
        (1, 0, 0, 7)
    );
    let gone = watched(&[list(7..12), list(15..20)]);
    assert_eq!((gone.regressions, gone.missed, gone.listed), (0, 3, 10));
    let mut other = list(0..3);
    for segment in &mut other.segments {
        segment.uri = segment
            .uri
            .join(&format!("anew-{}", segment.sequence))
            .unwrap();
    }
    let anew = watched(&[list(7..12), other]);
    assert_eq!((anew.regressions, anew.restarts, anew.missed), (0, 1, 0));
    let mut stood = list(1..6);
    stood.media_sequence = 0;
    for segment in &mut stood.segments {
        segment.sequence -= 1;
    }
    let stood = watched(&[list(0..5), stood]);
    assert_eq!((stood.unnumbered, stood.restarts, stood.listed), (1, 0, 6));
}

#[test]
fn a_long_playlist_is_followed_by_its_end() {
    let report = watched(&[list(0..2000), list(0..2001), list(1..2002), list(1..2002)]);
    assert_eq!(
        (report.listed, report.missed, report.unchanged),
        (2002, 0, 1)
    );
    assert_eq!(
        (report.regressions, report.restarts, report.unnumbered),
        (0, 0, 0)
    );
    let mut watch = Watch::default();
    watch.on_playlist(&list(0..20_000), now());
    assert_eq!(watch.seen.len(), TAIL);
}

#[test]
fn discontinuities_keep_their_number() {
    let with = |numbers: std::ops::Range<u64>, sequence, at: u64| {
        let mut playlist = list(numbers);
        playlist.discontinuity_sequence = sequence;
        for segment in &mut playlist.segments {
            segment.discontinuity = segment.sequence == at;
        }
        playlist
    };
    let right = [with(3..8, 1, 5), with(5..10, 1, 5), with(6..11, 2, 5)];
    assert_eq!(watched(&right).discontinuity_errors, 0);
    let wrong = [
        with(3..8, 1, 5),
        with(5..10, 1, 5),
        with(6..11, 1, 5),
        with(7..12, 1, 5),
    ];
    assert_eq!(watched(&wrong).discontinuity_errors, 1);
    let without = [with(3..8, 0, 5), with(6..11, 0, 5)];
    assert_eq!(watched(&without).discontinuity_errors, 0);
}

#[test]
fn segments_against_what_is_announced() {
    let mut playlist = list(0..3);
    playlist.segments[1].duration = Duration::from_millis(4400);
    playlist.segments[2].duration = Duration::from_millis(4600);
    playlist.segments[0].gap = true;
    let (mut watch, at) = (Watch::default(), now());
    watch.on_playlist(&playlist, at);
    watch.set_announced_bandwidth(Some(3_000_000));
    watch.on_segment(came(4.0, 1.0));
    watch.on_segment(SegmentSeen {
        media: Some(Duration::from_millis(3960)),
        ..came(4.0, 5.0)
    });
    watch.on_segment(SegmentSeen {
        media: Some(Duration::from_secs(6)),
        ..came(2.0, 1.0)
    });
    watch.on_segment(SegmentSeen {
        failed: true,
        ..came(4.0, 9.0)
    });
    let report = watch.report(at);
    assert_eq!((report.over_target, report.gaps), (1, 1));
    assert_eq!(
        (
            report.segments,
            report.segments_failed,
            report.segments_slow,
            report.segments_in_row
        ),
        (3, 1, 1, 0)
    );
    assert_eq!((report.announced.as_secs(), report.took.as_secs()), (10, 7));
    assert_eq!(report.measured, (2, 1));
    assert_eq!(report.mean_bandwidth, Some(2_400_000.0));
    assert_eq!(report.peak_bandwidth, Some(4_000_000.0));
    assert_eq!(report.announced_bandwidth, Some(3_000_000));
    assert_eq!(watch.report(at).segments, 0);
}

proptest! {
    #[test]
    fn whatever_is_listed(
        lists in prop::collection::vec((0_u64..40, 0_u64..90, any::<bool>(), 0_u64..3), 1..20),
        huge in any::<u64>(),
    ) {
        let (mut watch, mut at) = (Watch::default(), now());
        for (first, count, far, breaks) in lists {
            let mut playlist = list(first..first + count);
            playlist.discontinuity_sequence = breaks;
            if far {
                playlist.media_sequence = huge;
                for (segment, n) in playlist.segments.iter_mut().zip(0..) {
                    segment.sequence = huge.wrapping_add(n);
                }
            }
            watch.on_playlist(&playlist, at);
            at += Duration::from_secs(1);
            prop_assert!(watch.seen.len() <= TAIL);
        }
        let report = watch.report(at);
        prop_assert!(report.unchanged <= report.loaded);
    }
}
