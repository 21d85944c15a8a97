//! Which pages of other sites may read the answers (the CORS protocol of WHATWG Fetch).
//!
//! Media and the list of it are for each page unless the operator says otherwise, since players send no credentials of
//! ours; all else only for the origins that the operator names. Credentials of the browser are never allowed: such a page
//! sends a token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::door::Door;
use super::origin::is_open;
use crate::config::MediaOrigins;

/// How long a browser remembers the answer to a preflight, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// Answers preflights, and tells browsers who may read.
pub(super) async fn cors(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let open = is_open(request.uri());
    let allowed = app.door.allows(open, request.headers());
    let preflight = *request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &allowed {
        Allowed::No { .. } => next.run(request).await,
        _ if preflight => preflighted(open),
        _ => next.run(request).await,
    };
    allowed.tell(response.headers_mut());
    response
}

/// What a browser is told about an origin.
#[derive(Debug, PartialEq, Eq)]
enum Allowed {
    Each,
    This(HeaderValue),
    No { varies: bool },
}

impl Door {
    fn allows(&self, open: bool, headers: &HeaderMap) -> Allowed {
        let origins = match &self.media_origins {
            MediaOrigins::Any if open => return Allowed::Each,
            MediaOrigins::These(origins) if open => origins,
            _ => &self.api_origins,
        };
        let origin = headers.get(header::ORIGIN);
        let known = origin.filter(|origin| {
            let all = || self.api_origins.iter().chain(origins);
            all().any(|it| it.as_bytes() == origin.as_bytes())
        });
        match known {
            Some(origin) => Allowed::This(origin.clone()),
            None => Allowed::No {
                varies: !origins.is_empty(),
            },
        }
    }
}

impl Allowed {
    fn tell(self, headers: &mut HeaderMap) {
        let origin = match self {
            Self::Each => HeaderValue::from_static("*"),
            Self::This(origin) => {
                headers.append(header::VARY, HeaderValue::from_static("origin"));
                origin
            }
            Self::No { varies } => {
                if varies {
                    headers.append(header::VARY, HeaderValue::from_static("origin"));
                }
                return;
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let any = HeaderValue::from_static("*");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, any);
    }
}

fn preflighted(open: bool) -> Response {
    let methods = if open {
        "GET, HEAD"
    } else {
        "GET, HEAD, POST, PUT, PATCH, DELETE"
    };
    // The star does not cover Authorization (WHATWG Fetch, 4.9).
    let fields = "authorization, content-type, if-match, last-event-id, *";
    let head = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(methods),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(fields),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, head).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(door: &Door, open: bool, origin: &'static str) -> (Option<String>, bool) {
        let mut request = HeaderMap::new();
        request.insert(header::ORIGIN, HeaderValue::from_static(origin));
        let mut answer = HeaderMap::new();
        door.allows(open, &request).tell(&mut answer);
        let value = answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        let value = value.map(|it| it.to_str().expect("text").to_owned());
        (value, answer.contains_key(header::VARY))
    }

    #[test]
    fn media_is_open_and_the_api_closed() {
        let door = Door::testing();
        assert_eq!(
            told(&door, true, "https://a"),
            (Some("*".to_owned()), false)
        );
        assert_eq!(told(&door, false, "https://a"), (None, false));
    }

    #[test]
    fn origins_that_are_named() {
        let door = Door {
            api_origins: vec!["https://api".to_owned()],
            media_origins: MediaOrigins::These(vec!["https://tv".to_owned()]),
            ..Door::testing()
        };
        let (api, tv) = (
            Some("https://api".to_owned()),
            Some("https://tv".to_owned()),
        );
        assert_eq!(told(&door, false, "https://api"), (api.clone(), true));
        assert_eq!(told(&door, true, "https://tv"), (tv, true));
        // Who may call the API may show what it finds there.
        assert_eq!(told(&door, true, "https://api"), (api, true));
        assert_eq!(told(&door, false, "https://tv"), (None, true));
        assert_eq!(told(&door, true, "https://evil"), (None, true));
        assert_eq!(told(&door, true, "null"), (None, true));
    }
}
