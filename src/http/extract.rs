//! Extractors that answer with problem details.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::actors::catalog::Expect;
use crate::stream::StreamId;

/// The variable segments of the path.
#[derive(Clone, Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What is no text names nothing.
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Self(segments))
            .map_err(|_| Problem::not_found("there is nothing at this path"))
    }
}

/// The stream id in the path.
#[derive(Clone, Debug)]
pub(super) struct StreamPath(pub StreamId);

impl<S: Send + Sync> FromRequestParts<S> for StreamPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segments(text) = Segments::<String>::from_request_parts(parts, state).await?;
        parse_id(&text).map(Self)
    }
}

/// A stream id of a path: what cannot be one is a stream that is not there.
pub(super) fn parse_id(text: &str) -> Result<StreamId, Problem> {
    StreamId::parse(text).map_err(|_| Problem::not_found("there is no such stream"))
}

/// Query parameters.
#[derive(Debug)]
pub(super) struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|e| Problem::bad_request(e.body_text()))
    }
}

impl<T: DeserializeOwned> Params<T> {
    /// Those of a URI.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(uri);
        query
            .map(|Query(value)| Self(value))
            .map_err(|e| Problem::bad_request(e.body_text()))
    }
}

/// A JSON body, whatever the content type says.
#[derive(Debug)]
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = read_body(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|e| {
            let text = format!("the body is not the JSON that is wanted here: {e}");
            Problem::bad_request(text)
        })
    }
}

/// The whole body, within the limit of its route.
pub(super) async fn read_body<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|e| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::body_too_large(None)
        } else {
            Problem::bad_request("the body could not be read to its end")
        }
    })
}

/// What `If-Match` demands (RFC 9110 section 13.1.1).
///
/// # Errors
/// 400 for what is no entity tag.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Expect, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(Expect::Any);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Expect::Any);
    }
    let mut strong = Vec::new();
    for tag in text.split(',').map(str::trim) {
        // A weak tag never matches here (RFC 9110, 8.8.3.2).
        let (weak, opaque) = match tag.strip_prefix("W/") {
            Some(opaque) => (true, opaque),
            None => (false, tag),
        };
        let inner = opaque.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        if inner.is_none_or(|inner| inner.contains('"')) {
            let text = "If-Match takes entity tags as earlier answers gave them, or *";
            return Err(Problem::bad_request(text));
        }
        if !weak {
            strong.push(tag.to_owned());
        }
    }
    Ok(Expect::Tag(strong))
}
