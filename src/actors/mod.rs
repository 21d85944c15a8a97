//! What runs per stream. Each drives pure state machines and holds leases on what it needs;
//! the [`hub`] finds or starts the right ones for a viewer.

pub mod accounts;
pub mod audio;
pub mod breakers;
pub mod catalog;
pub mod convert;
pub mod descriptors;
pub mod fleet;
pub mod governor;
pub mod hls_output;
pub mod hls_sessions;
pub mod hub;
pub mod ingest;
mod leased;
mod observe;
pub mod output;
pub mod picked;
pub mod plan;
pub mod pool;
mod pull;
pub mod rendition;
mod rtsp;
pub mod sessions;
mod srt;
mod test_source;
pub mod validation;
pub mod view;
