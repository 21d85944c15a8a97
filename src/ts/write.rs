//! Writes transport packets: tables, PES packets and clocks (ISO/IEC 13818-1, 2.4.3 and 2.4.4).

use super::PACKET;
use super::clock::WRAP;
use super::packet::{PAT_PID, SYNC};
use super::pes::write_stamp;
use super::section::{packetize, seal};

/// The only transport stream id and programme number that are written.
const PROGRAM: u16 = 1;
/// Longest `PES_packet_length`; longer packets, of video only, leave it at 0.
const LONGEST_PES: usize = 0xffff;
/// Most bytes of descriptors of one elementary stream.
const MOST_DESCRIPTORS: usize = 255;
/// Most bytes of a PMT's loop: what its section may hold.
const MOST_LOOP: usize = 1021 - 13;

/// An elementary stream as the PMT is to list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) pid: u16,
    pub(crate) stream_type: u8,
    pub(crate) descriptors: Vec<u8>,
}

/// One PES packet to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit<'a> {
    pub(crate) pid: u16,
    pub(crate) stream_id: u8,
    /// Times in 90 kHz; their low 33 bits are written, the DTS only where it differs.
    pub(crate) pts: u64,
    pub(crate) dts: u64,
    pub(crate) random_access: bool,
    /// The clock that the first packet carries.
    pub(crate) clock: Option<Clock>,
    pub(crate) data: &'a [u8],
}

/// A programme clock reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// 90 kHz; its low 33 bits are written.
    pub(crate) base: u64,
    /// `discontinuity_indicator`: the clock before it says nothing about this one.
    pub(crate) discontinuity: bool,
}

/// Continuity counters of all PIDs that have been written.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    counters: Vec<(u16, u8)>,
}

impl Writer {
    /// Writes a PAT that lists one programme, and its PMT. What the PMT has no room for is left out.
    pub(crate) fn tables(
        &mut self,
        pmt_pid: u16,
        pcr_pid: u16,
        version: u8,
        streams: &[Listed],
        out: &mut Vec<u8>,
    ) {
        let [high, low] = PROGRAM.to_be_bytes();
        let mut pat = vec![0, 0xb0, 0, high, low, 0xc1, 0, 0, high, low];
        pat.extend((0xe000 | pmt_pid).to_be_bytes());
        self.section(PAT_PID, pat, out);
        let mut pmt = vec![2, 0xb0, 0, high, low, 0xc1 | (version & 0x1f) << 1, 0, 0];
        pmt.extend((0xe000 | pcr_pid).to_be_bytes());
        pmt.extend([0xf0, 0]);
        let head = pmt.len();
        for stream in streams {
            let length = stream.descriptors.len();
            if length > MOST_DESCRIPTORS || pmt.len() - head + 5 + length > MOST_LOOP {
                continue;
            }
            pmt.push(stream.stream_type);
            pmt.extend((0xe000 | stream.pid).to_be_bytes());
            pmt.extend([0xf0, length as u8]);
            pmt.extend_from_slice(&stream.descriptors);
        }
        self.section(pmt_pid, pmt, out);
    }

    /// Writes a packet that carries nothing but a clock.
    pub(crate) fn clock(&mut self, pid: u16, clock: Clock, out: &mut Vec<u8>) {
        let [high, low] = pid.to_be_bytes();
        // Without payload the counter stays (2.4.3.3).
        let base = out.len();
        out.extend([SYNC, high & 0x1f, low, 0x20 | *self.counter(pid), 183]);
        field(false, Some(clock), out);
        out.resize(base + PACKET, 0xff);
    }

    /// Writes a PES packet.
    pub(crate) fn unit(&mut self, unit: &Unit<'_>, out: &mut Vec<u8>) {
        let (head, head_length) = pes_header(unit);
        let mut head = &head[..head_length];
        let mut data = unit.data;
        let [pid_high, pid_low] = unit.pid.to_be_bytes();
        out.reserve((unit.data.len() / (PACKET - 4) + 2) * PACKET);
        let counter = self.counter(unit.pid);
        let mut start = true;
        while start || !data.is_empty() {
            *counter = (*counter + 1) & 0x0f;
            let base = out.len();
            let high = pid_high & 0x1f | u8::from(start) << 6;
            out.extend_from_slice(&[SYNC, high, pid_low, 0x10 | *counter]);
            if start && (unit.random_access || unit.clock.is_some()) {
                out[base + 3] |= 0x20;
                out.push(0);
                field(unit.random_access, unit.clock, out);
                out[base + 4] = (out.len() - base - 5) as u8;
            }
            let room = PACKET - (out.len() - base);
            stuff(room.saturating_sub(head.len() + data.len()), base, out);
            out.extend_from_slice(head);
            let (now, later) = data.split_at((base + PACKET - out.len()).min(data.len()));
            out.extend_from_slice(now);
            data = later;
            head = &[];
            start = false;
        }
    }

    fn section(&mut self, pid: u16, mut section: Vec<u8>, out: &mut Vec<u8>) {
        seal(&mut section);
        packetize(pid, &section, self.counter(pid), out);
    }

