//! Users, tokens and keys: what there is, what may be changed, and the rows of the store that a change makes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::Role;
use super::keys::{Key, KeyRing};
use super::name::{TokenId, UserName};
use super::password::Hash;
use super::token::{Digest, Token};

/// The most users there may be.
pub const MOST_USERS: usize = 1_000;
/// The most tokens there may be.
pub const MOST_TOKENS: usize = 1_000;

/// A user as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// What they may do.
    pub role: Role,
    /// Of their password.
    pub password: Hash,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they were changed last.
    pub updated_at: Timestamp,
}

impl User {
    /// Changes with the password, and is never the same for another user: each hash has a salt of its own.
    pub fn stamp(&self) -> Digest {
        self.password.stamp()
    }
}

/// A table of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// [`User`]s by name.
    Users,
    /// [`Token`]s by id.
    Tokens,
    /// [`Key`]s by id.
    Keys,
}

/// A row of the store; removed where there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: String,
    /// JSON.
    pub value: Option<Vec<u8>>,
}

/// What is to be changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds a user.
    AddUser(User),
    /// Changes a user.
    ChangeUser {
        /// Who.
        name: UserName,
        /// The new role, if it changes.
        role: Option<Role>,
        /// The new password, if it changes.
        password: Option<Hash>,
        /// Now.
        at: Timestamp,
    },
    /// Removes a user.
    RemoveUser(UserName),
    /// Adds a token.
    AddToken(Token),
    /// Removes a token.
    RemoveToken(TokenId),
    /// Makes a key the current one.
    Rotate {
        /// It.
        key: Key,
        /// The earlier ones go, and all that they have signed.
        forget: bool,
    },
}

/// Why something is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such user.
    #[error("there is no such user")]
    NoUser,
    /// There is no such token.
    #[error("there is no such token")]
    NoToken,
    /// The name is taken.
    #[error("there is a user of this name already")]
    UserExists,
    /// An id was drawn that is in use.
    #[error("there is a token of this id already")]
    TokenExists,
    /// Nobody could let others in any more.
    #[error("there must be a user who is an administrator")]
    LastAdmin,
    /// There are enough.
    #[error("there are already {0} of these, the most there may be")]
    TooMany(usize),
}

/// Users, tokens and keys.
#[derive(Clone, Debug, Default)]
pub struct Book {
    users: BTreeMap<UserName, Arc<User>>,
    tokens: BTreeMap<TokenId, Arc<Token>>,
    by_digest: HashMap<Digest, Arc<Token>>,
    keys: KeyRing,
}

impl Book {
    /// What the store held.
    pub fn new(users: Vec<User>, tokens: Vec<Token>, keys: Vec<Key>) -> Self {
        let tokens = tokens.into_iter().map(Arc::new);
        let tokens: BTreeMap<_, _> = tokens.map(|one| (one.id.clone(), one)).collect();
        let by_digest = tokens.values().map(|one| (one.digest, Arc::clone(one)));
        Self {
            by_digest: by_digest.collect(),
            users: users
                .into_iter()
                .map(|one| (one.name.clone(), Arc::new(one)))
                .collect(),
            tokens,
            keys: KeyRing::new(keys),
        }
    }

    /// Whether nobody could log in.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }

    /// All users by name.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// A user.
    pub fn user(&self, name: &UserName) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// Whether there is an administrator.
    pub fn has_admin(&self) -> bool {
        self.users.values().any(|user| user.role == Role::Admin)
    }

    /// All tokens by id.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.values()
    }

    /// The token of this id, unless it is over.
    pub fn token_by_id(&self, id: &TokenId, now: Timestamp) -> Option<&Arc<Token>> {
        let token = self.tokens.get(id);
        token.filter(|token| !token.has_expired(now))
    }

    /// The token of this digest, unless it is over.
    pub fn token(&self, digest: &Digest, now: Timestamp) -> Option<&Arc<Token>> {
        let token = self.by_digest.get(digest);
        token.filter(|token| !token.has_expired(now))
    }

    /// The keys.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Makes a change, all or nothing; the rows it makes.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn apply(&mut self, change: Change) -> Result<Vec<Row>, Refused> {
        match change {
            Change::AddUser(user) => {
                if self.users.contains_key(&user.name) {
                    return Err(Refused::UserExists);
                }
                if self.users.len() >= MOST_USERS {
                    return Err(Refused::TooMany(MOST_USERS));
                }
                if user.role != Role::Admin && !self.has_admin() {
                    return Err(Refused::LastAdmin);
                }
                Ok(vec![self.keep(user)])
            }
            Change::ChangeUser {
                name,
                role,
                password,
                at,
            } => {
                let old = self.users.get(&name).ok_or(Refused::NoUser)?;
                let role = role.unwrap_or(old.role);
                if role != Role::Admin {
                    self.check_admin_without(&name)?;
                }
                let user = User {
                    role,
                    password: password.unwrap_or_else(|| old.password.clone()),
                    updated_at: at,
                    ..User::clone(old)
                };
                Ok(vec![self.keep(user)])
            }
            Change::RemoveUser(name) => {
                if !self.users.contains_key(&name) {
                    return Err(Refused::NoUser);
                }
                self.check_admin_without(&name)?;
                self.users.remove(&name);
                Ok(vec![Row::gone(Table::Users, name.as_str())])
            }
            Change::AddToken(token) => {
                if self.tokens.len() >= MOST_TOKENS {
                    return Err(Refused::TooMany(MOST_TOKENS));
                }
                if self.tokens.contains_key(&token.id) {
                    return Err(Refused::TokenExists);
                }
                let row = Row::new(Table::Tokens, token.id.as_str(), &token);
                let token = Arc::new(token);
                self.by_digest.insert(token.digest, Arc::clone(&token));
                self.tokens.insert(token.id.clone(), token);
                Ok(vec![row])
            }
            Change::RemoveToken(id) => {
                let token = self.tokens.remove(&id).ok_or(Refused::NoToken)?;
                self.by_digest.remove(&token.digest);
                Ok(vec![Row::gone(Table::Tokens, id.as_str())])
            }
            Change::Rotate { key, forget } => {
                let gone = self.keys.rotate(key, forget);
                let gone = gone
                    .into_iter()
                    .map(|id| Row::gone(Table::Keys, &id.to_string()));
                let newest = self.keys.keys().first();
                let kept = newest.map(|key| Row::new(Table::Keys, &key.id.to_string(), key));
                Ok(kept.into_iter().chain(gone).collect())
            }
        }
    }

    fn keep(&mut self, user: User) -> Row {
        let row = Row::new(Table::Users, user.name.as_str(), &user);
        self.users.insert(user.name.clone(), Arc::new(user));
        row
    }

    fn check_admin_without(&self, name: &UserName) -> Result<(), Refused> {
        let mut others = self.users.values().filter(|user| user.name != *name);
        if others.any(|user| user.role == Role::Admin) {
            return Ok(());
        }
        Err(Refused::LastAdmin)
    }
}

