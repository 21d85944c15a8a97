//! Sightglass: shows and watches live streams.
//!
//! Each stream is pulled once; previews, renditions and HLS windows share that pull.
//!
//! ```text
//! source ─► ingest ─► feed (source) ─┬─────────────► viewers: MPEG-TS
//!                                    ├─ HLS window ─► viewers: HLS
//!                                    └► pipeline ─► feed (rendition) ─► the same again
//! ```
//!
//! Rooms, from the ground up; dependencies point downwards in this list's reverse:
//!
//! - [`base`]: clock, ids, shared things with a linger.
//! - pure: [`stream`] (definitions), [`m3u`], [`ts`], [`remux`] (other containers into TS), [`hls`],
//!   [`dash`], [`admission`], [`accounts`], [`auth`] (who may do what), [`history`] (events, minutes and reports of streams),
//!   [`alerts`] (who is told of what, when, and in which words), [`info`] (how the server itself is), [`feed`], the
//!   fan-out that holds no socket, and [`live`], what those are told who look on.
//! - [`confine`]: what the process gives up before it touches a stranger's byte.
//! - [`memory`]: the allocator of the process, and what each pipeline holds; all `unsafe` code but
//!   three system calls of [`ingest::udp`] and one environment variable that [`pipeline`] sets.
//! - edges: [`ingest`] (HTTP to sources), [`pipeline`] (the only room that names GStreamer),
//!   [`store`] (the only one that names redb), [`mail`] (the only one that names lettre), [`notify`] (webhooks and
//!   Alertmanager), [`http`] (the page from `web/` in it), [`log`], [`metrics`], [`process`], [`supervise`] (systemd), [`config`].
//! - [`actors`]: what runs per stream, the hub that finds or starts it for a viewer, and the
//!   governor that keeps it all within memory and CPU.
//! - [`app`]: wires them, starts and drains them; [`version`] tells what it all is.

pub mod accounts;
pub mod actors;
pub mod admission;
pub mod alerts;
pub mod app;
pub mod auth;
pub mod base;
pub mod conditions;
pub mod config;
pub mod confine;
pub mod dash;
pub mod feed;
pub mod history;
pub mod hls;
pub mod http;
pub mod info;
pub mod ingest;
pub mod live;
pub mod log;
pub mod m3u;
pub mod mail;
pub mod memory;
pub mod metrics;
pub mod notify;
pub mod pipeline;
pub mod process;
pub mod remux;
pub mod samples;
pub mod store;
pub mod stream;
pub mod supervise;
pub mod ts;
pub mod version;
