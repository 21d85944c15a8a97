//! The path below which a reverse proxy shows this server.
//!
//! Some proxies take it off before they pass a request on, some do not; both work. Inside there is no such path: it is taken
//! off before routing, and put in front of `Location` on the way out. All URLs in playlists are relative.

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;

/// Shows a router below `base` (which begins with a slash and does not end in one), as well as without it.
pub(super) fn below(base: &str, router: Router) -> Router {
    if base.is_empty() {
        return router;
    }
    let (base, prefix) = (base.to_owned(), base.to_owned());
    let strip = MapRequestLayer::new(move |mut request: Request| {
        if let Some(uri) = inside(request.uri(), &base) {
            *request.uri_mut() = uri;
        }
        request
    });
    let locate = middleware::from_fn(move |request: Request, next: Next| {
        let prefix = prefix.clone();
        async move { located(next.run(request).await, &prefix) }
    });
    let shown = ServiceBuilder::new()
        .layer(strip)
        .layer(locate)
        .service(router);
    Router::new().fallback_service(shown)
}

/// The path inside, if this one is below the base.
fn inside(uri: &Uri, base: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let path: PathAndQuery = match rest.chars().next() {
        Some('/') => rest.parse().ok()?,
        None => PathAndQuery::from_static("/"),
        Some('?') => format!("/{rest}").parse().ok()?,
        // Another path that begins the same.
        Some(_) => return None,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}

/// An absolute path of ours, as it is outside.
fn located(mut response: Response, base: &str) -> Response {
    let location = response.headers().get(header::LOCATION);
    let ours = location
        .and_then(|it| it.to_str().ok())
        .filter(|it| it.starts_with('/') && !it.starts_with("//"));
    let outside = ours.and_then(|it| HeaderValue::try_from(format!("{base}{it}")).ok());
    if let Some(outside) = outside {
        response.headers_mut().insert(header::LOCATION, outside);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[test]
    fn what_is_below() {
        for (uri, path) in [
            ("/tv/api?x=/tv", Some("/api?x=/tv")),
            ("/tv", Some("/")),
            ("/tv/", Some("/")),
            ("/tv?a", Some("/?a")),
            ("/tv//x", Some("//x")),
            ("/tvs/x", None),
            ("/x/tv", None),
            ("http://h:1/tv/x", Some("http://h:1/x")),
        ] {
            let inside = inside(&Uri::from_static(uri), "/tv").map(|it| it.to_string());
            assert_eq!(inside.as_deref(), path, "{uri}");
        }
    }

    #[test]
    fn locations_are_as_they_are_outside() {
        for (inside, outside) in [
            ("/api/v1/streams/a", "/tv/api/v1/streams/a"),
            ("index.m3u8?session=1", "index.m3u8?session=1"),
            ("https://h/x", "https://h/x"),
            ("//h/x", "//h/x"),
        ] {
            let response = ([(header::LOCATION, inside)], "").into_response();
            assert_eq!(
                located(response, "/tv").headers()[header::LOCATION],
                outside
            );
        }
    }
}
