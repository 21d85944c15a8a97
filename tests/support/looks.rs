//! Clips, looks at them, and what of them is broken.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "shared by a test and a bench"
)]

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use sightglass::actors::sampler::{
    PictureJob, Pictures, SampleError, Sampler, SamplerOptions, SoundJob,
};
use sightglass::pipeline;
use sightglass::samples::{self, Extract, PictureFigures, SoundFigures, SoundUnits, Unit};
use sightglass::stream::StreamId;
use sightglass::ts::{Chunk, Codec, Cutter, CutterOptions, Tracks};

/// A sampler with its own decoders.
pub fn sampler() -> Sampler {
    static LIBRARY: OnceLock<pipeline::Library> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| pipeline::init(None).expect("GStreamer"));
    Sampler::new(library.clone(), SamplerOptions::default())
}

pub fn stream() -> StreamId {
    StreamId::parse("looked-at").expect("an id")
}

/// The chunks of a clip, as a feed cuts them; of a playlist those of all its segments.
pub fn clip(name: &str) -> (Vec<Chunk>, Tracks) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".media")
        .join(name);
    let read =
        |path: &Path| std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let bytes = if name.ends_with(".m3u8") {
        let playlist = String::from_utf8(read(&path)).expect("a playlist");
        let names = playlist.lines().filter(|line| line.ends_with(".ts"));
        names
            .flat_map(|name| read(&path.with_file_name(name)))
            .collect()
    } else {
        read(&path)
    };
    let (mut cutter, mut chunks) = (Cutter::new(CutterOptions::default()), Vec::new());
    cutter.push(&bytes, &mut chunks);
    cutter.finish(&mut chunks);
    let tracks = cutter.tracks().expect("tracks");
    (chunks, Tracks::clone(tracks))
}

pub fn extract(name: &str) -> Extract {
    let (chunks, tracks) = clip(name);
    samples::extract(&chunks, &tracks)
}

/// The first keyframe of a clip, and the sound beside it.
pub fn first(name: &str) -> Extract {
    let (chunks, tracks) = clip(name);
    let mut starts = (0..chunks.len()).filter(|&at| chunks[at].keyframe.is_some());
    let second = starts.nth(1).expect("two keyframes");
    samples::extract(&chunks[..second], &tracks)
}

/// From the middle of the main clip: a bright picture.
pub fn middle() -> Extract {
    let (chunks, tracks) = clip("bbb.ts");
    samples::extract(&chunks[chunks.len() / 3..chunks.len() * 2 / 3], &tracks)
}

pub async fn picture(
    sampler: &Sampler,
    of: &Extract,
    unit: &Unit,
) -> Result<Pictures, SampleError> {
    let job = PictureJob {
        stream: stream(),
        codec: of.codec.expect("a codec"),
        units: vec![unit.clone()],
        jpeg: true,
        all: false,
    };
    sampler.picture(job).await
}

pub async fn sound(sampler: &Sampler, of: &Extract) -> Result<SoundFigures, SampleError> {
    let job = SoundJob {
        stream: stream(),
        units: of.sound.clone().expect("sound"),
    };
    sampler.sound(job).await
}

/// Width and height in the frame header of a JPEG.
pub fn jpeg_size(jpeg: &[u8]) -> Option<(u16, u16)> {
    let at = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0])?;
    let side = |from: usize| Some(u16::from_be_bytes(*jpeg.get(from..)?.first_chunk()?));
    Some((side(at + 7)?, side(at + 5)?))
}

/// Keyframes and a group of a clip.
pub struct Survey {
    pub keyframes: Vec<PictureFigures>,
    pub group: Vec<PictureFigures>,
}

/// Looks at every keyframe of a clip, and at its newest two seconds as a group.
pub async fn survey(sampler: &Sampler, name: &str) -> Survey {
    let (chunks, tracks) = clip(name);
    let starts: Vec<usize> = (0..chunks.len())
        .filter(|&at| chunks[at].keyframe.is_some())
        .collect();
    let mut keyframes = Vec::new();
    for pair in starts.windows(2) {
        let found = samples::extract(&chunks[pair[0]..pair[1]], &tracks);
        let keyframe = found.keyframe.clone().expect("a keyframe");
        let shown = picture(sampler, &found, &keyframe)
            .await
            .expect("a picture");
        keyframes.extend(shown.frames);
    }
    let from = starts.len().saturating_sub(3);
    let found = samples::extract_group(&chunks[starts[from]..], &tracks);
    let job = PictureJob {
        stream: stream(),
        codec: found.codec.expect("a codec"),
        units: found.group.iter().take(50).cloned().collect(),
        jpeg: false,
        all: true,
    };
    let group = sampler.picture(job).await.expect("pictures").frames;
    assert!(group.len() >= 20, "{name}: {} frames", group.len());
    assert!(
        group.is_sorted_by_key(|frame| frame.pts),
        "{name}: as they are shown"
    );
    Survey { keyframes, group }
}

impl Survey {
    /// Keyframes ten seconds apart, or as far as there are.
    pub fn pairs(&self) -> impl Iterator<Item = (&PictureFigures, &PictureFigures)> {
        let apart = 900_000;
        self.keyframes.iter().filter_map(move |a| {
            let later = self.keyframes.iter().find(|b| b.pts >= a.pts + apart)?;
            Some((a, later))
        })
    }

