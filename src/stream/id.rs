//! Stream ids: short slugs that are safe in a URL path, a file name and a metric label.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limits;

/// Names of fixed routes beside `/streams/{id}`, which an id would hide behind.
const RESERVED: [&str; 1] = ["import"];
/// Stands for the server itself.
const SERVER: &str = "_server";

/// The id of a stream: `[a-z0-9][a-z0-9._-]{0,63}` without `..`. Cheap to clone.
///
/// What happens to the server itself is told of [`Self::server`], an id that no stream can have: neither [`Self::parse`]
/// nor [`Self::from_name`] gives it, but what the program has written down itself may hold it ([`Self::parse_subject`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(description = "The id of a stream, without `..` and not `import`.", value_type = String, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$", example = "news")]
pub struct StreamId(Arc<str>);

/// Why a text is no [`StreamId`]. Quotes nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty or longer than [`limits::ID`].
    #[error("must have 1 to {} characters", limits::ID)]
    Length,
    /// Starts with something else than a letter or digit.
    #[error("must start with a lower-case letter or a digit")]
    Start,
    /// Holds a character outside the set.
    #[error("holds a character other than a-z, 0-9, '.', '_' and '-'")]
    Character,
    /// Holds `..`, which some path handling would follow upwards.
    #[error("must not hold '..'")]
    DoubleDot,
    /// Would hide behind a fixed route.
    #[error("is a reserved word")]
    Reserved,
}

impl StreamId {
    /// What an id may look like, for messages.
    pub const ALLOWED: &'static str =
        "1 to 64 of a-z, 0-9, '.', '_', '-', the first a letter or digit, no '..', not 'import'";

