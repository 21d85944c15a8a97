//! Who is let in.

use super::check;
use super::parser::{About, FilePath, Maybe, OneOf, Parser, Switch};
use super::reader::Reader;
use super::section::{Setting, section};
use super::units::{DAY, HOUR, MINUTE, Millis};
use crate::auth::UserName;
use std::path::PathBuf;
use std::time::Duration;

/// Whether everybody must say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// As soon as there is a user or a token; and before that only this machine is listened to.
    Auto,
    /// From the first start on; a one-time token then makes the first administrator.
    Required,
}

/// Who may see metrics and health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Anybody while only this machine is listened to.
    Auto,
    /// Anybody.
    Public,
    /// Who has credentials for it.
    Token,
}

const MODES: &[(&str, AuthMode)] = &[("auto", AuthMode::Auto), ("required", AuthMode::Required)];
const ACCESS: &[(&str, MetricsAccess)] = &[
    ("auto", MetricsAccess::Auto),
    ("public", MetricsAccess::Public),
    ("token", MetricsAccess::Token),
];

section! {
    /// Who is let in.
    pub struct Auth in "auth." {
        /// Whether everybody must say who they are: auto (as soon as there is a user or a token; until then only loopback may be listened on), required (from the first start on: a one-time token, printed once, makes the first administrator).
        mode: AuthMode = "auto", ["AUTH"], "auth", OneOf(MODES);
        /// Let everybody in and do everything, whoever they are and wherever the server listens.
        insecure: bool = "false", ["INSECURE"], "insecure", Switch;
        /// Who may see /metrics and /health: auto (anybody while only loopback is listened on), public, token (who has credentials).
        metrics_access: MetricsAccess = "auto", ["METRICS_ACCESS"], "metrics-access", OneOf(ACCESS);
        /// Name of the administrator that admin_password_file makes.
        admin_name: UserName = "admin", ["AUTH_ADMIN_NAME"], "auth-admin-name", Name;
        /// File with the password of the first administrator, who is added at the start while there is no user; empty for none.
        admin_password_file: Option<PathBuf> = "", ["AUTH_ADMIN_PASSWORD_FILE"], "auth-admin-password-file", Maybe(FilePath);
        /// A login ends after this long without a request.
        session_idle: Duration = "12h", ["AUTH_SESSION_IDLE"], "auth-session-idle", Millis(MINUTE, 30 * DAY);
        /// A login ends after this long in any case.
        session_age: Duration = "7d", ["AUTH_SESSION_AGE"], "auth-session-age", Millis(MINUTE, 366 * DAY);
        /// How long a signed playback URL is good for that does not say it; an HLS session that it began goes on.
        playback_validity: Duration = "12h", ["AUTH_PLAYBACK_VALIDITY"], "auth-playback-validity", Millis(MINUTE, 366 * DAY);
        /// How long the URLs in /playlist.m3u are good for: players read it again now and then.
        playlist_validity: Duration = "7d", ["AUTH_PLAYLIST_VALIDITY"], "auth-playlist-validity", Millis(HOUR, 366 * DAY);
    }
    check check::auth;
}

/// The name of a user.
struct Name;

impl Parser for Name {
    type Value = UserName;

    fn parse(&self, text: &str) -> Option<UserName> {
        UserName::parse(text.trim())
    }

    fn allowed(&self) -> String {
        UserName::ALLOWED.to_owned()
    }

    fn show(&self, value: &UserName) -> String {
        super::parser::quoted(value.as_str())
    }
}
