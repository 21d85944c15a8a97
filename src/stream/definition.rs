//! A stream as its operator defined it, and as it is stored.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Options, Source, StreamId};

/// Attribute names that say what a field of the definition or of its source says, so that an M3U must not say it twice.
const RESERVED_ATTRIBUTES: [&str; 16] = [
    "group-title",
    "http-origin",
    "http-referer",
    "http-referrer",
    "http-user-agent",
    "kodiprop.inputstream.adaptive.common_headers",
    "kodiprop.inputstream.adaptive.manifest_headers",
    "kodiprop.inputstream.adaptive.stream_headers",
    "sightglass-id",
    "tvg-id",
    "tvg-logo",
    "user-agent",
    "vlcopt.http-origin",
    "vlcopt.http-referer",
    "vlcopt.http-referrer",
    "vlcopt.http-user-agent",
];

/// Whether an M3U attribute of this (lower-case) name is kept in a field of its own and not among the attributes.
pub fn is_reserved_attribute(name: &str) -> bool {
    RESERVED_ATTRIBUTES.contains(&name)
}

/// A stream: what an operator made. Every value keeps the rules and bounds of [`super::Draft::check`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StreamDefinition, example = json!({"id": "news", "name": "News",
    "sources": [{"url": "http://provider.example/live/news.m3u8", "headers": {}}],
    "group": "News", "enabled": true, "tags": [], "options": {}, "attributes": {"tvg-chno": "7"}}))]
pub struct Definition {
    /// The id, unique among streams.
    pub id: StreamId,
    /// The name that people see.
    pub name: String,
    /// 1 to 16 places to pull from: the first is primary, the rest are backups in order.
    #[schema(min_items = 1, max_items = 16)]
    pub sources: Vec<Source>,
    /// The group that it is listed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The URL of a logo (http or https).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// The channel's id in a programme guide (XMLTV).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tvg_id: Option<String>,
    /// Whether it may be pulled at all.
    #[serde(default = "enabled")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Free labels, sorted, each once.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What differs from the server's configuration.
    #[serde(default)]
    pub options: Options,
    /// M3U attributes that mean nothing here, kept for the way out; names in lower case. `vlcopt.NAME` stands for an
    /// `#EXTVLCOPT` line and `kodiprop.NAME` for a `#KODIPROP` line.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

fn enabled() -> bool {
    true
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Attributes may hold a provider's URLs (catchup-source): names only.
        f.debug_struct("Definition")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("sources", &self.sources)
            .field("group", &self.group)
            .field("tvg_id", &self.tvg_id)
            .field("enabled", &self.enabled)
            .field("tags", &self.tags)
            .field("options", &self.options)
            .field("attributes", &self.attributes.keys())
            .finish_non_exhaustive()
    }
}

/// A definition as it is stored and as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StreamRecord)]
pub struct Record {
    /// The definition, whose members stand beside the record's own in JSON.
    #[serde(flatten)]
    pub definition: Definition,
    /// Grows with each change. Sets the `ETag`.
    #[schema(read_only, example = 3)]
    pub revision: u64,
    /// When it was first stored (RFC 3339, UTC).
    #[schema(read_only, value_type = String, format = DateTime, example = "2026-11-21T20:15:00Z")]
    pub created_at: Timestamp,
    /// When it was last changed (RFC 3339, UTC).
    #[schema(read_only, value_type = String, format = DateTime, example = "2026-11-21T20:15:00Z")]
    pub updated_at: Timestamp,
}

impl Record {
    /// The strong entity tag, quotes included (RFC 9110, 8.8.3). It holds the time of creation, so
    /// that a stream that was removed and made again does not match the tags of the old one.
    pub fn etag(&self) -> String {
        etag(self.revision, self.created_at)
    }
}

pub(crate) fn etag(revision: u64, created_at: Timestamp) -> String {
    format!("\"r{revision}-{:x}\"", created_at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record() -> Record {
        let body = json!({"id": "news", "name": "News", "sources": [{"url": "http://h/live/user/pass/1.ts?t=pass"}],
            "attributes": {"catchup-source": "http://h/pass"}});
        let at = Timestamp::UNIX_EPOCH;
        let definition = serde_json::from_value(body).unwrap();
        Record {
            definition,
            revision: 3,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn record_is_flat_and_round_trips() {
        let json = serde_json::to_value(record()).unwrap();
        assert_eq!(json["id"], "news");
        assert_eq!(json["revision"], 3);
        assert_eq!(json["enabled"], true);
        assert_eq!(json["created_at"], "1970-01-01T00:00:00Z");
        assert_eq!(serde_json::from_value::<Record>(json).unwrap(), record());
        let tag = record().etag();
        assert!(tag.starts_with("\"r3-") && tag.ends_with('"'), "{tag}");
    }

    #[test]
    fn debug_hides_secrets() {
        let shown = format!("{:?}", record());
        assert!(
            shown.contains("http://h/...") && !shown.contains("pass"),
            "{shown}"
        );
    }

    #[test]
    fn stored_ids_and_urls_are_checked() {
        for bad in [
            json!({"id": "a..b", "name": "x", "sources": []}),
            json!({"id": "a", "name": "x", "sources": [{"url": "ftp://h/x"}]}),
            json!({"id": "a", "name": "x", "sources": [], "options": {"colour": 1}}),
        ] {
            assert!(serde_json::from_value::<Definition>(bad).is_err());
        }
    }
}
