//! PES packet headers and their time stamps (ISO/IEC 13818-1, 2.4.3.6 and 2.4.3.7).

/// Bytes before `PES_header_data`.
const FIXED: usize = 9;

/// A 33-bit time stamp and where it stands in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) value: u64,
    pub(super) at: usize,
}

/// The start of a PES packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pes {
    pub(super) stream_id: u8,
    pub(super) pts: Option<Stamp>,
    pub(super) dts: Option<Stamp>,
    /// Offset of the first elementary stream byte; may lie beyond the data that is here.
    pub(super) es: usize,
}

impl Pes {
    /// Reads the PES header that starts at `at`. `None` when there is none, or when less than its
    /// fixed part is here. Offsets in the result count from the start of `data`.
    pub(super) fn parse(data: &[u8], at: usize) -> Option<Self> {
        let head = data.get(at..)?.first_chunk::<FIXED>()?;
        if head[..3] != [0, 0, 1] || head[3] < 0xbc {
            return None;
        }
        let mut pes = Self {
            stream_id: head[3],
            pts: None,
            dts: None,
            es: at + 6,
        };
        if !has_optional_header(head[3]) {
            return Some(pes);
        }
        if head[6] & 0xc0 != 0x80 {
            return None;
        }
        let length = usize::from(head[8]);
        pes.es = at + FIXED + length;
        // A stamp must lie within the header that the packet claims and within the data here.
        if head[7] & 0x80 != 0 && length >= 5 {
            pes.pts = read_stamp(data, at + FIXED);
            if head[7] & 0x40 != 0 && length >= 10 {
                pes.dts = read_stamp(data, at + FIXED + 5);
            }
        }
        Some(pes)
    }

    /// Decoding time: DTS, or PTS where both are the same.
    pub(super) fn decode_time(&self) -> Option<u64> {
        self.dts.or(self.pts).map(|stamp| stamp.value)
    }
}

/// Table 2-21: these stream ids carry bare bytes.
fn has_optional_header(stream_id: u8) -> bool {
    !matches!(
        stream_id,
        0xbc | 0xbe | 0xbf | 0xf0 | 0xf1 | 0xf2 | 0xf8 | 0xff
    )
}

fn read_stamp(data: &[u8], at: usize) -> Option<Stamp> {
    let b = data.get(at..)?.first_chunk::<5>()?;
    if b[0] & b[2] & b[4] & 1 == 0 {
        return None; // marker bits are missing: no stamp
    }
    let value = (u64::from(b[0] >> 1 & 7) << 30)
        | (u64::from(b[1]) << 22)
        | (u64::from(b[2] >> 1) << 15)
        | (u64::from(b[3]) << 7)
        | u64::from(b[4] >> 1);
    Some(Stamp { value, at })
}

/// Writes a 33-bit stamp over the one at `at`; its four prefix bits stay.
pub(super) fn write_stamp(data: &mut [u8], at: usize, value: u64) {
    let Some(b) = data.get_mut(at..at + 5) else {
        return;
    };
    b[0] = (b[0] & 0xf0) | (((value >> 30) as u8 & 7) << 1) | 1;
    b[1] = (value >> 22) as u8;
    b[2] = ((value >> 15) as u8) << 1 | 1;
    b[3] = (value >> 7) as u8;
    b[4] = (value as u8) << 1 | 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::pes;

    #[test]
    fn stamps_survive_a_rewrite() {
        for value in [0, 1, (1 << 33) - 1, 0x1_2345_6789] {
            let mut data = pes(0xe0, Some(5), Some(4), b"es");
            let p = Pes::parse(&data, 0).unwrap();
            assert_eq!((p.pts.unwrap().value, p.decode_time()), (5, Some(4)));
            write_stamp(&mut data, p.pts.unwrap().at, value);
            write_stamp(&mut data, p.dts.unwrap().at, value ^ 1);
            let p = Pes::parse(&data, 0).unwrap();
            assert_eq!(
                (p.pts.unwrap().value, p.decode_time()),
                (value, Some(value ^ 1))
            );
            assert_eq!(&data[p.es..], b"es");
            assert_eq!((data[9] >> 4, data[14] >> 4), (3, 1));
        }
    }

    #[test]
    fn cut_short_anywhere() {
        let data = pes(0xe0, Some(5), Some(4), b"");
        for n in 0..data.len() {
            if let Some(p) = Pes::parse(&data[..n], 0) {
                assert_eq!(p.pts.is_some(), n >= 14);
                assert_eq!(p.dts.is_some(), n >= 19);
            } else {
                assert!(n < 9);
            }
        }
    }

    #[test]
    fn stamp_outside_of_the_claimed_header_is_none() {
        let mut data = pes(0xe0, Some(5), None, b"abcdef");
        data[8] = 4;
        assert_eq!(Pes::parse(&data, 0).unwrap().pts, None);
        assert_eq!(Pes::parse(b"\0\0\x02nothing of the kind", 0), None);
        assert_eq!(Pes::parse(&data, usize::MAX), None);
    }
}
