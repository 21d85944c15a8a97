//! Which of several audio tracks a viewer wants. Pure.

use std::fmt;

use crate::ts::{Kind, Track, Tracks};

/// The value of `audio=`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AudioChoice {
    /// The track at this place among the audio tracks, from 0.
    Index(u8),
    /// The first track in this language: the three letters of ISO 639-2 (T).
    Language(String),
}

/// ISO 639-1, ISO 639-2/T and, where it differs, ISO 639-2/B, which broadcasters use, of languages
/// that television speaks. Others are known by the three letters that the stream itself uses.
const LANGUAGES: [(&str, &str, &str); 50] = [
    ("ar", "ara", ""),
    ("be", "bel", ""),
    ("bg", "bul", ""),
    ("bn", "ben", ""),
    ("bs", "bos", ""),
    ("ca", "cat", ""),
    ("cs", "ces", "cze"),
    ("cy", "cym", "wel"),
    ("da", "dan", ""),
    ("de", "deu", "ger"),
    ("el", "ell", "gre"),
    ("en", "eng", ""),
    ("es", "spa", ""),
    ("et", "est", ""),
    ("eu", "eus", "baq"),
    ("fa", "fas", "per"),
    ("fi", "fin", ""),
    ("fr", "fra", "fre"),
    ("ga", "gle", ""),
    ("gl", "glg", ""),
    ("he", "heb", ""),
    ("hi", "hin", ""),
    ("hr", "hrv", ""),
    ("hu", "hun", ""),
    ("hy", "hye", "arm"),
    ("id", "ind", ""),
    ("is", "isl", "ice"),
    ("it", "ita", ""),
    ("ja", "jpn", ""),
    ("ka", "kat", "geo"),
    ("ko", "kor", ""),
    ("lt", "lit", ""),
    ("lv", "lav", ""),
    ("mk", "mkd", "mac"),
    ("ms", "msa", "may"),
    ("nl", "nld", "dut"),
    ("no", "nor", ""),
    ("pl", "pol", ""),
    ("pt", "por", ""),
    ("ro", "ron", "rum"),
    ("ru", "rus", ""),
    ("sk", "slk", "slo"),
    ("sl", "slv", ""),
    ("sq", "sqi", "alb"),
    ("sr", "srp", ""),
    ("sv", "swe", ""),
    ("tr", "tur", ""),
    ("uk", "ukr", ""),
    ("vi", "vie", ""),
    ("zh", "zho", "chi"),
];

impl AudioChoice {
    /// What it may look like, for messages.
    pub const ALLOWED: &'static str =
        "a language (de, deu or ger) or the place among the audio tracks, from 0";

    /// Reads `audio=`. Region and script of a language tag (`de-AT`) do not matter here.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(Self::Index);
        }
        let language = text.split(['-', '_']).next()?.to_ascii_lowercase();
        let known = LANGUAGES
            .iter()
            .find(|(two, _, _)| *two == language)
            .map(|(_, three, _)| (*three).to_owned());
        let three = language.len() == 3 && language.bytes().all(|b| b.is_ascii_lowercase());
        known
            .or_else(|| three.then(|| canonical(&language).to_owned()))
            .map(Self::Language)
    }

    /// The track, if there is one.
    pub fn find<'a>(&self, tracks: &'a Tracks) -> Option<&'a Track> {
        let mut audio = audio_tracks(tracks);
        match self {
            Self::Index(at) => audio.nth(usize::from(*at)),
            Self::Language(wanted) => audio.find(|track| {
                let language = track.language.as_deref();
                language.is_some_and(|language| canonical(language) == wanted)
            }),
        }
    }
}

/// The audio track of a choice; the first one where nothing was chosen, or where what was chosen is
/// not there any more.
pub fn chosen<'a>(choice: Option<&AudioChoice>, tracks: &'a Tracks) -> Option<&'a Track> {
    choice
        .and_then(|choice| choice.find(tracks))
        .or_else(|| tracks.audio())
}

/// The audio tracks in the order of the map.
pub fn audio_tracks(tracks: &Tracks) -> impl Iterator<Item = &Track> {
    let all = tracks.tracks.iter();
    all.filter(|track| track.codec.kind() == Kind::Audio)
}

fn canonical(language: &str) -> &str {
    LANGUAGES
        .iter()
        .find(|(_, _, b)| *b == language)
        .map_or(language, |(_, t, _)| t)
}

impl fmt::Display for AudioChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(at) => write!(f, "{at}"),
            Self::Language(language) => f.write_str(language),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_in_each_spelling() {
        let german = Some(AudioChoice::Language("deu".to_owned()));
        for text in ["de", "DE", "deu", "ger", "de-AT", "ger_CH"] {
            assert_eq!(AudioChoice::parse(text), german, "{text}");
        }
        assert_eq!(AudioChoice::parse("0"), Some(AudioChoice::Index(0)));
        assert_eq!(AudioChoice::parse("12"), Some(AudioChoice::Index(12)));
        assert_eq!(
            AudioChoice::parse("qaa"),
            Some(AudioChoice::Language("qaa".to_owned()))
        );
        for text in ["", "german", "d", "-1", "100", "d3", "x/"] {
            assert_eq!(AudioChoice::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_again() {
        for text in ["3", "fra"] {
            let choice = AudioChoice::parse(text).unwrap();
            assert_eq!(AudioChoice::parse(&choice.to_string()), Some(choice));
        }
    }
}
