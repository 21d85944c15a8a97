//! Reading a JSON body member by member, so that one wrong type hides no other mistake.
//!
//! Derived deserialization stops at the first mistake and quotes the value, which may be a secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::draft::{Draft, DraftSource};
use super::invalid::{Mistakes, join};
use super::{Credentials, Monitoring, Options, limits};

/// What a record shows but nobody sets. Accepted and ignored, so that what GET gave can be edited and sent back.
const READ_ONLY: [&str; 8] = [
    "revision",
    "created_at",
    "updated_at",
    "state",
    "health",
    "failure",
    "queue",
    "source_states",
];

/// Reads the shape of a draft.
pub(crate) fn draft(body: Value, mistakes: &mut Mistakes) -> Draft {
    let Some(mut f) = Members::open(String::new(), body, mistakes) else {
        return Draft::default();
    };
    f.ignore(&READ_ONLY);
    let id = f.string("id");
    let name = f.string("name");
    let sources = f.list("sources", limits::SOURCES, source);
    let draft = Draft {
        id,
        name,
        sources,
        group: f.string("group"),
        logo: f.string("logo"),
        tvg_id: f.string("tvg_id"),
        enabled: f.boolean("enabled"),
        tags: f.list("tags", limits::TAGS, string),
        options: f
            .member("options")
            .and_then(|(at, value)| options(at, value, f.mistakes)),
        attributes: f.strings("attributes"),
    };
    f.close();
    draft
}

fn source(at: String, value: Value, mistakes: &mut Mistakes) -> Option<DraftSource> {
    let mut f = Members::open(at, value, mistakes)?;
    let url = f.string("url");
    if url.is_none() && !f.wrong("url") {
        f.mistakes.add(join(&f.at, "url"), "is missing", "a URL");
    }
    let source = DraftSource {
        url: url.unwrap_or_default(),
        headers: f.strings("headers"),
        user_agent: f.string("user_agent"),
        credentials: f
            .member("credentials")
            .and_then(|(at, value)| credentials(at, value, f.mistakes)),
        timeout_ms: f.integer("timeout_ms"),
        account: f.string("account"),
    };
    f.close();
    Some(source)
}

fn options(at: String, value: Value, mistakes: &mut Mistakes) -> Option<Options> {
    let mut f = Members::open(at, value, mistakes)?;
    let options = Options {
        transcode: f.boolean("transcode"),
        quality: f.string("quality"),
        linger_ms: f.integer("linger_ms"),
        monitor: f
            .member("monitor")
            .and_then(|(at, value)| Monitoring::read(at, value, f.mistakes))
            .unwrap_or_default(),
    };
    f.close();
    Some(options)
}

fn credentials(at: String, value: Value, mistakes: &mut Mistakes) -> Option<Credentials> {
    let mut f = Members::open(at, value, mistakes)?;
    let credentials = match f.string("type").as_deref() {
        Some("basic") => f
            .required("username")
            .zip(f.required("password"))
            .map(|(username, password)| Credentials::Basic { username, password }),
        Some("bearer") => f
            .required("token")
            .map(|token| Credentials::Bearer { token }),
        _ => {
            let at = join(&f.at, "type");
            f.mistakes
                .add(at, "is missing or unknown", "\"basic\" or \"bearer\"");
            return None;
        }
    };
    f.close();
    credentials
}

pub(crate) fn string(at: String, value: Value, mistakes: &mut Mistakes) -> Option<String> {
    if let Value::String(text) = value {
        return Some(text);
    }
    mistakes.add(at, "has the wrong type", "a string");
    None
}

fn word<T: Copy>(
    at: String,
    value: &Value,
    words: &[(&str, T)],
    mistakes: &mut Mistakes,
) -> Option<T> {
    let found = value
        .as_str()
        .and_then(|text| words.iter().find(|(word, _)| *word == text));
    if found.is_none() {
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        mistakes.add(at, "is none of the words", names.join(", "));
    }
    found.map(|(_, value)| *value)
}

