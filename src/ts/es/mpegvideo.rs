//! MPEG-1 and MPEG-2 video: sequence headers and I pictures (ISO/IEC 13818-2, 6.2.2 and 6.2.3).

use h264_reader::rbsp::{BitRead, BitReader};

use super::{Look, Params, ParamsError, cropped, nal};
use crate::ts::{Chroma, Codec, VideoInfo};

const PICTURE: u8 = 0x00;
const LAST_SLICE: u8 = 0xaf;
const SEQUENCE: u8 = 0xb3;
const EXTENSION: u8 = 0xb5;
const GROUP: u8 = 0xb8;
const INTRA: u8 = 1;

/// Looks at the start of an access unit: a sequence header, or an I picture after a group header,
/// makes it a place to start at.
pub(super) fn look(es: &[u8], ended: bool) -> Look {
    let mut look = Look::default();
    let mut group = false;
    let mut sequence = None;
    for at in nal::starts(es) {
        let Some(&code) = es.get(at) else { break };
        if matches!(code, PICTURE | GROUP) && look.params == Params::Open {
            look.params = match sequence {
                Some(from) => Params::Whole(from..at - 3),
                None if code == PICTURE => Params::Absent,
                None => Params::Open,
            };
        }
        match code {
            SEQUENCE => {
                look.key = Some(true);
                sequence.get_or_insert(at);
            }
            GROUP => group = true,
            PICTURE => {
                let Some(&coding) = es.get(at + 2) else { break };
                look.key.get_or_insert(group && (coding >> 3) & 7 == INTRA);
                break;
            }
            1..=LAST_SLICE => {
                look.picture(false);
                break;
            }
            _ => {}
        }
    }
    if ended && let (Some(from), Params::Open) = (sequence, &look.params) {
        look.params = Params::Whole(from..es.len());
    }
    look
}

/// Reads a sequence header with the extensions after it, from the start code's last byte on.
/// Without a sequence extension it is MPEG-1.
pub(super) fn parse(unit: &[u8]) -> Result<(Codec, VideoInfo), ParamsError> {
    let r = &mut BitReader::new(unit.get(1..).unwrap_or_default());
    let width = r.read::<12, u32>("horizontal_size_value")?;
    let height = r.read::<12, u32>("vertical_size_value")?;
    let aspect = r.read::<4, u8>("aspect_ratio_information")?;
    let rate = r.read::<4, u8>("frame_rate_code")?;
    let mut info = VideoInfo {
        width: cropped(width, Some(0))?,
        height: cropped(height, Some(0))?,
        sar: (1, 1),
        profile_idc: 0,
        constraint_flags: 0,
        level_idc: 0,
        chroma: Chroma::C420,
        bit_depth: 8,
        interlaced: false,
        frame_rate: frame_rate(rate),
    };
    let extension = nal::starts(unit).find(|&at| {
        unit.get(at) == Some(&EXTENSION) && unit.get(at + 1).is_some_and(|id| id >> 4 == 1)
    });
    let Some(at) = extension else {
        return Ok((Codec::Mpeg1Video, info));
    };
    let r = &mut BitReader::new(&unit[at + 1..]);
    r.skip(4, "extension_start_code_identifier")?;
    r.skip(1, "profile_and_level escape")?;
    info.profile_idc = r.read::<3, u8>("profile")?;
    info.level_idc = r.read::<4, u8>("level")?;
    info.interlaced = !r.read_bit("progressive_sequence")?;
    info.chroma = Chroma::of_idc(r.read::<2, u32>("chroma_format")?);
    info.width = cropped(
        width | r.read::<2, u32>("horizontal_size_extension")? << 12,
        Some(0),
    )?;
    info.height = cropped(
        height | r.read::<2, u32>("vertical_size_extension")? << 12,
        Some(0),
    )?;
    r.skip(12 + 1 + 8 + 1, "bit_rate_extension to low_delay")?;
    let times = 1 + r.read::<2, u32>("frame_rate_extension_n")?;
    let over = 1 + r.read::<5, u32>("frame_rate_extension_d")?;
    info.frame_rate = info.frame_rate.map(|(n, d)| (n * times, d * over));
    info.sar = sample_aspect(aspect, info.width, info.height);
    Ok((Codec::Mpeg2Video, info))
}

/// Table 6-4.
fn frame_rate(code: u8) -> Option<(u32, u32)> {
    const RATES: [(u32, u32); 8] = [
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
    ];
    RATES.get(usize::from(code).wrapping_sub(1)).copied()
}

/// Table 6-3 gives the ratio of the display; that of a sample follows from the picture's size.
fn sample_aspect(code: u8, width: u32, height: u32) -> (u32, u32) {
    let (x, y) = match code {
        2 => (4 * height, 3 * width),
        3 => (16 * height, 9 * width),
        4 => (221 * height, 100 * width),
        _ => return (1, 1),
    };
    let (mut a, mut b) = (x, y);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (x / a, y / a)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 720x576, 16:9, 25 Hz, Main profile at Main level, interlaced, 4:2:0.
    const SEQ: [u8; 24] = [
        0, 0, 1, 0xb3, 0x2d, 0x02, 0x40, 0x33, 0xff, 0xff, 0xe0, 0x18, 0, 0, 1, 0xb5, 0x14, 0x82,
        0, 1, 0, 0, 0, 0,
    ];

    #[test]
    fn sequence_header_and_extension() {
        let mut es = SEQ.to_vec();
        es.extend([0, 0, 1, 0xb8, 0, 8, 0, 0, 0, 0, 1, 0, 0, 8]);
        let look = look(&es, false);
        assert_eq!(look.key, Some(true));
        let Params::Whole(range) = look.params else {
            panic!()
        };
        let (codec, info) = parse(&es[range]).unwrap();
        assert_eq!(
            (codec, info.width, info.height),
            (Codec::Mpeg2Video, 720, 576)
        );
        assert_eq!(
            (info.sar, info.frame_rate, info.interlaced),
            ((64, 45), Some((25, 1)), true)
        );
        assert_eq!(
            (info.profile_idc, info.level_idc, info.chroma),
            (4, 8, Chroma::C420)
        );
    }

    #[test]
    fn without_extension_it_is_mpeg_1() {
        assert_eq!(parse(&SEQ[3..12]).unwrap().0, Codec::Mpeg1Video);
        for n in 0..SEQ.len() - 3 {
            let _ = parse(&SEQ[3..3 + n]);
        }
    }

    #[test]
    fn where_decoding_can_start() {
        let group = [0, 0, 1, 0xb8, 0, 8, 0, 0];
        let intra = [0, 0, 1, 0, 0, 0x0f];
        let predicted = [0, 0, 1, 0, 0, 0x17];
        assert_eq!(look(&[&group[..], &intra].concat(), false).key, Some(true));
        assert_eq!(
            look(&[&group[..], &predicted].concat(), false).key,
            Some(false)
        );
        assert_eq!(look(&intra, false).key, Some(false));
        assert_eq!(look(&group, false).key, None);
        assert_eq!(look(&intra[..5], false).key, None);
        assert_eq!(
            look(&SEQ, false),
            Look {
                key: Some(true),
                params: Params::Open
            }
        );
    }
}
