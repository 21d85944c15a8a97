//! Frames of sound, as decoders want them: one at a time.

use bytes::Bytes;

use crate::remux::{self, FrameHeader};
use crate::ts::Codec;

/// So much sound makes a look, in 90 kHz: what decoders and filters take to settle, and two windows of loudness.
const ENOUGH: i64 = 99_000;
/// The most frames: Opus has 400 in a second.
const MOST_FRAMES: usize = 512;

/// The longest part of a frame that is kept for the rest of it.
const MOST_REST: usize = 64 << 10;

/// Whether these bytes are one whole frame of a codec, as far as its header tells. Decoders that are given others may
/// come up with sound of no channels.
pub(super) fn is_frame(codec: Codec, data: &[u8]) -> bool {
    // A packet of Opus has no header.
    codec == Codec::Opus
        || Frames::new(codec)
            .next(data)
            .is_some_and(|found| found.size > 0 && found.size == data.len())
}

/// Collects frames out of the bytes of PES packets.
pub(super) struct Frames {
    codec: Codec,
    /// What was not taken apart yet.
    rest: Vec<u8>,
    found: Vec<Bytes>,
    ticks: i64,
}

impl Frames {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            rest: Vec::new(),
            found: Vec::new(),
            ticks: 0,
        }
    }

    /// Takes the content of one PES packet; true when enough has come.
    pub(super) fn push(&mut self, data: &[u8]) -> bool {
        self.rest.extend_from_slice(data);
        let all = Bytes::from(std::mem::take(&mut self.rest));
        let mut at = 0;
        while !self.is_enough() {
            let Some(found) = self.next(&all[at..]) else {
                break;
            };
            let Found { head, size, ticks } = found;
            let from = at + head;
            if from + size > all.len() {
                break;
            }
            if size > 0 {
                self.found.push(all.slice(from..from + size));
                self.ticks += ticks;
            }
            // A byte that starts no frame is passed over.
            at = from + size.max(usize::from(head == 0));
        }
        // A frame that never ends is none.
        let rest = &all[at..];
        self.rest = if rest.len() > MOST_REST {
            Vec::new()
        } else {
            rest.to_vec()
        };
        self.is_enough()
    }

    /// The frames and what they turned out to be.
    pub(super) fn finish(self) -> Option<(Codec, Vec<Bytes>)> {
        (!self.found.is_empty()).then_some((self.codec, self.found))
    }

    fn is_enough(&self) -> bool {
        self.ticks >= ENOUGH || self.found.len() >= MOST_FRAMES
    }

    /// The frame at the start of `data`, or a byte to pass over; `None` when more are needed.
    fn next(&mut self, data: &[u8]) -> Option<Found> {
        const NOTHING: Found = Found {
            head: 0,
            size: 0,
            ticks: 0,
        };
        match self.codec {
            Codec::AacLatm => {
                let head = data.first_chunk::<3>()?;
                if head[0] != 0x56 || head[1] & 0xe0 != 0xe0 {
                    return Some(NOTHING);
                }
                let size = 3 + (usize::from(head[1] & 0x1f) << 8 | usize::from(head[2]));
                // Its length stands deep inside; of 48 kHz, the highest rate in use.
                Some(Found {
                    head: 0,
                    size,
                    ticks: 1920,
                })
            }
            Codec::Opus => opus(data),
            _ => {
                if data.len() < remux::FRAME_HEADER {
                    return None;
                }
                match remux::frame_header(data).filter(|header| alike(header.codec, self.codec)) {
                    Some(FrameHeader {
                        codec,
                        size,
                        samples,
                        rate,
                    }) => {
                        if self.found.is_empty() {
                            // Layers II and III share a stream type.
                            self.codec = codec;
                        }
                        let ticks = i64::from(samples) * 90_000 / i64::from(rate.max(1));
                        Some(Found {
                            head: 0,
                            size,
                            ticks,
                        })
                    }
                    None => Some(NOTHING),
                }
            }
        }
    }
}

struct Found {
    /// Bytes before the frame.
    head: usize,
    size: usize,
    /// Its length in 90 kHz.
    ticks: i64,
}

fn alike(found: Codec, named: Codec) -> bool {
    use Codec::{Ac3, Eac3, Mp2, Mp3};
    found == named
        || matches!(
            (found, named),
            (Mp2 | Mp3, Mp2 | Mp3) | (Ac3 | Eac3, Ac3 | Eac3)
        )
}

/// A packet behind its control header (`opus_control_header` of Opus in MPEG-TS).
fn opus(data: &[u8]) -> Option<Found> {
    let head = data.first_chunk::<2>()?;
    if head[0] != 0x7f || head[1] & 0xe0 != 0xe0 {
        return Some(Found {
            head: 0,
            size: 0,
            ticks: 0,
        });
    }
    let (mut at, mut size) = (2, 0);
    loop {
        let &byte = data.get(at)?;
        at += 1;
        size += usize::from(byte);
        if byte != 0xff {
            break;
        }
    }
    let trims = usize::from(head[1] >> 4 & 1) + usize::from(head[1] >> 3 & 1);
    at += 2 * trims;
    if head[1] & 4 != 0 {
        at += 1 + usize::from(*data.get(at)?);
    }
    let packet = data.get(at..at.checked_add(size)?)?;
    Some(Found {
        head: at,
        size,
        ticks: remux::opus_duration(packet),
    })
}
