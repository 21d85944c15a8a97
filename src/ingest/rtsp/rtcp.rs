//! As much of RTP and RTCP as the signalling needs (RFC 3550). Pure.

/// Whether a compound RTCP packet says that its sender leaves (6.6).
pub(super) fn is_farewell(compound: &[u8]) -> bool {
    const BYE: u8 = 203;
    let mut rest = compound;
    while let [_, kind, high, low, ..] = *rest {
        if kind == BYE {
            return true;
        }
        let words = usize::from(u16::from_be_bytes([high, low])) + 1;
        rest = rest.get(words * 4..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farewell_stands_behind_a_report() {
        let report = [0x80, 200, 0, 1, 0, 0, 0, 1];
        let bye = [0x81, 203, 0, 1, 0, 0, 0, 1];
        assert!(!is_farewell(&report));
        assert!(is_farewell(&[report, bye].concat()));
        assert!(!is_farewell(&[0x80, 200, 0xff, 0xff, 203, 203]));
        assert!(!is_farewell(&[]));
    }
}
