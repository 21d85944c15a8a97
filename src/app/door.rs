//! The listening socket, TLS, and what is asked at the door.

use std::net::{SocketAddr, TcpListener};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{AppError, blocking};
use crate::config::Config;
use crate::http::{Certificates, Door, HttpSettings, Limits, Server};
use crate::supervise::Supervisor;

/// Takes the socket that was passed or binds the address, with the certificate if there is one: also the address that was bound.
pub(super) async fn listen(
    config: &Config,
    passed: Option<TcpListener>,
) -> Result<(Server, SocketAddr, Option<Certificates>), AppError> {
    let (http, door) = (&config.http, &config.door);
    let mut uncounted = door.unlimited_clients.clone();
    uncounted.extend(&door.trusted_proxies);
    let limits = Limits {
        max_connections: http.max_connections,
        max_connections_per_client: door.max_connections_per_client,
        uncounted,
        header_timeout: http.header_timeout,
        write_timeout: http.write_timeout,
        http2_idle_timeout: door.http2_idle_timeout,
    };
    let certificates = match (config.tls.certificate.clone(), config.tls.key.clone()) {
        (Some(certificate), Some(key)) => {
            Some(blocking(move || Certificates::load(certificate, key)).await?)
        }
        _ => None,
    };
    let listening = match passed {
        Some(listener) => Server::adopt(listener, limits, certificates.clone()),
        None => Server::bind(config.listen, limits, certificates.clone()).await,
    };
    let server = listening.map_err(|source| AppError::Listen {
        address: config.listen,
        source,
    })?;
    let address = server.address().unwrap_or(config.listen);
    Ok((server, address, certificates))
}

/// What is asked of each request that comes to `address`.
pub(super) fn door(config: &Config, address: SocketAddr) -> Door {
    let loopback = address.ip().to_canonical().is_loopback();
    Door::new(
        &config.door,
        config.http.playlist_base_url.as_ref(),
        loopback,
    )
}

/// How requests are answered that come to `address`.
pub(super) fn settings(config: &Config, address: SocketAddr) -> HttpSettings {
    HttpSettings {
        preview_timeout: config.transcode.timeout,
        environment: config.environment.clone(),
        public_url: config.http.playlist_base_url.clone(),
        address,
        max_import_bytes: config.http.max_body_bytes,
        max_json_bytes: config.http.max_json_bytes,
        body_timeout: config.http.body_timeout,
    }
}

/// Reads the certificate again on SIGHUP, and when its files change. SIGHUP never ends the process.
pub(super) async fn reload(
    certificates: Option<Certificates>,
    supervisor: Supervisor,
    stop: CancellationToken,
) {
    let mut hang_up = match signal(SignalKind::hangup()) {
        Ok(hang_up) => hang_up,
        Err(error) => {
            tracing::error!(%error, "cannot watch for SIGHUP");
            return;
        }
    };
    let mut looks = tokio::time::interval(Certificates::LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            asked = hang_up.recv() => asked.is_some(),
            _ = looks.tick(), if certificates.is_some() => false,
        };
        // The service manager may wait for it.
        let _reloading = asked.then(|| supervisor.reloading());
        let Some(certificates) = certificates.clone() else {
            tracing::info!("SIGHUP: there is no certificate to read again");
            continue;
        };
        let read = tokio::task::spawn_blocking(move || {
            (asked || certificates.changed()).then(|| certificates.reload())
        });
        match read.await {
            Ok(None) => {}
            Ok(Some(Ok(()))) => tracing::info!(asked, "the certificate was read again"),
            Ok(Some(Err(error))) => {
                tracing::error!(%error, "the certificate is not replaced: the old one goes on");
            }
            Err(error) => tracing::error!(%error, "the certificate was not read"),
        }
    }
}
