//! Finds packet boundaries in bytes of any slicing.

use super::PACKET;
use super::packet::SYNC;
use super::stats::Stats;

/// Packet strides: plain; with a time stamp before each packet (M2TS); with Reed-Solomon bytes after each.
const STRIDES: [usize; 3] = [PACKET, 192, 204];
/// Sync bytes that must stand in a row at a stride before a boundary is believed.
/// Four are wrong by chance once in a billion positions of random bytes.
const ROW: usize = 4;
/// Bytes from the first sync byte of a row to the end of the header of its last packet, at the longest stride.
const SPAN: usize = (ROW - 1) * 204 + 4;
/// Most bytes that are gathered at a time while searching.
const SEARCH: usize = 16 * PACKET;

/// Cuts input into runs of whole packets of 188 bytes, whatever their stride. In sync, runs point into the input
/// itself; only what is left over between two inputs (less than a packet), or is searched through, is copied.
#[derive(Debug)]
pub(super) struct Aligner {
    /// Bytes of earlier inputs, of which those before `head` have been handed out.
    kept: Vec<u8>,
    head: usize,
    synced: bool,
    /// Of packets in sync.
    stride: usize,
    /// Bytes to pass over before the next packet, which belong to none.
    gap: usize,
}

impl Default for Aligner {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            head: 0,
            synced: false,
            stride: PACKET,
            gap: 0,
        }
    }
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
            self.pass_gap(input)?;
            let kept = self.kept.len() - self.head;
            if kept == 0 {
                self.kept.clear();
                self.head = 0;
                let whole = self.whole(input);
                if whole > 0 {
                    let (run, rest) = input.split_at(whole);
                    *input = rest;
                    self.gap = self.stride - PACKET;
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
                self.gap = self.stride - PACKET;
                return Some(&self.kept[at..at + PACKET]);
            }
            self.synced = false;
            stats.sync_losses += 1;
        }
    }

    /// Hands out what is left at the end of the input, believing fewer sync bytes in a row, and
    /// starts anew. The rest is dropped.
    pub(super) fn finish(&mut self, stats: &mut Stats) -> Vec<u8> {
        let rest = self.kept.split_off(self.head);
        *self = Self::default();
        let found = find(&rest, rest.len(), 1);
        let (start, stride) = found.unwrap_or((rest.len(), PACKET));
        let packets = rest[start..]
            .chunks(stride)
            .filter_map(|unit| unit.get(..PACKET));
        let whole: Vec<u8> = packets.flatten().copied().collect();
        stats.skipped_bytes += (rest.len() - whole.len()) as u64;
        whole
    }

    /// Bytes of the whole packets that stand at the front of `input` without a gap.
    fn whole(&self, input: &[u8]) -> usize {
        let most = if self.stride == PACKET { usize::MAX } else { 1 };
        let packets = input.chunks_exact(PACKET).take(most);
        packets.take_while(|p| p[0] == SYNC).count() * PACKET
    }

    /// Passes over what stands between two packets; `None` when there is more of it to come.
    fn pass_gap(&mut self, input: &mut &[u8]) -> Option<()> {
        let from_kept = self.gap.min(self.kept.len() - self.head);
        let from_input = (self.gap - from_kept).min(input.len());
        self.head += from_kept;
        *input = &input[from_input..];
        self.gap -= from_kept + from_input;
        (self.gap == 0).then_some(())
    }

    /// Finds a row of sync bytes and drops what stands before it.
    fn search(&mut self, input: &mut &[u8], stats: &mut Stats) -> Option<()> {
        loop {
            self.kept.drain(..self.head);
            self.head = 0;
            let places = (self.kept.len() + 1).saturating_sub(SPAN);
            let found = find(&self.kept, places, ROW);
            self.head = found.map_or(places, |(at, _)| at);
            stats.skipped_bytes += self.head as u64;
            if let Some((_, stride)) = found {
                self.synced = true;
                self.stride = stride;
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

/// The first of so many places at which a row of sync bytes begins, and its stride.
fn find(data: &[u8], places: usize, least: usize) -> Option<(usize, usize)> {
    (0..places).find_map(|at| {
        let found = stride(&data[at..], least)?;
        // Payloads that end in bytes of 0x47 have rows of their own up to the true one: the last of several side by
        // side is believed.
        stride(&data[at + 1..], least)
            .is_none()
            .then_some((at, found))
    })
}

/// The stride at which sync bytes stand from the first byte on: as many as there is room for, up to [`ROW`],
/// and at least `least`.
fn stride(data: &[u8], least: usize) -> Option<usize> {
    if data.first() != Some(&SYNC) {
        return None;
    }
    STRIDES.into_iter().find(|&stride| {
        let row = || data.chunks(stride).take(ROW);
        // Rows in a payload full of 0x47 have it where headers have flags and counter, too; one packet may by chance.
        let strange = |unit: &&[u8]| unit.get(3) == Some(&SYNC);
        row().len() >= least
            && row().all(|unit| unit[0] == SYNC)
            && row().filter(strange).count() <= 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(n: u8) -> Vec<u8> {
        (0..n)
            .flat_map(|i| {
                let mut p = [i; PACKET];
                p[0] = SYNC;
                p[3] = 0x10 | i & 0x0f;
                p
            })
            .collect()
    }

    /// The same packets, each with a time stamp before it.
    fn m2ts(n: u8) -> Vec<u8> {
        let packets = packets(n);
        let units = packets.chunks(PACKET).zip(0_u32..);
        units
            .flat_map(|(packet, i)| [&(i * 40_503 + 0x3000_4747).to_be_bytes(), packet].concat())
            .collect()
    }

    fn with_parity(n: u8) -> Vec<u8> {
        let packets = packets(n);
        let units = packets.chunks(PACKET);
        units
            .flat_map(|packet| [packet, &[SYNC; 16]].concat())
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
    fn packets_of_192_and_204_bytes_come_out_as_188() {
        for (input, skipped) in [(m2ts(40), 4), (with_parity(40), 0)] {
            for slice in [1, 3, 187, 188, 192, 204, 1000, input.len()] {
                let (out, stats) = run(&input, slice);
                assert!(out == packets(40), "{slice}");
                assert_eq!(
                    (stats.sync_losses, stats.skipped_bytes),
                    (0, skipped),
                    "{slice}"
                );
            }
        }
    }

    #[test]
    fn another_stride_in_mid_stream_is_found() {
        let input = [packets(20), m2ts(20), with_parity(20), packets(20)].concat();
        for slice in [1, 188, 777, input.len()] {
            let (out, stats) = run(&input, slice);
            // At most one packet is lost at each change.
            assert!(out.len() >= 77 * PACKET, "{slice}: {}", out.len());
            assert!(
                out.chunks(PACKET)
                    .all(|p| packets(20).chunks(PACKET).any(|q| p == q))
            );
            assert_eq!(stats.sync_losses, 3, "{slice}");
        }
    }

    #[test]
    fn payloads_full_of_sync_bytes_are_no_packets() {
        let mut input = packets(30);
        for packet in input.chunks_mut(PACKET) {
            packet[4..].fill(SYNC);
        }
        for cut in [0, 1, 50, 100] {
            let (out, stats) = run(&input[cut..], 500);
            let whole = input.len().div_euclid(PACKET) - usize::from(cut > 0);
            assert!(out == input[input.len() - whole * PACKET..], "{cut}");
            assert_eq!(stats.sync_losses, 0);
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
            assert_eq!(run(&m2ts(n), 33).0, packets(n));
            assert_eq!(run(&with_parity(n), 33).0, packets(n));
        }
    }
}
