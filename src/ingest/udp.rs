//! Pulls MPEG-TS from UDP datagrams, plain or in RTP, unicast or multicast.
//!
//! Nothing is asked of the sender: a source is a port on which something comes. Datagrams are read into one buffer and
//! handed on by reference, many at a time: after each batch the socket rests for a moment, so that a stream costs some
//! tens of wake-ups a second and not one for each datagram.

mod framing;
mod socket;
mod system;
mod target;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::net::UdpSocket;

use super::dial::Dialer;
use super::error::{Cause, IngestError, Stage};
use super::patience::Patience;
use super::sink::{Gone, Sink};
use crate::base::clock;
use crate::metrics;
use crate::stream::Source;
use framing::{Framing, Taken};
use target::Target;

/// Rest between two batches: 25 KB at 20 Mbit/s, a tenth of the smallest receive buffer in use.
const REST: Duration = Duration::from_millis(10);
/// Room for a batch.
const BATCH: usize = 64 << 10;
/// Room for a datagram that fits an Ethernet frame; the largest there is needs [`BATCH`].
const FRAME: usize = 2 << 10;
/// Datagrams read at a time, be they ever so small.
const MOST: usize = 512;
/// How often the system is asked what it has dropped.
const CENSUS: Duration = Duration::from_secs(2);

/// Pulls a `udp` or `rtp` source into `sink` until it falls silent.
///
/// # Errors
/// With the stage it reached and the cause. `Ok` means that nobody takes its bytes any more.
pub async fn pull(
    dialer: &Dialer,
    source: &Source,
    patience: Patience,
    sink: &Sink,
) -> Result<(), IngestError> {
    let target = Target::of(source.url.as_url())?;
    let address = address(dialer, &target).await?;
    let sender = sender(dialer, &target, address).await?;
    sink.reached(Stage::Dns);
    let socket = socket::open(address, sender, target.interface.as_ref())?;
    sink.reached(Stage::Connect);
    sink.note(|found| {
        found.container = Some("mpeg-ts");
        found.live = Some(true);
    });
    let receiver = Receiver {
        socket,
        sender,
        framing: Framing::new(target.rtp),
        room: FRAME,
        foreign: 0,
        truncated: 0,
        refused: 0,
        overflows: 0,
        census: clock::now(),
    };
    receiver.run(patience, sink).await
}

/// The group or the address of ours to listen on.
async fn address(dialer: &Dialer, target: &Target) -> Result<SocketAddr, IngestError> {
    let policy = dialer.policy();
    let bare = target.host.trim_start_matches('[').trim_end_matches(']');
    let address = match bare.parse::<IpAddr>() {
        Ok(ip) => {
            policy.check_port(target.port)?;
            if ip.is_multicast() {
                policy.check(ip)?;
            }
            SocketAddr::new(ip, target.port)
        }
        // never empty
        Err(_) => dialer.resolve(&target.host, target.port).await?[0],
    };
    if !address.ip().is_multicast() {
        policy.check_listen()?;
    }
    Ok(address)
}

async fn sender(
    dialer: &Dialer,
    target: &Target,
    to: SocketAddr,
) -> Result<Option<IpAddr>, IngestError> {
    let Some(name) = &target.sender else {
        return Ok(None);
    };
    let found = dialer.resolve(name, target.port).await?;
    let fits = found.iter().find(|a| a.is_ipv4() == to.is_ipv4());
    let sender = fits.map(|address| Some(address.ip()));
    sender.ok_or_else(|| {
        let text = "the sender and the group are not of the same address family";
        IngestError::new(Stage::Dns, Cause::Unreachable, text)
    })
}

struct Receiver {
    socket: UdpSocket,
    sender: Option<IpAddr>,
    framing: Framing,
    /// Room that a datagram is given; grows with the first that is larger.
    room: usize,
    /// Counted since the last time that they were told: of another sender, larger than the room.
    foreign: u64,
    truncated: u64,
    /// Told so far: those without media, those that the system had no room for.
    refused: u64,
    overflows: u32,
    census: Instant,
}

