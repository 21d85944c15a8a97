//! Who is let in: at the start, and from the command line.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use url::Url;

use super::AppError;
use crate::actors::auth::{Auth, AuthError, Settings};
use crate::auth::{Lifetimes, Password, Role};
use crate::base::clock;
use crate::config::{AuthMode, Config, MetricsAccess};
use crate::store::{AuthKept, Store};

/// The largest file with a password, bytes.
const PASSWORD_FILE_MAX: usize = 4 << 10;

/// Makes ready who lets people in, and the first administrator where a file has a password for one. A socket that was
/// passed is what is listened on.
///
/// # Errors
/// When the server would listen beyond this machine and nobody could log in.
pub(super) async fn open(
    config: &Config,
    passed: Option<&TcpListener>,
    store: Store,
    kept: AuthKept,
) -> Result<Auth, AppError> {
    let auth = Auth::open(store, kept, settings(config), clock::wall()).await?;
    let settings = &config.auth;
    if let Some(file) = &settings.admin_password_file
        && auth.book().users().next().is_none()
    {
        let password = password_of(file).map_err(AppError::Auth)?;
        let name = settings.admin_name.clone();
        let added = auth.add_user(name.clone(), Role::Admin, password, clock::wall());
        added.await?;
        tracing::info!(user = %name, "the administrator of the configuration was added");
    }
    if settings.insecure {
        tracing::warn!("everybody may do everything: insecure is set");
    }
    let address = passed.and_then(|listener| listener.local_addr().ok());
    check(config, &auth, address.unwrap_or(config.listen))?;
    Ok(auth)
}

/// Tells where the server really listens, which may be a socket that it was handed.
///
/// # Errors
/// As [`open`].
pub(super) fn listening(config: &Config, auth: &Auth, address: SocketAddr) -> Result<(), AppError> {
    check(config, auth, address)?;
    if is_loopback(address) {
        auth.listens_locally();
    }
    offer_bootstrap(config, auth, address)?;
    Ok(())
}

/// That nobody beyond this machine is listened to while nobody could log in.
fn check(config: &Config, auth: &Auth, address: SocketAddr) -> Result<(), AppError> {
    let settings = &config.auth;
    let open = settings.mode == AuthMode::Auto && !settings.insecure && auth.book().is_empty();
    if open && !is_loopback(address) {
        return Err(AppError::Unguarded { address });
    }
    Ok(())
}

/// Tells the one-time token for the first administrator, where there is nobody who could log in.
#[allow(
    clippy::print_stderr,
    reason = "not for the log, where it would be kept"
)]
fn offer_bootstrap(config: &Config, auth: &Auth, address: SocketAddr) -> Result<(), AuthError> {
    if !auth.is_on() || !auth.book().is_empty() {
        return Ok(());
    }
    let token = auth.begin_bootstrap(clock::now())?;
    let token = token.as_str();
    let public = config.http.playlist_base_url.as_ref();
    let server = reached_at(public, config.tls.scheme(), address);
    eprintln!(
        "\nNobody can log in yet. Make the first administrator within an hour, once, with this token:\n\n  {token}\n\n  \
         curl -H 'content-type: application/json' {server}/api/v1/bootstrap \\\n    \
         -d '{{\"token\": \"{token}\", \"name\": \"admin\", \"password\": \"...\"}}'\n"
    );
    Ok(())
}

/// Where the server is reached, without a slash at the end.
fn reached_at(public: Option<&Url>, scheme: &str, address: SocketAddr) -> String {
    match public {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("{scheme}://{address}"),
    }
}

/// As configured.
pub(super) fn settings(config: &Config) -> Settings {
    let auth = &config.auth;
    Settings {
        required: auth.mode == AuthMode::Required,
        insecure: auth.insecure,
        metrics_public: match auth.metrics_access {
            MetricsAccess::Auto => None,
            MetricsAccess::Public => Some(true),
            MetricsAccess::Token => Some(false),
        },
        lifetimes: Lifetimes {
            idle: auth.session_idle,
            age: auth.session_age,
        },
        playback_validity: auth.playback_validity,
        playlist_validity: auth.playlist_validity,
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The first line of a file.
pub(super) fn password_of(file: &Path) -> Result<Password, String> {
    use std::io::Read;
    let mut text = String::new();
    let limit = PASSWORD_FILE_MAX as u64;
    std::fs::File::open(file)
        .and_then(|file| file.take(limit).read_to_string(&mut text))
        .map_err(|error| format!("the file with the password cannot be read: {error}"))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err("the file with the password is empty".to_owned());
    }
    Ok(Password::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_administrator_is_sent_to_where_the_server_answers() {
        let address = "192.0.2.1:8443".parse().unwrap();
        let public = Url::parse("https://tv.example/sub/").unwrap();
        for (public, scheme, at) in [
            (None, "http", "http://192.0.2.1:8443"),
            (None, "https", "https://192.0.2.1:8443"),
            (Some(&public), "http", "https://tv.example/sub"),
        ] {
            assert_eq!(reached_at(public, scheme, address), at);
        }
    }
}
