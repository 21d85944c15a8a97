//! What of a track's packets may go on: those of its one sender, and of RTCP its sender reports. Pure.
//!
//! Each further sender would cost whoever takes the packets a buffer and two threads, and each name
//! in RTCP an entry in a table: neither is for a server to choose.

use std::time::{Duration, Instant};

/// Another sender is believed when the one before has been silent for this long.
const SILENT: Duration = Duration::from_secs(1);
/// What is further ahead is no loss, but a sender that started again (RFC 3550, A.1).
const AHEAD: u16 = 3000;
/// An RTP header without extras.
const HEADER: usize = 12;
/// A sender report without report blocks (6.4.1).
const SENDER_REPORT: usize = 28;

/// Looks at the packets of one track.
#[derive(Debug)]
pub(super) struct Guard {
    payload: u8,
    sender: Option<Sender>,
    lost: u64,
}

#[derive(Debug)]
struct Sender {
    ssrc: [u8; 4],
    /// The highest sequence number.
    highest: u16,
    newest: Instant,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Pass,
    /// It is not wanted.
    Drop,
    /// Its sender has taken the place of another: nothing continues.
    Restart,
}

impl Guard {
    /// For a track of this RTP payload type.
    pub(super) fn new(payload: u8) -> Self {
        Self {
            payload,
            sender: None,
            lost: 0,
        }
    }

    /// Looks at a packet of media.
    pub(super) fn media(&mut self, packet: &[u8], now: Instant) -> Verdict {
        let Some((head, _)) = packet.split_first_chunk::<HEADER>() else {
            return Verdict::Drop;
        };
        let [first, second, high, low, _, _, _, _, ssrc @ ..] = *head;
        if first >> 6 != 2 || second & 0x7f != self.payload {
            return Verdict::Drop;
        }
        let number = u16::from_be_bytes([high, low]);
        let Some(sender) = &mut self.sender else {
            self.sender = Some(Sender {
                ssrc,
                highest: number,
                newest: now,
            });
            return Verdict::Pass;
        };
        if sender.ssrc != ssrc {
            if now.saturating_duration_since(sender.newest) > SILENT {
                return Verdict::Restart;
            }
            return Verdict::Drop;
        }
        sender.newest = now;
        match number.wrapping_sub(sender.highest) {
            0 => {}
            step @ 1..AHEAD => {
                self.lost += u64::from(step - 1);
                sender.highest = number;
            }
            // One that was overtaken is not lost after all.
            back if back > u16::MAX - 100 => self.lost = self.lost.saturating_sub(1),
            _ => sender.highest = number,
        }
        Verdict::Pass
    }

    /// The sender report at the head of a compound packet, under a name of ours: streams of one session
    /// are aligned by it, whatever names their servers give them.
    pub(super) fn report(&self, compound: &[u8]) -> Option<Vec<u8>> {
        let ssrc = self.sender.as_ref()?.ssrc;
        let report = compound.get(..SENDER_REPORT)?;
        if report[0] >> 6 != 2 || report[1] != 200 || report[4..8] != ssrc {
            return None;
        }
        let mut packet = report.to_vec();
        // No padding, no report blocks; six words follow the first.
        packet[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        // SDES (6.5): one source, CNAME "s", and the end of the list up to the word's.
        packet.extend([0x81, 202, 0, 2]);
        packet.extend(ssrc);
        packet.extend([1, 1, b's', 0]);
        Some(packet)
    }

    /// Packets that have not come so far; fewer when some come late.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    fn packet(payload: u8, number: u16, ssrc: u8) -> Vec<u8> {
        let [high, low] = number.to_be_bytes();
        vec![0x80, payload, high, low, 0, 0, 0, 0, 0, 0, 0, ssrc, 1]
    }

    #[test]
    fn one_sender_of_one_payload_passes() {
        let now = clock::now();
        let mut guard = Guard::new(96);
        for (packet, verdict) in [
            (packet(96, 65534, 1), Verdict::Pass),
            (packet(0x80 + 96, 65535, 1), Verdict::Pass),
            (packet(97, 0, 1), Verdict::Drop),
            (packet(96, 3, 1), Verdict::Pass),
            (packet(96, 1, 1), Verdict::Pass),
            (packet(96, 9, 2), Verdict::Drop),
            (vec![0x80; 11], Verdict::Drop),
        ] {
            assert_eq!(guard.media(&packet, now), verdict, "{packet:?}");
        }
        // 0, 1 and 2 were missing; 1 came late.
        assert_eq!(guard.lost(), 2);
        let later = now + SILENT + Duration::from_millis(1);
        assert_eq!(guard.media(&packet(96, 10, 2), later), Verdict::Restart);
    }

    #[test]
    fn of_rtcp_only_the_sender_report_goes_on() {
        let mut guard = Guard::new(96);
        let mut compound = vec![0xa3, 200, 0, 40, 0, 0, 0, 7];
        compound.extend([9; 100]);
        assert_eq!(guard.report(&compound), None);
        guard.media(&packet(96, 1, 7), clock::now());
        let report = guard.report(&compound).unwrap();
        assert_eq!(report.len(), 40);
        assert_eq!(report[..8], [0x80, 200, 0, 6, 0, 0, 0, 7]);
        assert_eq!(report[28..], [0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, b's', 0]);
        compound[7] = 8;
        assert_eq!(guard.report(&compound), None);
        assert_eq!(guard.report(&[0x80, 200]), None);
    }
}
