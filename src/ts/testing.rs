//! Writes transport streams for tests.

use std::collections::BTreeSet;

use h264_reader::rbsp::{BitWrite, BitWriter, ByteWriter};

use super::clock::WRAP;
use super::packet::{Header, Packet, SYNC};
use super::section::{packetize, seal};
use super::{Chunk, Cutter, CutterOptions, PACKET};

/// A packet with `payload` at its end, stuffed by an adaptation field.
pub(super) fn packet(pid: u16, start: bool, counter: u8, payload: &[u8]) -> Packet {
    with_field(pid, start, counter, &[], payload)
}

/// A packet with a PCR and a payload.
pub(super) fn with_pcr(pid: u16, counter: u8, base: u64) -> Packet {
    with_field(
        pid,
        false,
        counter,
        &pcr_field(Some(base), false),
        &[0xaa; 176],
    )
}

fn pcr_field(base: Option<u64>, random_access: bool) -> Vec<u8> {
    let mut field = vec![u8::from(random_access) << 6];
    if let Some(base) = base {
        field[0] |= 0x10;
        field.extend(((base >> 1) as u32).to_be_bytes());
        field.extend([((base & 1) as u8) << 7 | 0x7e, 0]);
    }
    field
}

fn with_field(pid: u16, start: bool, counter: u8, field: &[u8], payload: &[u8]) -> Packet {
    let mut p = [0xff; PACKET];
    let [high, low] = pid.to_be_bytes();
    let room = 184 - payload.len();
    p[..4].copy_from_slice(&[
        SYNC,
        high | if start { 0x40 } else { 0 },
        low,
        0x10 | counter,
    ]);
    p[PACKET - payload.len()..].copy_from_slice(payload);
    if room > 0 {
        p[3] |= 0x20;
        p[4] = room as u8 - 1;
        if room > 1 {
            p[5] = 0;
            p[5..5 + field.len()].copy_from_slice(field);
        }
    }
    p
}

/// A PES packet.
pub(super) fn pes(stream_id: u8, pts: Option<u64>, dts: Option<u64>, es: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 1, stream_id, 0, 0, 0x80, 0, 0];
    for (prefix, stamp) in [(if dts.is_some() { 0x30 } else { 0x20 }, pts), (0x10, dts)] {
        let Some(v) = stamp else { continue };
        out[7] |= if prefix == 0x10 { 0x40 } else { 0x80 };
        out[8] += 5;
        let parts = [
            (v >> 30) as u8 & 7,
            (v >> 22) as u8,
            (v >> 15) as u8,
            (v >> 7) as u8,
            v as u8,
        ];
        out.extend([
            prefix | parts[0] << 1 | 1,
            parts[1],
            parts[2] << 1 | 1,
            parts[3],
            parts[4] << 1 | 1,
        ]);
    }
    out.extend_from_slice(es);
    out
}

fn table(pid: u16, head: &[u8], body: &[u8]) -> Packet {
    let mut section = [head, &[0xc1, 0, 0], body].concat();
    seal(&mut section);
    let mut out = Vec::new();
    packetize(pid, &section, &mut 15, &mut out);
    *out.first_chunk().unwrap()
}

/// A PAT packet listing (number, PID).
pub(super) fn pat(programs: &[(u16, u16)]) -> Packet {
    let body: Vec<u8> = programs
        .iter()
        .flat_map(|(n, pid)| [n.to_be_bytes(), (0xe000 | pid).to_be_bytes()].concat())
        .collect();
    table(0, &[0, 0xb0, 0, 0, 1], &body)
}

/// A PMT packet listing (PID, type, descriptors).
pub(super) fn pmt(pid: u16, program: u16, pcr_pid: u16, streams: &[(u16, u8, &[u8])]) -> Packet {
    let mut body = (0xe000 | pcr_pid).to_be_bytes().to_vec();
    body.extend([0xf0, 0]);
    for (pid, kind, info) in streams {
        let [high, low] = pid.to_be_bytes();
        body.extend([*kind, 0xe0 | high, low, 0xf0, info.len() as u8]);
        body.extend_from_slice(info);
    }
    let [high, low] = program.to_be_bytes();
    table(pid, &[2, 0xb0, 0, high, low], &body)
}

