//! Passes on some tracks of a feed, with tables that list just these.

use bytes::Bytes;

use super::packet::{self, Header, PAT_PID, Packet};
use super::section::{Assembler, Section, packetize, seal};
use super::{Chunk, Keyframe, PACKET, Tracks};

/// Makes a filter that passes the tracks of `want` (PIDs; those that the programme does not have
/// are ignored), the programme's clock, and tables that list one programme with these tracks.
///
/// It goes with these tracks: when others are published, make a new one.
pub fn select(tracks: &Tracks, want: &[u16]) -> Filter {
    let listed = tracks.tracks.iter().map(|track| track.pid);
    Filter {
        program: tracks.program,
        pcr_pid: tracks.pcr_pid,
        keep: listed.filter(|pid| want.contains(pid)).collect(),
        pat: Table::new(PAT_PID),
        pmt: Table::new(tracks.pmt_pid),
    }
}

/// See [`select`].
#[derive(Debug)]
pub struct Filter {
    program: u16,
    pcr_pid: u16,
    keep: Vec<u16>,
    pat: Table,
    pmt: Table,
}

/// A table that is written anew where the old one stood.
#[derive(Debug)]
struct Table {
    pid: u16,
    assembler: Assembler,
    /// Counter of the packet written last.
    counter: Option<u8>,
}

#[derive(PartialEq, Eq)]
enum Fate {
    Pass,
    Pat,
    Pmt,
    /// Its clock alone is of use.
    Clock,
    Drop,
}

impl Filter {
    /// The chunk with the chosen tracks only: the same bytes by reference when there is nothing to
    /// take out, else a copy, which may be empty.
    pub fn apply(&mut self, chunk: &Chunk) -> Chunk {
        let keyframe = chunk
            .keyframe
            .as_ref()
            .map(|keyframe| self.keyframe(keyframe));
        if chunk.discontinuity {
            self.pat.assembler.reset();
            self.pmt.assembler.reset();
        }
        let (packets, _) = chunk.data.as_chunks::<PACKET>();
        let data = if packets
            .iter()
            .all(|packet| self.fate(&Header::parse(packet)) == Fate::Pass)
        {
            chunk.data.clone()
        } else {
            let mut out = Vec::with_capacity(chunk.data.len());
            for packet in packets {
                self.pass(packet, &mut out);
            }
            out.into()
        };
        Chunk {
            data,
            keyframe,
            ..chunk.clone()
        }
    }

    fn fate(&self, header: &Header) -> Fate {
        if self.keep.contains(&header.pid) {
            Fate::Pass
        } else if header.pid == PAT_PID {
            Fate::Pat
        } else if header.pid == self.pmt.pid {
            Fate::Pmt
        } else if header.pid == self.pcr_pid && header.pcr.is_some() && !header.error {
            Fate::Clock
        } else {
            Fate::Drop
        }
    }

    fn pass(&mut self, packet: &Packet, out: &mut Vec<u8>) {
        let header = Header::parse(packet);
        match self.fate(&header) {
            Fate::Pass => out.extend_from_slice(packet),
            Fate::Clock => {
                let mut packet = *packet;
                packet::strip_payload(&mut packet, header.payload);
                packet::write_counter(&mut packet, 0);
                out.extend_from_slice(&packet);
            }
            Fate::Pat => {
                let (program, pmt_pid) = (self.program, self.pmt.pid);
                self.pat.rewrite(&header, packet, out, |section| {
                    pat(section, program, pmt_pid)
                });
            }
            Fate::Pmt => {
                let (program, keep) = (self.program, &self.keep);
                self.pmt
                    .rewrite(&header, packet, out, |section| pmt(section, program, keep));
            }
            Fate::Drop => {}
        }
    }

    /// The tables for a joiner. Their counters are those that the feed's have now, so that the
    /// next ones follow on.
    fn keyframe(&mut self, keyframe: &Keyframe) -> Keyframe {
        let mut filter = Self {
            keep: self.keep.clone(),
            pat: Table::new(PAT_PID),
            pmt: Table::new(self.pmt.pid),
            ..*self
        };
        let mut psi = Vec::with_capacity(keyframe.psi.len());
        for packet in keyframe.psi.as_chunks::<PACKET>().0 {
            filter.pass(packet, &mut psi);
        }
        for (table, new) in [(&mut self.pat, &filter.pat), (&mut self.pmt, &filter.pmt)] {
            if let (Some(counter), Some(last)) = (table.counter, new.counter) {
                let shift = counter.wrapping_sub(last);
                for packet in psi.as_chunks_mut::<PACKET>().0 {
                    let header = Header::parse(packet);
                    if header.pid == table.pid {
                        packet::write_counter(packet, header.counter.wrapping_add(shift));
                    }
                }
            } else {
                table.counter = new.counter;
            }
        }
        Keyframe {
            psi: Bytes::from(psi),
            pts: keyframe.pts,
        }
    }
}

impl Table {
    fn new(pid: u16) -> Self {
        Self {
            pid,
            assembler: Assembler::default(),
            counter: None,
        }
    }

