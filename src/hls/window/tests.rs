use super::*;
use crate::ts::Keyframe;
use proptest::prelude::*;

const PSI: &[u8] = b"<psi>";

fn chunk(name: &str, clock: Option<f64>) -> Chunk {
    Chunk {
        data: Bytes::copy_from_slice(name.as_bytes()),
        keyframe: None,
        discontinuity: false,
        clock: clock.map(at),
    }
}

fn key(name: &str, clock: f64) -> Chunk {
    // PTS runs ahead of the clock, as it does in a real flow.
    let keyframe = Keyframe {
        psi: Bytes::from_static(PSI),
        pts: at(clock + 0.7),
    };
    Chunk {
        keyframe: Some(keyframe),
        ..chunk(name, Some(clock))
    }
}

fn at(seconds: f64) -> Ticks {
    (seconds * 90_000.0).round() as Ticks
}

fn options() -> WindowOptions {
    WindowOptions {
        target_duration: Some(Duration::from_secs(2)),
        ..WindowOptions::default()
    }
}

/// A flow from `from` to `to` with a keyframe each `gop` and a chunk each 0.1 s.
fn flow(window: &mut Window, from: f64, to: f64, gop: f64) {
    let mut next_key = from;
    for step in 0.. {
        let clock = from + f64::from(step) * 0.1;
        if clock >= to - 0.001 {
            break;
        }
        if clock >= next_key - 0.001 {
            window.push(&key("K", clock));
            next_key += gop;
        } else {
            window.push(&chunk("-", Some(clock)));
        }
    }
}

fn parsed(window: &Window) -> m3u8_rs::MediaPlaylist {
    let text = window.playlist("").unwrap();
    m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap()
}

fn durations(window: &Window) -> Vec<f32> {
    parsed(window)
        .segments
        .iter()
        .map(|segment| segment.duration)
        .collect()
}

fn content(window: &Window, sequence: u64) -> String {
    let parts = window.segment(sequence).unwrap().parts.concat();
    String::from_utf8(parts).unwrap()
}

#[test]
fn segments_start_with_tables_and_keyframe_and_last_the_target() {
    let mut window = Window::new(WindowOptions {
        independent: true,
        ..options()
    });
    window.push(&chunk("before", Some(0.0)));
    flow(&mut window, 0.0, 1.95, 2.0);
    assert!(!window.ready() && window.playlist("").is_none());
    flow(&mut window, 2.0, 5.9, 2.0);
    assert_eq!(durations(&window), [2.0, 2.0]);
    assert!(content(&window, 0).starts_with("<psi>K-"));
    assert!(!content(&window, 0).contains("before"));
    assert_eq!(window.segment(1).unwrap().bytes, 5 + 20);
    assert!(window.segment(2).is_none() && window.segment(u64::MAX).is_none());
    assert!(parsed(&window).independent_segments && !parsed(&window).end_list);
    assert!(
        parsed(&window)
            .segments
            .iter()
            .all(|segment| !segment.discontinuity)
    );
    assert_eq!(parsed(&window).segments[0].uri, "0.ts");
    window.end();
    assert!(parsed(&window).end_list);
    assert_eq!(parsed(&window).segments.len(), 3);
    window.push(&key("K", 9.0));
    assert_eq!(window.next_sequence(), 3);
}

#[test]
fn short_gops_are_gathered_without_exceeding_the_target() {
    for (gop, hint, expected) in [
        (0.5, Some(2), 2.0),
        (1.9, Some(2), 1.9),
        (1.9, None, 1.9),
        (1.5, Some(2), 1.5),
        (1.5, None, 3.0),
        (4.0, Some(4), 4.0),
    ] {
        let target_duration = hint.map(Duration::from_secs);
        let mut window = Window::new(WindowOptions {
            target_duration,
            ..options()
        });
        flow(&mut window, 0.0, 20.0, gop);
        let all = durations(&window);
        // The first segment is cut before the GOP length is known.
        assert!(
            all[2..].iter().all(|d| (d - expected).abs() < 0.001),
            "{gop}: {all:?}"
        );
    }
}

