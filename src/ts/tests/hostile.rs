//! Input that is broken, endless or lies.

use super::*;

#[test]
fn an_endless_unit_stays_small() {
    // Minutes without a keyframe, and a unit that says nothing.
    let mut feed = Feed {
        gop: 100_000,
        ..Feed::default()
    };
    feed.out.extend(pat(&[(1, 0x1000)]));
    feed.out
        .extend(pmt(0x1000, 1, 0x100, &[(0x100, 0x1b, &[])]));
    feed.unit(
        0x100,
        &pes(0xe0, Some(0), None, &vec![0x9a; 1 << 20]),
        Some(0),
        true,
    );
    let mut cutter = Cutter::new(CutterOptions::default());
    let (mut out, mut given) = (Vec::new(), 0);
    for part in feed.out.chunks(PACKET) {
        cutter.push(part, &mut out);
        given += part.len();
        let got: usize = out.iter().map(|chunk| chunk.data.len()).sum();
        assert!(given - got <= 32 * 1024 + 65 * PACKET);
    }
    cutter.flush(&mut out);
    assert!(joined(&out) == feed.out);
    assert_eq!(keyframes(&out).len(), 1); // by its flag
}

#[test]
fn eight_thousand_pids_and_empty_units() {
    let mut input = Vec::new();
    for round in 0..3 {
        for pid in 0..0x2000 {
            input.extend(packet(pid, true, round, &[]));
            input.extend(packet(pid, true, round, &[0, 0, 1]));
        }
    }
    let (cutter, chunks) = cut(&input, 4096);
    assert!(joined(&chunks) == input);
    assert_eq!(cutter.stats().packets, 3 * 2 * 0x2000);
}

#[test]
fn scrambled_units_are_counted_and_their_flag_is_believed() {
    let mut input = Feed::default().play(0, 50);
    let mut units = 0;
    for p in input.as_chunks_mut::<PACKET>().0 {
        if Header::parse(p).pid == 0x100 {
            p[3] |= 0x80;
            units += 1;
        }
    }
    let (cutter, chunks) = cut(&input, 999);
    assert!(joined(&chunks) == input);
    assert_eq!(
        (cutter.stats().scrambled, keyframes(&chunks).len()),
        (units, 2)
    );
    assert!(cutter.tracks().unwrap().video().unwrap().video.is_none());
}

#[test]
fn source_errors_stay_visible() {
    let mut input = Feed::default().play(0, 50);
    input.drain(20 * PACKET..21 * PACKET);
    let (cutter, chunks) = cut(&input, 999);
    assert!(joined(&chunks) == input);
    assert_eq!(
        (cutter.stats().continuity_errors, cutter.stats().breaks),
        (1, 0)
    );
}

#[test]
fn endless_jumps_are_read_in_one_go() {
    // Each packet jumps; were the rest held anew at each, this would take minutes.
    let mut feed = Feed::default();
    feed.out.extend(pat(&[(1, 0x1000)]));
    feed.out.extend(pmt(
        0x1000,
        1,
        0x100,
        &[(0x100, 0x1b, &[]), (0x101, 0x0f, &[])],
    ));
    for i in 0..20_000_u64 {
        let at = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 31;
        let pid = 0x100 + (i % 2) as u16;
        feed.unit(pid, &pes(0xe0, Some(at), None, b"x"), Some(at), false);
    }
    let (cutter, chunks) = cut(&feed.out, 4096);
    assert_eq!(joined(&chunks).len(), feed.out.len());
    assert!(cutter.stats().breaks > 10_000);
}
