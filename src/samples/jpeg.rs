//! A small picture as JPEG.

use bytes::Bytes;
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use super::shrink::Small;

/// About 10 KB for 320x180.
const QUALITY: u8 = 75;
const GREY: u8 = 128;

/// Encodes it. `None` only for a picture without pixels.
pub(crate) fn jpeg(small: &Small) -> Option<Bytes> {
    let mut out = Vec::with_capacity(16 << 10);
    let mut encoder = Encoder::new(&mut out, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode_image(Full(small)).ok()?;
    Some(out.into())
}

/// The picture in the colours of JPEG: BT.601 and full range (ITU-T T.871).
struct Full<'a>(&'a Small);

impl ImageBuffer for Full<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.0.width as u16
    }

    fn height(&self) -> u16 {
        self.0.height as u16
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let small = self.0;
        let line = usize::from(y) * small.width;
        let chroma_line = usize::from(y) / 2 * small.width.div_ceil(2);
        for x in 0..small.width {
            let luma = small.luma.get(line + x).copied().unwrap_or(GREY);
            let at = |plane: &[u8]| plane.get(chroma_line + x / 2).copied().unwrap_or(GREY);
            let (cb, cr) = match &small.chroma {
                Some([cb, cr]) => (at(cb), at(cr)),
                None => (GREY, GREY),
            };
            let [luma, cb, cr] = full(luma, cb, cr, small.bt709);
            buffers[0].push(luma);
            buffers[1].push(cb);
            buffers[2].push(cr);
        }
    }
}

/// From video range to full range, and from BT.709 to BT.601. In 1024ths.
fn full(luma: u8, cb: u8, cr: u8, bt709: bool) -> [u8; 3] {
    let (luma, cb, cr) = (
        i32::from(luma) - 16,
        i32::from(cb) - 128,
        i32::from(cr) - 128,
    );
    let (luma, cb, cr) = if bt709 {
        (
            luma * 1024 + cb * 102 + cr * 196,
            cb * 1014 - cr * 113,
            cr * 1007 - cb * 74,
        )
    } else {
        (luma * 1024, cb * 1024, cr * 1024)
    };
    let scaled = |value: i32, range: i32, zero: i32| {
        let value = (i64::from(value) * 255 / i64::from(range) + 512) >> 10;
        (value + i64::from(zero)).clamp(0, 255) as u8
    };
    [
        scaled(luma, 219, 0),
        scaled(cb, 224, 128),
        scaled(cr, 224, 128),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_stay_what_they_are() {
        for bt709 in [false, true] {
            assert_eq!(full(16, 128, 128, bt709), [0, 128, 128]);
            assert_eq!(full(235, 128, 128, bt709), [255, 128, 128]);
        }
        // Red of BT.709 is that of BT.601 then (T.871: 76, 85, 255).
        let [y, cb, cr] = full(63, 102, 240, true);
        assert!(
            y.abs_diff(76) < 3 && cb.abs_diff(85) < 3 && cr > 252,
            "{y} {cb} {cr}"
        );
    }
}
