//! What each answer tells browsers not to do with it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::AppState;
use super::client::Client;
use super::door::Door;
use super::origin::is_open;

/// What is no page loads nothing, so nothing may be loaded by what is shown as one. Our own page has a policy of its own.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);
/// Powers that no answer of this server needs.
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()");

/// Adds the security headers, and HSTS for those who came by https.
pub(super) async fn secure(
    State(app): State<Arc<AppState>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    let open = is_open(request.uri());
    let mut response = next.run(request).await;
    app.door.secure(open, client.https, response.headers_mut());
    response
}

impl Door {
    fn secure(&self, open: bool, https: bool, headers: &mut HeaderMap) {
        let text = HeaderValue::from_static;
        let resource_policy = if open { "cross-origin" } else { "same-origin" };
        for (name, value) in [
            (header::X_CONTENT_TYPE_OPTIONS, text("nosniff")),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            // For browsers that do not know frame-ancestors.
            (header::X_FRAME_OPTIONS, text("DENY")),
            // URLs may hold signatures.
            (header::REFERRER_POLICY, text("no-referrer")),
            (HeaderName::from_static("permissions-policy"), PERMISSIONS),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                text(resource_policy),
            ),
        ] {
            headers.entry(name).or_insert(value);
        }
        if !open {
            // What is told to one must not be kept for another.
            headers
                .entry(header::CACHE_CONTROL)
                .or_insert(text("no-store"));
        }
        if let Some(hsts) = self.hsts.as_ref().filter(|_| https) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_them_and_handlers_may_say_otherwise() {
        let door = Door {
            hsts: Some(HeaderValue::from_static("max-age=5")),
            ..Door::testing()
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        door.secure(false, false, &mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "public");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        let mut headers = HeaderMap::new();
        door.secure(true, true, &mut headers);
        assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], "max-age=5");
        assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
        assert!(!headers.contains_key(header::CACHE_CONTROL));
    }
}
