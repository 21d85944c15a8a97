//! The framing of MMS over HTTP ([MS-WMSP] 2.2.3): chunks of a type and a length. Pure.

use bytes::{Buf, Bytes, BytesMut};

/// Type and length.
const BASIC: usize = 4;
/// What precedes the data of header and data chunks: sequence, flags, length.
const EXTENSION: usize = 8;
/// `$` in the low seven bits of the first byte; the high one marks a part.
const DOLLAR: u8 = 0x24;

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// `$H`: a piece of the ASF header, and whether it is the last.
    Header(Bytes, bool),
    /// `$D`: an ASF data packet without its padding.
    Data(Bytes),
    /// `$E`: no more comes.
    End,
    /// `$C`: what comes has another header.
    Change,
    /// Anything else, which means nothing to us (`$M`, `$P`, `$T`).
    Other,
}

/// The bytes are no chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFramed;

/// Takes chunks out of bytes as they come. Holds at most one chunk, 64 KiB, and what was pushed.
#[derive(Debug, Default)]
pub struct Deframer {
    held: BytesMut,
}

impl Deframer {
    /// Takes in bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next chunk that is whole.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, NotFramed> {
        let Some(&[first, kind, low, high]) = self.held.first_chunk::<BASIC>() else {
            return Ok(None);
        };
        if first & 0x7f != DOLLAR {
            return Err(NotFramed);
        }
        let length = usize::from(u16::from_le_bytes([low, high]));
        if self.held.len() < BASIC + length {
            return Ok(None);
        }
        self.held.advance(BASIC);
        let mut body = self.held.split_to(length).freeze();
        let flags = body.get(5).copied().unwrap_or_default();
        Ok(Some(match kind {
            b'H' | b'D' if body.len() < EXTENSION => return Err(NotFramed),
            b'H' => {
                body.advance(EXTENSION);
                // 0x04 is the first, 0x08 the last, 0x0c both
                Chunk::Header(body, flags & 0x04 == 0 || flags & 0x08 != 0)
            }
            b'D' => {
                body.advance(EXTENSION);
                Chunk::Data(body)
            }
            b'E' => Chunk::End,
            b'C' => Chunk::Change,
            _ => Chunk::Other,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(kind: u8, flags: u8, data: &[u8]) -> Vec<u8> {
        let length = (data.len() + EXTENSION) as u16;
        let mut out = vec![DOLLAR, kind];
        out.extend(length.to_le_bytes());
        out.extend([0, 0, 0, 0, 0, flags]);
        out.extend(length.to_le_bytes());
        out.extend(data);
        out
    }

    fn all(deframer: &mut Deframer) -> Vec<Chunk> {
        std::iter::from_fn(|| deframer.next_chunk().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn however_bytes_are_split_the_chunks_are_the_same(at in 0usize..60) {
            let mut bytes = chunk(b'H', 0x0c, b"header");
            bytes.extend(chunk(b'D', 0, b"data"));
            bytes.extend([DOLLAR, b'E', 4, 0, 0, 0, 0, 0]);
            let (one, two) = bytes.split_at(at.min(bytes.len()));
            let mut deframer = Deframer::default();
            deframer.push(one);
            let mut chunks = all(&mut deframer);
            deframer.push(two);
            chunks.extend(all(&mut deframer));
            let expected = [Chunk::Header(Bytes::from_static(b"header"), true), Chunk::Data(Bytes::from_static(b"data")), Chunk::End];
            prop_assert_eq!(chunks, expected);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut deframer = Deframer::default();
            deframer.push(&bytes);
            while let Ok(Some(_)) = deframer.next_chunk() {}
        }
    }

    #[test]
    fn what_is_not_framed_is_told() {
        let mut deframer = Deframer::default();
        deframer.push(b"<html>");
        assert_eq!(deframer.next_chunk(), Err(NotFramed));
        let mut short = Deframer::default();
        short.push(&[DOLLAR, b'D', 2, 0, 1, 2]);
        assert_eq!(short.next_chunk(), Err(NotFramed));
    }
}
