//! What an MPD says, as far as it is needed.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::slots::Slots;
use crate::hls::ByteRange;

/// A media presentation (5.3.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Mpd {
    /// Live: it goes on, and may be loaded again.
    pub dynamic: bool,
    /// `availabilityStartTime`, since the Unix epoch; the epoch where it is missing.
    pub availability_start: Duration,
    /// `mediaPresentationDuration`.
    pub duration: Option<Duration>,
    /// `minimumUpdatePeriod`: it may change, not more often than this.
    pub minimum_update: Option<Duration>,
    /// `timeShiftBufferDepth`: how long segments stay.
    pub time_shift: Option<Duration>,
    /// `suggestedPresentationDelay`.
    pub delay: Option<Duration>,
    /// `Location`: where it is to be loaded from the next time.
    pub location: Option<Url>,
    /// How to learn the time, best first.
    pub timing: Vec<Timing>,
    /// In order of time; never empty.
    pub periods: Vec<Period>,
}

/// One way of learning the provider's time (5.8.4.11), of those that are known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// It was this time, since the Unix epoch, when the MPD was sent.
    Direct(Duration),
    /// The `Date` header of the answer to this address.
    Head(Url),
    /// The body of the answer to this address is a date.
    Body(Url),
}

/// A period (5.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// `id`.
    pub id: Option<String>,
    /// Since the start of the presentation.
    pub start: Duration,
    /// Where it ends, if that is known; never before its start.
    pub end: Option<Duration>,
    /// In the order of the MPD.
    pub sets: Vec<AdaptationSet>,
}

/// An adaptation set (5.3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptationSet {
    /// `lang`, as written.
    pub language: Option<String>,
    /// Has the role `main`.
    pub main: bool,
    /// In the order of the MPD.
    pub representations: Vec<Representation>,
}

/// A representation (5.3.5).
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// What it is for.
    pub kind: Kind,
    /// `id`.
    pub id: String,
    /// Bits per second; 0 where it does not say.
    pub bandwidth: u64,
    /// Width and height of the picture.
    pub size: Option<(u64, u64)>,
    /// RFC 6381 names, comma-separated, as written.
    pub codecs: Option<String>,
    /// Encrypted (5.8.4.1).
    pub protected: bool,
    /// What addresses are relative to.
    pub base: Arc<Url>,
    /// Its segments.
    pub slots: Slots,
}

/// What a representation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pictures, perhaps with sound.
    Video,
    /// Sound.
    Audio,
    /// Text, thumbnails, tricks.
    Other,
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Absolute, http or https.
    pub uri: Url,
    /// The part of that; `None` for all of it.
    pub range: Option<ByteRange>,
}
