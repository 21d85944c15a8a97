//! What is in the datagrams: MPEG-TS as it is, or in RTP. Told by each datagram, since URLs name the one and mean the
//! other. Pure.

use std::time::Instant;

use bytes::BytesMut;

use super::super::rtp::{Disorder, Header, Reorder, Verdict};
use crate::ts::PACKET;

const SYNC: u8 = 0x47;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Its media stands at the end of the batch, as far as it has any that may go there now.
    Done,
    /// The same, but it does not continue what stood in the batch before.
    Restart,
}

pub(super) struct Framing {
    rtp: bool,
    reorder: Reorder,
    refused: u64,
}

impl Framing {
    /// `rtp`: what to expect until a datagram shows otherwise.
    pub(super) fn new(rtp: bool) -> Self {
        Self {
            rtp,
            reorder: Reorder::default(),
            refused: 0,
        }
    }

    /// Turns the datagram at `start` of the batch into its media.
    pub(super) fn take(&mut self, batch: &mut BytesMut, start: usize, now: Instant) -> Taken {
        let datagram = &batch[start..];
        if is_ts(datagram) {
            self.rtp = false;
            return Taken::Done;
        }
        let packet = Header::parse(datagram).filter(|header| {
            is_ts(&datagram[header.payload.clone()]) || (self.rtp && header.is_mp2t())
        });
        let Some(header) = packet else {
            // Packets may be cut anywhere, or have another size than 188: the aligner finds them. In RTP this is
            // something else, such as error correction.
            if self.rtp {
                self.refused += 1;
                batch.truncate(start);
            }
            return Taken::Done;
        };
        self.rtp = true;
        let payload = &datagram[header.payload.clone()];
        let verdict = self.reorder.push(&header, payload, now);
        if verdict == Verdict::Taken {
            batch.truncate(start);
        } else {
            let length = header.payload.len();
            let from = start + header.payload.start;
            batch.copy_within(from..from + length, start);
            batch.truncate(start + length);
        }
        self.release(batch, now);
        if verdict == Verdict::Restart {
            Taken::Restart
        } else {
            Taken::Done
        }
    }

    /// Adds what has waited long enough.
    pub(super) fn release(&mut self, batch: &mut BytesMut, now: Instant) {
        while let Some(payload) = self.reorder.pop(now) {
            batch.extend_from_slice(&payload);
        }
    }

    /// When there will be something to release.
    pub(super) fn due(&self) -> Option<Instant> {
        self.reorder.due()
    }

    /// Datagrams that held no media.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// What was not in order since the last time.
    pub(super) fn take_disorder(&mut self) -> Disorder {
        self.reorder.take_disorder()
    }
}

/// Whole packets, with a sync byte each.
fn is_ts(bytes: &[u8]) -> bool {
    let (packets, rest) = bytes.as_chunks::<PACKET>();
    rest.is_empty() && !packets.is_empty() && packets.iter().all(|packet| packet[0] == SYNC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    fn ts(mark: u8) -> Vec<u8> {
        let mut packet = [mark; PACKET];
        packet[0] = SYNC;
        packet.repeat(7)
    }

    fn rtp(sequence: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
        let head = [0x80, kind, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 1];
        [&head[..], payload].concat()
    }

    fn run(framing: &mut Framing, datagrams: &[Vec<u8>]) -> Vec<u8> {
        let (mut batch, now) = (BytesMut::new(), clock::now());
        for datagram in datagrams {
            let start = batch.len();
            batch.extend_from_slice(datagram);
            assert_eq!(framing.take(&mut batch, start, now), Taken::Done);
        }
        batch.to_vec()
    }

    #[test]
    fn plain_and_rtp_are_told_apart_whatever_the_scheme() {
        for expected in [false, true] {
            let mut framing = Framing::new(expected);
            assert_eq!(run(&mut framing, &[ts(1), ts(2)]), [ts(1), ts(2)].concat());
            let mut framing = Framing::new(expected);
            let packets = [rtp(0, 33, &ts(1)), rtp(2, 96, &ts(3)), rtp(1, 33, &ts(2))];
            assert_eq!(run(&mut framing, &packets), [ts(1), ts(2), ts(3)].concat());
        }
    }

    #[test]
    fn packets_cut_anywhere_pass_as_they_are() {
        let whole = [ts(1), ts(2), ts(3)].concat();
        let cut: Vec<Vec<u8>> = whole.chunks(1000).map(<[u8]>::to_vec).collect();
        assert_eq!(run(&mut Framing::new(false), &cut), whole);
        let long = vec![0x47; 204 * 5];
        assert_eq!(
            run(&mut Framing::new(false), std::slice::from_ref(&long)),
            long
        );
    }

    #[test]
    fn what_is_no_media_among_rtp_is_left_out_and_counted() {
        let mut framing = Framing::new(true);
        let correction = rtp(9, 96, &[1; 1300]);
        let odd = rtp(1, 33, &[0x47; 204]);
        let packets = [
            rtp(0, 33, &ts(1)),
            correction,
            b"hello".to_vec(),
            vec![],
            odd,
        ];
        let out = run(&mut framing, &packets);
        assert_eq!(out, [ts(1), vec![0x47; 204]].concat());
        assert_eq!(framing.refused(), 3);
        assert_eq!(framing.take_disorder(), Disorder::default());
    }
}
