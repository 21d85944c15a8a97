//! Burns a clock and a name into the test picture.

use gst::glib;
use gst_video::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;

use super::glyphs;

/// Longest name drawn, in signs.
const LONGEST_NAME: usize = 24;
/// Dots of a line: room above and below the glyphs.
const LINE: usize = glyphs::HEIGHT + 3;
/// Dots from one sign to the next.
const PITCH: usize = glyphs::WIDTH + 1;
const INK: u8 = 235;
const PAPER: u8 = 16;
const NEUTRAL: u8 = 128;

/// Draws the wall clock (UTC, tenths of a second) and under it `name` into each frame (I420) that passes `element`.
pub(super) fn draw(element: &gst::Element, name: &str) {
    let Some(pad) = element.static_pad("src") else {
        return;
    };
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_NAME)
        .collect();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(video) = pad
            .current_caps()
            .and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok())
            && let Some(buffer) = info.buffer_mut()
            && let Ok(mut frame) =
                gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            let width = frame.width() as usize;
            // 12 signs of clock take half the width
            let dot = (width / (2 * PITCH * 12)).max(1);
            let clock = clock();
            let lines = [(dot * 4, clock.as_str()), (dot * (4 + LINE), name.as_str())];
            for (top, text) in lines {
                let at = (dot * 4, top);
                for plane in 0..3u32 {
                    let stride = frame
                        .plane_stride()
                        .get(plane as usize)
                        .copied()
                        .unwrap_or(0);
                    let stride = usize::try_from(stride).unwrap_or(0);
                    let Ok(pixels) = frame.plane_data_mut(plane) else {
                        continue;
                    };
                    if plane == 0 {
                        line(pixels, stride, width, dot, at, text);
                    } else {
                        grey(pixels, stride, width / 2, dot, at, text);
                    }
                }
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn clock() -> String {
    glib::DateTime::now_utc().map_or_else(
        |_| String::new(),
        |now| {
            format!(
                "{:02}:{:02}:{:02}.{}",
                now.hour(),
                now.minute(),
                now.second(),
                now.microsecond() / 100_000
            )
        },
    )
}

/// Draws a line of text on a dark ground; whatever does not fit into the picture is left out.
fn line(
    luma: &mut [u8],
    stride: usize,
    width: usize,
    dot: usize,
    (left, top): (usize, usize),
    text: &str,
) {
    for (at, sign) in text.chars().enumerate() {
        let rows = glyphs::rows(sign);
        let x0 = left + at * PITCH * dot;
        let x1 = x0 + PITCH * dot;
        if x1 > width.min(stride) {
            return;
        }
        for y in 0..LINE * dot {
            let Some(pixels) = luma.get_mut((top + y) * stride + x0..(top + y) * stride + x1)
            else {
                return;
            };
            let row = (y / dot)
                .checked_sub(1)
                .and_then(|row| rows.get(row))
                .copied()
                .unwrap_or(0);
            for (x, pixel) in pixels.iter_mut().enumerate() {
                let bit = glyphs::WIDTH
                    .checked_sub(x / dot + 1)
                    .map_or(0, |shift| row >> shift & 1);
                *pixel = if bit == 1 { INK } else { PAPER };
            }
        }
    }
}

/// Takes the colour out of where [`line`] draws; chroma planes have half the width and half the height.
fn grey(
    chroma: &mut [u8],
    stride: usize,
    width: usize,
    dot: usize,
    (left, top): (usize, usize),
    text: &str,
) {
    let from = left / 2;
    let to = (from + text.chars().count() * PITCH * dot / 2).min(width.min(stride));
    for y in (top / 2..).take(LINE * dot / 2) {
        if let Some(pixels) = chroma.get_mut(y * stride + from..y * stride + to) {
            pixels.fill(NEUTRAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_drawn_inside_the_picture() {
        let (stride, height) = (40, 14);
        let mut luma = vec![100u8; stride * height];
        line(&mut luma, stride, 36, 1, (2, 2), "1:2345678");
        let dots: String = luma[3 * stride + 2..3 * stride + 8]
            .iter()
            .map(|p| if *p == INK { '#' } else { '.' })
            .collect();
        assert_eq!(dots, "..#...");
        assert!(
            luma.chunks(stride)
                .all(|row| row[36..].iter().all(|p| *p == 100)),
            "drew beyond the width"
        );
        let mut chroma = vec![7u8; 20 * 7];
        grey(&mut chroma, 20, 18, 1, (2, 2), "1:2345678");
        assert_eq!((chroma[20], chroma[21], chroma[38]), (7, NEUTRAL, 7));
        // a picture smaller than a line
        line(&mut luma[..100], stride, 40, 3, (0, 0), "888");
    }

    #[test]
    fn every_clock_sign_has_a_glyph() {
        assert!(
            clock()
                .chars()
                .all(|sign| glyphs::rows(sign) != [0; glyphs::HEIGHT]),
            "{}",
            clock()
        );
    }
}
