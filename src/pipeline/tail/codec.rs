//! What becomes of a track, told by its caps: carried as it is, converted, or left out.

use gstreamer as gst;

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Comes first, so that the muxer takes its clock from it.
    Video,
    Audio,
}

/// What becomes of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// TS carries it: these elements make it fit, and these caps come out.
    Carry(Kind, &'static Carry),
    /// It is decoded and encoded.
    Convert(Kind),
    /// It comes in RTP packets, which are unpacked first.
    Unpack(Kind),
    /// It is encrypted.
    Protected,
    /// Neither picture nor sound.
    Ignore,
}

/// How a codec is brought into the form that the muxer takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Carry {
    /// The parser.
    pub(super) parser: &'static str,
    /// Optional: gives a decoding timestamp to pictures out of order, which several containers have none for.
    pub(super) timestamper: Option<&'static str>,
    /// What the muxer is given.
    pub(super) caps: &'static str,
}

const H264: Carry = Carry {
    parser: "h264parse",
    timestamper: Some("h264timestamper"),
    caps: "video/x-h264,stream-format=byte-stream,alignment=au",
};
const HEVC: Carry = Carry {
    parser: "h265parse",
    timestamper: Some("h265timestamper"),
    caps: "video/x-h265,stream-format=byte-stream,alignment=au",
};
const MPEG_VIDEO: Carry = carry(
    "mpegvideoparse",
    "video/mpeg,mpegversion=[1,2],parsed=true,systemstream=false",
);
const MPEG_AUDIO: Carry = carry("mpegaudioparse", "audio/mpeg,mpegversion=1,parsed=true");
const AAC: Carry = carry(
    "aacparse",
    "audio/mpeg,mpegversion={2,4},framed=true,stream-format=adts",
);
const AC3: Carry = carry("ac3parse", "audio/x-ac3,framed=true,alignment=frame");
const EAC3: Carry = carry("ac3parse", "audio/x-eac3,framed=true,alignment=frame");
const OPUS: Carry = carry(
    "opusparse",
    "audio/x-opus,framed=true,channel-mapping-family={0,1}",
);

const fn carry(parser: &'static str, caps: &'static str) -> Carry {
    Carry {
        parser,
        timestamper: None,
        caps,
    }
}

/// Decides on a track. MPEG-4 part 2 would fit, but the containers that bring it say of its pictures out of order either when they
/// are decoded or when they are shown, and nothing here works out the other. Whether the installed muxer takes what it is to be given is for the caller to look up.
pub(super) fn fate(caps: &gst::CapsRef) -> Fate {
    let Some(track) = caps.structure(0) else {
        return Fate::Ignore;
    };
    let name = track.name().as_str();
    let version = track.get::<i32>("mpegversion").unwrap_or(0);
    match name {
        "application/x-rtp" => match track.get::<&str>("media") {
            Ok("video") => Fate::Unpack(Kind::Video),
            Ok("audio") => Fate::Unpack(Kind::Audio),
            _ => Fate::Ignore,
        },
        "application/x-cenc" | "application/x-cbcs" | "application/x-webm-enc" => Fate::Protected,
        "video/x-h264" => Fate::Carry(Kind::Video, &H264),
        "video/x-h265" => Fate::Carry(Kind::Video, &HEVC),
        "video/mpeg" if (1..=2).contains(&version) => Fate::Carry(Kind::Video, &MPEG_VIDEO),
        "audio/mpeg" if version == 1 => Fate::Carry(Kind::Audio, &MPEG_AUDIO),
        "audio/mpeg" if (version == 2 || version == 4) && fits_adts(track) => {
            Fate::Carry(Kind::Audio, &AAC)
        }
        "audio/x-ac3" | "audio/ac3" => Fate::Carry(Kind::Audio, &AC3),
        "audio/x-eac3" => Fate::Carry(Kind::Audio, &EAC3),
        "audio/x-opus" => Fate::Carry(Kind::Audio, &OPUS),
        _ if name.starts_with("video/") || name == "image/jpeg" => Fate::Convert(Kind::Video),
        _ if name.starts_with("audio/") => Fate::Convert(Kind::Audio),
        _ => Fate::Ignore,
    }
}

/// Samples or pictures that need no decoder.
pub(super) fn is_raw(caps: &gst::CapsRef) -> bool {
    let name = caps.structure(0).map(|track| track.name().as_str());
    matches!(name, Some("audio/x-raw" | "video/x-raw"))
}

/// The parser makes ADTS of raw frames, but not of LOAS.
fn fits_adts(track: &gst::StructureRef) -> bool {
    !matches!(track.get::<&str>("stream-format"), Ok("loas" | "latm"))
}

/// The codec in words for people.
pub(super) fn name(caps: &gst::CapsRef) -> String {
    let known = caps.structure(0).map(|track| {
        let encoding = track.get::<&str>("encoding-name").ok();
        encoding.unwrap_or(track.name().as_str()).to_owned()
    });
    super::super::redact::redact(&known.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Fate {
        gst::init().unwrap();
        fate(&text.parse::<gst::Caps>().unwrap())
    }

    #[test]
    fn tracks_find_their_fate() {
        let video = |carry| Fate::Carry(Kind::Video, carry);
        let audio = |carry| Fate::Carry(Kind::Audio, carry);
        for (caps, fate) in [
            ("video/x-h264,stream-format=avc", video(&H264)),
            (
                "video/mpeg,mpegversion=2,systemstream=false",
                video(&MPEG_VIDEO),
            ),
            ("video/mpeg,mpegversion=4", Fate::Convert(Kind::Video)),
            ("audio/mpeg,mpegversion=1,layer=3", audio(&MPEG_AUDIO)),
            ("audio/mpeg,mpegversion=4,stream-format=raw", audio(&AAC)),
            (
                "audio/mpeg,mpegversion=4,stream-format=loas",
                Fate::Convert(Kind::Audio),
            ),
            ("video/x-vp9", Fate::Convert(Kind::Video)),
            ("image/jpeg", Fate::Convert(Kind::Video)),
            ("audio/x-raw,rate=8000", Fate::Convert(Kind::Audio)),
            (
                "application/x-rtp,media=video,encoding-name=H264",
                Fate::Unpack(Kind::Video),
            ),
            ("application/x-rtp,media=application", Fate::Ignore),
            (
                "application/x-cenc,original-media-type=video/x-h264",
                Fate::Protected,
            ),
            ("text/x-raw", Fate::Ignore),
            ("subpicture/x-dvd", Fate::Ignore),
        ] {
            assert_eq!(of(caps), fate, "{caps}");
        }
        assert_eq!(fate(&gst::Caps::new_any()), Fate::Ignore);
    }
}
