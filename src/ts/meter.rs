//! How fast tracks flow, told by their packets and stamps.

use super::clock::distance;
use super::packet::{Header, NULL_PID};
use super::pes::Pes;
use super::{PACKET, Ticks};

/// Most PIDs that are measured: a programme has at most 64 tracks.
const MOST: usize = 64;

/// Measures the elementary streams of a timeline without breaks, such as a cutter's. Bounded: a few
/// numbers for each of at most 64 PIDs.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    lines: Vec<Line>,
}

/// What was measured of one PID, from its first unit to the beginning of its newest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Media time, in ticks of 90 kHz.
    pub ticks: Ticks,
    /// Bits a second of the elementary stream with its PES headers.
    pub bits: f64,
    /// Units (of video: pictures) a second.
    pub units: f64,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    pid: u16,
    stream_id: u8,
    /// Decoding time of the first and the newest unit.
    first: u64,
    newest: u64,
    /// Bytes and units before the newest unit, and bytes since.
    bytes: u64,
    units: u64,
    open: u64,
}

impl Meter {
    /// Reads whole packets; what is left over is not read.
    pub fn push(&mut self, data: &[u8]) {
        for packet in data.as_chunks::<PACKET>().0 {
            let header = Header::parse(packet);
            let Some(payload) = header.clear_payload(packet) else {
                continue;
            };
            if header.pid == NULL_PID {
                continue;
            }
            let unit = || {
                let pes = Pes::parse(payload, 0)?;
                Some((pes.stream_id, pes.decode_time()?))
            };
            let starts = if header.start { unit() } else { None };
            let length = payload.len() as u64;
            if let Some(line) = self.lines.iter_mut().find(|line| line.pid == header.pid) {
                if let Some((_, time)) = starts {
                    line.begin(time);
                }
                line.open += length;
            } else if let Some((stream_id, time)) = starts
                && self.lines.len() < MOST
            {
                self.lines.push(Line {
                    pid: header.pid,
                    stream_id,
                    first: time,
                    newest: time,
                    bytes: 0,
                    units: 0,
                    open: length,
                });
            }
        }
    }

    /// Whether a unit of video has begun, as its stream id tells (ISO/IEC 13818-1, table 2-22).
    pub fn has_video(&self) -> bool {
        self.has(0xe0..=0xef)
    }

    /// Whether a unit of MPEG audio (AAC included) has begun, as its stream id tells.
    pub fn has_audio(&self) -> bool {
        self.has(0xc0..=0xdf)
    }

    fn has(&self, ids: std::ops::RangeInclusive<u8>) -> bool {
        self.lines.iter().any(|line| ids.contains(&line.stream_id))
    }

    /// What was measured of a PID; `None` before its second unit.
    pub fn rate(&self, pid: u16) -> Option<Rate> {
        let line = self.lines.iter().find(|line| line.pid == pid)?;
        let ticks = distance(line.first, line.newest);
        let ticks = u64::try_from(ticks).ok().filter(|ticks| *ticks > 0)?;
        let seconds = ticks as f64 / 90_000.0;
        Some(Rate {
            ticks,
            bits: line.bytes as f64 * 8.0 / seconds,
            units: line.units as f64 / seconds,
        })
    }
}

impl Line {
    fn begin(&mut self, time: u64) {
        if distance(self.newest, time) < 0 {
            return; // out of order: part of what came before
        }
        self.newest = time;
        self.bytes += std::mem::take(&mut self.open);
        self.units += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ts::testing::pes;

    fn packet(pid: u16, start: bool, payload: &[u8]) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let room = PACKET - 4;
        let mut packet = vec![0x47, high | if start { 0x40 } else { 0 }, low, 0x10];
        if payload.len() < room {
            let stuffing = room - payload.len();
            packet[3] = 0x30;
            packet.push(stuffing as u8 - 1);
            packet.resize(4 + stuffing, 0xff);
            if stuffing > 1 {
                packet[5] = 0;
            }
        }
        packet.extend(payload);
        packet
    }

    #[test]
    fn rates_of_pictures_over_the_wrap() {
        let mut meter = Meter::default();
        let mut time = (1u64 << 33) - 90_000;
        for _ in 0..51 {
            let unit = pes(0xe0, Some(time & ((1 << 33) - 1)), None, &[7; 100]);
            meter.push(&packet(0x100, true, &unit));
            meter.push(&packet(0x100, false, &[7; 184]));
            meter.push(&packet(0x101, false, &[7; 184]));
            time += 3600;
        }
        let rate = meter.rate(0x100).unwrap();
        assert_eq!((rate.ticks, rate.units), (50 * 3600, 25.0));
        let unit = f64::from(9 + 5 + 100 + 184);
        assert!((rate.bits - unit * 8.0 * 25.0).abs() < 1.0, "{rate:?}");
        assert_eq!(meter.rate(0x101), None, "no unit ever began");
    }

    proptest! {
        #[test]
        fn any_packets_give_sane_rates(data in prop::collection::vec(any::<u8>(), 0..PACKET * 8)) {
            let mut meter = Meter::default();
            meter.push(&data);
            for pid in 0..0x1fff {
                if let Some(rate) = meter.rate(pid) {
                    prop_assert!(rate.ticks > 0 && rate.bits.is_finite() && rate.units.is_finite());
                }
            }
        }
    }
}
