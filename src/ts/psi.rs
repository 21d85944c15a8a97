//! PAT and PMT: which programme the feed shows, and the raw packets that a joiner needs
//! (ISO/IEC 13818-1, 2.4.4.3 to 2.4.4.9).

use bytes::Bytes;

use super::codec::{Kind, resolve};
use super::continuity::Follows;
use super::packet::{FIRST_FREE_PID, Header, NULL_PID, PAT_PID, Packet};
use super::section::{Assembler, Section};
use super::stats::Stats;

/// Most programmes of a multiplex that are looked at.
const MOST_PROGRAMS: usize = 64;
/// Most elementary streams of a programme; what a PMT of 1,021 bytes can list is about 200.
const MOST_STREAMS: usize = 64;
const PAT_TABLE: u8 = 0x00;
const PMT_TABLE: u8 = 0x02;

/// One elementary stream as the PMT lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) pid: u16,
    /// `stream_type`.
    pub(super) coding: u8,
    pub(super) descriptors: Vec<u8>,
}

/// A programme map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pmt {
    pub(super) program: u16,
    pub(super) pid: u16,
    pub(super) pcr_pid: u16,
    pub(super) streams: Vec<Stream>,
}

struct Known {
    pmt: Pmt,
    section: Vec<u8>,
    packets: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Program {
    number: u16,
    pid: u16,
}

/// Reads the tables and chooses the programme: the first in PAT order that has video, else the
/// first with audio, else the first. The choice waits until every map is known or one of them
/// comes round again, and holds for as long as the PAT lists the programme.
#[derive(Default)]
pub(super) struct Psi {
    pat: Assembler,
    pat_section: Vec<u8>,
    pat_packets: Vec<u8>,
    programs: Vec<Program>,
    maps: Vec<(u16, Assembler)>,
    known: Vec<Known>,
    chosen: Option<Program>,
}

impl Psi {
    /// Whether packets of this PID are of interest.
    pub(super) fn wants(&self, pid: u16) -> bool {
        pid == PAT_PID
            || match self.chosen {
                Some(program) => program.pid == pid,
                None => self.maps.iter().any(|(map, _)| *map == pid),
            }
    }

    /// Reads a packet; `true` when the chosen programme or its map has changed.
    pub(super) fn push(
        &mut self,
        header: &Header,
        packet: &Packet,
        follows: Follows,
        stats: &mut Stats,
    ) -> bool {
        if follows == Follows::Duplicate {
            return false;
        }
        if header.pid == PAT_PID {
            let mut pat = std::mem::take(&mut self.pat);
            if follows == Follows::Gap {
                pat.reset();
            }
            let mut changed = false;
            stats.table_errors +=
                pat.push(header, packet, |section| changed |= self.on_pat(section));
            self.pat = pat;
            return changed;
        }
        let Some(index) = self.maps.iter().position(|(pid, _)| *pid == header.pid) else {
            return false;
        };
        let mut map = std::mem::take(&mut self.maps[index].1);
        if follows == Follows::Gap {
            map.reset();
        }
        let mut changed = false;
        stats.table_errors += map.push(header, packet, |section| {
            changed |= self.on_pmt(header.pid, section);
        });
        self.maps[index].1 = map;
        changed
    }

    /// Sections under way end here: the next packet is another source's.
    pub(super) fn reset_assembly(&mut self) {
        self.pat.reset();
        for (_, map) in &mut self.maps {
            map.reset();
        }
    }

    /// The chosen programme's map.
    pub(super) fn programme(&self) -> Option<&Pmt> {
        self.entry().map(|known| &known.pmt)
    }

    /// Number and PID of the map of each programme that the PAT lists, at most 64.
    pub(super) fn listed(&self) -> impl ExactSizeIterator<Item = (u16, u16)> {
        self.programs.iter().map(|p| (p.number, p.pid))
    }

    /// Whether the multiplex has programmes besides the chosen one.
    pub(super) fn several(&self) -> bool {
        self.programs.len() > 1
    }

    /// The newest packets of PAT and PMT; empty until both are known.
    pub(super) fn packets(&self) -> Bytes {
        self.entry().map_or_else(Bytes::new, |known| {
            [&self.pat_packets[..], &known.packets].concat().into()
        })
    }

