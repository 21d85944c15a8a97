//! `sightglass user` and `sightglass token`: who is let in, from the command line of the machine.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::auth::{password_of, settings};
use super::{blocking, store_settings};
use crate::actors::auth::{Auth, AuthError};
use crate::auth::{
    Audited, Change, Entry, Outcome, Password, Scopes, Token, TokenId, TokenText, UserName,
};
use crate::base::{clock, random};
use crate::config::{Config, TokenCommand, UserCommand};
use crate::store::{Store, StoreError};

/// The longest line that is read as a password, bytes.
const LINE_MAX: u64 = 4 << 10;

/// Adds, changes, lists or removes users; the answer.
///
/// # Errors
/// What went wrong, for the operator.
pub async fn users(config: &Config, command: UserCommand) -> Result<String, String> {
    let auth = open(config).await?;
    let now = clock::wall();
    let (action, name, answer) = match command {
        UserCommand::List => {
            let mut text = String::new();
            for user in auth.book().users() {
                // Writing to a String does not fail.
                let _ = writeln!(
                    text,
                    "{:<24} {:<9} {}",
                    user.name, user.role, user.created_at
                );
            }
            return Ok(text);
        }
        UserCommand::Add {
            name,
            role,
            password_file,
        } => {
            let password = password(password_file.as_deref())?;
            let added = auth.add_user(name.clone(), role, password, now).await;
            added.map_err(|error| error.to_string())?;
            (
                "user add",
                name.clone(),
                format!("{name} was added as {role}\n"),
            )
        }
        UserCommand::Password {
            name,
            password_file,
        } => {
            let password = password(password_file.as_deref())?;
            let changed = auth.change_user(name.clone(), None, Some(password), now);
            changed.await.map_err(|error| error.to_string())?;
            (
                "user passwd",
                name.clone(),
                format!("{name} has a new password\n"),
            )
        }
        UserCommand::Remove { name } => {
            remove_user(&auth, name.clone()).await?;
            ("user remove", name.clone(), format!("{name} was removed\n"))
        }
    };
    note(&auth, action, name.as_str(), now).await?;
    Ok(answer)
}

async fn remove_user(auth: &Auth, name: UserName) -> Result<(), String> {
    let removed = auth.change(Change::RemoveUser(name)).await;
    removed.map_err(|error| error.to_string())
}

/// Makes, lists or takes back tokens; the answer.
///
/// # Errors
/// What went wrong, for the operator.
pub async fn tokens(config: &Config, command: TokenCommand) -> Result<String, String> {
    let auth = open(config).await?;
    let now = clock::wall();
    match command {
        TokenCommand::List => {
            let mut text = String::new();
            for token in auth.book().tokens() {
                let end = token.expires_at.map(|end| end.to_string());
                let end = end.as_deref().unwrap_or("never");
                let (scopes, name) = (token.scopes.to_string(), &token.name);
                let _ = writeln!(text, "{} {scopes:<16} {end:<28} {name}", token.id);
            }
            Ok(text)
        }
        TokenCommand::Create {
            name,
            scopes,
            expires_in,
        } => {
            let token = create(&auth, name, scopes, expires_in, now).await;
            let (id, text) = token.map_err(|error| error.to_string())?;
            note(&auth, "token create", id.as_str(), now).await?;
            Ok(format!("{}\n", text.as_str()))
        }
        TokenCommand::Revoke { id } => {
            let gone = auth.change(Change::RemoveToken(id.clone())).await;
            gone.map_err(|error| error.to_string())?;
            note(&auth, "token revoke", id.as_str(), now).await?;
            Ok(format!("{id} is good no more\n"))
        }
    }
}

async fn create(
    auth: &Auth,
    name: String,
    scopes: Scopes,
    expires_in: Option<Duration>,
    now: Timestamp,
) -> Result<(TokenId, TokenText), AuthError> {
    let text = TokenText::new(random::bytes()?);
    let id = TokenId::new(random::bytes()?);
    let token = Token {
        id: id.clone(),
        name,
        scopes,
        digest: text.digest(),
        created_at: now,
        created_by: "console".to_owned(),
        expires_at: expires_in.and_then(|life| now.checked_add(life).ok()),
    };
    auth.change(Change::AddToken(token)).await?;
    Ok((id, text))
}

/// Writes down what was done, and waits until that is on disk.
async fn note(auth: &Auth, action: &str, subject: &str, now: Timestamp) -> Result<(), String> {
    auth.audit(Entry {
        at: now,
        sort: Audited::Change,
        who: "console".to_owned(),
        address: None,
        action: action.to_owned(),
        subject: Some(subject.to_owned()),
        outcome: Outcome::Done,
        status: None,
    });
    let written = auth.store().check().await;
    written.map(drop).map_err(|error| error.to_string())
}

async fn open(config: &Config) -> Result<Auth, String> {
    let (path, kept) = (config.db_path.clone(), store_settings(config));
    let opened = blocking(move || Store::open(&path, &kept)).await;
    let opened = opened.map_err(|error| match error {
        super::AppError::Store(StoreError::InUse { .. }) => {
            "the server is running and has the store: use its API (/api/v1/users, /api/v1/tokens), \
             or stop it first"
                .to_owned()
        }
        error => error.to_string(),
    })?;
    let auth = Auth::open(opened.store, opened.auth, settings(config), clock::wall()).await;
    auth.map_err(|error| error.to_string())
}

/// A password: of a file, of a person at a terminal, or the first line of what is piped in.
fn password(file: Option<&Path>) -> Result<Password, String> {
    if let Some(file) = file {
        return password_of(file);
    }
    let unreadable = |error| format!("the password cannot be read: {error}");
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(unreadable)?;
        let second = rpassword::prompt_password("Again: ").map_err(unreadable)?;
        if first != second {
            return Err("the two passwords differ".to_owned());
        }
        return Ok(Password::new(first));
    }
    let mut line = String::new();
    let mut input = std::io::Read::take(stdin.lock(), LINE_MAX);
    input.read_line(&mut line).map_err(unreadable)?;
    Ok(Password::new(line.trim_end_matches(['\r', '\n'])))
}
