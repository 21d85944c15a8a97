//! Who can be told, and how.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::rule::{READ_ONLY, identity};
use super::{MailAddress, ReceiverId};
use crate::stream::{
    Invalid, Members, Mistakes, Secret, apply_to, join, limits, optional_secret, string,
};

/// Most addresses of one receiver.
const MOST_ADDRESSES: usize = 50;
/// Characters of a webhook's secret: at least what makes a key, at most what a "Standard Webhooks" secret may have and more.
const SECRET: std::ops::RangeInclusive<usize> = 16..=128;

/// Who can be told. Every value keeps the rules of [`Receiver::define`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// The id, unique among receivers.
    pub id: ReceiverId,
    /// The name that people see.
    pub name: String,
    /// Whether anything is told.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How.
    #[serde(flatten)]
    pub target: Target,
}

/// How a receiver is told. `Debug` shows no URL and no secret: paths of webhooks often are credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// By mail.
    Email {
        /// The addresses, at least one.
        to: Vec<MailAddress>,
    },
    /// By a JSON body that is posted, signed with HMAC if there is a secret.
    Webhook {
        /// Where to, http or https, without credentials.
        url: Url,
        /// The key of the signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Secret>,
    },
    /// By the API of an Alertmanager, version 2.
    Alertmanager {
        /// Its base, http or https, without credentials.
        url: Url,
    },
}

fn yes() -> bool {
    true
}

impl Target {
    /// Its name in the API and in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::Webhook { .. } => "webhook",
            Self::Alertmanager { .. } => "alertmanager",
        }
    }
}

impl Receiver {
    /// Reads and checks a body, and tells all its mistakes. `old` is what the receiver was: its id cannot change, and a secret
    /// that is `{"set": true}` stays.
    ///
    /// # Errors
    /// All mistakes.
    pub fn define(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&ReceiverId) -> bool,
    ) -> Result<Self, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        let receiver = Self::read(body, old, taken, &mut mistakes);
        receiver
            .filter(|_| mistakes.len() == 0)
            .ok_or_else(|| mistakes.into_vec())
    }

    /// Applies a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// All mistakes of what comes out.
    pub fn patched(&self, patch: &Value) -> Result<Self, Vec<Invalid>> {
        let mut body = self.shown();
        apply_to(&mut body, patch)?;
        Self::define(body, Some(self), |_| false)
    }

    /// As the API has it, the secret as `{"set": true}`.
    pub fn shown(&self) -> Value {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        if let Target::Webhook {
            secret: Some(secret),
            ..
        } = &self.target
            && let Some(body) = body.as_object_mut()
        {
            body.remove("secret");
            match secret {
                Secret::Text(_) => {
                    body.insert("secret".to_owned(), serde_json::json!({"set": true}))
                }
                Secret::File(name) => body.insert("secret_file".to_owned(), name.clone().into()),
            };
        }
        body
    }

    fn read(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&ReceiverId) -> bool,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut f = Members::open(String::new(), body, mistakes)?;
        f.ignore(&READ_ONLY);
        let from_name = |name: &str| ReceiverId::from_name(name, taken);
        let identity = identity(&mut f, old.map(|old| &old.id), ReceiverId::parse, from_name);
        let enabled = f.boolean("enabled").unwrap_or(true);
        let target = match f.string("kind").as_deref() {
            Some("email") => addresses(&mut f).map(|to| Target::Email { to }),
            Some("webhook") => {
                let url = url(&mut f);
                let kept = match old.map(|old| &old.target) {
                    Some(Target::Webhook { secret, .. }) => secret.as_ref(),
                    _ => None,
                };
                let secret = secret(&mut f, kept);
                url.map(|url| Target::Webhook { url, secret })
            }
            Some("alertmanager") => url(&mut f).map(|url| Target::Alertmanager { url }),
            _ => {
                if !f.wrong("kind") {
                    let allowed = "\"email\", \"webhook\" or \"alertmanager\"";
                    f.mistakes().add("/kind", "is missing or unknown", allowed);
                }
                return None;
            }
        };
        f.close();
        let (id, name) = identity?;
        Some(Self {
            id,
            name,
            enabled,
            target: target?,
        })
    }
}

