//! Which rendition answers a viewer's wish. Pure.
//!
//! Only what must be converted is converted: what browsers play and what fits the size that was
//! asked for is copied.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::audio::{AudioChoice, audio_tracks, chosen};
use crate::config::Profile;
use crate::pipeline::{Audio, Picture, Video, VideoCodec};
use crate::ts::{Chroma, Codec, Kind, Track, Tracks};

/// What the viewer asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `Some(true)`: convert always; `Some(false)`: never; `None`: what a browser cannot play.
    pub transcode: Option<bool>,
    /// `None`: the size does not matter; a profile is used only where conversion is needed.
    pub quality: Option<Quality>,
    /// `None`: all audio tracks of a source that is copied, the first one of one that is converted.
    pub audio: Option<AudioChoice>,
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
    /// The source with one of its audio tracks.
    Picked {
        /// Which.
        audio: AudioChoice,
    },
    /// Converted with a profile.
    Encoded {
        /// The profile's name.
        profile: Arc<str>,
        /// Which tracks are converted.
        what: Convert,
        /// The audio track, if it is not the first one.
        audio: Option<AudioChoice>,
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
    /// `audio` names no track of the source.
    #[error("the source has no audio track {wanted:?}; it has: {known}")]
    NoSuchAudio {
        /// What was asked for.
        wanted: String,
        /// Languages of the tracks there are, in their order.
        known: String,
    },
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

    /// True when the source is wanted with all that it carries, so that nobody need know what.
    pub fn is_untouched(&self) -> bool {
        self.is_source() && self.audio.is_none()
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
    if let Some(choice) = &wish.audio
        && choice.find(tracks).is_none()
    {
        return Err(no_such_audio(choice, tracks));
    }
    if wish.is_source() {
        return Ok(copied_whole(wish, tracks));
    }
    let audio = chosen(wish.audio.as_ref(), tracks);
    let video = tracks.video();
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
        (false, false) => return Ok(copied_whole(wish, tracks)),
        (true, false) if audio.is_some() => Convert::Video,
        (false, true) if video.is_some() => Convert::Audio,
        _ => Convert::All,
    };
    let first = tracks.audio().map(|track| track.pid);
    let other = audio.is_some_and(|track| Some(track.pid) != first);
    Ok(RenditionKey::Encoded {
        profile: name.into(),
        what,
        audio: wish.audio.clone().filter(|_| other),
    })
}

/// The source, with the audio track that was chosen where it has several.
fn copied_whole(wish: &Wish, tracks: &Tracks) -> RenditionKey {
    let several = audio_tracks(tracks).count() > 1;
    match wish.audio.clone().filter(|_| several) {
        Some(audio) => RenditionKey::Picked { audio },
        None => RenditionKey::Source,
    }
}

fn no_such_audio(choice: &AudioChoice, tracks: &Tracks) -> PlanError {
    let language = |track: &Track| track.language.clone().unwrap_or_else(|| "und".to_owned());
    let known: Vec<_> = audio_tracks(tracks).map(language).collect();
    PlanError::NoSuchAudio {
        wanted: choice.to_string(),
        known: if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        },
    }
}

/// Do browsers play this video? H.264, 8 bit, 4:2:0, progressive, of a common profile.
pub fn video_plays(track: &Track) -> bool {
    // Baseline, Main, High (ISO/IEC 14496-10 Annex A); Extended and the professional ones are out.
    const PROFILES: [u8; 3] = [66, 77, 100];
    track.codec == Codec::H264
        && track.video.as_ref().is_some_and(|v| {
            v.bit_depth == 8
                && v.chroma == Chroma::C420
                && !v.interlaced
                && PROFILES.contains(&v.profile_idc)
        })
}

