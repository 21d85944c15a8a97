//! Frames of sound: AAC into ADTS, Opus into its transport form, and where frames of other codecs end.

use h264_reader::rbsp::{BitRead, BitReader};

use crate::ts::{self, Codec};

/// Hz by `samplingFrequencyIndex` (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
/// Longest ADTS frame: its length field has 13 bits.
const MOST_ADTS: usize = 0x1fff;
const ADTS_HEADER: usize = 7;
/// An `AudioObjectType` that tells of spectral band replication, and one that adds parametric stereo.
const SBR: u32 = 5;
const PS: u32 = 29;

/// What ADTS needs of an `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aac {
    object_type: u8,
    rate_index: u8,
    channels: u8,
}

impl Aac {
    /// Reads the configuration. HE-AAC comes out as its core, which decoders extend by themselves.
    /// The error names what ADTS has no header for.
    pub(super) fn parse(config: &[u8]) -> Result<Self, String> {
        let damaged = |_| "AAC with a damaged configuration".to_owned();
        let r = &mut BitReader::new(config);
        let mut object_type = object_type(r).map_err(damaged)?;
        let mut rate_index = rate_index(r).map_err(damaged)?;
        let channels = r.read::<4, u8>("channelConfiguration").map_err(damaged)?;
        if matches!(object_type, SBR | PS) {
            let core_index = rate_index;
            rate_index_skip(r).map_err(damaged)?;
            object_type = self::object_type(r).map_err(damaged)?;
            rate_index = core_index;
        }
        if !(1..=4).contains(&object_type) {
            return Err(format!("AAC of object type {object_type}"));
        }
        let Some(rate_index) = rate_index else {
            return Err("AAC of an unusual sampling rate".into());
        };
        if !(1..=7).contains(&channels) {
            return Err(format!("AAC with channel configuration {channels}"));
        }
        Ok(Self {
            object_type: object_type as u8,
            rate_index,
            channels,
        })
    }

    /// Length of a frame in 90 kHz.
    pub(super) fn duration(self) -> i64 {
        super::format::span(1024, RATES[usize::from(self.rate_index)])
    }

    /// The frame with an ADTS header (ISO/IEC 13818-7, 6.2); `None` when it is too long for one.
    pub(super) fn adts(self, frame: &[u8]) -> Option<Vec<u8>> {
        let length = frame.len() + ADTS_HEADER;
        if length > MOST_ADTS || frame.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(length);
        out.extend([
            0xff,
            0xf1, // MPEG-4, no CRC
            (self.object_type - 1) << 6 | self.rate_index << 2 | self.channels >> 2,
            (self.channels & 3) << 6 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length as u8) << 5 | 0x1f,
            0xfc, // variable rate, one raw block
        ]);
        out.extend_from_slice(frame);
        Some(out)
    }
}

type Bits<'a> = BitReader<&'a [u8]>;
type BitsError = h264_reader::rbsp::BitReaderError;

fn object_type(r: &mut Bits<'_>) -> Result<u32, BitsError> {
    match r.read::<5, u32>("audioObjectType")? {
        31 => Ok(32 + r.read::<6, u32>("audioObjectTypeExt")?),
        n => Ok(n),
    }
}

/// `None` for a rate that has no index.
fn rate_index(r: &mut Bits<'_>) -> Result<Option<u8>, BitsError> {
    match r.read::<4, u8>("samplingFrequencyIndex")? {
        15 => {
            let rate = r.read::<24, u32>("samplingFrequency")?;
            let known = RATES.iter().position(|&known| known == rate);
            Ok(known.map(|index| index as u8))
        }
        n => Ok((usize::from(n) < RATES.len()).then_some(n)),
    }
}

fn rate_index_skip(r: &mut Bits<'_>) -> Result<(), BitsError> {
    rate_index(r).map(|_| ())
}

/// An Opus packet behind its control header (`opus_access_unit` of Opus in MPEG-TS).
pub(super) fn opus(packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet.len() + 8);
    out.extend([0x7f, 0xe0]); // prefix; no trims, no extension
    let mut size = packet.len();
    while size >= 0xff {
        out.push(0xff);
        size -= 0xff;
    }
    out.push(size as u8);
    out.extend_from_slice(packet);
    out
}

/// Length of an Opus packet in 90 kHz (RFC 6716, 3.1 and 3.2).
pub(crate) fn opus_duration(packet: &[u8]) -> i64 {
    let Some(&toc) = packet.first() else { return 0 };
    let tenths = match toc >> 3 {
        config @ 0..=11 => [100, 200, 400, 600][usize::from(config & 3)],
        config @ 12..=15 => [100, 200][usize::from(config & 1)],
        config => [25, 50, 100, 200][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => i64::from(packet.get(1).map_or(1, |count| count & 0x3f)),
    };
    tenths * 9 * frames
}

/// A frame of sound that announces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) codec: Codec,
    /// Bytes, at least 6.
    pub(crate) size: usize,
    pub(crate) samples: u32,
    pub(crate) rate: u32,
}

/// Bytes that [`header`] wants to see.
pub(crate) const HEADER: usize = 8;

