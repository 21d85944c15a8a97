//! Figures of one picture.

use super::shrink::Small;
use super::signature::{COLUMNS, ROWS, Signature};

/// Luma of black in video range, with what encoders make of it: 16, and 10 levels more.
const DARK: u8 = 26;
/// Share of the brightest pixels that are passed over: sparks of coding noise.
const SPARKS: f32 = 0.001;
/// The corners where stations show logos, clocks and warnings, as shares of the width and the height.
const CORNER: (f32, f32) = (0.3, 0.25);

/// Figures of one picture. Brightness is luma in video range: black is 16, white 235.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureFigures {
    /// When it is shown: 33 bits at 90 kHz, as it stands in the stream.
    pub pts: u64,
    /// Mean brightness.
    pub mean: f32,
    /// Share of the picture that is black, 0 to 1.
    pub dark: f32,
    /// The same without its four corners, where logos are.
    pub dark_inside: f32,
    /// The brightest place without the corners: all but 0.1 % of the pixels there are no brighter.
    pub peak_inside: f32,
    /// How much the brightness of its blocks differs: standard deviation.
    pub spread: f32,
    /// What it looks like.
    pub signature: Signature,
}

impl PictureFigures {
    pub(crate) fn of(small: &Small, pts: u64) -> Self {
        let signature = Signature::of(&small.luma, small.width, small.height);
        let (mut all, mut inside) = ([0_u32; 256], [0_u32; 256]);
        let side = |share: f32, of: usize| (share * of as f32) as usize;
        let (left, top) = (side(CORNER.0, small.width), side(CORNER.1, small.height));
        for (y, line) in small.luma.chunks(small.width.max(1)).enumerate() {
            let middle = y >= top && y < small.height - top;
            let clear = if middle {
                0..line.len()
            } else {
                left..line.len() - left
            };
            for &value in line {
                all[usize::from(value)] += 1;
            }
            for &value in line.get(clear).unwrap_or_default() {
                inside[usize::from(value)] += 1;
            }
        }
        Self {
            pts,
            mean: mean(&all),
            dark: share_to(&all, DARK),
            dark_inside: share_to(&inside, DARK),
            peak_inside: peak(&inside),
            spread: spread(&signature),
            signature,
        }
    }
}

fn count(histogram: &[u32; 256]) -> f32 {
    histogram.iter().sum::<u32>().max(1) as f32
}

fn mean(histogram: &[u32; 256]) -> f32 {
    let sum: u64 = (0_u64..)
        .zip(histogram)
        .map(|(value, &n)| value * u64::from(n))
        .sum();
    sum as f32 / count(histogram)
}

fn share_to(histogram: &[u32; 256], most: u8) -> f32 {
    let dark: u32 = histogram[..=usize::from(most)].iter().sum();
    dark as f32 / count(histogram)
}

fn peak(histogram: &[u32; 256]) -> f32 {
    let passed = count(histogram) * SPARKS;
    let mut above = 0.0;
    for (value, &n) in histogram.iter().enumerate().rev() {
        above += n as f32;
        if above > passed {
            return value as f32;
        }
    }
    0.0
}

fn spread(signature: &Signature) -> f32 {
    let count = (COLUMNS * ROWS) as f32;
    let mean = signature.blocks().sum::<f32>() / count;
    let squares: f32 = signature.blocks().map(|block| (block - mean).powi(2)).sum();
    (squares / count).sqrt()
}