    fn entry(&self) -> Option<&Known> {
        let program = self.chosen?;
        self.known
            .iter()
            .find(|known| known.pmt.program == program.number)
    }

    fn on_pat(&mut self, section: Section<'_>) -> bool {
        if section.table_id != PAT_TABLE || !section.current {
            return false;
        }
        let listed: Vec<Program> = (section.body().as_chunks::<4>().0.iter())
            .map(|b| Program {
                number: u16::from_be_bytes([b[0], b[1]]),
                pid: u16::from_be_bytes([b[2] & 0x1f, b[3]]),
            })
            .filter(|program| {
                program.number != 0 && (FIRST_FREE_PID..NULL_PID).contains(&program.pid)
            })
            .collect();
        // Of a PAT in several sections, the one to keep is that which lists the chosen programme.
        if self.chosen.is_none_or(|program| listed.contains(&program)) || section.last == 0 {
            self.pat_packets.clear();
            self.pat_packets.extend_from_slice(section.packets);
        }
        if section.last == 0 {
            if section.bytes == self.pat_section {
                return false;
            }
            self.programs.clear();
        }
        self.pat_section.clear();
        self.pat_section.extend_from_slice(section.bytes);
        for program in listed {
            if let Some(old) = self
                .programs
                .iter_mut()
                .find(|old| old.number == program.number)
            {
                *old = program;
            } else if self.programs.len() < MOST_PROGRAMS {
                self.programs.push(program);
            }
        }
        let programs = &self.programs;
        self.known.retain(|known| {
            programs.contains(&Program {
                number: known.pmt.program,
                pid: known.pmt.pid,
            })
        });
        self.maps
            .retain(|(pid, _)| programs.iter().any(|program| program.pid == *pid));
        for program in programs {
            if !self.maps.iter().any(|(pid, _)| *pid == program.pid) {
                self.maps.push((program.pid, Assembler::default()));
            }
        }
        if self
            .chosen
            .is_some_and(|program| !self.programs.contains(&program))
        {
            self.chosen = None;
        }
        false
    }

    fn on_pmt(&mut self, pid: u16, section: Section<'_>) -> bool {
        let program = Program {
            number: section.extension,
            pid,
        };
        if section.table_id != PMT_TABLE || !section.current || !self.programs.contains(&program) {
            return false;
        }
        let mut repeated = false;
        let mut changed = self.chosen == Some(program);
        if let Some(known) = self
            .known
            .iter_mut()
            .find(|known| known.pmt.program == program.number)
        {
            known.packets.clear();
            known.packets.extend_from_slice(section.packets);
            repeated = known.section == section.bytes;
            if repeated {
                changed = false;
            } else if let Some(pmt) = Pmt::parse(pid, &section) {
                known.pmt = pmt;
                known.section = section.bytes.to_vec();
            }
        } else if let Some(pmt) = Pmt::parse(pid, &section) {
            self.known.push(Known {
                pmt,
                section: section.bytes.to_vec(),
                packets: section.packets.to_vec(),
            });
        }
        if self.chosen.is_none() && (repeated || self.known.len() == self.programs.len()) {
            self.choose();
            return self.chosen.is_some();
        }
        changed
    }

    fn choose(&mut self) {
        let has = |program: &Program, kind| {
            self.known
                .iter()
                .any(|known| known.pmt.program == program.number && known.pmt.has(kind))
        };
        let first = |kind| self.programs.iter().find(|program| has(program, kind));
        let any = || {
            self.programs
                .iter()
                .find(|p| self.known.iter().any(|known| known.pmt.program == p.number))
        };
        self.chosen = first(Kind::Video)
            .or_else(|| first(Kind::Audio))
            .or_else(any)
            .copied();
    }
}

impl Pmt {
    pub(super) fn parse(pid: u16, section: &Section<'_>) -> Option<Self> {
        let (head, rest) = section.body().split_first_chunk::<4>()?;
        let pcr_pid = u16::from_be_bytes([head[0] & 0x1f, head[1]]);
        let mut rest = rest.get(length12(head[2], head[3])..)?;
        let mut streams: Vec<Stream> = Vec::new();
        while let Some((entry, after)) = rest.split_first_chunk::<5>() {
            let info = length12(entry[3], entry[4]).min(after.len());
            let (descriptors, after) = after.split_at(info);
            rest = after;
            let stream = Stream {
                pid: u16::from_be_bytes([entry[1] & 0x1f, entry[2]]),
                coding: entry[0],
                descriptors: descriptors.to_vec(),
            };
            let usable = (FIRST_FREE_PID..NULL_PID).contains(&stream.pid)
                && stream.pid != pid
                && streams.iter().all(|other| other.pid != stream.pid);
            if usable && streams.len() < MOST_STREAMS {
                streams.push(stream);
            }
        }
        Some(Self {
            program: section.extension,
            pid,
            pcr_pid,
            streams,
        })
    }

