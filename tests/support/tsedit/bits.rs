//! Bits of a parameter set: reading, writing, and the escapes between them and the stream.

/// Reads bits, most significant first. Behind the end it reads zeroes.
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bit.
    pub fn bit(&mut self) -> bool {
        let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        bit == 1
    }

    /// An unsigned Exp-Golomb number (H.264, 9.1), at most 32 bits long.
    pub fn ue(&mut self) -> u32 {
        let mut zeroes = 0;
        while !self.bit() {
            zeroes += 1;
            assert!(zeroes < 32, "no Exp-Golomb number");
        }
        let rest = (0..zeroes).fold(0, |value, _| value << 1 | u32::from(self.bit()));
        (1 << zeroes) - 1 + rest
    }
}

/// Writes bits, most significant first.
#[derive(Default)]
pub struct Pen {
    bytes: Vec<u8>,
    used: usize,
}

impl Pen {
    /// Writes one bit.
    pub fn bit(&mut self, bit: bool) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (7 - self.used % 8);
        }
        self.used += 1;
    }

    /// Writes an unsigned Exp-Golomb number.
    pub fn ue(&mut self, value: u32) {
        let length = (value + 1).ilog2();
        (0..length).for_each(|_| self.bit(false));
        for at in (0..=length).rev() {
            self.bit((value + 1) >> at & 1 == 1);
        }
    }

    /// Copies so many bits.
    pub fn copy(&mut self, from: &mut Bits<'_>, count: usize) {
        (0..count).for_each(|_| self.bit(from.bit()));
    }

    /// Copies an Exp-Golomb number, and gives it.
    pub fn copy_ue(&mut self, from: &mut Bits<'_>) -> u32 {
        let value = from.ue();
        self.ue(value);
        value
    }

    /// Copies all that is left, up to the stop bit, and ends the last byte.
    pub fn finish(mut self, from: &mut Bits<'_>) -> Vec<u8> {
        let bytes = from.bytes;
        let stop = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| {
            last * 8 + 8 - bytes[last].trailing_zeros() as usize
        });
        while from.at < stop {
            self.bit(from.bit());
        }
        self.bytes
    }
}

/// Takes the emulation prevention bytes out (H.264, 7.4.1).
pub fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(unit.len());
    let mut zeroes = 0;
    for &byte in unit {
        if zeroes >= 2 && byte == 3 {
            zeroes = 0;
            continue;
        }
        zeroes = if byte == 0 { zeroes + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

/// Puts them in.
pub fn escape(plain: &[u8]) -> Vec<u8> {
    let mut unit = Vec::with_capacity(plain.len() + 8);
    let mut zeroes = 0;
    for &byte in plain {
        if zeroes >= 2 && byte <= 3 {
            unit.push(3);
            zeroes = 0;
        }
        zeroes = if byte == 0 { zeroes + 1 } else { 0 };
        unit.push(byte);
    }
    unit
}
