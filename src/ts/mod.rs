//! MPEG transport streams: what every feed passes through.
//!
//! ```text
//!  bytes, any slicing
//!    │
//!    ▼  aligner      packet boundaries at 188, 192 or 204 bytes; junk is skipped, lost sync is found again
//!  whole packets
//!    │
//!    ├─ a stamp jumps, or a break was announced ──► settle   holds packets until each track
//!    │                                                │      has spoken, then one offset
//!    │  ◄─────────────────────────────────────────────┘
//!    ▼
//!  pile             the one copy: packets lie in the buffer of the coming chunk, and are
//!    │              rewritten there
//!    ├─ continuity   counters: checked against the source, going on in the feed
//!    ├─ stitcher     PCR, PTS, DTS: one timeline over wraps and breaks
//!    ├─ psi ─► probe   PAT and PMT, then parameter sets and frame headers ──► Tracks
//!    └─ sniffer      is this access unit a keyframe?  yes: a chunk begins at its first packet
//!    │
//!    ▼
//!  chunks           whole packets by reference; those that begin with a keyframe carry
//!    │              the tables that a joiner needs before them
//!    ▼
//!  filter           (only before a transcode) some tracks of them, with tables to match
//! ```
//!
//! [`Cutter`] is the whole of it but the filter; [`select`] makes a [`Filter`]. [`Scan`] watches a stream without
//! touching it. All of it is pure:
//! no clock, no I/O, no allocation that input could grow without bound. Up to the first break the
//! bytes come out as they went in, source errors and all.
//!
//! Bounds, in short: a chunk is at most [`CutterOptions::chunk_bytes`]; at most 64 packets wait
//! for a keyframe decision; about 1,024 for a new timeline; 64 programmes and 64 tracks.
//!
//! Known limit: a time stamp that straddles two packets is not rewritten after a break (no
//! multiplexer in use writes such).

mod aligner;
mod clock;
mod codec;
mod continuity;
mod crc;
mod cutter;
mod es;
mod filter;
mod meter;
mod packet;
mod pes;
mod pile;
mod probe;
mod psi;
pub mod rfc6381;
mod scan;
mod seam;
mod section;
mod settle;
mod stats;
mod stitcher;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tracks;
mod unit;
mod units;
mod write;

use bytes::Bytes;

pub use codec::{Codec, Kind};
pub use cutter::{Cutter, CutterOptions};
pub use filter::{Filter, select};
pub use meter::{Meter, Rate};
pub use scan::{CAT_INTERVAL, Indicators, Scan, ScanOptions, ScanReport, TrackReport};
pub use seam::seam;
pub use stats::Stats;
pub use tracks::{AudioInfo, Chroma, Track, Tracks, VideoInfo};

pub(crate) use clock::{WRAP, distance};
pub(crate) use codec::descriptors;
pub(crate) use es::audio::frame as audio_frame;
pub(crate) use es::sets;
pub(crate) use units::{Found, Stream, Units};
pub(crate) use write::{Clock, Listed, Unit, Writer};

/// Bytes in a transport packet.
pub const PACKET: usize = 188;

/// 90 kHz ticks on the feed's own timeline, which goes on over 33-bit wraps and breaks of the
/// source. The low 33 bits are what stands in the packets.
pub type Ticks = u64;

/// A run of whole transport packets, shared by reference.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The packets: a multiple of [`PACKET`] bytes.
    pub data: Bytes,
    /// Set when decoding can start at the first packet.
    pub keyframe: Option<Keyframe>,
    /// The first chunk after a break in the source.
    pub discontinuity: bool,
    /// The programme's first PCR in this chunk.
    pub clock: Option<Ticks>,
}

/// What a viewer needs who joins at a chunk.
#[derive(Clone, Debug)]
pub struct Keyframe {
    /// The newest packets of PAT and PMT, to be sent before the chunk.
    pub psi: Bytes,
    /// Presentation time of the access unit.
    pub pts: Ticks,
}
