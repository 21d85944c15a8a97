//! Takes the elementary streams of a transport stream apart into the units that its PES packets hold.

use std::collections::VecDeque;

use super::aligner::Aligner;
use super::codec::{Codec, Kind, resolve};
use super::continuity::Follows;
use super::es::sniffer::starts_decoding;
use super::packet::{Header, Packet};
use super::pes::Pes;
use super::psi::Psi;
use super::stats::Stats;
use super::{Listed, PACKET};

/// Most elementary streams that are taken apart.
const MOST_STREAMS: usize = 32;
/// Largest unit; what goes on beyond it is dropped.
const MOST_UNIT: usize = 16 << 20;

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The streams of the chosen programme that carry pictures or sound, in the order of its map.
    Streams(Vec<Stream>),
    /// A unit of the stream with this index in the newest list.
    Unit(usize, Piece),
}

/// An elementary stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) codec: Codec,
    pub(crate) listed: Listed,
}

/// The content of one PES packet; one that has no time of its own belongs to the one before.
#[derive(Debug)]
pub(crate) struct Piece {
    /// 33 bits at 90 kHz.
    pub(crate) pts: u64,
    pub(crate) dts: u64,
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
}

struct Line {
    pid: u16,
    codec: Codec,
    counter: Option<u8>,
    /// The unit under way, and how many bytes of its PES packet are missing if that is known.
    unit: Option<Piece>,
    missing: Option<usize>,
}

/// See the module's page. Holds one unit of each stream.
#[derive(Default)]
pub(crate) struct Units {
    aligner: Aligner,
    psi: Psi,
    stats: Stats,
    lines: Vec<Line>,
    found: VecDeque<Found>,
}