impl Receiver {
    async fn run(mut self, patience: Patience, sink: &Sink) -> Result<(), IngestError> {
        let mut batch = BytesMut::with_capacity(BATCH);
        let mut flows = false;
        let mut silent_at = clock::now() + patience.answer;
        loop {
            let until = self
                .framing
                .due()
                .map_or(silent_at, |due| due.min(silent_at));
            let ready = tokio::time::timeout_at(until.into(), self.socket.readable()).await;
            if let Ok(Err(error)) = ready {
                return Err(IngestError::of_connection(Stage::Flow, &error));
            }
            let now = clock::now();
            if let Err(Gone) = self.drain(&mut batch, now, sink).await {
                return Ok(());
            }
            self.count(now);
            if !batch.is_empty() {
                if !std::mem::replace(&mut flows, true) {
                    sink.reached(Stage::FirstByte);
                }
                silent_at = now + patience.stall;
                if let Err(Gone) = sink.data(batch.split().freeze()).await {
                    return Ok(());
                }
            } else if now >= silent_at {
                return Err(self.silent(flows, patience));
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Reads what is there, as far as it fits one batch.
    async fn drain(&mut self, batch: &mut BytesMut, now: Instant, sink: &Sink) -> Result<(), Gone> {
        if batch.capacity() < self.room {
            batch.reserve(BATCH);
        }
        for _ in 0..MOST {
            if batch.capacity() - batch.len() < self.room {
                break;
            }
            let (start, spare) = (batch.len(), batch.capacity() - batch.len());
            let from = match self.socket.try_recv_buf_from(batch) {
                Ok((length, _)) if length == spare => {
                    // Most likely larger than the room that there was.
                    self.truncated += 1;
                    self.room = BATCH;
                    batch.truncate(start);
                    break;
                }
                Ok((_, from)) => from.ip().to_canonical(),
                // Nothing more, or an error that an earlier datagram left on the socket and nobody needs.
                Err(_) => break,
            };
            if self.sender.is_some_and(|sender| sender != from) {
                self.foreign += 1;
                batch.truncate(start);
                continue;
            }
            if self.framing.take(batch, start, now) == Taken::Restart {
                let anew = batch.split_off(start);
                sink.data(std::mem::replace(batch, anew).freeze()).await?;
                sink.discontinuity().await?;
            }
        }
        self.framing.release(batch, now);
        Ok(())
    }

    fn count(&mut self, now: Instant) {
        let disorder = self.framing.take_disorder();
        let refused = self.framing.refused() - self.refused;
        self.refused += refused;
        let mut overflows = 0;
        if now >= self.census {
            self.census = now + CENSUS;
            let total = system::overflows(&self.socket).unwrap_or(self.overflows);
            overflows = total.wrapping_sub(self.overflows);
            self.overflows = total;
        }
        if overflows > 0 {
            tracing::warn!(
                datagrams = overflows,
                "datagrams came faster than they were read; a larger net.core.rmem_max may help"
            );
        }
        metrics::datagrams_dropped(&[
            ("missing", disorder.missing),
            ("late", disorder.late),
            (
                "foreign",
                disorder.foreign + refused + std::mem::take(&mut self.foreign),
            ),
            ("truncated", std::mem::take(&mut self.truncated)),
            ("receive_buffer", overflows.into()),
        ]);
    }

    fn silent(&self, flows: bool, patience: Patience) -> IngestError {
        let seconds = patience.stall.as_secs();
        if flows {
            let text = format!("no datagrams came for {seconds} s");
            IngestError::new(Stage::Flow, Cause::Stalled, text)
        } else if self.framing.refused() > 0 {
            let text = "datagrams come, but there is no MPEG-TS in them";
            IngestError::new(Stage::FirstByte, Cause::NotMedia, text)
        } else {
            let text = "no datagram came in time";
            IngestError::new(Stage::FirstByte, Cause::Timeout, text)
        }
    }
}