fn addresses(f: &mut Members<'_>) -> Option<Vec<MailAddress>> {
    let given = f.list("to", MOST_ADDRESSES, string);
    if given.as_ref().is_none_or(Vec::is_empty) && !f.wrong("to") {
        let allowed = format!("1 to {MOST_ADDRESSES} addresses");
        f.mistakes().add("/to", "is missing or empty", allowed);
    }
    let mut addresses = Vec::new();
    for (index, text) in given?.iter().enumerate() {
        match MailAddress::parse(text) {
            Ok(address) if addresses.contains(&address) => {}
            Ok(address) => addresses.push(address),
            Err(problem) => {
                let allowed = "an address such as desk@example.com, without a name";
                f.mistakes().add(join("/to", index), problem, allowed);
            }
        }
    }
    Some(addresses)
}

fn url(f: &mut Members<'_>) -> Option<Url> {
    let text = f.required("url")?;
    let url = Url::parse(text.trim()).ok().filter(|url| {
        text.len() <= limits::URL && matches!(url.scheme(), "http" | "https") && url.has_host()
    });
    let bare = url.as_ref().is_none_or(|url| {
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
    });
    let allowed =
        "an absolute URL with the scheme http or https, without a user name, password or fragment";
    if url.is_none() {
        f.mistakes()
            .add("/url", "is no URL that can be posted to", allowed);
    } else if !bare {
        f.mistakes()
            .add("/url", "holds credentials or a fragment", allowed);
    }
    url.filter(|_| bare)
}

fn secret(f: &mut Members<'_>, kept: Option<&Secret>) -> Option<Secret> {
    let secret = optional_secret(f, ["secret", "secret_file"], kept)?;
    if let Secret::Text(text) = &secret
        && !SECRET.contains(&text.chars().count())
    {
        let problem = "has the wrong length";
        f.mistakes().add("/secret", problem, "16 to 128 characters");
    }
    Some(secret)
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email { to } => write!(f, "Email({} addresses)", to.len()),
            Self::Webhook { url, .. } => {
                write!(f, "Webhook({})", url.host_str().unwrap_or_default())
            }
            Self::Alertmanager { url } => {
                write!(f, "Alertmanager({})", url.host_str().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn define(body: Value) -> Result<Receiver, Vec<Invalid>> {
        Receiver::define(body, None, |_| false)
    }

    #[test]
    fn secrets_go_in_and_stay_in() {
        let body = json!({"name": "Chat", "kind": "webhook", "url": "https://chat.example/hook/t0ken", "secret": "s3cret-s3cret-s3cret"});
        let receiver = define(body).unwrap();
        let stored = serde_json::to_value(&receiver).unwrap();
        assert_eq!(
            serde_json::from_value::<Receiver>(stored).unwrap(),
            receiver
        );
        let shown = receiver.shown();
        assert_eq!(shown["secret"], json!({"set": true}));
        let debug = format!("{receiver:?}");
        assert!(
            !debug.contains("s3cret") && !debug.contains("t0ken"),
            "{debug}"
        );
        // As it was shown it stays; left out it is gone; and there is none to be kept by a new one.
        let again = Receiver::define(shown.clone(), Some(&receiver), |_| false);
        assert_eq!(again.unwrap(), receiver);
        assert_eq!(receiver.patched(&json!({})).unwrap(), receiver);
        let bare = receiver.patched(&json!({"secret": null})).unwrap();
        assert!(matches!(bare.target, Target::Webhook { secret: None, .. }));
        assert_eq!(define(shown).unwrap_err()[0].pointer, "/secret");
        let file = receiver.patched(&json!({"secret": null, "secret_file": "hook"}));
        assert_eq!(file.unwrap().shown()["secret_file"], "hook");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        for (body, at) in [
            (json!({"name": "x"}), vec!["/kind"]),
            (json!({"kind": "pager", "name": ""}), vec!["/name", "/kind"]),
            (json!({"name": "x", "kind": "email"}), vec!["/to"]),
            (
                json!({"name": "x", "kind": "email", "to": ["a@b.example", "a", "Bob <b@c.example>", "a@b\r\nBcc: c@d"], "url": "x"}),
                vec!["/to/1", "/to/2", "/to/3", "/url"],
            ),
            (
                json!({"name": "x", "kind": "webhook", "url": "ftp://h/", "secret": "", "secret_file": ".x"}),
                vec!["/url", "/secret_file"],
            ),
            (
                json!({"id": "a", "kind": "alertmanager", "url": "http://bob:pw@h/"}),
                vec!["/url"],
            ),
        ] {
            let told = define(body).unwrap_err();
            let told: Vec<_> = told.iter().map(|m| m.pointer.as_str()).collect();
            assert_eq!(told, at);
        }
    }
}
