//! Decoded pictures as they lie in memory.

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// A byte each.
    Eight,
    /// Two bytes each, little-endian, with so many bits in use from the lowest on, after a shift.
    More {
        /// 9 to 16.
        bits: u8,
        /// Unused bits below them.
        shift: u8,
    },
}

/// One component of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane<'a> {
    /// From the first sample on.
    pub(crate) data: &'a [u8],
    /// Bytes from one line to the next.
    pub(crate) stride: usize,
    /// Bytes from one sample to the next.
    pub(crate) step: usize,
    /// Samples in a line.
    pub(crate) width: usize,
    /// Lines.
    pub(crate) height: usize,
    /// How they are stored.
    pub(crate) depth: Depth,
}

/// A decoded picture in YCbCr.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes<'a> {
    /// Brightness.
    pub(crate) luma: Plane<'a>,
    /// Cb and Cr; none of a grey picture.
    pub(crate) chroma: Option<[Plane<'a>; 2]>,
    /// Width and height of a sample.
    pub(crate) sar: (u32, u32),
    /// Whether black is 0 and white the highest value, instead of 16 and 235.
    pub(crate) full_range: bool,
    /// Whether its colours are those of ITU-R BT.709, instead of BT.601.
    pub(crate) bt709: bool,
}

impl Plane<'_> {
    /// A line of samples, from the byte of the first one on; empty outside of the picture.
    pub(super) fn line(&self, y: usize) -> &[u8] {
        let bytes = match self.depth {
            Depth::Eight => 1,
            Depth::More { .. } => 2,
        };
        let from = y.saturating_mul(self.stride);
        let length = self.width.saturating_sub(1).saturating_mul(self.step) + bytes;
        let to = from.saturating_add(length);
        if y >= self.height || self.width == 0 {
            return &[];
        }
        self.data.get(from..to).unwrap_or_default()
    }
}