/// Reads the frame header at the start of `data`: ADTS, MPEG audio, AC-3 or E-AC-3.
pub(crate) fn header(data: &[u8]) -> Option<Header> {
    if data.starts_with(&[0x0b, 0x77]) {
        return dolby(data);
    }
    let (codec, info, size) = ts::audio_frame(data)?;
    let samples = match codec {
        Codec::Aac => 1024 * (1 + u32::from(data.get(6)? & 3)),
        Codec::Mp3 if info.sample_rate < 32_000 => 576,
        _ => 1152,
    };
    Some(Header {
        codec,
        size,
        samples,
        rate: info.sample_rate,
    })
}

/// ETSI TS 102 366, 4.4.1 and E.1.3.1.
fn dolby(data: &[u8]) -> Option<Header> {
    const RATES: [u32; 3] = [48_000, 44_100, 32_000];
    // kbit/s by half of frmsizecod, table 4.13
    const KILOBITS: [u32; 19] = [
        32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
    ];
    let head = data.first_chunk::<6>()?;
    let fscod = usize::from(head[4] >> 6);
    if head[5] >> 3 <= 10 {
        let rate = *RATES.get(fscod)?;
        let code = head[4] & 0x3f;
        let kilobits = KILOBITS.get(usize::from(code >> 1))?;
        let words = kilobits * 1000 * 1536 / rate / 16 + u32::from(fscod == 1 && code & 1 != 0);
        return Some(Header {
            codec: Codec::Ac3,
            size: words as usize * 2,
            samples: 1536,
            rate,
        });
    }
    let blocks = [1, 2, 3, 6][usize::from(head[4] >> 4 & 3)];
    let (rate, blocks) = match RATES.get(fscod) {
        Some(&rate) => (rate, blocks),
        None => (RATES.get(usize::from(head[4] >> 4 & 3))? / 2, 6),
    };
    let size = 2 * ((usize::from(head[2] & 7) << 8 | usize::from(head[3])) + 1);
    // A dependent substream adds channels to the frame before it, at the same time.
    let dependent = head[2] >> 6 == 1;
    Some(Header {
        codec: Codec::Eac3,
        size: size.max(6),
        samples: if dependent { 0 } else { blocks * 256 },
        rate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations() {
        let read =
            |bytes: &[u8]| Aac::parse(bytes).map(|a| (a.object_type, a.rate_index, a.channels));
        assert_eq!(read(&[0x12, 0x10]), Ok((2, 4, 2))); // LC, 44.1 kHz, stereo
        assert_eq!(read(&[0x13, 0x10, 0x56, 0xe5, 0x98]), Ok((2, 6, 2))); // HE-AAC, implicit
        assert_eq!(read(&[0x2b, 0x11, 0x88, 0]), Ok((2, 6, 2))); // HE-AAC, explicit: 24 in 48 kHz
        assert_eq!(read(&[0xeb, 0x09, 0x88, 0]), Ok((2, 6, 1))); // HE-AAC v2
        assert_eq!(read(&[0x17, 0x80, 0x5d, 0xc0, 0x10]), Ok((2, 3, 2))); // 48,000 spelt out
        assert!(read(&[0xf9, 0x46, 0x40]).is_err()); // USAC
        assert!(read(&[0x11, 0xb0]).is_ok() && read(&[0x11, 0x80]).is_err());
        assert!(read(&[]).is_err() && read(&[0x12]).is_err());
    }

    #[test]
    fn adts_is_what_its_reader_expects() {
        let aac = Aac::parse(&[0x12, 0x10]).unwrap();
        let frame = aac.adts(&[0x21; 300]).unwrap();
        let found = header(&frame).unwrap();
        assert_eq!((found.codec, found.size), (Codec::Aac, 307));
        assert_eq!((found.samples, found.rate), (1024, 44_100));
        assert_eq!(aac.duration(), 2089);
        assert!(aac.adts(&[0; 8185]).is_none() && aac.adts(&[]).is_none());
    }

    #[test]
    fn dolby_frames() {
        let ac3 = header(&[0x0b, 0x77, 0, 0, 0x14, 0x40, 0, 0]).unwrap(); // 48 kHz, 192 kbit/s
        assert_eq!((ac3.codec, ac3.size, ac3.samples), (Codec::Ac3, 768, 1536));
        let odd = header(&[0x0b, 0x77, 0, 0, 0x55, 0x40, 0, 0]).unwrap(); // 44.1 kHz
        assert_eq!((odd.size, odd.rate), (836, 44_100)); // 192 kbit/s: 417 or 418 words
        let eac3 = header(&[0x0b, 0x77, 0x01, 0xff, 0x34, 0x87, 0, 0]).unwrap();
        assert_eq!(
            (eac3.codec, eac3.size, eac3.samples),
            (Codec::Eac3, 1024, 1536)
        );
        assert_eq!(
            header(&[0x0b, 0x77, 0x41, 0xff, 0x34, 0x87])
                .unwrap()
                .samples,
            0
        );
        assert_eq!(header(&[0x0b, 0x77, 0, 0, 0xff, 0x40]), None);
    }

    #[test]
    fn opus_packets() {
        assert_eq!(opus(&[7; 3]), [0x7f, 0xe0, 3, 7, 7, 7]);
        assert_eq!(opus(&[0; 255])[..4], [0x7f, 0xe0, 0xff, 0]);
        assert_eq!(opus_duration(&[0xfc]), 1800); // CELT, 20 ms
        assert_eq!(opus_duration(&[0x7b, 3]), 5400);
    }
}
