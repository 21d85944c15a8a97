//! Sync frames of AC-3 and E-AC-3 (ETSI TS 102 366, 4.3 and annex E, E.1.2).

use crate::ts::{AudioInfo, Codec};

const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Table 4.13, kbit/s by `frmsizecod` / 2.
const BITRATES: [u32; 19] = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];
/// Table 4.3, channels by `acmod`, without the one for effects.
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// Up to this `bsid` it is AC-3, from 11 to 16 E-AC-3.
const LAST_AC3: u8 = 10;

/// Reads the frame at the start of `data`; which of the two it is, is told by its `bsid`, whatever the
/// tables say. The number is the size of the frame in bytes.
pub(super) fn frame(data: &[u8]) -> Option<(Codec, AudioInfo, usize)> {
    let h = *data.first_chunk::<7>()?;
    if h[..2] != [0x0b, 0x77] {
        return None;
    }
    // It stands in the same place in both.
    match h[5] >> 3 {
        0..=LAST_AC3 => ac3(h),
        11..=16 => eac3(h),
        _ => None,
    }
}

fn ac3(h: [u8; 7]) -> Option<(Codec, AudioInfo, usize)> {
    // bsid 9 and 10 halve and quarter the rate (annex A of older editions; found in the wild).
    let halvings = (h[5] >> 3).saturating_sub(8);
    let rate = *RATES.get(usize::from(h[4] >> 6))?;
    let code = h[4] & 0x3f;
    let kbits = BITRATES.get(usize::from(code >> 1))?;
    let size = match rate {
        48_000 => kbits * 4,
        44_100 => (kbits * 320 / 147 + u32::from(code & 1)) * 2,
        _ => kbits * 6,
    };
    let mode = h[6] >> 5;
    // Mix levels stand before the flag for effects, as the mode has them.
    let mut before = 3;
    if mode & 1 != 0 && mode != 1 {
        before += 2;
    }
    if mode & 4 != 0 {
        before += 2;
    }
    if mode == 2 {
        before += 2;
    }
    let effects = h[6] >> (7 - before) & 1;
    Some((
        Codec::Ac3,
        info(rate >> halvings, mode, effects),
        size as usize,
    ))
}

fn eac3(h: [u8; 7]) -> Option<(Codec, AudioInfo, usize)> {
    let size = (usize::from(h[2] & 7) << 8 | usize::from(h[3])) * 2 + 2;
    let rate = match h[4] >> 6 {
        3 => RATES.get(usize::from(h[4] >> 4 & 3))? / 2,
        code => *RATES.get(usize::from(code))?,
    };
    let mode = h[4] >> 1 & 7;
    (size >= h.len()).then(|| (Codec::Eac3, info(rate, mode, h[4] & 1), size))
}

fn info(sample_rate: u32, mode: u8, effects: u8) -> AudioInfo {
    AudioInfo {
        sample_rate,
        channels: CHANNELS[usize::from(mode & 7)] + effects,
        aac_object_type: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::es::audio::parse;

    fn told(codec: Codec, header: [u8; 7], size: usize) -> Option<(Codec, u32, u8)> {
        // The size must lead to the next frame exactly.
        let mut es = header.to_vec();
        es.resize(size, 0);
        es.extend(header);
        let (codec, info) = parse(codec, &es)?;
        Some((codec, info.sample_rate, info.channels))
    }

    #[test]
    fn ac3_frames() {
        // 48 kHz, 448 kbit/s, 3/2 with effects; 44.1 kHz, 192 kbit/s, stereo.
        let surround = [0x0b, 0x77, 0, 0, 30, 8 << 3, 0b1110_0001];
        assert_eq!(
            told(Codec::Ac3, surround, 1792),
            Some((Codec::Ac3, 48_000, 6))
        );
        let stereo = [0x0b, 0x77, 0, 0, 0x54, 8 << 3, 0b0100_0000];
        assert_eq!(told(Codec::Ac3, stereo, 834), Some((Codec::Ac3, 44_100, 2)));
        let alone = [&stereo[..], &[0; 900]].concat();
        assert_eq!(
            parse(Codec::Ac3, &alone),
            None,
            "no frame where one must be"
        );
    }

    #[test]
    fn the_frame_tells_which_of_the_two_it_is() {
        let header = [0x0b, 0x77, 0x01, 0xff, 0x34 | 0b1111, 16 << 3, 0];
        assert_eq!(
            told(Codec::Ac3, header, 1024),
            Some((Codec::Eac3, 48_000, 6))
        );
        let reserved = [0x0b, 0x77, 0x01, 0xff, 0xff, 16 << 3, 0];
        assert_eq!(told(Codec::Eac3, reserved, 1024), None);
    }
}
