//! What of `GStreamer` is used at all: elements by the plugin that has them. Everything else is never loaded, or taken out
//! of the registry again, so that nothing a source sends can bring it about.
//!
//! One decoder for each codec, libav's where there are several, because it is the one that is fuzzed all the time. None
//! for what only games, phones of 2003 and film scans have. Nothing that opens files, nothing that opens connections
//! but SRT, nothing that reads a playlist or a manifest.

/// Plugins and what of them may be made; a plugin without elements brings types or type finders.
pub(super) const ELEMENTS: &[(&str, &[&str])] = &[
    // The frame of all pipelines.
    ("staticelements", &["bin", "pipeline"]),
    (
        "coreelements",
        &[
            "capsfilter",
            "fakesink",
            "fakesrc",
            "identity",
            "multiqueue",
            "queue",
            "tee",
            "typefind",
            "valve",
        ],
    ),
    ("app", &["appsink", "appsrc"]),
    ("playback", &["decodebin", "parsebin"]),
    ("typefindfunctions", &[]),
    ("pbtypes", &[]),
    // Raw pictures and sound.
    ("audioconvert", &["audioconvert"]),
    ("audioresample", &["audioresample"]),
    ("audiotestsrc", &["audiotestsrc"]),
    ("deinterlace", &["deinterlace"]),
    (
        "videoconvertscale",
        &["videoconvert", "videoconvertscale", "videoscale"],
    ),
    ("videorate", &["videorate"]),
    ("videotestsrc", &["videotestsrc"]),
    // Containers.
    ("apetag", &["apedemux"]),
    ("asf", &["asfdemux"]),
    ("avi", &["avidemux"]),
    ("flv", &["flvdemux"]),
    ("icydemux", &["icydemux"]),
    ("id3demux", &["id3demux"]),
    ("isomp4", &["qtdemux"]),
    ("matroska", &["matroskademux"]),
    ("mpegpsdemux", &["mpegpsdemux"]),
    ("mpegtsdemux", &["tsdemux", "tsparse"]),
    ("mpegtsmux", &["mpegtsmux"]),
    ("multipart", &["multipartdemux"]),
    ("ogg", &["oggdemux", "ogmaudioparse", "ogmvideoparse"]),
    ("wavparse", &["wavparse"]),
    // Parsers.
    (
        "audioparsers",
        &[
            "aacparse",
            "ac3parse",
            "amrparse",
            "dcaparse",
            "flacparse",
            "mpegaudioparse",
        ],
    ),
    ("codectimestamper", &["h264timestamper", "h265timestamper"]),
    ("jpegformat", &["jpegparse"]),
    ("opusparse", &["opusparse"]),
    (
        "videoparsersbad",
        &[
            "av1parse",
            "h263parse",
            "h264parse",
            "h265parse",
            "jpeg2000parse",
            "mpeg4videoparse",
            "mpegvideoparse",
            "vc1parse",
            "vp9parse",
        ],
    ),
    // Decoders.
    ("adpcmdec", &["adpcmdec"]),
    ("alaw", &["alawdec"]),
    ("aom", &["av1dec"]),
    ("dav1d", &["dav1ddec"]),
    ("dvdlpcmdec", &["dvdlpcmdec"]),
    ("flac", &["flacdec"]),
    ("jpeg", &["jpegdec"]),
    ("libav", LIBAV),
    ("mulaw", &["mulawdec"]),
    ("openjpeg", &["openjpegdec"]),
    ("opus", &["opusdec"]),
    ("speex", &["speexdec"]),
    ("theora", &["theoradec"]),
    ("vorbis", &["vorbisdec"]),
    ("vpx", &["vp8dec", "vp9dec"]),
    // Encoders.
    ("x264", &["x264enc"]),
    // What comes by the network.
    ("srt", &["srtsrc"]),
    (
        "rtpmanager",
        &[
            "rtpbin",
            "rtpfunnel",
            "rtpjitterbuffer",
            "rtpptdemux",
            "rtpsession",
            "rtpssrcdemux",
        ],
    ),
    ("rtp", DEPAYLOADERS),
    ("rsrtp", &["rtpav1depay"]),
];

