//! Webhooks: one JSON document for each notification, signed as the Standard Webhooks specification has it
//! (<https://www.standardwebhooks.com>), for which there are libraries in most languages.
//!
//! ```text
//! POST /your/path
//! content-type: application/json
//! webhook-id: 01KAN5P2E3ZJ7Q0M9T1V4W8X6Y       the same for each attempt: what came already can be passed over
//! webhook-timestamp: 1795346405                of this attempt, seconds since 1970; refuse what is minutes old
//! webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//! ```
//!
//! To verify: HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}` with the secret, in base64, must be one of the
//! space-separated signatures behind `v1,`, compared in constant time. A secret that begins with `whsec_` is base64;
//! any other is taken as it is. In a shell:
//!
//! ```text
//! printf '%s.%s.%s' "$id" "$timestamp" "$body" | openssl dgst -sha256 -hmac "$secret" -binary | base64
//! ```

use data_encoding::BASE64;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use serde::Serialize;

use crate::alerts::{Common, Item, Notification, NotificationId, ReceiverId, wording};
use crate::conditions::Severity;

/// The form of the document. Grows when a member changes its meaning, not when one is added.
const VERSION: u32 = 1;

/// What a webhook is sent.
#[derive(Clone, Debug, Serialize)]
struct Document<'n> {
    version: u32,
    id: NotificationId,
    receiver: &'n ReceiverId,
    at: Timestamp,
    /// What is the matter, in a line.
    title: String,
    /// The gravest of what is raised; null where all is over.
    severity: Option<Severity>,
    items: &'n [Item],
    /// Items that did not fit.
    more: usize,
    common: Option<&'n Common>,
    held_back: u64,
}

/// The body of a request. Pictures are not in it.
pub fn body(notification: &Notification) -> Vec<u8> {
    let document = Document {
        version: VERSION,
        id: notification.id,
        receiver: &notification.receiver,
        at: notification.at,
        title: wording::title(notification),
        severity: wording::severity(notification),
        items: &notification.items,
        more: notification.more,
        common: notification.common.as_ref(),
        held_back: notification.held_back,
    };
    // It came from JSON: its maps have text for keys, and its numbers are finite.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The headers of a request that is sent `now`; signed where there is a secret.
pub fn headers(id: NotificationId, now: Timestamp, secret: Option<&str>, body: &[u8]) -> HeaderMap {
    let id = id.to_string();
    let timestamp = now.as_second().to_string();
    let signature = secret.map(|secret| sign(&key(secret), &id, &timestamp, body));
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("webhook-id", &id);
    set("webhook-timestamp", &timestamp);
    if let Some(signature) = signature {
        set("webhook-signature", &signature);
    }
    headers
}

fn sign(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    format!("v1,{}", BASE64.encode(context.sign().as_ref()))
}

fn key(secret: &str) -> hmac::Key {
    let decoded = secret.strip_prefix("whsec_");
    let decoded = decoded.and_then(|text| BASE64.decode(text.as_bytes()).ok());
    let bytes = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    hmac::Key::new(hmac::HMAC_SHA256, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{item, notification};
    use crate::conditions::Kind;

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        // The example of the specification's reference libraries.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_document_tells_all_but_pictures() {
        let mut told = notification(vec![item("news", "News\n\"24\"", Kind::Down)]);
        told.held_back = 3;
        let json: serde_json::Value = serde_json::from_slice(&body(&told)).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["id"], told.id.to_string());
        assert_eq!(json["title"], "[critical] News \"24\": down");
        assert_eq!(json["severity"], "critical");
        assert_eq!(json["items"][0]["stream"], "news");
        assert_eq!(json["items"][0]["kind"], "raised");
        assert_eq!(json["items"][0]["condition"]["kind"], "down");
        assert_eq!(json["held_back"], 3);
        assert!(json.get("pictures").is_none());
        let now = told.at;
        let headers = headers(told.id, now, None, b"");
        assert_eq!(headers["webhook-id"], told.id.to_string().as_str());
        assert!(!headers.contains_key("webhook-signature"));
    }
}
