//! How large a definition may be. Text is counted in characters unless said.

/// Longest stream id, in bytes (ids are ASCII).
pub const ID: usize = 64;
/// Longest stream name.
pub const NAME: usize = 256;
/// Longest group name.
pub const GROUP: usize = 256;
/// Longest `tvg_id`.
pub const TVG_ID: usize = 256;
/// Longest logo URL.
pub const LOGO: usize = 2_048;
/// Most tags a stream may have.
pub const TAGS: usize = 32;
/// Longest tag.
pub const TAG: usize = 64;
/// Most sources a stream may have: the primary and its backups.
pub const SOURCES: usize = 16;
/// Longest source URL, in bytes. Signed CDN URLs run to some thousands.
pub const URL: usize = 8_192;
/// Most headers a source may have.
pub const HEADERS: usize = 32;
/// Longest header name, in bytes.
pub const HEADER_NAME: usize = 128;
/// Longest header value, in bytes.
pub const HEADER_VALUE: usize = 4_096;
/// Longest user agent, in bytes.
pub const USER_AGENT: usize = 1_024;
/// Longest user name or password.
pub const SECRET: usize = 1_024;
/// Longest bearer token, in bytes.
pub const TOKEN: usize = 4_089;
/// Most M3U attributes a stream may have.
pub const ATTRIBUTES: usize = 64;
/// Longest attribute name, in bytes.
pub const ATTRIBUTE_NAME: usize = 64;
/// Longest attribute value.
pub const ATTRIBUTE_VALUE: usize = 2_048;
/// Longest name of a quality profile, in bytes.
pub const QUALITY: usize = 32;
/// Most connections of an account.
pub const CONNECTIONS: u64 = 1_000;
/// Longest time for which a provider may count a connection that has ended, in milliseconds.
pub const RELEASE_MAX_MS: u64 = 60_000;
/// Longest name of a file that holds a secret, in bytes.
pub const SECRET_FILE: usize = 128;
/// Shortest time to wait for a source's first byte, in milliseconds.
pub const TIMEOUT_MIN_MS: u64 = 100;
/// Longest time to wait for a source's first byte, in milliseconds.
pub const TIMEOUT_MAX_MS: u64 = 120_000;
/// Longest linger after the last viewer, in milliseconds.
pub const LINGER_MAX_MS: u64 = 3_600_000;
/// Shortest time between two looks of the monitor at a stream, in milliseconds.
pub const MONITOR_INTERVAL_MIN_MS: u64 = 2_000;
/// Longest interval, hold and clear time of the monitor, in milliseconds.
pub const MONITOR_TIME_MAX_MS: u64 = 3_600_000;
/// Most mistakes told about one body.
pub const MISTAKES: usize = 100;
