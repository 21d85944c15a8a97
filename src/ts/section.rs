//! Assembles table sections out of packets (ISO/IEC 13818-1, 2.4.4).

use super::crc::crc32;
use super::packet::{Header, Packet};

/// Longest section: its length field has 12 bits, and counts from the byte after it.
const LONGEST: usize = 3 + 4095;

/// A whole section with the raw packets that carried it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    pub(super) table_id: u8,
    /// `table_id_extension`: transport stream id or programme number.
    pub(super) extension: u16,
    /// `current_next_indicator`: in force now.
    pub(super) current: bool,
    /// `last_section_number`.
    pub(super) last: u8,
    /// All bytes, from the table id to the CRC.
    pub(super) bytes: &'a [u8],
    pub(super) packets: &'a [u8],
}

impl<'a> Section<'a> {
    /// What stands between the 8-byte head and the CRC.
    pub(super) fn body(&self) -> &'a [u8] {
        &self.bytes[8..self.bytes.len() - 4]
    }

    fn parse(bytes: &'a [u8], packets: &'a [u8]) -> Option<Self> {
        if bytes.len() < 12 || bytes[1] & 0x80 == 0 || crc32(bytes) != 0 {
            return None;
        }
        Some(Self {
            table_id: bytes[0],
            extension: u16::from_be_bytes([bytes[3], bytes[4]]),
            current: bytes[5] & 1 != 0,
            last: bytes[7],
            bytes,
            packets,
        })
    }
}

/// One PID's section under way. Holds at most one section and its packets.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    bytes: Vec<u8>,
    packets: Vec<u8>,
}

impl Assembler {
    /// Forgets what is under way: something is missing, or the source has changed.
    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        self.packets.clear();
    }

    /// Adds a packet and hands each section that it completes to `each`. Returns how many of them
    /// were no good: wrong CRC, or not of the long form that PAT and PMT have.
    pub(super) fn push(
        &mut self,
        header: &Header,
        packet: &Packet,
        mut each: impl FnMut(Section<'_>),
    ) -> u64 {
        let Some(payload) = header.clear_payload(packet) else {
            return 0;
        };
        let mut bad = 0;
        if !header.start {
            if !self.bytes.is_empty() {
                self.packets.extend_from_slice(packet);
                self.add(payload, &mut each, &mut bad);
            }
            return bad;
        }
        let (tail, mut rest) = match payload.split_at_checked(1 + usize::from(payload[0])) {
            Some((pointer, rest)) => (&pointer[1..], rest),
            None => (&payload[..0], &payload[..0]),
        };
        if !self.bytes.is_empty() {
            self.packets.extend_from_slice(packet);
            self.add(tail, &mut each, &mut bad);
        }
        self.reset();
        // Several sections may stand in one packet; stuffing follows the last.
        while rest.first().is_some_and(|&table_id| table_id != 0xff) {
            self.packets.clear();
            self.packets.extend_from_slice(packet);
            rest = self.add(rest, &mut each, &mut bad);
        }
        bad
    }

    /// Adds bytes to the section under way; returns what stands after its end.
    fn add<'a>(
        &mut self,
        data: &'a [u8],
        each: &mut impl FnMut(Section<'_>),
        bad: &mut u64,
    ) -> &'a [u8] {
        let mut data = data;
        while self.bytes.len() < 3 {
            let Some((&byte, rest)) = data.split_first() else {
                return data;
            };
            self.bytes.push(byte);
            data = rest;
        }
        let length = 3 + (usize::from(self.bytes[1] & 0x0f) << 8 | usize::from(self.bytes[2]));
        debug_assert!(length <= LONGEST);
        let (now, rest) = data.split_at((length - self.bytes.len()).min(data.len()));
        self.bytes.extend_from_slice(now);
        if self.bytes.len() == length {
            match Section::parse(&self.bytes, &self.packets) {
                Some(section) => each(section),
                None => *bad += 1,
            }
            self.reset();
        }
        rest
    }
}

