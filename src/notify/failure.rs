//! Why a receiver was not told.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alerts::wording::clean;

/// Most characters of what is told of a failure.
const MOST_TEXT: usize = 240;

/// How far a delivery got, in the order of its stages.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryStage)]
pub enum Stage {
    /// Finding the receiver, and whether it may be reached.
    Receiver,
    /// Name resolution and the TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The greeting of the mail server.
    Greeting,
    /// Logging in to the mail server.
    Auth,
    /// The sender, to the mail server.
    Sender,
    /// The recipients, to the mail server.
    Recipient,
    /// The mail itself, up to its acceptance.
    Data,
    /// The HTTP request and its answer.
    Request,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing can be delivered to this receiver for now, whatever it is.
    Unreachable,
    /// This notification is not taken for now.
    NotNow,
    /// It will never be taken as it is.
    Never,
}

/// Why a receiver was not told. Its text names no URL, path or credential, and is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How far it got.
    pub stage: Stage,
    /// What follows.
    pub verdict: Verdict,
    /// A sentence for people.
    pub message: String,
    /// How long the receiver asks to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure at this stage. What others wrote into the message is made one line, and cut.
    pub fn new(stage: Stage, verdict: Verdict, message: impl AsRef<str>) -> Self {
        Self {
            stage,
            verdict,
            message: clean(message.as_ref(), MOST_TEXT),
            retry_after: None,
        }
    }
}

impl Stage {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Auth => "auth",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Data => "data",
            Self::Request => "request",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
