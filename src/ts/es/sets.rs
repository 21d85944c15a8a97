//! The parameter sets of a whole access unit: whether all are there, and what sizes they tell.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError};

use super::{h264, hevc, mpegvideo, nal};
use crate::ts::Codec;

/// Most bytes of a sequence header with its extensions.
const MOST_SEQUENCE: usize = 1024;

/// What the parameter sets of an access unit tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sets {
    /// Every kind that decoding needs is there.
    pub(crate) whole: bool,
    /// One of them cannot be read, or tells what cannot be.
    pub(crate) damaged: bool,
    /// The most pixels that one tells of.
    pub(crate) pixels: u64,
    /// The most bytes that a decoded frame takes.
    pub(crate) frame_bytes: u64,
}

/// Reads all parameter sets of a picture.
pub(crate) fn sets(codec: Codec, es: &[u8]) -> Sets {
    let mut sets = Sets::default();
    let mut kinds = [false; 3];
    match codec {
        Codec::H264 => {
            for (at, end) in nal::units(es, true) {
                match es.get(at).map(|header| header & 0x1f) {
                    Some(7) => {
                        kinds[0] = true;
                        sets.note(h264::parse(&es[at..end.unwrap_or(es.len())]).ok().as_ref());
                    }
                    Some(8) => kinds[1] = true,
                    _ => {}
                }
            }
            sets.whole = kinds[0] && kinds[1];
        }
        Codec::Hevc => {
            for (at, end) in nal::units(es, true) {
                match es.get(at).map(|header| header >> 1 & 0x3f) {
                    Some(32) => kinds[2] = true,
                    Some(33) => {
                        kinds[0] = true;
                        sets.note(hevc::parse(&es[at..end.unwrap_or(es.len())]).ok().as_ref());
                    }
                    Some(34) => kinds[1] = true,
                    _ => {}
                }
            }
            sets.whole = kinds == [true; 3];
        }
        Codec::Mpeg1Video | Codec::Mpeg2Video => {
            for at in nal::starts(es).filter(|&at| es.get(at) == Some(&0xb3)) {
                sets.whole = true;
                let header = &es[at..es.len().min(at + MOST_SEQUENCE)];
                sets.note(mpegvideo::parse(header).ok().map(|(_, info)| info).as_ref());
            }
        }
        Codec::Mpeg4Video => {
            for at in nal::starts(es).filter(|&at| matches!(es.get(at), Some(0x20..=0x2f))) {
                sets.whole = true;
                match layer_size(&es[at + 1..]) {
                    Ok(Some((width, height))) => sets.note_size(width, height, 3),
                    // Shapes other than rectangles are of no stream in use.
                    Ok(None) | Err(_) => sets.damaged = true,
                }
            }
        }
        _ => {}
    }
    sets
}

impl Sets {
    fn note(&mut self, info: Option<&crate::ts::VideoInfo>) {
        use crate::ts::Chroma;
        let Some(info) = info else {
            self.damaged = true;
            return;
        };
        let halves = match info.chroma {
            Chroma::Mono => 2,
            Chroma::C420 => 3,
            Chroma::C422 => 4,
            Chroma::C444 => 6,
        };
        let bytes = if info.bit_depth > 8 { 2 } else { 1 };
        self.note_size(info.width, info.height, halves * bytes);
    }

    /// `halves`: bytes of two pixels.
    fn note_size(&mut self, width: u32, height: u32, halves: u64) {
        let pixels = u64::from(width) * u64::from(height);
        self.damaged |= pixels == 0;
        self.pixels = self.pixels.max(pixels);
        self.frame_bytes = self.frame_bytes.max(pixels * halves / 2);
    }
}

/// Size of a rectangular `VideoObjectLayer` (ISO/IEC 14496-2, 6.2.3).
fn layer_size(data: &[u8]) -> Result<Option<(u32, u32)>, BitReaderError> {
    let r = &mut BitReader::new(data);
    r.skip(1 + 8, "random_accessible_vol, video_object_type_indication")?;
    if r.read_bit("is_object_layer_identifier")? {
        r.skip(
            4 + 3,
            "video_object_layer_verid, video_object_layer_priority",
        )?;
    }
    if r.read::<4, u8>("aspect_ratio_info")? == 15 {
        r.skip(8 + 8, "par_width, par_height")?;
    }
    if r.read_bit("vol_control_parameters")? {
        r.skip(2 + 1, "chroma_format, low_delay")?;
        if r.read_bit("vbv_parameters")? {
            r.skip(79, "bit rate, buffer size and occupancy")?;
        }
    }
    if r.read::<2, u8>("video_object_layer_shape")? != 0 {
        return Ok(None);
    }
    r.skip(1, "marker")?;
    let resolution = r.read::<16, u16>("vop_time_increment_resolution")?;
    r.skip(1, "marker")?;
    if r.read_bit("fixed_vop_rate")? {
        let bits = u16::BITS - resolution.saturating_sub(1).leading_zeros();
        r.skip(bits.max(1), "fixed_vop_time_increment")?;
    }
    r.skip(1, "marker")?;
    let width = r.read::<13, u32>("video_object_layer_width")?;
    r.skip(1, "marker")?;
    let height = r.read::<13, u32>("video_object_layer_height")?;
    Ok(Some((width, height)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ts::testing::h264_sps;

    #[test]
    fn the_largest_of_all_sets_counts() {
        let set = |width, height| {
            let sps = h264_sps(100, 40, width, height, true, 0);
            [&[0, 0, 1][..], &sps, &[0, 0, 1, 0x68, 0xce]].concat()
        };
        let small = set(80, 45);
        let found = sets(Codec::H264, &small);
        assert!(found.whole && !found.damaged);
        assert_eq!((found.pixels, found.frame_bytes), (921_600, 1_382_400));
        let both = [small.clone(), vec![0, 0, 1, 0x65, 9, 9], set(512, 272)].concat();
        assert_eq!(sets(Codec::H264, &both).pixels, 8192 * 4352);
        assert!(sets(Codec::H264, &[&small[..], &set(5000, 45)].concat()).damaged);
        assert!(
            !sets(Codec::H264, &small[..small.len() - 5]).whole,
            "no PPS"
        );
        assert_eq!(sets(Codec::H264, &[]), Sets::default());
    }

    proptest! {
        #[test]
        fn anything_is_read(
            codec in prop::sample::select(vec![Codec::H264, Codec::Hevc, Codec::Mpeg2Video, Codec::Mpeg4Video]),
            code in prop::sample::select(vec![0x67_u8, 0x42, 0xb3, 0x20]),
            data in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            sets(codec, &[&[0, 0, 1, code][..], &data].concat());
        }
    }
}
