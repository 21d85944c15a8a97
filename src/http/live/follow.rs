//! What every client that follows has in common: it is told what is new, hears now and then that it is still
//! connected, and is let go when the server stops, or when it takes too long.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::HEARTBEAT;
use crate::actors::live::{PATIENCE, Seat};
use crate::http::gate::Pass;
use crate::live::Message;
use crate::metrics;

/// The way to a client.
pub(super) trait Outlet: Send {
    /// Hands over a message; returns when it is on its way, having told `seat` its bytes.
    fn send(
        &mut self,
        message: &Arc<Message>,
        seat: &Seat,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// Tells that the connection lives.
    fn beat(&mut self, seat: &Seat) -> impl Future<Output = io::Result<()>> + Send;

    /// Resolves when the client has gone, or has said what it may not. Cancel-safe.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;
}

/// Why somebody is no longer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client has gone.
    Gone,
    /// It took too long for one message.
    Slow,
    /// The server stops, or it no longer does this for the client.
    Stopping,
}

/// Tells a client what is new, until the end.
pub(super) async fn follow(
    seat: &mut Seat,
    outlet: &mut impl Outlet,
    stopping: &CancellationToken,
    pass: &mut Pass,
) -> End {
    loop {
        if !pass.holds() {
            return End::Stopping;
        }
        let next = tokio::select! {
            biased;
            () = stopping.cancelled() => return End::Stopping,
            () = outlet.gone() => return End::Gone,
            message = seat.next() => Some(message),
            () = tokio::time::sleep(HEARTBEAT) => None,
        };
        let handed_over = async {
            let Some(message) = &next else {
                return outlet.beat(seat).await;
            };
            outlet.send(message, seat).await?;
            metrics::live_message();
            Ok(())
        };
        tokio::select! {
            biased;
            () = stopping.cancelled() => return End::Stopping,
            sent = tokio::time::timeout(PATIENCE, handed_over) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a client of live updates has gone");
                    return End::Gone;
                }
                Err(_) => return End::Slow,
            },
        }
    }
}