impl Row {
    fn new(table: Table, key: &str, value: &impl Serialize) -> Self {
        Self {
            table,
            key: key.to_owned(),
            // Texts, times and lists of words: there is nothing that JSON has not.
            value: Some(serde_json::to_vec(value).unwrap_or_default()),
        }
    }

    fn gone(table: Table, key: &str) -> Self {
        Self {
            table,
            key: key.to_owned(),
            value: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{KeyId, Password, Scope, Scopes, TokenText};

    fn user(name: &str, role: Role) -> User {
        let password = Password::new("a password of some length");
        User {
            name: UserName::parse(name).expect("a name"),
            role,
            password: password.hash([1; 16]).expect("hashed"),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn name(text: &str) -> UserName {
        UserName::parse(text).expect("a name")
    }

    fn demote(who: &str) -> Change {
        Change::ChangeUser {
            name: name(who),
            role: Some(Role::Viewer),
            password: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn there_is_always_somebody_to_let_others_in() {
        let mut book = Book::default();
        let first = book.apply(Change::AddUser(user("eve", Role::Operator)));
        assert_eq!(first, Err(Refused::LastAdmin));
        book.apply(Change::AddUser(user("ada", Role::Admin)))
            .expect("added");
        let twice = book.apply(Change::AddUser(user("ada", Role::Admin)));
        assert_eq!(twice, Err(Refused::UserExists));
        book.apply(Change::AddUser(user("eve", Role::Viewer)))
            .expect("added");
        assert_eq!(book.apply(demote("ada")), Err(Refused::LastAdmin));
        let gone = book.apply(Change::RemoveUser(name("ada")));
        assert_eq!(gone, Err(Refused::LastAdmin));
        assert_eq!(book.apply(demote("bob")), Err(Refused::NoUser));
        book.apply(Change::AddUser(user("bob", Role::Admin)))
            .expect("added");
        let rows = book
            .apply(Change::RemoveUser(name("ada")))
            .expect("removed");
        assert_eq!(rows, [Row::gone(Table::Users, "ada")]);
        assert!(book.has_admin() && book.user(&name("ada")).is_none());
    }

    #[test]
    fn tokens_open_until_they_are_over_or_taken_back() {
        let mut book = Book::default();
        let text = TokenText::new([3; 32]);
        let token = Token {
            id: TokenId::new([1; 8]),
            name: "prometheus".to_owned(),
            scopes: Scopes::new(vec![Scope::Metrics]).expect("one"),
            digest: text.digest(),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "user:ada".to_owned(),
            expires_at: Timestamp::from_second(10).ok(),
        };
        assert!(book.is_empty());
        let rows = book.apply(Change::AddToken(token.clone())).expect("added");
        assert!(!book.is_empty());
        let kept = String::from_utf8(rows[0].value.clone().expect("JSON")).expect("text");
        assert!(!kept.contains(&text.as_str()[4..]), "{kept}");
        let found = |book: &Book, second| {
            let now = Timestamp::from_second(second).expect("a time");
            book.token(&text.digest(), now).cloned()
        };
        assert_eq!(found(&book, 9).as_deref(), Some(&token));
        assert_eq!(found(&book, 10), None);
        let read = Book::new(
            Vec::new(),
            vec![serde_json::from_str(&kept).expect("read")],
            Vec::new(),
        );
        assert_eq!(found(&read, 9).as_deref(), Some(&token));
        book.apply(Change::RemoveToken(token.id.clone()))
            .expect("removed");
        assert_eq!(found(&book, 9), None);
        assert_eq!(
            book.apply(Change::RemoveToken(token.id)),
            Err(Refused::NoToken)
        );
    }

    #[test]
    fn rotation_makes_rows() {
        let mut book = Book::default();
        let key = |n: u8| Key::new(KeyId::new([n; 4]), [n; 32], Timestamp::UNIX_EPOCH);
        let rotate = |n, forget| Change::Rotate {
            key: key(n),
            forget,
        };
        let rows = book.apply(rotate(1, false)).expect("rotated");
        assert_eq!((rows.len(), rows[0].key.as_str()), (1, "01010101"));
        let rows = book.apply(rotate(2, true)).expect("rotated");
        assert_eq!(rows[1], Row::gone(Table::Keys, "01010101"));
        let kept = rows[0].value.clone().expect("JSON");
        let read: Key = serde_json::from_slice(&kept).expect("read");
        assert_eq!(book.keys().keys(), [read]);
    }
}
