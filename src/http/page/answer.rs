//! A file as an answer: compressed for who takes that, and not sent to who has it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::http::negotiation::{items, takes_gzip};

/// What the page may load, and from where: from here, and nothing that was written into a document. Pictures and media may be
/// made by the page itself, which is how players in browsers work.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
     connect-src 'self'; worker-src 'self' blob:; font-src 'self'; base-uri 'self'; form-action 'self'; \
     frame-ancestors 'none'; manifest-src 'self'",
);
/// For what is asked for again each time, which costs a 304.
pub(super) const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");
/// For what never changes under its name.
pub(super) const IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Its media type.
    pub(super) kind: &'static str,
    /// Names its bytes.
    pub(super) tag: String,
    /// How long it may be kept.
    pub(super) keep: HeaderValue,
    /// As it is.
    pub(super) plain: Bytes,
    /// By gzip, where that is smaller.
    pub(super) gzip: Option<Bytes>,
}

impl Content {
    /// The answer to a request with these fields.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let gzip = self.gzip.as_ref().filter(|_| takes_gzip(headers));
        // Of a strong tag there is one for each form (RFC 9110, 8.8.3.3).
        let tag = match gzip {
            Some(_) => format!("\"{}-gz\"", self.tag),
            None => format!("\"{}\"", self.tag),
        };
        let mut response = if has(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let kind = HeaderValue::from_static(self.kind);
            let body = gzip.unwrap_or(&self.plain).clone();
            let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
            if gzip.is_some() {
                let encoding = HeaderValue::from_static("gzip");
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, encoding);
            }
            response
        };
        let head = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(tag) {
            head.insert(header::ETAG, tag);
        }
        head.insert(header::CACHE_CONTROL, self.keep.clone());
        head.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        if self.gzip.is_some() {
            vary(head, header::ACCEPT_ENCODING);
        }
        response
    }
}

/// Tells that the answer depends on this field of the request, too.
pub(super) fn vary(headers: &mut HeaderMap, field: HeaderName) {
    headers.append(header::VARY, field.into());
}

/// Whether who asks has what is called so (`If-None-Match`).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    items(headers, header::IF_NONE_MATCH)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    fn content() -> Content {
        Content {
            kind: "text/css; charset=utf-8",
            tag: "abc".to_owned(),
            keep: IMMUTABLE,
            plain: Bytes::from_static(b"plain"),
            gzip: Some(Bytes::from_static(b"gz")),
        }
    }

    #[test]
    fn gzip_is_for_who_takes_it() {
        for (accepted, encoding) in [
            ("gzip, deflate, br", Some("gzip")),
            ("br;q=1, GZIP;q=0.5", Some("gzip")),
            ("*", Some("gzip")),
            ("gzip;q=0, *", None),
            ("identity", None),
        ] {
            let response = content().answer(&headers(&[(header::ACCEPT_ENCODING, accepted)]));
            let told = response.headers().get(header::CONTENT_ENCODING);
            assert_eq!(told.map(|it| it.to_str().expect("text")), encoding);
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            assert_eq!(response.headers()[header::CACHE_CONTROL], IMMUTABLE);
        }
    }

    #[test]
    fn who_has_it_is_told_so() {
        let gzip = (header::ACCEPT_ENCODING, "gzip");
        for (tag, fields, same) in [
            ("\"abc\"", vec![], true),
            ("W/\"abc\", \"x\"", vec![], true),
            ("\"abc-gz\"", vec![], false),
            ("\"x\", \"abc-gz\"", vec![gzip.clone()], true),
            ("\"abc\"", vec![gzip], false),
        ] {
            let fields = [fields, vec![(header::IF_NONE_MATCH, tag)]].concat();
            let response = content().answer(&headers(&fields));
            let told = response.status() == StatusCode::NOT_MODIFIED;
            assert_eq!(told, same, "{fields:?}");
            assert!(response.headers().contains_key(header::ETAG));
        }
    }
}
