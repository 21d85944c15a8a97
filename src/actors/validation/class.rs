//! Why a source failed, in the words of who has to mend it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::ingest::{Cause, IngestError, Stage};

/// The sort of cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationClass)]
pub enum Class {
    /// No such name, no answer, or the connection breaks.
    Unreachable,
    /// The connection is refused.
    Refused,
    /// Credentials are missing or wrong.
    Auth,
    /// The provider does not serve this country, network or player.
    GeoOrBlocked,
    /// The provider's limit of connections or requests is reached.
    ProviderLimit,
    /// The provider does not have it.
    NotFound,
    /// The provider's server fails.
    ProviderError,
    /// What comes is no media.
    NotMedia,
    /// The content is protected.
    Drm,
    /// A codec or container that is not understood here, or that cannot be decoded.
    Codec,
    /// It takes too long, or stops.
    Timeout,
    /// This server has no way to the network.
    OwnNetwork,
    /// The policy of this server forbids it.
    Policy,
    /// A fault or a shortage of this server.
    Internal,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Unreachable,
        Self::Refused,
        Self::Auth,
        Self::GeoOrBlocked,
        Self::ProviderLimit,
        Self::NotFound,
        Self::ProviderError,
        Self::NotMedia,
        Self::Drm,
        Self::Codec,
        Self::Timeout,
        Self::OwnNetwork,
        Self::Policy,
        Self::Internal,
    ];

    /// Its name in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Auth => "auth",
            Self::GeoOrBlocked => "geo_or_blocked",
            Self::ProviderLimit => "provider_limit",
            Self::NotFound => "not_found",
            Self::ProviderError => "provider_error",
            Self::NotMedia => "not_media",
            Self::Drm => "drm",
            Self::Codec => "codec",
            Self::Timeout => "timeout",
            Self::OwnNetwork => "own_network",
            Self::Policy => "policy",
            Self::Internal => "internal",
        }
    }

    /// The class of an error. `cut_off`: this server has no route to where the source is.
    pub fn of(error: &IngestError, cut_off: bool) -> Self {
        match error.cause {
            Cause::Unreachable if cut_off && error.stage <= Stage::Connect => Self::OwnNetwork,
            Cause::Timeout if cut_off && error.stage == Stage::Dns => Self::OwnNetwork,
            Cause::Unreachable => Self::Unreachable,
            Cause::Refused => Self::Refused,
            Cause::Auth => Self::Auth,
            Cause::Blocked => Self::GeoOrBlocked,
            Cause::ProviderLimit => Self::ProviderLimit,
            Cause::NotFound => Self::NotFound,
            Cause::Server => Self::ProviderError,
            // of leases for pipelines; elsewhere of what the source sends
            Cause::Limit if error.stage == Stage::Connect => Self::Internal,
            Cause::NotMedia | Cause::Ended | Cause::Limit => Self::NotMedia,
            Cause::Drm => Self::Drm,
            Cause::Unsupported if error.stage == Stage::Policy => Self::Policy,
            Cause::Unsupported => Self::Codec,
            Cause::Timeout | Cause::Stalled => Self::Timeout,
            Cause::Policy => Self::Policy,
            Cause::Internal if error.stage == Stage::Transcode => Self::Codec,
            Cause::Internal | Cause::Overload | Cause::Rejected => Self::Internal,
        }
    }

    /// Who must do what.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "Check the host and port of the source; if they are right, the provider must mend its server."
            }
            Self::Refused => {
                "Nothing listens at that host and port: correct the URL, or ask the provider."
            }
            Self::Auth => {
                "Correct the credentials, token or headers of the source, or renew the subscription with the provider."
            }
            Self::GeoOrBlocked => {
                "The provider turns this server away by its country, network or user agent: ask the provider to let it in, or use a source that is offered here."
            }
            Self::ProviderLimit => {
                "The account is in use up to its limit: end another connection, wait, or ask the provider for more."
            }
            Self::NotFound => {
                "The provider does not have this stream (any more): take its new URL from the provider's list."
            }
            Self::ProviderError => {
                "The provider's server fails: try again later, and tell the provider if it stays."
            }
            Self::NotMedia => "The URL does not lead to media: correct it, or ask the provider.",
            Self::Drm => {
                "The stream is protected and cannot be shown here: ask the provider for one that is not."
            }
            Self::Codec => {
                "This server cannot read or decode what comes: ask the provider for another format."
            }
            Self::Timeout => {
                "Try again; if it stays slow, check the way to the provider, or ask the provider."
            }
            Self::OwnNetwork => {
                "This server has no way to the source: its administrator must mend the network or name resolution here."
            }
            Self::Policy => {
                "The administrator of this server must allow the address in its configuration, or the URL must be another."
            }
            Self::Internal => {
                "The source may be good: try again later; the log of this server has the cause."
            }
        }
    }
}
