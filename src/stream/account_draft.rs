//! The body of a write to an account, and the rules that make an account of it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::account::{Account, AccountCredentials, AccountId, Secret};
use super::invalid::{Mistakes, join};
use super::shape::Members;
use super::source_check::check_credentials;
use super::{StreamId, limits};

/// What a record shows but nobody sets.
const READ_ONLY: [&str; 4] = ["revision", "created_at", "updated_at", "connections"];
const FILE_ALLOWED: &str = "the name of a file in the folder of secrets: 1 to 128 of a-z, A-Z, 0-9, '.', '_', '-', the first no '.'";

/// An account as a client sends it. The members `revision`, `created_at`, `updated_at` and
/// `connections` of an answer may stay in, and are ignored.
#[derive(Clone, Debug, Default, ToSchema, Serialize)]
#[schema(as = AccountDraft, example = json!({"id": "provider-a", "name": "Provider A", "max_connections": 2,
    "credentials": {"type": "basic", "username": "bob", "password": "secret"}}))]
pub struct AccountDraft {
    /// The id; made from the name when absent.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    pub id: Option<String>,
    /// The name that people see; the id when absent.
    #[schema(max_length = 256)]
    pub name: Option<String>,
    /// The most connections that the provider allows at a time.
    #[schema(required, minimum = 1, maximum = 1000)]
    pub max_connections: Option<u64>,
    /// How long the provider may count a connection that has ended, in milliseconds; 100 when
    /// absent. A slot is not given to another before.
    #[schema(minimum = 0, maximum = 60_000, default = 100)]
    pub release_ms: Option<u64>,
    /// How sources that name the account log in, unless they say it themselves: `{"type": "basic",
    /// "username", "password" or "password_file"}` or `{"type": "bearer", "token" or "token_file"}`.
    /// A secret that is left out, or is `{"set": true}` as an answer shows it, stays as it is. A
    /// file is named relative to the server's folder of secrets, and read at each connection.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Value>,
}

impl AccountDraft {
    /// Reads the shape of a body.
    pub(super) fn read(body: Value, mistakes: &mut Mistakes) -> Self {
        let Some(mut f) = Members::open(String::new(), body, mistakes) else {
            return AccountDraft::default();
        };
        f.ignore(&READ_ONLY);
        let draft = AccountDraft {
            id: f.string("id"),
            name: f.string("name"),
            max_connections: f.integer("max_connections"),
            release_ms: f.integer("release_ms"),
            credentials: f.member("credentials").map(|(_, value)| value),
        };
        if draft.max_connections.is_none() && !f.wrong("max_connections") {
            let at = "/max_connections";
            f.mistakes().add(at, "is missing", "1 to 1000 connections");
        }
        f.close();
        draft
    }

    /// Makes an account of it, or tells all mistakes. `old` is what the account was.
    pub(super) fn check(
        self,
        old: Option<&Account>,
        taken: impl Fn(&AccountId) -> bool,
        m: &mut Mistakes,
    ) -> Option<Account> {
        let given = self.id.as_deref().and_then(|id| {
            let parsed = AccountId::parse(id);
            parsed.map_err(|e| m.add("/id", e, StreamId::ALLOWED)).ok()
        });
        let id = match (old, given) {
            (Some(old), Some(given)) if given != old.id => {
                m.add("/id", "cannot be changed", "the id in the path, or none");
                None
            }
            (Some(old), _) => Some(old.id.clone()),
            (None, given) => given,
        };
        let name = m.optional_text("/name", self.name.as_deref(), limits::NAME);
        let name = name.or_else(|| id.as_ref().map(ToString::to_string));
        if name.is_none() && m.len() == 0 {
            m.add("/name", "is missing", "a name, or an id");
        }
        let limit = self.max_connections.unwrap_or(1);
        if !(1..=limits::CONNECTIONS).contains(&limit) {
            let allowed = format!("1 to {} connections", limits::CONNECTIONS);
            m.add("/max_connections", "is out of range", allowed);
        }
        if self
            .release_ms
            .is_some_and(|ms| ms > limits::RELEASE_MAX_MS)
        {
            let allowed = format!("0 to {} milliseconds", limits::RELEASE_MAX_MS);
            m.add("/release_ms", "is too long", allowed);
        }
        let kept = old.and_then(|old| old.credentials.as_ref());
        let credentials = self.credentials;
        let credentials = credentials.and_then(|given| credentials_of(given, kept, m));
        let name = name?;
        let id = id.unwrap_or_else(|| AccountId::from_name(&name, taken));
        Some(Account {
            id,
            name,
            max_connections: usize::try_from(limit).unwrap_or(1),
            release_ms: self.release_ms,
            credentials,
        })
    }
}

