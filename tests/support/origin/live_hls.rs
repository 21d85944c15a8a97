//! A live HLS channel (RFC 8216) made of segments that were cut before, driven by the wall clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::answer::Answer;
use super::channel::Channel;
use super::gate::Gate;
use super::serve::{Asked, Resource};

/// How segments are encrypted (AES-128, RFC 8216, 4.3.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The IV is the media sequence number.
    SequenceIv,
    /// The IV is in the playlist; the key changes every three segments.
    ExplicitIv,
}

/// What a channel does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status instead of a playlist.
    Playlists(u16),
    /// This status instead of a segment.
    Segments(u16),
    /// This status instead of a key.
    Keys(u16),
    /// Requests for playlists are never answered.
    StalledPlaylists,
    /// Requests for segments are never answered.
    StalledSegments,
    /// The playlist stays as it is now.
    Stale,
    /// The playlist lists nothing.
    Empty,
    /// Segments end at half their length, though whole by their headers.
    HalfSegments,
    /// An HTML page, with status 200, instead of a playlist.
    HtmlPlaylists,
}

/// A live channel to be.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent switches, each with a method of its own
pub struct LiveHls {
    pub(super) folder: PathBuf,
    pub(super) window: usize,
    pub(super) target: Option<u64>,
    pub(super) key: Option<Key>,
    pub(super) seamless: bool,
    pub(super) byte_ranges: bool,
    pub(super) gzip: bool,
    pub(super) redirected: bool,
    pub(super) gate: Gate,
}

impl LiveHls {
    /// Plays the segments that `index.m3u8` in this folder lists, over and over, with a
    /// discontinuity where they begin again. Five are listed at a time.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            window: 5,
            target: None,
            key: None,
            seamless: false,
            byte_ranges: false,
            gzip: false,
            redirected: false,
            gate: Gate::open(),
        }
    }

    /// Clocks and counters go on where the segments begin again, and there is no discontinuity.
    /// Not with byte ranges.
    pub fn seamless(mut self) -> Self {
        self.seamless = true;
        self
    }

    /// Lists this many segments.
    pub fn window(mut self, segments: usize) -> Self {
        self.window = segments;
        self
    }

    /// Claims this target duration, in seconds, in place of the longest segment's.
    pub fn target_duration(mut self, seconds: u64) -> Self {
        self.target = Some(seconds);
        self
    }

    /// Encrypts the segments.
    pub fn encrypted(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Lists the segments as byte ranges of one file. With encryption, needs an explicit IV.
    pub fn byte_ranges(mut self) -> Self {
        self.byte_ranges = true;
        self
    }

    /// Compresses playlists, whatever the client accepts.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Redirects the playlist to another folder; the segments are found from there alone.
    pub fn redirected(mut self) -> Self {
        self.redirected = true;
        self
    }

    /// Demands this of every request.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }
}

/// A live channel under way. Clones are handles of the same channel.
#[derive(Clone)]
pub struct Live {
    base: String,
    channel: Arc<Channel>,
}

impl Live {
    pub(super) fn new(base: String, options: LiveHls) -> Self {
        let channel = Arc::new(Channel::new(options));
        Self { base, channel }
    }

    /// The URL of its media playlist.
    pub fn url(&self) -> String {
        format!("{}/index.m3u8", self.base)
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        let mut state = self.channel.state();
        if fault == Fault::Stale {
            state.stale_at = Some(state.now());
        }
        state.faults.push(fault);
    }

    /// Ends all faults. Requests that stalled stay unanswered; new ones are answered.
    pub fn heal(&self) {
        let mut state = self.channel.state();
        state.faults.clear();
        state.stale_at = None;
    }

    /// The packager restarts: the media sequence and the segments begin at 0 again.
    pub fn restart_source(&self) {
        let mut state = self.channel.state();
        state.began = Instant::now();
        state.restarts += 1;
    }

    /// The media sequence number of the newest segment.
    pub fn newest(&self) -> u64 {
        self.channel.edge() - 1
    }

    pub(super) fn resource(&self) -> Resource {
        let live = self.clone();
        Arc::new(move |asked: Asked| -> Answer {
            let live = live.clone();
            Box::pin(async move { live.channel.answer(&live.base, &asked).await })
        })
    }
}
