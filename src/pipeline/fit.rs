//! The size and rate of the encoded picture: pure.

use super::spec::Profile;

/// Frame rates above this are a variable rate in disguise (90000/1 and its like), not a rate.
const PLAUSIBLE_RATE: u64 = 300;
/// Encoders want at least a macroblock.
const SMALLEST: u64 = 16;
/// Sides beyond this are lies; the bound keeps the products below from overflowing.
const LARGEST: u64 = 1 << 20;

/// The decoded picture, as its caps tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Width in stored pixels.
    pub width: u32,
    /// Height in pixels (of a frame, not of a field).
    pub height: u32,
    /// Pixel aspect ratio, numerator and denominator; a zero in it means unknown, taken as square.
    pub par: (u32, u32),
    /// Frames per second, numerator and denominator; zero means variable or unknown.
    pub rate: (u32, u32),
    /// Whether frames hold two fields of different times.
    pub interlaced: bool,
}

/// The picture to be encoded, square pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Even width.
    pub width: u32,
    /// Even height.
    pub height: u32,
    /// Frames per second, or `None` if the source has no fixed rate: then frames pass as they come.
    pub rate: Option<(u32, u32)>,
}

/// Fits a picture into a profile: display aspect kept, square pixels, even numbers, never larger than the source is shown,
/// a rate above the profile's halved until it fits. Interlaced frames become one progressive frame each, so their rate counts as it is.
pub fn fit(profile: &Profile, picture: &Picture) -> Fit {
    let (width, height) = shown(picture);
    let (box_width, box_height) = (u64::from(profile.width), u64::from(profile.height));
    // Compare as fractions: box_width / width against box_height / height.
    let (width, height) = if width <= box_width && height <= box_height {
        (width, height)
    } else if box_width * height <= box_height * width {
        (box_width, rounded(height * box_width, width))
    } else {
        (rounded(width * box_height, height), box_height)
    };
    Fit {
        width: even(width),
        height: even(height),
        rate: rate(picture.rate, profile.max_frame_rate),
    }
}

/// What one encoder thread keeps up with, in pixels a second at preset `veryfast`: 720p30, in half of a core.
const ONE_THREAD: u64 = 1280 * 720 * 30;

/// How many threads encode the picture, at most `profile.threads`: one if it keeps up with ease. A second costs memory for
/// two more frames, and picture quality, because both must not look at what the other has not done yet.
pub fn encoder_threads(profile: &Profile, fit: &Fit) -> u32 {
    // An unknown rate may be anything.
    let (num, den) = fit.rate.unwrap_or((50, 1));
    let pixels = u64::from(fit.width).saturating_mul(fit.height.into());
    let work = pixels.saturating_mul(num.into()) / u64::from(den.max(1));
    // Relative to `veryfast`, from measurements of 720p; the faster ones are not far below it.
    let weight = match profile.speed_preset.as_str() {
        "ultrafast" | "superfast" | "veryfast" => 1,
        "faster" => 2,
        "fast" => 3,
        _ => 4,
    };
    if work.saturating_mul(weight) <= ONE_THREAD {
        1
    } else {
        profile.threads
    }
}

/// How the picture is best scaled, by the scaler's name for it. Two taps see two pixels of the source for each of the
/// picture: enough until it has half the size, and a sixth of the CPU cheaper; below that the rest would be aliased.
pub(super) fn scale_method(picture: &Picture, fit: &Fit) -> &'static str {
    let halved = |from: u32, to: u32| u64::from(from) >= 2 * u64::from(to);
    if halved(picture.width, fit.width) || halved(picture.height, fit.height) {
        "bilinear2"
    } else {
        "bilinear"
    }
}

/// Size in square pixels: the longer side is stretched, so that no stored detail is lost before scaling down.
fn shown(picture: &Picture) -> (u64, u64) {
    let side = |side: u32| u64::from(side).clamp(1, LARGEST);
    let (width, height) = (side(picture.width), side(picture.height));
    match picture.par {
        (0, _) | (_, 0) => (width, height),
        (num, den) if num >= den => (
            rounded(width * u64::from(num), u64::from(den)).min(LARGEST),
            height,
        ),
        (num, den) => (
            width,
            rounded(height * u64::from(den), u64::from(num)).min(LARGEST),
        ),
    }
}

fn rounded(num: u64, den: u64) -> u64 {
    (num + den / 2) / den.max(1)
}

/// Rounds down: up could leave the profile's box, or exceed the source.
fn even(side: u64) -> u32 {
    u32::try_from(side.max(SMALLEST) & !1).unwrap_or(!1)
}

