//! RTP (RFC 3550) as far as MPEG-TS needs it (RFC 2250): the header, and packets back in their order. Pure.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// `MP2T` of RFC 3551, 6.
const MP2T: u8 = 33;
/// Packets that are held while one is missing.
const WINDOW: usize = 64;
/// How long a missing packet is waited for: longer than networks disturb the order, shorter than anybody notices.
pub(super) const HOLD: Duration = Duration::from_millis(50);
/// Another sender is believed when the one before has been silent for this long, so that two that send to the same
/// port do not take turns.
const SILENT: Duration = Duration::from_millis(200);
/// What is further ahead or behind is no disorder but a sender that started again (RFC 3550, A.1).
const AHEAD: i16 = 3000;
const BEHIND: i16 = -100;

/// What the header of a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    payload_type: u8,
    sequence: u16,
    ssrc: u32,
    /// Where the payload is: without contributing sources, extension and padding.
    pub(super) payload: Range<usize>,
}

impl Header {
    /// Reads the header of a datagram; `None` when it is no RTP, or has no payload.
    pub(super) fn parse(datagram: &[u8]) -> Option<Self> {
        let head = datagram.first_chunk::<12>()?;
        // The second byte of RTCP on the same port (RFC 5761, 4).
        if head[0] >> 6 != 2 || (192..=223).contains(&head[1]) {
            return None;
        }
        let mut start = 12 + 4 * usize::from(head[0] & 0x0f);
        if head[0] & 0x10 != 0 {
            let extension = datagram.get(start..)?.first_chunk::<4>()?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let mut end = datagram.len();
        if head[0] & 0x20 != 0 {
            let padding = usize::from(*datagram.last()?);
            end = end.checked_sub(padding.max(1))?;
        }
        (start < end).then(|| Self {
            payload_type: head[1] & 0x7f,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            payload: start..end,
        })
    }

    /// Whether the type says that the payload is MPEG-TS.
    pub(super) fn is_mp2t(&self) -> bool {
        self.payload_type == MP2T
    }
}

/// What to do with the payload of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next; more may have become ready behind it.
    Next,
    /// It is the first of a sender that started again: it does not continue what came before.
    Restart,
    /// It was kept, or is not wanted; something may have become ready all the same.
    Taken,
}

/// What was not in order since the last time that was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Disorder {
    /// Packets that never came, or too late.
    pub(super) missing: u64,
    /// Packets that had come already, or were given up.
    pub(super) late: u64,
    /// Packets of another sender.
    pub(super) foreign: u64,
}

struct Held {
    sequence: u16,
    came: Instant,
    payload: Vec<u8>,
}

/// Puts the packets of one sender back in their order. Holds at most [`WINDOW`] of them, each for at most [`HOLD`].
#[derive(Default)]
pub(super) struct Reorder {
    sender: Option<Sender>,
    /// In their order, all ahead of the sender's next.
    held: VecDeque<Held>,
    disorder: Disorder,
}

struct Sender {
    ssrc: u32,
    next: u16,
    newest: Instant,
    /// What follows a packet that was far out of order: if it comes, the sender has started again.
    elsewhere: Option<u16>,
}

impl Reorder {
    /// Looks at a packet. Its payload is taken (copied) only if it has to wait.
    pub(super) fn push(&mut self, header: &Header, payload: &[u8], now: Instant) -> Verdict {
        let Some(sender) = &mut self.sender else {
            self.begin(header, now);
            return Verdict::Next;
        };
        if sender.ssrc != header.ssrc {
            if now.saturating_duration_since(sender.newest) < SILENT {
                self.disorder.foreign += 1;
                return Verdict::Taken;
            }
            self.begin(header, now);
            return Verdict::Restart;
        }
        sender.newest = now;
        let after = header.sequence.wrapping_add(1);
        let ahead = header.sequence.wrapping_sub(sender.next).cast_signed();
        if !(BEHIND..AHEAD).contains(&ahead) {
            if sender.elsewhere == Some(header.sequence) {
                self.begin(header, now);
                return Verdict::Restart;
            }
            sender.elsewhere = Some(after);
            self.disorder.late += 1;
            return Verdict::Taken;
        }
        sender.elsewhere = None;
        match ahead {
            0 => {
                sender.next = after;
                return Verdict::Next;
            }
            1.. => self.hold(header.sequence, payload, now),
            _ => self.disorder.late += 1,
        }
        Verdict::Taken
    }

    /// The next payload that is ready. Asked again and again after each packet, and when it is [`Self::due`].
    pub(super) fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        let sender = self.sender.as_mut()?;
        let first = self.held.front()?;
        let gap = first.sequence.wrapping_sub(sender.next);
        if gap > 0 && self.held.len() < WINDOW && now < first.came + HOLD {
            return None;
        }
        self.disorder.missing += u64::from(gap);
        sender.next = first.sequence.wrapping_add(1);
        self.held.pop_front().map(|held| held.payload)
    }

    /// When something will be ready though nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.front().map(|held| held.came + HOLD)
    }

    /// What was not in order since the last time.
    pub(super) fn take_disorder(&mut self) -> Disorder {
        std::mem::take(&mut self.disorder)
    }

    fn begin(&mut self, header: &Header, now: Instant) {
        self.disorder.late += self.held.len() as u64;
        self.held.clear();
        self.sender = Some(Sender {
            ssrc: header.ssrc,
            next: header.sequence.wrapping_add(1),
            newest: now,
            elsewhere: None,
        });
    }

    fn hold(&mut self, sequence: u16, payload: &[u8], now: Instant) {
        let before = |held: &Held| held.sequence.wrapping_sub(sequence).cast_signed();
        let at = self.held.iter().rposition(|held| before(held) <= 0);
        if at.is_some_and(|at| self.held[at].sequence == sequence) {
            self.disorder.late += 1;
            return;
        }
        // One that comes late must not wait longer than those that wait for it.
        let next = self.held.get(at.map_or(0, |at| at + 1));
        let came = next.map_or(now, |next| next.came);
        let payload = payload.to_vec();
        let held = Held {
            sequence,
            came,
            payload,
        };
        self.held.insert(at.map_or(0, |at| at + 1), held);
    }
}
