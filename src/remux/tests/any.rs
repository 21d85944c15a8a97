//! Any slicing, any damage, any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::build::*;
use super::*;

fn inputs() -> [Vec<u8>; 3] {
    let mut packed = b"ID3\x04\0\0\0\0\0\x0a__________".to_vec();
    for _ in 0..40 {
        packed.extend([0xff, 0xf1, 0x4c, 0x80, 0x04, 0x1f, 0xfc]);
        packed.extend([0x21; 25]);
    }
    [fragmented(3), flv(60), packed]
}

fn damaged(mut data: Vec<u8>, how: &[(u8, usize, u8)]) -> Vec<u8> {
    for (kind, at, byte) in how {
        let at = at % data.len();
        match kind {
            0 => data[at] = *byte,
            1 => drop(data.drain(at..(at + usize::from(*byte)).min(data.len() - 1))),
            2 => drop(data.splice(at..at, std::iter::repeat_n(*byte, usize::from(*byte)))),
            // Where the counts and sizes stand.
            _ => {
                let at = at % data.len().min(1500);
                data[at] ^= byte;
            }
        }
    }
    data
}

fn sliced(input: &[u8], slices: &[usize]) -> (Vec<u8>, Option<RemuxError>) {
    let mut remux = Remux::new(vec![InputOptions::new(Container::Any)], Limits::default());
    let (mut out, mut error, mut rest) = (Vec::new(), None, input);
    for size in slices.iter().cycle() {
        let (now, later) = rest.split_at((*size).min(rest.len()));
        error = error.or(remux.push(0, now, &mut out).err());
        assert!(remux.stats().held_bytes <= input.len() * 8 + 100_000);
        // A file whose index is found behind its media says where to go on, slice by slice.
        if remux.need(0) != Need::Next {
            break;
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    remux.finish(&mut out);
    (joined(&out), error)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn slicing_does_not_matter(which in 0_usize..3, slices in vec(1_usize..3000, 1..8)) {
        let input = &inputs()[which];
        let (whole, none) = sliced(input, &[input.len()]);
        prop_assert_eq!(none, None);
        prop_assert!(whole.len() > 10 * PACKET);
        prop_assert_eq!(whole, sliced(input, &slices).0);
    }

    #[test]
    fn damage_is_survived(
        which in 0_usize..3,
        how in vec((0_u8..4, any::<usize>(), any::<u8>()), 1..12),
        slices in vec(1_usize..3000, 1..4),
    ) {
        let input = damaged(inputs()[which].clone(), &how);
        let (out, _) = sliced(&input, &slices);
        prop_assert_eq!(out.len() % PACKET, 0);
        // Nothing is made of nothing, but for clocks in gaps and a packet for each small unit.
        prop_assert!(out.len() < 2_000_000, "{}", out.len());
    }

    #[test]
    fn tags_of_any_bytes(tags in vec((8_u8..10, any::<u32>(), vec(any::<u8>(), 0..40)), 1..20)) {
        let mut remux = Remux::new(vec![InputOptions::new(Container::Flv)], Limits::live());
        let mut out = Vec::new();
        let _ = remux.flv_tag(0, 9, 0, &flv_avc(), &mut out);
        for (kind, time, body) in tags {
            let _ = remux.flv_tag(0, kind, time, &body, &mut out);
        }
        remux.finish(&mut out);
        prop_assert_eq!(joined(&out).len() % PACKET, 0);
    }
}
