//! `GET /api/v1/ws`: live updates over WebSocket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error};

use super::follow::{End, Outlet, follow};
use super::handshake::Agreed;
use super::{LiveParams, PIECE, Wish};
use crate::actors::live::{Seat, Transport};
use crate::auth::Permission;
use crate::http::AppState;
use crate::http::client::Client;
use crate::http::gate::{Access, Pass};
use crate::http::problem::Problem;
use crate::http::server::Place;
use crate::live::{Document, Message};

/// The longest from our answer to the first byte of the new protocol.
const UPGRADE: Duration = Duration::from_secs(10);
/// A client may take this long to say good-bye.
const GOODBYE: Duration = Duration::from_secs(1);
/// A client has nothing to say but control frames, which have 125 bytes at most.
const MESSAGE_MAX: usize = 1 << 10;
/// Pings that may be without an answer; then the client has gone.
const UNANSWERED: u32 = 2;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Live updates over WebSocket.
///
/// First everything, then only what has changed, at most once a second, each as one text message that is a document. Whoever comes
/// back tells in `since` where it was. Deflated for clients that offer `permessage-deflate`, with
/// `server_no_context_takeover`. The server pings; it takes no messages (1003), and says 1001 when it stops. Of pages, only those
/// of this server may follow.
#[utoipa::path(get, path = "/api/v1/ws", tag = "live", params(LiveParams),
    responses((status = 101, description = "Each message is a document", body = Document),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 426, body = Problem),
        (status = 503, body = Problem)))]
pub(in crate::http) async fn socket(
    Extract(app): Extract<Arc<AppState>>,
    access: Access,
    client: Client,
    mut request: Request<Body>,
) -> Result<Response, Problem> {
    app.door.refuse_foreign(&client, request.headers())?;
    let agreed = match Agreed::read(&request) {
        Ok(agreed) => agreed,
        Err(refusal) => return Ok(refusal),
    };
    let wish = Wish::parse(request.uri().query().unwrap_or_default())?;
    let (filter, since) = (wish.filter, wish.since.as_deref());
    let seat = app.live.follow(Transport::WebSocket, filter, since)?;
    let place = request.extensions().get::<Place>().cloned();
    let upgrade = hyper::upgrade::on(&mut request);
    let stopping = app.stopping.clone();
    let mut pass = Pass::new(&app, access, Permission::Read);
    let deflates = agreed.deflates();
    app.live.spawn(async move {
        // The connection is no longer the server's, but still counts as one of its connections.
        let _place = place;
        let mut seat = seat;
        if let Some(mut frames) = Frames::open(upgrade, deflates).await {
            let end = follow(&mut seat, &mut frames, &stopping, &mut pass).await;
            frames.close(end).await;
        }
    });
    Ok(agreed.into_response().into_response())
}

/// The way to a client over its WebSocket.
struct Frames {
    socket: Socket,
    deflates: bool,
    unanswered: u32,
    /// It has said what it may not.
    talks: bool,
}

impl Frames {
    async fn open(upgrade: OnUpgrade, deflates: bool) -> Option<Self> {
        let upgraded = tokio::time::timeout(UPGRADE, upgrade).await;
        let upgraded = match upgraded {
            Ok(Ok(upgraded)) => upgraded,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a WebSocket did not come about");
                return None;
            }
            Err(_) => return None,
        };
        // Nothing is kept back, and little is read ahead: there may be many clients.
        let config = WebSocketConfig::default()
            .read_buffer_size(MESSAGE_MAX)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * PIECE)
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Some(Self {
            socket,
            deflates,
            unanswered: 0,
            talks: false,
        })
    }

    /// One message in frames of a piece each (RFC 6455, 5.4): the buffer to the socket never holds more. That
    /// it is deflated is said in the first (RFC 7692, 6).
    async fn hand_over(&mut self, bytes: Bytes, seat: &Seat) -> io::Result<()> {
        let pieces = bytes.len().div_ceil(PIECE).max(1);
        for at in 0..pieces {
            let piece = bytes.slice(at * PIECE..bytes.len().min((at + 1) * PIECE));
            let length = piece.len();
            let first = at == 0;
            let code = OpCode::Data(if first { Data::Text } else { Data::Continue });
            let mut frame = Frame::message(piece, code, at + 1 == pieces);
            frame.header_mut().rsv1 = first && self.deflates;
            let sent = self.socket.send(tungstenite::Message::Frame(frame)).await;
            sent.map_err(broken)?;
            // The head of a frame that is not masked.
            seat.sent(length + if length < 126 { 2 } else { 4 });
        }
        Ok(())
    }

    /// Says why, and waits a moment for the answer: closing at once could destroy what is under way.
    async fn close(mut self, end: End) {
        let (code, reason) = match end {
            _ if self.talks => (CloseCode::Unsupported, "this server takes no messages"),
            End::Stopping => (CloseCode::Away, "the server stops"),
            End::Gone | End::Slow => return,
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let goodbye = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

impl Outlet for Frames {
    async fn send(&mut self, message: &Arc<Message>, seat: &Seat) -> io::Result<()> {
        let bytes = if self.deflates {
            let deflate = |message: &Message| message.deflated().map(drop);
            seat.live().make(message, deflate).await?;
            message.deflated()?.as_message()
        } else {
            message.json()
        };
        self.hand_over(bytes, seat).await
    }

    async fn beat(&mut self, seat: &Seat) -> io::Result<()> {
        if self.unanswered >= UNANSWERED {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.unanswered += 1;
        seat.sent(2);
        let ping = tungstenite::Message::Ping(Bytes::new());
        self.socket.send(ping).await.map_err(broken)
    }

    async fn gone(&mut self) {
        loop {
            match self.socket.next().await {
                Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_))) => {
                    self.unanswered = 0;
                }
                Some(Ok(tungstenite::Message::Close(_))) => {
                    // The answer lies ready.
                    let _ = tokio::time::timeout(GOODBYE, self.socket.flush()).await;
                    return;
                }
                // What is compressed has a bit set that is reserved as far as this reader knows.
                Some(
                    Ok(_)
                    | Err(
                        Error::Capacity(_)
                        | Error::Protocol(tungstenite::error::ProtocolError::NonZeroReservedBits),
                    ),
                ) => {
                    self.talks = true;
                    return;
                }
                Some(Err(_)) | None => return,
            }
        }
    }
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
