//! Moves the clocks and counters of TS packets, so that a clip that begins again goes on instead.

use std::collections::HashMap;

use super::super::tsscan::PACKET;

/// Clock values are 33 bits of 90 kHz (ISO/IEC 13818-1, 2.4.3).
const WRAP: u64 = 1 << 33;

/// What one round of a clip adds to its clocks and continuity counters.
#[derive(Debug, Clone, Default)]
pub struct Retime {
    ticks: u64,
    counters: HashMap<u16, u8>,
}

impl Retime {
    /// For a clip of these pieces, in order, that lasts so many seconds.
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, seconds: f64) -> Self {
        let mut ends: HashMap<u16, (u8, u8)> = HashMap::new();
        for packet in pieces
            .into_iter()
            .flat_map(|piece| piece.chunks_exact(PACKET))
        {
            if packet[3] & 0x10 != 0 {
                let counter = packet[3] & 0x0f;
                ends.entry(pid(packet)).or_insert((counter, counter)).1 = counter;
            }
        }
        let step = |(first, last): (u8, u8)| (16 + last + 1 - first) & 0x0f;
        Self {
            ticks: (seconds * 90_000.0).round() as u64,
            counters: ends
                .into_iter()
                .map(|(pid, ends)| (pid, step(ends)))
                .collect(),
        }
    }

    /// These bytes, which begin with a packet, as they are after so many rounds.
    pub fn after(&self, rounds: u64, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let ticks = (rounds % WRAP) * (self.ticks % WRAP) % WRAP;
        let step = |pid| self.counters.get(&pid).copied().unwrap_or(0);
        shift(&mut bytes, ticks, |pid| {
            (rounds % 16) as u8 * (step(pid) & 0x0f)
        });
        bytes
    }
}

/// Adds to every clock and time stamp of these packets, and to the continuity counter of each PID.
pub fn shift(bytes: &mut [u8], ticks: u64, step: impl Fn(u16) -> u8) {
    for packet in bytes.chunks_exact_mut(PACKET) {
        let counter = (packet[3] & 0x0f).wrapping_add(step(pid(packet)));
        packet[3] = packet[3] & 0xf0 | counter & 0x0f;
        let mut payload = 4;
        if packet[3] & 0x20 != 0 {
            payload += 1 + usize::from(packet[4]);
            if packet[4] >= 7 && packet[5] & 0x10 != 0 {
                move_pcr(&mut packet[6..11], ticks);
            }
        }
        let starts = packet[1] & 0x40 != 0 && packet[3] & 0x10 != 0;
        if let Some(payload) = packet.get_mut(payload..).filter(|_| starts) {
            move_pes(payload, ticks);
        }
    }
}

fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2])
}

fn move_pcr(field: &mut [u8], ticks: u64) {
    let base = field[..4]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        << 1
        | u64::from(field[4] >> 7);
    let base = (base + ticks) % WRAP;
    field[..4].copy_from_slice(&((base >> 1) as u32).to_be_bytes());
    field[4] = field[4] & 0x7f | ((base & 1) as u8) << 7;
}

/// PTS and DTS of a PES header (2.4.3.6), if these bytes begin with one.
fn move_pes(payload: &mut [u8], ticks: u64) {
    if payload.len() < 19 || payload[..3] != [0, 0, 1] || payload[6] & 0xc0 != 0x80 {
        return;
    }
    if payload[7] & 0x80 != 0 {
        move_stamp(&mut payload[9..14], ticks);
    }
    if payload[7] & 0xc0 == 0xc0 {
        move_stamp(&mut payload[14..19], ticks);
    }
}

fn move_stamp(field: &mut [u8], ticks: u64) {
    let part = |at: usize| u64::from(field[at]) << 7 | u64::from(field[at + 1] >> 1);
    let stamp = u64::from(field[0] >> 1 & 7) << 30 | part(1) << 15 | part(3);
    let stamp = (stamp + ticks) % WRAP;
    field[0] = field[0] & 0xf1 | (stamp >> 29 & 0x0e) as u8;
    field[1] = (stamp >> 22) as u8;
    field[2] = (stamp >> 14 & 0xfe) as u8 | 1;
    field[3] = (stamp >> 7) as u8;
    field[4] = (stamp << 1 & 0xfe) as u8 | 1;
}
