//! Looks into the start of video access units as their packets pass.

use super::{Look, Params, h264, hevc, mpeg4, mpegvideo};
use crate::ts::pes::Pes;
use crate::ts::{Codec, VideoInfo};

/// Most bytes of an access unit that are looked at, PES header included.
const MOST: usize = 4096;

/// One access unit's start under inspection. Holds at most [`MOST`] bytes.
#[derive(Debug, Default)]
pub(in crate::ts) struct Sniffer {
    data: Vec<u8>,
    codec: Option<Codec>,
    /// `random_access_indicator` at the start; believed where the bytes don't say.
    hint: bool,
    key: Option<bool>,
    /// Parameter sets that were read last, to notice changes.
    last: Vec<u8>,
}

impl Sniffer {
    /// Begins with the payload of the packet that starts a PES packet.
    pub(in crate::ts) fn start(
        &mut self,
        codec: Codec,
        hint: bool,
        payload: &[u8],
    ) -> Option<VideoParams> {
        self.data.clear();
        self.codec = Some(codec);
        self.hint = hint;
        self.key = None;
        self.push(payload)
    }

    /// Adds the payload of the next packet. Returns parameter sets when they are complete and new.
    pub(in crate::ts) fn push(&mut self, payload: &[u8]) -> Option<VideoParams> {
        let room = MOST.saturating_sub(self.data.len());
        self.data
            .extend_from_slice(&payload[..payload.len().min(room)]);
        self.inspect(false)
    }

    /// Whether more packets are of interest.
    pub(in crate::ts) fn active(&self) -> bool {
        self.codec.is_some()
    }

    /// Whether decoding can start here, once that is known.
    pub(in crate::ts) fn key(&self) -> Option<bool> {
        self.key
    }

    /// No more of this access unit comes, or it may not be waited for.
    pub(in crate::ts) fn finish(&mut self) -> (bool, Option<VideoParams>) {
        let params = self.inspect(true);
        self.codec = None;
        (self.key.unwrap_or(self.hint), params)
    }

    /// Something is missing: what has been gathered says nothing about what follows.
    pub(in crate::ts) fn abort(&mut self) -> bool {
        self.codec = None;
        self.key.unwrap_or(self.hint)
    }

    fn inspect(&mut self, ended: bool) -> Option<VideoParams> {
        let codec = self.codec?;
        let full = self.data.len() >= MOST;
        let es = match Pes::parse(&self.data, 0) {
            Some(pes) => self.data.get(pes.es..).unwrap_or_default(),
            None => &[],
        };
        let Look { key, params } = look(codec, es, ended);
        self.key = self.key.or(key).or_else(|| full.then_some(self.hint));
        match params {
            Params::Whole(range) => {
                self.codec = None;
                let unit = &es[range];
                if unit == self.last {
                    return None;
                }
                let read = read(codec, unit)?;
                self.last = unit.to_vec();
                Some(read)
            }
            Params::Open if !full => None,
            Params::Open | Params::Absent => {
                self.codec = None;
                None
            }
        }
    }

    /// Forgets the last parameter sets, so that the next ones count as new.
    pub(in crate::ts) fn forget(&mut self) {
        self.last.clear();
    }
}

/// What parameter sets said: the codec, as MPEG-1 and MPEG-2 are told apart by them, and the rest.
pub(in crate::ts) type VideoParams = (Codec, VideoInfo);

/// Whether decoding can start at a whole access unit, if its bytes tell.
pub(in crate::ts) fn starts_decoding(codec: Codec, es: &[u8]) -> Option<bool> {
    look(codec, &es[..es.len().min(MOST)], true).key
}

fn look(codec: Codec, es: &[u8], ended: bool) -> Look {
    match codec {
        Codec::H264 => h264::look(es, ended),
        Codec::Hevc => hevc::look(es, ended),
        Codec::Mpeg1Video | Codec::Mpeg2Video => mpegvideo::look(es, ended),
        Codec::Mpeg4Video => mpeg4::look(es),
        _ => Look::default(),
    }
}

fn read(codec: Codec, unit: &[u8]) -> Option<VideoParams> {
    match codec {
        Codec::H264 => h264::parse(unit).ok().map(|info| (codec, info)),
        Codec::Hevc => hevc::parse(unit).ok().map(|info| (codec, info)),
        Codec::Mpeg1Video | Codec::Mpeg2Video => mpegvideo::parse(unit).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::testing::{h264_sps, pes};

    #[test]
    fn verdict_and_parameters_over_many_packets() {
        let mut unit = vec![0, 0, 0, 1, 9, 0xf0, 0, 0, 1];
        unit.extend(h264_sps(66, 31, 80, 45, true, 0));
        let decided = 9 + 14 + 6 + 3 + 1; // PES header, stamp, ..., header byte of the SPS
        unit.extend([0, 0, 0, 1, 0x68, 1, 2, 3, 0, 0, 1, 0x65]);
        let data = pes(0xe0, Some(1), None, &unit);
        let mut sniffer = Sniffer::default();
        let mut found = sniffer.start(Codec::H264, false, &data[..1]);
        for (i, byte) in data.iter().enumerate().skip(1) {
            assert_eq!(sniffer.key().is_some(), i >= decided - 9, "{i}");
            found = found.or(sniffer.push(&[*byte]));
        }
        assert_eq!(found.unwrap().1.width, 1280);
        assert!(!sniffer.active());
        // The same again is nothing new.
        assert_eq!(sniffer.start(Codec::H264, false, &data), None);
        assert_eq!(sniffer.key(), Some(true));
    }

    #[test]
    fn the_bytes_overrule_the_flag_and_the_flag_fills_in() {
        let mut sniffer = Sniffer::default();
        sniffer.start(
            Codec::H264,
            true,
            &pes(0xe0, Some(1), None, &[0, 0, 1, 0x41, 1]),
        );
        assert_eq!((sniffer.key(), sniffer.active()), (Some(false), false));
        sniffer.start(Codec::H264, true, &pes(0xe0, Some(1), None, &[7; 100]));
        assert_eq!((sniffer.key(), sniffer.active()), (None, true));
        assert!(sniffer.finish().0);
        sniffer.start(Codec::H264, true, &pes(0xe0, Some(1), None, &[7; 100]));
        for _ in 0..MOST / 100 {
            sniffer.push(&[7; 100]);
        }
        assert_eq!((sniffer.key(), sniffer.active()), (Some(true), false));
        assert!(sniffer.data.len() <= MOST);
    }
}
