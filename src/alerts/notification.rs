//! What one receiver is told at one time.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReceiverId;
use crate::conditions::Condition;
use crate::stream::StreamId;

/// Items of one notification at most; what goes beyond is counted in [`Notification::more`].
pub const MOST_ITEMS: usize = 1_000;
/// Pictures of one notification at most.
pub const MOST_THUMBNAILS: usize = 6;
/// Bytes of all pictures of one notification at most.
pub const MOST_PICTURE_BYTES: usize = 256 * 1024;

/// A notification's number: a ULID, which also tells a receiver that a delivery is a repetition.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct NotificationId(pub ulid::Ulid);

/// What one receiver is told at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Its number.
    pub id: NotificationId,
    /// Who is told.
    pub receiver: ReceiverId,
    /// When it was made.
    pub at: Timestamp,
    /// What happened, the gravest first; at most [`MOST_ITEMS`].
    pub items: Vec<Item>,
    /// Items that did not fit.
    #[serde(default)]
    pub more: usize,
    /// What most of the items share.
    #[serde(default)]
    pub common: Option<Common>,
    /// Changes that this receiver was not told of since the last notification, because they came too often.
    #[serde(default)]
    pub held_back: u64,
    /// Pictures of some of the streams; at most [`MOST_THUMBNAILS`].
    #[serde(default)]
    pub pictures: Vec<Picture>,
}

/// One stream and one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// What happened.
    pub kind: ItemKind,
    /// Whose condition it is; the server's own have a reserved id.
    pub stream: StreamId,
    /// The stream's name.
    pub name: String,
    /// Its group, if it has one.
    #[serde(default)]
    pub group: Option<String>,
    /// The condition as it was.
    pub condition: Condition,
    /// When it happened.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// Times that it came and went unsaid before.
    #[serde(default)]
    pub held_back: u32,
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A condition was raised.
    Raised,
    /// A condition that was told is cleared.
    Cleared,
    /// It is still raised, and is told late: when hours begin, at the end of a maintenance window or of an acknowledgement.
    StillRaised,
    /// It is still raised, and nobody has acknowledged it.
    Escalated,
    /// Somebody wants to see whether alerts arrive.
    Test,
}

/// What most items of a notification share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", content = "name", rename_all = "snake_case")]
pub enum Common {
    /// The provider's account.
    Account(String),
    /// The host of their sources.
    Host(String),
    /// Their group.
    Group(String),
}

/// A picture of a stream, as it was seen when the condition was raised.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Of which stream.
    pub stream: StreamId,
    /// When it was taken.
    pub at: Timestamp,
    /// JPEG; base64 where the notification is kept.
    #[serde(with = "base64")]
    pub jpeg: Vec<u8>,
}

impl NotificationId {
    /// Reads the text form; `None` unless it is a ULID.
    pub fn parse(text: &str) -> Option<Self> {
        ulid::Ulid::from_string(text).ok().map(Self)
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes as text in JSON, which would have them as a list of numbers.
mod base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        BASE64.decode(text.as_bytes()).map_err(de::Error::custom)
    }
}

impl ItemKind {
    /// Whether the condition lasts.
    pub fn is_raised(self) -> bool {
        matches!(self, Self::Raised | Self::StillRaised | Self::Escalated)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.jpeg.len();
        write!(f, "Picture({}, {} bytes)", self.stream, bytes)
    }
}
