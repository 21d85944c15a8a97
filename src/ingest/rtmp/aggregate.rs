//! Aggregate messages: several tags in one (RTMP 1.0, clause 7.1.6). Pure.

use bytes::Bytes;

use super::session::{Tag, kind};

/// Bytes before each tag's body: type, size, time and message stream.
const HEADER: usize = 11;
/// Bytes behind it: its size once more.
const BACK_POINTER: usize = 4;

/// The tags of an aggregate message that have not been read yet.
#[derive(Debug)]
pub(super) struct Aggregate {
    timestamp: u32,
    /// From the times of the tags to those of the stream; known with the first.
    offset: Option<u32>,
    rest: Bytes,
}

impl Aggregate {
    pub(super) fn new(timestamp: u32, body: Bytes) -> Self {
        Self {
            timestamp,
            offset: None,
            rest: body,
        }
    }
}

impl Iterator for Aggregate {
    type Item = Tag;

    /// The next tag of audio or video; `None` at the end, also where the last is cut.
    fn next(&mut self) -> Option<Tag> {
        loop {
            let [kind, s0, s1, s2, t0, t1, t2, t3, ..] = *self.rest.first_chunk::<HEADER>()?;
            let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
            // The highest byte comes last.
            let time = u32::from_be_bytes([t3, t0, t1, t2]);
            let first = self.timestamp.wrapping_sub(time);
            let offset = *self.offset.get_or_insert(first);
            if self.rest.len() < HEADER + size {
                return None;
            }
            let body = self.rest.slice(HEADER..HEADER + size);
            let taken = HEADER + size + BACK_POINTER;
            self.rest = self.rest.slice(taken.min(self.rest.len())..);
            if matches!(kind, kind::AUDIO | kind::VIDEO) {
                let timestamp = time.wrapping_add(offset);
                return Some(Tag {
                    kind,
                    timestamp,
                    body,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_to_the_first_tag() {
        let mut bytes = Vec::new();
        for (kind, time, body) in [(18, 0xffu8, "meta"), (9, 0xff, "video"), (8, 0x10, "audio")] {
            let high = u8::from(kind == 8);
            bytes.extend([kind, 0, 0, body.len() as u8, 0, high, time, 1, 0, 0, 0]);
            bytes.extend(body.bytes());
            bytes.extend([0; 4]);
        }
        let whole = Bytes::from(bytes);
        let tag = |kind, timestamp, body: &'static str| Tag {
            kind,
            timestamp,
            body: Bytes::from(body),
        };
        let tags: Vec<Tag> = Aggregate::new(5_000, whole.clone()).collect();
        assert_eq!(tags, [tag(9, 5_000, "video"), tag(8, 5_017, "audio")]);
        let cut: Vec<Tag> = Aggregate::new(0, whole.slice(..whole.len() - 5)).collect();
        assert_eq!(cut, [tag(9, 0, "video")]);
    }
}