    fn counter(&mut self, pid: u16) -> &mut u8 {
        let known = self.counters.iter().position(|(known, _)| *known == pid);
        let index = known.unwrap_or_else(|| {
            self.counters.push((pid, 0x0f));
            self.counters.len() - 1
        });
        &mut self.counters[index].1
    }
}

/// The flags of an adaptation field and its clock, without the length.
fn field(random_access: bool, clock: Option<Clock>, out: &mut Vec<u8>) {
    let at = out.len();
    out.push(u8::from(random_access) << 6);
    if let Some(Clock {
        base,
        discontinuity,
    }) = clock
    {
        out[at] |= 0x10 | u8::from(discontinuity) << 7;
        let base = base & (WRAP - 1);
        out.extend_from_slice(&((base >> 1) as u32).to_be_bytes());
        out.extend_from_slice(&[((base & 1) as u8) << 7 | 0x7e, 0]);
    }
}

/// Fills `missing` bytes of the packet at `base` by growing its adaptation field.
fn stuff(missing: usize, base: usize, out: &mut Vec<u8>) {
    if missing == 0 {
        return;
    }
    let end = out.len() + missing;
    if out[base + 3] & 0x20 == 0 {
        out[base + 3] |= 0x20;
        out.push(missing as u8 - 1);
        if missing > 1 {
            out.push(0);
        }
    } else {
        out[base + 4] += missing as u8;
    }
    out.resize(end, 0xff);
}

fn pes_header(unit: &Unit<'_>) -> ([u8; 19], usize) {
    let mut head = [0; 19];
    head[2] = 1;
    head[3] = unit.stream_id;
    head[6] = 0x84; // data_alignment_indicator
    let differs = (unit.dts ^ unit.pts) & (WRAP - 1) != 0;
    let length = if differs { 19 } else { 14 };
    head[7] = if differs { 0xc0 } else { 0x80 };
    head[8] = length as u8 - 9;
    head[9] = if differs { 0x30 } else { 0x20 };
    write_stamp(&mut head, 9, unit.pts & (WRAP - 1));
    if differs {
        head[14] = 0x10;
        write_stamp(&mut head, 14, unit.dts & (WRAP - 1));
    }
    let packet_length = length - 6 + unit.data.len();
    if packet_length <= LONGEST_PES {
        head[4..6].copy_from_slice(&(packet_length as u16).to_be_bytes());
    }
    (head, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::packet::Header;
    use crate::ts::pes::Pes;

    fn unit(data: &[u8], random_access: bool, clock: Option<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        let unit = Unit {
            pid: 0x123,
            stream_id: 0xe0,
            pts: WRAP + 5,
            dts: WRAP - 7,
            random_access,
            clock: clock.map(|base| Clock {
                base,
                discontinuity: false,
            }),
            data,
        };
        Writer::default().unit(&unit, &mut out);
        out
    }

    #[test]
    fn units_of_every_size_come_back_whole() {
        for size in 0..600 {
            for (random_access, clock) in [(false, None), (true, None), (true, Some(WRAP + 99))] {
                let data: Vec<u8> = (0..size).map(|i| i as u8).collect();
                let out = unit(&data, random_access, clock);
                let (packets, rest) = out.as_chunks::<PACKET>();
                assert!(rest.is_empty(), "{size}");
                let mut payload = Vec::new();
                for (i, packet) in packets.iter().enumerate() {
                    let header = Header::parse(packet);
                    assert!(!header.malformed && header.counter == i as u8, "{size}");
                    assert_eq!((header.pid, header.start), (0x123, i == 0));
                    assert_eq!(header.random_access, random_access && i == 0);
                    assert_eq!(header.pcr, clock.filter(|_| i == 0).map(|c| c - WRAP));
                    payload.extend_from_slice(header.clear_payload(packet).unwrap_or_default());
                }
                let pes = Pes::parse(&payload, 0).unwrap();
                assert_eq!(
                    (pes.pts.unwrap().value, pes.dts.unwrap().value),
                    (5, WRAP - 7)
                );
                assert_eq!(payload[pes.es..], data, "{size}");
                let length = usize::from(payload[4]) << 8 | usize::from(payload[5]);
                assert_eq!(length, payload.len() - 6);
            }
        }
    }

    #[test]
    fn a_clock_alone_does_not_step_the_counter() {
        let (mut writer, mut out) = (Writer::default(), Vec::new());
        let clock = Clock {
            base: 77,
            discontinuity: true,
        };
        writer.clock(0x123, clock, &mut out);
        let header = Header::parse(out.first_chunk().unwrap());
        assert_eq!((header.pcr, header.steps), (Some(77), false));
        assert!(header.discontinuity && !header.malformed);
    }

    #[test]
    fn a_map_with_more_than_it_holds_leaves_the_rest_out() {
        let streams: Vec<_> = (0..100)
            .map(|i| Listed {
                pid: 0x100 + i,
                stream_type: 0x0f,
                descriptors: vec![0; 20],
            })
            .collect();
        let (mut writer, mut out) = (Writer::default(), Vec::new());
        writer.tables(0x1000, 0x100, 3, &streams, &mut out);
        assert_eq!(out.len() % PACKET, 0);
        assert!(out.len() <= 7 * PACKET);
    }
}
