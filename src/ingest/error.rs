//! Why a pull failed: at which stage, for which cause, in words for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::policy::Denied;
use crate::remux::RemuxError;

/// How far a pull got, in the order of its stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A connection among those that the source's account allows.
    Account,
    /// Is the address one that sources may use?
    Policy,
    /// Name resolution.
    Dns,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The HTTP request and its status.
    Request,
    /// The playlist.
    Manifest,
    /// The first byte of media.
    FirstByte,
    /// Finding tables, tracks and a keyframe.
    Demux,
    /// Media that had begun to flow.
    Flow,
    /// The conversion of the media.
    Transcode,
}

/// The sort of cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The source policy forbids it.
    Policy,
    /// No route, no such name, no answer.
    Unreachable,
    /// The connection was refused.
    Refused,
    /// Credentials are missing or wrong (401, 403, 407).
    Auth,
    /// The provider does not serve this country, network or player (451, or 403 with a page that says so).
    Blocked,
    /// The provider does not have it (404, 410, other 4xx).
    NotFound,
    /// The provider says too many connections or requests (429, 458, 509).
    ProviderLimit,
    /// The provider fails (5xx).
    Server,
    /// It took too long.
    Timeout,
    /// What came is no media that can be read.
    NotMedia,
    /// A kind of source, container or encryption that this version cannot pull.
    Unsupported,
    /// The content is protected.
    Drm,
    /// Bytes stopped coming.
    Stalled,
    /// The source ended.
    Ended,
    /// Somebody asked for another source.
    Rejected,
    /// Larger, longer or deeper than allowed.
    Limit,
    /// The server is short of memory, CPU or descriptors.
    Overload,
    /// A fault of ours, such as a pipeline that does not start.
    Internal,
}

impl Cause {
    /// True when trying again soon cannot help: somebody must change something.
    pub fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::Policy
                | Self::Auth
                | Self::Blocked
                | Self::NotFound
                | Self::NotMedia
                | Self::Unsupported
                | Self::Drm
        )
    }
}

impl Stage {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Policy => "policy",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Request => "request",
            Self::Manifest => "manifest",
            Self::FirstByte => "first_byte",
            Self::Demux => "demux",
            Self::Flow => "flow",
            Self::Transcode => "transcode",
        }
    }
}

impl Cause {
    /// All there are.
    pub const ALL: [Self; 18] = [
        Self::Policy,
        Self::Unreachable,
        Self::Refused,
        Self::Auth,
        Self::Blocked,
        Self::NotFound,
        Self::ProviderLimit,
        Self::Server,
        Self::Timeout,
        Self::NotMedia,
        Self::Unsupported,
        Self::Drm,
        Self::Stalled,
        Self::Ended,
        Self::Rejected,
        Self::Limit,
        Self::Overload,
        Self::Internal,
    ];

    /// Its name in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Auth => "auth",
            Self::Blocked => "blocked",
            Self::NotFound => "not_found",
            Self::ProviderLimit => "provider_limit",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::NotMedia => "not_media",
            Self::Unsupported => "unsupported",
            Self::Drm => "drm",
            Self::Stalled => "stalled",
            Self::Ended => "ended",
            Self::Rejected => "rejected",
            Self::Limit => "limit",
            Self::Overload => "overload",
            Self::Internal => "internal",
        }
    }
}

/// A pull that failed. Its text names no URL, path or credential, so it may be shown to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestError {
    /// How far it got.
    pub stage: Stage,
    /// Why it ended there.
    pub cause: Cause,
    /// A sentence for people.
    pub message: String,
}

impl IngestError {
    /// An error of this stage and cause.
    pub fn new(stage: Stage, cause: Cause, message: impl Into<String>) -> Self {
        Self {
            stage,
            cause,
            message: message.into(),
        }
    }

    /// The verdict on an HTTP status that is no success.
    pub fn of_status(stage: Stage, status: u16) -> Self {
        let cause = match status {
            401 | 403 | 407 => Cause::Auth,
            429 | 458 | 509 => Cause::ProviderLimit,
            451 => Cause::Blocked,
            408 | 425 => Cause::Timeout,
            400..=499 => Cause::NotFound,
            _ => Cause::Server,
        };
        Self::new(
            stage,
            cause,
            format!("the source answered with HTTP status {status}"),
        )
    }

    /// The verdict on an error of a connection that is not HTTP's.
    pub fn of_connection(stage: Stage, error: &std::io::Error) -> Self {
        of_io(stage, stage == Stage::Connect, error).unwrap_or_else(|| {
            let text = "the connection to the source broke";
            Self::new(stage, Cause::Unreachable, text)
        })
    }

    /// The verdict on an error of the HTTP client; its own text holds URLs and is not used.
    pub(super) fn of_client(stage: Stage, error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            // of our own resolver
            if let Some(error) = inner.downcast_ref::<Self>() {
                return error.clone();
            }
            if let Some(io) = inner.downcast_ref::<std::io::Error>()
                && let Some(found) = of_io(stage, error.is_connect(), io)
            {
                return found;
            }
            cause = inner.source();
        }
        if error.is_timeout() {
            Self::new(stage, Cause::Timeout, "the source did not answer in time")
        } else if error.is_connect() {
            Self::new(
                Stage::Connect,
                Cause::Unreachable,
                "the source cannot be reached",
            )
        } else if error.is_decode() {
            Self::new(
                stage,
                Cause::NotMedia,
                "the source's answer cannot be decoded",
            )
        } else {
            Self::new(
                stage,
                Cause::Unreachable,
                "the connection to the source broke",
            )
        }
    }
}

fn of_io(stage: Stage, connects: bool, io: &std::io::Error) -> Option<IngestError> {
    use std::io::ErrorKind;
    let at = if connects { Stage::Connect } else { stage };
    let new = |stage, cause, text| Some(IngestError::new(stage, cause, text));
    match io.kind() {
        ErrorKind::ConnectionRefused => new(at, Cause::Refused, "the source refuses connections"),
        ErrorKind::TimedOut => new(at, Cause::Timeout, "the source did not answer in time"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            new(at, Cause::Unreachable, "there is no route to the source")
        }
        // rustls reports through io errors of this kind
        ErrorKind::InvalidData if connects => new(
            Stage::Tls,
            Cause::Unreachable,
            "the TLS handshake with the source failed (certificate or protocol)",
        ),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => {
            new(at, Cause::Unreachable, "the source closed the connection")
        }
        _ => None,
    }
}

impl From<Denied> for IngestError {
    fn from(denied: Denied) -> Self {
        let cause = match denied {
            Denied::Scheme { .. } => Cause::Unsupported,
            _ => Cause::Policy,
        };
        Self::new(Stage::Policy, cause, denied.to_string())
    }
}

impl From<RemuxError> for IngestError {
    fn from(error: RemuxError) -> Self {
        let cause = match error {
            RemuxError::Encrypted { .. } => Cause::Drm,
            RemuxError::Unsupported { .. } | RemuxError::IndexAtEnd => Cause::Unsupported,
            RemuxError::NotMedia(_) => Cause::NotMedia,
            RemuxError::Limit(_) => Cause::Limit,
        };
        Self::new(Stage::Demux, cause, error.to_string())
    }
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for IngestError {}
