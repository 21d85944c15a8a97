//! Breaks of the source: the feed goes on.

use super::*;

#[test]
fn restarts_go_on_without_a_seam() {
    for announced in [true, false] {
        let mut second = Feed::default();
        second.counters.fill(7);
        let third = Feed {
            frame: 200,
            ..Feed::default()
        };
        let sources = [
            Feed::default().play(900_000, 60),
            second.play(17, 60),
            third.play(WRAP - 100_000, 60),
        ];
        let (cutter, chunks) = with_break(&sources, announced);
        let out = joined(&chunks);
        assert_eq!(out.len(), sources.concat().len());
        assert_continuous(&out, 3600, if announced { 0 } else { 4 });
        assert_eq!(
            chunks.iter().filter(|chunk| chunk.discontinuity).count(),
            2,
            "{announced}"
        );
        assert_eq!(cutter.stats().breaks, 2);
        let clocks: Vec<u64> = chunks.iter().filter_map(|chunk| chunk.clock).collect();
        assert!(clocks.is_sorted() && clocks.len() > 10);
        let keys: Vec<u64> = keyframes(&chunks).iter().map(|(_, pts)| *pts).collect();
        assert!(keys.is_sorted() && keys.len() == 9, "{keys:?}");
        if announced {
            assert_eq!(cutter.stats().continuity_errors, 0);
            let second = chunks.iter().position(|chunk| chunk.discontinuity).unwrap();
            assert_eq!(joined(&chunks[..second]), sources[0]);
        }
    }
}

#[test]
fn joining_in_the_middle_of_a_unit_glues_nothing() {
    let first = Feed::default().play(0, 50);
    let second = Feed::default().play(5_000_000, 50);
    let cut_in = &second[10 * PACKET..];
    let (_, chunks) = with_break(&[first.clone(), cut_in.to_vec()], true);
    let out = joined(&chunks);
    assert_eq!(out.len(), first.len() + cut_in.len());
    assert_continuous(&out, 4 * 3600, 0);
    // The tail of a frame whose start was never seen has lost its payload.
    let tail = out[first.len()..].first_chunk().unwrap();
    assert_eq!(
        (Header::parse(tail).pid, Header::parse(tail).steps),
        (0x100, false)
    );
}

#[test]
fn part_of_a_packet_is_dropped_at_a_break() {
    let first = Feed::default().play(0, 30);
    let short = first[..first.len() - 100].to_vec();
    let (cutter, chunks) = with_break(&[short, Feed::default().play(0, 30)], true);
    assert_eq!(cutter.stats().sync_losses, 0);
    assert_continuous(&joined(&chunks), 7200, 0);
}

#[test]
fn a_break_before_anything_is_none() {
    let input = Feed::default().play(0, 30);
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut out = Vec::new();
    cutter.discontinuity();
    cutter.push(&[1, 2, 3], &mut out);
    cutter.discontinuity();
    cutter.push(&input, &mut out);
    cutter.finish(&mut out);
    assert!(joined(&out) == input);
    assert!(out.iter().all(|chunk| !chunk.discontinuity));
}

#[test]
fn other_pids_after_a_restart_are_on_the_new_timeline_at_once() {
    // The new source's tables come late: its units are mapped before it is known what they are.
    let first = Feed::default().play(0, 50);
    let mut second = Feed {
        video: false,
        audio: vec![0x301],
        ..Feed::default()
    }
    .play(8_000_000, 50);
    let tables: Vec<u8> = second.drain(..2 * PACKET).collect();
    second.splice(5 * PACKET..5 * PACKET, tables);
    let (_, chunks) = with_break(&[first, second], true);
    assert_continuous(&joined(&chunks), 3600, 0);
    let stamps = seen(&joined(&chunks));
    let of = |pid| {
        stamps
            .iter()
            .filter(move |s| s.pid == pid)
            .filter_map(|s| s.dts)
    };
    assert_eq!(of(0x301).next().unwrap(), of(0x101).max().unwrap() + 3600);
}

#[test]
fn without_a_clock_stamps_alone_steer() {
    let make = |from| {
        Feed {
            clock: false,
            ..Feed::default()
        }
        .play(from, 60)
    };
    let (cutter, chunks) = with_break(&[make(900_000), make(50)], false);
    assert_continuous(&joined(&chunks), 3600, 2);
    assert!(chunks.iter().all(|chunk| chunk.clock.is_none()));
    assert_eq!((cutter.stats().breaks, keyframes(&chunks).len()), (1, 6));
}

#[test]
fn other_programmes_are_left_alone() {
    let make = |from| {
        Feed {
            others: true,
            ..Feed::default()
        }
        .play(from, 60)
    };
    let (cutter, chunks) = with_break(&[make(900_000), make(0)], true);
    assert_eq!(cutter.tracks().unwrap().program, 1);
    let stamps = |pid| {
        seen(&joined(&chunks))
            .iter()
            .filter(|s| s.pid == pid)
            .filter_map(|s| s.dts)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        stamps(0x200)[60..],
        (0..60).map(|i| 77 + i * 100).collect::<Vec<_>>()
    );
    assert_eq!(stamps(0x100)[60], 900_000 + LEAD + 60 * 3600);
}
