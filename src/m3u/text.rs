//! From bytes to lines of text, whatever the encoding and the line ends.

use std::borrow::Cow;

/// The body as UTF-8 or as a single-byte encoding, byte order mark off. UTF-16 is told by its mark, or by `#` as its
/// first character.
pub(super) fn decode(body: &[u8]) -> Cow<'_, [u8]> {
    match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        [b'#', 0, ..] => Cow::Owned(utf16(body, u16::from_le_bytes)),
        [0, b'#', ..] => Cow::Owned(utf16(body, u16::from_be_bytes)),
        _ => Cow::Borrowed(body),
    }
}

fn utf16(body: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

/// The lines that are not blank, trimmed, each with its number from 1. A line ends with LF, CRLF or CR.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = body;
    let mut number = 0;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = rest
                .iter()
                .position(|&b| b == b'\n' || b == b'\r')
                .unwrap_or(rest.len());
            let (line, tail) = rest.split_at(end);
            rest = tail
                .strip_prefix(b"\r\n")
                .or_else(|| tail.get(1..))
                .unwrap_or_default();
            number += 1;
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((number, line));
            }
        }
        None
    })
}

/// One line as text: UTF-8, else Windows-1252, the superset of Latin-1 that such files really use. By line, so that
/// one bad byte does not garble a whole file.
pub(super) fn text(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().map(|&b| windows_1252(b)).collect()),
    }
}

fn windows_1252(byte: u8) -> char {
    // 0x80 to 0x9f; the rest is Latin-1, which is the start of Unicode.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Why a body is certainly no M3U, if so.
pub(super) fn other_format(body: &[u8]) -> Option<&'static str> {
    let start = body.trim_ascii_start();
    let start = &start[..start.len().min(64)];
    Some(match start {
        [] => "the body is empty",
        [b'<', ..] => "this is an HTML or XML page, not a playlist",
        [0x1f, 0x8b, ..] => "this is compressed data; send it unpacked",
        [b'[', ..] if start.to_ascii_lowercase().starts_with(b"[playlist]") => {
            "this is a PLS playlist, not M3U"
        }
        [b'{' | b'[', ..] => "this is JSON, not a playlist",
        _ if start.contains(&0) => "this is binary data, not a playlist",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_kind() {
        let all: Vec<_> = lines(b"a\nb\r\n\r\n  c \rd\n\n\n e").collect();
        let expected: [(usize, &[u8]); 5] = [(1, b"a"), (2, b"b"), (4, b"c"), (5, b"d"), (8, b"e")];
        assert_eq!(all, expected);
        assert_eq!(lines(b"\n\r\n").count(), 0);
    }

    #[test]
    fn encodings() {
        let utf16 = |le: bool| -> Vec<u8> {
            "#Té\u{1f4fa}"
                .encode_utf16()
                .flat_map(|u| if le { u.to_le_bytes() } else { u.to_be_bytes() })
                .collect()
        };
        let marked = |mark: &[u8], le| [mark, &utf16(le)].concat();
        for body in [
            marked(&[0xff, 0xfe], true),
            marked(&[0xfe, 0xff], false),
            utf16(true),
            utf16(false),
            "\u{feff}#Té\u{1f4fa}".as_bytes().to_vec(),
        ] {
            assert_eq!(std::str::from_utf8(&decode(&body)), Ok("#Té\u{1f4fa}"));
        }
        assert_eq!(decode(&[0xff, 0xfe, b'a', 0, b'b']).as_ref(), b"a");
        assert_eq!(text(b"T\xe9l\xe9 \x80 \x96"), "Télé € –");
    }

    #[test]
    fn other_formats() {
        for (body, told) in [
            (&b" \n<!DOCTYPE html>"[..], Some("HTML")),
            (b"{\"user_info\":{\"auth\":0}}", Some("JSON")),
            (b"[Playlist]\nFile1=x", Some("PLS")),
            (b"", Some("empty")),
            (b"\x1f\x8b\x08", Some("compressed")),
            (b"MZ\x00\x01", Some("binary")),
            (b"http://h/", None),
            (b"#EXTM3U", None),
        ] {
            assert_eq!(other_format(body).is_some(), told.is_some());
            assert!(
                other_format(body)
                    .unwrap_or_default()
                    .contains(told.unwrap_or_default())
            );
        }
    }
}
