//! Telling receivers: what is common to all of them, and those that are told over HTTP.
//!
//! A webhook gets JSON that is signed ([`webhook`]), an Alertmanager gets alerts ([`alertmanager`]); mail is a room of
//! its own ([`crate::mail`]). Requests go to addresses that the operator allows, each checked after name resolution
//! and for each connection; redirects are not followed, and neither a request nor an answer is without bounds.

pub mod alertmanager;
mod failure;
mod poster;
mod retry;
mod target;
pub mod webhook;

pub use failure::{Failure, Stage, Verdict};
pub use poster::{Poster, PosterSettings};
pub use retry::Retry;
pub use target::{Found, Receivers, Target};
