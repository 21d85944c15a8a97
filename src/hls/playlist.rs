//! Reading a playlist (RFC 8216, section 4) into lean types of our own.
//!
//! As tolerant as players are (byte order mark, any end of line, unknown tags, decimal or missing target durations,
//! missing sequence numbers), and strict where guessing would give a wrong picture: encryption, byte ranges, URIs.
//! The line reader is our own because a lenient general parser turns `#EXTINF:6,News, live` or
//! `#EXT-X-TARGETDURATION:9.6` into a segment too many, and a segment too many moves every sequence number after it.

mod error;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::lines::{Line, lines};
use super::media;
use super::variables::Variables;
use super::variants::{self, Multivariant};
pub use error::{Found, PlaylistError};

/// What was at the URL.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// Several encodings of one presentation.
    Multivariant(Multivariant),
    /// The segments of one encoding.
    Media(MediaPlaylist),
}

/// A media playlist (4.3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct MediaPlaylist {
    /// `EXT-X-TARGETDURATION`, or the longest segment where that is missing; at least 1 s.
    pub target_duration: Duration,
    /// Number of the first segment; 0 where the playlist names none.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`, 0 where missing.
    pub discontinuity_sequence: u64,
    /// In order; may be empty while a live source starts.
    pub segments: Vec<Segment>,
    /// `EXT-X-ENDLIST`: no more segments will come.
    pub ended: bool,
}

/// One segment of a media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Media sequence number. A [`Reloader`](super::reload::Reloader) renumbers after a restart, so that the
    /// numbers of what it hands out only ever grow.
    pub sequence: u64,
    /// Absolute, http or https, without fragment.
    pub uri: Url,
    /// `EXTINF`, or the target duration where that is missing or unreadable.
    pub duration: Duration,
    /// The part of the resource that is the segment; `None` for all of it.
    pub byte_range: Option<ByteRange>,
    /// How it is encrypted; `None` for plain.
    pub key: Option<Key>,
    /// What has to be read before it (fragmented MP4). Shared by the segments that one `EXT-X-MAP`
    /// covers.
    pub map: Option<Arc<Map>>,
    /// It does not continue the one before.
    pub discontinuity: bool,
    /// It does not because segments before it were lost: the source's timestamps go on.
    pub after_loss: bool,
    /// `EXT-X-GAP`: listed, but there is nothing to fetch.
    pub gap: bool,
}

/// A media initialization section (`EXT-X-MAP`, 4.3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Absolute, http or https, without fragment.
    pub uri: Url,
    /// The part of the resource that it is; `None` for all of it.
    pub byte_range: Option<ByteRange>,
    /// How it is encrypted; `None` for plain.
    pub key: Option<Key>,
}

/// Bytes `offset .. offset + length` of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub offset: u64,
    /// Number of bytes, above 0; `offset + length` fits in `u64`.
    pub length: u64,
}

/// How to decrypt a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Cipher and mode.
    pub method: KeyMethod,
    /// Where the 16 bytes of the key are. Shared by the segments that one `EXT-X-KEY` covers.
    pub uri: Arc<Url>,
    /// The given one, or the media sequence number (5.2).
    pub iv: [u8; 16],
}

/// The methods that can be undone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMethod {
    /// The whole segment by AES-128 in CBC mode with PKCS #7 padding.
    Aes128,
}

/// What a playlist may cost. Exceeding one is an error, not a cut.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Segments of a media playlist.
    pub segments: usize,
    /// Variants of a multivariant playlist, and its audio renditions.
    pub variants: usize,
    /// Bytes of one URI, as written and as resolved.
    pub uri_bytes: usize,
    /// Bytes of all resolved URIs together: a long base address would multiply a small playlist.
    pub uri_bytes_total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            segments: 20_000,
            variants: 200,
            uri_bytes: 8 << 10,
            uri_bytes_total: 32 << 20,
        }
    }
}

/// Reads a playlist. URIs are resolved against `base`, the address after redirects.
pub fn parse(body: &[u8], base: &Url, limits: &Limits) -> Result<Playlist, PlaylistError> {
    parse_child(body, base, limits, &Variables::default())
}

/// Reads a playlist that one which defined `imported` leads to.
pub fn parse_child(
    body: &[u8],
    base: &Url,
    limits: &Limits,
    imported: &Variables,
) -> Result<Playlist, PlaylistError> {
    if body.len() > limits.bytes {
        return Err(PlaylistError::TooLarge {
            limit: limits.bytes,
        });
    }
    let text = String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    if !is_playlist(&text) {
        return Err(PlaylistError::NotAPlaylist(look_at(body)));
    }
    let head = Head::scan(&text);
    let mut resolver = Resolver {
        base,
        limits,
        total: 0,
        imported,
        variables: Variables::default(),
    };
    match head.kind {
        Kind::Multivariant => variants::read(&text, &mut resolver).map(Playlist::Multivariant),
        Kind::Media => media::read(&text, &head, &mut resolver).map(Playlist::Media),
        Kind::ChannelList => Err(PlaylistError::ChannelList),
        Kind::Bare => Err(PlaylistError::NotAPlaylist(Found::Nothing)),
    }
}

