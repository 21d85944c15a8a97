//! Seconds of media from one source, and what they show.

use std::sync::Arc;
use std::time::Duration;

use crate::ingest::{Cause, IngestError, Stage};
use crate::ts::{Chunk, Cutter, CutterOptions, Kind, Meter, Stats, Tracks};

/// So much media after a keyframe is enough, in ticks of 90 kHz.
const ENOUGH: u64 = 3 * 90_000;
/// And so many bytes, of a source with a high bitrate or without time.
const ENOUGH_BYTES: usize = 8 << 20;

/// Takes what a pull delivers until it has seen enough. Holds at most 8 MiB of media and a chunk.
pub(super) struct Collector {
    cutter: Cutter,
    fresh: Vec<Chunk>,
    meter: Meter,
    /// From the first keyframe on.
    kept: Vec<Chunk>,
    kept_bytes: usize,
    /// A break: what came after it goes on, but no longer on the meter's timeline.
    broken: bool,
}

/// What was collected.
#[derive(Debug)]
pub(super) struct Collected {
    /// What the source carries.
    pub(super) tracks: Arc<Tracks>,
    /// From a keyframe on.
    pub(super) chunks: Vec<Chunk>,
    /// How fast it flows.
    pub(super) meter: Meter,
    /// Bytes in `chunks`.
    pub(super) bytes: usize,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            cutter: Cutter::new(CutterOptions::default()),
            fresh: Vec::new(),
            meter: Meter::default(),
            kept: Vec::new(),
            kept_bytes: 0,
            broken: false,
        }
    }
}

impl Collector {
    /// Takes bytes of TS in any slicing; true when enough has come.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        self.cutter.push(bytes, &mut self.fresh);
        self.keep();
        self.is_enough()
    }

    /// What comes next does not continue what came before.
    pub(super) fn discontinuity(&mut self) {
        self.cutter.discontinuity();
    }

    /// No more comes.
    pub(super) fn finish(&mut self) {
        self.cutter.finish(&mut self.fresh);
        self.keep();
    }

    /// Whether tracks are known and a keyframe was seen.
    pub(super) fn is_media(&self) -> bool {
        self.cutter.tracks().is_some() && !self.kept.is_empty()
    }

    /// What is missing, `waited` after the start, of a source that still sends or is silent.
    pub(super) fn missing(&self, waited: Duration) -> IngestError {
        let seconds = waited.as_secs();
        let stats = self.cutter.stats();
        let (cause, text) = if stats.packets == 0 && stats.skipped_bytes == 0 {
            let text = format!("no media came within {seconds} s");
            return IngestError::new(Stage::FirstByte, Cause::Timeout, text);
        } else if self.is_media() {
            let time = self.ticks() as f64 / 90_000.0;
            let text =
                format!("only {time:.1} s of media came within {seconds} s, then it stopped");
            (Cause::Stalled, text)
        } else if stats.packets == 0 {
            let text = "bytes came, but no MPEG-TS packets were found in them".to_owned();
            (Cause::NotMedia, text)
        } else if self.cutter.tracks().is_none() {
            let text = format!("{seconds} s of packets came, but nothing that tells of tracks");
            (Cause::NotMedia, text)
        } else if stats.scrambled > stats.packets / 2 {
            let text = "the media is scrambled".to_owned();
            (Cause::Drm, text)
        } else {
            let text = format!("no picture or sound to begin with came within {seconds} s");
            (Cause::Timeout, text)
        };
        IngestError::new(Stage::Demux, cause, text)
    }

    /// What is known so far, whether it is enough or not; `None` while no tracks are known.
    pub(super) fn into_collected(self) -> Option<Collected> {
        let tracks = Arc::clone(self.cutter.tracks()?);
        Some(Collected {
            tracks,
            chunks: self.kept,
            meter: self.meter,
            bytes: self.kept_bytes,
        })
    }

    /// What was counted.
    pub(super) fn stats(&self) -> &Stats {
        self.cutter.stats()
    }

    fn keep(&mut self) {
        for chunk in self.fresh.drain(..) {
            if self.kept.is_empty() && chunk.keyframe.is_none() {
                continue;
            }
            if self.kept_bytes >= ENOUGH_BYTES {
                continue;
            }
            self.broken |= chunk.discontinuity && !self.kept.is_empty();
            if !self.broken {
                self.meter.push(&chunk.data);
            }
            self.kept_bytes += chunk.data.len();
            self.kept.push(chunk);
        }
    }

    fn is_enough(&self) -> bool {
        let time = || self.ticks() >= ENOUGH;
        self.is_media() && (self.kept_bytes >= ENOUGH_BYTES || time())
    }

    fn ticks(&self) -> u64 {
        let tracks = self.cutter.tracks();
        tracks.map_or(0, |tracks| media_ticks(tracks, &self.meter))
    }
}

/// The media time of the track that leads: picture, or sound where there is none.
pub(super) fn media_ticks(tracks: &Tracks, meter: &Meter) -> u64 {
    let of = |kind| {
        let tracks = tracks.tracks.iter().filter(|t| t.codec.kind() == kind);
        let ticks = tracks.filter_map(|track| Some(meter.rate(track.pid)?.ticks));
        ticks.max()
    };
    of(Kind::Video).or_else(|| of(Kind::Audio)).unwrap_or(0)
}
