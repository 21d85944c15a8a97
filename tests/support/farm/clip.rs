//! Real footage in pieces that fit each other in any order.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::super::media;
use super::super::origin::clip::read_clip;
use super::super::tsedit::{payload, pid};
use super::super::tsscan::PACKET;

/// What is played: the footage as it is, or as it would be if something before the encoder failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Take {
    #[default]
    Normal,
    Black,
    Frozen,
    Silent,
}

/// A clip in pieces of equal length, each of which begins with a keyframe.
pub struct Clip {
    takes: Vec<Vec<Piece>>,
    seconds: f64,
    pub(super) tracks: Tracks,
}

/// The PIDs of a clip.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tracks {
    pub pmt: u16,
    pub video: u16,
    pub audio: u16,
}

/// A piece of a clip.
pub struct Piece {
    pub bytes: Bytes,
    /// Of each PID: the first continuity counter, and how many packets count.
    pub counters: Vec<(u16, u8, usize)>,
}

impl Clip {
    /// The trailer at 2.5 Mbit/s, 32 s, in all its takes.
    pub fn main() -> Arc<Self> {
        let folder = media("farm");
        let takes = ["normal", "black", "frozen", "silent"];
        Self::read(takes.map(|take| folder.join(take)).iter())
    }

    /// What tempts every detector and has nothing wrong, 48 s: night, a still shot with grain, a fade
    /// through black, a quiet passage.
    pub fn hard() -> Arc<Self> {
        Self::read([media("farm-hard")].iter())
    }

    fn read(folders: impl Iterator<Item = impl AsRef<Path>>) -> Arc<Self> {
        let mut seconds = 0.0;
        let takes: Vec<Vec<Piece>> = folders
            .map(|folder| {
                let segments = read_clip(folder.as_ref());
                seconds = segments[0].duration;
                let pieces = segments.into_iter().map(|segment| {
                    assert!(
                        (segment.duration - seconds).abs() < 1e-3,
                        "pieces last the same"
                    );
                    Piece::of(segment.body)
                });
                pieces.collect()
            })
            .collect();
        assert!(takes.iter().all(|take| take.len() == takes[0].len()));
        let tracks = Tracks::of(&takes[0][0].bytes);
        Arc::new(Self {
            takes,
            seconds,
            tracks,
        })
    }

    /// Pieces in a round.
    pub fn pieces(&self) -> usize {
        self.takes[0].len()
    }

    /// Seconds of each.
    pub fn piece_seconds(&self) -> f64 {
        self.seconds
    }

    /// Mean bits a second of the footage as it is.
    pub fn bitrate(&self) -> f64 {
        let bytes: usize = self.takes[0].iter().map(|piece| piece.bytes.len()).sum();
        bytes as f64 * 8.0 / (self.seconds * self.pieces() as f64)
    }

    /// A piece of a round, in this take.
    pub(super) fn piece(&self, take: Take, at: usize) -> &Piece {
        let take = self.takes.get(take as usize);
        &take.expect("the clip has this take")[at]
    }
}

impl Piece {
    fn of(bytes: Bytes) -> Self {
        let mut counters: Vec<(u16, u8, usize)> = Vec::new();
        for packet in bytes
            .chunks_exact(PACKET)
            .filter(|packet| packet[3] & 0x10 != 0)
        {
            let id = pid(packet);
            match counters.iter_mut().find(|(known, ..)| *known == id) {
                Some((_, _, count)) => *count += 1,
                None => counters.push((id, packet[3] & 0x0f, 1)),
            }
        }
        Self { bytes, counters }
    }
}

impl Tracks {
    /// Of a stream with one programme of one picture and one sound.
    fn of(ts: &[u8]) -> Self {
        let mut tracks = Self::default();
        for packet in ts.chunks_exact(PACKET).filter(|p| p[1] & 0x40 != 0) {
            let body = payload(packet);
            match (pid(packet), body) {
                // Behind the pointer, the section's head and the programme's number.
                (0, [_, table @ ..]) => {
                    tracks.pmt = u16::from(table[10] & 0x1f) << 8 | u16::from(table[11]);
                }
                (id, [0, 0, 1, 0xe0..=0xef, ..]) => tracks.video = id,
                (id, [0, 0, 1, 0xc0..=0xdf, ..]) => tracks.audio = id,
                _ => {}
            }
        }
        assert!(tracks.pmt > 0 && tracks.video > 0 && tracks.audio > 0);
        tracks
    }
}