/// What has to be known before the segments are read, wherever in the text it stands.
#[derive(Debug)]
pub(super) struct Head {
    kind: Kind,
    pub(super) media_sequence: u64,
    pub(super) discontinuity_sequence: u64,
    pub(super) target_duration: Option<Duration>,
    pub(super) ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Multivariant,
    Media,
    ChannelList,
    Bare,
}

impl Head {
    fn scan(text: &str) -> Self {
        let mut head = Self {
            kind: Kind::Bare,
            media_sequence: 0,
            discontinuity_sequence: 0,
            target_duration: None,
            ended: false,
        };
        for (_, line) in lines(text) {
            let Line::Tag { name, value } = line else {
                if head.kind == Kind::Bare {
                    head.kind = Kind::ChannelList;
                }
                continue;
            };
            match name {
                "EXT-X-MEDIA-SEQUENCE" => {
                    head.media_sequence = super::lines::sequence(value).unwrap_or(0);
                }
                "EXT-X-DISCONTINUITY-SEQUENCE" => {
                    head.discontinuity_sequence = super::lines::sequence(value).unwrap_or(0);
                }
                "EXT-X-TARGETDURATION" => head.target_duration = super::lines::seconds(value),
                "EXT-X-ENDLIST" => head.ended = true,
                _ => {}
            }
            if matches!(
                name,
                "EXT-X-STREAM-INF" | "EXT-X-MEDIA" | "EXT-X-I-FRAME-STREAM-INF"
            ) {
                head.kind = Kind::Multivariant;
            } else if name.starts_with("EXT-X-") && head.kind != Kind::Multivariant {
                head.kind = Kind::Media;
            }
        }
        head
    }
}

/// Puts in variables and makes absolute addresses, within the limits.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    base: &'a Url,
    pub(super) limits: &'a Limits,
    total: usize,
    imported: &'a Variables,
    pub(super) variables: Variables,
}

impl Resolver<'_> {
    /// Takes in an `EXT-X-DEFINE`.
    pub(super) fn define(&mut self, attributes: &str, line: usize) -> Result<(), PlaylistError> {
        self.variables
            .define(line, attributes, self.base, self.imported)
    }

    /// The text with its variables replaced.
    pub(super) fn expand<'t>(
        &mut self,
        text: &'t str,
        line: usize,
    ) -> Result<Cow<'t, str>, PlaylistError> {
        let expanded = self.variables.expand(text, line, self.limits.uri_bytes)?;
        if let Cow::Owned(text) = &expanded {
            self.charge(text.len(), line)?;
        }
        Ok(expanded)
    }

    pub(super) fn resolve(&mut self, uri: &str, line: usize) -> Result<Url, PlaylistError> {
        if uri.len() > self.limits.uri_bytes {
            return Err(PlaylistError::UriTooLong { line });
        }
        let mut url = self
            .base
            .join(uri)
            .map_err(|_| PlaylistError::BadUri { line })?;
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(PlaylistError::BadUri { line });
        }
        if url.as_str().len() > self.limits.uri_bytes {
            return Err(PlaylistError::UriTooLong { line });
        }
        self.charge(url.as_str().len(), line)?;
        Ok(url)
    }

    fn charge(&mut self, bytes: usize, line: usize) -> Result<(), PlaylistError> {
        self.total = self.total.saturating_add(bytes);
        if self.total > self.limits.uri_bytes_total {
            return Err(PlaylistError::UriTooLong { line });
        }
        Ok(())
    }
}

/// True if the text starts with the tag `#EXTM3U`, alone or with attributes as IPTV lists have them.
fn is_playlist(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix("#EXTM3U");
    rest.is_some_and(|rest| rest.chars().next().is_none_or(|c| !c.is_alphanumeric()))
}

fn look_at(body: &[u8]) -> Found {
    let start = body.trim_ascii_start();
    let head = String::from_utf8_lossy(&start[..start.len().min(1024)]).to_ascii_lowercase();
    if start.is_empty() {
        Found::Nothing
    } else if body[0] == 0x47 && body.get(188).is_none_or(|b| *b == 0x47) {
        Found::MpegTs
    } else if matches!(body.get(4..8), Some(b"ftyp" | b"styp" | b"moof" | b"sidx")) {
        Found::Mp4
    } else if head.contains("<mpd") {
        Found::Dash
    } else if head.starts_with("<!doctype") || head.contains("<html") {
        Found::WebPage
    } else {
        Found::Other
    }
}

#[cfg(test)]
mod tests;
