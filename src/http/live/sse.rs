//! `GET /api/v1/events/stream`: live updates as server-sent events.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State as Extract};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::follow::{End, Outlet, follow};
use super::{LiveParams, PIECE, Wish};
use crate::actors::live::{Seat, Transport};
use crate::auth::Permission;
use crate::http::AppState;
use crate::http::client::Client;
use crate::http::gate::{Access, Pass};
use crate::http::negotiation::takes_gzip;
use crate::http::problem::Problem;
use crate::live::{Block, Document, Gzip, Message};

/// Pieces that may be under way to hyper, beside those that it holds itself.
const AHEAD: usize = 2;
/// What a stream begins with: a client that loses it comes back after two seconds.
const OPENING: &[u8] = b"retry: 2000\n\n";

/// Live updates as server-sent events.
///
/// First everything, then only what has changed, at most once a second, each as one event whose `data` is a document and
/// whose `id` is where one is. A client that comes back tells it (`Last-Event-ID`, as browsers do, or `since`) and gets
/// what it has missed. Compressed with gzip for clients that take it. Each 15 s without an event there is a comment.
#[utoipa::path(get, path = "/api/v1/events/stream", tag = "live",
    params(LiveParams,
        ("Last-Event-ID" = Option<String>, Header, description = "As `since`, and stronger")),
    responses((status = 200, content_type = "text/event-stream", body = Document),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 503, body = Problem)))]
pub(in crate::http) async fn events(
    Extract(app): Extract<Arc<AppState>>,
    access: Access,
    client: Client,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    app.door.refuse_foreign(&client, &headers)?;
    let wish = Wish::parse(query.as_deref().unwrap_or_default())?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let since = last.filter(|id| !id.is_empty()).or(wish.since.as_deref());
    let seat = app.live.follow(Transport::Sse, wish.filter, since)?;
    let gzip = takes_gzip(&headers);
    let (pieces, receiver) = mpsc::channel(AHEAD);
    let stopping = app.stopping.clone();
    let mut pass = Pass::new(&app, access, Permission::Read);
    app.live.spawn(async move {
        let mut seat = seat;
        let mut events = Events {
            pieces,
            gzip: gzip.then(Gzip::new),
        };
        if events.open(&seat).await.is_ok() {
            let end = follow(&mut seat, &mut events, &stopping, &mut pass).await;
            events.close(&seat, end);
        }
    });
    let body = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Bytes>| {
        let piece = receiver.recv().await?;
        Some((Ok::<_, Infallible>(piece), receiver))
    });
    let mut response = Body::from_stream(body).into_response();
    let head = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept-encoding"),
        // nginx would hold events back until its buffer is full.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        head.insert(name, HeaderValue::from_static(value));
    }
    if gzip {
        head.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// The way to a client through the body of its answer.
struct Events {
    pieces: mpsc::Sender<Bytes>,
    gzip: Option<Gzip>,
}

impl Events {
    async fn open(&mut self, seat: &Seat) -> io::Result<()> {
        if self.gzip.is_some() {
            self.hand_over(Bytes::from_static(Gzip::HEAD), seat).await?;
        }
        self.say(Bytes::from_static(OPENING), seat).await
    }

    /// Ends the body as it should end, if there is somebody who reads it.
    fn close(self, seat: &Seat, end: End) {
        if let (Some(gzip), End::Stopping) = (&self.gzip, end) {
            let tail = gzip.tail();
            seat.sent(tail.len());
            let _ = self.pieces.try_send(tail);
        }
    }

    /// Hands over a text that is for this client alone.
    async fn say(&mut self, text: Bytes, seat: &Seat) -> io::Result<()> {
        let bytes = match &mut self.gzip {
            Some(gzip) => gzip.add(&Block::new(&text)?),
            None => text,
        };
        self.hand_over(bytes, seat).await
    }

    async fn hand_over(&self, bytes: Bytes, seat: &Seat) -> io::Result<()> {
        let whole = bytes.len() <= PIECE;
        for piece in bytes.chunks(PIECE) {
            // A slow client must not keep all of a large message, which may be an old one, for a piece of it.
            let piece = if whole {
                bytes.clone()
            } else {
                Bytes::copy_from_slice(piece)
            };
            let length = piece.len();
            let sent = self.pieces.send(piece).await;
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            seat.sent(length);
        }
        Ok(())
    }
}

impl Outlet for Events {
    async fn send(&mut self, message: &Arc<Message>, seat: &Seat) -> io::Result<()> {
        let bytes = match &mut self.gzip {
            None => {
                let event = |message: &Message| Ok(message.event());
                seat.live().make(message, event).await?
            }
            Some(gzip) => {
                let deflate = |message: &Message| message.event_deflated().map(drop);
                seat.live().make(message, deflate).await?;
                gzip.add(message.event_deflated()?)
            }
        };
        self.hand_over(bytes, seat).await
    }

    /// A comment; and where the client is, though nothing that it wants to hear of has changed on the way there.
    async fn beat(&mut self, seat: &Seat) -> io::Result<()> {
        let text = match seat.id() {
            Some(id) => format!(":\nid: {id}\n\n"),
            None => ":\n\n".to_owned(),
        };
        self.say(text.into(), seat).await
    }

    async fn gone(&mut self) {
        self.pieces.closed().await;
    }
}
