//! The keys that URLs are signed with.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::sign::{Claim, Fault, Ticket};

/// Keys that are kept beside the current one.
const PREVIOUS: usize = 4;

/// Names a key, in URLs.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "9f3c01ab")]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// An id of these bytes.
    pub fn new(random: [u8; 4]) -> Self {
        Self(random)
    }

    /// Reads an id; `None` unless it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a key's id has 8 hexadecimal digits")
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

/// A key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Names it.
    pub id: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    secret: Secret,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Secret([u8; 32]);

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = BASE64.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("a key has 32 bytes in base64")
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        BASE64.encode(&secret.0)
    }
}

impl Key {
    /// A key of these bytes.
    pub fn new(id: KeyId, secret: [u8; 32], created_at: Timestamp) -> Self {
        Self {
            id,
            created_at,
            secret: Secret(secret),
        }
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.secret.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The current key, and earlier ones whose signatures are still good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRing {
    /// The newest first.
    keys: Vec<Key>,
}

impl KeyRing {
    /// These, in any order.
    pub fn new(mut keys: Vec<Key>) -> Self {
        keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Self { keys }
    }

    /// All of them, the current one first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Makes a key the current one. With `forget`, or when there are too many, earlier ones go, and with them all that they
    /// have signed; which.
    pub fn rotate(&mut self, mut key: Key, forget: bool) -> Vec<KeyId> {
        // A clock that was set back must not make an older key the current one.
        if let Some(newest) = self.keys.first() {
            key.created_at = key.created_at.max(newest.created_at);
        }
        self.keys.insert(0, key);
        let keep = if forget { 1 } else { 1 + PREVIOUS };
        let gone = self.keys.split_off(keep.min(self.keys.len()));
        gone.into_iter().map(|key| key.id).collect()
    }

    /// Signs a claim with the current key; `None` while there is no key.
    pub fn sign(&self, claim: &Claim<'_>, expires: i64) -> Option<Ticket> {
        let key = self.keys.first()?;
        let tag = hmac::sign(&key.hmac(), &claim.message(expires));
        Ticket::new(expires, key.id, claim.is_bound(), tag.as_ref())
    }

    /// Whether a ticket is good for a claim.
    ///
    /// # Errors
    /// [`Fault::Expired`] only for one whose signature is right.
    pub fn verify(&self, claim: &Claim<'_>, ticket: &Ticket, now: Timestamp) -> Result<(), Fault> {
        let key = self.keys.iter().find(|key| key.id == ticket.kid());
        let key = key.ok_or(Fault::UnknownKey)?;
        // Takes the same time wherever the two differ.
        hmac::verify(
            &key.hmac(),
            &claim.message(ticket.expires()),
            ticket.signature(),
        )
        .map_err(|_| Fault::Forged)?;
        if now.as_second() >= ticket.expires() {
            return Err(Fault::Expired);
        }
        Ok(())
    }
}
