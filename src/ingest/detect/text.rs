//! Playlists, manifests, and text that is neither.

use std::borrow::Cow;

use super::super::charset::to_utf8;
use super::Container;

/// A playlist or manifest that can be pulled.
pub(super) fn media(start: &[u8]) -> Option<Container> {
    let text = to_utf8(start);
    let text = text.trim_ascii_start();
    if text.starts_with(b"#EXTM3U") {
        return Some(Container::Hls);
    }
    (root(text)? == b"MPD").then_some(Container::Dash)
}

/// What a text is that cannot be pulled; a manifest whose root stands behind a long comment if it is called one.
pub(super) fn explain(start: &[u8], content_type: &str, path: &str) -> Option<Container> {
    let text = to_utf8(start);
    let whole = readable(&text)?;
    let text = whole.trim_start();
    let head = text.get(..16).unwrap_or(text).to_ascii_lowercase();
    let begins = |with: &[&str]| with.iter().any(|with| head.starts_with(with));
    let called = |types: &[&str], suffix: &str| {
        let named = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        types.contains(&content_type) || named.eq_ignore_ascii_case(suffix)
    };
    if begins(&["<!doctype html", "<html", "<head", "<body"]) {
        return Some(Container::NotMedia("a web page"));
    }
    if begins(&["<"]) {
        return Some(match root(text.as_bytes()) {
            None if called(&["application/dash+xml"], "mpd") => Container::Dash,
            Some(b"SmoothStreamingMedia") => Container::NotMedia("a Smooth Streaming manifest"),
            Some(b"html") => Container::NotMedia("a web page"),
            Some(name) if name.eq_ignore_ascii_case(b"asx") => {
                Container::NotMedia("an ASX playlist")
            }
            Some(b"playlist") => Container::NotMedia("an XSPF playlist"),
            _ => Container::NotMedia("XML that is no DASH manifest"),
        });
    }
    let what = if begins(&["[playlist]"]) {
        "a PLS playlist"
    } else if begins(&["[reference]"]) {
        "an ASX playlist"
    } else if begins(&["{", "["]) {
        "JSON"
    } else if begins(&["v=0\r", "v=0\n"]) {
        "a session description (SDP)"
    } else if begins(&["--"]) {
        return None; // multipart: pictures of a camera, perhaps
    } else if called(HLS_TYPES, "m3u8") {
        "something that is called a playlist but is none"
    } else if text.is_empty() {
        "nothing but blanks"
    } else {
        "text"
    };
    Some(Container::NotMedia(what))
}

const HLS_TYPES: &[&str] = &[
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
];

/// The text, if it is one as far as it goes: UTF-8 (or Latin-1, which has no control characters either).
fn readable(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let control = |b: &u8| b.is_ascii_control() && !b"\t\n\r\x0c\x1b".contains(b);
    if bytes.iter().any(control) {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    // A few bytes of another character set among letters, but not a file of high bytes.
    let strange = text.matches(char::REPLACEMENT_CHARACTER).count();
    (strange * 8 <= text.len()).then_some(text)
}

/// The local name of an XML document's root element: what follows prologue, comments and document type.
/// `None` while it is not there yet, or where this is no XML.
fn root(text: &[u8]) -> Option<&[u8]> {
    const SKIPPED: [(&[u8], &[u8]); 3] = [(b"<?", b"?>"), (b"<!--", b"-->"), (b"<!", b">")];
    let mut rest = text.trim_ascii_start();
    while let Some((open, close)) = SKIPPED.iter().find(|(open, _)| rest.starts_with(open)) {
        let body = &rest[open.len()..];
        let end = body.windows(close.len()).position(|part| part == *close)?;
        rest = body[end + close.len()..].trim_ascii_start();
    }
    let tag = rest.strip_prefix(b"<")?;
    let end = tag
        .iter()
        .position(|b| b.is_ascii_whitespace() || b"/>".contains(b))?;
    tag[..end].rsplit(|b| *b == b':').next()
}
