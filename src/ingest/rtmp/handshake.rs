//! The plain handshake (RTMP 1.0, clause 5.2). Pure.

use bytes::{Buf, BytesMut};

/// Bytes of C1, C2, S1 and S2.
const PART: usize = 1536;
const VERSION: u8 = 3;

/// Versions from here on are characters: the peer speaks a protocol of text.
const TEXT: u8 = 32;

/// The peer does not speak RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotRtmp;

/// The client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Handshake {
    /// Waits for S0 and S1.
    Sent,
    /// Waits for S2.
    Echoed,
    /// Done.
    Done,
}

/// C0 and C1. The bytes that the standard calls random only have to differ from peer to peer.
pub(super) fn hello(out: &mut Vec<u8>, seed: u64) {
    out.push(VERSION);
    // Time, and four zeros: the mark of the plain handshake.
    out.extend([0; 8]);
    let mut state = seed | 1;
    for _ in 0..(PART - 8) / 8 {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_be_bytes());
    }
}

impl Handshake {
    /// Takes what is there of the peer's side; answers into `out`.
    pub(super) fn read(&mut self, input: &mut BytesMut, out: &mut Vec<u8>) -> Result<(), NotRtmp> {
        if *self == Self::Sent {
            if input.first().is_some_and(|version| *version >= TEXT) {
                return Err(NotRtmp);
            }
            if input.len() > PART {
                // C2 is S1 sent back.
                out.extend(&input[1..=PART]);
                input.advance(1 + PART);
                *self = Self::Echoed;
            }
        }
        // Not compared with C1: some servers send something else.
        if *self == Self::Echoed && input.len() >= PART {
            input.advance(PART);
            *self = Self::Done;
        }
        Ok(())
    }
}