/// The members of an object that have not been read yet.
pub(crate) struct Members<'m> {
    at: String,
    object: Map<String, Value>,
    known: Vec<&'static str>,
    wrong: Vec<&'static str>,
    mistakes: &'m mut Mistakes,
}

impl<'m> Members<'m> {
    pub(crate) fn open(at: String, value: Value, mistakes: &'m mut Mistakes) -> Option<Self> {
        if let Value::Object(object) = value {
            return Some(Self {
                at,
                object,
                known: Vec::new(),
                wrong: Vec::new(),
                mistakes,
            });
        }
        mistakes.add(at, "has the wrong type", "an object");
        None
    }

    /// Takes a member out; `null` counts as absent.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// Members that nobody sets, and that may be there all the same.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.object.remove(*name);
        }
    }

    /// The place of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        join(&self.at, name)
    }

    pub(crate) fn mistakes(&mut self) -> &mut Mistakes {
        self.mistakes
    }

    pub(crate) fn member(&mut self, name: &'static str) -> Option<(String, Value)> {
        let value = self.take(name)?;
        Some((join(&self.at, name), value))
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let read = read(value);
        if read.is_none() {
            self.wrong.push(name);
            self.mistakes
                .add(join(&self.at, name), "has the wrong type", allowed);
        }
        read
    }

    pub(crate) fn wrong(&self, name: &str) -> bool {
        self.wrong.contains(&name)
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Option<String> {
        self.typed(name, "a string", |value| {
            if let Value::String(text) = value {
                Some(text)
            } else {
                None
            }
        })
    }

    pub(crate) fn required(&mut self, name: &'static str) -> Option<String> {
        let text = self.string(name);
        if text.is_none() && !self.wrong(name) {
            self.mistakes
                .add(join(&self.at, name), "is missing", "a string");
        }
        text
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.typed(name, "true or false", |value| value.as_bool())
    }

    pub(crate) fn integer(&mut self, name: &'static str) -> Option<u64> {
        self.typed(name, "a whole number, 0 or more", |value| value.as_u64())
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (at, value) = self.member(name)?;
        word(at, &value, words, self.mistakes)
    }

    /// Some of some words; each counts once, in the order of `words`.
    pub(crate) fn words<T: Copy + PartialEq>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Vec<T> {
        let items = self.list(name, words.len(), |at, value, mistakes| {
            Some(word(at, &value, words, mistakes))
        });
        let given: Vec<T> = items.unwrap_or_default().into_iter().flatten().collect();
        let known = words.iter().map(|(_, value)| *value);
        known.filter(|value| given.contains(value)).collect()
    }

    pub(crate) fn list<T: Default>(
        &mut self,
        name: &'static str,
        most: usize,
        item: impl Fn(String, Value, &mut Mistakes) -> Option<T>,
    ) -> Option<Vec<T>> {
        let list = self.typed(name, "an array", |value| {
            if let Value::Array(list) = value {
                Some(list)
            } else {
                None
            }
        })?;
        let at = join(&self.at, name);
        if list.len() > most {
            self.mistakes
                .add(at, "has too many items", format!("at most {most}"));
            return None;
        }
        let items = list.into_iter().enumerate();
        // An unreadable item keeps its place, so that the pointers of the rest stay right.
        Some(
            items
                .map(|(i, value)| item(join(&at, i), value, self.mistakes).unwrap_or_default())
                .collect(),
        )
    }

    /// An object of strings.
    fn strings(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let Some((at, value)) = self.member(name) else {
            return BTreeMap::new();
        };
        let Value::Object(object) = value else {
            self.mistakes
                .add(at, "has the wrong type", "an object of strings");
            return BTreeMap::new();
        };
        let members = object.into_iter();
        members
            .filter_map(|(key, value)| {
                Some((key.clone(), string(join(&at, &key), value, self.mistakes)?))
            })
            .collect()
    }

    /// Tells of every member that nobody asked for.
    pub(crate) fn close(self) {
        for name in self.object.keys() {
            self.mistakes.add(
                join(&self.at, name),
                "is not a known member",
                self.known.join(", "),
            );
        }
    }
}