#[test]
fn without_hint_the_target_follows_from_the_first_segment_and_stays() {
    for (gop, expected) in [(1.0, 4), (2.0, 4), (3.0, 6), (10.0, 20), (60.0, 30)] {
        let mut window = Window::new(WindowOptions {
            target_duration: None,
            ..options()
        });
        assert_eq!(window.target_duration(), None);
        flow(&mut window, 0.0, 61.0, gop);
        assert_eq!(
            window.target_duration(),
            Some(Duration::from_secs(expected)),
            "{gop}"
        );
        flow(&mut window, 61.0, 120.0, 25.0);
        assert_eq!(parsed(&window).target_duration, expected);
        assert!(
            durations(&window)
                .iter()
                .all(|d| d.round() <= expected as f32)
        );
    }
}

#[test]
fn a_long_gop_is_cut_between_keyframes_and_independence_is_withdrawn() {
    let cases: [(f64, &[f32]); 2] = [
        (5.5, &[2.4, 2.4, 0.7, 1.5]),
        // The keyframe 0.2 s into a segment comes too soon to start another.
        (5.0, &[2.4, 2.4, 2.2]),
    ];
    for (gop, expected) in cases {
        let mut window = Window::new(WindowOptions {
            independent: true,
            ..options()
        });
        flow(&mut window, 0.0, 2.3, gop);
        window.push(&chunk("-", Some(2.3)));
        assert!(window.all_clean);
        let mut window = Window::new(WindowOptions {
            independent: true,
            ..options()
        });
        flow(&mut window, 0.0, 7.0, gop);
        window.end();
        let all = durations(&window);
        assert_eq!(all.len(), expected.len(), "{all:?}");
        assert!(
            all.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.001),
            "{all:?}"
        );
        assert!(!parsed(&window).independent_segments);
    }
}

#[test]
fn a_discontinuity_is_marked_and_counted_when_it_leaves() {
    let mut window = Window::new(options());
    flow(&mut window, 0.0, 5.0, 2.0);
    window.push(&Chunk {
        discontinuity: true,
        ..key("K", 1000.0)
    });
    flow(&mut window, 1000.1, 1004.0, 2.0);
    window.end();
    let playlist = parsed(&window);
    let marks: Vec<_> = playlist
        .segments
        .iter()
        .map(|segment| segment.discontinuity)
        .collect();
    assert_eq!(marks, [false, false, false, true, false, false]);
    assert!(
        (durations(&window)[2] - 1.0).abs() < 0.001,
        "{:?}",
        durations(&window)
    );
    assert_eq!(playlist.discontinuity_sequence, 0);
    assert_eq!(window.next_discontinuity_sequence(), 1);
}

#[test]
fn a_window_slides_and_keeps_some_for_the_slow() {
    let mut window = Window::new(WindowOptions {
        first_sequence: 40,
        ..options()
    });
    flow(&mut window, 0.0, 24.1, 2.0);
    let playlist = parsed(&window);
    assert_eq!((playlist.media_sequence, playlist.segments.len()), (46, 6));
    assert_eq!(
        playlist.discontinuity_sequence, 1,
        "the first one continued an earlier window"
    );
    assert!(window.segment(42).is_none() && window.segment(43).is_some());
    assert_eq!(playlist.segments[0].uri, "46.ts");
}

#[test]
fn a_playlist_stays_three_target_durations_long() {
    let target_duration = Some(Duration::from_secs(6));
    let mut window = Window::new(WindowOptions {
        target_duration,
        ..options()
    });
    flow(&mut window, 0.0, 60.0, 2.0);
    assert!((durations(&window).iter().sum::<f32>() - 18.0).abs() < 0.001);
}

#[test]
fn an_unmarked_jump_is_a_discontinuity() {
    for jump in [5000.0, 0.0] {
        let mut window = Window::new(options());
        flow(&mut window, 100.0, 103.0, 2.0);
        flow(&mut window, jump, jump + 3.0, 2.0);
        let playlist = parsed(&window);
        assert!(
            (playlist.segments[1].duration - 1.0).abs() < 0.001,
            "{playlist:?}"
        );
        assert!(playlist.segments[2].discontinuity);
    }
}