/// Do browsers play this audio? AAC (LC or HE) in ADTS, and MP3.
pub fn audio_plays(track: &Track) -> bool {
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

/// What a pipeline has to do with the tracks of a source to make a rendition.
pub fn work(what: Convert, tracks: &Tracks) -> (Video, Audio) {
    let video = match (tracks.video(), what) {
        (None, _) => Video::None,
        (Some(track), Convert::Audio) => copied(track.codec),
        (Some(_), _) => Video::Encode,
    };
    let audio = match (tracks.audio(), what) {
        (None, _) => Audio::None,
        (Some(_), Convert::Video) => Audio::Copy,
        (Some(_), _) => Audio::Encode,
    };
    (video, audio)
}

/// The picture of a track, as its headers tell it.
pub fn picture(track: &Track) -> Option<Picture> {
    let video = track.video.as_ref()?;
    Some(Picture {
        width: video.width,
        height: video.height,
        par: video.sar,
        rate: video.frame_rate.unwrap_or((0, 1)),
        interlaced: video.interlaced,
    })
}

/// A video that was to be copied; after a change of the source to one that cannot be, encoded.
fn copied(codec: Codec) -> Video {
    match codec {
        Codec::H264 => Video::Copy(VideoCodec::H264),
        Codec::Hevc => Video::Copy(VideoCodec::H265),
        Codec::Mpeg1Video | Codec::Mpeg2Video => Video::Copy(VideoCodec::Mpeg2),
        _ => Video::Encode,
    }
}

/// The elementary PIDs of one video and one audio track: what a pipeline is given.
pub fn wanted_pids(tracks: &Tracks, audio: Option<&AudioChoice>) -> Vec<u16> {
    [tracks.video(), chosen(audio, tracks)]
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
            Self::Source | Self::Picked { .. } => None,
            Self::Encoded { profile, .. } => Some(profile),
        }
    }

    /// True when a pipeline makes it.
    pub fn is_encoded(&self) -> bool {
        matches!(self, Self::Encoded { .. })
    }

    /// The audio track that was chosen.
    pub fn audio(&self) -> Option<&AudioChoice> {
        match self {
            Self::Source => None,
            Self::Picked { audio } => Some(audio),
            Self::Encoded { audio, .. } => audio.as_ref(),
        }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, audio) = match text.split_once('+') {
            Some((text, audio)) => (text, Some(AudioChoice::parse(audio)?)),
            None => (text, None),
        };
        if text == "source" {
            return Some(match audio {
                Some(audio) => Self::Picked { audio },
                None => Self::Source,
            });
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
            audio,
        })
    }
}

