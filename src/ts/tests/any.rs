//! Any damage, any slicing, any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Damage to a clean stream: what to do, where, with which byte.
fn damage() -> impl Strategy<Value = Vec<(u8, usize, u8)>> {
    vec((0_u8..4, any::<usize>(), any::<u8>()), 0..20)
}

fn damaged(mut data: Vec<u8>, how: &[(u8, usize, u8)]) -> Vec<u8> {
    for (kind, at, byte) in how {
        let at = at % data.len();
        match kind {
            0 => data[at] = *byte,
            1 => drop(data.drain(at..(at + usize::from(*byte)).min(data.len() - 1))),
            2 => drop(data.splice(at..at, std::iter::repeat_n(*byte, usize::from(*byte)))),
            _ => {
                // In a header, where it hurts.
                let at = at / PACKET * PACKET + usize::from(*byte % 20);
                if let Some(target) = data.get_mut(at) {
                    *target ^= byte;
                }
            }
        }
    }
    data
}

fn sliced(input: &[u8], slices: &[usize], announce: bool, flush: bool) -> (Vec<Chunk>, Vec<usize>) {
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut out = Vec::new();
    for (half, part) in input.chunks(input.len() / 2 + 1).enumerate() {
        if half == 1 && announce {
            cutter.discontinuity();
        }
        let mut rest = part;
        let mut sizes = slices.iter().cycle();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            cutter.push(now, &mut out);
            if flush {
                cutter.flush(&mut out);
            }
            rest = later;
        }
    }
    cutter.finish(&mut out);
    let mut at = 0;
    let mut breaks = Vec::new();
    for chunk in &out {
        if chunk.discontinuity {
            breaks.push(at);
        }
        at += chunk.data.len();
    }
    (out, breaks)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn slicing_does_not_matter(
        how in damage(),
        slices in vec(1_usize..2000, 1..8),
        announce in any::<bool>(),
        flush in any::<bool>(),
        from in prop_oneof![Just(0), Just(WRAP - 90_000), 0..WRAP],
    ) {
        let mut input = Feed { frame: 800, gop: 10, ..Feed::default() }.play(900_000, 25);
        input.extend(Feed { frame: 800, gop: 10, ..Feed::default() }.play(from, 25));
        let input = damaged(input, &how);
        let (whole, breaks) = sliced(&input, &[input.len()], announce, false);
        let (parts, other) = sliced(&input, &slices, announce, flush);
        prop_assert_eq!(joined(&whole), joined(&parts));
        prop_assert_eq!(keyframes(&whole), keyframes(&parts));
        prop_assert_eq!(breaks, other);
        prop_assert!(whole.iter().chain(&parts).all(|chunk| chunk.data.len() % PACKET == 0 && !chunk.data.is_empty()));
    }

    #[test]
    fn any_bytes_do(data in vec(any::<u8>(), 0..5000), slice in 1_usize..600) {
        let (_, chunks) = cut(&data, slice);
        prop_assert!(joined(&chunks).len() <= data.len());
    }

    #[test]
    fn any_packets_do(packets in vec((vec(any::<u8>(), 187), 0_u8..4), 4..60)) {
        // Packets of random bytes on the PIDs that matter, after tables that name them.
        let mut input = pat(&[(1, 0x1000)]).to_vec();
        let list: [(u16, u8, &[u8]); 4] = [(0x100, 0x1b, &[]), (0x101, 0x0f, &[]), (0x102, 0x24, &[]), (0x103, 2, &[])];
        input.extend(pmt(0x1000, 1, 0x100, &list));
        for (bytes, pid) in packets {
            let at = input.len();
            input.push(0x47);
            input.extend(bytes);
            input[at + 1] = input[at + 1] & 0x60 | 1;
            input[at + 2] = pid;
        }
        let (_, chunks) = cut(&input, 1000);
        prop_assert_eq!(joined(&chunks).len(), input.len());
    }
}
