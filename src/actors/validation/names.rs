//! Names of profiles and levels, as people write them.

use crate::ts::{AudioInfo, Codec, VideoInfo};

/// Profile and level of a video track.
pub(super) fn video(codec: Codec, info: &VideoInfo) -> (Option<String>, Option<String>) {
    match codec {
        Codec::H264 => (h264_profile(info), Some(h264_level(info))),
        Codec::Hevc => (hevc_profile(info), Some(hevc_level(info))),
        Codec::Mpeg2Video => mpeg2(info),
        _ => (None, None),
    }
}

/// Profile of an audio track.
pub(super) fn audio(info: &AudioInfo) -> Option<String> {
    // ISO/IEC 14496-3, table 1.17
    let name = match info.aac_object_type? {
        1 => "Main",
        2 => "LC",
        3 => "SSR",
        4 => "LTP",
        5 => "HE",
        29 => "HE v2",
        42 => "xHE",
        other => return Some(format!("object type {other}")),
    };
    Some(name.to_owned())
}

/// ITU-T H.264, annex A.
fn h264_profile(info: &VideoInfo) -> Option<String> {
    let constraint = |n: u8| info.constraint_flags & (0x80 >> n) != 0;
    let name = match info.profile_idc {
        66 if constraint(1) => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 if constraint(3) => "High 10 Intra",
        110 => "High 10",
        122 if constraint(3) => "High 4:2:2 Intra",
        122 => "High 4:2:2",
        244 if constraint(3) => "High 4:4:4 Intra",
        244 => "High 4:4:4 Predictive",
        44 => "CAVLC 4:4:4 Intra",
        _ => return None,
    };
    Some(name.to_owned())
}

fn h264_level(info: &VideoInfo) -> String {
    let early = matches!(info.profile_idc, 66 | 77 | 88);
    if info.level_idc == 9 || early && info.level_idc == 11 && info.constraint_flags & 0x10 != 0 {
        return "1b".to_owned();
    }
    tenths(info.level_idc / 10, info.level_idc % 10)
}

/// ITU-T H.265, annex A.
fn hevc_profile(info: &VideoInfo) -> Option<String> {
    let name = match info.profile_idc {
        1 => "Main",
        2 => "Main 10",
        3 => "Main Still Picture",
        4 => "Range Extensions",
        _ => return None,
    };
    Some(name.to_owned())
}

fn hevc_level(info: &VideoInfo) -> String {
    // general_level_idc is 30 times the level.
    let level = tenths(info.level_idc / 30, info.level_idc % 30 / 3);
    if info.constraint_flags & 1 == 0 {
        level
    } else {
        format!("{level} High tier")
    }
}

fn tenths(whole: u8, tenths: u8) -> String {
    if tenths == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{tenths}")
    }
}

/// ISO/IEC 13818-2, tables 8-2 and 8-3.
fn mpeg2(info: &VideoInfo) -> (Option<String>, Option<String>) {
    let profile = match info.profile_idc {
        1 => "High",
        2 => "Spatially Scalable",
        3 => "SNR Scalable",
        4 => "Main",
        5 => "Simple",
        _ => return (None, None),
    };
    let level = match info.level_idc {
        4 => Some("High"),
        6 => Some("High 1440"),
        8 => Some("Main"),
        10 => Some("Low"),
        _ => None,
    };
    (Some(profile.to_owned()), level.map(ToOwned::to_owned))
}
