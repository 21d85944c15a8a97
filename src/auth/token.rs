//! Tokens: secrets for programs, of which only a digest is kept.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::access::Scopes;
use super::name::TokenId;

/// What each begins with, so that people and secret scanners know what they have found.
const PREFIX: &str = "sgt_";

/// A token as its holder has it: `sgt_` and 256 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

impl TokenText {
    /// A token of these bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random)))
    }

    /// Reads a token; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.strip_prefix(PREFIX)?;
        let bytes = BASE64URL_NOPAD.decode(bytes.as_bytes()).ok()?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// Its text, to be shown once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText")
    }
}

/// SHA-256 of a secret that nobody can guess: it needs no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of this secret.
    pub fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("a digest has 64 hexadecimal digits")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        HEXLOWER.encode(&digest.0)
    }
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names it.
    pub id: TokenId,
    /// What it is for, in somebody's words.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Of its text.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, as the audit log has it.
    pub created_by: String,
    /// From then on it is good for nothing; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Token {
    /// Whether it is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_are_not_kept() {
        let token = TokenText::new([0xa5; 32]);
        assert_eq!(token.as_str().len(), 47);
        assert_eq!(TokenText::parse(token.as_str()), Some(token.clone()));
        for bad in [
            "",
            "sgt_",
            "sgt_AAAA",
            "xxx_",
            &token.as_str()[1..],
            &format!("{}A", token.as_str()),
        ] {
            assert_eq!(TokenText::parse(bad), None, "{bad:?}");
        }
        let kept = serde_json::to_string(&token.digest()).expect("JSON");
        assert_eq!(kept.len(), 66);
        assert_eq!(
            serde_json::from_str::<Digest>(&kept).expect("read"),
            token.digest()
        );
        assert_ne!(token.digest(), TokenText::new([0xa6; 32]).digest());
    }
}
