//! What the integration tests share: the real server as a child process, origins that misbehave on
//! command, real players, and referees that know TS and HLS independently of the product.
//!
//! Every test is its own process with its own [`Server`] and [`Origin`] on ports the kernel chose,
//! so that any number of them run side by side. Every wait is bounded and says what it waited for.
//!
//! ```ignore
//! mod support;
//! use support::*;
//!
//! #[tokio::test(flavor = "multi_thread")]
//! async fn a_live_channel_plays() {
//!     let origin = Origin::start();
//!     let live = origin.live_hls("news", LiveHls::new(media("bbb-4s")));
//!     let server = Server::start(Options::new()).await;
//!     server.add_stream("news", &live.url()).await;
//!     let seen = ffprobe_packets(&server.preview("news", "quality=medium"), 10).await;
//!     seen.assert_monotone_dts();
//! }
//! ```
// Each test file compiles this library for itself and uses a part of it; and tests, unlike the
// product, live in wall clock time.
#![allow(dead_code, unused_imports, unreachable_pub, clippy::disallowed_methods)]

mod certificate;
mod child;
mod clients;
pub mod farm;
mod figures;
mod files;
mod http;
pub mod live;
mod logs;
mod metrics;
mod nginx;
mod origin;
mod packager;
mod prometheus;
mod rtmp;
mod rtsp;
mod rtsp_fake;
mod senders;
mod server;
mod smtp;
pub mod soak;
mod tsedit;
mod tsscan;
mod wait;
mod watched;

pub use certificate::self_signed;
pub use child::{Finished, Kid, clean_command, run, run_with_input};
pub use clients::{
    GstPlayed, HlsSeen, HlsSegment, MpvPlayed, Packet, Packets, Picture, Seen, TsViewer,
    ViewerOptions, decode_png, ffprobe_packets, ffprobe_stream, gst_play, hls_viewer,
    play_with_mpv, write_ts,
};
pub use figures::{Figures, forget_peak, pss_bytes};
pub use files::{FileServer, Manners};
pub use http::http_client;
pub use logs::Logs;
pub use metrics::Metrics;
pub use nginx::Nginx;
pub use origin::{
    Asked, Bomb, Counters, Fault, Gate, Hostile, Key, Live, LiveHls, Origin, Retime, TsFile, TsLive,
};
pub use packager::{DASH_LIST, DASH_NUMBERS, DASH_TIMELINE, HLS_ALL, HLS_LIVE, Packager};
pub use prometheus::{Prometheus, promtool};
pub use rtmp::RtmpServer;
pub use rtsp::RtspServer;
pub use rtsp_fake::{Fake, FakeRtsp};
pub use senders::{ffmpeg_sends, free_tcp_port, free_udp_port, is_root, vlc, vlc_serves_mms};
pub use server::{Options, Reply, Server, StartFailure};
pub use smtp::{Mail, MailServer};
pub use tsscan::{Codec, Keyframe, TsScan};
pub use wait::{eventually, patience};
pub use watched::{Health, Raised, alarms, coverage, health, healths};

use std::path::PathBuf;

/// The path of a clip in the repository's `.media` folder, or in the folder that the environment
/// variable `SIGHTGLASS_MEDIA` names.
///
/// # Panics
/// When the clip has not been made yet.
pub fn media(name: &str) -> PathBuf {
    let folder = std::env::var_os("SIGHTGLASS_MEDIA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".media"),
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make media`",
        path.display()
    );
    path
}