    /// A line of a table.
    pub fn row(&self, name: &str) -> String {
        let span = |of: fn(&PictureFigures) -> f32| {
            let all = || self.keyframes.iter().map(of);
            let (least, most) = (all().fold(f32::MAX, f32::min), all().fold(0.0, f32::max));
            format!("{least:.3} to {most:.3}")
        };
        let far: Vec<_> = self
            .pairs()
            .filter_map(|(a, b)| a.signature.distance(&b.signature))
            .collect();
        let near: Vec<_> = (self.group.windows(2))
            .filter_map(|pair| pair[0].signature.distance(&pair[1].signature))
            .collect();
        let of = |all: &[samples::Distance], share: f32, of: fn(&samples::Distance) -> f32| {
            let mut all: Vec<f32> = all.iter().map(of).collect();
            all.sort_by(f32::total_cmp);
            let at = (all.len().saturating_sub(1)) as f32 * share;
            all.get(at as usize).copied().unwrap_or(f32::NAN)
        };
        let three = |all: &[samples::Distance], share| {
            let (mean, most) = (of(all, share, |d| d.mean), of(all, share, |d| d.most));
            format!("{mean:.3} {most:.2} {:.3}", of(all, share, |d| d.fine))
        };
        format!(
            "| {name} | {} | {} | {} | {} | {} to {} | {} median, {} at 90 % |",
            span(|f| f.dark),
            span(|f| f.dark_inside),
            span(|f| f.peak_inside),
            span(|f| f.spread),
            three(&far, 0.0),
            three(&far, 1.0),
            three(&near, 0.5),
            three(&near, 0.9),
        )
    }
}

/// Something broken made of a good H.264 keyframe.
pub fn broken(good: &[u8], round: usize) -> (Codec, Vec<u8>) {
    let mut data = good.to_vec();
    let nal = |data: &[u8], kind: u8| {
        let at = data
            .windows(4)
            .position(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == kind);
        at.expect("a unit of this kind")
    };
    let mut state = (round as u32).wrapping_mul(2_654_435_761) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize
    };
    let codec = match round % 10 {
        0 => {
            let sps = nal(&data, 7);
            data[sps + 3] = 0x0c; // filler in place of the sequence parameter set
            Codec::H264
        }
        1 => {
            let pps = nal(&data, 8);
            data[pps + 3] = 0x0c;
            Codec::H264
        }
        2 => {
            // Another picture parameter set than the slices were coded with.
            let pps = nal(&data, 8);
            data[pps + 4] ^= 0x55;
            data[pps + 5] ^= 0xaa;
            Codec::H264
        }
        3 => Codec::Hevc,
        4 => Codec::Mpeg2Video,
        5 => {
            data.truncate(nal(&data, 5) + 60 + round * 4);
            Codec::H264
        }
        6 => {
            // A picture that no source has: 16,000 blocks wide.
            let sps = [
                0, 0, 1, 0x67, 0x42, 0xc0, 0x33, 0xf8, 0x00, 0x00, 0x7d, 0x00, 0x00, 0x3e, 0x80,
                0x40,
            ];
            data.splice(0..0, sps);
            Codec::H264
        }
        7 => {
            let from = nal(&data, 5) + 8;
            for _ in 0..200 {
                let at = from + random() % (data.len() - from);
                data[at] = random() as u8;
            }
            Codec::H264
        }
        8 => {
            data = (0..20_000).map(|_| random() as u8).collect();
            [
                Codec::H264,
                Codec::Hevc,
                Codec::Mpeg2Video,
                Codec::Mpeg4Video,
            ][round / 10 % 4]
        }
        _ => {
            data.truncate(nal(&data, 5)); // parameter sets without a picture
            Codec::H264
        }
    };
    (codec, data)
}

pub fn break_sound(units: &mut SoundUnits, round: usize) {
    match round % 5 {
        0 => units.codec = Codec::Ac3,
        1 => {
            let half = |frame: &bytes::Bytes| frame.slice(..frame.len() / 2);
            units.frames = units.frames.iter().map(half).collect();
        }
        2 => units.frames = vec![vec![round as u8; 700].into(); 40],
        3 => units.codec = [Codec::AacLatm, Codec::Opus, Codec::Mp3, Codec::Eac3][round / 5 % 4],
        _ if round.is_multiple_of(2) => units.frames.truncate(3),
        _ => {
            // Whole headers, and noise behind them.
            let noise = |frame: &bytes::Bytes| {
                let mut frame = frame.to_vec();
                let mut state = round as u8 | 1;
                for byte in &mut frame[9..] {
                    state = state.wrapping_mul(5).wrapping_add(7);
                    *byte ^= state;
                }
                frame.into()
            };
            units.frames = units.frames.iter().map(noise).collect();
        }
    }
}

/// Threads and descriptors of this process, and pipelines.
pub fn census() -> (usize, usize, u64) {
    let count = |path: &str| std::fs::read_dir(path).expect("procfs").count();
    (
        count("/proc/self/task"),
        count("/proc/self/fd"),
        pipeline::census().running,
    )
}

/// Waits until there are no more threads and descriptors than there were, with some room for decoders of codecs that were
/// asked for meanwhile and wait for work.
pub async fn settles(before: (usize, usize, u64)) {
    let until = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let now = census();
        let more = now.2.saturating_sub(before.2) as usize;
        if more <= 6 && now.0 <= before.0 + more + 2 && now.1 <= before.1 + 2 {
            return;
        }
        assert!(
            std::time::Instant::now() < until,
            "{before:?} became {now:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
