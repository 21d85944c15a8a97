//! Streams built to blow up whoever decodes them: real footage first, as long as it takes to be let
//! in, and then what no encoder would send.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::tsedit::{
    Mux, absurd_size, edit, first_pes, header_length, noisy_slices, pat, pes, pmt, units,
};
use super::super::tsscan::{Codec, PACKET, TsScan};
use super::answer::{Pour, poured};
use super::hostile::noise;
use super::serve::Resource;

/// The video and the audio track of clips that ffmpeg has written, and their table.
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;
const TABLE: u16 = 0x1000;
/// Ticks of 90 kHz in a picture, about.
const PICTURE: u64 = 3_600;
/// Bytes of an endless thing that are sent as one picture's time passes by its clock.
const ROUND: usize = 512 << 10;
/// How much of the clip is made absurd, in seconds.
const CLIP: f64 = 12.0;
/// Real footage before the bomb, in seconds.
const LEAD: f64 = 5.0;
/// Pause between two sends.
const TICK: Duration = Duration::from_millis(20);
/// The side of a picture too large for any screen, in pixels.
const SIDE: u32 = 16_368;

/// What a stream does to its decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bomb {
    /// One picture that never ends.
    EndlessPicture,
    /// Keyframes of 24 MiB each.
    HugePictures,
    /// H.264 that claims 16,368 by 16,368 pixels.
    AbsurdSize,
    /// The same after some seconds of honest size.
    AbsurdSizeLater,
    /// HEVC that claims 16,368 by 16,368 pixels.
    AbsurdHevc,
    /// Parameter sets and messages without end, and no picture.
    EndlessHeaders,
    /// Tables without end, each of another version with other tracks.
    EndlessTables,
    /// Good headers, and noise for pictures.
    Garbage,
    /// Audio whose sampling rate and channels change from frame to frame, reserved values included.
    AbsurdAudio,
}

