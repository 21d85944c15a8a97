//! A small picture, by averaging areas: cheap, and it averages noise away.

use super::plane::{Depth, Plane, Planes};

/// The longer side of a small picture, in pixels.
const SIDE: usize = 320;
/// A picture is no more than so many times wider than high, or higher than wide; a sample that would make it that is
/// taken for square.
const OBLONG: f64 = 8.0;

/// A small picture in square pixels, 8 bits, video range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Small {
    /// Pixels in a line; at most [`SIDE`].
    pub(crate) width: usize,
    /// Lines.
    pub(crate) height: usize,
    /// Line by line.
    pub(crate) luma: Vec<u8>,
    /// Cb and Cr of half the size (rounded up), if they were asked for.
    pub(crate) chroma: Option<[Vec<u8>; 2]>,
    /// Whether its colours are those of BT.709.
    pub(crate) bt709: bool,
}

/// Makes a picture small; never larger than it is. Interlaced lines are averaged like others.
pub(crate) fn shrink(planes: &Planes<'_>, colours: bool) -> Small {
    let luma = &planes.luma;
    let (width, height) = size(luma.width, luma.height, planes.sar);
    let mut small = Small {
        width,
        height,
        luma: plane(luma, width, height),
        chroma: None,
        bt709: planes.bt709,
    };
    if planes.full_range {
        for value in &mut small.luma {
            *value = narrow(*value, 219, 16);
        }
    }
    if colours && let Some(both) = &planes.chroma {
        let (width, height) = (width.div_ceil(2), height.div_ceil(2));
        small.chroma = Some(both.map(|one| {
            let mut one = plane(&one, width, height);
            if planes.full_range {
                for value in &mut one {
                    *value = narrow(*value, 224, 16);
                }
            }
            one
        }));
    }
    small
}

/// From 0 to 255 into video range.
fn narrow(value: u8, range: u32, least: u32) -> u8 {
    ((u32::from(value) * range + 127) / 255 + least) as u8
}

fn size(width: usize, height: usize, sar: (u32, u32)) -> (usize, usize) {
    let (w, h) = (width.max(1) as f64, height.max(1) as f64);
    let sample = f64::from(sar.0) / f64::from(sar.1);
    let oblong = |aspect: f64| !(1.0 / OBLONG..=OBLONG).contains(&aspect);
    let aspect = match w * sample / h {
        shown if shown.is_finite() && shown > 0.0 && !oblong(shown) => shown,
        _ => w / h,
    };
    // Neither direction grows.
    let wide = (SIDE as f64).min(w).min(h * aspect);
    let high = (wide / aspect).min(SIDE as f64).min(h);
    let wide = high * aspect;
    let side = |length: f64, most: usize| (length.round() as usize).clamp(1, most.clamp(1, SIDE));
    (side(wide, width), side(high, height))
}

/// Averages boxes with whole samples for edges. A sample that is not there counts as nothing.
fn plane(from: &Plane<'_>, width: usize, height: usize) -> Vec<u8> {
    let width = width.min(from.width).max(1);
    let edges: Vec<usize> = (0..=width).map(|x| x * from.width / width).collect();
    let mut sums = vec![0_u32; from.width];
    let mut lanes = vec![[0_u64; 2]; from.width / 8];
    let mut out = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, bottom) = (y * from.height / height, (y + 1) * from.height / height);
        let bottom = bottom.max(top + 1).min(from.height.max(1));
        let shift = match from.depth {
            Depth::Eight => {
                add_bytes(from, top, bottom, &mut lanes, &mut sums);
                0
            }
            Depth::More { bits, shift } => {
                add_words(from, top, bottom, shift, &mut sums);
                u32::from(bits.clamp(8, 16)) - 8
            }
        };
        for edge in edges.windows(2) {
            let area = &sums[edge[0]..edge[1]];
            let count = (area.len() * (bottom - top)).max(1) as u64;
            let sum: u64 = area.iter().map(|&sum| u64::from(sum)).sum();
            out.push((((sum >> shift) + count / 2) / count).min(255) as u8);
        }
    }
    out
}

