//! Where a stream that was joined in the middle begins: with a picture, if it has any. Pure.
//!
//! Servers send sound at once and pictures from the next keyframe on. Passed on like that, a film
//! would begin as radio.

use super::session::{Tag, kind};

/// How long sound waits for a picture that was announced, in milliseconds of stream time: longer
/// than most keyframes are apart.
const WAIT: u32 = 12_000;

/// Lets tags through once the stream has begun.
#[derive(Debug, Default)]
pub(super) struct Opening {
    open: bool,
    /// The server's description says that there are pictures.
    pictures: bool,
    first: Option<u32>,
}

impl Opening {
    /// The server has described the stream.
    pub(super) fn described(&mut self, pictures: bool) {
        self.pictures = pictures;
    }

    /// Whether this tag belongs to what is shown.
    pub(super) fn admits(&mut self, tag: &Tag) -> bool {
        if self.open || !self.pictures || is_configuration(tag) {
            return true;
        }
        let first = *self.first.get_or_insert(tag.timestamp);
        let waited = tag.timestamp.wrapping_sub(first);
        // Times that run back are none to wait by.
        self.open = is_keyframe(tag) || waited >= WAIT;
        self.open
    }
}

/// Frame type 1 of `VIDEODATA`, enhanced or not.
fn is_keyframe(tag: &Tag) -> bool {
    let first = tag.body.first().copied().unwrap_or_default();
    tag.kind == kind::VIDEO && first >> 4 & 7 == 1
}

/// What a decoder has to know first: packet type 0, in either notation.
fn is_configuration(tag: &Tag) -> bool {
    let [first, second, ..] = *tag.body else {
        return false;
    };
    // Codec and packet type, or the enhanced header's packet type.
    let (high, low) = (first >> 4, first & 0x0f);
    match tag.kind {
        kind::VIDEO if high >= 8 => low == 0,
        kind::VIDEO => matches!(low, 7 | 12) && second == 0,
        kind::AUDIO if high == 9 => low == 0,
        kind::AUDIO => high == 10 && second == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const AAC: &[u8] = &[0xaf, 1, 0];
    const AAC_CONFIG: &[u8] = &[0xaf, 0, 0x12];
    const KEY: &[u8] = &[0x17, 1, 0];
    const KEY_CONFIG: &[u8] = &[0x17, 0, 0];
    const INTER: &[u8] = &[0x27, 1, 0];

    fn tag(kind: u8, timestamp: u32, body: &'static [u8]) -> Tag {
        Tag {
            kind,
            timestamp,
            body: Bytes::from_static(body),
        }
    }

    #[test]
    fn a_film_begins_with_a_picture_and_radio_at_once() {
        let mut radio = Opening::default();
        radio.described(false);
        assert!(radio.admits(&tag(8, 0, AAC)));
        let mut film = Opening::default();
        film.described(true);
        let admitted = [
            (tag(8, 0, AAC_CONFIG), true),
            (tag(8, 0, AAC), false),
            (tag(9, 10, KEY_CONFIG), true),
            (tag(9, 20, INTER), false),
            (tag(8, 40, AAC), false),
            (tag(9, 60, KEY), true),
            (tag(8, 50, AAC), true),
            (tag(9, 100, INTER), true),
        ];
        for (tag, expected) in admitted {
            assert_eq!(film.admits(&tag), expected, "{tag:?}");
        }
    }

    #[test]
    fn a_picture_that_never_comes_is_not_waited_for_without_end() {
        let mut opening = Opening::default();
        opening.described(true);
        let before_the_wrap = u32::MAX - 5_000;
        assert!(!opening.admits(&tag(8, before_the_wrap, AAC)));
        assert!(!opening.admits(&tag(8, 0, AAC)));
        assert!(opening.admits(&tag(8, 8_000, AAC)));
        assert!(opening.admits(&tag(8, 8_040, AAC)));
    }
}
