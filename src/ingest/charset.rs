//! Playlists and manifests as UTF-8, however a server encodes them. Pure.

use std::borrow::Cow;

/// The text of a playlist or manifest as UTF-8 without a byte order mark: UTF-16 is converted (with a mark, or
/// recognised by its first characters), all else is left as it is. At most half again as long as `body`.
pub(super) fn to_utf8(body: &[u8]) -> Cow<'_, [u8]> {
    match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        // two ASCII characters, no mark: `#E`, `<?`, `<M`
        [a, 0, b, 0, ..] if is_ascii(*a, *b) => from_utf16(body, u16::from_le_bytes),
        [0, a, 0, b, ..] if is_ascii(*a, *b) => from_utf16(body, u16::from_be_bytes),
        _ => Cow::Borrowed(body),
    }
}

fn is_ascii(a: u8, b: u8) -> bool {
    [a, b]
        .iter()
        .all(|c| c.is_ascii_graphic() || c.is_ascii_whitespace())
}

/// What is no UTF-16 becomes U+FFFD; half a unit at the end is dropped.
fn from_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'_, [u8]> {
    let units = body.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Cow::Owned(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_a_playlist_reads_the_same() {
        let text = "\r\n#EXTM3U\n#EXTINF:4,Nachrichten für Bücher\na.ts\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let with = |mark: &[u8], body: &[u8]| [mark, body].concat();
        for body in [
            text.as_bytes().to_vec(),
            with(b"\xef\xbb\xbf", text.as_bytes()),
            with(b"\xff\xfe", &le),
            with(b"\xfe\xff", &be),
        ] {
            assert_eq!(&*to_utf8(&body), text.as_bytes());
        }
        assert_eq!(&*to_utf8(b"#\0E\0X\0"), b"#EX", "no mark");
        assert_eq!(&*to_utf8(b"\0<\0M\0P"), b"<MP", "no mark");
    }

    #[test]
    fn what_is_cut_or_broken_is_read_as_far_as_it_goes() {
        assert_eq!(&*to_utf8(b"\xff\xfe#\0E"), b"#");
        assert_eq!(&*to_utf8(b"\xff\xfe\0\xd8#\0"), "\u{fffd}#".as_bytes());
        assert_eq!(&*to_utf8(b"\xff\xfe"), b"");
        assert_eq!(&*to_utf8(b"\0\0\0 ftyp"), b"\0\0\0 ftyp");
    }
}
