//! NAL units of H.264 and HEVC in a byte stream.

use std::ops::Range;

use super::super::tsscan::Codec;
use super::bits::{Bits, Pen, escape, unescape};
use super::header_length;

/// Profiles of H.264 whose parameter sets say more (7.3.2.1.1).
const HIGH: [u8; 4] = [100, 110, 122, 244];

/// Where the NAL units of this byte stream lie, without their start codes.
pub fn units(stream: &[u8]) -> Vec<Range<usize>> {
    let codes: Vec<usize> = (0..stream.len().saturating_sub(2))
        .filter(|&at| stream[at..at + 3] == [0, 0, 1])
        .collect();
    let ends = codes.iter().skip(1).copied().chain([stream.len()]);
    codes
        .iter()
        .zip(ends)
        .map(|(&code, end)| code + 3..end)
        .filter(|unit| !unit.is_empty())
        .collect()
}

/// Makes `edit`'s unit of each unit of a PES packet whose kind is `wanted`.
fn edit(
    pes: &[u8],
    codec: Codec,
    wanted: impl Fn(u8) -> bool,
    edit: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let header = header_length(pes);
    let (mut out, stream) = (pes[..header].to_vec(), &pes[header..]);
    let mut done = 0;
    for unit in units(stream) {
        let kind = match codec {
            Codec::Hevc => stream[unit.start] >> 1 & 0x3f,
            _ => stream[unit.start] & 0x1f,
        };
        if wanted(kind) {
            out.extend_from_slice(&stream[done..unit.start]);
            done = unit.end;
            // A zero before a start code belongs to the code.
            let long = stream[unit.clone()].ends_with(&[0]);
            out.extend_from_slice(&edit(&stream[unit]));
            out.extend(long.then_some(0));
        }
    }
    out.extend_from_slice(&stream[done..]);
    out
}

/// A PES packet of video whose sequence parameter sets claim pictures of `side` by `side` pixels, a
/// multiple of 16. The pictures themselves stay as they are.
pub fn absurd_size(pes: &[u8], codec: Codec, side: u32) -> Vec<u8> {
    match codec {
        Codec::Hevc => edit(pes, codec, |kind| kind == 33, |unit| hevc_size(unit, side)),
        _ => edit(pes, codec, |kind| kind == 7, |unit| h264_size(unit, side)),
    }
}

/// A PES packet of H.264 video whose headers are good and whose slices are noise.
pub fn noisy_slices(pes: &[u8], noise: &[u8]) -> Vec<u8> {
    let slice = |kind| kind == 1 || kind == 5;
    edit(pes, Codec::H264, slice, |unit| {
        let kept = unit.len().min(12);
        let noise = noise.iter().cycle().take(unit.len() - kept);
        // No byte is small: there is nothing to escape.
        let noise = noise.map(|byte| byte | 0x10);
        unit[..kept].iter().copied().chain(noise).collect()
    })
}

fn h264_size(unit: &[u8], side: u32) -> Vec<u8> {
    let plain = unescape(unit);
    let (mut from, mut to) = (Bits::new(&plain), Pen::default());
    // NAL header, profile, constraints, level.
    to.copy(&mut from, 32);
    to.copy_ue(&mut from);
    if HIGH.contains(&plain[1]) {
        let chroma = to.copy_ue(&mut from);
        to.copy(&mut from, usize::from(chroma == 3));
        to.copy_ue(&mut from);
        to.copy_ue(&mut from);
        to.copy(&mut from, 1);
        let lists = from.bit();
        assert!(!lists, "scaling lists are not read here");
        to.bit(lists);
    }
    to.copy_ue(&mut from);
    match to.copy_ue(&mut from) {
        0 => drop(to.copy_ue(&mut from)),
        2 => {}
        kind => panic!("picture order count type {kind} is not read here"),
    }
    to.copy_ue(&mut from);
    to.copy(&mut from, 1);
    for _ in ["width", "height"] {
        from.ue();
        to.ue(side / 16 - 1);
    }
    escape(&to.finish(&mut from))
}

fn hevc_size(unit: &[u8], side: u32) -> Vec<u8> {
    let plain = unescape(unit);
    assert_eq!(plain[2] >> 1 & 7, 0, "sub-layers are not read here");
    let (mut from, mut to) = (Bits::new(&plain), Pen::default());
    // NAL header, the sets' ids and layers, and the profile, tier and level.
    to.copy(&mut from, 16 + 8 + 96);
    to.copy_ue(&mut from);
    let chroma = to.copy_ue(&mut from);
    to.copy(&mut from, usize::from(chroma == 3));
    for _ in ["width", "height"] {
        from.ue();
        to.ue(side);
    }
    escape(&to.finish(&mut from))
}