/// Sums of each column. Eight bytes are added at a time, as four even and four odd ones of 16 bits, which hold 257 lines.
fn add_bytes(
    from: &Plane<'_>,
    top: usize,
    bottom: usize,
    lanes: &mut [[u64; 2]],
    sums: &mut [u32],
) {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    sums.fill(0);
    if from.step != 1 {
        for y in top..bottom {
            let samples = from.line(y).iter().step_by(from.step.max(1));
            let pairs = sums.iter_mut().zip(samples);
            pairs.for_each(|(sum, &sample)| *sum += u32::from(sample));
        }
        return;
    }
    for first in (top..bottom).step_by(256) {
        lanes.fill([0; 2]);
        for y in first..bottom.min(first + 256) {
            let (eights, rest) = from.line(y).as_chunks::<8>();
            for (lane, &eight) in lanes.iter_mut().zip(eights) {
                let eight = u64::from_le_bytes(eight);
                lane[0] += eight & EVEN;
                lane[1] += eight >> 8 & EVEN;
            }
            let pairs = sums[eights.len() * 8..].iter_mut().zip(rest);
            pairs.for_each(|(sum, &sample)| *sum += u32::from(sample));
        }
        for (sums, &[even, odd]) in sums.chunks_exact_mut(8).zip(&*lanes) {
            for lane in 0..4 {
                sums[2 * lane] += (even >> (16 * lane) & 0xffff) as u32;
                sums[2 * lane + 1] += (odd >> (16 * lane) & 0xffff) as u32;
            }
        }
    }
}

fn add_words(from: &Plane<'_>, top: usize, bottom: usize, shift: u8, sums: &mut [u32]) {
    sums.fill(0);
    for y in top..bottom {
        let samples = from.line(y).chunks(from.step.max(2));
        for (sum, sample) in sums.iter_mut().zip(samples) {
            if let Some(&bytes) = sample.first_chunk::<2>() {
                *sum += u32::from(u16::from_le_bytes(bytes)) >> shift.min(15);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grey(data: &[u8], width: usize, height: usize) -> Planes<'_> {
        let luma = Plane {
            data,
            stride: width,
            step: 1,
            width,
            height,
            depth: Depth::Eight,
        };
        Planes {
            luma,
            chroma: None,
            sar: (1, 1),
            full_range: false,
            bt709: true,
        }
    }

    #[test]
    fn sizes() {
        for (width, height, sar, expected) in [
            (1280, 720, (1, 1), (320, 180)),
            (720, 576, (64, 45), (320, 180)),
            (720, 576, (16, 15), (320, 240)),
            (3840, 2160, (1, 1), (320, 180)),
            (720, 1280, (1, 1), (180, 320)),
            (16, 16, (1, 1), (16, 16)),
            (640, 272, (1, 1), (320, 136)),
            (720, 576, (1, 60_000), (320, 256)),
            (720, 576, (0, 0), (320, 256)),
            (16_384, 16, (1, 1), (320, 1)),
            (1, 1, (1, 1), (1, 1)),
        ] {
            assert_eq!(
                size(width, height, sar),
                expected,
                "{width}x{height} {sar:?}"
            );
        }
    }

    #[test]
    fn areas_are_averaged_at_any_depth() {
        let bytes: Vec<u8> = (0..640 * 360)
            .map(|i| if i % 2 == 0 { 100 } else { 110 })
            .collect();
        let small = shrink(&grey(&bytes, 640, 360), true);
        assert_eq!((small.width, small.height), (320, 180));
        assert!(small.luma.iter().all(|&y| y == 105));
        let words: Vec<u8> = bytes
            .iter()
            .flat_map(|&b| (u16::from(b) << 2).to_le_bytes())
            .collect();
        let mut deep = grey(&words, 640, 360);
        deep.luma.stride = 1280;
        deep.luma.step = 2;
        deep.luma.depth = Depth::More { bits: 10, shift: 0 };
        assert_eq!(shrink(&deep, true), small);
    }

    #[test]
    fn full_range_becomes_video_range() {
        let white = [255_u8; 64];
        let mut planes = grey(&white, 8, 8);
        planes.full_range = true;
        assert!(shrink(&planes, false).luma.iter().all(|&y| y == 235));
    }

    proptest! {
        #[test]
        fn any_plane_is_made_small(
            width in 0usize..700, height in 0usize..700, bytes in 0usize..4000, stride in 0usize..2000, step in 0usize..5,
            sar: (u32, u32), deep: bool,
        ) {
            let data = vec![200; bytes];
            let mut planes = grey(&data, width, height);
            planes.luma.stride = stride;
            planes.luma.step = step;
            planes.sar = sar;
            if deep {
                planes.luma.depth = Depth::More { bits: 10, shift: 6 };
            }
            let small = shrink(&planes, true);
            prop_assert!(small.width <= SIDE && small.height <= SIDE);
            prop_assert_eq!(small.luma.len(), small.width * small.height);
        }
    }
}
