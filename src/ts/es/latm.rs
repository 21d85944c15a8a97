//! AAC in LOAS/LATM (ISO/IEC 14496-3, 1.7): its sync layer and the head of its first configuration.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError};

use crate::ts::{AudioInfo, Codec};

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Reads an `AudioSyncStream` frame that brings its configuration; those that repeat the one before
/// tell nothing. The number is the size of the frame in bytes.
pub(super) fn loas(data: &[u8]) -> Option<(Codec, AudioInfo, usize)> {
    let h = data.first_chunk::<3>()?;
    if h[0] != 0x56 || h[1] & 0xe0 != 0xe0 {
        return None;
    }
    let size = 3 + (usize::from(h[1] & 0x1f) << 8 | usize::from(h[2]));
    let element = data.get(3..size.min(data.len()))?;
    let info = config(&mut BitReader::new(element)).ok()??;
    Some((Codec::AacLatm, info, size))
}

/// `StreamMuxConfig` up to the channels of its first layer; `None` where it is not there or reserved.
fn config(r: &mut impl BitRead) -> Result<Option<AudioInfo>, BitReaderError> {
    if r.read_bit("useSameStreamMux")? {
        return Ok(None);
    }
    let version = r.read_bit("audioMuxVersion")?;
    if version {
        if r.read_bit("audioMuxVersionA")? {
            return Ok(None);
        }
        value(r)?; // taraBufferFullness
    }
    r.skip(
        1 + 6 + 4 + 3,
        "allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer",
    )?;
    if version {
        value(r)?; // ascLen
    }
    let mut object = r.read::<5, u8>("audioObjectType")?;
    if object == 31 {
        object = 32 + r.read::<6, u8>("audioObjectTypeExt")?;
    }
    let sample_rate = match r.read::<4, u8>("samplingFrequencyIndex")? {
        15 => r.read::<24, u32>("samplingFrequency")?,
        index => match RATES.get(usize::from(index)) {
            Some(rate) => *rate,
            None => return Ok(None),
        },
    };
    let channels = match r.read::<4, u8>("channelConfiguration")? {
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        n @ 0..=6 => n,
        _ => return Ok(None),
    };
    Ok((sample_rate > 0).then_some(AudioInfo {
        sample_rate,
        channels,
        aac_object_type: Some(object),
    }))
}

/// `LatmGetValue`: a number of one to four bytes.
fn value(r: &mut impl BitRead) -> Result<(), BitReaderError> {
    let more = r.read::<2, u32>("bytesForValue")?;
    r.skip((more + 1) * 8, "valueTmp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::es::audio::parse;

    /// A frame whose element begins with these bits.
    fn loas_frame(bits: &str) -> Vec<u8> {
        let mut element: Vec<u8> = bits
            .replace(' ', "")
            .as_bytes()
            .chunks(8)
            .map(|byte| {
                let text = format!("{:0<8}", String::from_utf8_lossy(byte));
                u8::from_str_radix(&text, 2).unwrap()
            })
            .collect();
        element.resize(40, 0);
        [&[0x56, 0xe0, 40], &element[..]].concat()
    }

    #[test]
    fn configurations() {
        // same mux 0, version 0, framing 1, 0 sub-frames, 1 programme, 1 layer, AAC-LC, 48 kHz, stereo
        let plain = loas_frame("0 0 1 000000 0000 000 00010 0011 0010");
        // version 1 with A 0, a fullness of one byte, a length of one byte; HE-AAC, 24 kHz, mono
        let newer = loas_frame("0 1 0 00 11111111 1 000000 0000 000 00 00010000 00101 0110 0001");
        let read = |frames: &[u8]| {
            let (codec, info) = parse(Codec::AacLatm, frames)?;
            Some((codec, info.aac_object_type, info.sample_rate, info.channels))
        };
        let again = [&plain[..], &plain].concat();
        assert_eq!(read(&again), Some((Codec::AacLatm, Some(2), 48_000, 2)));
        assert_eq!(read(&newer), Some((Codec::AacLatm, Some(5), 24_000, 1)));
        assert_eq!(read(&loas_frame("1")), None, "it repeats another");
        for n in 0..plain.len() {
            if let Some((_, info)) = parse(Codec::AacLatm, &plain[..n]) {
                assert_eq!(info.sample_rate, 48_000);
            }
        }
    }
}
