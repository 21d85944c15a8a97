//! Clients: real players, and viewers that measure.

mod ffprobe;
mod hls;
mod picture;
mod players;
mod playlist;
mod viewer;

pub use ffprobe::{Packet, Packets, ffprobe_packets, ffprobe_stream};
pub use hls::{HlsSeen, HlsSegment, hls_viewer};
pub use picture::{Picture, decode_png, write_ts};
pub use players::{GstPlayed, MpvPlayed, gst_play, play_with_mpv};
pub use viewer::{Seen, TsViewer, ViewerOptions};
