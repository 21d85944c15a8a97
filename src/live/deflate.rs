//! Text deflated once for many clients.
//!
//! A deflate stream (RFC 1951) is a sequence of blocks. Blocks that were made from an empty window and end at a byte
//! border, as a sync flush leaves them, can be put together in any order: the same bytes go to every client, each in a
//! stream of its own. So there is no compressor for each client, of a quarter of a megabyte each, and no work but to copy.
//! The price is that no message refers back to the ones before.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// How a sync flush ends (RFC 1951, 3.2.4: an empty block that is not compressed).
const FLUSHED: &[u8] = &[0, 0, 0xff, 0xff];

/// Some text, deflated, that refers to nothing before it and ends at a byte border.
#[derive(Debug)]
pub struct Block {
    bytes: Bytes,
    crc: Crc,
}

impl Block {
    /// Deflates some text.
    ///
    /// # Errors
    /// When the compressor fails, which has no known cause.
    pub fn new(text: &[u8]) -> io::Result<Self> {
        let mut crc = Crc::new();
        crc.update(text);
        let room = Vec::with_capacity(text.len() / 4 + 64);
        let mut encoder = DeflateEncoder::new(room, Compression::default());
        encoder.write_all(text)?;
        encoder.flush()?;
        // Without the end of the stream, which `finish` would write.
        let bytes = std::mem::take(encoder.get_mut()).into();
        Ok(Self { bytes, crc })
    }

    /// As a message of WebSocket's `permessage-deflate` without context takeover (RFC 7692, 7.2.1: without what a flush ends with).
    pub fn as_message(&self) -> Bytes {
        let end = self.bytes.len();
        match self.bytes.strip_suffix(FLUSHED) {
            Some(rest) => self.bytes.slice(..rest.len()),
            None => self.bytes.slice(..end),
        }
    }
}

/// A gzip stream (RFC 1952) of blocks.
#[derive(Debug)]
pub struct Gzip {
    crc: Crc,
}

impl Gzip {
    /// What the stream begins with: deflate, no name, no time, any system.
    pub const HEAD: &'static [u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    /// An empty stream.
    pub fn new() -> Self {
        Self { crc: Crc::new() }
    }

    /// Goes on with a block; returns its bytes.
    pub fn add(&mut self, block: &Block) -> Bytes {
        self.crc.combine(&block.crc);
        block.bytes.clone()
    }

    /// What the stream ends with: an empty last block, the checksum, the length.
    pub fn tail(&self) -> Bytes {
        let mut tail = vec![0x03, 0x00];
        tail.extend_from_slice(&self.crc.sum().to_le_bytes());
        tail.extend_from_slice(&self.crc.amount().to_le_bytes());
        tail.into()
    }
}

impl Default for Gzip {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{DeflateDecoder, GzDecoder};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_make_a_stream_in_any_order(
            texts in prop::collection::vec(".{0,300}", 1..4),
            order in prop::collection::vec(0..4_usize, 0..12),
        ) {
            let blocks: Vec<Block> = texts.iter().map(|t| Block::new(t.as_bytes()).unwrap()).collect();
            let mut gzip = Gzip::new();
            let (mut sent, mut meant) = (Gzip::HEAD.to_vec(), String::new());
            for at in order {
                let at = at % blocks.len();
                sent.extend_from_slice(&gzip.add(&blocks[at]));
                meant.push_str(&texts[at]);
            }
            sent.extend_from_slice(&gzip.tail());
            let mut got = String::new();
            // Checks the sum and the length.
            GzDecoder::new(&sent[..]).read_to_string(&mut got).unwrap();
            prop_assert_eq!(got, meant);
        }
    }

    #[test]
    fn a_message_is_inflated_when_its_end_is_put_back() {
        let text = r#"{"type":"delta","streams":[]}"#.repeat(2_000);
        let message = Block::new(text.as_bytes()).unwrap().as_message();
        assert!(message.len() < text.len() / 20);
        let mut got = String::new();
        let whole = [&message[..], FLUSHED, &[0x03, 0x00]].concat();
        DeflateDecoder::new(&whole[..])
            .read_to_string(&mut got)
            .unwrap();
        assert_eq!(got, text);
    }
}
