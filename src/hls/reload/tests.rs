use super::*;
use proptest::prelude::*;
use url::Url;

#[allow(clippy::disallowed_methods)] // an Instant can only come from a clock; the rest is arithmetic
fn start() -> Instant {
    Instant::now()
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn segment(sequence: u64, name: &str) -> Segment {
    Segment {
        sequence,
        uri: Url::parse("http://h.example/live/")
            .unwrap()
            .join(name)
            .unwrap(),
        duration: secs(4.0),
        byte_range: None,
        key: None,
        map: None,
        discontinuity: false,
        after_loss: false,
        gap: false,
    }
}

/// Names and the number of the first.
fn list<S: AsRef<str>>(first: u64, names: &[S]) -> MediaPlaylist {
    MediaPlaylist {
        target_duration: secs(4.0),
        media_sequence: first,
        discontinuity_sequence: 0,
        segments: (first..)
            .zip(names)
            .map(|(n, name)| segment(n, name.as_ref()))
            .collect(),
        ended: false,
    }
}

/// Segments named by their numbers.
fn numbered(numbers: std::ops::Range<u64>) -> MediaPlaylist {
    let names: Vec<_> = numbers.clone().map(|n| format!("{n}.ts")).collect();
    list(numbers.start, &names)
}

struct Rig {
    start: Instant,
    now: f64,
    reloader: Reloader,
}

impl Rig {
    fn new() -> Self {
        let start = start();
        Self {
            start,
            now: 0.0,
            reloader: Reloader::new(start, ReloadOptions::default()),
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + secs(seconds)
    }

    fn load(&mut self, at: f64, playlist: MediaPlaylist) {
        self.now = at;
        self.reloader.on_playlist(playlist, self.at(at));
    }

    /// All that can be fetched now: `*` marks a discontinuity.
    fn drain(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            match self.reloader.next(self.at(self.now)) {
                Step::Fetch(segment) => {
                    let mark = if segment.discontinuity { "*" } else { "" };
                    let name = segment
                        .uri
                        .path()
                        .trim_start_matches("/live/")
                        .trim_end_matches(".ts");
                    names.push(format!("{mark}{name}"));
                }
                _ => return names,
            }
        }
    }

    fn reload_at(&mut self) -> f64 {
        match self.reloader.next(self.at(self.now)) {
            Step::Reload { at } => at.duration_since(self.start).as_secs_f64(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn where_to_start() {
    let mut short_tail = numbered(0..6);
    short_tail.segments[4].duration = secs(1.0);
    let mut ended = numbered(0..9);
    ended.ended = true;
    let mut long = numbered(0..6);
    long.segments
        .iter_mut()
        .for_each(|s| s.duration = secs(9.0));
    let cases: [(&str, MediaPlaylist, u64); 6] = [
        ("three target durations", numbered(10..19), 16),
        ("four segments where one is short", short_tail, 2),
        ("not fewer than three segments", long, 3),
        ("all of a short window", numbered(0..2), 0),
        ("one", numbered(5..6), 5),
        ("what has ended from its start", ended, 0),
    ];
    for (what, playlist, first) in cases {
        let mut rig = Rig::new();
        rig.load(0.0, playlist);
        assert_eq!(rig.drain().first(), Some(&first.to_string()), "{what}");
    }
}

#[test]
fn reload_times() {
    // (loaded at, window, next reload)
    let table = [
        (0.0, 0..6, 4.0),
        (4.1, 1..7, 8.1),
        (8.1, 1..7, 10.1),
        (10.1, 1..7, 12.1),
        (12.1, 2..8, 16.1),
    ];
    let mut rig = Rig::new();
    assert!(rig.reload_at() < 1e-6, "at once");
    for (at, window, next) in table {
        rig.load(at, numbered(window));
        rig.drain();
        assert!((rig.reload_at() - next).abs() < 1e-6, "after {at}");
    }
    assert_eq!(rig.reloader.counters().unchanged, 2);
    for (n, delay) in [2.0, 4.0, 8.0, 10.0, 10.0].into_iter().enumerate() {
        rig.reloader.on_failure(rig.at(20.0), Duration::MAX);
        assert!((rig.reload_at() - 20.0 - delay).abs() < 1e-6, "failure {n}");
    }
    rig.load(30.0, numbered(2..8));
    rig.reloader.on_failure(rig.at(32.0), Duration::MAX);
    assert!((rig.reload_at() - 34.0).abs() < 1e-6, "a success forgives");
}

#[test]
fn a_lying_target_duration_neither_starves_nor_hurries() {
    for (target, expected) in [(3600.0, 4.0), (0.001, 1.0), (8.0, 8.0)] {
        let mut rig = Rig::new();
        let mut playlist = numbered(0..6);
        playlist.target_duration = secs(target);
        rig.load(0.0, playlist);
        rig.drain();
        assert!((rig.reload_at() - expected).abs() < 1e-6, "{target}");
    }
}

#[test]
fn a_window_slides_without_loss_or_repetition() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..6));
    assert_eq!(rig.drain(), ["3", "4", "5"]);
    rig.load(4.0, numbered(1..8));
    assert_eq!(rig.drain(), ["6", "7"]);
    rig.load(8.0, numbered(1..8));
    assert!(rig.drain().is_empty());
    assert_eq!(rig.reloader.unchanged_for(rig.at(9.0)), secs(5.0));
    assert_eq!(rig.reloader.counters().discontinuities, 0);
}

#[test]
fn what_slid_out_is_counted_and_marked() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..6));
    let Step::Fetch(_) = rig.reloader.next(rig.at(0.0)) else {
        panic!()
    };
    rig.load(20.0, numbered(5..11));
    assert_eq!(rig.drain(), ["*5", "6", "7", "8", "9", "10"]);
    assert_eq!(rig.reloader.counters().missed, 1);
    rig.load(60.0, numbered(15..21));
    assert_eq!(rig.drain(), ["*15", "16", "17", "18", "19", "20"]);
    let counters = rig.reloader.counters();
    assert_eq!(
        (counters.missed, counters.discontinuities, counters.restarts),
        (5, 2, 0)
    );
}

