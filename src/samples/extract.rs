//! What a look needs, out of chunks of a feed.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::frames::Frames;
use super::refuse::MOST_FRAMES;
use super::{Extract, SoundUnits, Unit};
use crate::ts::{Chunk, Found, Stream, Tracks, Units, descriptors};

/// The newest keyframe and the first second of sound. Chunks before the first keyframe are passed over.
pub fn extract(chunks: &[Chunk], tracks: &Tracks) -> Extract {
    Extract {
        codec: tracks.video().map(|track| track.codec),
        keyframe: newest_keyframe(chunks, tracks),
        group: Vec::new(),
        sound: sound(chunks, tracks),
    }
}

/// The same with all pictures from the first keyframe on, at most 250 of them. The last one may not be there: its end
/// is known only by the one after it.
pub fn extract_group(chunks: &[Chunk], tracks: &Tracks) -> Extract {
    let mut group: Vec<Unit> = Vec::new();
    if let Some(video) = tracks.video() {
        walk(chunks, false, |stream, unit| {
            if stream.listed.pid == video.pid && (unit.key || !group.is_empty()) {
                group.push(unit);
            }
            flow(group.len() >= MOST_FRAMES)
        });
    }
    Extract {
        codec: tracks.video().map(|track| track.codec),
        keyframe: group.iter().rfind(|unit| unit.key).cloned(),
        group,
        sound: sound(chunks, tracks),
    }
}

/// In a feed that goes on, the newest keyframe may not be all there: then it is the one before.
fn newest_keyframe(chunks: &[Chunk], tracks: &Tracks) -> Option<Unit> {
    let video = tracks.video()?;
    let first = |from: usize, cut_off: bool| {
        let mut found = None;
        walk(&chunks[from..], cut_off, |stream, unit| {
            if stream.listed.pid == video.pid && unit.key {
                found = Some(unit);
            }
            flow(found.is_some())
        });
        found
    };
    let starts = || {
        (0..chunks.len())
            .rev()
            .filter(|&at| chunks[at].keyframe.is_some())
    };
    starts()
        .take(3)
        .find_map(|at| first(at, false))
        .or_else(|| first(starts().next()?, true))
}

fn sound(chunks: &[Chunk], tracks: &Tracks) -> Option<SoundUnits> {
    let audio = tracks.audio()?;
    let mut frames = Frames::new(audio.codec);
    let mut began = None;
    let mut channels = 0;
    walk(chunks, true, |stream, unit| {
        if stream.listed.pid != audio.pid {
            return ControlFlow::Continue(());
        }
        if began.is_none() {
            began = Some(unit.pts);
            channels = opus_channels(stream);
        }
        flow(frames.push(&unit.data))
    });
    let (codec, frames) = frames.finish()?;
    Some(SoundUnits {
        codec,
        frames,
        channels,
        pts: began?,
    })
}

/// `channel_config_code` of an Opus track, which stands in an extension descriptor.
fn opus_channels(stream: &Stream) -> u8 {
    descriptors(&stream.listed.descriptors)
        .find_map(|(tag, content)| match (tag, content) {
            (0x7f, [0x80, channels, ..]) => Some(*channels),
            _ => None,
        })
        .unwrap_or(2)
}

fn flow(enough: bool) -> ControlFlow<()> {
    if enough {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// Hands out the units of all chunks from the first keyframe on; with `cut_off` also those whose end is not there.
fn walk(chunks: &[Chunk], cut_off: bool, mut each: impl FnMut(&Stream, Unit) -> ControlFlow<()>) {
    let mut units = Units::default();
    let mut streams = Vec::new();
    let mut take = |units: &mut Units, mut data: &[u8]| -> ControlFlow<()> {
        while let Some(found) = units.next(&mut data) {
            match found {
                Found::Streams(new) => streams = new,
                Found::Unit(index, piece) => {
                    if let Some(stream) = streams.get(index) {
                        let unit = Unit {
                            data: Bytes::from(piece.data),
                            pts: piece.pts,
                            dts: piece.dts,
                            key: piece.key,
                        };
                        each(stream, unit)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    };
    let Some(first) = chunks.iter().position(|chunk| chunk.keyframe.is_some()) else {
        return;
    };
    for (index, chunk) in chunks[first..].iter().enumerate() {
        let tables = chunk.keyframe.as_ref().filter(|_| index == 0);
        for bytes in tables
            .map(|keyframe| &keyframe.psi)
            .into_iter()
            .chain([&chunk.data])
        {
            if take(&mut units, bytes).is_break() {
                return;
            }
        }
    }
    if cut_off {
        units.flush();
        let _ = take(&mut units, &[]);
    }
}
