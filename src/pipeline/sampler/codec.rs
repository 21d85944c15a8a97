//! Which element decodes what, and how it is told what comes.

use gstreamer as gst;

use crate::samples::SoundUnits;
use crate::ts::Codec;

/// Channel mappings of Opus by the number of channels: streams, coupled ones, and where each channel is
/// (RFC 7845, 5.1.1.2).
const OPUS: [(i32, i32, &[u8]); 8] = [
    (1, 0, &[0]),
    (1, 1, &[0, 1]),
    (2, 1, &[0, 2, 1]),
    (2, 2, &[0, 1, 2, 3]),
    (3, 2, &[0, 4, 1, 2, 3]),
    (4, 2, &[0, 4, 1, 2, 3, 5]),
    (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
    (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
];

/// The element that decodes a codec; `None` for what is neither picture nor sound.
pub fn decoder_of(codec: Codec) -> Option<&'static str> {
    Some(match codec {
        Codec::H264 => "avdec_h264",
        Codec::Hevc => "avdec_h265",
        Codec::Mpeg1Video | Codec::Mpeg2Video => "avdec_mpeg2video",
        Codec::Mpeg4Video => "avdec_mpeg4",
        Codec::Aac => "avdec_aac",
        Codec::AacLatm => "avdec_aac_latm",
        Codec::Ac3 => "avdec_ac3",
        Codec::Eac3 => "avdec_eac3",
        Codec::Mp2 => "avdec_mp2float",
        Codec::Mp3 => "avdec_mp3",
        Codec::Opus => "opusdec",
        Codec::DvbSubtitle | Codec::Teletext | Codec::Id3 | Codec::Other(_) => return None,
    })
}

pub(super) fn picture_caps(codec: Codec) -> gst::Caps {
    let mpeg = |version: i32| {
        gst::Caps::builder("video/mpeg")
            .field("mpegversion", version)
            .field("systemstream", false)
            .build()
    };
    let units = |name: &str| {
        gst::Caps::builder(name)
            .field("stream-format", "byte-stream")
            .field("alignment", "au")
            .build()
    };
    match codec {
        Codec::Hevc => units("video/x-h265"),
        Codec::Mpeg1Video => mpeg(1),
        Codec::Mpeg2Video => mpeg(2),
        Codec::Mpeg4Video => mpeg(4),
        _ => units("video/x-h264"),
    }
}

pub(super) fn sound_caps(units: &SoundUnits) -> gst::Caps {
    let mpeg = |version: i32| gst::Caps::builder("audio/mpeg").field("mpegversion", version);
    match units.codec {
        Codec::AacLatm => mpeg(4).field("stream-format", "loas").build(),
        Codec::Ac3 => gst::Caps::new_empty_simple("audio/x-ac3"),
        Codec::Eac3 => gst::Caps::new_empty_simple("audio/x-eac3"),
        Codec::Mp2 => mpeg(1).field("layer", 2).build(),
        Codec::Mp3 => mpeg(1).field("layer", 3).build(),
        Codec::Opus => opus(units.channels),
        _ => mpeg(4).field("stream-format", "adts").build(),
    }
}

fn opus(channels: u8) -> gst::Caps {
    let channels = if (1..=8).contains(&channels) {
        channels
    } else {
        2
    };
    let (streams, coupled, mapping) = OPUS[usize::from(channels) - 1];
    let family = i32::from(channels > 2);
    let caps = gst::Caps::builder("audio/x-opus")
        .field("rate", 48_000)
        .field("channels", i32::from(channels))
        .field("channel-mapping-family", family)
        .field("stream-count", streams)
        .field("coupled-count", coupled);
    if family == 0 {
        return caps.build();
    }
    let mapping = mapping.iter().map(|&channel| i32::from(channel));
    caps.field("channel-mapping", gst::Array::new(mapping))
        .build()
}