#[test]
fn a_restarted_source_goes_on_with_growing_numbers() {
    for (what, window) in [("backwards", 0..6), ("far ahead", 5_000_000..5_000_006)] {
        let mut rig = Rig::new();
        rig.load(0.0, numbered(1000..1006));
        rig.drain();
        rig.load(4.0, numbered(window.clone()));
        let Step::Fetch(first) = rig.reloader.next(rig.at(4.0)) else {
            panic!("{what}")
        };
        assert_eq!(
            (first.sequence, first.discontinuity),
            (1006, true),
            "{what}"
        );
        assert_eq!(rig.drain().len(), 2);
        rig.load(8.0, numbered(window.start + 1..window.end + 1));
        let Step::Fetch(next) = rig.reloader.next(rig.at(8.0)) else {
            panic!("{what}")
        };
        assert_eq!((next.sequence, next.discontinuity), (1009, false), "{what}");
        assert_eq!(rig.reloader.counters().restarts, 1);
        let old = rig.reloader.segment_failed(1005, rig.at(8.0));
        assert_eq!(old, Failed::Skipped, "gone with the old numbering");
    }
}

#[test]
fn an_address_replaced_within_the_window_is_no_restart() {
    let mut rig = Rig::new();
    rig.load(0.0, list(5, &["a", "b", "c"]));
    assert_eq!(rig.drain(), ["a", "b", "c"]);
    rig.load(4.0, list(5, &["a", "slate", "c", "d"]));
    assert_eq!(rig.drain(), ["d"]);
    assert_eq!(
        rig.reloader.counters().restarts + rig.reloader.counters().unnumbered,
        0
    );
}

