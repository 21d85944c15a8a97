//! Writing TS packets (ISO/IEC 13818-1, 2.4).

use std::collections::HashMap;

use super::super::tsscan::PACKET;
use super::pid;

/// Writes packets, counting each PID's.
#[derive(Debug, Clone, Default)]
pub struct Mux(HashMap<u16, u8>);

impl Mux {
    /// Goes on where these packets end.
    pub fn after(ts: &[u8]) -> Self {
        let mut mux = Self::default();
        for packet in ts.chunks_exact(PACKET).filter(|p| p[3] & 0x10 != 0) {
            mux.0.insert(pid(packet), (packet[3] + 1) & 0x0f);
        }
        mux
    }

    /// The packets that carry `payload`, which begins a PES packet or a section, the first one with
    /// this adaptation field (its length byte included; empty for none).
    pub fn packets(&mut self, pid: u16, field: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity((payload.len() / 184 + 2) * PACKET);
        let mut rest = self.packet(&mut out, pid, true, trimmed(field), payload);
        while !rest.is_empty() {
            rest = self.packet(&mut out, pid, false, &[], rest);
        }
        out
    }

    /// Packets that go on with what [`Self::packets`] began. A PCR, in 90 kHz ticks, goes in front.
    pub fn more(&mut self, pid: u16, pcr: Option<u64>, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity((payload.len() / 184 + 2) * PACKET);
        let field = pcr.map(clock_field).unwrap_or_default();
        let mut rest = self.packet(&mut out, pid, false, &field, payload);
        while !rest.is_empty() {
            rest = self.packet(&mut out, pid, false, &[], rest);
        }
        out
    }

    /// As [`Self::packets`], with a PCR in 90 kHz ticks.
    pub fn clocked(&mut self, pid: u16, pcr: u64, payload: &[u8]) -> Vec<u8> {
        self.packets(pid, &clock_field(pcr), payload)
    }

    /// Writes one packet; gives what did not fit.
    fn packet<'a>(
        &mut self,
        out: &mut Vec<u8>,
        pid: u16,
        starts: bool,
        field: &[u8],
        payload: &'a [u8],
    ) -> &'a [u8] {
        let counter = self.0.entry(pid).or_insert(0);
        let fits = payload.len().min(PACKET - 4 - field.len());
        let mut field = field.to_vec();
        // What is left over is stuffed into the adaptation field.
        let stuffed = PACKET - 4 - fits;
        if field.is_empty() && stuffed > 0 {
            field.push(0);
        }
        if field.len() == 1 && stuffed > 1 {
            field.push(0);
        }
        field.resize(stuffed, 0xff);
        if let Some(length) = field.first_mut() {
            *length = (stuffed - 1) as u8;
        }
        let control = 0x10 | u8::from(!field.is_empty()) << 5 | *counter;
        *counter = (*counter + 1) & 0x0f;
        out.extend_from_slice(&[
            0x47,
            u8::from(starts) << 6 | (pid >> 8) as u8,
            pid as u8,
            control,
        ]);
        out.extend_from_slice(&field);
        out.extend_from_slice(&payload[..fits]);
        &payload[fits..]
    }
}

/// An adaptation field as it was, without its stuffing: only its flags and its PCR.
fn trimmed(field: &[u8]) -> &[u8] {
    match field {
        [_, flags, ..] if flags & 0x10 != 0 && field.len() >= 8 => &field[..8],
        _ => &[],
    }
}

fn clock_field(pcr: u64) -> Vec<u8> {
    let base = pcr & ((1 << 33) - 1);
    let mut field = vec![7, 0x10];
    field.extend_from_slice(&((base >> 1) as u32).to_be_bytes());
    field.extend_from_slice(&[(base as u8 & 1) << 7 | 0x7e, 0]);
    field
}

/// A PES packet of video, of unbounded length, presented at `pts` (90 kHz ticks).
pub fn pes(pts: u64, stream: &[u8]) -> Vec<u8> {
    let part = |at: u32| (pts >> at) as u8;
    let mut bytes = vec![0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5];
    bytes.extend_from_slice(&[
        0x21 | part(29) & 0x0e,
        part(22),
        part(14) | 1,
        part(7),
        part(0) << 1 | 1,
    ]);
    bytes.extend_from_slice(stream);
    bytes
}

/// A programme association section that names one programme, with its pointer field.
pub fn pat(version: u8, pmt: u16) -> Vec<u8> {
    section(0, 1, version, &[0, 1, 0xe0 | (pmt >> 8) as u8, pmt as u8])
}

/// A programme map section with these tracks, PID and stream type, with its pointer field. The
/// first one carries the clock.
pub fn pmt(version: u8, tracks: &[(u16, u8)]) -> Vec<u8> {
    let clock = tracks.first().map_or(0x1fff, |(pid, _)| *pid);
    let mut body = vec![0xe0 | (clock >> 8) as u8, clock as u8, 0xf0, 0];
    for (pid, kind) in tracks {
        body.extend_from_slice(&[*kind, 0xe0 | (pid >> 8) as u8, *pid as u8, 0xf0, 0]);
    }
    section(2, 1, version, &body)
}

fn section(table: u8, id: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() + 9;
    let mut bytes = vec![0, table, 0xb0 | (length >> 8) as u8, length as u8];
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&[0xc1 | (version & 0x1f) << 1, 0, 0]);
    bytes.extend_from_slice(body);
    let crc = crc32(&bytes[1..]);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

/// The CRC of annex A.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            let carry = if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            crc << 1 ^ carry
        })
    })
}
