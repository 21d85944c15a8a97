//! Holds packets back at the start of a new timeline until each track has spoken, so that one
//! offset can be chosen which suits them all.

use super::PACKET;
use super::clock::{SECOND, distance};
use super::packet::Header;
use super::pes::Pes;
use super::stitcher::{Class, First, Line, Stitcher};

/// Most packets held: 192 KB, which a keyframe of a common size leaves room in.
const MOST: usize = 1024;
/// Stop waiting for tracks that are silent while another one has gone on this far.
const PATIENCE: i64 = SECOND / 2;

/// Packets of a timeline that has no offset yet.
pub(super) struct Settle {
    held: Vec<u8>,
    /// How far the first stamp jumped; `None` when the break was announced.
    jump: Option<i64>,
    expected: usize,
    firsts: Vec<First>,
    done: bool,
}

impl Settle {
    /// `expected` lines of stamps had been alive before the break.
    pub(super) fn new(jump: Option<i64>, expected: usize) -> Self {
        Self {
            held: Vec::new(),
            jump,
            expected,
            firsts: Vec::new(),
            done: false,
        }
    }

    /// Holds a run of packets and notes the first stamps in them. `class` tells which PIDs count.
    pub(super) fn push(
        &mut self,
        run: &[u8],
        stitcher: &Stitcher,
        class: impl Fn(u16, Option<u8>) -> Option<Class>,
    ) {
        self.held.extend_from_slice(run);
        for packet in run.as_chunks::<PACKET>().0 {
            let header = Header::parse(packet);
            if self.done || header.error {
                continue;
            }
            if let Some(pcr) = header.pcr
                && class(header.pid, None).is_some()
            {
                self.note(
                    Line {
                        pid: header.pid,
                        class: Class::Clock,
                    },
                    pcr,
                    pcr,
                    stitcher,
                );
            }
            if !header.start {
                continue;
            }
            let pes = header
                .clear_payload(packet)
                .and_then(|payload| Pes::parse(payload, 0));
            if let Some(pes) = pes
                && let Some(class) = class(header.pid, Some(pes.stream_id))
                && let (Some(at), Some(pts)) = (pes.decode_time(), pes.pts)
            {
                self.note(
                    Line {
                        pid: header.pid,
                        class,
                    },
                    at,
                    pts.value,
                    stitcher,
                );
            }
        }
        self.done |= self.held.len() >= MOST * PACKET;
    }

    /// Whether the offset can be chosen now.
    pub(super) fn done(&self) -> bool {
        self.done
    }

    /// The held packets and the first stamps among them.
    pub(super) fn into_parts(self) -> (Vec<u8>, Vec<First>) {
        (self.held, self.firsts)
    }

    fn note(&mut self, line: Line, at: u64, pts: u64, stitcher: &Stitcher) {
        if self
            .jump
            .is_some_and(|jump| !stitcher.jumped(line, at, jump))
        {
            return; // late, of the old timeline
        }
        if let Some(first) = self.firsts.iter().find(|first| first.line == line) {
            self.done |= distance(first.at, at).abs() > PATIENCE;
        } else {
            self.firsts.push(First { line, at, pts });
            self.done |= self.firsts.len() >= self.expected;
        }
    }
}