fn credentials_of(
    given: Value,
    kept: Option<&AccountCredentials>,
    mistakes: &mut Mistakes,
) -> Option<AccountCredentials> {
    let at = "/credentials";
    let mut f = Members::open(at.to_owned(), given, mistakes)?;
    let kind = f.string("type");
    let credentials = match (kind.as_deref(), kept) {
        (Some("basic"), kept) => {
            let username = f.required("username");
            let kept = match kept {
                Some(AccountCredentials::Basic { password, .. }) => Some(password),
                _ => None,
            };
            let password = secret(&mut f, ["password", "password_file"], kept);
            username
                .zip(password)
                .map(|(username, password)| AccountCredentials::Basic { username, password })
        }
        (Some("bearer"), kept) => {
            let kept = match kept {
                Some(AccountCredentials::Bearer { token }) => Some(token),
                _ => None,
            };
            let token = secret(&mut f, ["token", "token_file"], kept);
            token.map(|token| AccountCredentials::Bearer { token })
        }
        _ => {
            let at = join(at, "type");
            let allowed = "\"basic\" or \"bearer\"";
            f.mistakes().add(at, "is missing or unknown", allowed);
            return None;
        }
    };
    f.close();
    let credentials = credentials?;
    // What is in a file is checked when it is read.
    let checked = credentials.resolve(|_| Ok::<_, ()>("x".to_owned())).ok()?;
    check_credentials(at, &checked, mistakes);
    Some(credentials)
}

/// A secret that must be there.
fn secret(f: &mut Members<'_>, names: [&'static str; 2], kept: Option<&Secret>) -> Option<Secret> {
    let before = f.mistakes().len();
    let secret = optional_secret(f, names, kept);
    if secret.is_some() || f.mistakes().len() > before {
        return secret;
    }
    if kept.is_none() {
        let at = f.at(names[0]);
        f.mistakes().add(at, "is missing", is_secret(names));
    }
    kept.cloned()
}

/// A secret as text, in a file, or, where it is shown as an answer shows it, as it was. None if it is not there.
pub(crate) fn optional_secret(
    f: &mut Members<'_>,
    names @ [name, file]: [&'static str; 2],
    kept: Option<&Secret>,
) -> Option<Secret> {
    let text = f.member(name);
    let in_file = f.string(file);
    let (at_name, at_file) = (f.at(name), f.at(file));
    let mistakes = f.mistakes();
    match (text, in_file) {
        (Some(_), Some(_)) => {
            let problem = "is there beside the secret itself";
            mistakes.add(at_file, problem, "one of the two");
            None
        }
        (None, Some(name)) if is_file_name(&name) => Some(Secret::File(name)),
        (None, Some(_)) => {
            mistakes.add(at_file, "is no file name", FILE_ALLOWED);
            None
        }
        (Some((_, Value::String(text))), None) => Some(Secret::Text(text)),
        (Some((_, Value::Object(shown))), None) if shown.keys().eq(["set"]) => {
            if kept.is_none() {
                mistakes.add(at_name, "is missing", is_secret(names));
            }
            kept.cloned()
        }
        (Some(_), None) => {
            let allowed = "a string, or {\"set\": true}";
            mistakes.add(at_name, "has the wrong type", allowed);
            None
        }
        (None, None) => None,
    }
}

fn is_secret([_, file]: [&str; 2]) -> String {
    format!("a string, or {file}")
}

fn is_file_name(name: &str) -> bool {
    (1..=limits::SECRET_FILE).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
