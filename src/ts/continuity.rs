//! Continuity counters: checks the source's, and keeps the feed's going over breaks.

use super::packet::{self, Header, NULL_PID, Packet};
use super::stats::Stats;

/// PIDs per page of the table.
const PAGE: usize = 64;

/// How a packet follows the one before it on its PID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// In order, or nothing is known to be missing.
    Yes,
    /// The same packet a second time, which 2.4.3.3 allows once.
    Duplicate,
    /// Something is missing before it.
    Gap,
}

/// How a packet follows one of the counter `last`, which was a `duplicate` itself or not (2.4.3.3).
pub(super) fn follows(last: u8, duplicate: bool, header: &Header) -> Follows {
    if !header.steps || header.discontinuity || header.counter == (last + 1) & 0x0f {
        Follows::Yes
    } else if header.counter == last && !duplicate {
        Follows::Duplicate
    } else {
        Follows::Gap
    }
}

#[derive(Clone, Copy, Default)]
struct Pid {
    seen: bool,
    duplicate: bool,
    /// Waits for the start of a unit after an announced break.
    headless: bool,
    /// The break up to which this PID's counter has been rebased.
    epoch: u32,
    last_in: u8,
    last_out: u8,
    /// Added to the source's counter, modulo 16.
    shift: u8,
}

/// State of each PID, in pages that exist once a PID of theirs has been seen: most feeds use
/// three, and 8,192 PIDs are the most there can be.
pub(super) struct Continuity {
    pages: Vec<Option<Box<[Pid; PAGE]>>>,
    epoch: u32,
    announced: bool,
}

impl Default for Continuity {
    fn default() -> Self {
        Self {
            pages: vec![None; usize::from(NULL_PID) / PAGE + 1],
            epoch: 0,
            announced: false,
        }
    }
}

impl Continuity {
    /// From here on counters go on from where they were in the output, whatever the source says.
    pub(super) fn begin_epoch(&mut self, announced: bool) {
        self.epoch = self.epoch.wrapping_add(1);
        self.announced = announced;
    }

    /// Checks and, after a break, rewrites the counter of `packet`.
    ///
    /// `unit` says that this PID carries PES packets. After an announced break the tail of a unit
    /// whose start was never seen would be glued to the last one of the old source; its packets
    /// lose their payload instead (`headless`), and keep their clock.
    pub(super) fn step(
        &mut self,
        header: &mut Header,
        packet: &mut Packet,
        unit: impl FnOnce() -> bool,
        stats: &mut Stats,
    ) -> Follows {
        if header.pid == NULL_PID || header.error {
            return Follows::Yes;
        }
        let page = self.pages[usize::from(header.pid) / PAGE]
            .get_or_insert_with(|| Box::new([Pid::default(); PAGE]));
        let pid = &mut page[usize::from(header.pid) % PAGE];
        let rebase = pid.epoch != self.epoch;
        pid.epoch = self.epoch;
        let follows = if pid.seen && !(rebase && self.announced) {
            pid.check(header)
        } else {
            Follows::Yes
        };
        if follows == Follows::Gap {
            stats.continuity_errors += 1;
        }
        if pid.seen && rebase {
            pid.headless = self.announced && unit();
            pid.rebase(header);
        }
        if pid.headless {
            if header.start {
                pid.headless = false;
                pid.rebase(header);
            } else if header.steps {
                packet::strip_payload(packet, header.payload);
                packet::write_counter(packet, pid.last_out);
                pid.last_in = header.counter;
                *header = Header::parse(packet);
                return Follows::Gap;
            }
        }
        let out = header.counter.wrapping_add(pid.shift) & 0x0f;
        if pid.shift != 0 {
            packet::write_counter(packet, out);
        }
        pid.duplicate = follows == Follows::Duplicate;
        pid.seen = true;
        pid.last_in = header.counter;
        pid.last_out = out;
        follows
    }
}

impl Pid {
    fn check(&self, header: &Header) -> Follows {
        follows(self.last_in, self.duplicate, header)
    }

    fn rebase(&mut self, header: &Header) {
        let next = self.last_out + u8::from(header.steps);
        self.shift = next.wrapping_sub(header.counter) & 0x0f;
        self.duplicate = false;
    }
}

#[cfg(test)]
mod tests {
    use super::Follows::{Duplicate, Gap, Yes};
    use super::*;
    use crate::ts::testing::{packet, with_pcr};

    struct Rig(Continuity, Stats);

    impl Rig {
        fn new() -> Self {
            Self(Continuity::default(), Stats::default())
        }
        fn step(&mut self, mut p: Packet) -> (Follows, u8, bool) {
            let mut h = Header::parse(&p);
            let f = self.0.step(&mut h, &mut p, || true, &mut self.1);
            (f, p[3] & 15, Header::parse(&p).steps)
        }
        fn plain(&mut self, counter: u8) -> (Follows, u8) {
            let (f, c, _) = self.step(packet(0x100, true, counter, &[0; 184]));
            (f, c)
        }
    }

    #[test]
    fn one_duplicate_is_fine_two_are_not() {
        let mut rig = Rig::new();
        let seen = [14, 15, 0, 0, 1, 1, 1, 5].map(|c| rig.plain(c).0);
        assert_eq!(seen, [Yes, Yes, Yes, Duplicate, Yes, Duplicate, Gap, Gap]);
        assert_eq!(rig.1.continuity_errors, 2);
    }

    #[test]
    fn clock_only_packets_do_not_step() {
        let mut rig = Rig::new();
        rig.plain(3);
        let mut p = with_pcr(0x100, 3, 1);
        packet::strip_payload(&mut p, 12);
        assert_eq!(rig.step(p), (Follows::Yes, 3, false));
        assert_eq!(rig.plain(4).0, Follows::Yes);
    }

    #[test]
    fn goes_on_over_a_break_and_shows_later_errors() {
        let mut rig = Rig::new();
        rig.plain(9);
        rig.0.begin_epoch(true);
        assert_eq!(
            [rig.plain(2).1, rig.plain(3).1, rig.plain(6).1],
            [10, 11, 14]
        );
        assert_eq!(rig.1.continuity_errors, 1);
    }

    #[test]
    fn found_break_counts_the_gap_but_does_not_show_it() {
        let mut rig = Rig::new();
        rig.plain(9);
        rig.0.begin_epoch(false);
        assert_eq!(rig.plain(2), (Follows::Gap, 10));
        assert_eq!(rig.1.continuity_errors, 1);
    }

    #[test]
    fn tail_of_an_unseen_unit_loses_its_payload() {
        let mut rig = Rig::new();
        rig.plain(9);
        rig.0.begin_epoch(true);
        for counter in [2, 3] {
            let (_, c, steps) = rig.step(packet(0x100, false, counter, &[0; 184]));
            assert_eq!((c, steps), (9, false));
        }
        assert_eq!(rig.plain(4).1, 10);
        assert_eq!(rig.step(packet(0x100, false, 5, &[0; 184])).1, 11);
        assert_eq!(rig.1.continuity_errors, 0);
    }
}
