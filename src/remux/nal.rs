//! H.264 and HEVC out of length-prefixed units (ISO/IEC 14496-15) into byte streams (annex B).

use h264_reader::rbsp::{BitRead, BitReader};

use super::error::RemuxError;

/// Most bytes of parameter sets that are written before a keyframe.
const MOST_SETS: usize = 32 << 10;
const START: [u8; 4] = [0, 0, 0, 1];
const VPS: usize = 0;
const SPS: usize = 1;
const PPS: usize = 2;

/// H.264 or HEVC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Avc,
    Hevc,
}

/// What a unit is for, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Delimiter,
    /// Parameter sets: VPS, SPS or PPS.
    Set(usize),
    /// A picture at which decoding can start.
    Start,
    Picture,
    Other,
}

/// What the units of a sample are.
#[derive(Default)]
struct Seen {
    delimited: bool,
    sets: [bool; 3],
    key: bool,
}

/// A decoder configuration record: how units are prefixed, and the parameter sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    family: Family,
    length_size: usize,
    /// By role: VPS, SPS, PPS, each as a byte stream.
    sets: [Vec<u8>; 3],
}

impl Config {
    /// Reads an `AVCDecoderConfigurationRecord` (5.3.3.1) or `HEVCDecoderConfigurationRecord` (8.3.3.1).
    /// Records that break off after their fixed part are found in the wild: pictures may bring the rest.
    pub(super) fn parse(family: Family, record: &[u8]) -> Result<Self, RemuxError> {
        let length_at = match family {
            Family::Avc => 4,
            Family::Hevc => 21,
        };
        let Some((&[.., lengths], mut rest)) = record.split_at_checked(length_at + 1) else {
            return Err(RemuxError::NotMedia("a damaged decoder configuration"));
        };
        let mut config = Self {
            family,
            length_size: usize::from(lengths & 3) + 1,
            sets: Default::default(),
        };
        let data = &mut rest;
        match family {
            Family::Avc => {
                for mask in [0x1f, 0xff] {
                    let count = take(data, 1).map_or(0, |count| count[0] & mask);
                    config.read_sets(count.into(), data);
                }
            }
            Family::Hevc => {
                let arrays = take(data, 1).map_or(0, |count| count[0]);
                for _ in 0..arrays {
                    let count = take(data, 3).map_or(0, |h| u16::from_be_bytes([h[1], h[2]]));
                    config.read_sets(count.into(), data);
                }
            }
        }
        Ok(config)
    }

    fn read_sets(&mut self, count: usize, data: &mut &[u8]) {
        for _ in 0..count {
            let Some(length) = take(data, 2) else { return };
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let Some(unit) = take(data, length) else {
                return;
            };
            if let Role::Set(index) = self.role(unit)
                && self.sets.iter().map(Vec::len).sum::<usize>() + length < MOST_SETS
            {
                self.sets[index].extend(START);
                self.sets[index].extend_from_slice(unit);
            }
        }
    }

    /// Makes an access unit of a sample: delimiter first, parameter sets before pictures at which
    /// decoding can start. `sync`: the container says that this is one. Returns whether it is.
    pub(super) fn access_unit(&self, sample: &[u8], sync: bool) -> (Vec<u8>, bool) {
        let seen = self.look(sample, sync);
        let [vps, sps, pps] = &self.sets;
        let (mut front, mut late): (Vec<&[u8]>, &[u8]) = (Vec::new(), &[]);
        if seen.key {
            let missing = |set: usize| !seen.sets[set];
            // Sets refer to those before them, so PPS go behind SPS that the sample brings.
            front.extend(missing(VPS).then_some(&vps[..]));
            front.extend(missing(SPS).then_some(&sps[..]));
            match (missing(SPS), missing(PPS)) {
                (true, true) => front.push(pps),
                (false, true) => late = pps,
                _ => {}
            }
        }
        let mut out = Vec::with_capacity(sample.len() + if seen.key { MOST_SETS / 16 } else { 64 });
        if !seen.delimited {
            let delimiter: &[u8] = match self.family {
                Family::Avc => &[0, 0, 0, 1, 9, 0xf0],
                Family::Hevc => &[0, 0, 0, 1, 0x46, 1, 0x50],
            };
            out.extend_from_slice(delimiter);
        }
        for (i, unit) in self.units(sample).enumerate() {
            let role = self.role(unit);
            if role == Role::Delimiter && i > 0 {
                continue;
            }
            if role != Role::Delimiter {
                front.drain(..).for_each(|set| out.extend_from_slice(set));
            }
            if matches!(role, Role::Start | Role::Picture) {
                out.extend_from_slice(std::mem::take(&mut late));
            }
            out.extend_from_slice(&START);
            out.extend_from_slice(unit);
        }
        (out, seen.key)
    }

