//! Packed audio: frames one after the other, without a container. Radio over HTTP, which may begin
//! in the middle of a frame.

use super::Container;

/// Headers that must stand where the frame before ends.
const FRAMES: usize = 3;

/// Three frame headers in a row; what an `ID3v2` tag is followed by, where that can be seen.
pub(super) fn frames(start: &[u8]) -> Option<Container> {
    let Some(tag) = id3_length(start) else {
        return (0..start.len()).find_map(|at| chain(&start[at..]));
    };
    match start.get(tag..) {
        Some(audio) if audio.len() >= 2 => Some(
            [Kind::Adts, Kind::Mpeg]
                .into_iter()
                .find(|kind| kind.frame(audio).is_some())
                .map_or(Container::Mp3, Kind::container),
        ),
        // A long tag, with a picture as a rule.
        _ => Some(Container::Mp3),
    }
}

fn chain(start: &[u8]) -> Option<Container> {
    [Kind::Adts, Kind::Mpeg].into_iter().find_map(|kind| {
        let mut rest = start;
        for left in (0..FRAMES).rev() {
            let length = kind.frame(rest)?;
            if left > 0 {
                rest = rest.get(length..)?;
            }
        }
        Some(kind.container())
    })
}

/// Length of an `ID3v2` tag with its header and footer (ID3v2.4, 3.1): seven bits to a byte.
fn id3_length(start: &[u8]) -> Option<usize> {
    let [b'I', b'D', b'3', _, _, flags, size @ ..] = start.first_chunk::<10>()? else {
        return None;
    };
    let size = size.iter().try_fold(0, |sum, &byte| {
        (byte < 0x80).then_some(sum << 7 | usize::from(byte))
    })?;
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

#[derive(Clone, Copy)]
enum Kind {
    Adts,
    Mpeg,
}

impl Kind {
    fn container(self) -> Container {
        match self {
            Self::Adts => Container::Adts,
            Self::Mpeg => Container::Mp3,
        }
    }

    /// The length of the frame that begins here.
    fn frame(self, start: &[u8]) -> Option<usize> {
        match self {
            Self::Adts => adts(start),
            Self::Mpeg => mpeg(start),
        }
    }
}

/// ISO/IEC 14496-3, 1.A.2.2: sync word, layer 0, a sampling frequency, a length that holds the header.
fn adts(start: &[u8]) -> Option<usize> {
    let head = start.first_chunk::<6>()?;
    let sync = head[0] == 0xff && head[1] & 0xf6 == 0xf0;
    let rate = (head[2] >> 2) & 0x0f;
    let length =
        usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5] >> 5);
    (sync && rate < 13 && length > 7).then_some(length)
}

/// ISO/IEC 11172-3, 2.4.1.3, and its extensions to lower rates (13818-3, and the unofficial 2.5); layers 2 and 3.
fn mpeg(start: &[u8]) -> Option<usize> {
    /// Kbit/s by index, from 1 to 14: MPEG-1 layer 2, MPEG-1 layer 3, lower rates.
    const KBITS: [[usize; 14]; 3] = [
        [
            32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        [
            32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    const HERTZ: [usize; 3] = [44_100, 48_000, 32_000];
    let head = start.first_chunk::<4>()?;
    let (version, layer) = ((head[1] >> 3) & 3, (head[1] >> 1) & 3);
    // version 1 and layer 0 are reserved; layer 3 here is layer I, which nobody streams
    if head[0] != 0xff || head[1] & 0xe0 != 0xe0 || version == 1 || !matches!(layer, 1 | 2) {
        return None;
    }
    let (full, layer2) = (version == 3, layer == 2);
    let table = if full { usize::from(!layer2) } else { 2 };
    let index = usize::from(head[2] >> 4).checked_sub(1)?;
    let bits = 1000 * KBITS[table].get(index)?;
    let hertz = HERTZ.get(usize::from((head[2] >> 2) & 3))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let bytes_per_sample_rate = if full || layer2 { 144 } else { 72 };
    let padding = usize::from((head[2] >> 1) & 1);
    Some(bytes_per_sample_rate * bits / hertz + padding)
}
