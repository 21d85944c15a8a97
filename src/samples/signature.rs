//! What a picture looks like, kept to be compared with a later one.

use std::sync::Arc;

/// Blocks in a line.
pub(super) const COLUMNS: usize = 64;
/// Lines of blocks.
pub(super) const ROWS: usize = 36;
/// Parts of a level that means are kept in.
const PARTS: u32 = 32;

/// The brightness of 64x36 blocks, and that of a single pixel in each: blocks show what moves, pixels show grain.
/// 7 KB; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    cells: Arc<Cells>,
    /// Of the small picture: others cannot be compared.
    size: (usize, usize),
}

#[derive(Debug, PartialEq, Eq)]
struct Cells {
    /// In 32nds of a level.
    means: [u16; COLUMNS * ROWS],
    pixels: [u8; COLUMNS * ROWS],
}

/// How far two pictures are apart, in levels of 8-bit luma (0 to 255).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// Mean of the differences of all blocks.
    pub mean: f32,
    /// The mean of the 1 % of blocks that differ most: something small that moves.
    pub most: f32,
    /// Mean of the differences of single pixels: grain.
    pub fine: f32,
}

impl Signature {
    /// Of a plane of `width` times `height`.
    pub(super) fn of(luma: &[u8], width: usize, height: usize) -> Self {
        let mut cells = Cells {
            means: [0; COLUMNS * ROWS],
            pixels: [0; COLUMNS * ROWS],
        };
        let span = |index: usize, of: usize, length: usize| {
            let (from, to) = (index * length / of, (index + 1) * length / of);
            from..to.max(from + 1).min(length)
        };
        for row in 0..ROWS {
            let lines = span(row, ROWS, height);
            for column in 0..COLUMNS {
                let range = span(column, COLUMNS, width);
                let (mut sum, mut count) = (0_u32, 0_u32);
                for y in lines.clone() {
                    let line = luma
                        .get(y * width..)
                        .and_then(|rest| rest.get(range.clone()));
                    for &value in line.unwrap_or_default() {
                        sum += u32::from(value);
                        count += 1;
                    }
                }
                let cell = row * COLUMNS + column;
                cells.means[cell] = (sum * PARTS / count.max(1)) as u16;
                let (x, y) = (
                    range.start.midpoint(range.end),
                    lines.start.midpoint(lines.end),
                );
                let (x, y) = (
                    x.min(width.saturating_sub(1)),
                    y.min(height.saturating_sub(1)),
                );
                cells.pixels[cell] = luma.get(y * width + x).copied().unwrap_or(0);
            }
        }
        Self {
            cells: Arc::new(cells),
            size: (width, height),
        }
    }

    /// How far another picture is apart; `None` if it has another shape.
    pub fn distance(&self, other: &Self) -> Option<Distance> {
        if self.size != other.size {
            return None;
        }
        let pairs = self.cells.means.iter().zip(&other.cells.means);
        let mut blocks: Vec<u16> = pairs.map(|(a, b)| a.abs_diff(*b)).collect();
        let sum: u32 = blocks.iter().map(|&block| u32::from(block)).sum();
        let share = blocks.len() / 100;
        blocks.select_nth_unstable_by(share - 1, |a, b| b.cmp(a));
        let most: u32 = blocks[..share].iter().map(|&block| u32::from(block)).sum();
        let pairs = self.cells.pixels.iter().zip(&other.cells.pixels);
        let fine: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        let parts = PARTS as f32;
        Some(Distance {
            mean: sum as f32 / blocks.len() as f32 / parts,
            most: most as f32 / share as f32 / parts,
            fine: fine as f32 / blocks.len() as f32,
        })
    }

    /// Mean brightness of each block, line by line.
    pub(super) fn blocks(&self) -> impl Iterator<Item = f32> {
        self.cells
            .means
            .iter()
            .map(|&mean| f32::from(mean) / PARTS as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let dark = vec![50; 320 * 180];
        let mut spot = dark.clone();
        // A square of 40 pixels.
        for y in 100..140 {
            spot[y * 320 + 30..y * 320 + 70].fill(150);
        }
        let of = |luma: &[u8]| Signature::of(luma, 320, 180);
        assert_eq!(of(&dark).distance(&of(&dark)), Some(Distance::default()));
        let apart = of(&dark).distance(&of(&spot)).unwrap();
        assert!((apart.mean - 100.0 / 36.0).abs() < 0.1, "{apart:?}");
        assert!(apart.most > 99.0, "{apart:?}");
        assert_eq!(of(&dark).distance(&Signature::of(&dark, 180, 320)), None);
        // Smaller than the grid.
        let tiny = Signature::of(&[9; 256], 16, 16);
        assert!(tiny.blocks().all(|block| (block - 9.0).abs() < 0.01));
        assert!(Signature::of(&[], 0, 0).blocks().all(|block| block == 0.0));
    }
}
