//! Frame headers of ADTS (ISO/IEC 13818-7, 6.2) and MPEG audio (ISO/IEC 11172-3, 2.4.1.3); LATM and
//! AC-3 have files of their own.

use super::{ac3, latm};
use crate::ts::{AudioInfo, Codec};

/// Finds the first frame header in the start of a PES payload. A header counts only when another
/// follows where its frame ends, or when its frame ends beyond the data.
pub(in crate::ts) fn parse(codec: Codec, es: &[u8]) -> Option<(Codec, AudioInfo)> {
    let header = match codec {
        Codec::Aac => adts,
        Codec::AacLatm => latm::loas,
        Codec::Mp2 | Codec::Mp3 => mpeg,
        Codec::Ac3 | Codec::Eac3 => ac3::frame,
        _ => return None,
    };
    (0..es.len()).find_map(|at| {
        let (codec, info, size) = header(&es[at..])?;
        let next = es.get(at + size..).unwrap_or_default();
        (next.len() < 7 || header(next).is_some()).then_some((codec, info))
    })
}

/// Reads the frame header at the start of `data`: ADTS, or MPEG audio of any layer. The number is the
/// size of the frame in bytes, at least that of its header.
pub(crate) fn frame(data: &[u8]) -> Option<(Codec, AudioInfo, usize)> {
    adts(data).or_else(|| mpeg(data))
}

fn adts(data: &[u8]) -> Option<(Codec, AudioInfo, usize)> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    let h = data.first_chunk::<7>()?;
    if h[0] != 0xff || h[1] & 0xf6 != 0xf0 {
        return None;
    }
    let sample_rate = *RATES.get(usize::from(h[2] >> 2 & 0x0f))?;
    let channels = match (h[2] & 1) << 2 | h[3] >> 6 {
        7 => 8,
        n => n,
    };
    let size = usize::from(h[3] & 3) << 11 | usize::from(h[4]) << 3 | usize::from(h[5] >> 5);
    let info = AudioInfo {
        sample_rate,
        channels,
        aac_object_type: Some((h[2] >> 6) + 1),
    };
    (size >= 7).then_some((Codec::Aac, info, size))
}

fn mpeg(data: &[u8]) -> Option<(Codec, AudioInfo, usize)> {
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    // kbit/s by row: MPEG-1 layers I, II, III; MPEG-2 layer I, layers II and III
    const BITRATES: [[u32; 14]; 5] = [
        [
            32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        [
            32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
        ],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let h = data.first_chunk::<4>()?;
    let version = h[1] >> 3 & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    let layer = 4 - (h[1] >> 1 & 3); // 4 is reserved
    if h[0] != 0xff || h[1] & 0xe0 != 0xe0 || version == 1 || layer == 4 {
        return None;
    }
    let mpeg1 = version == 3;
    let halvings = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let rate = RATES.get(usize::from(h[2] >> 2 & 3))? >> halvings;
    let row = match (mpeg1, layer) {
        (true, _) => usize::from(layer) - 1,
        (false, 1) => 3,
        (false, _) => 4,
    };
    let bitrate = BITRATES[row].get(usize::from(h[2] >> 4).wrapping_sub(1))? * 1000;
    let padding = u32::from(h[2] >> 1 & 1);
    let size = match (layer, mpeg1) {
        (1, _) => (12 * bitrate / rate + padding) * 4,
        (3, false) => 72 * bitrate / rate + padding,
        _ => 144 * bitrate / rate + padding,
    };
    let channels = if h[3] >> 6 == 3 { 1 } else { 2 };
    let codec = if layer == 3 { Codec::Mp3 } else { Codec::Mp2 };
    Some((
        codec,
        AudioInfo {
            sample_rate: rate,
            channels,
            aac_object_type: None,
        },
        size as usize,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn adts_header() {
        let frame = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x3f, 0xfc, 0x21, 0x10];
        let (codec, info) = parse(Codec::Aac, &[&[7, 0xff][..], &frame, &frame].concat()).unwrap();
        assert_eq!(codec, Codec::Aac);
        assert_eq!(
            info,
            AudioInfo {
                sample_rate: 48_000,
                channels: 2,
                aac_object_type: Some(2)
            }
        );
        // A look-alike whose frame does not lead to another.
        assert_eq!(parse(Codec::Aac, &[&frame[..], &[0; 9]].concat()), None);
        for n in 0..frame.len() {
            assert_eq!(parse(Codec::Aac, &frame[..n]).is_some(), n >= 7);
        }
    }

    #[test]
    fn layer_decides_between_mp2_and_mp3() {
        let (codec, info) = parse(Codec::Mp2, &[0xff, 0xfd, 0x84, 0x04]).unwrap();
        assert_eq!(
            (codec, info.sample_rate, info.channels),
            (Codec::Mp2, 48_000, 2)
        );
        let (codec, info) = parse(Codec::Mp2, &[0xff, 0xfb, 0x90, 0xc4]).unwrap();
        assert_eq!(
            (codec, info.sample_rate, info.channels),
            (Codec::Mp3, 44_100, 1)
        );
        let (codec, info) = parse(Codec::Mp2, &[0xff, 0xf3, 0x40, 0xc4]).unwrap();
        assert_eq!((codec, info.sample_rate), (Codec::Mp3, 22_050));
        assert_eq!(parse(Codec::Mp2, &[0xff; 64]), None);
        assert_eq!(parse(Codec::Ac3, &[0x0b, 0x77, 0, 0]), None);
    }

    proptest! {
        /// No codec's reader panics or reads beyond what is there, also after a good start.
        #[test]
        fn any_bytes_are_read_or_refused(
            start in prop::sample::select(vec![
                vec![], vec![0xff, 0xf1], vec![0xff, 0xfd], vec![0x0b, 0x77], vec![0x56, 0xe0],
            ]),
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let data = [start, rest].concat();
            for codec in [Codec::Aac, Codec::AacLatm, Codec::Mp2, Codec::Ac3, Codec::Eac3, Codec::Opus] {
                if let Some((_, info)) = parse(codec, &data) {
                    prop_assert!(info.channels <= 48);
                    prop_assert!((1..=0xff_ffff).contains(&info.sample_rate));
                }
            }
        }
    }
}