fn rate((num, den): (u32, u32), max: u32) -> Option<(u32, u32)> {
    if num == 0 || den == 0 || u64::from(num) > PLAUSIBLE_RATE * u64::from(den) {
        return None;
    }
    let max = u64::from(max.max(1));
    let mut den = u64::from(den);
    while u64::from(num) > max * den {
        den *= 2;
    }
    u32::try_from(den).ok().map(|den| (num, den))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn profile(width: u32, height: u32) -> Profile {
        Profile {
            name: "test".into(),
            width,
            height,
            video_bitrate_kbps: 1000,
            speed_preset: "veryfast".into(),
            audio_bitrate_kbps: 128,
            max_frame_rate: 30,
            threads: 2,
        }
    }

    fn picture(width: u32, height: u32, par: (u32, u32), rate: (u32, u32)) -> Picture {
        Picture {
            width,
            height,
            par,
            rate,
            interlaced: false,
        }
    }

    #[test]
    fn table() {
        let low = (720, 480);
        let medium = (1280, 720);
        let high = (1920, 1080);
        #[rustfmt::skip]
        let rows = [
            // what, box, source, par, rate, expected size and rate
            ("1080p25 to medium", medium, (1920, 1080), (1, 1), (25, 1), (1280, 720), Some((25, 1))),
            ("1080p50 to medium", medium, (1920, 1080), (1, 1), (50, 1), (1280, 720), Some((50, 2))),
            ("59.94 to medium", medium, (1280, 720), (1, 1), (60000, 1001), (1280, 720), Some((60000, 2002))),
            ("120 to medium", medium, (1280, 720), (1, 1), (120, 1), (1280, 720), Some((120, 4))),
            ("1080p to low", low, (1920, 1080), (1, 1), (24, 1), (720, 404), Some((24, 1))),
            ("PAL wide to medium", medium, (720, 576), (64, 45), (25, 1), (1024, 576), Some((25, 1))),
            ("PAL wide to low", low, (720, 576), (64, 45), (25, 1), (720, 404), Some((25, 1))),
            ("PAL 4:3 to low", low, (720, 576), (16, 15), (25, 1), (640, 480), Some((25, 1))),
            ("NTSC 4:3, narrow pixels", medium, (720, 480), (8, 9), (30000, 1001), (720, 540), Some((30000, 1001))),
            ("1440x1080 anamorphic to high", high, (1440, 1080), (4, 3), (25, 1), (1920, 1080), Some((25, 1))),
            ("never larger", high, (640, 272), (1, 1), (25, 1), (640, 272), Some((25, 1))),
            ("odd sides", high, (853, 479), (1, 1), (25, 1), (852, 478), Some((25, 1))),
            ("upright", medium, (1080, 1920), (1, 1), (25, 1), (404, 720), Some((25, 1))),
            ("variable rate", medium, (1280, 720), (1, 1), (0, 1), (1280, 720), None),
            ("rate of a clock", medium, (1280, 720), (1, 1), (90000, 1), (1280, 720), None),
            ("no aspect", medium, (1280, 720), (0, 1), (25, 1), (1280, 720), Some((25, 1))),
            ("tiny", medium, (2, 2), (1, 1), (25, 1), (16, 16), Some((25, 1))),
        ];
        for (what, (box_width, box_height), (width, height), par, rate, size, expected_rate) in rows
        {
            let got = fit(
                &profile(box_width, box_height),
                &picture(width, height, par, rate),
            );
            assert_eq!(
                got,
                Fit {
                    width: size.0,
                    height: size.1,
                    rate: expected_rate
                },
                "{what}"
            );
        }
    }

    #[test]
    fn half_the_size_needs_more_taps() {
        let method = |width, height| {
            let picture = picture(width, height, (1, 1), (25, 1));
            scale_method(&picture, &fit(&profile(720, 480), &picture))
        };
        assert_eq!(method(1280, 720), "bilinear");
        assert_eq!(method(1920, 1080), "bilinear2");
        assert_eq!(method(640, 360), "bilinear");
    }

    #[test]
    fn small_pictures_have_one_thread() {
        let threads = |preset: &str, size: (u32, u32), rate: Option<(u32, u32)>| {
            let profile = Profile {
                speed_preset: preset.into(),
                ..profile(1920, 1080)
            };
            let (width, height) = size;
            encoder_threads(
                &profile,
                &Fit {
                    width,
                    height,
                    rate,
                },
            )
        };
        assert_eq!(threads("veryfast", (1280, 720), Some((25, 1))), 1);
        assert_eq!(threads("veryfast", (1280, 720), Some((60000, 2002))), 1);
        assert_eq!(threads("veryfast", (1280, 720), Some((50, 1))), 2);
        assert_eq!(threads("ultrafast", (720, 404), None), 1);
        assert_eq!(threads("fast", (1280, 720), Some((24, 1))), 2);
        assert_eq!(threads("fast", (1920, 1080), Some((25, 1))), 2);
        assert_eq!(threads("placebo", (u32::MAX, u32::MAX), Some((300, 0))), 2);
    }

    proptest! {
        #[test]
        fn stays_in_the_box_and_even(
            bw in 16u32..4096, bh in 16u32..4096, max in 1u32..121,
            w: u32, h: u32, par: (u32, u32), rate: (u32, u32),
        ) {
            let profile = Profile { max_frame_rate: max, ..profile(bw, bh) };
            let fit = fit(&profile, &picture(w, h, par, rate));
            prop_assert!(fit.width <= bw && fit.height <= bh && fit.width >= 16 && fit.height >= 16);
            prop_assert!(fit.width.is_multiple_of(2) && fit.height.is_multiple_of(2));
            if let Some((num, den)) = fit.rate {
                prop_assert!(den > 0 && u64::from(num) <= u64::from(max) * u64::from(den));
            }
        }
    }
}
