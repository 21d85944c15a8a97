//! One transport packet: header and adaptation field (ISO/IEC 13818-1, 2.4.3.2 to 2.4.3.5).

use super::PACKET;

/// First byte of every packet.
pub(super) const SYNC: u8 = 0x47;
/// PID of the programme association table.
pub(super) const PAT_PID: u16 = 0;
/// PID of null packets.
pub(super) const NULL_PID: u16 = 0x1fff;
/// PIDs below this one are reserved for tables that every multiplex shares.
pub(super) const FIRST_FREE_PID: u16 = 0x10;

/// A packet as an array, so that indexing its fixed header needs no check.
pub(super) type Packet = [u8; PACKET];

/// What the first bytes of a packet say. Nothing in here trusts the packet: an adaptation field
/// that claims more room than there is makes the packet `malformed`, without payload or clock.
#[derive(Clone, Copy, Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are the flags of the format"
)]
pub(super) struct Header {
    pub(super) pid: u16,
    /// `transport_error_indicator`: the bytes are known to be damaged.
    pub(super) error: bool,
    /// `payload_unit_start_indicator`.
    pub(super) start: bool,
    pub(super) scrambled: bool,
    /// `adaptation_field_control` announces a payload, so the counter must step.
    pub(super) steps: bool,
    pub(super) counter: u8,
    /// Where the payload starts; [`PACKET`] when there is none.
    pub(super) payload: usize,
    pub(super) discontinuity: bool,
    pub(super) random_access: bool,
    /// `program_clock_reference_base`, 33 bits at 90 kHz.
    pub(super) pcr: Option<u64>,
    pub(super) malformed: bool,
}

impl Header {
    pub(super) fn parse(packet: &Packet) -> Self {
        let control = (packet[3] >> 4) & 3;
        let mut header = Self {
            pid: u16::from_be_bytes([packet[1] & 0x1f, packet[2]]),
            error: packet[1] & 0x80 != 0,
            start: packet[1] & 0x40 != 0,
            scrambled: packet[3] & 0xc0 != 0,
            steps: control & 1 != 0,
            counter: packet[3] & 0x0f,
            payload: if control & 1 == 0 { PACKET } else { 4 },
            ..Self::default()
        };
        if control & 2 != 0 {
            header.adaptation(packet);
        } else if control == 0 {
            header.malformed = true;
        }
        header
    }

    fn adaptation(&mut self, packet: &Packet) {
        let length = usize::from(packet[4]);
        let most = if self.steps { 182 } else { 183 };
        if length > most {
            self.malformed = true;
            self.payload = PACKET;
            return;
        }
        if self.steps {
            self.payload = 5 + length;
        }
        if length == 0 {
            return;
        }
        self.discontinuity = packet[5] & 0x80 != 0;
        self.random_access = packet[5] & 0x40 != 0;
        if packet[5] & 0x10 != 0 && length >= 7 {
            let high = u32::from_be_bytes([packet[6], packet[7], packet[8], packet[9]]);
            self.pcr = Some((u64::from(high) << 1) | u64::from(packet[10] >> 7));
        }
    }

    /// Payload bytes that may be read: not damaged, not scrambled.
    pub(super) fn clear_payload<'a>(&self, packet: &'a Packet) -> Option<&'a [u8]> {
        (self.payload < PACKET && !self.scrambled && !self.error).then(|| &packet[self.payload..])
    }
}

/// Replaces the 33-bit PCR base of a packet whose header had one; the 27 MHz extension stays.
pub(super) fn write_pcr(packet: &mut [u8], base: u64) {
    let high = ((base >> 1) as u32).to_be_bytes();
    packet[6..10].copy_from_slice(&high);
    packet[10] = (packet[10] & 0x7f) | (((base & 1) as u8) << 7);
}

pub(super) fn write_counter(packet: &mut [u8], counter: u8) {
    packet[3] = (packet[3] & 0xf0) | (counter & 0x0f);
}

/// Turns a packet into one that carries its adaptation field alone (2.4.3.4), so that a payload can
/// be taken out without taking out its clock. Such a packet does not step the counter.
pub(super) fn strip_payload(packet: &mut [u8], payload: usize) {
    let had_field = packet[3] & 0x20 != 0;
    packet[1] &= !0x40;
    // Neither scrambled (there is nothing left to be) nor with payload.
    packet[3] = (packet[3] & 0x0f) | 0x20;
    let filled = if !had_field || packet[4] == 0 {
        packet[5] = 0;
        6
    } else {
        payload.min(PACKET)
    };
    packet[4] = 183;
    packet[filled..].fill(0xff);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::{packet, with_pcr};

    #[test]
    fn reads_plain_payload() {
        let p = packet(0x123, true, 7, &[1, 2, 3]);
        let h = Header::parse(&p);
        assert_eq!((h.pid, h.start, h.counter, h.steps), (0x123, true, 7, true));
        assert_eq!(h.clear_payload(&p), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn pcr_survives_a_rewrite() {
        for base in [0, 1, (1 << 33) - 1, 0x1_2345_6789] {
            let mut p = with_pcr(0x100, 3, 99);
            write_pcr(&mut p, base);
            assert_eq!(Header::parse(&p).pcr, Some(base));
        }
    }

    #[test]
    fn lying_adaptation_field_gives_nothing() {
        for length in [183_u8, 184, 255] {
            let mut p = packet(0x100, true, 0, &[0; 184]);
            p[3] |= 0x20;
            p[4] = length;
            let h = Header::parse(&p);
            assert!(h.malformed, "{length}");
            assert_eq!((h.clear_payload(&p), h.pcr), (None, None));
        }
    }

    #[test]
    fn clock_needs_room_in_the_field() {
        let mut p = packet(0x100, false, 0, &[0; 184]);
        p[3] |= 0x20;
        p[4] = 6; // one byte short of flags and PCR
        p[5] = 0x10;
        let h = Header::parse(&p);
        assert_eq!((h.pcr, h.payload, h.malformed), (None, 11, false));
    }

    #[test]
    fn stripping_keeps_the_clock() {
        let mut p = with_pcr(0x100, 3, 77);
        let h = Header::parse(&p);
        strip_payload(&mut p, h.payload);
        let h = Header::parse(&p);
        assert_eq!(
            (h.pcr, h.steps, h.payload, h.malformed),
            (Some(77), false, PACKET, false)
        );
        let mut p = packet(0x100, true, 0, &[9; 184]);
        strip_payload(&mut p, 4);
        let h = Header::parse(&p);
        assert_eq!(
            (h.pcr, h.steps, h.start, h.malformed),
            (None, false, false, false)
        );
    }
}