/// An H.264 sequence parameter set unit: 4:2:0, 8 bits, samples of 4:3, 25 Hz.
pub(super) fn h264_sps(
    profile: u8,
    level: u8,
    width: u32,
    height: u32,
    frames: bool,
    crop: u32,
) -> Vec<u8> {
    let mut bytes = vec![0x67];
    let mut escaped = ByteWriter::new(&mut bytes);
    let mut w = BitWriter::new(&mut escaped);
    let mut write = || -> std::io::Result<()> {
        w.write::<8, u8>(profile)?;
        w.write::<8, u8>(0)?;
        w.write::<8, u8>(level)?;
        w.write_ue(0)?;
        if profile == 100 {
            w.write_ue(1)?;
            w.write_ue(0)?;
            w.write_ue(0)?;
            w.write::<2, u8>(0)?;
        }
        for value in [0, 0, 0, 4] {
            w.write_ue(value)?;
        }
        w.write_bit(false)?;
        w.write_ue(width - 1)?;
        w.write_ue(height - 1)?;
        w.write_bit(frames)?;
        if !frames {
            w.write_bit(true)?;
        }
        w.write_bit(true)?;
        w.write_bit(crop > 0)?;
        if crop > 0 {
            for value in [0, 0, 0, crop] {
                w.write_ue(value)?;
            }
        }
        w.write::<2, u8>(3)?; // VUI, aspect ratio
        w.write::<8, u8>(14)?;
        w.write::<4, u8>(1)?; // timing info alone
        w.write::<32, u32>(1)?;
        w.write::<32, u32>(50)?;
        w.write::<6, u8>(0)?;
        w.write_rbsp_trailing_bits()
    };
    write().unwrap();
    bytes
}

/// An HEVC sequence parameter set unit up to the bit depths: 4:2:0.
pub(super) fn hevc_sps(
    profile: u8,
    level: u8,
    width: u32,
    height: u32,
    crop: u32,
    depth: u32,
    layers: u8,
) -> Vec<u8> {
    let mut bytes = vec![0x42, 1];
    let mut escaped = ByteWriter::new(&mut bytes);
    let mut w = BitWriter::new(&mut escaped);
    let mut write = || -> std::io::Result<()> {
        w.write::<4, u8>(0)?;
        w.write::<3, u8>(layers)?;
        w.write_bit(true)?;
        w.write::<3, u8>(0)?;
        w.write::<5, u8>(profile)?;
        w.write::<32, u32>(0x6000_0000)?;
        w.write::<8, u8>(0x90)?;
        w.write::<32, u32>(0)?;
        w.write::<8, u8>(0)?;
        w.write::<8, u8>(level)?;
        if layers > 0 {
            for layer in 0..8 {
                w.write::<2, u8>(if layer < layers { 3 } else { 0 })?;
            }
            for _ in 0..layers {
                w.write::<32, u32>(0)?;
                w.write::<32, u32>(0)?;
                w.write::<32, u32>(0)?;
            }
        }
        for value in [0, 1, width, height] {
            w.write_ue(value)?;
        }
        w.write_bit(crop > 0)?;
        if crop > 0 {
            for value in [0, 0, 0, crop] {
                w.write_ue(value)?;
            }
        }
        w.write_ue(depth)?;
        w.write_ue(depth)?;
        w.write_rbsp_trailing_bits()
    };
    write().unwrap();
    bytes
}

/// Writes a programme: H.264 at 25 Hz on 0x100 with the clock, ADTS, tables at each keyframe.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one switch of the writer"
)]
pub(super) struct Feed {
    pub(super) video: bool,
    pub(super) audio: Vec<u16>,
    /// Frames from keyframe to keyframe.
    pub(super) gop: u64,
    /// Bytes of a frame.
    pub(super) frame: usize,
    pub(super) clock: bool,
    /// `random_access_indicator` on keyframes.
    pub(super) flag: bool,
    /// A second programme in the multiplex.
    pub(super) others: bool,
    pub(super) out: Vec<u8>,
    pub(super) counters: Vec<u8>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            video: true,
            audio: vec![0x101],
            gop: 25,
            frame: 3000,
            clock: true,
            flag: true,
            others: false,
            out: Vec::new(),
            counters: vec![0; 8192],
        }
    }
}

/// From the clock to the decoding time of video and audio.
pub(super) const LEAD: u64 = 45_000;

