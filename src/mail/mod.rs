//! Mail: the only room that names lettre.
//!
//! ```text
//! notification ─► compose (text, HTML, pictures) ─► mailer (sessions that are kept for a while) ─► SMTP server
//! ```
//!
//! lettre makes the messages and speaks the protocol. Its transport is not used: it gives up a mail when one of its
//! recipients is refused, does not tell which, and lets a server that says nothing hold it for ever.

mod compose;
mod html;
mod mailer;
mod session;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use crate::alerts::Mailbox;

pub use mailer::{Delivered, Mailer, Step};

/// How mail leaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// How to log in, if that is needed.
    pub login: Option<Login>,
    /// Certificates (PEM) that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Who sends.
    pub from: Mailbox,
    /// How this machine calls itself; by its own name unless told.
    pub hello: Option<String>,
    /// The longest that the server may take for an answer, but for the last.
    pub timeout: Duration,
    /// The name of this installation.
    pub installation: String,
}

/// How the connection to the mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS that begins after STARTTLS (RFC 3207); a server that does not offer it is not used.
    StartTls,
    /// TLS from the beginning (RFC 8314).
    Tls,
    /// None.
    Plain,
}

/// A user of the mail server.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Password,
}

/// Where the password is.
#[derive(Clone)]
pub enum Password {
    /// Here.
    Text(String),
    /// In a file, which is read at each login.
    File(PathBuf),
}

impl Security {
    /// Where servers listen for it.
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::Plain => 25,
        }
    }

    /// Its name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Plain => "plain",
        }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
