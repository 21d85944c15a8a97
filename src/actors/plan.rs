//! Which rendition answers a viewer's wish. Pure.
//!
//! Only what must be converted is converted: what browsers play and what fits the size that was
//! asked for is copied.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::config::Profile;
use crate::pipeline::{Audio, Video};
use crate::ts::{Codec, Kind, Track, Tracks};

/// What the viewer asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `Some(true)`: convert always; `Some(false)`: never; `None`: what a browser cannot play.
    pub transcode: Option<bool>,
    /// `None`: the size does not matter; a profile is used only where conversion is needed.
    pub quality: Option<Quality>,
}

/// The value of `quality=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quality {
    /// The source, untouched.
    Source,
    /// At most this profile's size.
    Profile(Arc<str>),
}

/// One output of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RenditionKey {
    /// The source, untouched.
    Source,
    /// Converted with a profile.
    Encoded {
        /// The profile's name.
        profile: Arc<str>,
        /// Which tracks are converted.
        what: Convert,
    },
}

/// Which tracks are converted; the others are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Convert {
    /// Video and audio.
    All,
    /// The video; the audio is copied.
    Video,
    /// The audio; the video is copied.
    Audio,
}

/// Why no rendition answers a wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `quality` names no profile.
    #[error("there is no quality {name:?}; it is one of: source, {known}")]
    UnknownQuality {
        /// What was asked for.
        name: String,
        /// The profiles there are.
        known: String,
    },
    /// The wish contradicts itself.
    #[error("quality=source is the untouched source; it does not go with transcode=true")]
    Contradiction,
    /// The source has neither video nor audio.
    #[error("the source carries neither video nor audio that is known here")]
    NoMedia,
}

impl Wish {
    /// Checks the wish before anything is started for it.
    ///
    /// # Errors
    /// [`PlanError::UnknownQuality`] and [`PlanError::Contradiction`].
    pub fn check(&self, profiles: &BTreeMap<String, Profile>) -> Result<(), PlanError> {
        match &self.quality {
            Some(Quality::Source) if self.transcode == Some(true) => Err(PlanError::Contradiction),
            Some(Quality::Profile(name)) if !profiles.contains_key(name.as_ref()) => {
                Err(PlanError::UnknownQuality {
                    name: name.chars().take(32).collect(),
                    known: profiles.keys().cloned().collect::<Vec<_>>().join(", "),
                })
            }
            _ => Ok(()),
        }
    }

    /// True when the source itself is wanted, whatever it carries.
    pub fn is_source(&self) -> bool {
        self.transcode == Some(false) || self.quality == Some(Quality::Source)
    }
}

/// The rendition for a checked wish, given what the source carries.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(
    wish: &Wish,
    tracks: &Tracks,
    profiles: &BTreeMap<String, Profile>,
    default_profile: &str,
) -> Result<RenditionKey, PlanError> {
    wish.check(profiles)?;
    if wish.is_source() {
        return Ok(RenditionKey::Source);
    }
    let (video, audio) = (tracks.video(), tracks.audio());
    if video.is_none() && audio.is_none() {
        return Err(PlanError::NoMedia);
    }
    let asked = match &wish.quality {
        Some(Quality::Profile(name)) => Some(name.as_ref()),
        _ => None,
    };
    let name = asked.unwrap_or(default_profile);
    let limit = asked.and_then(|name| profiles.get(name));
    let force = wish.transcode == Some(true);
    let convert_video = video.is_some_and(|v| force || !video_plays(v) || !fits(v, limit));
    let convert_audio = audio.is_some_and(|a| force || !audio_plays(a));
    let what = match (convert_video, convert_audio) {
        (false, false) => return Ok(RenditionKey::Source),
        (true, false) if audio.is_some() => Convert::Video,
        (false, true) if video.is_some() => Convert::Audio,
        _ => Convert::All,
    };
    Ok(RenditionKey::Encoded {
        profile: name.into(),
        what,
    })
}

/// Do browsers play this video? H.264, 8 bit, 4:2:0, progressive, of a common profile.
fn video_plays(track: &Track) -> bool {
    // Baseline, Main, High (ISO/IEC 14496-10 Annex A); Extended and the professional ones are out.
    const PROFILES: [u8; 3] = [66, 77, 100];
    track.codec == Codec::H264
        && track.video.as_ref().is_some_and(|v| {
            v.bit_depth == 8
                && v.chroma_420
                && !v.interlaced
                && PROFILES.contains(&v.profile_idc)
        })
}

/// Do browsers play this audio? AAC (LC or HE) in ADTS, and MP3.
fn audio_plays(track: &Track) -> bool {
    match track.codec {
        Codec::Aac => {
            let object = track.audio.as_ref().and_then(|a| a.aac_object_type);
            matches!(object, None | Some(2 | 5 | 29))
        }
        Codec::Mp3 => true,
        _ => false,
    }
}

fn fits(track: &Track, limit: Option<&Profile>) -> bool {
    let (Some(limit), Some(video)) = (limit, &track.video) else {
        return true;
    };
    video.width <= limit.width && video.height <= limit.height
}

/// What a pipeline has to do with the tracks of a source to make this rendition.
pub fn work(what: Convert, tracks: &Tracks) -> (Video, Audio) {
    let video = match (tracks.video(), what) {
        (None, _) => Video::None,
        (Some(_), Convert::Audio) => Video::Copy,
        (Some(_), _) => Video::Encode,
    };
    let audio = match (tracks.audio(), what) {
        (None, _) => Audio::None,
        (Some(_), Convert::Video) => Audio::Copy,
        (Some(_), _) => Audio::Encode,
    };
    (video, audio)
}

/// The elementary PIDs that a pipeline is given: one video and one audio track.
pub fn wanted_pids(tracks: &Tracks) -> Vec<u16> {
    [tracks.video(), tracks.audio()]
        .into_iter()
        .flatten()
        .filter(|t| matches!(t.codec.kind(), Kind::Video | Kind::Audio))
        .map(|t| t.pid)
        .collect()
}

impl RenditionKey {
    /// The profile, if converted.
    pub fn profile(&self) -> Option<&str> {
        match self {
            Self::Source => None,
            Self::Encoded { profile, .. } => Some(profile),
        }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "source" {
            return Some(Self::Source);
        }
        let (profile, what) = match text.split_once('.') {
            None => (text, Convert::All),
            Some((profile, "video")) => (profile, Convert::Video),
            Some((profile, "audio")) => (profile, Convert::Audio),
            Some(_) => return None,
        };
        let named = !profile.is_empty()
            && profile.len() <= 32
            && profile
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        named.then(|| Self::Encoded {
            profile: profile.into(),
            what,
        })
    }
}

impl fmt::Display for RenditionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("source"),
            Self::Encoded { profile, what } => {
                f.write_str(profile)?;
                match what {
                    Convert::All => Ok(()),
                    Convert::Video => f.write_str(".video"),
                    Convert::Audio => f.write_str(".audio"),
                }
            }
        }
    }
}

impl Quality {
    /// Reads `quality=`.
    pub fn parse(text: &str) -> Self {
        if text.eq_ignore_ascii_case("source") {
            Self::Source
        } else {
            Self::Profile(text.to_ascii_lowercase().into())
        }
    }
}