#[test]
fn an_older_copy_is_ignored_unless_it_stays() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(10..16));
    rig.drain();
    rig.load(4.0, numbered(9..15));
    assert!(rig.drain().is_empty());
    rig.load(6.0, numbered(11..17));
    assert_eq!(rig.drain(), ["16"]);
    for at in [10.0, 14.0, 18.0, 22.0] {
        rig.load(at, numbered(8..14));
        assert!(rig.drain().is_empty());
    }
    rig.load(22.1, numbered(8..14));
    assert_eq!(rig.drain(), ["*11", "12", "13"]);
    let counters = rig.reloader.counters();
    assert_eq!((counters.older, counters.restarts), (6, 1));
}

#[test]
fn a_sequence_number_that_stays_is_seen_through() {
    let mut rig = Rig::new();
    rig.load(0.0, list(0, &["a", "b", "c"]));
    assert_eq!(rig.drain(), ["a", "b", "c"]);
    rig.load(4.0, list(0, &["b", "c", "d", "e"]));
    assert_eq!(rig.drain(), ["d", "e"]);
    rig.load(8.0, list(0, &["b", "c", "d", "e"]));
    assert!(rig.drain().is_empty());
    rig.load(12.0, list(0, &["x", "y", "z"]));
    assert_eq!(rig.drain(), ["*x", "y", "z"]);
    let counters = rig.reloader.counters();
    assert_eq!(
        (counters.unnumbered, counters.restarts, counters.unchanged),
        (1, 1, 1)
    );
    // Told apart by their queries alone.
    let mut rig = Rig::new();
    rig.load(0.0, list(0, &["s?n=1", "s?n=2", "s?n=3"]));
    assert_eq!(rig.drain().len(), 3);
    rig.load(4.0, list(0, &["s?n=2", "s?n=3", "s?n=4"]));
    let Step::Fetch(next) = rig.reloader.next(rig.at(4.0)) else {
        panic!()
    };
    assert_eq!((next.sequence, next.uri.query()), (3, Some("n=4")));
}

#[test]
fn tokens_that_change_at_each_reload_do_not_hide_a_dead_source() {
    let signed = |token| list(7, &[format!("a?t={token}"), format!("b?t={token}")]);
    let mut rig = Rig::new();
    rig.load(0.0, signed(1));
    assert_eq!(rig.drain(), ["a", "b"]);
    let mut at = 0.0;
    for token in 2..30 {
        at += 2.0;
        rig.load(at, signed(token));
        assert!(rig.drain().is_empty());
    }
    let step = rig.reloader.next(rig.at(at));
    assert!(
        matches!(step, Step::Stale { unchanged_for, .. } if unchanged_for == secs(at)),
        "{step:?}"
    );
    rig.load(at, list(7, &["a?t=x", "b?t=x", "c?t=x"]));
    assert_eq!(rig.drain(), ["c"]);
    assert!(matches!(rig.reloader.next(rig.at(at)), Step::Reload { .. }));
}

#[test]
fn gaps_are_skipped_with_a_discontinuity() {
    let mut playlist = numbered(0..3);
    playlist.segments[1].gap = true;
    let mut rig = Rig::new();
    rig.load(0.0, playlist);
    assert_eq!(rig.drain(), ["0", "*2"]);
    assert_eq!(rig.reloader.counters().gaps, 1);
}

#[test]
fn a_failed_segment_is_tried_once_more_while_listed() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..3));
    let Step::Fetch(first) = rig.reloader.next(rig.at(0.0)) else {
        panic!()
    };
    assert_eq!(
        rig.reloader.segment_failed(first.sequence, rig.at(0.0)),
        Failed::Retry
    );
    let until = Step::Wait {
        until: Some(rig.at(0.25)),
    };
    assert_eq!(rig.reloader.next(rig.at(0.0)), until);
    rig.now = 0.25;
    let Step::Fetch(again) = rig.reloader.next(rig.at(0.25)) else {
        panic!()
    };
    assert_eq!(again, first);
    assert_eq!(rig.reloader.segment_failed(0, rig.at(0.3)), Failed::Skipped);
    assert_eq!(rig.drain(), ["*1", "2"]);
    rig.load(4.0, numbered(2..5));
    assert_eq!(
        rig.reloader.segment_failed(1, rig.at(4.0)),
        Failed::Skipped,
        "no longer listed"
    );
    assert_eq!(
        rig.reloader.segment_failed(99, rig.at(4.0)),
        Failed::Skipped,
        "unknown"
    );
    assert_eq!(rig.drain(), ["*3", "4"]);
    let counters = rig.reloader.counters();
    assert_eq!(
        (counters.segments, counters.retries, counters.skipped),
        (5, 1, 2)
    );
}

