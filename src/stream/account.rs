//! A provider's credential whose connections are limited, shared by the sources of many streams.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::account_draft::AccountDraft;
use super::invalid::Mistakes;
use super::{Credentials, IdError, Invalid, StreamId};

/// How long the provider may count a connection that has ended, unless the account says otherwise.
const RELEASE: Duration = Duration::from_millis(100);
/// The id of an account, by the rules of [`StreamId`]. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$", example = "provider-a")]
pub struct AccountId(StreamId);

impl AccountId {
    /// Makes one from a name, as [`StreamId::from_name`].
    pub fn from_name(name: &str, taken: impl Fn(&Self) -> bool) -> Self {
        Self(StreamId::from_name(name, |id| taken(&Self(id.clone()))))
    }

    /// Reads an id as it was given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        StreamId::parse(text).map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

/// An account: what an operator made. Every value keeps the rules of [`Account::define`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The id, unique among accounts.
    pub id: AccountId,
    /// The name that people see.
    pub name: String,
    /// The most connections that the provider allows at a time, 1 to 1000.
    pub max_connections: usize,
    /// How long the provider may count a connection that has ended, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_ms: Option<u64>,
    /// How to log in, for sources that do not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<AccountCredentials>,
}

/// How to log in at a provider. A secret is here, or in a file that is read at each use. `Debug`
/// shows the kind alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum AccountCredentials {
    /// RFC 7617 (or Digest, where the protocol has it).
    Basic {
        /// Without `:`.
        username: String,
        /// The password.
        password: Secret,
    },
    /// RFC 6750.
    Bearer {
        /// The token.
        token: Secret,
    },
}

/// A secret, or where it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// Itself.
    Text(String),
    /// The name of a file in the folder of secrets.
    File(String),
}

impl Account {
    /// Reads and checks a body, and tells all its mistakes. `old` is what the account was: a body
    /// need not repeat its secrets, and cannot change its id.
    ///
    /// # Errors
    /// All mistakes.
    pub fn define(
        body: Value,
        old: Option<&Self>,
        taken: impl Fn(&AccountId) -> bool,
    ) -> Result<Self, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        let m = &mut mistakes;
        let account = AccountDraft::read(body, m).check(old, taken, m);
        account
            .filter(|_| mistakes.len() == 0)
            .ok_or_else(|| mistakes.into_vec())
    }

    /// Applies a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// All mistakes of what comes out.
    pub fn patched(&self, patch: &Value) -> Result<Self, Vec<Invalid>> {
        let mut body = serde_json::json!({
            "id": self.id, "name": self.name, "max_connections": self.max_connections,
        });
        if let (Some(body), Some(ms)) = (body.as_object_mut(), self.release_ms) {
            body.insert("release_ms".to_owned(), ms.into());
        }
        if let (Some(body), Some(credentials)) = (body.as_object_mut(), &self.credentials) {
            body.insert("credentials".to_owned(), credentials.without_secrets());
        }
        super::patch::apply_to(&mut body, patch)?;
        Self::define(body, Some(self), |_| false)
    }

    /// How long a slot that was given back counts as taken.
    pub fn release(&self) -> Duration {
        self.release_ms.map_or(RELEASE, Duration::from_millis)
    }
}

impl AccountCredentials {
    /// As the API has it, with no secret.
    fn without_secrets(&self) -> Value {
        let mut object = Map::new();
        let (kind, name, secret) = match self {
            Self::Basic { username, password } => {
                object.insert("username".to_owned(), username.clone().into());
                ("basic", "password", password)
            }
            Self::Bearer { token } => ("bearer", "token", token),
        };
        object.insert("type".to_owned(), kind.into());
        if let Secret::File(file) = secret {
            object.insert(format!("{name}_file"), file.clone().into());
        }
        Value::Object(object)
    }

    /// With the secret itself, which `read` finds in a file where it is in one.
    ///
    /// # Errors
    /// What `read` says.
    pub fn resolve<E>(
        &self,
        read: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<Credentials, E> {
        let resolved = |secret: &Secret| match secret {
            Secret::Text(text) => Ok(text.clone()),
            Secret::File(name) => read(name),
        };
        Ok(match self {
            Self::Basic { username, password } => Credentials::Basic {
                username: username.clone(),
                password: resolved(password)?,
            },
            Self::Bearer { token } => Credentials::Bearer {
                token: resolved(token)?,
            },
        })
    }
}

impl fmt::Debug for AccountCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(redacted)",
            Self::Bearer { .. } => "Bearer(redacted)",
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The account, whose members stand beside the record's own in JSON.
    #[serde(flatten)]
    pub account: Account,
    /// Grows with each change. Sets the `ETag`.
    pub revision: u64,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl AccountRecord {
    /// The strong entity tag, as that of a [`Record`](super::Record).
    pub fn etag(&self) -> String {
        super::definition::etag(self.revision, self.created_at)
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
