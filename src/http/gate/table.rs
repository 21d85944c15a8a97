//! What each route wants of who asks. A route that is not here is closed.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;

use crate::auth::{Permission, Place};

use Permission::{Admin, Metrics, Operate, Own, Play, Public, Read};

type Methods = &'static [(&'static str, Permission)];

const GET: &str = "GET";
const POST: &str = "POST";
const PUT: &str = "PUT";
const PATCH: &str = "PATCH";
const DELETE: &str = "DELETE";

/// What leads to providers or to people, and what may change it.
const RECORD: Methods = &[
    (GET, Operate),
    (PUT, Operate),
    (PATCH, Operate),
    (DELETE, Operate),
];
const RECORDS: Methods = &[(GET, Operate), (POST, Operate)];
/// What all may see, and operators change.
const OPEN_RECORD: Methods = &[
    (GET, Read),
    (PUT, Operate),
    (PATCH, Operate),
    (DELETE, Operate),
];
const OPEN_RECORDS: Methods = &[(GET, Read), (POST, Operate)];

/// Every route there is, by its template.
const ROUTES: &[(&str, Methods)] = &[
    // The page. It holds nothing that is not in the program of everybody; what it shows, it asks for as who looks at it.
    ("/", &[(GET, Public)]),
    ("/ui", &[(GET, Public)]),
    ("/ui/", &[(GET, Public)]),
    ("/ui/{*path}", &[(GET, Public)]),
    ("/assets/{*path}", &[(GET, Public)]),
    ("/icon.svg", &[(GET, Public)]),
    ("/live", &[(GET, Public)]),
    ("/livez", &[(GET, Public)]),
    ("/ready", &[(GET, Public)]),
    ("/readyz", &[(GET, Public)]),
    ("/health", &[(GET, Metrics)]),
    ("/metrics", &[(GET, Metrics)]),
    ("/api/openapi.json", &[(GET, Own)]),
    // Who is let in.
    ("/api/v1/login", &[(POST, Public)]),
    ("/api/v1/bootstrap", &[(POST, Public)]),
    ("/api/v1/logout", &[(POST, Own)]),
    ("/api/v1/me", &[(GET, Own)]),
    ("/api/v1/me/password", &[(POST, Own)]),
    ("/api/v1/users", &[(GET, Admin), (POST, Admin)]),
    (
        "/api/v1/users/{name}",
        &[(GET, Admin), (PATCH, Admin), (DELETE, Admin)],
    ),
    ("/api/v1/tokens", &[(GET, Admin), (POST, Admin)]),
    ("/api/v1/tokens/{tokenId}", &[(DELETE, Admin)]),
    ("/api/v1/keys", &[(GET, Admin)]),
    ("/api/v1/keys/rotate", &[(POST, Admin)]),
    ("/api/v1/audit", &[(GET, Admin)]),
    // Media. What the playlist shows of sources is looked at there.
    ("/playlist.m3u", &[(GET, Play)]),
    ("/streams/preview/{id}", &[(GET, Play)]),
    ("/streams/preview/{id}/index.m3u8", &[(GET, Play)]),
    (
        "/streams/preview/{id}/{rendition}/index.m3u8",
        &[(GET, Play)],
    ),
    (
        "/streams/preview/{id}/{rendition}/{segment}",
        &[(GET, Play)],
    ),
    ("/api/v1/playlist-url", &[(POST, Play)]),
    ("/api/v1/streams/{id}/playback-url", &[(POST, Play)]),
    // Streams. Who may only read is not shown where they come from.
    ("/api/v1/streams", OPEN_RECORDS),
    ("/api/v1/streams/{id}", OPEN_RECORD),
    ("/api/v1/streams/{id}/events", &[(GET, Read)]),
    ("/api/v1/streams/{id}/history", &[(GET, Read)]),
    ("/api/v1/streams/{id}/thumbnail.jpg", &[(GET, Read)]),
    ("/api/v1/streams/{id}/pictures", &[(GET, Read)]),
    ("/api/v1/streams/{id}/pictures/{picture}", &[(GET, Read)]),
    ("/api/v1/streams/{id}/restore", &[(POST, Operate)]),
    ("/api/v1/streams/{id}/failover", &[(POST, Operate)]),
    ("/api/v1/streams/{id}/validate", &[(POST, Operate)]),
    ("/api/v1/streams/validate", &[(POST, Operate)]),
    ("/api/v1/streams/import", &[(POST, Operate)]),
    ("/api/v1/validations", RECORDS),
    (
        "/api/v1/validations/{validationId}",
        &[(GET, Operate), (DELETE, Operate)],
    ),
    ("/api/v1/accounts", RECORDS),
    ("/api/v1/accounts/{id}", RECORD),
    // How things are.
    ("/api/streams/transcoding/status", &[(GET, Read)]),
    ("/api/v1/pipelines", &[(GET, Read)]),
    // Of others only for who may operate.
    ("/api/v1/sessions/{sessionId}", &[(DELETE, Play)]),
    ("/api/v1/monitor", &[(GET, Read)]),
    ("/api/v1/reports/availability", &[(GET, Read)]),
    ("/api/v1/reports/bitrates", &[(GET, Read)]),
    ("/api/v1/events/stream", &[(GET, Read)]),
    ("/api/v1/ws", &[(GET, Read)]),
    ("/api/v1/info/health", &[(GET, Read)]),
    ("/api/v1/info/monitoring", &[(GET, Read)]),
    ("/api/v1/info/profiles", &[(GET, Read)]),
    ("/api/v1/info/events", &[(GET, Read)]),
    ("/api/v1/info/logs", &[(GET, Operate)]),
    (
        "/api/v1/info/log-level",
        &[(GET, Operate), (PUT, Operate), (DELETE, Operate)],
    ),
    // Alerts. Receivers are addresses of people and of their systems.
    ("/api/v1/alerts/active", &[(GET, Read)]),
    (
        "/api/v1/alerts/active/{stream}/{condition}/acknowledgement",
        &[(PUT, Operate), (DELETE, Operate)],
    ),
    ("/api/v1/alerts/rules", OPEN_RECORDS),
    ("/api/v1/alerts/rules/{id}", OPEN_RECORD),
    ("/api/v1/alerts/maintenance", OPEN_RECORDS),
    ("/api/v1/alerts/maintenance/{id}", OPEN_RECORD),
    ("/api/v1/alerts/receivers", RECORDS),
    ("/api/v1/alerts/receivers/{id}", RECORD),
    ("/api/v1/alerts/outbox", &[(GET, Operate)]),
    ("/api/v1/alerts/outbox/retry", &[(POST, Operate)]),
    (
        "/api/v1/alerts/outbox/{id}",
        &[(GET, Operate), (DELETE, Operate)],
    ),
    ("/api/v1/alerts/outbox/{id}/retry", &[(POST, Operate)]),
    ("/api/v1/alerts/sent", &[(GET, Operate)]),
    ("/api/v1/alerts/test", &[(POST, Operate)]),
];

