//! Alertmanager's API v2: `POST /api/v2/alerts`.
//!
//! An Alertmanager keeps an alert only as long as it is repeated: it forgets all of them when it restarts, and takes
//! one that is no longer repeated for resolved. So what a receiver was told and what is not over is kept
//! ([`Alert`]), and sent again each [`REPEAT`] with an end a few repetitions ahead, as Prometheus does.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::alerts::{ItemKind, Notification, wording};

/// What is active is repeated after this time.
pub const REPEAT: Duration = Duration::from_mins(1);
/// An alert ends this long after it was last repeated, unless its end is told.
const LASTS: Duration = Duration::from_mins(4);
/// Alerts of one request.
pub const MOST_AT_ONCE: usize = 500;

/// An alert as it is kept until it is over, and as Alertmanager is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is, always the same for the same condition of the same stream: Alertmanager tells alerts apart by it.
    pub labels: BTreeMap<String, String>,
    /// What is told of it.
    pub annotations: BTreeMap<String, String>,
    /// When it began.
    #[serde(rename = "startsAt")]
    pub starts_at: Timestamp,
    /// When it was over.
    #[serde(rename = "endsAt", default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// The alerts of a notification, by their key: what is over has an end.
///
/// `alertname` is the condition in Prometheus' style (`StreamDown`, `ServerLowDisk`); `stream`, `condition` and `severity` are labels, and
/// `group` where there is one. What the streams have in common is an annotation, or the same alert would be told as
/// another one the next time.
pub fn alerts(notification: &Notification) -> Vec<(String, Alert)> {
    let common = notification.common.as_ref().map(wording::common);
    let items = notification.items.iter();
    let alerts = items.map(|item| {
        let (stream, condition) = (item.stream.as_str(), item.condition.kind.as_str());
        let test = item.kind == ItemKind::Test;
        let alertname = if test {
            "SightglassTest".to_owned()
        } else {
            let whose = if item.stream.is_server() {
                "Server"
            } else {
                "Stream"
            };
            format!("{whose}{}", camel(condition))
        };
        let mut labels = BTreeMap::from([
            ("alertname".to_owned(), alertname),
            ("stream".to_owned(), stream.to_owned()),
            ("condition".to_owned(), condition.to_owned()),
            (
                "severity".to_owned(),
                item.condition.severity.as_str().to_owned(),
            ),
        ]);
        let group = item
            .group
            .as_deref()
            .map(|group| wording::clean(group, wording::MOST_NAME));
        if let Some(group) = group.filter(|group| !group.is_empty()) {
            labels.insert("group".to_owned(), group);
        }
        let name = wording::name(item);
        let what = wording::label(item.condition.kind);
        let description = wording::sentence(item, notification.at);
        let mut annotations = BTreeMap::from([
            ("summary".to_owned(), format!("{name}: {what}")),
            ("description".to_owned(), format!("{name}: {description}")),
            ("name".to_owned(), name),
        ]);
        if let Some(common) = &common {
            annotations.insert("common".to_owned(), common.clone());
        }
        let ends_at = match item.kind {
            ItemKind::Cleared => Some(item.condition.cleared_at.unwrap_or(item.at)),
            // Seen, and gone by itself.
            ItemKind::Test => Some(later(notification.at, LASTS)),
            ItemKind::Raised | ItemKind::StillRaised | ItemKind::Escalated => None,
        };
        let alert = Alert {
            labels,
            annotations,
            starts_at: item.condition.since.min(item.at),
            ends_at,
        };
        (format!("{stream}/{condition}"), alert)
    });
    alerts.collect()
}

/// The body of a request that is sent `now`: what has no end yet is given one that repetition puts off.
pub fn body<'a>(alerts: impl IntoIterator<Item = &'a Alert>, now: Timestamp) -> Vec<u8> {
    let alerts = alerts.into_iter().map(|alert| Alert {
        ends_at: alert.ends_at.or_else(|| Some(later(now, LASTS))),
        ..alert.clone()
    });
    let alerts: Vec<_> = alerts.collect();
    // Maps of text and times.
    serde_json::to_vec(&alerts).unwrap_or_default()
}

/// The endpoint below the URL of a receiver, which may have a prefix, and may name the endpoint already.
pub fn endpoint(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().trim_end_matches('/').ends_with("/api/v2/alerts") {
        let path = format!("{}/api/v2/alerts", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `codec_changed` as `CodecChanged`.
fn camel(name: &str) -> String {
    let words = name.split('_');
    let words = words
        .map(|word| word[..1.min(word.len())].to_ascii_uppercase() + word.get(1..).unwrap_or(""));
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{began, item, notification};
    use crate::conditions::Kind;

    #[test]
    fn an_alert_is_the_same_until_it_is_over() {
        let mut told = notification(vec![item("news", "News", Kind::CodecChanged)]);
        told.items[0].group = Some("UK".to_owned());
        let (key, raised) = alerts(&told).remove(0);
        assert_eq!(key, "news/codec_changed");
        assert_eq!(raised.labels["alertname"], "StreamCodecChanged");
        assert_eq!(raised.labels["group"], "UK");
        assert_eq!((raised.starts_at, raised.ends_at), (began(), None));

        let json: serde_json::Value = serde_json::from_slice(&body([&raised], told.at)).unwrap();
        assert_eq!(json[0]["startsAt"], "2026-11-22T10:00:00Z");
        assert_eq!(json[0]["endsAt"], "2026-11-22T10:04:15Z");

        told.items[0].kind = ItemKind::Cleared;
        told.items[0].condition.cleared_at = Some(told.at);
        let (_, over) = alerts(&told).remove(0);
        assert_eq!(
            (&over.labels, over.ends_at),
            (&raised.labels, Some(told.at))
        );
    }

    #[test]
    fn the_endpoint_is_below_the_prefix() {
        let of = |url: &str| endpoint(&Url::parse(url).unwrap()).to_string();
        for (base, expected) in [
            ("http://am:9093", "http://am:9093/api/v2/alerts"),
            ("http://am:9093/", "http://am:9093/api/v2/alerts"),
            ("http://am/prefix/?a=b", "http://am/prefix/api/v2/alerts"),
            ("http://am/api/v2/alerts", "http://am/api/v2/alerts"),
        ] {
            assert_eq!(of(base), expected);
        }
    }
}