    fn look(&self, sample: &[u8], sync: bool) -> Seen {
        let mut seen = Seen::default();
        let (mut starts, mut recovery, mut intra) = (false, false, None);
        for (i, unit) in self.units(sample).enumerate() {
            match self.role(unit) {
                Role::Delimiter => seen.delimited |= i == 0,
                Role::Set(index) => seen.sets[index] = true,
                Role::Start => starts = true,
                Role::Picture => intra = intra.or_else(|| Some(self.intra(unit))),
                Role::Other => recovery |= self.recovery_point(unit),
            }
        }
        // Some containers flag every sample: a predicted picture is no place to start at.
        seen.key = starts || (intra.is_some() && recovery) || (intra == Some(true) && sync);
        seen
    }

    /// The units of a sample; ends where a length does not fit.
    fn units<'a>(&self, mut data: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = self.length_size;
        std::iter::from_fn(move || {
            loop {
                let length = take(&mut data, size)?
                    .iter()
                    .fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
                // A last unit that is cut short is passed on as it is: decoders conceal it.
                let size = length.min(data.len());
                let unit = take(&mut data, size)?;
                if !unit.is_empty() {
                    return Some(unit);
                }
            }
        })
    }

    fn role(&self, unit: &[u8]) -> Role {
        let Some(&header) = unit.first() else {
            return Role::Other;
        };
        match self.family {
            Family::Avc => match header & 0x1f {
                9 => Role::Delimiter,
                7 => Role::Set(SPS),
                8 => Role::Set(PPS),
                5 => Role::Start,
                1..=4 => Role::Picture,
                _ => Role::Other,
            },
            Family::Hevc => match header >> 1 & 0x3f {
                35 => Role::Delimiter,
                32 => Role::Set(VPS),
                33 => Role::Set(SPS),
                34 => Role::Set(PPS),
                16..=21 => Role::Start,
                0..=31 => Role::Picture,
                _ => Role::Other,
            },
        }
    }

    /// Whether a picture's first slice is an I slice (ITU-T H.264, 7.3.3 and table 7-6).
    fn intra(&self, unit: &[u8]) -> bool {
        if self.family == Family::Hevc {
            return false; // I pictures of HEVC at which decoding can start have types of their own
        }
        let mut bits = BitReader::new(unit.get(1..unit.len().min(20)).unwrap_or_default());
        bits.read_ue("first_mb_in_slice").is_ok() && matches!(bits.read_ue("slice_type"), Ok(2 | 7))
    }

    /// Whether a unit is H.264 supplemental information with a recovery point (annex D.1.8).
    fn recovery_point(&self, unit: &[u8]) -> bool {
        let mut rest = match (self.family, unit.split_first()) {
            (Family::Avc, Some((header, rest))) if header & 0x1f == 6 => rest,
            _ => return false,
        };
        let mut number = || {
            let run = rest.iter().take_while(|&&byte| byte == 0xff).count();
            let (&last, after) = rest.get(run..)?.split_first()?;
            rest = after;
            Some((run * 255 + usize::from(last), after))
        };
        let Some((kind, _)) = number() else {
            return false;
        };
        let Some((size, after)) = number() else {
            return false;
        };
        if kind == 6 {
            return true;
        }
        // A recovery point follows a buffering period or picture timing, if anything.
        after
            .get(size..)
            .is_some_and(|next| matches!(next, [6, 1..=10, ..]))
    }
}

