//! Decoded frames as planes.

use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use crate::samples::{Depth, Plane, Planes};

/// SD colours up to so many lines, where the stream does not tell.
const SD_LINES: u32 = 576;

/// What is in a frame; `None` for a format that is not made of planes of YCbCr or grey.
pub(super) fn planes<'a>(
    frame: &'a gst_video::VideoFrameRef<&'a gstreamer::BufferRef>,
) -> Option<Planes<'a>> {
    let info = frame.info();
    let format = info.format_info();
    if !(format.is_yuv() || format.is_gray()) {
        return None;
    }
    let component = |index: u32| {
        let at = index as usize;
        let (bits, shift) = (*format.depth().get(at)?, *format.shift().get(at)?);
        Some(Plane {
            data: frame.comp_data(index).ok()?,
            stride: usize::try_from(frame.comp_stride(index)).ok()?,
            step: usize::try_from(frame.comp_pstride(index)).ok()?,
            width: format.scale_width(at as u8, info.width()) as usize,
            height: format.scale_height(at as u8, info.height()) as usize,
            depth: match (bits, shift) {
                (8, 0) => Depth::Eight,
                (9..=16, shift) => Depth::More {
                    bits: bits as u8,
                    shift: shift as u8,
                },
                _ => return None,
            },
        })
    };
    let par = info.par();
    let side = |side: i32| u32::try_from(side).unwrap_or(0);
    let colorimetry = info.colorimetry();
    Some(Planes {
        luma: component(0)?,
        chroma: (format.n_components() >= 3)
            .then(|| Some([component(1)?, component(2)?]))
            .flatten(),
        sar: (side(par.numer()), side(par.denom())),
        full_range: colorimetry.range() == gst_video::VideoColorRange::Range0_255,
        bt709: match colorimetry.matrix() {
            gst_video::VideoColorMatrix::Bt601 | gst_video::VideoColorMatrix::Fcc => false,
            gst_video::VideoColorMatrix::Unknown => info.height() > SD_LINES,
            _ => true,
        },
    })
}