/// What answers with it. `clip` is H.264 with AAC, `hevc` is HEVC.
pub(super) fn resource(bomb: Bomb, clip: &Path, hevc: &Path) -> Resource {
    let read = |path: &Path| {
        std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (clip, hevc) = (read(clip), read(hevc));
    let charge = Arc::new(Charge::new(bomb, &clip, &hevc));
    Arc::new(move |_| {
        let (pour, reply) = poured("video/mp2t");
        tokio::spawn(Arc::clone(&charge).pour(pour));
        Box::pin(async move { reply })
    })
}

/// A bomb ready to be sent, again and again.
struct Charge {
    bomb: Bomb,
    /// What comes at once.
    lead: Bytes,
    /// What comes after, over and over, this many bytes in a second.
    clip: Bytes,
    rate: usize,
    /// For what is made as it goes: the counters, the clock, and the headers of a keyframe.
    mux: Mux,
    clock: u64,
    headers: Vec<u8>,
    noise: Vec<u8>,
}

impl Charge {
    fn new(bomb: Bomb, clip: &[u8], hevc: &[u8]) -> Self {
        let noise = noise();
        let lead = until(clip, LEAD);
        let (first, clock) = first_pes(lead);
        let huge = |pes: Vec<u8>| absurd_size(&pes, Codec::H264, SIDE);
        let (lead, rest) = match bomb {
            Bomb::AbsurdSize => (Vec::new(), edit(until(clip, CLIP), VIDEO, huge)),
            Bomb::AbsurdSizeLater => {
                let rest = &until(clip, CLIP)[lead.len()..];
                (lead.to_vec(), edit(rest, VIDEO, huge))
            }
            Bomb::AbsurdHevc => {
                let huge = |pes: Vec<u8>| absurd_size(&pes, Codec::Hevc, SIDE);
                (Vec::new(), edit(hevc, VIDEO, huge))
            }
            Bomb::Garbage => {
                let rest = &until(clip, CLIP)[lead.len()..];
                let noisy = edit(rest, VIDEO, |pes| noisy_slices(&pes, &noise));
                (lead.to_vec(), noisy)
            }
            Bomb::AbsurdAudio => {
                let mut seed = 0;
                let absurd = edit(until(clip, CLIP), AUDIO, |pes| absurd_audio(pes, &mut seed));
                (Vec::new(), absurd)
            }
            Bomb::EndlessPicture
            | Bomb::HugePictures
            | Bomb::EndlessHeaders
            | Bomb::EndlessTables => (lead.to_vec(), Vec::new()),
        };
        let rate = match bomb {
            Bomb::EndlessPicture => 16 << 20,
            Bomb::HugePictures => 8 << 20,
            Bomb::EndlessHeaders => 2 << 20,
            Bomb::EndlessTables => 1 << 20,
            // As fast as real time would be, and a bit.
            _ => 300_000,
        };
        Self {
            bomb,
            mux: Mux::after(&lead),
            headers: first
                .get(&VIDEO)
                .map(|pes| headers(pes))
                .unwrap_or_default(),
            lead: lead.into(),
            clip: rest.into(),
            rate,
            clock,
            noise: noise.iter().map(|byte| byte | 0x10).collect(),
        }
    }

    async fn pour(self: Arc<Self>, mut pour: Pour) {
        if !self.lead.is_empty() && pour.send_data(self.lead.clone()).await.is_err() {
            return;
        }
        let (began, mut sent, mut round) = (Instant::now(), 0, 0);
        let mut mux = self.mux.clone();
        loop {
            let due = (began.elapsed().as_secs_f64() * self.rate as f64) as usize;
            while sent < due {
                let bytes = self.next(&mut mux, round);
                round += 1;
                sent += bytes.len();
                if pour.send_data(bytes).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// The bytes of one round.
    fn next(&self, mux: &mut Mux, round: u64) -> Bytes {
        let pcr = self.clock + (round + 1) * PICTURE;
        let pts = pcr + 20 * PICTURE;
        match self.bomb {
            Bomb::EndlessPicture | Bomb::HugePictures => {
                let begins = match self.bomb {
                    Bomb::EndlessPicture => round == 0,
                    _ => round.is_multiple_of(48),
                };
                if begins {
                    mux.clocked(VIDEO, pcr, &pes(pts, &self.keyframe())).into()
                } else {
                    mux.more(VIDEO, Some(pcr), &self.filler()).into()
                }
            }
            Bomb::EndlessHeaders => {
                let message = [&[0, 0, 1, 6, 5, 255, 255, 4][..], &self.noise[..514]].concat();
                let unit = [&self.headers[..], &message].concat();
                mux.clocked(VIDEO, pcr, &pes(pts, &unit.repeat(32))).into()
            }
            Bomb::EndlessTables => {
                let version = round as u8;
                let kinds = [0x1b, 0x24, 0x02, 0x0f, 0x81, 0x06, 0x10, 0xea];
                let kind = |at: u64| kinds[(at % 8) as usize];
                let first = VIDEO + (round % 64) as u16;
                let tracks: Vec<_> = (0..20)
                    .map(|at| (first + at, kind(round + u64::from(at))))
                    .collect();
                let mut bytes = mux.packets(0, &[], &pat(version, TABLE));
                bytes.extend(mux.packets(TABLE, &[], &pmt(version, &tracks)));
                bytes.extend(mux.clocked(first, pcr, &pes(pts, &self.headers)));
                bytes.into()
            }
            _ => {
                let chunk = 100 * PACKET;
                let from = round as usize * chunk % self.clip.len();
                self.clip.slice(from..self.clip.len().min(from + chunk))
            }
        }
    }

    /// The headers of a keyframe and the beginning of its first slice.
    fn keyframe(&self) -> Vec<u8> {
        [
            &self.headers[..],
            &[0, 0, 1, 0x65, 0x88, 0x84],
            &self.noise[..64],
        ]
        .concat()
    }

    fn filler(&self) -> Vec<u8> {
        self.noise.iter().copied().cycle().take(ROUND).collect()
    }
}

/// The packets of the first seconds, by the clock.
fn until(ts: &[u8], seconds: f64) -> &[u8] {
    let mut scan = TsScan::new();
    scan.push(ts);
    let first = scan.pcrs.first().map_or(0, |(pcr, _)| *pcr);
    let end = scan
        .pcrs
        .iter()
        .find(|(pcr, _)| pcr.saturating_sub(first) as f64 / 27e6 >= seconds);
    end.map_or(ts, |(_, at)| &ts[..*at as usize])
}

/// The parameter sets of a keyframe of H.264, each with its start code.
fn headers(pes: &[u8]) -> Vec<u8> {
    let stream = &pes[header_length(pes)..];
    let wanted = |kind: u8| matches!(kind & 0x1f, 7 | 8);
    let sets = units(stream)
        .into_iter()
        .filter(|unit| wanted(stream[unit.start]));
    sets.flat_map(|unit| [&[0, 0, 0, 1], &stream[unit]].concat())
        .collect()
}

/// Changes sampling rate and channels in the headers of ADTS frames (ISO/IEC 13818-7, 6.2).
fn absurd_audio(mut pes: Vec<u8>, seed: &mut u8) -> Vec<u8> {
    let mut at = header_length(&pes);
    while let Some(header) = pes.get_mut(at..at + 7) {
        if header[0] != 0xff || header[1] & 0xf0 != 0xf0 {
            break;
        }
        *seed = seed.wrapping_add(37);
        let (rate, channels) = (*seed & 0x0f, *seed >> 4 & 7);
        header[2] = header[2] & 0xc2 | rate << 2 | channels >> 2;
        header[3] = header[3] & 0x3f | channels << 6;
        let length = usize::from(header[3] & 3) << 11
            | usize::from(header[4]) << 3
            | usize::from(header[5] >> 5);
        at += length.max(7);
    }
    pes
}