#[test]
fn a_playlist_that_ends_is_finished_and_not_reloaded() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..3));
    rig.drain();
    let mut last = numbered(0..4);
    last.ended = true;
    rig.load(4.0, last);
    assert_eq!(rig.drain(), ["3"]);
    assert_eq!(rig.reloader.next(rig.at(1000.0)), Step::Ended);
    rig.now = 1000.0;
    assert_eq!(rig.reloader.segment_failed(3, rig.at(999.0)), Failed::Retry);
    assert_eq!(rig.drain(), ["3"]);
}

#[test]
fn far_behind_skips_to_the_live_edge() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..6));
    rig.load(100.0, numbered(0..30));
    assert_eq!(rig.drain(), ["*27", "28", "29"]);
    assert_eq!(rig.reloader.counters().passed_over, 24);
}

#[test]
fn slow_reloads_do_not_starve_segments_nor_the_other_way_round() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..6));
    // Each reload takes longer than the interval, so it is overdue when it arrives.
    let mut fetched = 0;
    for round in 1..4 {
        let now = f64::from(round) * 10.0;
        rig.now = now;
        let step = rig.reloader.next(rig.at(now));
        assert!(matches!(step, Step::Fetch(_)), "{step:?}");
        fetched += 1;
        assert!(matches!(
            rig.reloader.next(rig.at(now)),
            Step::Reload { .. }
        ));
        rig.reloader.on_playlist(numbered(0..6), rig.at(now));
        rig.now = now + 9.0;
    }
    assert_eq!(fetched, 3);
    rig.reloader.reload_started();
    assert_eq!(rig.reloader.next(rig.at(100.0)), Step::Wait { until: None });
    rig.reloader.on_failure(rig.at(100.0), Duration::MAX);
    let step = rig.reloader.next(rig.at(100.0));
    assert!(
        matches!(step, Step::Stale { at, .. } if at == rig.at(102.0)),
        "{step:?}"
    );
}

#[test]
fn an_empty_playlist_changes_nothing() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..0));
    assert!((rig.reload_at() - 2.0).abs() < 1e-6);
    rig.load(2.0, numbered(0..3));
    rig.drain();
    rig.load(6.0, numbered(0..0));
    rig.load(8.0, numbered(1..4));
    assert_eq!(rig.drain(), ["3"]);
}

proptest! {
    #[test]
    fn numbers_only_grow_and_nothing_panics(
        loads in prop::collection::vec((prop_oneof![0..40_u64, any::<u64>()], 0..8_usize, 0..3_u8, 0..6_u32, any::<bool>()), 1..30),
    ) {
        let mut rig = Rig::new();
        let mut last = None;
        for (n, (first, length, naming, fetches, fails)) in loads.into_iter().enumerate() {
            let first = first.min(u64::MAX - 100);
            let names: Vec<_> = (first..first + length as u64)
                .map(|k| match naming {
                    0 => format!("{k}.ts"),
                    1 => format!("{}.ts", k % 5),
                    _ => format!("s?{k}"),
                })
                .collect();
            let now = n as f64 * 3.0;
            rig.load(now, list(first, &names));
            for _ in 0..fetches {
                let Step::Fetch(segment) = rig.reloader.next(rig.at(now + 1.0)) else { break };
                // Wrapping numbers are not promised to grow.
                if first < 1000 && last.is_some_and(|last| last < 1_000_000) {
                    prop_assert!(last.is_none_or(|last| segment.sequence > last), "{} after {:?}", segment.sequence, last);
                }
                last = Some(segment.sequence);
                if fails && fetches % 2 == 0 {
                    rig.reloader.segment_failed(segment.sequence, rig.at(now));
                    last = None;
                }
            }
        }
    }
}