impl fmt::Display for RenditionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source | Self::Picked { .. } => f.write_str("source")?,
            Self::Encoded { profile, what, .. } => {
                f.write_str(profile)?;
                f.write_str(match what {
                    Convert::All => "",
                    Convert::Video => ".video",
                    Convert::Audio => ".audio",
                })?;
            }
        }
        match self.audio() {
            Some(audio) => write!(f, "+{audio}"),
            None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags};
    use crate::ts::{AudioInfo, VideoInfo};

    fn profiles() -> BTreeMap<String, Profile> {
        let config = Config::load(&Flags::default(), &|_| None, &|_| unreachable!("no file"));
        config.expect("defaults are good").transcode.profiles
    }

    fn video(codec: Codec, change: impl FnOnce(&mut VideoInfo)) -> Track {
        let mut info = VideoInfo {
            width: 1280,
            height: 720,
            sar: (1, 1),
            profile_idc: 100,
            constraint_flags: 0,
            level_idc: 31,
            chroma: Chroma::C420,
            bit_depth: 8,
            interlaced: false,
            frame_rate: Some((25, 1)),
        };
        change(&mut info);
        Track {
            pid: 256,
            codec,
            language: None,
            video: Some(info),
            audio: None,
        }
    }

    fn audio(codec: Codec) -> Track {
        Track {
            pid: 257,
            codec,
            language: None,
            video: None,
            audio: Some(AudioInfo {
                sample_rate: 48_000,
                channels: 2,
                aac_object_type: (codec == Codec::Aac).then_some(2),
            }),
        }
    }

    fn planned(transcode: Option<bool>, quality: Option<&str>, tracks: Vec<Track>) -> String {
        let wish = Wish {
            transcode,
            quality: quality.map(Quality::parse),
            audio: None,
        };
        let tracks = Tracks {
            program: 1,
            pmt_pid: 4096,
            pcr_pid: 256,
            tracks,
        };
        match plan(&wish, &tracks, &profiles(), "medium") {
            Ok(key) => {
                let text = key.to_string();
                assert_eq!(RenditionKey::parse(&text), Some(key));
                text
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn only_what_a_browser_cannot_play_is_converted() {
        let h264 = || video(Codec::H264, |_| ());
        let auto = |tracks| planned(None, None, tracks);
        assert_eq!(auto(vec![h264(), audio(Codec::Aac)]), "source");
        assert_eq!(auto(vec![h264()]), "source");
        assert_eq!(auto(vec![h264(), audio(Codec::Ac3)]), "medium.audio");
        assert_eq!(auto(vec![h264(), audio(Codec::Mp2)]), "medium.audio");
        let hevc = || video(Codec::Hevc, |_| ());
        assert_eq!(auto(vec![hevc(), audio(Codec::Aac)]), "medium.video");
        assert_eq!(auto(vec![hevc(), audio(Codec::Eac3)]), "medium");
        assert_eq!(auto(vec![hevc()]), "medium");
        assert_eq!(auto(vec![audio(Codec::Mp2)]), "medium");
        for odd in [
            video(Codec::H264, |v| v.interlaced = true),
            video(Codec::H264, |v| v.bit_depth = 10),
            video(Codec::H264, |v| v.chroma = Chroma::C422),
            video(Codec::H264, |v| v.profile_idc = 122),
        ] {
            assert_eq!(auto(vec![odd, audio(Codec::Aac)]), "medium.video");
        }
    }

    #[test]
    fn a_quality_is_an_upper_bound_of_the_size() {
        let tracks = || vec![video(Codec::H264, |_| ()), audio(Codec::Aac)];
        assert_eq!(planned(None, Some("low"), tracks()), "low.video");
        assert_eq!(planned(None, Some("medium"), tracks()), "source");
        assert_eq!(planned(None, Some("HIGH"), tracks()), "source");
        assert_eq!(planned(Some(true), Some("high"), tracks()), "high");
        assert_eq!(planned(Some(true), None, tracks()), "medium");
    }

    #[test]
    fn never_means_never_and_contradictions_are_told() {
        let mpeg2 = || vec![video(Codec::Mpeg2Video, |_| ()), audio(Codec::Mp2)];
        assert_eq!(planned(Some(false), Some("low"), mpeg2()), "source");
        assert_eq!(planned(None, Some("source"), mpeg2()), "source");
        assert!(planned(Some(true), Some("source"), mpeg2()).contains("transcode=true"));
        let unknown = planned(None, Some("ultra"), mpeg2());
        assert!(unknown.contains("ultra") && unknown.contains("high, low, medium"));
        assert!(planned(None, None, vec![]).contains("neither video nor audio"));
    }

    #[test]
    fn one_of_several_audio_tracks() {
        let of = |codec, language: &str| Track {
            language: Some(language.to_owned()),
            pid: if language == "ger" { 257 } else { 258 },
            ..audio(codec)
        };
        let tracks = |codec| Tracks {
            program: 1,
            pmt_pid: 4096,
            pcr_pid: 256,
            tracks: vec![
                video(Codec::H264, |_| ()),
                of(codec, "ger"),
                of(Codec::Ac3, "eng"),
            ],
        };
        let planned = |codec, choice: &str| {
            let wish = Wish {
                audio: AudioChoice::parse(choice),
                ..Wish::default()
            };
            match plan(&wish, &tracks(codec), &profiles(), "medium") {
                Ok(key) => {
                    assert_eq!(RenditionKey::parse(&key.to_string()), Some(key.clone()));
                    let pids = wanted_pids(&tracks(codec), key.audio());
                    format!("{key} {}", pids[1])
                }
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(planned(Codec::Aac, "de"), "source+deu 257");
        assert_eq!(planned(Codec::Aac, "0"), "source+0 257");
        assert_eq!(planned(Codec::Aac, "en"), "medium.audio+eng 258");
        assert_eq!(planned(Codec::Mp2, "1"), "medium.audio+1 258");
        // The first one shares the rendition of those who chose nothing.
        assert_eq!(planned(Codec::Mp2, "ger"), "medium.audio 257");
        let none = planned(Codec::Aac, "fr");
        assert!(
            none.contains("\"fra\"") && none.contains("ger, eng"),
            "{none}"
        );
    }

    #[test]
    fn a_rendition_in_a_path_is_checked() {
        for text in [
            "",
            "low.",
            "low.x",
            "../x",
            "a/b",
            "low.video.audio",
            "low+",
            "source+x/y",
        ] {
            assert_eq!(RenditionKey::parse(text), None, "{text}");
        }
    }
}
