//! Making TS that no well-made muxer would: whole PES packets taken out of real footage, changed
//! and put back, and packets written by hand.

mod bits;
mod h26x;
mod mux;

pub use h26x::{absurd_size, noisy_slices, units};
pub use mux::{Mux, pat, pes, pmt};

use std::collections::HashMap;

use super::tsscan::PACKET;

/// The PID of a packet.
pub fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2])
}

/// Length of the adaptation field, its length byte included.
fn adaptation(packet: &[u8]) -> usize {
    if packet[3] & 0x20 == 0 {
        return 0;
    }
    (1 + usize::from(packet[4])).min(PACKET - 4)
}

/// The bytes of a packet behind its header and adaptation field.
pub fn payload(packet: &[u8]) -> &[u8] {
    if packet[3] & 0x10 == 0 {
        return &[];
    }
    &packet[4 + adaptation(packet)..]
}

/// Gives each whole PES packet on `track` to `edit`, header and all, and puts back what it makes of
/// it, in the place where it began. Counters are written anew.
pub fn edit(ts: &[u8], track: u16, mut edit: impl FnMut(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut mux = Mux::default();
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    // The place, the first packet's adaptation field and the bytes so far.
    let mut open: Option<(usize, Vec<u8>, Vec<u8>)> = None;
    let mut close = |open: &mut Option<(usize, Vec<u8>, Vec<u8>)>, pieces: &mut Vec<Vec<u8>>| {
        if let Some((place, field, bytes)) = open.take() {
            pieces[place] = mux.packets(track, &field, &edit(bytes));
        }
    };
    for packet in ts.chunks_exact(PACKET) {
        if pid(packet) != track || packet[3] & 0x10 == 0 {
            pieces.push(packet.to_vec());
        } else if packet[1] & 0x40 != 0 {
            close(&mut open, &mut pieces);
            let field = packet[4..4 + adaptation(packet)].to_vec();
            open = Some((pieces.len(), field, payload(packet).to_vec()));
            pieces.push(Vec::new());
        } else if let Some((_, _, bytes)) = &mut open {
            bytes.extend_from_slice(payload(packet));
        }
    }
    close(&mut open, &mut pieces);
    pieces.concat()
}

/// The offset of the elementary stream in a PES packet.
pub fn header_length(pes: &[u8]) -> usize {
    9 + usize::from(pes[8])
}

/// The first PES packet on each PID, by PID, and the PCR at the end, in 90 kHz ticks.
pub fn first_pes(ts: &[u8]) -> (HashMap<u16, Vec<u8>>, u64) {
    let mut found: HashMap<u16, Vec<u8>> = HashMap::new();
    let mut closed: HashMap<u16, bool> = HashMap::new();
    let mut clock = 0;
    for packet in ts.chunks_exact(PACKET) {
        if adaptation(packet) > 6 && packet[5] & 0x10 != 0 {
            clock = u64::from(u32::from_be_bytes([
                packet[6], packet[7], packet[8], packet[9],
            ])) << 1;
        }
        let (id, body) = (pid(packet), payload(packet));
        let starts = packet[1] & 0x40 != 0;
        if starts && body.starts_with(&[0, 0, 1]) {
            let over = found.contains_key(&id);
            closed.insert(id, over);
        }
        if closed.get(&id) == Some(&false) {
            found.entry(id).or_default().extend_from_slice(body);
        }
    }
    (found, clock)
}