    /// Reads an id as it was given. Nothing is trimmed or changed: an id is the same text everywhere.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > limits::ID {
            return Err(IdError::Length);
        }
        if !bytes.iter().all(|&b| is_id_byte(b)) {
            return Err(IdError::Character);
        }
        if !bytes[0].is_ascii_alphanumeric() {
            return Err(IdError::Start);
        }
        if text.contains("..") {
            return Err(IdError::DoubleDot);
        }
        if RESERVED.contains(&text) {
            return Err(IdError::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// The subject of events, states and alerts of the server itself: `_server`, which no stream can be called.
    pub fn server() -> Self {
        Self(SERVER.into())
    }

    /// Whether it stands for the server itself.
    pub fn is_server(&self) -> bool {
        &*self.0 == SERVER
    }

    /// Reads an id of whom something is told: a stream's, or [`Self::server`].
    pub fn parse_subject(text: &str) -> Result<Self, IdError> {
        if text == SERVER {
            return Ok(Self::server());
        }
        Self::parse(text)
    }

    /// Makes an id from a name: accents off, everything else than letters and digits to `-`, `stream` when nothing is
    /// left, and `-2`, `-3`, ... appended while `taken` says that the id is in use.
    pub fn from_name(name: &str, taken: impl Fn(&Self) -> bool) -> Self {
        Self::from_slug(&slug(name).text, 1, taken).0
    }

    /// As [`Self::from_name`], from a finished slug and starting the count at `first`; also returns the number that
    /// it took, so that a caller with many equal names need not probe from the start each time.
    pub(crate) fn from_slug(slug: &str, first: u32, taken: impl Fn(&Self) -> bool) -> (Self, u32) {
        let mut number = first.max(1);
        loop {
            let id = Self::numbered(slug, number);
            let reserved = RESERVED.contains(&id.as_str());
            if number == u32::MAX || (!reserved && !taken(&id)) {
                return (id, number);
            }
            number += 1;
        }
    }

    fn numbered(slug: &str, number: u32) -> Self {
        if number == 1 {
            return Self(slug.into());
        }
        let suffix = format!("-{number}");
        // A slug is ASCII, so any byte is a character boundary.
        let stem = slug[..slug.len().min(limits::ID - suffix.len())].trim_end_matches('-');
        Self(format!("{stem}{suffix}").into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_id_byte(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({})", self.0)
    }
}

impl FromStr for StreamId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for StreamId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse_subject(&text)
    }
}

impl From<StreamId> for String {
    fn from(id: StreamId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl AsRef<str> for StreamId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

// Sound for maps: the derived Eq, Ord and Hash of an `Arc<str>` are those of the `str`.
impl Borrow<str> for StreamId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A name as an id could carry it.
pub(crate) struct Slug {
    /// Never empty, at most [`limits::ID`] bytes of `a-z`, `0-9` and single `-`.
    pub(crate) text: String,
    /// Whether every letter and digit of the name is in it. If not, two unlike names may share a slug.
    pub(crate) lossless: bool,
}

/// Makes the slug of a name.
pub(crate) fn slug(name: &str) -> Slug {
    let mut text = String::with_capacity(name.len().min(limits::ID + 4));
    let mut lossless = true;
    let mut gap = false;
    for c in name.chars().flat_map(char::to_lowercase) {
        if text.len() > limits::ID {
            lossless = false;
            break;
        }
        let mut own = [0; 4];
        let part = if c.is_ascii_alphanumeric() {
            &*c.encode_utf8(&mut own)
        } else {
            fold(c)
        };
        if part.is_empty() {
            lossless &= !c.is_alphanumeric();
            // A combining accent belongs to the letter before it and parts nothing.
            gap |= !('\u{300}'..='\u{36f}').contains(&c);
            continue;
        }
        // "Canal+" and "Canal" are two channels; the sign is a word of its own.
        let word = matches!(c, '+' | '&');
        if (gap || word) && !text.is_empty() {
            text.push('-');
        }
        gap = word;
        text.push_str(part);
    }
    if text.len() > limits::ID {
        lossless = false;
        text.truncate(limits::ID);
    }
    text.truncate(text.trim_end_matches('-').len());
    if text.is_empty() {
        lossless = false;
        text.push_str("stream");
    }
    Slug { text, lossless }
}

/// The ASCII stand-in of a lower-case Latin letter or of a letter-like sign; empty for anything else.
fn fold(c: char) -> &'static str {
    match c {
        '+' => "plus",
        '&' => "and",
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' | 'ᴰ' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' | 'ᴴ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' | 'ᴷ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ᵁ' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_only_slugs() {
        for good in ["a", "0", "news", "bbc.one_hd-2", "import2", &"x".repeat(64)] {
            assert_eq!(
                StreamId::parse(good).map(|id| id.to_string()).as_deref(),
                Ok(good)
            );
        }
        let long = "x".repeat(65);
        for (bad, why) in [
            ("", IdError::Length),
            (long.as_str(), IdError::Length),
            (".a", IdError::Start),
            ("-a", IdError::Start),
            ("News", IdError::Character),
            ("a/b", IdError::Character),
            ("é", IdError::Character),
            ("a b", IdError::Character),
            ("a..b", IdError::DoubleDot),
            ("import", IdError::Reserved),
            ("_server", IdError::Start),
        ] {
            assert_eq!(StreamId::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn the_server_is_no_stream() {
        let server = StreamId::server();
        let text = serde_json::to_string(&server).unwrap();
        assert_eq!(text, "\"_server\"");
        assert_eq!(serde_json::from_str::<StreamId>(&text).unwrap(), server);
        assert!(server.is_server() && StreamId::parse(server.as_str()).is_err());
        assert!(!StreamId::from_name("_server", |_| false).is_server());
        assert!(!StreamId::parse("server").unwrap().is_server());
    }

    #[test]
    fn names_become_readable_ids() {
        for (name, id) in [
            ("BBC One HD", "bbc-one-hd"),
            ("  Télé -- Été ", "tele-ete"),
            ("Te\u{301}le\u{301}", "tele"),
            ("Łódź / Şişli ß", "lodz-sisli-ss"),
            ("İstanbul TV", "istanbul-tv"),
            ("Canal+ Sport", "canal-plus-sport"),
            ("A&E", "a-and-e"),
            ("CNN ᴴᴰ", "cnn-hd"),
            ("Россия 1", "1"),
            ("日本", "stream"),
            ("", "stream"),
            ("import", "import-2"),
        ] {
            assert_eq!(StreamId::from_name(name, |_| false).as_str(), id, "{name}");
        }
        assert!(slug("Télé 2").lossless);
        assert!(!slug("Россия 1").lossless);
    }

    #[test]
    fn taken_ids_are_counted_up() {
        let taken = ["news", "news-2", "news-3"];
        assert_eq!(
            StreamId::from_name("News", |id| taken.contains(&id.as_str())).as_str(),
            "news-4"
        );
        let long = "n".repeat(80);
        let id = StreamId::from_name(&long, |id| !id.as_str().ends_with("-12"));
        assert_eq!(id.as_str(), format!("{}-12", "n".repeat(61)));
    }

    #[test]
    fn serde_checks() {
        assert_eq!(
            serde_json::to_string(&StreamId::parse("a").unwrap()).unwrap(),
            "\"a\""
        );
        assert!(serde_json::from_str::<StreamId>("\"a..b\"").is_err());
    }

    proptest! {
        #[test]
        fn made_ids_are_ids(name in "\\PC{0,90}", number in 1u32..5_000_000) {
            let made = StreamId::from_slug(&slug(&name).text, number, |_| false).0;
            prop_assert_eq!(StreamId::parse(made.as_str()), Ok(made));
        }
    }
}
