//! Through the front door: the real server as a child process, real footage, real clients.

// Helpers outside of test functions may unwrap here, too: this is all test.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    // counts in metrics are whole
    clippy::float_cmp,
    clippy::format_push_string
)]

#[path = "../support/mod.rs"]
mod support;

mod abuse;
mod accounts;
mod alert_rules;
mod api;
mod auth;
mod bombs;
mod budgets;
mod codecs;
mod confinement;
mod containers;
mod delivery;
mod door;
mod failover;
mod files;
mod flood;
mod hls;
mod info;
mod lifecycle;
mod live;
mod mms;
mod monitor;
mod page;
mod policy;
mod pool;
mod profiles;
mod progressive;
mod prometheus;
mod protocols;
mod rtmp;
mod rtsp;
mod segmented;
mod sharing;
mod soak;
mod sources;
mod srt;
mod udp;
mod validation;

use std::time::Duration;

/// Long enough for anything that should take a moment, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);
