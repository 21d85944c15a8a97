//! Which Debian package holds an element, for messages to the operator.

/// Elements that topologies name, and decoders that sources need, by package.
const PACKAGES: [(&str, &[&str]); 5] = [
    (
        "libgstreamer1.0-0",
        &[
            "queue",
            "capsfilter",
            "identity",
            "tee",
            "valve",
            "filesrc",
            "filesink",
            "fakesink",
        ],
    ),
    (
        "gstreamer1.0-plugins-base",
        &[
            "appsrc",
            "appsink",
            "decodebin",
            "parsebin",
            "videoconvertscale",
            "videoconvert",
            "videoscale",
            "videorate",
            "audioconvert",
            "audioresample",
            "audiorate",
            "videotestsrc",
            "audiotestsrc",
            "volume",
            "compositor",
            "opusdec",
            "opusenc",
        ],
    ),
    (
        "gstreamer1.0-plugins-good",
        &[
            "deinterlace",
            "aacparse",
            "ac3parse",
            "mpegaudioparse",
            "videocrop",
            "videobox",
            "gdkpixbufoverlay",
            "vp8dec",
            "vp9dec",
            "rtpbin",
        ],
    ),
    (
        "gstreamer1.0-plugins-bad",
        &[
            "tsdemux",
            "tsparse",
            "mpegtsmux",
            "h264parse",
            "h265parse",
            "mpegvideoparse",
            "openh264enc",
            "voaacenc",
            "fdkaacenc",
            "x265enc",
            "nvh264enc",
            "vah264enc",
            "vah264lpenc",
            "msdkh264enc",
            "qsvh264enc",
        ],
    ),
    (
        "gstreamer1.0-plugins-ugly",
        &["x264enc", "a52dec", "mpeg2dec"],
    ),
];

/// Decoders that real streams need, which no topology names because `decodebin` finds them by codec.
pub(super) const DECODERS: [(&str, &str); 7] = [
    ("H.264", "avdec_h264"),
    ("HEVC", "avdec_h265"),
    ("MPEG-2 video", "avdec_mpeg2video"),
    ("AAC", "avdec_aac"),
    ("MPEG audio", "avdec_mp2float"),
    ("AC-3", "avdec_ac3"),
    ("E-AC-3", "avdec_eac3"),
];

/// All elements that are known here.
pub(super) fn elements() -> impl Iterator<Item = &'static str> {
    let named = PACKAGES.iter().flat_map(|(_, elements)| elements.iter());
    named.copied().chain(DECODERS.map(|(_, decoder)| decoder))
}

/// The Debian package that most likely holds `element`.
pub(super) fn package_of(element: &str) -> &'static str {
    if element.starts_with("avdec_")
        || element.starts_with("avenc_")
        || element.starts_with("avmux_")
    {
        return "gstreamer1.0-libav";
    }
    if element.starts_with("vaapi") {
        return "gstreamer1.0-vaapi";
    }
    if element.ends_with("overlay") {
        // text, clock and time overlays need Pango, which Debian keeps apart
        return "gstreamer1.0-x";
    }
    PACKAGES
        .iter()
        .find(|(_, elements)| elements.contains(&element))
        .map_or("gstreamer1.0-plugins-bad", |(package, _)| package)
}

/// The packages for several elements, each once, in order.
pub(super) fn packages_of<S: AsRef<str>>(elements: &[S]) -> Vec<String> {
    let mut packages: Vec<String> = elements
        .iter()
        .map(|element| package_of(element.as_ref()).to_owned())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_elements_have_their_package() {
        for (element, package) in [
            ("x264enc", "gstreamer1.0-plugins-ugly"),
            ("avenc_aac", "gstreamer1.0-libav"),
            ("mpegtsmux", "gstreamer1.0-plugins-bad"),
            ("deinterlace", "gstreamer1.0-plugins-good"),
            ("appsrc", "gstreamer1.0-plugins-base"),
            ("clockoverlay", "gstreamer1.0-x"),
        ] {
            assert_eq!(package_of(element), package, "{element}");
        }
        assert_eq!(
            packages_of(&["x264enc", "avenc_aac", "avdec_h264"]),
            ["gstreamer1.0-libav", "gstreamer1.0-plugins-ugly"]
        );
    }
}