fn take<'a>(data: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (now, later) = data.split_at_checked(count)?;
    *data = later;
    Some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn avcc(length_size: u8) -> Vec<u8> {
        let mut record = vec![1, 100, 0, 31, 0xfc | (length_size - 1), 0xe1, 0, 3];
        record.extend([0x67, 1, 2, 1, 0, 2, 0x68, 9]);
        record
    }

    fn sample(length_size: usize, units: &[&[u8]]) -> Vec<u8> {
        (units.iter())
            .flat_map(|unit| [&unit.len().to_be_bytes()[8 - length_size..], unit].concat())
            .collect()
    }

    fn unit(bytes: &[u8]) -> Vec<u8> {
        [&START, bytes].concat()
    }

    const AUD: &[u8] = &[9, 0xf0];
    const IDR: &[u8] = &[0x65, 0x88, 1];
    const P: &[u8] = &[0x41, 0x9a, 1];
    const I: &[u8] = &[0x41, 0x88, 1];

    #[test]
    fn keyframes_get_what_they_lack() {
        let (aud, sps, pps) = (unit(AUD), unit(&[0x67, 1, 2]), unit(&[0x68, 9]));
        let (idr, inline) = (unit(IDR), unit(&[0x67, 7]));
        for length_size in [1, 2, 4] {
            let config = Config::parse(Family::Avc, &avcc(length_size as u8)).unwrap();
            let of = |units: &[&[u8]]| config.access_unit(&sample(length_size, units), false);
            let all = [aud.clone(), sps.clone(), pps.clone(), idr.clone()].concat();
            assert_eq!(of(&[IDR]), (all.clone(), true));
            assert_eq!(of(&[AUD, IDR]), (all, true));
            let own = [aud.clone(), inline.clone(), pps.clone(), idr.clone()].concat();
            assert_eq!(of(&[&[0x67, 7], IDR]), (own, true));
            assert_eq!(of(&[P]), ([aud.clone(), unit(P)].concat(), false));
        }
    }

    #[test]
    fn the_container_is_believed_about_intra_pictures_only() {
        let config = Config::parse(Family::Avc, &avcc(4)).unwrap();
        let key = |units: &[&[u8]], sync| config.access_unit(&sample(4, units), sync).1;
        assert!(!key(&[P], true) && !key(&[I], false) && key(&[I], true));
        assert!(key(&[&[6, 6, 1, 0x84, 0x80], P], false));
        assert!(key(&[&[6, 1, 1, 0x84, 6, 1, 0x84, 0x80], P], false));
        assert!(!key(&[&[6, 5, 1, 0x84, 0x80], P], false));
    }

    #[test]
    fn hevc_sets_by_type() {
        let mut record = vec![1; 21];
        record.extend([3, 2]);
        record.extend([0xa1, 0, 1, 0, 3, 0x42, 1, 5, 0xa0, 0, 1, 0, 2, 0x40, 1]);
        let config = Config::parse(Family::Hevc, &record).unwrap();
        let (out, key) = config.access_unit(&sample(4, &[&[0x26, 1, 9]]), false);
        let want = [
            unit(&[0x46, 1, 0x50]),
            unit(&[0x40, 1]),
            unit(&[0x42, 1, 5]),
            unit(&[0x26, 1, 9]),
        ];
        assert_eq!((out, key), (want.concat(), true));
    }

    #[test]
    fn records_and_samples_cut_anywhere() {
        let record = avcc(4);
        for n in 0..record.len() {
            if let Ok(config) = Config::parse(Family::Avc, &record[..n]) {
                let whole = sample(4, &[IDR, P]);
                for m in 0..whole.len() {
                    config.access_unit(&whole[..m], true);
                }
            } else {
                assert!(n < 5);
            }
        }
    }
}
