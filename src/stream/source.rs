//! One place a stream may be pulled from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccountId, SourceUrl};

/// One place a stream may be pulled from, with what its server wants to be told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"url": "http://provider.example/live/news.m3u8", "headers": {"Referer": "http://provider.example/"},
    "user_agent": "VLC/3.0.20", "credentials": {"type": "basic", "username": "bob", "password": "secret"}, "timeout_ms": 8000}))]
pub struct Source {
    /// Where it is. User name and password are in `credentials`, not here.
    pub url: SourceUrl,
    /// Request headers; names in `Title-Case`, none that belongs to the connection, `User-Agent` apart.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The `User-Agent` to show; the server's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// How to log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// How long to wait for the first byte, in milliseconds; the server's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 120_000)]
    pub timeout_ms: Option<u64>,
    /// The account whose connections it counts among, and whose credentials it uses unless it has
    /// its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

impl Source {
    /// A source with nothing but a URL.
    pub fn new(url: SourceUrl) -> Self {
        Self {
            url,
            headers: BTreeMap::new(),
            user_agent: None,
            credentials: None,
            timeout_ms: None,
            account: None,
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Header values often are secrets (Cookie, X-Token): names only.
        f.debug_struct("Source")
            .field("url", &self.url)
            .field("headers", &self.headers.keys())
            .field("user_agent", &self.user_agent)
            .field("credentials", &self.credentials)
            .field("timeout_ms", &self.timeout_ms)
            .field("account", &self.account)
            .finish()
    }
}

/// How to log in at a source. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = SourceCredentials, description = "How to log in at a source. In answers a secret is shown as `{\"set\": true}`.")]
pub enum Credentials {
    /// RFC 7617 (or Digest, where the protocol has it).
    Basic {
        /// Without `:`.
        username: String,
        /// May be empty.
        password: String,
    },
    /// RFC 6750.
    Bearer {
        /// The token alone, without the word `Bearer`.
        token: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(redacted)",
            Self::Bearer { .. } => "Bearer(redacted)",
        })
    }
}
