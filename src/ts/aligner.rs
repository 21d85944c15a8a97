//! Finds packet boundaries in bytes of any slicing.

use super::PACKET;
use super::packet::SYNC;
use super::stats::Stats;

/// Sync bytes that must stand in a row at the packet stride before a boundary is believed.
/// Four are wrong by chance once in 4 billion positions of random bytes.
const ROW: usize = 4;
/// Bytes from the first to the last sync byte of a row, inclusive.
const SPAN: usize = (ROW - 1) * PACKET + 1;
/// Most bytes that are gathered at a time while searching.
const SEARCH: usize = 16 * PACKET;

/// Cuts input into runs of whole packets. In sync, runs point into the input itself; only what
/// is left over between two inputs (less than a packet), or is searched through, is copied.
#[derive(Debug, Default)]
pub(super) struct Aligner {
    /// Bytes of earlier inputs, of which those before `head` have been handed out.
    kept: Vec<u8>,
    head: usize,
    synced: bool,
}

impl Aligner {
    /// The next run of whole packets, taking bytes from the front of `input`. `None` when all
    /// input is used up and the rest is less than a packet, or too little to decide on.
    pub(super) fn next<'s, 'a: 's>(
        &'s mut self,
        input: &mut &'a [u8],
        stats: &mut Stats,
    ) -> Option<&'s [u8]> {
        loop {
            if !self.synced {
                self.search(input, stats)?;
            }
            let kept = self.kept.len() - self.head;
            if kept == 0 {
                self.kept.clear();
                self.head = 0;
                let whole = input
                    .chunks_exact(PACKET)
                    .take_while(|p| p[0] == SYNC)
                    .count()
                    * PACKET;
                if whole > 0 {
                    let (run, rest) = input.split_at(whole);
                    *input = rest;
                    return Some(run);
                }
                let first = *input.first()?;
                if first == SYNC {
                    self.kept.extend_from_slice(input); // less than a packet
                    *input = &[];
                    return None;
                }
            } else if self.kept[self.head] == SYNC {
                let missing = PACKET.saturating_sub(kept);
                self.keep(missing, input);
                if self.kept.len() - self.head < PACKET {
                    return None;
                }
                let at = self.head;
                self.head += PACKET;
                return Some(&self.kept[at..at + PACKET]);
            }
            self.synced = false;
            stats.sync_losses += 1;
        }
    }

    /// Hands out what is left at the end of the input, believing fewer sync bytes in a row, and
    /// starts anew. The rest is dropped.
    pub(super) fn finish(&mut self, stats: &mut Stats) -> Vec<u8> {
        let mut rest = self.kept.split_off(self.head);
        *self = Self::default();
        let start = (0..rest.len()).find(|&at| row(&rest[at..], 1));
        let held = rest.len();
        rest.drain(..start.unwrap_or(held));
        rest.truncate(rest.len() / PACKET * PACKET);
        stats.skipped_bytes += (held - rest.len()) as u64;
        rest
    }

    /// Finds a row of sync bytes and drops what stands before it.
    fn search(&mut self, input: &mut &[u8], stats: &mut Stats) -> Option<()> {
        loop {
            self.kept.drain(..self.head);
            self.head = 0;
            let places = (self.kept.len() + 1).saturating_sub(SPAN);
            let found = (0..places).find(|&at| row(&self.kept[at..], ROW));
            self.head = found.unwrap_or(places);
            stats.skipped_bytes += self.head as u64;
            if found.is_some() {
                self.synced = true;
                return Some(());
            }
            if input.is_empty() {
                return None;
            }
            self.keep(SEARCH, input);
        }
    }

    fn keep(&mut self, most: usize, input: &mut &[u8]) {
        let (now, later) = input.split_at(most.min(input.len()));
        self.kept.extend_from_slice(now);
        *input = later;
    }
}

/// Whether sync bytes stand at the packet stride: as many as there is room for, up to [`ROW`],
/// and at least `least`.
fn row(data: &[u8], least: usize) -> bool {
    let mut places = data.iter().step_by(PACKET).take(ROW);
    places.len() >= least && places.all(|&b| b == SYNC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(n: u8) -> Vec<u8> {
        (0..n)
            .flat_map(|i| {
                let mut p = [i; PACKET];
                p[0] = SYNC;
                p
            })
            .collect()
    }

    fn run(input: &[u8], slice: usize) -> (Vec<u8>, Stats) {
        let (mut aligner, mut stats, mut out) = (Aligner::default(), Stats::default(), Vec::new());
        for mut part in input.chunks(slice.max(1)) {
            while let Some(run) = aligner.next(&mut part, &mut stats) {
                assert_eq!(run.len() % PACKET, 0);
                out.extend_from_slice(run);
            }
            assert!(aligner.kept.len() <= SEARCH + SPAN);
        }
        out.extend(aligner.finish(&mut stats));
        (out, stats)
    }

    #[test]
    fn clean_input_in_any_slicing() {
        let input = packets(40);
        for slice in [1, 7, 187, 188, 189, 1000, input.len()] {
            assert_eq!(
                run(&input, slice),
                (input.clone(), Stats::default()),
                "{slice}"
            );
        }
    }

    #[test]
    fn junk_before_and_between() {
        // Junk with sync bytes of its own, but none at the stride.
        let junk: Vec<u8> = (0..1000_u32)
            .map(|i| if i % 5 == 0 { SYNC } else { 0 })
            .collect();
        let mut input = junk.clone();
        input.extend(packets(10));
        input.extend(&junk[1..300]); // starts without a sync byte
        input.extend(packets(12));
        let mut want = packets(10);
        want.extend(packets(12));
        for slice in [1, 188, 777, input.len()] {
            let (out, stats) = run(&input, slice);
            assert_eq!(out, want, "{slice}");
            assert_eq!((stats.sync_losses, stats.skipped_bytes), (1, 1299));
        }
    }

    #[test]
    fn one_damaged_sync_byte_costs_one_packet() {
        let mut input = packets(20);
        input[5 * PACKET] = 0;
        let (out, stats) = run(&input, 100);
        assert_eq!(out.len(), 19 * PACKET);
        assert_eq!((stats.sync_losses, stats.skipped_bytes), (1, PACKET as u64));
    }

    #[test]
    fn nothing_but_junk_stays_small() {
        let (out, stats) = run(&vec![1; 1 << 20], 4000);
        assert!(out.is_empty());
        assert_eq!(stats.sync_losses, 0);
        assert!(stats.skipped_bytes > (1 << 20) - 1000);
    }

    #[test]
    fn short_inputs_come_out_at_the_end() {
        for n in 0..6 {
            let mut input = packets(n);
            input.extend_from_slice(&[SYNC; 50]);
            assert_eq!(run(&input, 33).0, packets(n));
        }
    }
}
