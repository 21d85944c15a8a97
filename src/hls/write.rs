//! Playlists as text (RFC 8216, section 4).

use std::fmt::Write as _;
use std::time::Duration;

/// One variant of a multivariant playlist (4.3.4.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VariantEntry<'a> {
    /// Relative address of its media playlist.
    pub uri: &'a str,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// Average bits per second.
    pub average_bandwidth: Option<u64>,
    /// RFC 6381 names, comma-separated.
    pub codecs: Option<&'a str>,
    /// Width and height.
    pub resolution: Option<(u32, u32)>,
    /// Pictures per second.
    pub frame_rate: Option<f64>,
}

/// A multivariant playlist. No value can break out of its attribute or line: what must not be in a quoted string
/// (4.2) is left out, what must not be in a URI is percent-encoded.
pub fn multivariant(variants: &[VariantEntry<'_>]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
    for variant in variants {
        put(
            &mut text,
            format_args!("#EXT-X-STREAM-INF:BANDWIDTH={}", variant.bandwidth),
        );
        if let Some(average) = variant.average_bandwidth {
            put(&mut text, format_args!(",AVERAGE-BANDWIDTH={average}"));
        }
        if let Some(codecs) = variant
            .codecs
            .map(quotable)
            .filter(|codecs| !codecs.is_empty())
        {
            put(&mut text, format_args!(",CODECS=\"{codecs}\""));
        }
        if let Some((width, height)) = variant.resolution {
            put(&mut text, format_args!(",RESOLUTION={width}x{height}"));
        }
        if let Some(rate) = variant
            .frame_rate
            .filter(|rate| rate.is_finite() && *rate > 0.0)
        {
            put(&mut text, format_args!(",FRAME-RATE={rate:.3}"));
        }
        put(&mut text, format_args!("\n{}\n", address(variant.uri)));
    }
    text
}

/// What a media playlist says.
#[derive(Debug)]
pub(super) struct MediaText<'a> {
    pub(super) target_duration: u64,
    pub(super) media_sequence: u64,
    pub(super) discontinuity_sequence: u64,
    pub(super) independent: bool,
    pub(super) ended: bool,
    pub(super) uri_suffix: &'a str,
}

/// One segment in it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) duration: Duration,
    pub(super) discontinuity: bool,
}

/// A media playlist of version 3, which decimal durations need (7).
pub(super) fn media(playlist: &MediaText<'_>, entries: impl Iterator<Item = Entry>) -> String {
    let suffix = encode(playlist.uri_suffix);
    let mut text = String::with_capacity(1024);
    text.push_str("#EXTM3U\n#EXT-X-VERSION:3\n");
    if playlist.independent {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    put(
        &mut text,
        format_args!("#EXT-X-TARGETDURATION:{}\n", playlist.target_duration),
    );
    put(
        &mut text,
        format_args!("#EXT-X-MEDIA-SEQUENCE:{}\n", playlist.media_sequence),
    );
    put(
        &mut text,
        format_args!(
            "#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
            playlist.discontinuity_sequence
        ),
    );
    for (sequence, entry) in (playlist.media_sequence..).zip(entries) {
        if entry.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let (seconds, micros) = (entry.duration.as_secs(), entry.duration.subsec_micros());
        put(
            &mut text,
            format_args!("#EXTINF:{seconds}.{micros:06},\n{sequence}.ts{suffix}\n"),
        );
    }
    if playlist.ended {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(what);
}

/// Without what a quoted string must not hold: quotes, line breaks, other controls.
fn quotable(value: &str) -> String {
    value
        .chars()
        .filter(|c| *c != '"' && !c.is_control())
        .collect()
}

/// A line of its own that is taken for a URI.
fn address(uri: &str) -> String {
    match uri.strip_prefix('#') {
        Some(rest) => format!("%23{}", encode(rest)),
        None => encode(uri),
    }
}

fn encode(uri: &str) -> String {
    let mut text = String::with_capacity(uri.len());
    for c in uri.chars() {
        if c.is_control() || c.is_whitespace() || c == '"' {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                put(&mut text, format_args!("%{byte:02X}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out() {
        let text = multivariant(&[
            VariantEntry {
                uri: "low/index.m3u8?a=1",
                bandwidth: 1_200_000,
                average_bandwidth: Some(1_000_000),
                codecs: Some("avc1.42c01f,mp4a.40.2"),
                resolution: Some((1280, 720)),
                frame_rate: Some(25.0),
            },
            VariantEntry {
                uri: "#x\ny \"z\"",
                bandwidth: 1,
                average_bandwidth: None,
                codecs: Some("a\",URI=\"b\r\n#EXT-X-ENDLIST"),
                resolution: None,
                frame_rate: Some(f64::NAN),
            },
        ]);
        let expected = "#EXTM3U\n#EXT-X-VERSION:3\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1200000,AVERAGE-BANDWIDTH=1000000,\
            CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000\n\
            low/index.m3u8?a=1\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,URI=b#EXT-X-ENDLIST\"\n\
            %23x%0Ay%20%22z%22\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_media_playlist() {
        let head = MediaText {
            target_duration: 2,
            media_sequence: 7,
            discontinuity_sequence: 1,
            independent: true,
            ended: true,
            uri_suffix: "?s=a\nb",
        };
        let entry = |millis, discontinuity| Entry {
            duration: Duration::from_millis(millis),
            discontinuity,
        };
        let text = media(&head, [entry(2002, false), entry(40, true)].into_iter());
        let expected = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n\
            #EXTINF:2.002000,\n7.ts?s=a%0Ab\n\
            #EXT-X-DISCONTINUITY\n#EXTINF:0.040000,\n8.ts?s=a%0Ab\n#EXT-X-ENDLIST\n";
        assert_eq!(text, expected);
    }
}