impl Units {
    /// The next thing found, taking bytes from the front of `data`; `None` when more are needed.
    pub(crate) fn next(&mut self, data: &mut &[u8]) -> Option<Found> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Some(found);
            }
            // One packet at a time, so that no more is found than is taken away.
            let mut first = &data[..data.len().min(PACKET)];
            let before = first.len();
            let mut aligner = std::mem::take(&mut self.aligner);
            let mut any = false;
            while let Some(run) = aligner.next(&mut first, &mut self.stats) {
                any = true;
                for packet in run.as_chunks::<PACKET>().0 {
                    self.packet(packet);
                }
            }
            self.aligner = aligner;
            *data = &data[before - first.len()..];
            if data.is_empty() && !any && self.found.is_empty() {
                return None;
            }
        }
    }

    /// No more comes of what is under way: it is found as it is.
    pub(crate) fn flush(&mut self) {
        let rest = self.aligner.finish(&mut self.stats);
        for packet in rest.as_chunks::<PACKET>().0 {
            self.packet(packet);
        }
        for index in 0..self.lines.len() {
            self.lines[index].counter = None;
            self.complete(index);
        }
        self.psi.reset_assembly();
    }

    fn packet(&mut self, packet: &Packet) {
        let header = Header::parse(packet);
        if header.error {
            return;
        }
        if self.psi.wants(header.pid) {
            if self
                .psi
                .push(&header, packet, Follows::Yes, &mut self.stats)
            {
                self.on_map();
            }
            return;
        }
        let Some(index) = self.lines.iter().position(|line| line.pid == header.pid) else {
            return;
        };
        let Some(payload) = header.clear_payload(packet) else {
            return;
        };
        let line = &mut self.lines[index];
        let last = line.counter.replace(header.counter);
        if last == Some(header.counter) {
            return; // sent twice
        }
        let gap = last.is_some_and(|last| (last + 1) & 0x0f != header.counter);
        if header.start {
            self.start(index, &header, payload);
        } else if gap && !header.discontinuity {
            // A unit with a hole in it is no use; what follows has no head.
            line.unit = None;
        } else {
            self.append(index, payload);
        }
    }

    fn start(&mut self, index: usize, header: &Header, payload: &[u8]) {
        let pes = Pes::parse(payload, 0);
        let timed = pes.is_some_and(|pes| pes.pts.is_some());
        if timed {
            self.complete(index);
        }
        let line = &mut self.lines[index];
        let Some(pes) = pes else {
            line.unit = None;
            return;
        };
        let es = payload.get(pes.es..).unwrap_or_default();
        let length = usize::from(payload[4]) << 8 | usize::from(payload[5]);
        line.missing = (length > 0).then(|| (length + 6).saturating_sub(pes.es));
        if let (Some(pts), Some(dts)) = (pes.pts, pes.decode_time()) {
            line.unit = Some(Piece {
                pts: pts.value,
                dts,
                key: header.random_access,
                data: Vec::new(),
            });
        }
        self.append(index, es);
    }

    fn append(&mut self, index: usize, mut payload: &[u8]) {
        let line = &mut self.lines[index];
        let Some(unit) = &mut line.unit else { return };
        if let Some(missing) = &mut line.missing {
            payload = &payload[..payload.len().min(*missing)];
            *missing -= payload.len();
        }
        let room = MOST_UNIT.saturating_sub(unit.data.len());
        unit.data
            .extend_from_slice(&payload[..payload.len().min(room)]);
        // A packet of video may be followed by one without a time that goes on with it.
        if line.missing == Some(0) && line.codec.kind() != Kind::Video {
            self.complete(index);
        }
    }

    fn complete(&mut self, index: usize) {
        let line = &mut self.lines[index];
        let Some(mut unit) = line.unit.take().filter(|unit| !unit.data.is_empty()) else {
            return;
        };
        if line.codec.kind() == Kind::Video {
            unit.key = starts_decoding(line.codec, &unit.data).unwrap_or(unit.key);
        }
        self.found.push_back(Found::Unit(index, unit));
    }

    fn on_map(&mut self) {
        let Some(pmt) = self.psi.programme() else {
            return;
        };
        let streams: Vec<Stream> = (pmt.streams.iter())
            .map(|stream| Stream {
                codec: resolve(stream.coding, &stream.descriptors),
                listed: Listed {
                    pid: stream.pid,
                    stream_type: stream.coding,
                    descriptors: stream.descriptors.clone(),
                },
            })
            .filter(|stream| matches!(stream.codec.kind(), Kind::Video | Kind::Audio))
            .take(MOST_STREAMS)
            .collect();
        for index in 0..self.lines.len() {
            self.complete(index);
        }
        self.lines = (streams.iter())
            .map(|stream| Line {
                pid: stream.listed.pid,
                codec: stream.codec,
                counter: None,
                unit: None,
                missing: None,
            })
            .collect();
        self.found.push_back(Found::Streams(streams));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::Feed;

    fn found(input: &[u8], slice: usize) -> Vec<(usize, u64, u64, bool, usize)> {
        let mut units = Units::default();
        let mut out = Vec::new();
        let mut take = |found| match found {
            Found::Unit(index, unit) => {
                out.push((index, unit.dts, unit.pts, unit.key, unit.data.len()));
            }
            Found::Streams(streams) => assert_eq!(streams.len(), 2),
        };
        for mut part in input.chunks(slice) {
            while let Some(one) = units.next(&mut part) {
                take(one);
            }
        }
        units.flush();
        while let Some(one) = units.next(&mut &[][..]) {
            take(one);
        }
        out
    }

    #[test]
    fn every_unit_once_in_any_slicing() {
        let input = Feed::default().play(900_000, 50);
        let whole = found(&input, input.len());
        assert_eq!(whole.len(), 100);
        assert_eq!(whole.iter().filter(|unit| unit.0 == 0 && unit.3).count(), 2);
        let video = whole.iter().find(|unit| unit.0 == 0).unwrap();
        assert_eq!((video.1, video.2), (945_000, 952_200));
        for slice in [1, 100, 188, 5000] {
            assert_eq!(found(&input, slice), whole, "{slice}");
        }
    }
}
