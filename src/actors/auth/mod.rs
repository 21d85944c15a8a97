//! Who is let in: users, tokens, sessions and keys of the running server, and the audit log.

mod secret;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::auth::{
    Book, Bootstrap, Change, Claim, Digest, Entry, Fault, Key, KeyId, Lifetimes, Password,
    PasswordError, Permission, Principal, Refused, Role, SessionKey, Sessions, Ticket, Token,
    TokenId, TokenText, User, UserName, Verified, Who,
};
use crate::base::random::{self, NoRandomness};
use crate::metrics;
use crate::store::{AuthKept, Store, StoreError};

/// Passwords that are hashed at a time: each takes 19 MiB and a core for some tens of milliseconds.
const HASHING: usize = 2;
/// Those that may wait for it.
const WAITING: usize = 32;
/// The use of a token is stored this often.
const NOTED: i64 = 300;

/// How people and programs are let in.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Everybody must say who they are, also while there is neither a user nor a token.
    pub required: bool,
    /// Nobody must.
    pub insecure: bool,
    /// Whether metrics and health are for anybody; where it is not said, while only this machine is listened to.
    pub metrics_public: Option<bool>,
    /// Of logins.
    pub lifetimes: Lifetimes,
    /// Of a signed URL that does not say it.
    pub playback_validity: Duration,
    /// Of the URLs in a playlist.
    pub playlist_validity: Duration,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The password may not be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Name or password are wrong; which is not told.
    #[error("the name or the password is wrong")]
    Wrong,
    /// The one-time token is not (or no longer) good.
    #[error("the one-time token is not good, or no longer")]
    NoBootstrap,
    /// Too many log in at a time.
    #[error("too many log in at a time")]
    Busy,
    /// There is no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the server failed.
    #[error("it could not be carried out")]
    Failed,
}

/// Lets people and programs in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    store: Store,
    book: RwLock<Arc<Book>>,
    /// Writes go one after the other, so that what was checked still holds when it is written.
    writing: tokio::sync::Mutex<()>,
    sessions: Mutex<Sessions>,
    verified: Mutex<Verified>,
    /// When each token was last used, and when that was last stored; seconds since 1970.
    uses: Mutex<HashMap<TokenId, (i64, i64)>>,
    bootstrap: Mutex<Option<Bootstrap>>,
    /// Only this machine is listened to.
    local: AtomicBool,
    hashing: Semaphore,
    waiting: Semaphore,
}

impl Auth {
    /// What the store held at start. Makes a key to sign with where there is none.
    ///
    /// # Errors
    /// When there is no randomness, or the key cannot be stored.
    pub async fn open(
        store: Store,
        kept: AuthKept,
        settings: Settings,
        now: Timestamp,
    ) -> Result<Self, AuthError> {
        let uses = kept.token_uses.into_iter().map(|(id, at)| (id, (at, at)));
        let uses = Mutex::new(uses.collect());
        let book = Book::new(kept.users, kept.tokens, kept.keys);
        let keyless = book.keys().keys().is_empty();
        let auth = Self(Arc::new(Inner {
            settings,
            store,
            book: RwLock::new(Arc::new(book)),
            writing: tokio::sync::Mutex::default(),
            sessions: Mutex::new(Sessions::new(settings.lifetimes)),
            verified: Mutex::new(Verified::new(random::bytes()?)),
            uses,
            bootstrap: Mutex::default(),
            local: AtomicBool::new(false),
            hashing: Semaphore::new(HASHING),
            waiting: Semaphore::new(WAITING),
        }));
        if keyless {
            auth.rotate(false, now).await?;
        }
        Ok(auth)
    }

    /// How people and programs are let in.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Tells that only this machine is listened to. Until then it is taken for not so.
    pub fn listens_locally(&self) {
        self.0.local.store(true, Ordering::Release);
    }

    fn is_local(&self) -> bool {
        self.0.local.load(Ordering::Acquire)
    }

    /// Whether one must say who one is.
    pub fn is_on(&self) -> bool {
        let settings = &self.0.settings;
        let asked = settings.required || !self.is_local() || !self.book().is_empty();
        asked && !settings.insecure
    }

    /// Who has said nothing.
    pub fn nobody(&self) -> Principal {
        Principal::new(if self.is_on() {
            Who::Anonymous
        } else {
            Who::Anybody
        })
    }

    /// Whether somebody has a permission here.
    pub fn may(&self, principal: &Principal, wanted: Permission) -> bool {
        let public = || {
            let said = self.0.settings.metrics_public;
            said.unwrap_or_else(|| self.is_local())
        };
        principal.may(wanted) || wanted == Permission::Metrics && public()
    }

