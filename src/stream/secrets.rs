//! Secrets go in and do not come out: how a definition is shown without them, and how what was shown
//! is written back.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{AccountId, Credentials, Definition, Options, Record, Source, SourceUrl, StreamId};

/// Members of `credentials` that are secret.
const SECRETS: [&str; 2] = ["password", "token"];

/// Whether the value of this request header may be a credential, under whatever name (`X-Api-Key`).
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !matches!(name.as_str(), "referer" | "origin" | "accept") && !name.starts_with("accept-")
}

/// A record as it is shown: `{"set": true}` stands for each secret, `false` for one that is empty.
#[derive(Debug, Serialize)]
pub struct Shown<'r> {
    id: &'r StreamId,
    name: &'r str,
    sources: Vec<ShownSource<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: &'r Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: &'r Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tvg_id: &'r Option<String>,
    enabled: bool,
    tags: &'r [String],
    options: &'r Options,
    attributes: &'r BTreeMap<String, String>,
    revision: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct ShownSource<'r> {
    url: &'r SourceUrl,
    headers: BTreeMap<&'r str, ShownText<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: &'r Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<ShownCredentials<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: &'r Option<AccountId>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ShownCredentials<'r> {
    Basic {
        username: &'r str,
        password: ShownText<'r>,
    },
    Bearer {
        token: ShownText<'r>,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ShownText<'r> {
    Plain(&'r str),
    Secret { set: bool },
}

impl fmt::Debug for ShownSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownSource").finish_non_exhaustive()
    }
}

impl<'r> Shown<'r> {
    /// This record.
    pub fn new(record: &'r Record) -> Self {
        let Record {
            definition,
            revision,
            created_at,
            updated_at,
        } = record;
        // Whoever adds a member decides here how it is shown.
        let Definition {
            id,
            name,
            sources,
            group,
            logo,
            tvg_id,
            enabled,
            tags,
            options,
            attributes,
        } = definition;
        Self {
            id,
            name,
            sources: sources.iter().map(ShownSource::new).collect(),
            group,
            logo,
            tvg_id,
            enabled: *enabled,
            tags,
            options,
            attributes,
            revision: *revision,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

impl<'r> ShownSource<'r> {
    fn new(source: &'r Source) -> Self {
        let Source {
            url,
            headers,
            user_agent,
            credentials,
            timeout_ms,
            account,
        } = source;
        let header = |(name, value): (&'r String, &'r String)| {
            let value = if is_secret_header(name) {
                ShownText::secret(value)
            } else {
                ShownText::Plain(value)
            };
            (name.as_str(), value)
        };
        Self {
            url,
            headers: headers.iter().map(header).collect(),
            user_agent,
            credentials: credentials.as_ref().map(|credentials| match credentials {
                Credentials::Basic { username, password } => ShownCredentials::Basic {
                    username,
                    password: ShownText::secret(password),
                },
                Credentials::Bearer { token } => ShownCredentials::Bearer {
                    token: ShownText::secret(token),
                },
            }),
            timeout_ms: *timeout_ms,
            account,
        }
    }
}

impl ShownText<'_> {
    fn secret(text: &str) -> Self {
        Self::Secret {
            set: !text.is_empty(),
        }
    }
}

/// Puts the secrets of `old` back where a body has an object as [`Shown`] has it, or credentials
/// without their secret. A source gets those of the old one with its URL, else of the one in its
/// place on the same server: what was set for one server is never sent to another. What cannot be
/// put back is left for the check to tell.
pub fn restore(body: &mut Value, old: &Definition) {
    let sources = body.get_mut("sources").and_then(Value::as_array_mut);
    for (at, source) in sources.into_iter().flatten().enumerate() {
        let Some(kept) = kept(source, at, old) else {
            continue;
        };
        let Ok(mut kept) = serde_json::to_value(kept) else {
            continue;
        };
        complete(source, &kept);
        let mut kept: Map<String, Value> = secrets(&mut kept)
            .map(|(place, value)| (place, value.take()))
            .collect();
        for (place, value) in secrets(source) {
            if is_shown(value)
                && let Some(secret) = kept.remove(&place)
            {
                *value = secret;
            }
        }
    }
}

/// The old source that a body's source stands for.
fn kept<'o>(source: &Value, at: usize, old: &'o Definition) -> Option<&'o Source> {
    let url = source.get("url")?.as_str()?;
    let (url, _) = SourceUrl::parse(url).ok()?.split_user().ok()?;
    let same = old.sources.iter().find(|source| source.url == url);
    same.or_else(|| {
        let in_place = old.sources.get(at)?;
        in_place.url.same_origin(&url).then_some(in_place)
    })
}

/// Marks a secret that the credentials of a body leave out as one to be kept.
fn complete(source: &mut Value, kept: &Value) {
    let Some(kept) = kept.get("credentials").and_then(Value::as_object) else {
        return;
    };
    let given = source.get_mut("credentials").and_then(Value::as_object_mut);
    let Some(given) = given.filter(|given| given.get("type") == kept.get("type")) else {
        return;
    };
    for name in SECRETS {
        if kept.contains_key(name) && given.get(name).is_none_or(Value::is_null) {
            given.insert(name.to_owned(), json!({ "set": true }));
        }
    }
}

/// What [`Shown`] has in place of a secret.
fn is_shown(value: &Value) -> bool {
    let object = value.as_object();
    object.is_some_and(|o| o.len() == 1 && o.get("set").is_some_and(Value::is_boolean))
}

/// The secrets of a source in JSON, each with a name for its place.
fn secrets(source: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    let mut credentials = None;
    let mut headers = None;
    for (name, value) in source.as_object_mut().into_iter().flatten() {
        match name.as_str() {
            "credentials" => credentials = value.as_object_mut(),
            "headers" => headers = value.as_object_mut(),
            _ => {}
        }
    }
    let credentials = credentials.into_iter().flatten();
    let credentials = credentials
        .filter(|(name, _)| SECRETS.contains(&name.as_str()))
        .map(|(name, value)| (format!("credentials/{name}"), value));
    let headers = headers.into_iter().flatten();
    let headers = headers
        .filter(|(name, _)| is_secret_header(name))
        .map(|(name, value)| (format!("headers/{}", name.to_ascii_lowercase()), value));
    credentials.chain(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Draft;

    fn definition() -> Definition {
        let body = json!({"id": "news", "name": "News", "sources": [
            {"url": "http://h.example/1", "headers": {"Referer": "http://r.example/", "X-Key": "s3cret-1"},
             "credentials": {"type": "basic", "username": "bob", "password": "s3cret-2"}},
            {"url": "http://g.example/2", "credentials": {"type": "bearer", "token": "s3cret-3"}},
        ]});
        Draft::define(body, None, |_| false).expect("valid")
    }

    fn shown() -> Value {
        let at = Timestamp::UNIX_EPOCH;
        let record = Record {
            definition: definition(),
            revision: 1,
            created_at: at,
            updated_at: at,
        };
        let mut shown = serde_json::to_value(Shown::new(&record)).expect("serialises");
        // Apart from secrets it is the record.
        let mut whole = serde_json::to_value(&record).expect("serialises");
        for source in 0..2 {
            for member in ["headers", "credentials"] {
                whole["sources"][source][member] = shown["sources"][source][member].clone();
            }
        }
        assert_eq!(shown, whole);
        for name in ["revision", "created_at", "updated_at"] {
            shown.as_object_mut().expect("an object").remove(name);
        }
        shown
    }

    fn written(mut body: Value) -> Result<Definition, Vec<crate::stream::Invalid>> {
        restore(&mut body, &definition());
        Draft::define(body, None, |_| false)
    }

    #[test]
    fn what_is_shown_holds_no_secret_and_can_be_written_back() {
        let shown = shown();
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        let first = &shown["sources"][0];
        let headers = json!({"Referer": "http://r.example/", "X-Key": {"set": true}});
        assert_eq!(first["headers"], headers);
        let credentials = json!({"type": "basic", "username": "bob", "password": {"set": true}});
        assert_eq!(first["credentials"], credentials);
        assert_eq!(written(shown), Ok(definition()));
    }

    #[test]
    fn a_secret_follows_its_source_and_stays_on_its_server() {
        let mut swapped = shown();
        swapped["sources"]
            .as_array_mut()
            .expect("sources")
            .reverse();
        let mut wanted = definition();
        wanted.sources.reverse();
        assert_eq!(written(swapped), Ok(wanted));
        let mut moved = shown();
        moved["sources"][0]["url"] = json!("http://h.example/other");
        let moved = written(moved).expect("the same server");
        assert_eq!(moved.sources[0].headers, definition().sources[0].headers);
        let mut stolen = shown();
        stolen["sources"][0]["url"] = json!("http://evil.example/1");
        let told = written(stolen).expect_err("another server");
        let told: Vec<_> = told
            .iter()
            .map(|invalid| invalid.pointer.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "/sources/0/headers/X-Key",
                "/sources/0/credentials/password"
            ]
        );
    }

    #[test]
    fn a_secret_can_be_left_out_set_anew_and_taken_away() {
        let mut body = shown();
        let credentials = json!({"type": "basic", "username": "bob"});
        body["sources"][0]["credentials"] = credentials.clone();
        assert_eq!(written(body.clone()), Ok(definition()));
        body["sources"][0]["credentials"]["password"] = json!("new");
        body["sources"][0]["headers"] = json!({});
        let changed = written(body.clone()).expect("valid");
        assert!(changed.sources[0].headers.is_empty());
        assert_ne!(
            changed.sources[0].credentials,
            definition().sources[0].credentials
        );
        body["sources"][0]["credentials"] = Value::Null;
        let gone = written(body).expect("valid");
        assert_eq!(gone.sources[0].credentials, None);
        let fresh = json!({"sources": [{"url": "http://h.example/9", "credentials": credentials}]});
        assert!(
            Draft::define(fresh, None, |_| false).is_err(),
            "nothing to keep"
        );
    }
}
