//! Where one reader of a feed hands over to the next.

use bytes::Bytes;

use super::packet::{FIRST_FREE_PID, Header};
use super::{Chunk, PACKET};

/// Divides a chunk that begins with a keyframe between who has read the feed so far and who reads
/// on from here: the former gets the rest of the units that began before the chunk, the latter
/// everything else. Without this a unit of sound that lies across the border would be lost to both.
///
/// Units of sound are short: what has not ended within the chunk is not followed into the next.
pub fn seam(chunk: &Chunk) -> (Bytes, Chunk) {
    let packets = chunk.data.as_chunks::<PACKET>().0;
    let mut begun: Vec<u16> = Vec::new();
    let mut goes_back = |header: &Header| {
        if header.pid < FIRST_FREE_PID || header.payload >= PACKET {
            return false;
        }
        if header.start {
            begun.push(header.pid);
        }
        !begun.contains(&header.pid)
    };
    let (mut rest, mut onward) = (Vec::new(), Vec::with_capacity(chunk.data.len()));
    for packet in packets {
        if goes_back(&Header::parse(packet)) {
            rest.extend_from_slice(packet);
        } else {
            onward.extend_from_slice(packet);
        }
    }
    if rest.is_empty() {
        return (Bytes::new(), chunk.clone());
    }
    let onward = Chunk {
        data: onward.into(),
        ..chunk.clone()
    };
    (rest.into(), onward)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pid: u16, start: bool, mark: u8) -> [u8; PACKET] {
        let mut packet = [mark; PACKET];
        let [high, low] = pid.to_be_bytes();
        packet[..4].copy_from_slice(&[0x47, high | if start { 0x40 } else { 0 }, low, 0x10]);
        packet
    }

    fn marks(bytes: &[u8]) -> Vec<u8> {
        bytes.chunks(PACKET).map(|packet| packet[10]).collect()
    }

    #[test]
    fn the_rest_of_a_unit_goes_back_and_all_else_onward() {
        let data = [
            packet(0x100, true, 1),
            packet(0x101, false, 2),
            packet(0x100, false, 3),
            packet(0x101, true, 4),
            packet(0x101, false, 5),
            packet(0, false, 6),
        ]
        .concat();
        let chunk = Chunk {
            data: data.into(),
            keyframe: None,
            discontinuity: false,
            clock: Some(7),
        };
        let (rest, onward) = seam(&chunk);
        assert_eq!(marks(&rest), [2]);
        assert_eq!(marks(&onward.data), [1, 3, 4, 5, 6]);
        assert_eq!(onward.clock, Some(7));
        assert!(seam(&onward).0.is_empty());
    }
}
