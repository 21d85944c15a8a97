//! A small TS referee (ISO/IEC 13818-1): what a player needs before it can show a picture, and
//! whether packets are missing. Written for the tests, apart from the product's own reader.

use std::collections::HashMap;

/// Bytes in a TS packet.
pub const PACKET: usize = 188;
/// Most bytes of a picture that are kept to classify it.
const UNIT_KEPT: usize = 1 << 20;
const NULL_PID: u16 = 0x1fff;

/// The coding of the video track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// H.264, stream type 0x1b.
    H264,
    /// HEVC, stream type 0x24.
    Hevc,
    /// MPEG-1 or MPEG-2 video, stream types 0x01 and 0x02.
    Mpeg2,
}

/// A whole picture that can be decoded with nothing before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keyframe {
    /// Its presentation time in 90 kHz ticks, when it has one.
    pub pts: Option<u64>,
    /// Pictures of the video track that came since the last keyframe (or the start).
    pub pictures_before: u64,
}

/// Reads a flow of TS bytes, cut anywhere.
#[derive(Debug, Default)]
pub struct TsScan {
    rest: Vec<u8>,
    pmt: Option<u16>,
    video: Option<(u16, Codec)>,
    counters: HashMap<u16, u8>,
    unit: Option<Unit>,
    pictures_before: u64,
    decoded_at: Option<u64>,
    decoded: u64,
    decoding: u64,
    longest_step: u64,
    /// Whole packets read.
    pub packets: u64,
    /// Bytes that stood where a sync byte should.
    pub sync_losses: u64,
    /// Packets missing by the continuity counter (2.4.3.3), where no discontinuity was signalled.
    pub continuity_errors: u64,
    /// Packets whose adaptation field signals a discontinuity.
    pub discontinuities: u64,
    /// Null packets that came before the first video packet.
    pub nulls_first: u64,
    /// Keyframes seen whole.
    pub keyframes: u64,
    /// Every PCR seen, in 27 MHz ticks, with the number of bytes before its packet.
    pub pcrs: Vec<(u64, u64)>,
}

#[derive(Debug)]
struct Unit {
    pts: Option<u64>,
    bytes: Vec<u8>,
}

impl TsScan {
    /// A scan at the start of a flow.
    pub fn new() -> Self {
        Self::default()
    }

    /// The coding of the video track, once the tables have named it.
    pub fn codec(&self) -> Option<Codec> {
        self.video.map(|(_, codec)| codec)
    }

    /// From the first PCR to the last, in seconds; 0 where they jump back.
    pub fn seconds(&self) -> f64 {
        let ends = self.pcrs.first().zip(self.pcrs.last());
        ends.map_or(0.0, |((first, _), (last, _))| {
            last.saturating_sub(*first) as f64 / 27e6
        })
    }

    /// The longest step from one picture's decoding time to the next, in seconds.
    pub fn longest_step(&self) -> f64 {
        self.longest_step as f64 / 90e3
    }

    /// How long the pictures last by their decoding times, the last one included, in seconds.
    pub fn video_seconds(&self) -> f64 {
        let steps = self.decoded.saturating_sub(1).max(1);
        self.decoding as f64 / 90e3 * self.decoded as f64 / steps as f64
    }

    /// Reads on; gives the keyframes that became whole. A picture is whole when the next begins.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Keyframe> {
        self.rest.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.rest);
        let mut found = Vec::new();
        let mut at = 0;
        while held.len() - at >= PACKET {
            if held[at] == 0x47 {
                self.packet(&held[at..at + PACKET], &mut found);
                at += PACKET;
            } else {
                self.sync_losses += 1;
                at += 1;
            }
        }
        self.rest = held[at..].to_vec();
        found
    }

    /// The end of the flow: the last picture is whole, too.
    pub fn finish(&mut self) -> Option<Keyframe> {
        self.close_unit()
    }

    fn packet(&mut self, packet: &[u8], found: &mut Vec<Keyframe>) {
        let before = self.packets * PACKET as u64;
        self.packets += 1;
        let starts = packet[1] & 0x40 != 0;
        let pid = u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
        if pid == NULL_PID {
            self.nulls_first += u64::from(self.unit.is_none() && self.keyframes == 0);
            return;
        }
        let adaptation = packet[3] & 0x20 != 0;
        let skipped = if adaptation {
            1 + usize::from(packet[4])
        } else {
            0
        };
        let flags = if skipped > 1 { packet[5] } else { 0 };
        if flags & 0x10 != 0 && skipped > 6 {
            self.pcrs.push((pcr(&packet[6..12]), before));
        }
        let payload = packet[3] & 0x10 != 0;
        self.count(pid, packet[3] & 0x0f, payload, flags & 0x80 != 0);
        let Some(body) = packet.get(4 + skipped..).filter(|_| payload) else {
            return;
        };
        if pid == 0 && starts {
            self.pmt = table(body).and_then(pmt_pid).or(self.pmt);
        } else if Some(pid) == self.pmt && starts {
            self.video = table(body).and_then(video_track).or(self.video);
        } else if self.video.is_some_and(|(video, _)| video == pid) {
            self.video_bytes(body, starts, found);
        }
    }

    fn count(&mut self, pid: u16, counter: u8, payload: bool, discontinuity: bool) {
        self.discontinuities += u64::from(discontinuity);
        let last = self.counters.insert(pid, counter);
        let Some(last) = last.filter(|_| !discontinuity) else {
            return;
        };
        let next = if payload { (last + 1) & 0x0f } else { last };
        // A packet may be sent twice.
        if counter != next && !(payload && counter == last) {
            self.continuity_errors += 1;
        }
    }

    fn video_bytes(&mut self, body: &[u8], starts: bool, found: &mut Vec<Keyframe>) {
        if starts {
            found.extend(self.close_unit());
            if let Some((pts, bytes)) = pes(body) {
                self.step(decoding_time(body).or(pts));
                let bytes = bytes.to_vec();
                self.unit = Some(Unit { pts, bytes });
            }
        } else if let Some(unit) = &mut self.unit {
            let room = UNIT_KEPT.saturating_sub(unit.bytes.len());
            unit.bytes.extend_from_slice(&body[..body.len().min(room)]);
        }
    }

    fn step(&mut self, at: Option<u64>) {
        let Some(at) = at else { return };
        self.decoded += 1;
        if let Some(before) = self.decoded_at.replace(at) {
            // Time stamps are 33 bits; a step back counts as the long step that it is to a player.
            let step = at.wrapping_sub(before) & ((1 << 33) - 1);
            self.longest_step = self.longest_step.max(step);
            self.decoding += step;
        }
    }

    fn close_unit(&mut self) -> Option<Keyframe> {
        let unit = self.unit.take()?;
        let (_, codec) = self.video?;
        if !decodable_alone(codec, &unit.bytes) {
            self.pictures_before += 1;
            return None;
        }
        self.keyframes += 1;
        let pictures_before = std::mem::take(&mut self.pictures_before);
        let pts = unit.pts;
        Some(Keyframe {
            pts,
            pictures_before,
        })
    }
}