static TABLE: LazyLock<HashMap<&str, Methods>> = LazyLock::new(|| ROUTES.iter().copied().collect());

/// What the table says of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It wants this.
    Wants(Permission),
    /// The route is there, and takes other methods.
    OtherMethod,
    /// Nobody has said what it wants.
    Missing,
}

/// What a route wants, by its template.
pub(super) fn entry(template: &str, method: &Method) -> Entry {
    let Some(methods) = TABLE.get(template) else {
        return Entry::Missing;
    };
    let method = match method.as_str() {
        "HEAD" => GET,
        method => method,
    };
    let found = methods.iter().find(|(name, _)| *name == method);
    found.map_or(Entry::OtherMethod, |(_, wanted)| Entry::Wants(*wanted))
}

/// Where a URL may be signed for, by its template.
pub(super) fn place(template: &str) -> Option<Place> {
    match template {
        "/playlist.m3u" => Some(Place::Playlist),
        "/streams/preview/{id}" => Some(Place::Preview),
        "/streams/preview/{id}/index.m3u8" => Some(Place::Index),
        "/streams/preview/{id}/{rendition}/index.m3u8"
        | "/streams/preview/{id}/{rendition}/{segment}" => Some(Place::Output),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_closed() {
        let of = |path, method: &str| entry(path, &method.parse().expect("a method"));
        assert_eq!(TABLE.len(), ROUTES.len(), "each route once");
        assert_eq!(of("/api/v1/streams", "GET"), Entry::Wants(Read));
        assert_eq!(of("/api/v1/streams", "HEAD"), Entry::Wants(Read));
        assert_eq!(of("/api/v1/streams", "POST"), Entry::Wants(Operate));
        assert_eq!(of("/api/v1/streams", "DELETE"), Entry::OtherMethod);
        assert_eq!(of("/api/v1/streams", "X-GET"), Entry::OtherMethod);
        assert_eq!(of("/api/v1/streams/", "GET"), Entry::Missing);
        assert_eq!(of("/api/v1/new", "GET"), Entry::Missing);
    }

    /// Nothing that may be played by a signed URL wants more than that.
    #[test]
    fn signed_urls_are_for_media_alone() {
        for (path, methods) in ROUTES {
            if place(path).is_some() {
                assert_eq!(*methods, [(GET, Play)], "{path}");
            }
            let changes = methods.iter().filter(|(method, _)| *method != GET);
            for (method, wanted) in changes {
                let harmless = [
                    "/api/v1/login",
                    "/api/v1/bootstrap",
                    "/api/v1/logout",
                    "/api/v1/me/password",
                    "/api/v1/playlist-url",
                    "/api/v1/streams/{id}/playback-url",
                    "/api/v1/sessions/{sessionId}",
                ];
                let guarded = *wanted >= Operate || harmless.contains(path);
                assert!(guarded, "{method} {path} wants only {wanted:?}");
            }
        }
    }
}
