//! How far a pull has come, and what it found out about its source on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Stage;
use crate::base::clock;

/// What a pull found out about its source, beyond the tracks, which the feed knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The protocol: the scheme of the URL, or what it turned out to be (`hls`, `dash`).
    pub protocol: Option<String>,
    /// The container that carries the media (`mpeg-ts`, `fmp4`, `flv`).
    pub container: Option<&'static str>,
    /// The variants or representations that the source offers.
    pub variants: Vec<Variant>,
    /// How the media is encrypted (`AES-128`).
    pub encryption: Option<String>,
    /// Whether it is live; `None` while that is not known.
    pub live: Option<bool>,
}

/// One variant of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Peak bits a second that it announces.
    pub bandwidth: Option<u64>,
    /// Width and height in pixels that it announces.
    pub resolution: Option<(u64, u64)>,
    /// Its codecs as it announces them (RFC 6381).
    pub codecs: Option<String>,
    /// The language of its sound as it announces it (BCP 47).
    pub language: Option<String>,
    /// True for the one that is pulled.
    pub chosen: bool,
}

/// Shared by a pull and who watches it.
#[derive(Debug)]
pub struct Progress {
    bytes: AtomicBool,
    /// The puller follows what is asked of it.
    follows: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// At most one of each stage.
    stages: Vec<(Stage, Duration)>,
    found: Found,
}

impl Progress {
    /// Begins now.
    #[allow(clippy::new_without_default, reason = "it reads the clock")]
    pub fn new() -> Self {
        Self {
            bytes: AtomicBool::new(false),
            follows: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                began: clock::now(),
                stages: Vec::new(),
                found: Found::default(),
            }),
        }
    }

    /// When the pull began to work, waiting for a lease apart.
    pub fn began(&self) -> Instant {
        self.inner().began
    }

    /// Whether the source has sent a byte of media.
    pub fn has_bytes(&self) -> bool {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the pull follows what is asked of it, as those of segmented sources do.
    pub fn is_following(&self) -> bool {
        self.follows.load(Ordering::Relaxed)
    }

    /// The stages passed, with the time since the start at which each was; in the order of passing.
    pub fn stages(&self) -> Vec<(Stage, Duration)> {
        self.inner().stages.clone()
    }

    /// What was found out so far.
    pub fn found(&self) -> Found {
        self.inner().found.clone()
    }

    pub(super) fn reached(&self, stage: Stage) {
        if stage == Stage::FirstByte {
            self.bytes.store(true, Ordering::Relaxed);
        }
        let now = clock::now();
        let mut inner = self.inner();
        let at = now.saturating_duration_since(inner.began);
        if inner.stages.iter().all(|(known, _)| *known != stage) {
            inner.stages.push((stage, at));
        }
    }

    /// A byte of media came.
    pub(super) fn flows(&self) {
        // Told with each piece: only the first takes the lock.
        if !self.bytes.swap(true, Ordering::Relaxed) {
            self.reached(Stage::FirstByte);
        }
    }

    pub(super) fn follows(&self) {
        self.follows.store(true, Ordering::Relaxed);
    }

    pub(super) fn begin(&self) {
        self.inner().began = clock::now();
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Found)) {
        change(&mut self.inner().found);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each change is complete in itself.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
