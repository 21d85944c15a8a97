//! Elementary streams: just enough of each codec to know where decoding can start and what it shows.
//!
//! All of this looks at the first few kilobytes of an access unit and believes nothing: readers
//! are bounded by the bytes that are here, sizes are checked, and what can't be told stays unknown.

mod ac3;
pub(super) mod audio;
pub(super) mod h264;
pub(super) mod hevc;
mod latm;
pub(super) mod mpeg4;
pub(super) mod mpegvideo;
mod nal;
mod sets;
pub(super) mod sniffer;

use std::ops::Range;

use h264_reader::rbsp::BitReaderError;

pub(crate) use sets::sets;

/// Widest and highest picture that is believed.
const MOST_PIXELS: u32 = 16_384;

/// What the start of an access unit shows so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether decoding can start here; `None` while that is open.
    pub(super) key: Option<bool>,
    pub(super) params: Params,
}

/// Where the parameter sets (or sequence header) stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Params {
    /// Their end is not here yet; they may still come.
    #[default]
    Open,
    /// All of them.
    Whole(Range<usize>),
    /// The picture has begun without any.
    Absent,
}

/// Why parameter sets were not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParamsError {
    /// A field is missing or too long.
    #[error("cut short or out of range")]
    Bits,
    /// A value that no decoder would take.
    #[error("impossible value")]
    Value,
}

impl From<BitReaderError> for ParamsError {
    fn from(_: BitReaderError) -> Self {
        Self::Bits
    }
}

impl Look {
    /// The picture begins: what has not been seen does not come.
    fn picture(&mut self, key: bool) {
        self.key.get_or_insert(key);
        if self.params == Params::Open {
            self.params = Params::Absent;
        }
    }
}

/// Coded size less cropping, if it is one that can be.
fn cropped(coded: u32, crop: Option<u32>) -> Result<u32, ParamsError> {
    crop.and_then(|crop| coded.checked_sub(crop))
        .filter(|size| (1..=MOST_PIXELS).contains(size))
        .ok_or(ParamsError::Value)
}
