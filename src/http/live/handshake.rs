//! The opening handshake of WebSocket (RFC 6455, section 4.2).

use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::extension;
use crate::http::problem::Problem;

/// What was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    accept: HeaderValue,
    extension: Option<&'static str>,
}

impl Agreed {
    /// What a request asks for, if it is one for a WebSocket.
    pub(super) fn read<B>(request: &Request<B>) -> Result<Self, Response> {
        let headers = request.headers();
        if request.version() != Version::HTTP_11 {
            return Err(not_one("WebSocket needs HTTP/1.1 here"));
        }
        let upgrade = says(headers, &header::CONNECTION, "upgrade")
            && says(headers, &header::UPGRADE, "websocket");
        if !upgrade {
            return Err(not_one(
                "this is for WebSocket: Connection: Upgrade, Upgrade: websocket",
            ));
        }
        if !says(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(not_one("of WebSocket there is version 13"));
        }
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .map(HeaderValue::as_bytes);
        // 16 bytes in base64, whatever they are.
        let key = key.filter(|key| key.len() == 24 && key.ends_with(b"=="));
        let accept = key.map(derive_accept_key).unwrap_or_default();
        match HeaderValue::try_from(accept) {
            Ok(accept) if !accept.is_empty() => Ok(Self {
                accept,
                extension: extension::accept(headers),
            }),
            _ => Err(Problem::bad_request("there is no good Sec-WebSocket-Key").into_response()),
        }
    }

    /// Whether messages are deflated.
    pub(super) fn deflates(&self) -> bool {
        self.extension.is_some()
    }

    /// The answer.
    pub(super) fn into_response(self) -> Response {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let head = response.headers_mut();
        head.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        head.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        head.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(extension) = self.extension {
            let extension = HeaderValue::from_static(extension);
            head.insert(header::SEC_WEBSOCKET_EXTENSIONS, extension);
        }
        response
    }
}

/// 426 (RFC 9110, 15.5.22), with what would be right.
fn not_one(text: &str) -> Response {
    let title = "This is for WebSocket";
    let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, "not_a_websocket", title, text);
    let mut response = problem.into_response();
    let head = response.headers_mut();
    head.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    head.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    head.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    response
}

/// Whether a header that is a list has this word.
fn says(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    let all = headers.get_all(name).iter();
    let words = all
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','));
    words
        .map(str::trim)
        .any(|one| one.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: &str, key: &str) -> Request<()> {
        Request::builder()
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", version)
            .header("sec-websocket-key", key)
            .body(())
            .expect("a request")
    }

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        // The example of RFC 6455, section 1.3.
        let agreed = Agreed::read(&request("13", "dGhlIHNhbXBsZSBub25jZQ==")).expect("good");
        let response = agreed.into_response();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let accept = &response.headers()[header::SEC_WEBSOCKET_ACCEPT];
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let status = |request: &Request<()>| Agreed::read(request).expect_err("bad").status();
        assert_eq!(status(&Request::new(())), StatusCode::UPGRADE_REQUIRED);
        let old = request("8", "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(status(&old), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(status(&request("13", "short")), StatusCode::BAD_REQUEST);
        let mut two = request("13", "dGhlIHNhbXBsZSBub25jZQ==");
        *two.version_mut() = Version::HTTP_2;
        assert_eq!(status(&two), StatusCode::UPGRADE_REQUIRED);
    }
}
