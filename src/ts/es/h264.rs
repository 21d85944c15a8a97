//! H.264: random access points and sequence parameter sets (ITU-T H.264, 7.3.2.1.1 and annex E).

use h264_reader::nal::sps::{AspectRatioInfo, ChromaFormat, ChromaInfo, ProfileIdc};
use h264_reader::rbsp::{BitRead, BitReader};

use super::{Look, Params, ParamsError, cropped, nal};
use crate::ts::{Chroma, VideoInfo};

const SLICE: u8 = 1;
const PARTITION_C: u8 = 4;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
/// `payloadType` of a recovery point.
const RECOVERY_POINT: u32 = 6;

/// Looks at the start of an access unit: an IDR picture, a sequence parameter set or a recovery
/// point makes it a place to start at. `ended` says that no more of the unit will come.
pub(super) fn look(es: &[u8], ended: bool) -> Look {
    let mut look = Look::default();
    for (at, end) in nal::units(es, ended) {
        let Some(&header) = es.get(at) else { break };
        match header & 0x1f {
            SPS => {
                look.key = Some(true);
                if let (Params::Open, Some(end)) = (&look.params, end) {
                    look.params = Params::Whole(at..end);
                }
            }
            SEI if recovery_point(&es[at + 1..end.unwrap_or(es.len())]) => look.key = Some(true),
            IDR => {
                look.picture(true);
                break;
            }
            SLICE..=PARTITION_C => {
                look.picture(false);
                break;
            }
            _ => {}
        }
    }
    look
}

/// Whether a message of this SEI unit, as far as it is here, is a recovery point (7.3.2.3.1).
fn recovery_point(unit: &[u8]) -> bool {
    let data = nal::rbsp(unit, 0);
    let mut rest = &data[..];
    loop {
        let (Some(kind), Some(size)) = (number(&mut rest), number(&mut rest)) else {
            return false;
        };
        if kind == RECOVERY_POINT {
            return true;
        }
        let Some(next) = rest.get(size as usize..) else {
            return false;
        };
        rest = next;
    }
}

/// A number coded as a run of 0xff and a last byte.
fn number(data: &mut &[u8]) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        sum += u32::from(byte);
        if byte != 0xff {
            return Some(sum);
        }
    }
}

/// Reads a sequence parameter set unit.
///
/// Lenient where live encoders lie: a level too low for the picture, reference limits that
/// contradict each other or a broken VUI leave size and profile as they are.
pub(super) fn parse(unit: &[u8]) -> Result<VideoInfo, ParamsError> {
    let data = nal::rbsp(unit, 1);
    let r = &mut BitReader::new(&data[..]);
    let profile_idc = r.read::<8, u8>("profile_idc")?;
    let constraint_flags = r.read::<8, u8>("constraint_flags")?;
    let level_idc = r.read::<8, u8>("level_idc")?;
    r.read_ue("seq_parameter_set_id")?;
    let chroma =
        ChromaInfo::read(r, ProfileIdc::from(profile_idc)).map_err(|_| ParamsError::Bits)?;
    r.read_ue("log2_max_frame_num_minus4")?;
    skip_order_count(r)?;
    r.read_ue("max_num_ref_frames")?;
    r.read_bit("gaps_in_frame_num_value_allowed_flag")?;
    let width = u64::from(r.read_ue("pic_width_in_mbs_minus1")?) + 1;
    let height = u64::from(r.read_ue("pic_height_in_map_units_minus1")?) + 1;
    let frames_only = r.read_bit("frame_mbs_only_flag")?;
    if !frames_only {
        r.read_bit("mb_adaptive_frame_field_flag")?;
    }
    r.read_bit("direct_8x8_inference_flag")?;
    let (sub_width, sub_height) = match chroma.chroma_format {
        ChromaFormat::YUV420 => (2, 2),
        ChromaFormat::YUV422 => (2, 1),
        _ => (1, 1),
    };
    let fields = if frames_only { 1 } else { 2 };
    let (mut crop_x, mut crop_y) = (Some(0), Some(0));
    if r.read_bit("frame_cropping_flag")? {
        crop_x = crop(r, sub_width)?;
        crop_y = crop(r, sub_height * fields)?;
    }
    let coded =
        |blocks: u64, unit: u64| u32::try_from(blocks * unit).map_err(|_| ParamsError::Value);
    let (sar, frame_rate) = vui(r).unwrap_or_default();
    Ok(VideoInfo {
        width: cropped(coded(width, 16)?, crop_x)?,
        height: cropped(coded(height, 16 * u64::from(fields))?, crop_y)?,
        sar: sar.unwrap_or((1, 1)),
        profile_idc,
        constraint_flags,
        level_idc,
        chroma: match chroma.chroma_format {
            ChromaFormat::Monochrome => Chroma::Mono,
            ChromaFormat::YUV420 => Chroma::C420,
            ChromaFormat::YUV422 => Chroma::C422,
            _ => Chroma::C444,
        },
        bit_depth: 8 + chroma
            .bit_depth_luma_minus8
            .max(chroma.bit_depth_chroma_minus8),
        interlaced: !frames_only,
        frame_rate,
    })
}