#[test]
fn a_loss_is_told_from_a_jump() {
    let joints = |mut rig: Rig| {
        let mut all = Vec::new();
        while let Step::Fetch(segment) = rig.reloader.next(rig.at(rig.now)) {
            all.push((segment.discontinuity, segment.after_loss));
        }
        all
    };
    let mut playlist = numbered(0..6);
    playlist.ended = true;
    playlist.segments[1].gap = true;
    (playlist.segments[3].gap, playlist.segments[3].discontinuity) = (true, true);
    let mut rig = Rig::new();
    rig.load(0.0, playlist);
    assert_eq!(
        joints(rig),
        [(false, false), (true, true), (true, false), (false, false)]
    );
}

impl Rig {
    /// What a look would get; `*` marks a discontinuity.
    fn sample(&mut self) -> Option<String> {
        match self.reloader.sample(self.at(self.now), true) {
            Step::Fetch(segment) => {
                let mark = if segment.discontinuity { "*" } else { "" };
                Some(format!("{mark}{}", segment.sequence))
            }
            _ => None,
        }
    }

    fn idle(&mut self) -> Step {
        self.reloader.sample(self.at(self.now), false)
    }
}

#[test]
fn who_looks_now_and_then_gets_the_newest_and_nothing_is_lost() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(10..16));
    let at = rig.at(4.0);
    assert_eq!(rig.idle(), Step::Reload { at });
    assert_eq!(rig.sample().as_deref(), Some("*15"));
    assert_eq!(rig.sample(), None, "it has been seen");
    rig.load(4.0, numbered(11..17));
    rig.load(8.0, numbered(12..18));
    let mut gap = numbered(13..19);
    gap.segments[5].gap = true;
    rig.load(12.0, gap);
    assert_eq!(rig.sample().as_deref(), Some("*17"), "18 is not there");
    let counters = rig.reloader.counters();
    assert_eq!((counters.missed, counters.skipped), (0, 0));
    assert_eq!(counters.passed_over, 3);
    // From here on all of it.
    rig.load(16.0, numbered(14..20));
    assert_eq!(rig.drain(), ["*19"]);
    rig.load(20.0, numbered(15..21));
    assert_eq!(rig.drain(), ["20"]);
}

#[test]
fn a_look_that_fails_is_tried_again_while_nothing_newer_is_there() {
    let mut rig = Rig::new();
    rig.load(0.0, numbered(0..3));
    assert_eq!(rig.sample().as_deref(), Some("*2"));
    assert_eq!(rig.reloader.segment_failed(2, rig.at(0.0)), Failed::Retry);
    let until = Some(rig.at(0.25));
    let step = rig.reloader.sample(rig.at(0.0), true);
    assert_eq!(step, Step::Wait { until });
    rig.now = 0.25;
    assert_eq!(rig.sample().as_deref(), Some("*2"));
    assert_eq!(rig.reloader.segment_failed(2, rig.at(0.5)), Failed::Skipped);
    rig.load(4.0, numbered(1..4));
    assert_eq!(rig.sample().as_deref(), Some("*3"));
}

#[test]
fn what_has_ended_is_looked_at_from_its_start() {
    let mut rig = Rig::new();
    let mut ended = numbered(0..3);
    ended.ended = true;
    rig.load(0.0, ended);
    for expected in ["0", "1", "2"] {
        assert_eq!(rig.idle(), Step::Wait { until: None });
        assert_eq!(rig.sample().as_deref(), Some(expected));
    }
    assert_eq!(rig.idle(), Step::Ended);
}