    fn rewrite(
        &mut self,
        header: &Header,
        packet: &Packet,
        out: &mut Vec<u8>,
        change: impl Fn(&Section<'_>) -> Option<Vec<u8>>,
    ) {
        let (pid, counter) = (self.pid, &mut self.counter);
        self.assembler.push(header, packet, |section| {
            if let Some(section) = change(&section) {
                let counter = counter.get_or_insert(header.counter.wrapping_sub(1) & 0x0f);
                packetize(pid, &section, counter, out);
            }
        });
    }
}

/// A PAT with the one programme, in place of the first section of the whole one.
fn pat(section: &Section<'_>, program: u16, pmt_pid: u16) -> Option<Vec<u8>> {
    if section.table_id != 0 || !section.current || section.bytes[6] != 0 {
        return None;
    }
    let mut new = section.bytes[..8].to_vec();
    new[7] = 0; // last_section_number
    new.extend_from_slice(&program.to_be_bytes());
    new.extend_from_slice(&(0xe000 | pmt_pid).to_be_bytes());
    seal(&mut new);
    Some(new)
}

/// The programme's map with the entries of `keep`; their descriptors stay as they are.
fn pmt(section: &Section<'_>, program: u16, keep: &[u16]) -> Option<Vec<u8>> {
    if section.table_id != 2 || !section.current || section.extension != program {
        return None;
    }
    let body = section.body();
    let info = 4 + (usize::from(body.get(2)? & 0x0f) << 8 | usize::from(*body.get(3)?));
    let (head, mut rest) = body.split_at_checked(info)?;
    let mut new = [&section.bytes[..8], head].concat();
    while let Some(entry) = rest.first_chunk::<5>() {
        let length = 5 + (usize::from(entry[3] & 0x0f) << 8 | usize::from(entry[4]));
        let (whole, after) = rest.split_at_checked(length)?;
        if keep.contains(&u16::from_be_bytes([entry[1] & 0x1f, entry[2]])) {
            new.extend_from_slice(whole);
        }
        rest = after;
    }
    seal(&mut new);
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::{Feed, cut, pids};
    use crate::ts::{Cutter, CutterOptions};

    fn filtered(input: &[u8], want: &[u16]) -> (Vec<Chunk>, Vec<Chunk>) {
        let mut cutter = Cutter::new(CutterOptions::default());
        let mut chunks = Vec::new();
        cutter.push(input, &mut chunks);
        cutter.finish(&mut chunks);
        let mut filter = select(cutter.tracks().unwrap(), want);
        let out = chunks.iter().map(|chunk| filter.apply(chunk)).collect();
        (chunks, out)
    }

    #[test]
    fn only_the_chosen_tracks_are_left_and_the_tables_say_so() {
        let feed = Feed {
            audio: vec![0x101, 0x102],
            ..Feed::default()
        }
        .play(0, 100);
        let (chunks, out) = filtered(&feed, &[0x102, 0x777]);
        let bytes: Vec<u8> = out.iter().flat_map(|chunk| chunk.data.to_vec()).collect();
        assert_eq!(pids(&bytes), [0, 0x100, 0x102, 0x1000]);
        // Of the PCR PID only clocks are left.
        for packet in bytes.as_chunks::<PACKET>().0 {
            let header = Header::parse(packet);
            assert!(
                header.pid != 0x100 || (header.pcr.is_some() && !header.steps && !header.malformed)
            );
        }
        // A reader of it sees one track and no error.
        let (cutter, _) = cut(&bytes, 4096);
        let tracks = cutter.tracks().unwrap();
        assert_eq!(
            tracks.tracks.iter().map(|t| t.pid).collect::<Vec<_>>(),
            [0x102]
        );
        assert_eq!(
            (
                tracks.pcr_pid,
                cutter.stats().continuity_errors,
                cutter.stats().table_errors
            ),
            (0x100, 0, 0)
        );
        // So does a joiner at any keyframe.
        for (index, chunk) in out.iter().enumerate() {
            let Some(keyframe) = &chunk.keyframe else {
                continue;
            };
            let rest = out[index..].iter().flat_map(|chunk| chunk.data.to_vec());
            let joined: Vec<u8> = keyframe.psi.iter().copied().chain(rest).collect();
            let (cutter, _) = cut(&joined, 4096);
            assert_eq!(cutter.stats().continuity_errors, 0);
            assert_eq!(pids(&keyframe.psi), [0, 0x1000]);
        }
        assert_eq!(chunks.len(), out.len());
        assert!(
            chunks
                .iter()
                .zip(&out)
                .all(|(a, b)| a.clock == b.clock && a.discontinuity == b.discontinuity)
        );
    }

    #[test]
    fn nothing_to_take_out_means_no_copy() {
        let feed = Feed::default().play(0, 200);
        let (chunks, out) = filtered(&feed, &[0x100, 0x101]);
        let same = chunks
            .iter()
            .zip(&out)
            .filter(|(a, b)| a.data.as_ptr() == b.data.as_ptr())
            .count();
        assert!(same > 0 && same < chunks.len());
        let bytes = |chunks: &[Chunk]| {
            chunks
                .iter()
                .flat_map(|chunk| chunk.data.to_vec())
                .collect::<Vec<_>>()
        };
        assert!(bytes(&chunks) == bytes(&out));
    }

    #[test]
    fn of_several_programmes_one_is_left() {
        let feed = Feed {
            others: true,
            ..Feed::default()
        }
        .play(0, 60);
        let (_, out) = filtered(&feed, &[0x100, 0x101]);
        let bytes: Vec<u8> = out.iter().flat_map(|chunk| chunk.data.to_vec()).collect();
        assert_eq!(pids(&bytes), [0, 0x100, 0x101, 0x1000]);
    }
}