fn skip_order_count(r: &mut impl BitRead) -> Result<(), ParamsError> {
    match r.read_ue("pic_order_cnt_type")? {
        0 => {
            r.read_ue("log2_max_pic_order_cnt_lsb_minus4")?;
        }
        1 => {
            r.read_bit("delta_pic_order_always_zero_flag")?;
            r.read_se("offset_for_non_ref_pic")?;
            r.read_se("offset_for_top_to_bottom_field")?;
            let cycle = r.read_ue("num_ref_frames_in_pic_order_cnt_cycle")?;
            if cycle > 255 {
                return Err(ParamsError::Value);
            }
            for _ in 0..cycle {
                r.read_se("offset_for_ref_frame")?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Sum of the two crop offsets of one direction in samples; `None` when it overflows.
fn crop(r: &mut impl BitRead, unit: u32) -> Result<Option<u32>, ParamsError> {
    let (one, other) = (r.read_ue("crop_offset")?, r.read_ue("crop_offset")?);
    Ok(one.checked_add(other).and_then(|sum| sum.checked_mul(unit)))
}

/// Sample aspect ratio and frame rate.
type Vui = (Option<(u32, u32)>, Option<(u32, u32)>);

fn vui(r: &mut impl BitRead) -> Result<Vui, ParamsError> {
    if !r.read_bit("vui_parameters_present_flag")? {
        return Ok((None, None));
    }
    let sar = if r.read_bit("aspect_ratio_info_present_flag")? {
        sample_aspect(r)?
    } else {
        None
    };
    // A VUI that breaks off after the aspect ratio still has one.
    Ok((sar, frame_rate(r).unwrap_or_default()))
}

/// Table E-1; `None` when unspecified.
pub(super) fn sample_aspect(r: &mut impl BitRead) -> Result<Option<(u32, u32)>, ParamsError> {
    use AspectRatioInfo as A;
    const NAMED: [A; 16] = [
        A::Ratio1_1,
        A::Ratio12_11,
        A::Ratio10_11,
        A::Ratio16_11,
        A::Ratio40_33,
        A::Ratio24_11,
        A::Ratio20_11,
        A::Ratio32_11,
        A::Ratio80_33,
        A::Ratio18_11,
        A::Ratio15_11,
        A::Ratio64_33,
        A::Ratio160_99,
        A::Ratio4_3,
        A::Ratio3_2,
        A::Ratio2_1,
    ];
    let idc = r.read::<8, u8>("aspect_ratio_idc")?;
    let info = match idc {
        255 => A::Extended(
            r.read::<16, u16>("sar_width")?,
            r.read::<16, u16>("sar_height")?,
        ),
        _ => NAMED
            .get(usize::from(idc).wrapping_sub(1))
            .cloned()
            .unwrap_or(A::Unspecified),
    };
    Ok(info.get().map(|(w, h)| (w.into(), h.into())))
}

fn frame_rate(r: &mut impl BitRead) -> Result<Option<(u32, u32)>, ParamsError> {
    if r.read_bit("overscan_info_present_flag")? {
        r.read_bit("overscan_appropriate_flag")?;
    }
    if r.read_bit("video_signal_type_present_flag")? {
        r.skip(4, "video_format, video_full_range_flag")?;
        if r.read_bit("colour_description_present_flag")? {
            r.skip(24, "colour_description")?;
        }
    }
    if r.read_bit("chroma_loc_info_present_flag")? {
        r.read_ue("chroma_sample_loc_type_top_field")?;
        r.read_ue("chroma_sample_loc_type_bottom_field")?;
    }
    if !r.read_bit("timing_info_present_flag")? {
        return Ok(None);
    }
    let units = r.read::<32, u32>("num_units_in_tick")?;
    let scale = r.read::<32, u32>("time_scale")?;
    Ok(reduced(u64::from(scale), u64::from(units) * 2))
}

/// A fraction in lowest terms, if it is a frame rate (above 0, up to 1,000).
fn reduced(numerator: u64, denominator: u64) -> Option<(u32, u32)> {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if numerator == 0 || denominator == 0 || numerator / denominator > 1000 {
        return None;
    }
    Some((
        u32::try_from(numerator / a).ok()?,
        u32::try_from(denominator / a).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::h264_sps;

    #[test]
    fn sps_of_1080i() {
        // 120 x 34 map units in fields, 8 lines cropped (2 crop units of 4), 25 frames a second.
        let info = parse(&h264_sps(100, 40, 120, 34, false, 2)).unwrap();
        assert_eq!(
            (info.width, info.height, info.interlaced),
            (1920, 1080, true)
        );
        assert_eq!(
            (
                info.profile_idc,
                info.level_idc,
                info.bit_depth,
                info.chroma
            ),
            (100, 40, 8, Chroma::C420)
        );
        assert_eq!((info.sar, info.frame_rate), ((4, 3), Some((25, 1))));
    }

    #[test]
    fn lying_level_is_no_reason_to_know_nothing() {
        let info = parse(&h264_sps(66, 10, 80, 45, true, 0)).unwrap();
        assert_eq!(
            (info.width, info.height, info.interlaced, info.level_idc),
            (1280, 720, false, 10)
        );
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(parse(&h264_sps(66, 31, 5000, 45, true, 0)).is_err());
        assert!(parse(&h264_sps(66, 31, 80, 45, true, 4000)).is_err());
        assert!(
            parse(&h264_sps(
                66,
                31,
                u32::MAX - 1,
                u32::MAX - 1,
                false,
                u32::MAX - 1
            ))
            .is_err()
        );
    }

    #[test]
    fn cut_anywhere_it_fails_or_says_the_same() {
        let sps = h264_sps(100, 40, 120, 34, false, 2);
        for n in 0..sps.len() {
            if let Ok(info) = parse(&sps[..n]) {
                assert_eq!((info.width, info.height), (1920, 1080));
            }
        }
    }

    #[test]
    fn where_decoding_can_start() {
        let sps = [[0, 0, 1].as_slice(), &h264_sps(66, 31, 80, 45, true, 0)].concat();
        let aud = [0, 0, 0, 1, 9, 0xf0];
        let cases: [(&[u8], Option<bool>); 8] = [
            (&[0, 0, 1, 0x41, 0x9a], Some(false)),
            (&[0, 0, 1, 0x65, 0x88], Some(true)),
            (&[0, 0, 1, 0x68, 0xce], None),
            (&[0, 0, 1, 6, 6, 1, 0xc4, 0x80], Some(true)),
            (&[0, 0, 1, 6, 5, 1, 0xc4, 0x80], None),
            (&[0, 0, 1, 6, 5, 200, 6, 6], None), // inside of another message
            (&[], None),
            (&[0, 0, 1], None),
        ];
        for (es, key) in cases {
            assert_eq!(look(&[&aud, es].concat(), false).key, key, "{es:?}");
        }
        let unit = [&aud[..], &sps].concat();
        assert_eq!(
            look(&unit, false),
            Look {
                key: Some(true),
                params: Params::Open
            }
        );
        let whole = Params::Whole(9..unit.len());
        assert_eq!(look(&unit, true).params, whole);
        assert_eq!(
            look(&[&unit[..], &[0, 0, 1, 0x41]].concat(), false),
            Look {
                key: Some(true),
                params: whole
            }
        );
    }
}