    /// Users, tokens and keys.
    pub fn book(&self) -> Arc<Book> {
        let book = self.0.book.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&book)
    }

    /// Changes users, tokens or keys, durably.
    ///
    /// # Errors
    /// When it may not be, or cannot be stored.
    pub async fn change(&self, change: Change) -> Result<(), AuthError> {
        let auth = self.clone();
        // To its end, also when who asked goes away.
        let changed = tokio::spawn(async move { auth.write(change).await });
        changed.await.map_err(|_| AuthError::Failed)?
    }

    async fn write(&self, change: Change) -> Result<(), AuthError> {
        let _writing = self.0.writing.lock().await;
        let mut book = Book::clone(&self.book());
        let ended = match &change {
            Change::ChangeUser {
                name,
                password: Some(_),
                ..
            }
            | Change::RemoveUser(name) => Some(name.clone()),
            _ => None,
        };
        let rows = book.apply(change)?;
        self.0.store.put_auth(rows).await?;
        *self.0.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
        if let Some(user) = ended {
            lock(&self.0.sessions).end_of(&user);
        }
        Ok(())
    }

    /// Makes a new key the one to sign with; with `forget`, URLs that were signed before are good no more.
    pub async fn rotate(&self, forget: bool, now: Timestamp) -> Result<(), AuthError> {
        let id = KeyId::new(random::bytes()?);
        let key = Key::new(id, random::bytes()?, now);
        self.change(Change::Rotate { key, forget }).await
    }

    /// Whose session it is, by the digest of its key.
    pub fn by_session(&self, session: &Digest, now: Instant) -> Option<Principal> {
        let (name, stamp) = lock(&self.0.sessions).find(session, now)?;
        let book = self.book();
        let user = book.user(&name).filter(|user| user.stamp() == stamp)?;
        Some(person(user))
    }

    /// Ends a session; whether it was there.
    pub fn log_out(&self, session: &Digest) -> bool {
        lock(&self.0.sessions).end(session)
    }

    /// Whose token it is; notes that it was used.
    pub fn by_token(&self, text: &str, now: Timestamp) -> Option<Principal> {
        let digest = TokenText::parse(text)?.digest();
        let book = self.book();
        let token = book.token(&digest, now)?;
        self.note_use(&token.id, now.as_second());
        Some(program(token))
    }

    /// Whether somebody who was let in, by a session if so, still has a permission: for what takes long. What was begun by
    /// a signed URL goes on.
    pub fn still(
        &self,
        principal: &Principal,
        session: Option<&Digest>,
        wanted: Permission,
        now: (Instant, Timestamp),
    ) -> bool {
        let book = self.book();
        let current = match (&principal.who, session) {
            (Who::Anybody, _) => return !self.is_on(),
            (Who::Anonymous, _) => None,
            (Who::Signed { .. }, _) => return true,
            (Who::User { .. }, Some(session)) => self.by_session(session, now.0),
            (Who::User { name, .. }, None) => book.user(name).map(|user| person(user)),
            (Who::Token { id, .. }, _) => book.token_by_id(id, now.1).map(|token| program(token)),
        };
        current.is_some_and(|current| self.may(&current, wanted))
    }

    fn note_use(&self, id: &TokenId, now: i64) {
        let mut uses = lock(&self.0.uses);
        let noted = uses.get(id).map_or(i64::MIN, |(_, noted)| *noted);
        let due = now.saturating_sub(noted) >= NOTED;
        uses.insert(id.clone(), (now, if due { now } else { noted }));
        drop(uses);
        if due {
            self.0.store.token_used(id.clone(), now);
        }
    }

    /// When a token was last used, seconds since 1970.
    pub fn last_use(&self, id: &TokenId) -> Option<i64> {
        lock(&self.0.uses).get(id).map(|(last, _)| *last)
    }

    /// Whose name and password these are, if they were right a moment ago.
    pub fn known(&self, name: &str, password: &Password, now: Instant) -> Option<Principal> {
        let name = read_name(name)?;
        let book = self.book();
        let user = book.user(&name)?;
        let known = lock(&self.0.verified).knows(&name, password, user.stamp(), now);
        known.then(|| person(user))
    }

    /// Whose name and password these are.
    ///
    /// # Errors
    /// [`AuthError::Wrong`], whichever of them is; [`AuthError::Busy`].
    pub async fn by_password(
        &self,
        name: &str,
        password: Password,
        now: Instant,
    ) -> Result<Principal, AuthError> {
        let user = self.verify(name, password.clone()).await?;
        let mut verified = lock(&self.0.verified);
        verified.remember(&user.name, &password, user.stamp(), now);
        Ok(person(&user))
    }

    /// Begins a session.
    ///
    /// # Errors
    /// As [`Self::by_password`].
    pub async fn log_in(
        &self,
        name: &str,
        password: Password,
        now: Instant,
    ) -> Result<(SessionKey, Principal), AuthError> {
        let user = self.verify(name, password).await?;
        let key = SessionKey::new(random::bytes()?);
        let mut sessions = lock(&self.0.sessions);
        sessions.begin(key.digest(), user.name.clone(), user.stamp(), now);
        Ok((key, person(&user)))
    }

    /// Adds a user.
    ///
    /// # Errors
    /// When it may not be, or cannot be stored.
    pub async fn add_user(
        &self,
        name: UserName,
        role: Role,
        password: Password,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        password.check(name.as_str())?;
        let password = self.hash(password).await?;
        let user = User {
            name,
            role,
            password,
            created_at: now,
            updated_at: now,
        };
        self.change(Change::AddUser(user)).await
    }

    /// Changes a user; those who use an old password are logged out.
    ///
    /// # Errors
    /// When it may not be, or cannot be stored.
    pub async fn change_user(
        &self,
        name: UserName,
        role: Option<Role>,
        password: Option<Password>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let password = match password {
            Some(password) => {
                password.check(name.as_str())?;
                Some(self.hash(password).await?)
            }
            None => None,
        };
        let change = Change::ChangeUser {
            name,
            role,
            password,
            at: now,
        };
        self.change(change).await
    }

    /// A one-time token that makes the first administrator.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn begin_bootstrap(&self, now: Instant) -> Result<TokenText, AuthError> {
        let token = TokenText::new(random::bytes()?);
        *lock(&self.0.bootstrap) = Some(Bootstrap::new(token.digest(), now));
        Ok(token)
    }

    /// Makes the first administrator, once.
    ///
    /// # Errors
    /// [`AuthError::NoBootstrap`] for any other token, and when it was used or has lapsed; else the token stays good.
    pub async fn bootstrap(
        &self,
        token: &str,
        name: UserName,
        password: Password,
        now: (Instant, Timestamp),
    ) -> Result<(), AuthError> {
        let digest = TokenText::parse(token).map(|token| token.digest());
        let opens = |this: &Self| {
            let held = *lock(&this.0.bootstrap);
            let open = held
                .zip(digest)
                .is_some_and(|(held, digest)| held.opens(digest, now.0));
            open && this.book().users().next().is_none()
        };
        if !opens(self) {
            return Err(AuthError::NoBootstrap);
        }
        password.check(name.as_str())?;
        let hash = self.hash(password).await?;
        // Taken before the user is added: of two at once one comes too late.
        let taken = lock(&self.0.bootstrap).take();
        if taken.is_none() || self.book().users().next().is_some() {
            return Err(AuthError::NoBootstrap);
        }
        let user = User {
            name,
            role: Role::Admin,
            password: hash,
            created_at: now.1,
            updated_at: now.1,
        };
        let added = self.change(Change::AddUser(user)).await;
        if added.is_err() {
            *lock(&self.0.bootstrap) = taken;
        }
        added
    }

    /// Signs a claim, until then (seconds since 1970).
    pub fn sign(&self, claim: &Claim<'_>, expires: i64) -> Option<Ticket> {
        self.book().keys().sign(claim, expires)
    }

    /// Whether a ticket is good for a claim.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn verify_url(
        &self,
        claim: &Claim<'_>,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.book().keys().verify(claim, ticket, now)
    }

    /// Keeps what was done.
    pub fn audit(&self, entry: Entry) {
        let entry = entry.bounded();
        tracing::info!(
            target: "sightglass::audit", who = entry.who, action = entry.action,
            subject = entry.subject, address = entry.address, status = entry.status,
            outcome = entry.outcome.as_str(), "audit"
        );
        if !self.0.store.audit(vec![entry]) {
            metrics::audit_dropped(1);
        }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Forgets sessions that are over.
    pub fn expire(&self, now: Instant) {
        lock(&self.0.sessions).expire(now);
    }
}

fn program(token: &Token) -> Principal {
    Principal::new(Who::Token {
        id: token.id.clone(),
        name: token.name.clone(),
        scopes: token.scopes.clone(),
        expires_at: token.expires_at,
    })
}

fn person(user: &User) -> Principal {
    Principal::new(Who::User {
        name: user.name.clone(),
        role: user.role,
    })
}

/// A name as somebody types it.
fn read_name(text: &str) -> Option<UserName> {
    UserName::parse(&text.trim().to_ascii_lowercase())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
