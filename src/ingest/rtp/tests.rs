use super::*;

use crate::base::clock;
use proptest::prelude::*;

fn packet(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, MP2T];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

#[test]
fn header_with_everything_that_may_be_in_it() {
    let plain = packet(7, 0x0102_0304, &[0x47, 1, 2]);
    let header = Header::parse(&plain).expect("RTP");
    assert_eq!((header.sequence, header.ssrc), (7, 0x0102_0304));
    assert_eq!(&plain[header.payload.clone()], [0x47, 1, 2]);
    assert!(header.is_mp2t());

    let mut full = packet(7, 1, &[]);
    full[0] = 0x80 | 0x20 | 0x10 | 2; // padding, extension, two contributing sources
    full.extend([9; 8]);
    full.extend([0xbe, 0xde, 0, 1, 5, 5, 5, 5]);
    full.extend([0x47, 8]);
    full.extend([0, 0, 3]);
    let header = Header::parse(&full).expect("RTP");
    assert_eq!(&full[header.payload], [0x47, 8]);
}

#[test]
fn what_is_no_packet_with_a_payload_is_none() {
    let whole = packet(1, 1, &[0x47; 20]);
    for length in 0..=12 {
        assert_eq!(Header::parse(&whole[..length]), None, "{length}");
    }
    let with = |at: usize, value: u8| {
        let mut packet = whole.clone();
        packet[at] = value;
        Header::parse(&packet)
    };
    assert_eq!(with(0, 0x47), None, "version 1");
    assert_eq!(with(0, 0x8f), None, "more sources than bytes");
    assert_eq!(with(0, 0x90), None, "an extension of 0x4747 words");
    assert_eq!(with(0, 0xa0), None, "more padding than bytes");
    assert_eq!(with(1, 200), None, "RTCP");
}

struct Player {
    reorder: Reorder,
    now: Instant,
    out: Vec<u16>,
    restarts: usize,
}

impl Player {
    fn new() -> Self {
        let (reorder, now) = (Reorder::default(), clock::now());
        let (out, restarts) = (Vec::new(), 0);
        Self {
            reorder,
            now,
            out,
            restarts,
        }
    }

    fn push(&mut self, sequence: u16, ssrc: u32) {
        let packet = packet(sequence, ssrc, &sequence.to_be_bytes());
        let header = Header::parse(&packet).expect("RTP");
        let payload = &packet[header.payload.clone()];
        let verdict = self.reorder.push(&header, payload, self.now);
        self.restarts += usize::from(verdict == Verdict::Restart);
        if verdict != Verdict::Taken {
            self.out.push(sequence);
        }
        self.pop();
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.pop();
    }

    fn pop(&mut self) {
        while let Some(payload) = self.reorder.pop(self.now) {
            self.out.push(u16::from_be_bytes([payload[0], payload[1]]));
        }
        assert!(self.reorder.held.len() < WINDOW);
    }
}

#[test]
fn disorder_is_mended_and_doubles_are_dropped_over_the_wrap() {
    let mut player = Player::new();
    for sequence in [65533, 65535, 65534, 65534, 1, 1, 0, 2, 65535] {
        player.push(sequence, 1);
    }
    assert_eq!(player.out, [65533, 65534, 65535, 0, 1, 2]);
    let disorder = player.reorder.take_disorder();
    assert_eq!((disorder.missing, disorder.late), (0, 3));
    assert_eq!(player.reorder.due(), None);
}

#[test]
fn a_lost_packet_is_waited_for_and_then_counted() {
    let mut player = Player::new();
    for sequence in [10, 12, 13] {
        player.push(sequence, 1);
    }
    assert_eq!(player.out, [10]);
    player.wait(HOLD / 2);
    assert_eq!(player.out, [10]);
    player.wait(HOLD);
    assert_eq!(player.out, [10, 12, 13]);
    player.push(11, 1); // too late
    assert_eq!(player.out, [10, 12, 13]);
    let disorder = player.reorder.take_disorder();
    assert_eq!((disorder.missing, disorder.late), (1, 1));
    // Nor is more held than the window.
    for sequence in 15..200 {
        player.push(sequence, 1);
    }
    assert_eq!(player.out.len(), 3 + 185);
}

#[test]
fn another_sender_is_believed_when_the_first_is_silent() {
    let mut player = Player::new();
    for sequence in 0..50 {
        player.push(sequence, 1);
        player.push(sequence + 9000, 2);
        player.wait(Duration::from_millis(5));
    }
    assert_eq!((player.out.len(), player.restarts), (50, 0));
    assert_eq!(player.reorder.take_disorder().foreign, 50);
    player.wait(SILENT);
    player.push(9050, 2);
    player.push(9051, 2);
    assert_eq!((player.out.len(), player.restarts), (52, 1));
}

#[test]
fn a_sender_that_starts_again_under_its_number_is_followed_at_its_second_packet() {
    let mut player = Player::new();
    for sequence in [100, 101, 40_000, 102, 7, 8, 9] {
        player.push(sequence, 1);
    }
    assert_eq!(player.out, [100, 101, 102]);
    for sequence in [30_000, 30_001, 30_002] {
        player.push(sequence, 1);
    }
    assert_eq!(player.out, [100, 101, 102, 30_001, 30_002]);
    assert_eq!(player.restarts, 1);
}

proptest! {
    /// Whatever order, loss and doubling do, what comes out is in order, without doubles, and what is missing is counted.
    #[test]
    fn order_is_kept_and_nothing_is_lost_uncounted(
        first in any::<u16>(),
        swaps in proptest::collection::vec((0..200_usize, 1..12_usize), 0..60),
        lost in proptest::collection::btree_set(1..199_usize, 0..40),
        doubled in proptest::collection::btree_set(0..200_usize, 0..20),
        pause in 0..80_u64,
    ) {
        let mut order: Vec<usize> = (0..200).collect();
        for (at, by) in swaps {
            // the first tells where the count begins, so it stays
            let (a, b) = (at.max(1), (at + by).clamp(1, 199));
            order.swap(a, b);
        }
        let mut player = Player::new();
        let mut sent = 0;
        for (at, index) in order.iter().enumerate() {
            if lost.contains(index) {
                continue;
            }
            for _ in 0..=usize::from(doubled.contains(index)) {
                player.push(first.wrapping_add(*index as u16), 1);
                sent += 1;
            }
            if at % 25 == 0 {
                player.wait(Duration::from_millis(pause));
            }
        }
        player.wait(HOLD * 2);
        let out: Vec<u16> = player.out.iter().map(|s| s.wrapping_sub(first)).collect();
        prop_assert!(out.is_sorted_by(|a, b| a < b), "{out:?}");
        let disorder = player.reorder.take_disorder();
        prop_assert_eq!(out.len() as u64 + disorder.late, sent as u64);
        let span = u64::from(*out.last().expect("the first is sent")) + 1;
        prop_assert_eq!(out.len() as u64 + disorder.missing, span);
        prop_assert_eq!(player.restarts, 0);
    }

    #[test]
    fn no_datagram_is_too_strange(datagram in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Some(header) = Header::parse(&datagram) {
            prop_assert!(!datagram[header.payload].is_empty());
        }
    }
}
