//! The answers an origin can give.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};
use hyper::Response;

/// A whole body, or one that is poured as time passes.
pub type Body = Either<Full<Bytes>, Channel<Bytes, io::Error>>;
/// An answer.
pub type Reply = Response<Body>;
/// An answer to come; one that never comes is a stalled request.
pub type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;
/// The end into which a body is poured.
pub type Pour = Sender<Bytes, io::Error>;

/// A whole answer.
pub fn plain(status: u16, kind: &str, body: impl Into<Bytes>) -> Reply {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(Either::Left(Full::new(body.into())))
        .expect("a legal response")
}

/// An answer whose body comes chunk by chunk. The channel is short, so that back pressure is
/// felt by whoever pours.
pub fn poured(kind: &str) -> (Pour, Reply) {
    let (pour, body) = Channel::new(2);
    let reply = Response::builder()
        .header("content-type", kind)
        .body(Either::Right(body))
        .expect("a legal response");
    (pour, reply)
}

/// A temporary redirect.
pub fn redirect(target: &str) -> Reply {
    let mut reply = plain(302, "text/plain", "elsewhere");
    let target = target.parse().expect("a target fit for a header");
    reply.headers_mut().insert("location", target);
    reply
}

/// The part of `body` that a `Range: bytes=A-B` header asks for (RFC 9110, 14.1.2); all of it
/// without one.
pub fn ranged(kind: &str, body: &Bytes, range: Option<&str>) -> Reply {
    let Some(range) = range else {
        return plain(200, kind, body.clone());
    };
    let bounds = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let parsed = bounds.and_then(|(from, to)| {
        let from: usize = from.parse().ok()?;
        let to: usize = if to.is_empty() {
            body.len() - 1
        } else {
            to.parse().ok()?
        };
        (from <= to && from < body.len()).then(|| (from, to.min(body.len() - 1)))
    });
    let Some((from, to)) = parsed else {
        return plain(416, "text/plain", "no such range");
    };
    let mut reply = plain(206, kind, body.slice(from..=to));
    let content = format!("bytes {from}-{to}/{}", body.len());
    let content = content.parse().expect("a legal header");
    reply.headers_mut().insert("content-range", content);
    reply
}

/// For the service's signature: an origin answers everything.
pub type Served = Result<Reply, Infallible>;
