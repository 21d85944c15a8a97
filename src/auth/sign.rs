//! Signed URLs: what players that send no headers are let in by.
//!
//! A signature says until when (`expires`, seconds since 1970), by which key (`kid`), and for what: the place, the
//! stream, and everything in the query that chooses what is played. With `client=1` it is good for one client only.

use std::borrow::Cow;
use std::fmt::Write as _;

use data_encoding::BASE64URL_NOPAD;
use url::form_urlencoded;

use super::keys::KeyId;
use crate::base::ids::ClientId;

/// Says what is signed, so that no signature of ours is ever taken for another one.
const DOMAIN: &str = "sightglass playback 1";

/// What a signed URL leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A stream, as MPEG-TS or as its player prefers.
    Preview,
    /// A stream as HLS.
    Index,
    /// The media playlist and the segments of one output of a stream.
    Output,
    /// The playlist of all streams.
    Playlist,
}

impl Place {
    fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Index => "index",
            Self::Output => "output",
            Self::Playlist => "playlist",
        }
    }

    /// Whether a parameter chooses what is played, and so is signed.
    fn signs(self, name: &str) -> bool {
        match self {
            Self::Preview | Self::Index => {
                matches!(name, "quality" | "transcode" | "audio" | "format")
            }
            Self::Output => name == "session",
            Self::Playlist => matches!(
                name,
                "quality" | "transcode" | "format" | "group" | "sources" | "secrets"
            ),
        }
    }
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    place: Place,
    stream: &'a str,
    /// Of an output.
    rendition: &'a str,
    /// Sorted.
    asked: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    client: Option<ClientId>,
}

impl<'a> Claim<'a> {
    /// What is asked for at a place by a query, for anybody.
    pub fn new(place: Place, stream: &'a str, rendition: &'a str, query: &'a str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let mut asked: Vec<_> = pairs.filter(|(name, _)| place.signs(name)).collect();
        asked.sort_unstable();
        Self {
            place,
            stream,
            rendition,
            asked,
            client: None,
        }
    }

    /// The same for one client only, if so.
    #[must_use]
    pub fn bound_to(mut self, client: Option<ClientId>) -> Self {
        self.client = client;
        self
    }

    pub(super) fn is_bound(&self) -> bool {
        self.client.is_some()
    }

    /// Each part with its length before it, so that no two claims have the same message.
    pub(super) fn message(&self, expires: i64) -> Vec<u8> {
        let mut message = Vec::with_capacity(128);
        let mut put = |part: &str| {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        };
        put(DOMAIN);
        put(self.place.as_str());
        put(self.stream);
        put(self.rendition);
        put(&expires.to_string());
        put(&self
            .client
            .map(|client| client.to_string())
            .unwrap_or_default());
        for (name, value) in &self.asked {
            put(name);
            put(value);
        }
        message
    }
}

/// What is wrong with a signed URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not parse.
    #[error("the signature of the URL cannot be read")]
    Malformed,
    /// Its key is not there (any more).
    #[error("the URL was signed with a key that is no longer in use")]
    UnknownKey,
    /// It is for something else, or for somebody else.
    #[error("the signature of the URL is not for this request")]
    Forged,
    /// It was good.
    #[error("the signed URL has expired")]
    Expired,
}

/// A signature as it stands in a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    expires: i64,
    kid: KeyId,
    bound: bool,
    signature: [u8; 32],
}

impl Ticket {
    pub(super) fn new(expires: i64, kid: KeyId, bound: bool, signature: &[u8]) -> Option<Self> {
        let signature = signature.try_into().ok()?;
        Some(Self {
            expires,
            kid,
            bound,
            signature,
        })
    }

    /// That of a query, if it has one.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    pub fn find(query: &str) -> Result<Option<Self>, Fault> {
        let (mut expires, mut kid, mut signature, mut bound) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "expires" => &mut expires,
                "kid" => &mut kid,
                "sig" => &mut signature,
                "client" => &mut bound,
                _ => continue,
            };
            // Each once: no two readers may take another one of them.
            if place.replace(value).is_some() {
                return Err(Fault::Malformed);
            }
        }
        let Some(signature) = signature else {
            return Ok(None);
        };
        let read = || {
            let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
            let bound = match bound.as_deref() {
                None => false,
                Some("1") => true,
                Some(_) => return None,
            };
            let expires = expires?.parse().ok()?;
            Self::new(expires, KeyId::parse(&kid?)?, bound, &signature)
        };
        read().map(Some).ok_or(Fault::Malformed)
    }

    /// When it ends, seconds since 1970.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Whether it is for one client only.
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// The key it was made with.
    pub fn kid(&self) -> KeyId {
        self.kid
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Its parameters, to be put behind a `?` or `&`.
    pub fn query(&self) -> String {
        let mut text = format!("expires={}&kid={}", self.expires, self.kid);
        if self.bound {
            text.push_str("&client=1");
        }
        // Writing to a String does not fail.
        let _ = write!(text, "&sig={}", BASE64URL_NOPAD.encode(&self.signature));
        text
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("kid", &self.kid)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