const LIBAV: &[&str] = &[
    // Pictures.
    "avdec_cavs",
    "avdec_flv",
    "avdec_h263",
    "avdec_h263p",
    "avdec_h264",
    "avdec_h265",
    "avdec_mjpeg",
    "avdec_mpeg2video",
    "avdec_mpeg4",
    "avdec_mpegvideo",
    "avdec_msmpeg4",
    "avdec_msmpeg4v1",
    "avdec_msmpeg4v2",
    "avdec_vc1",
    "avdec_vp6",
    "avdec_vp6a",
    "avdec_vp6f",
    "avdec_wmv1",
    "avdec_wmv2",
    "avdec_wmv3",
    // Sound.
    "avdec_aac",
    "avdec_aac_latm",
    "avdec_ac3",
    "avdec_adpcm_swf",
    "avdec_alac",
    "avdec_amrnb",
    "avdec_amrwb",
    "avdec_dca",
    "avdec_eac3",
    "avdec_g722",
    "avdec_g723_1",
    "avdec_g726",
    "avdec_g726le",
    "avdec_g729",
    "avdec_gsm",
    "avdec_mp1float",
    "avdec_mp2float",
    "avdec_mp3",
    "avdec_nellymoser",
    "avdec_s302m",
    "avdec_truehd",
    "avdec_wmalossless",
    "avdec_wmapro",
    "avdec_wmav1",
    "avdec_wmav2",
    "avdec_wmavoice",
    "avenc_aac",
];

const DEPAYLOADERS: &[&str] = &[
    "rtpL16depay",
    "rtpL24depay",
    "rtpL8depay",
    "rtpac3depay",
    "rtpamrdepay",
    "rtpg722depay",
    "rtpg723depay",
    "rtpg726depay",
    "rtpg729depay",
    "rtpgsmdepay",
    "rtph263depay",
    "rtph263pdepay",
    "rtph264depay",
    "rtph265depay",
    "rtpj2kdepay",
    "rtpjpegdepay",
    "rtpmp1sdepay",
    "rtpmp2tdepay",
    "rtpmp4adepay",
    "rtpmp4gdepay",
    "rtpmp4vdepay",
    "rtpmpadepay",
    "rtpmparobustdepay",
    "rtpmpvdepay",
    "rtpopusdepay",
    "rtppcmadepay",
    "rtppcmudepay",
    "rtpspeexdepay",
    "rtpstorage",
    "rtptheoradepay",
    "rtpvorbisdepay",
    "rtpvp8depay",
    "rtpvp9depay",
];

/// What operators are likely to name in topologies of their own: then these plugins are loaded, too. Others are named in
/// the configuration.
pub(super) const OPTIONAL: &[(&str, &[&str])] = &[
    ("audiorate", &["audiorate"]),
    ("compositor", &["compositor"]),
    ("fdkaac", &["fdkaacdec", "fdkaacenc"]),
    ("gdkpixbuf", &["gdkpixbufoverlay"]),
    ("lame", &["lamemp3enc"]),
    ("msdk", &["msdkh264enc", "msdkh265enc"]),
    ("nvcodec", &["nvh264enc", "nvh265enc"]),
    ("openh264", &["openh264dec", "openh264enc"]),
    ("pango", &["clockoverlay", "textoverlay", "timeoverlay"]),
    ("qsv", &["qsvh264enc", "qsvh265enc"]),
    (
        "va",
        &["vah264enc", "vah264lpenc", "vah265enc", "vapostproc"],
    ),
    ("videobox", &["videobox"]),
    ("videocrop", &["aspectratiocrop", "videocrop"]),
    ("voaacenc", &["voaacenc"]),
    ("volume", &["volume"]),
    ("x265", &["x265enc"]),
];

/// The elements of a plugin that may be made always; `None` when it is not one of ours.
pub(super) fn of_plugin(plugin: &str) -> Option<&'static [&'static str]> {
    let found = ELEMENTS.iter().find(|(name, _)| *name == plugin);
    found.map(|(_, elements)| *elements)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_stands_once() {
        let all = || ELEMENTS.iter().chain(OPTIONAL);
        let plugins: BTreeSet<_> = all().map(|(plugin, _)| plugin).collect();
        assert_eq!(plugins.len(), ELEMENTS.len() + OPTIONAL.len());
        let elements: Vec<_> = all().flat_map(|(_, elements)| *elements).collect();
        let once: BTreeSet<_> = elements.iter().collect();
        assert_eq!(once.len(), elements.len());
    }

    #[test]
    fn nothing_opens_files_or_connections_but_srt() {
        // What GStreamer calls them: sources and sinks, network, playlists.
        let ends = [
            "src",
            "sink",
            "sourcebin",
            "hlsdemux",
            "dashdemux",
            "sdpdemux",
        ];
        let inside = [
            "appsrc",
            "appsink",
            "fakesrc",
            "fakesink",
            "audiotestsrc",
            "videotestsrc",
            "srtsrc",
        ];
        let elements = ELEMENTS.iter().flat_map(|(_, elements)| *elements);
        let outside: Vec<_> = elements
            .filter(|name| ends.iter().any(|end| name.ends_with(end)))
            .filter(|name| !inside.contains(name))
            .collect();
        assert!(outside.is_empty(), "{outside:?}");
    }
}