/// Puts a section into packets of `pid`; the counter goes on from `counter`, which is that of the
/// packet before.
pub(super) fn packetize(pid: u16, section: &[u8], counter: &mut u8, out: &mut Vec<u8>) {
    let mut rest = section;
    let mut start = true;
    while start || !rest.is_empty() {
        *counter = (*counter + 1) & 0x0f;
        let [high, low] = pid.to_be_bytes();
        let base = out.len();
        out.extend_from_slice(&[
            super::packet::SYNC,
            high & 0x1f | if start { 0x40 } else { 0 },
            low,
            0x10 | *counter,
        ]);
        if start {
            out.push(0); // pointer_field
        }
        let room = super::PACKET - (out.len() - base);
        let (now, later) = rest.split_at(room.min(rest.len()));
        out.extend_from_slice(now);
        out.resize(base + super::PACKET, 0xff);
        rest = later;
        start = false;
    }
}

/// Sets the length of a section whose body is complete, and appends its CRC.
pub(super) fn seal(section: &mut Vec<u8>) {
    let length = section.len() + 4 - 3;
    section[1] = section[1] & 0xf0 | (length >> 8) as u8 & 0x0f;
    section[2] = length as u8;
    let crc = crc32(section);
    section.extend_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::PACKET;
    use crate::ts::testing::packet;

    fn section(body: &[u8]) -> Vec<u8> {
        let mut s = vec![0x02, 0xb0, 0, 0x12, 0x34, 0xc1, 0, 0];
        s.extend_from_slice(body);
        seal(&mut s);
        s
    }

    fn collect(packets: &[u8]) -> (Vec<(Vec<u8>, usize)>, u64) {
        let (mut assembler, mut out, mut bad) = (Assembler::default(), Vec::new(), 0);
        for p in packets.as_chunks::<PACKET>().0 {
            bad += assembler.push(&Header::parse(p), p, |s| {
                out.push((s.bytes.to_vec(), s.packets.len() / PACKET));
            });
        }
        (out, bad)
    }

    #[test]
    fn round_trip_over_many_packets() {
        for size in [0, 1, 100, 170, 171, 172, 400, 1000] {
            let want = section(&vec![7; size]);
            let (mut counter, mut packets) = (3, Vec::new());
            packetize(0x20, &want, &mut counter, &mut packets);
            packetize(0x20, &want, &mut counter, &mut packets);
            let (got, bad) = collect(&packets);
            let each = packets.len() / PACKET / 2;
            assert_eq!(
                (got, bad),
                (vec![(want.clone(), each), (want, each)], 0),
                "{size}"
            );
        }
    }

    #[test]
    fn several_in_a_packet_and_a_tail_before_the_pointer() {
        let (a, b, c) = (section(b"first"), section(b"second"), section(&[5; 200]));
        let mut payload = vec![0];
        payload.extend(a.iter().chain(&b));
        let room = 184 - payload.len();
        payload.extend_from_slice(&c[..room]);
        let mut packets = packet(0x20, true, 0, &payload).to_vec();
        let mut payload = vec![(c.len() - room) as u8];
        payload.extend_from_slice(&c[room..]);
        payload.extend_from_slice(&a);
        payload.resize(184, 0xff);
        packets.extend(packet(0x20, true, 1, &payload));
        let (got, bad) = collect(&packets);
        assert_eq!(got, [(a.clone(), 1), (b, 1), (c, 2), (a, 1)]);
        assert_eq!(bad, 0);
    }

    #[test]
    fn wrong_crc_counts_and_says_nothing() {
        let mut bytes = section(b"body");
        bytes[9] ^= 1;
        let mut packets = Vec::new();
        packetize(0x20, &bytes, &mut 0, &mut packets);
        assert_eq!(collect(&packets), (vec![], 1));
    }

    #[test]
    fn pointer_beyond_the_packet() {
        let p = packet(0x20, true, 0, &[[255].as_slice(), &[0; 183]].concat());
        assert_eq!(collect(&p), (vec![], 0));
    }

    #[test]
    fn short_and_endless_sections_are_refused() {
        let mut payload = vec![0, 0x02, 0xb0, 0, 0xff]; // length 0
        payload.resize(184, 0xff);
        assert_eq!(collect(&packet(0x20, true, 0, &payload)), (vec![], 1));
        let mut packets = packet(
            0x20,
            true,
            0,
            &[[0, 2, 0xbf, 0xff].as_slice(), &[0; 180]].concat(),
        )
        .to_vec();
        for i in 1..60 {
            packets.extend(packet(0x20, false, i % 16, &[0; 184]));
        }
        assert_eq!(collect(&packets), (vec![], 1));
    }
}
