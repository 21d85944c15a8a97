//! CRC-32 of table sections (ISO/IEC 13818-1, annex A): polynomial 0x04c11db7, not reflected.

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x04c1_1db7
            };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// The CRC of `data`; 0 when `data` ends in its own CRC.
pub(super) fn crc32(data: &[u8]) -> u32 {
    data.iter().fold(u32::MAX, |crc, &byte| {
        (crc << 8) ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value() {
        assert_eq!(crc32(b"123456789"), 0x0376_e6e7); // CRC-32/MPEG-2
        let mut data = b"123456789".to_vec();
        data.extend(0x0376_e6e7_u32.to_be_bytes());
        assert_eq!(crc32(&data), 0);
    }
}
