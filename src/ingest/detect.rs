//! What a source is, from its first bytes; the content type and the name only when those
//! are not enough, because servers lie about both. Pure.

mod audio;
#[cfg(test)]
mod tests;
mod text;

use crate::ts::PACKET;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// An HLS playlist; any encoding that [`super::charset::to_utf8`] reads.
    Hls,
    /// A DASH manifest; any encoding likewise.
    Dash,
    /// MPEG-TS in packets of 188, 192 or 204 bytes, perhaps with junk before the first.
    Ts,
    /// MP4, fragmented or not, and `QuickTime`.
    Mp4,
    /// FLV.
    Flv,
    /// ASF (WMV, WMA).
    Asf,
    /// Matroska or `WebM`.
    Matroska,
    /// AAC frames with ADTS headers, perhaps after an ID3 tag: radio.
    Adts,
    /// MPEG audio frames (MP3, MP2), perhaps after an ID3 tag: radio.
    Mp3,
    /// Binary data of another kind, which GStreamer's typefind may know. Never text: a playlist or session
    /// description would make GStreamer open connections of its own, past the source policy.
    Other,
    /// No media, in words that go on "the source sends".
    NotMedia(&'static str),
}

/// A recogniser of media by its first bytes, which may be cut anywhere.
type Test = fn(&[u8]) -> Option<Container>;

/// In this order: marks at the very start are surer than patterns somewhere inside.
const MEDIA: [Test; 5] = [by_mark, mp4, text::media, ts, audio::frames];

/// Enough to be sure that it is media of this kind?
pub fn is_decided(start: &[u8]) -> bool {
    media(start).is_some()
}

/// Decides on the first bytes, at most some kilobytes. `content_type` is in lower case without
/// parameters, `path` that of the URL which answered.
pub fn container(content_type: &str, path: &str, start: &[u8]) -> Container {
    media(start)
        .or_else(|| no_media(start))
        .or_else(|| text::explain(start, content_type, path))
        .or_else(|| by_name(content_type, path))
        .unwrap_or(Container::Other)
}

fn media(start: &[u8]) -> Option<Container> {
    MEDIA.iter().find_map(|test| test(start))
}

fn by_mark(start: &[u8]) -> Option<Container> {
    const ASF_HEADER: &[u8] = &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11];
    const MARKS: [(&[u8], Container); 3] = [
        (b"FLV\x01", Container::Flv),
        (ASF_HEADER, Container::Asf),
        (b"\x1a\x45\xdf\xa3", Container::Matroska),
    ];
    with_mark(&MARKS, start)
}

/// Formats that people put behind a link by mistake.
fn no_media(start: &[u8]) -> Option<Container> {
    const MARKS: [(&[u8], Container); 11] = [
        (b"\x1f\x8b", Container::NotMedia("gzip-compressed data")),
        (b"PK\x03\x04", Container::NotMedia("a ZIP archive")),
        (b"7z\xbc\xaf\x27\x1c", Container::NotMedia("a 7z archive")),
        (b"Rar!\x1a\x07", Container::NotMedia("a RAR archive")),
        (b"BZh", Container::NotMedia("bzip2-compressed data")),
        (b"\xfd7zXZ\0", Container::NotMedia("xz-compressed data")),
        (b"\x89PNG\r\n", Container::NotMedia("an image")),
        (b"\xff\xd8\xff", Container::NotMedia("an image")),
        (b"GIF8", Container::NotMedia("an image")),
        (b"%PDF-", Container::NotMedia("a PDF")),
        (b"\x7fELF", Container::NotMedia("a program")),
    ];
    if start.is_empty() {
        return Some(Container::NotMedia("nothing"));
    }
    if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
        return Some(Container::NotMedia("an image"));
    }
    with_mark(&MARKS, start)
}

fn with_mark(marks: &[(&[u8], Container)], start: &[u8]) -> Option<Container> {
    let found = marks.iter().find(|(mark, _)| start.starts_with(mark));
    found.map(|(_, container)| *container)
}

/// The first box (ISO/IEC 14496-12, 4.2) is one that files or segments begin with.
fn mp4(start: &[u8]) -> Option<Container> {
    const FIRST: [&[u8; 4]; 13] = [
        b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"free", b"skip", b"wide", b"mdat", b"emsg",
        b"prft", b"pdin", b"pnot",
    ];
    let (size, rest) = start.split_first_chunk::<4>()?;
    let kind = rest.first_chunk::<4>()?;
    // 0: up to the end of the file; 1: a 64-bit size follows
    let size_fits = matches!(u32::from_be_bytes(*size), 0 | 1 | 8..);
    (size_fits && FIRST.contains(&kind)).then_some(Container::Mp4)
}

/// Packet strides: plain, with the time stamp of M2TS before each packet, with Reed-Solomon bytes after each.
const STRIDES: [usize; 3] = [PACKET, 192, 204];
/// Sync bytes in a row at a stride that are believed.
const ROW: usize = 5;

/// Five sync bytes at a packet stride, wherever they begin.
fn ts(start: &[u8]) -> Option<Container> {
    let row = |first: usize, stride: usize| {
        let at = |packet: usize| first + packet * stride;
        let synced = (0..ROW).all(|packet| start.get(at(packet)) == Some(&0x47));
        // a run of the letter G is no row: `adaptation_field_control` 0 is reserved
        synced && (0..ROW).any(|packet| start.get(at(packet) + 3).is_some_and(|b| b & 0x30 != 0))
    };
    STRIDES
        .iter()
        .any(|&stride| {
            let places = start.len().saturating_sub((ROW - 1) * stride);
            (0..places).any(|first| start[first] == 0x47 && row(first, stride))
        })
        .then_some(Container::Ts)
}

/// What the server and the name say, for what may begin in the middle: its first bytes need not show it.
fn by_name(content_type: &str, path: &str) -> Option<Container> {
    const SUFFIXES: [(&str, Container); 8] = [
        ("ts", Container::Ts),
        ("m2ts", Container::Ts),
        ("mts", Container::Ts),
        ("mpegts", Container::Ts),
        ("aac", Container::Adts),
        ("mp3", Container::Mp3),
        ("mp2", Container::Mp3),
        ("mpa", Container::Mp3),
    ];
    let by_type = match content_type {
        "video/mp2t" | "video/mpeg" | "video/mpegts" | "video/vnd.dlna.mpeg-tts" => Container::Ts,
        "audio/aac" | "audio/aacp" | "audio/x-aac" => Container::Adts,
        "audio/mpeg" | "audio/mp3" | "audio/x-mpeg" => Container::Mp3,
        _ => Container::Other,
    };
    if by_type != Container::Other {
        return Some(by_type);
    }
    let (_, suffix) = path.rsplit_once('.')?;
    let found = SUFFIXES
        .iter()
        .find(|(name, _)| suffix.eq_ignore_ascii_case(name));
    found.map(|(_, container)| *container)
}
