//! What can be wrong with the packets of a segment.

use super::super::origin::retime::shift;
use super::super::tsedit::{Mux, pid, pmt};
use super::super::tsscan::PACKET;
use super::clip::{Clip, Tracks};
use super::timeline::{Made, Part};

/// Of so many packets that could be missed without another fault, one is taken out: about ten a second.
const ONE_OF: usize = 151;
/// Stream type of H.264 (ISO/IEC 13818-1, table 2-34).
const H264: u8 = 0x1b;

/// What is done to the packets of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // independent of each other
pub struct Damage {
    /// Packets of the picture are missing.
    pub lossy: bool,
    /// All packets of the sound are missing.
    pub mute: bool,
    /// The sound is not named in the PMT either.
    pub unnamed: bool,
    /// All packets of the picture are missing but for its clock.
    pub blind: bool,
    /// The payload of picture and sound is scrambled, and marked as such.
    pub scrambled: bool,
}

impl Damage {
    /// Whether no packet of this PID counts any more.
    pub fn takes_away(self, pid: u16, tracks: Tracks) -> bool {
        self.mute && pid == tracks.audio || self.blind && pid == tracks.video
    }
}

/// The bytes of a segment.
pub fn render(made: &Made, clip: &Clip) -> Vec<u8> {
    let source = |part: &Part| &clip.piece(part.take, part.piece).bytes;
    let mut bytes = Vec::with_capacity(made.parts.iter().map(|part| source(part).len()).sum());
    for part in &made.parts {
        let from = bytes.len();
        bytes.extend_from_slice(source(part));
        shift(&mut bytes[from..], part.ticks, |pid| {
            let step = part.steps.iter().find(|(known, _)| *known == pid);
            step.map_or(0, |(_, step)| *step)
        });
    }
    if made.damage == Damage::default() {
        return bytes;
    }
    damaged(&bytes, made.damage, clip.tracks)
}

fn damaged(bytes: &[u8], damage: Damage, tracks: Tracks) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut plain = 0;
    // The counter stands still while nothing of the picture is left.
    let mut still = None;
    for packet in bytes.chunks_exact(PACKET) {
        let id = pid(packet);
        let (picture, sound) = (id == tracks.video, id == tracks.audio);
        let (starts, field) = (packet[1] & 0x40 != 0, packet[3] & 0x20 != 0);
        if picture && damage.blind {
            let last = *still.get_or_insert((packet[3] + 15) & 0x0f);
            out.extend(clock_alone(packet, last).into_iter().flatten());
            continue;
        }
        if sound && damage.mute {
            continue;
        }
        if picture && damage.lossy && !starts && !field {
            plain += 1;
            if plain % ONE_OF == 0 {
                continue;
            }
        }
        let from = out.len();
        if id == tracks.pmt && damage.unnamed && starts {
            let mut alone =
                Mux::default().packets(tracks.pmt, &[], &pmt(1, &[(tracks.video, H264)]));
            alone[3] = alone[3] & 0xf0 | packet[3] & 0x0f;
            out.extend_from_slice(&alone);
        } else {
            out.extend_from_slice(packet);
        }
        if damage.scrambled && (picture || sound) && packet[3] & 0x10 != 0 {
            scramble(&mut out[from..]);
        }
    }
    out
}

/// The packet without its payload, if it carries a clock.
fn clock_alone(packet: &[u8], counter: u8) -> Option<[u8; PACKET]> {
    if packet[3] & 0x20 == 0 || packet[4] < 7 || packet[5] & 0x10 == 0 {
        return None;
    }
    let mut alone = [0xff; PACKET];
    alone[..12].copy_from_slice(&packet[..12]);
    alone[1] &= 0x1f;
    alone[3] = 0x20 | counter;
    alone[4] = (PACKET - 5) as u8;
    alone[5] = 0x10;
    Some(alone)
}

/// Scrambled with the even key (2.4.3.3), by a cipher that nobody has.
fn scramble(packet: &mut [u8]) {
    let body = if packet[3] & 0x20 != 0 {
        5 + usize::from(packet[4])
    } else {
        4
    };
    packet[3] |= 0x80;
    let mut key: u32 = 0x5167_4854;
    for byte in packet.iter_mut().skip(body) {
        key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte ^= (key >> 24) as u8;
    }
}
