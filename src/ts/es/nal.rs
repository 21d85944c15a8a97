//! Start codes and emulation prevention (ITU-T H.264, 7.3.1 and annex B; the same in HEVC).

/// Longest parameter set that is looked at.
const MOST_RBSP: usize = 1024;

/// Offsets of the bytes after each start code `00 00 01`.
pub(super) fn starts(data: &[u8]) -> impl Iterator<Item = usize> {
    let mut from = 0;
    std::iter::from_fn(move || {
        // No start code can begin within three bytes of which the last is neither 0 nor 1.
        while let Some(&[first, second, third]) = data.get(from..)?.first_chunk::<3>() {
            match third {
                0 => from += 1,
                1 if first == 0 && second == 0 => {
                    from += 3;
                    return Some(from);
                }
                _ => from += 3,
            }
        }
        None
    })
}

/// Units between start codes as (first byte, end). The end is `None` for the last one unless the
/// data is known to end there; trailing zero bytes may belong to the next start code.
pub(super) fn units(data: &[u8], ended: bool) -> impl Iterator<Item = (usize, Option<usize>)> {
    let mut starts = starts(data).peekable();
    std::iter::from_fn(move || {
        let at = starts.next()?;
        let end = starts
            .peek()
            .map(|&next| next - 3)
            .or_else(|| ended.then_some(data.len()));
        Some((at, end))
    })
}

/// The payload of a NAL unit without its emulation prevention bytes, `header` bytes skipped.
pub(super) fn rbsp(unit: &[u8], header: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len().min(MOST_RBSP));
    let mut zeros = 0;
    for &byte in unit.iter().skip(header).take(MOST_RBSP) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_units() {
        let data = [9, 0, 0, 0, 1, 0x67, 5, 0, 0, 1, 0x68, 0, 0, 1];
        assert_eq!(
            units(&data, false).collect::<Vec<_>>(),
            [(5, Some(7)), (10, Some(11)), (14, None)]
        );
        assert_eq!(units(&data, true).last(), Some((14, Some(14))));
        assert_eq!(units(&[0, 0], true).count(), 0);
    }

    #[test]
    fn drops_emulation_prevention() {
        assert_eq!(
            rbsp(&[0x67, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3], 1),
            [0, 0, 1, 0, 0, 0, 0]
        );
        assert!(rbsp(&[0x67], 2).is_empty());
    }
}
