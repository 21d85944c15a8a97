//! HEVC: random access points and sequence parameter sets (ITU-T H.265, 7.3.2.2 and 7.3.3).

use h264_reader::rbsp::{BitRead, BitReader};

use super::{Look, Params, ParamsError, cropped, nal};
use crate::ts::{Chroma, VideoInfo};

const LAST_VCL: u8 = 31;
const VPS: u8 = 32;
const SPS: u8 = 33;

/// Looks at the start of an access unit: an IRAP picture (BLA, IDR, CRA) or parameter sets make it
/// a place to start at.
pub(super) fn look(es: &[u8], ended: bool) -> Look {
    let mut look = Look::default();
    for (at, end) in nal::units(es, ended) {
        let Some(&header) = es.get(at) else { break };
        match (header >> 1) & 0x3f {
            VPS => look.key = Some(true),
            SPS => {
                look.key = Some(true);
                if let (Params::Open, Some(end)) = (&look.params, end) {
                    look.params = Params::Whole(at..end);
                }
            }
            16..=21 => {
                look.picture(true);
                break;
            }
            0..=LAST_VCL => {
                look.picture(false);
                break;
            }
            _ => {}
        }
    }
    look
}

/// Reads a sequence parameter set unit up to its bit depths; sample aspect ratio and frame rate
/// stand far behind and are left unknown.
pub(super) fn parse(unit: &[u8]) -> Result<VideoInfo, ParamsError> {
    let data = nal::rbsp(unit, 2);
    let r = &mut BitReader::new(&data[..]);
    r.skip(4, "sps_video_parameter_set_id")?;
    let sub_layers = r.read::<3, u8>("sps_max_sub_layers_minus1")?;
    r.skip(1, "sps_temporal_id_nesting_flag")?;
    let general = profile_tier_level(r, sub_layers)?;
    r.read_ue("sps_seq_parameter_set_id")?;
    let chroma_format = r.read_ue("chroma_format_idc")?;
    let separate_planes = chroma_format == 3 && r.read_bit("separate_colour_plane_flag")?;
    let width = r.read_ue("pic_width_in_luma_samples")?;
    let height = r.read_ue("pic_height_in_luma_samples")?;
    let (sub_width, sub_height) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let (mut crop_x, mut crop_y) = (Some(0), Some(0));
    if r.read_bit("conformance_window_flag")? {
        crop_x = crop(r, sub_width)?;
        crop_y = crop(r, sub_height)?;
    }
    let luma = r.read_ue("bit_depth_luma_minus8")?;
    let chroma = r.read_ue("bit_depth_chroma_minus8")?;
    let depth = luma.max(chroma);
    if chroma_format > 3 || depth > 8 {
        return Err(ParamsError::Value);
    }
    Ok(VideoInfo {
        width: cropped(width, crop_x)?,
        height: cropped(height, crop_y)?,
        sar: (1, 1),
        profile_idc: general.profile,
        constraint_flags: general.flags & 0xf0 | u8::from(general.high_tier),
        level_idc: general.level,
        chroma: if separate_planes {
            Chroma::C444
        } else {
            Chroma::of_idc(chroma_format)
        },
        bit_depth: 8 + depth as u8,
        // general_interlaced_source_flag without general_progressive_source_flag
        interlaced: general.flags & 0xc0 == 0x40,
        frame_rate: None,
    })
}

struct General {
    profile: u8,
    high_tier: bool,
    flags: u8,
    level: u8,
}

fn profile_tier_level(r: &mut impl BitRead, sub_layers: u8) -> Result<General, ParamsError> {
    r.skip(2, "general_profile_space")?;
    let high_tier = r.read_bit("general_tier_flag")?;
    let profile = r.read::<5, u8>("general_profile_idc")?;
    r.skip(32, "general_profile_compatibility_flag")?;
    let flags = r.read::<8, u8>("general source and constraint flags")?;
    r.skip(40, "general constraint flags")?;
    let level = r.read::<8, u8>("general_level_idc")?;
    let mut bits = 0;
    if sub_layers > 0 {
        // The presence flags of all eight possible sub-layers are there, used or not.
        for layer in 0..8 {
            let has_profile = r.read_bit("sub_layer_profile_present_flag")?;
            let has_level = r.read_bit("sub_layer_level_present_flag")?;
            if layer < sub_layers {
                bits += if has_profile { 88 } else { 0 } + if has_level { 8 } else { 0 };
            }
        }
    }
    r.skip(bits, "sub-layers")?;
    Ok(General {
        profile,
        high_tier,
        flags,
        level,
    })
}

fn crop(r: &mut impl BitRead, unit: u32) -> Result<Option<u32>, ParamsError> {
    let (one, other) = (r.read_ue("conf_win_offset")?, r.read_ue("conf_win_offset")?);
    Ok(one.checked_add(other).and_then(|sum| sum.checked_mul(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::hevc_sps;

    #[test]
    fn sps_of_main_10_with_window_and_sub_layers() {
        for sub_layers in [0, 2] {
            let info = parse(&hevc_sps(2, 120, 1920, 1088, 4, 2, sub_layers)).unwrap();
            assert_eq!((info.width, info.height, info.bit_depth), (1920, 1080, 10));
            assert_eq!(
                (
                    info.profile_idc,
                    info.level_idc,
                    info.chroma,
                    info.interlaced
                ),
                (2, 120, Chroma::C420, false)
            );
        }
    }

    #[test]
    fn cut_or_hostile() {
        let sps = hevc_sps(1, 93, 1280, 720, 0, 0, 1);
        for n in 0..sps.len() {
            if let Ok(info) = parse(&sps[..n]) {
                assert_eq!((info.width, info.height), (1280, 720));
            }
        }
        assert!(parse(&hevc_sps(1, 93, 100_000, 720, 0, 0, 0)).is_err());
        assert!(parse(&hevc_sps(1, 93, 1280, 720, 1000, 0, 0)).is_err());
        assert!(parse(&hevc_sps(1, 93, 1280, 720, 0, 9, 0)).is_err());
        assert!(parse(&[0xff; 100]).is_err());
    }

    #[test]
    fn where_decoding_can_start() {
        let unit = |kind: u8| look(&[0, 0, 1, 35 << 1, 1, 0x50, 0, 0, 1, kind << 1, 1], false).key;
        for kind in [16, 19, 20, 21, 32, 33] {
            assert_eq!(unit(kind), Some(true), "{kind}");
        }
        for kind in [0, 1, 9, 22] {
            assert_eq!(unit(kind), Some(false), "{kind}");
        }
        assert_eq!([unit(34), unit(39)], [None, None]);
    }
}
