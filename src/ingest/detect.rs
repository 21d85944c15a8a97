//! What a source is, from its first bytes; the content type and the name only when those
//! are not enough, because servers lie about both. Pure.

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// An HLS playlist.
    Hls,
    /// MPEG-TS.
    Ts,
    /// Something else, in words.
    Unknown(&'static str),
}

const PACKET: usize = crate::ts::PACKET;
const SYNC: u8 = 0x47;

/// Enough to be sure?
pub(super) fn is_decided(start: &[u8]) -> bool {
    is_playlist(start) || is_ts(start)
}

/// Decides on the first bytes, at most some kilobytes.
pub(super) fn container(content_type: &str, path: &str, start: &[u8]) -> Container {
    if is_playlist(start) {
        return Container::Hls;
    }
    if is_ts(start) {
        return Container::Ts;
    }
    if let Some(what) = known_other(start) {
        return Container::Unknown(what);
    }
    let says_ts = matches!(content_type, "video/mp2t" | "video/mpeg" | "video/mpegts");
    let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    let named = |name: &str| suffix.eq_ignore_ascii_case(name);
    if says_ts || named("ts") || named("mpegts") {
        // Junk before the first sync byte: the cutter finds it or the pull ends without media.
        return Container::Ts;
    }
    let says_hls = matches!(
        content_type,
        "application/vnd.apple.mpegurl"
            | "application/x-mpegurl"
            | "audio/mpegurl"
            | "audio/x-mpegurl"
    );
    if says_hls || named("m3u8") {
        return Container::Unknown("something that is called a playlist but is none");
    }
    Container::Unknown("something that is not recognised")
}

fn is_playlist(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    text.trim_ascii_start().starts_with(b"#EXTM3U")
}

/// Five sync bytes at the packet stride, wherever they begin; as many as there are in less.
fn is_ts(start: &[u8]) -> bool {
    let stride_from = |first: usize| {
        let mut at = (first..start.len()).step_by(PACKET).take(5);
        at.all(|at| start[at] == SYNC)
    };
    let enough = |first: usize| start.len() > first + 4 * PACKET;
    (0..PACKET.min(start.len())).any(|first| enough(first) && stride_from(first))
}

fn known_other(start: &[u8]) -> Option<&'static str> {
    let text = start.trim_ascii_start();
    let head = text
        .get(..15.min(text.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if start.is_empty() {
        Some("nothing")
    } else if head.starts_with(b"<!doctype html") || head.starts_with(b"<html") {
        Some("a web page")
    } else if head.starts_with(b"<?xml") || head.starts_with(b"<mpd") {
        Some("XML (perhaps DASH, which this version cannot pull)")
    } else if head.starts_with(b"{") || head.starts_with(b"[") {
        Some("JSON")
    } else if start.get(4..8) == Some(b"ftyp") || start.get(4..8) == Some(b"moov") {
        Some("MP4 (which this version cannot pull)")
    } else if start.starts_with(b"FLV") {
        Some("FLV (which this version cannot pull)")
    } else if start.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        Some("Matroska (which this version cannot pull)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(packets: usize) -> Vec<u8> {
        (0..packets * PACKET)
            .map(|at| if at % PACKET == 0 { SYNC } else { 0x11 })
            .collect()
    }

    #[test]
    fn the_first_bytes_decide_against_a_lying_server() {
        let hls = b"\xef\xbb\xbf\r\n#EXTM3U\r\n#EXT-X-VERSION:3\r\n";
        assert_eq!(container("text/plain", "/get.php", hls), Container::Hls);
        assert_eq!(
            container("text/html", "/live/x.m3u8", &ts(5)),
            Container::Ts
        );
        let mut junk = vec![0u8; 37];
        junk.extend(ts(6));
        assert_eq!(container("", "/", &junk), Container::Ts);
    }

    #[test]
    fn what_is_no_media_is_named() {
        let page = container("video/mp2t", "/x.ts", b"  <!DOCTYPE html><html>");
        assert_eq!(page, Container::Unknown("a web page"));
        assert_eq!(container("", "/", b""), Container::Unknown("nothing"));
        assert!(matches!(
            container("", "/x", &[0x47; 3]),
            Container::Unknown(_)
        ));
    }

    #[test]
    fn ts_with_much_junk_is_believed_if_the_server_says_so() {
        assert_eq!(container("video/mp2t", "/", &[7; 4096]), Container::Ts);
        assert!(matches!(
            container("", "/", &[7; 4096]),
            Container::Unknown(_)
        ));
    }
}