impl Feed {
    /// Plays `frames` frames of 3,600 ticks, the clock starting at `from`.
    pub(super) fn play(mut self, from: u64, frames: u64) -> Vec<u8> {
        for i in 0..frames {
            let clock = from.wrapping_add(i * 3600) % WRAP;
            let at = (clock + LEAD) % WRAP;
            let key = i % self.gop == 0;
            if key {
                self.tables();
            }
            if self.video {
                let mut es = vec![0, 0, 0, 1, 9, 0xf0];
                if key {
                    es.extend([0, 0, 0, 1]);
                    es.extend(h264_sps(66, 31, 80, 45, true, 0));
                    es.extend([0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 1, 0x65]);
                } else {
                    es.extend([0, 0, 1, 0x41]);
                }
                es.resize(es.len() + self.frame, 0x9a);
                let unit = pes(0xe0, Some((at + 7200) % WRAP), Some(at), &es);
                self.unit(0x100, &unit, self.clock.then_some(clock), key && self.flag);
            }
            for pid in self.audio.clone() {
                let frame = [0xff, 0xf1, 0x4c, 0x80, 0x04, 0x1f, 0xfc]
                    .into_iter()
                    .chain([0x21; 25]);
                let unit = pes(0xc0, Some(at), None, &frame.collect::<Vec<_>>());
                self.unit(
                    pid,
                    &unit,
                    (self.clock && !self.video).then_some(clock),
                    false,
                );
            }
            if self.others {
                self.unit(
                    0x200,
                    &pes(0xe0, Some(77 + i * 100), None, &[0, 0, 1, 0x65, 9]),
                    Some(55 + i * 100),
                    true,
                );
            }
        }
        self.out
    }

    fn tables(&mut self) {
        let audio = self
            .audio
            .iter()
            .map(|pid| (*pid, 0x0f, &b"\x0a\x04eng\0"[..]));
        let video = self.video.then_some((0x100, 0x1b, &[][..]));
        let streams: Vec<_> = video.into_iter().chain(audio).collect();
        let pcr_pid = if self.video { 0x100 } else { self.audio[0] };
        let map = pmt(
            0x1000,
            1,
            if self.clock { pcr_pid } else { 0x1fff },
            &streams,
        );
        let mut packets = vec![pat(&[(1, 0x1000)]), map];
        if self.others {
            packets[0] = pat(&[(1, 0x1000), (2, 0x1001)]);
            packets.push(pmt(0x1001, 2, 0x200, &[(0x200, 0x1b, &[])]));
        }
        for mut packet in packets {
            let pid = Header::parse(&packet).pid;
            packet[3] = 0x10 | self.counter(pid);
            self.out.extend(packet);
        }
    }

    fn counter(&mut self, pid: u16) -> u8 {
        let counter = &mut self.counters[usize::from(pid)];
        *counter = (*counter + 1) & 15;
        *counter
    }

    /// Writes one unit.
    pub(super) fn unit(
        &mut self,
        pid: u16,
        mut data: &[u8],
        clock: Option<u64>,
        random_access: bool,
    ) {
        let mut start = true;
        while start || !data.is_empty() {
            let field = if start && (clock.is_some() || random_access) {
                pcr_field(clock, random_access)
            } else {
                vec![]
            };
            let room = 184 - if field.is_empty() { 0 } else { field.len() + 1 };
            let (now, later) = data.split_at(room.min(data.len()));
            let counter = self.counter(pid);
            self.out
                .extend(with_field(pid, start, counter, &field, now));
            (data, start) = (later, false);
        }
    }
}

/// Cuts `input`, given in slices of `slice` bytes.
pub(super) fn cut(input: &[u8], slice: usize) -> (Cutter, Vec<Chunk>) {
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut out = Vec::new();
    for part in input.chunks(slice.max(1)) {
        cutter.push(part, &mut out);
    }
    cutter.finish(&mut out);
    (cutter, out)
}

/// All bytes of the chunks.
pub(super) fn joined(chunks: &[Chunk]) -> Vec<u8> {
    chunks
        .iter()
        .flat_map(|chunk| chunk.data.to_vec())
        .collect()
}

/// PIDs in these packets, in order.
pub(super) fn pids(data: &[u8]) -> Vec<u16> {
    let all: BTreeSet<u16> = data
        .as_chunks::<PACKET>()
        .0
        .iter()
        .map(|p| Header::parse(p).pid)
        .collect();
    all.into_iter().collect()
}