#[test]
fn bytes_are_bounded_by_cutting_and_by_giving_up_the_oldest() {
    let mut window = Window::new(WindowOptions {
        max_bytes: 8000,
        ..options()
    });
    let big = "x".repeat(900);
    for n in 0..100 {
        let clock = f64::from(n) * 0.01;
        window.push(&if n == 0 {
            key(&big, clock)
        } else {
            chunk(&big, Some(clock))
        });
        assert!(window.bytes_held() <= 8000);
    }
    let playlist = parsed(&window);
    assert!(playlist.media_sequence > 40 && !playlist.segments.is_empty());
    assert!(
        playlist
            .segments
            .iter()
            .all(|segment| segment.duration > 0.0)
    );
}

#[derive(Debug, Clone)]
struct Pushed {
    chunk: Chunk,
}

fn any_chunk() -> impl Strategy<Value = Pushed> {
    let ticks = prop_oneof![8 => 0..3_000_000_u64, 1 => any::<u64>()];
    let keyframe = prop::option::weighted(0.3, ticks.clone());
    let data = prop::collection::vec(any::<u8>(), 0..20);
    (
        data,
        keyframe,
        prop::bool::weighted(0.05),
        prop::option::weighted(0.9, ticks),
    )
        .prop_map(|(data, pts, discontinuity, clock)| Pushed {
            chunk: Chunk {
                data: data.into(),
                keyframe: pts.map(|pts| Keyframe {
                    psi: Bytes::from_static(PSI),
                    pts,
                }),
                discontinuity,
                clock,
            },
        })
}

/// A flow whose times mostly advance.
fn any_flow() -> impl Strategy<Value = Vec<Pushed>> {
    let step = prop_oneof![10 => 0..100_000_u64, 1 => 0..2_000_000_u64];
    let steady = prop::collection::vec((any_chunk(), step), 0..120).prop_map(|chunks| {
        let mut now = 0;
        let advance = |(mut pushed, step): (Pushed, u64)| {
            now += step;
            pushed.chunk.clock = pushed.chunk.clock.map(|_| now);
            if let Some(keyframe) = &mut pushed.chunk.keyframe {
                keyframe.pts = now + 9000;
            }
            pushed
        };
        chunks.into_iter().map(advance).collect()
    });
    prop_oneof![steady, prop::collection::vec(any_chunk(), 0..120)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_pushed_the_promises_hold(
        flow in any_flow(),
        hint in prop::option::of(0..9_u64),
        first_sequence in prop_oneof![Just(0), any::<u64>()],
        all_kept in any::<bool>(),
        max_bytes in prop_oneof![Just(usize::MAX), 500..5000_usize],
    ) {
        let all_kept = all_kept && max_bytes == usize::MAX;
        let mut window = Window::new(WindowOptions {
            first_sequence,
            target_duration: hint.map(Duration::from_secs),
            window_segments: if all_kept { 1000 } else { 2 },
            max_bytes,
            ..WindowOptions::default()
        });
        let first_sequence = window.next_sequence();
        let (mut target, mut sequence, mut discontinuities) = (None, 0, 0);
        let mut expected = Vec::new();
        for (n, Pushed { chunk }) in flow.iter().enumerate() {
            if chunk.keyframe.is_some() || !expected.is_empty() {
                expected.push(chunk.data.clone());
            }
            window.push(chunk);
            if n + 1 == flow.len() {
                window.end();
            }
            prop_assert!(window.bytes_held() <= max_bytes.max(3000));
            let Some(text) = window.playlist("?q=1") else { continue };
            let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
            prop_assert_eq!(*target.get_or_insert(playlist.target_duration), playlist.target_duration);
            prop_assert!(playlist.media_sequence >= sequence);
            prop_assert!(playlist.discontinuity_sequence >= discontinuities);
            (sequence, discontinuities) = (playlist.media_sequence, playlist.discontinuity_sequence);
            prop_assert!(!playlist.segments.is_empty());
            for (number, segment) in (sequence..).zip(&playlist.segments) {
                prop_assert!(segment.duration > 0.0);
                prop_assert!(segment.duration.round() as u64 <= playlist.target_duration);
                prop_assert_eq!(&segment.uri, &format!("{number}.ts?q=1"));
                prop_assert!(window.segment(number).is_some());
            }
        }
        if all_kept && window.ready() {
            let kept: Vec<u8> = (first_sequence..window.next_sequence())
                .flat_map(|number| {
                    let parts = window.segment(number).unwrap().parts.concat();
                    parts.strip_prefix(PSI).unwrap().to_vec()
                })
                .collect();
            prop_assert_eq!(kept, expected.concat());
        }
    }
}