fn pcr(field: &[u8]) -> u64 {
    let base = field[..4]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        << 1
        | u64::from(field[4] >> 7);
    base * 300 + (u64::from(field[4] & 1) << 8 | u64::from(field[5]))
}

/// The section behind the pointer field, without its CRC; only sections that fit in one packet.
fn table(body: &[u8]) -> Option<&[u8]> {
    let section = body.get(1 + usize::from(*body.first()?)..)?;
    let length = usize::from(*section.get(1)? & 0x0f) << 8 | usize::from(*section.get(2)?);
    section.get(..(3 + length).checked_sub(4)?)
}

fn pmt_pid(pat: &[u8]) -> Option<u16> {
    let mut programs = pat.get(8..)?.chunks_exact(4);
    let program = programs.find(|program| program[..2] != [0, 0])?;
    Some(u16::from(program[2] & 0x1f) << 8 | u16::from(program[3]))
}

fn video_track(pmt: &[u8]) -> Option<(u16, Codec)> {
    let skipped = usize::from(*pmt.get(10)? & 0x0f) << 8 | usize::from(*pmt.get(11)?);
    let mut tracks = pmt.get(12 + skipped..)?;
    while let [kind, pid_high, pid_low, info_high, info_low, ..] = *tracks {
        let codec = match kind {
            0x01 | 0x02 => Some(Codec::Mpeg2),
            0x1b => Some(Codec::H264),
            0x24 => Some(Codec::Hevc),
            _ => None,
        };
        if let Some(codec) = codec {
            return Some((u16::from(pid_high & 0x1f) << 8 | u16::from(pid_low), codec));
        }
        let info = usize::from(info_high & 0x0f) << 8 | usize::from(info_low);
        tracks = tracks.get(5 + info..)?;
    }
    None
}

/// The PTS and the payload of a PES packet's first bytes (2.4.3.6).
fn pes(body: &[u8]) -> Option<(Option<u64>, &[u8])> {
    if body.get(..3)? != [0, 0, 1] {
        return None;
    }
    let header = 9 + usize::from(*body.get(8)?);
    let pts = (body[7] & 0x80 != 0)
        .then(|| body.get(9..14))
        .flatten()
        .map(stamp);
    Some((pts, body.get(header..)?))
}

/// The DTS of a PES packet, where it has one of its own.
fn decoding_time(body: &[u8]) -> Option<u64> {
    (body[7] & 0xc0 == 0xc0)
        .then(|| body.get(14..19))
        .flatten()
        .map(stamp)
}

fn stamp(field: &[u8]) -> u64 {
    let part = |at: usize| u64::from(field[at]) << 7 | u64::from(field[at + 1] >> 1);
    u64::from(field[0] >> 1 & 7) << 30 | part(1) << 15 | part(3)
}

/// Whether a decoder can start at this picture: its parameters are with it and it refers to none
/// before it.
fn decodable_alone(codec: Codec, picture: &[u8]) -> bool {
    let mut has = [false; 256];
    let mut refreshes = false;
    for unit in start_codes(picture) {
        let kind = match codec {
            Codec::H264 => unit[0] & 0x1f,
            Codec::Hevc => unit[0] >> 1 & 0x3f,
            Codec::Mpeg2 => unit[0],
        };
        has[usize::from(kind)] = true;
        refreshes |= match codec {
            // An IDR slice, or an SEI message that begins with a recovery point.
            Codec::H264 => kind == 5 || kind == 6 && unit.get(1) == Some(&6),
            Codec::Hevc => (16..=21).contains(&kind),
            // A picture header whose coding type is I.
            Codec::Mpeg2 => kind == 0 && unit.get(2).is_some_and(|byte| byte >> 3 & 7 == 1),
        };
    }
    refreshes
        && match codec {
            Codec::H264 => has[7] && has[8],
            Codec::Hevc => has[33] && has[34],
            Codec::Mpeg2 => has[0xb3],
        }
}

/// The bytes behind each start code, to the end of the picture.
fn start_codes(picture: &[u8]) -> impl Iterator<Item = &[u8]> {
    picture
        .windows(3)
        .enumerate()
        .filter(|(_, window)| *window == [0, 0, 1])
        .filter_map(|(at, _)| picture.get(at + 3..))
        .filter(|rest| !rest.is_empty())
}
