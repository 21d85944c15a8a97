//! The two uses the tests have for gzip (RFC 1952, RFC 1951): an honest small file, and a bomb.

/// `body` as a gzip file of stored blocks: legal, though not smaller.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut file = HEADER.to_vec();
    let mut chunks = body.chunks(0xffff).peekable();
    while let Some(chunk) = chunks.next() {
        let length = chunk.len() as u16;
        file.push(u8::from(chunks.peek().is_none()));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(chunk);
    }
    if body.is_empty() {
        file.extend([1, 0, 0, 0xff, 0xff]);
    }
    file.extend(crc32(body).to_le_bytes());
    file.extend((body.len() as u32).to_le_bytes());
    file
}

/// The start of a gzip file that unpacks to `first`, to be followed by any number of [`MORE`].
pub fn bomb(first: &[u8]) -> Vec<u8> {
    let mut file = HEADER.to_vec();
    let length = first.len() as u16;
    file.push(0);
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(first);
    file.extend(MORE);
    file
}

/// A deflate block that repeats the last byte 8 x 258 times, in 15 bytes: it begins and ends on a
/// byte, so that copies of it can follow each other for ever.
pub const MORE: [u8; BLOCK] = repeat_block();

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// 3 bits of header, 8 matches of 8 + 5 bits, 7 bits of end: 114 bits, then 6 bits that open an
/// empty stored block up to the next byte, and its length.
const BLOCK: usize = 15 + 4;

const fn repeat_block() -> [u8; BLOCK] {
    let mut block = [0_u8; BLOCK];
    let mut at = 0;
    // Not final, fixed codes (01, least significant bit first).
    at = put(&mut block, at, 0b010, 3);
    let mut matches = 0;
    while matches < 8 {
        // Length 258 is symbol 285, code 11000101 from its highest bit on; distance 1 is 00000.
        at = put(&mut block, at, 0b1010_0011, 8);
        at = put(&mut block, at, 0, 5);
        matches += 1;
    }
    // End of block, 0000000; then the three bits of a stored block that is not final.
    at = put(&mut block, at, 0, 7 + 3);
    let empty = at.div_ceil(8);
    block[empty + 2] = 0xff;
    block[empty + 3] = 0xff;
    block
}

const fn put(block: &mut [u8; BLOCK], at: usize, bits: usize, count: usize) -> usize {
    let mut bit = 0;
    while bit < count {
        if bits >> bit & 1 == 1 {
            block[(at + bit) / 8] |= 1 << ((at + bit) % 8);
        }
        bit += 1;
    }
    at + count
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ 0xedb8_8320 & (crc & 1).wrapping_neg();
        }
        crc
    })
}