    fn has(&self, kind: Kind) -> bool {
        self.streams
            .iter()
            .any(|stream| resolve(stream.coding, &stream.descriptors).kind() == kind)
    }
}

/// A 12-bit length after four reserved bits.
fn length12(high: u8, low: u8) -> usize {
    usize::from(high & 0x0f) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::PACKET;
    use crate::ts::testing::{pat, pmt};

    fn feed(psi: &mut Psi, packets: &[u8]) -> Vec<bool> {
        let mut stats = Stats::default();
        (packets.as_chunks::<PACKET>().0.iter())
            .map(|p| psi.push(&Header::parse(p), p, Follows::Yes, &mut stats))
            .collect()
    }

    #[test]
    fn one_programme_is_chosen_at_once_and_followed() {
        let mut psi = Psi::default();
        let (a, b) = (
            pat(&[(1, 0x1000)]),
            pmt(0x1000, 1, 0x100, &[(0x100, 0x1b, &[])]),
        );
        assert_eq!(
            feed(&mut psi, &[a, b, a, b].concat()),
            [false, true, false, false]
        );
        assert_eq!(psi.packets(), [a, b].concat());
        let changed = pmt(0x1000, 1, 0x100, &[(0x100, 0x1b, &[]), (0x101, 0x0f, &[])]);
        assert_eq!(feed(&mut psi, &changed), [true]);
        assert_eq!(psi.programme().unwrap().streams.len(), 2);
        // The programme moves to another PID.
        assert_eq!(
            feed(&mut psi, &[pat(&[(1, 0x1001)]), b].concat()),
            [false, false]
        );
        assert!(psi.programme().is_none() && psi.packets().is_empty());
        assert_eq!(
            feed(&mut psi, &pmt(0x1001, 1, 0x100, &[(0x100, 0x1b, &[])])),
            [true]
        );
    }

    #[test]
    fn programme_with_video_goes_first() {
        let mut psi = Psi::default();
        let tables = [
            pat(&[(0, 0x10), (7, 0x70), (8, 0x80), (9, 0x90)]),
            pmt(0x70, 7, 0x71, &[(0x71, 0x0f, &[])]),
            pmt(0x90, 9, 0x91, &[(0x91, 0x1b, &[])]),
            pmt(0x80, 8, 0x81, &[(0x81, 0x02, &[])]),
        ];
        assert_eq!(
            feed(&mut psi, &tables.concat()),
            [false, false, false, true]
        );
        assert_eq!(psi.programme().unwrap().program, 8);
        assert!(psi.several());
    }

    #[test]
    fn a_map_that_never_comes_is_not_waited_for() {
        let mut psi = Psi::default();
        let map = pmt(0x70, 7, 0x71, &[(0x71, 0x0f, &[])]);
        let changes = feed(&mut psi, &[pat(&[(6, 0x60), (7, 0x70)]), map, map].concat());
        assert_eq!(changes, [false, false, true]);
    }

    #[test]
    fn hostile_pids_are_left_out() {
        let mut psi = Psi::default();
        assert_eq!(feed(&mut psi, &pat(&[(1, 0), (2, 0x1fff)])), [false]);
        assert!(psi.programs.is_empty());
        feed(&mut psi, &pat(&[(1, 0x30)]));
        let map = pmt(
            0x30,
            1,
            0,
            &[
                (0, 0x1b, &[]),
                (0x30, 0x1b, &[]),
                (0x1fff, 0x0f, &[]),
                (0x40, 3, &[]),
                (0x40, 4, &[]),
            ],
        );
        assert_eq!(feed(&mut psi, &map), [true]);
        let pids: Vec<_> = psi
            .programme()
            .unwrap()
            .streams
            .iter()
            .map(|s| s.pid)
            .collect();
        assert_eq!(pids, [0x40]);
    }
}
