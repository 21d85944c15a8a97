//! What an operator may set for one stream apart from the rest.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid::{Mistakes, join};
use super::{Monitoring, limits};

/// Per-stream options; what is absent follows the server's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamOptions, example = json!({"transcode": true, "quality": "low"}))]
pub struct Options {
    /// `true` converts always, `false` never; absent converts only what a browser could not play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcode: Option<bool>,
    /// The quality profile for a viewer who asks for none: `low`, `medium`, `high`, `source`, or one the
    /// configuration adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[a-z0-9][a-z0-9_-]{0,31}$", example = "medium")]
    pub quality: Option<String>,
    /// How long the pull goes on after the last viewer has left, in milliseconds, at most an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3_600_000, example = 10_000)]
    pub linger_ms: Option<u64>,
    /// How it is watched.
    #[serde(default, skip_serializing_if = "Monitoring::is_usual")]
    pub monitor: Monitoring,
}

impl Options {
    /// Tells what is wrong with them. Whether a profile of that name exists is for the configuration to say.
    pub(super) fn check(&self, at: &str, mistakes: &mut Mistakes) {
        if self
            .quality
            .as_deref()
            .is_some_and(|quality| !is_quality(quality))
        {
            mistakes.add(
                format!("{at}/quality"),
                "is no profile name",
                "1 to 32 of a-z, 0-9, '_', '-'",
            );
        }
        if self.linger_ms.is_some_and(|ms| ms > limits::LINGER_MAX_MS) {
            mistakes.add(
                format!("{at}/linger_ms"),
                "is too long",
                format!("0 to {} milliseconds", limits::LINGER_MAX_MS),
            );
        }
        self.monitor.check(&join(at, "monitor"), mistakes);
    }
}

fn is_quality(text: &str) -> bool {
    text.len() <= limits::QUALITY
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}
