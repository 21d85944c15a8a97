//! A channel as one endless HTTP body, as its encoder would send it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::origin::answer::{Pour, Reply, poured};
use super::super::tsscan::PACKET;
use super::channel::Inner;
use super::damage::render;
use super::timeline::Made;

/// Between two sends.
const TICK: Duration = Duration::from_millis(20);
/// Clock values are 33 bits of 90 kHz.
const WRAP: u64 = 1 << 33;

/// Joins the channel where it is now.
pub fn answer(channel: Arc<Inner>) -> Reply {
    let (pour, reply) = poured("video/mp2t");
    tokio::spawn(run(channel, pour));
    reply
}

/// The segment that is being sent.
struct Sending {
    sequence: u64,
    bytes: Bytes,
    /// When which byte is due, in seconds from its start.
    marks: Vec<(f64, usize)>,
    gone: usize,
}

impl Sending {
    fn new(made: &Made, channel: &Inner) -> Self {
        let bytes: Bytes = render(made, &channel.clip).into();
        Self {
            sequence: made.sequence,
            marks: marks(&bytes, channel.seconds()),
            bytes,
            gone: 0,
        }
    }

    /// What is to be sent up to this byte.
    fn up_to(&mut self, due: usize) -> Bytes {
        let from = self.gone.min(due);
        self.gone = due.max(from);
        self.bytes.slice(from..due)
    }
}

async fn run(channel: Arc<Inner>, mut pour: Pour) {
    let mut at: Option<Sending> = None;
    loop {
        if let Some((made, passed)) = channel.under_way() {
            let sending = at.get_or_insert_with(|| Sending::new(&made, &channel));
            let mut rest = Bytes::new();
            if sending.sequence != made.sequence {
                // What is left of the one before is due at once.
                rest = sending.up_to(sending.bytes.len());
                *sending = Sending::new(&made, &channel);
            }
            let due = due(&sending.marks, passed);
            for bytes in [rest, sending.up_to(due.max(sending.gone))] {
                if !bytes.is_empty() && pour.send_data(bytes).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

/// When which byte is due: by the clock, from the first on, and the end.
fn marks(bytes: &[u8], seconds: f64) -> Vec<(f64, usize)> {
    let mut marks = vec![(0.0, 0)];
    let mut first = None;
    for (at, packet) in bytes.chunks_exact(PACKET).enumerate() {
        if packet[3] & 0x20 != 0 && packet[4] >= 7 && packet[5] & 0x10 != 0 {
            let high = u32::from_be_bytes([packet[6], packet[7], packet[8], packet[9]]);
            let clock = u64::from(high) << 1 | u64::from(packet[10] >> 7);
            let since = clock.wrapping_sub(*first.get_or_insert(clock)) % WRAP;
            marks.push((since as f64 / 90e3, at * PACKET));
        }
    }
    marks.push((seconds, bytes.len()));
    marks
}

/// How many bytes are due after so many seconds; whole packets.
fn due(marks: &[(f64, usize)], passed: f64) -> usize {
    let next = marks.partition_point(|(at, _)| *at <= passed);
    let (from, low) = marks[next.saturating_sub(1)];
    let Some((to, high)) = marks.get(next) else {
        return low;
    };
    let share = (passed - from) / (to - from).max(1e-9);
    (low + (share * (high - low) as f64) as usize) / PACKET * PACKET
}
