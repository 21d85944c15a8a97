//! The UDP sockets of a pull: a pair of ports for each track (RFC 3550, 11).

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use bytes::Bytes;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// Attempts to find an even port whose neighbour is free.
const ATTEMPTS: usize = 64;
/// What the kernel may hold for a socket of media: half a second of 16 Mbit/s. It may allow less.
const RECEIVE_BUFFER: usize = 1 << 20;
/// The largest datagram.
const LARGEST: usize = 65_535;
/// Foreign datagrams that are looked at in a row before others have their turn.
const IN_A_ROW: usize = 64;

/// A socket that takes datagrams from one server only.
#[derive(Debug)]
struct Port {
    socket: UdpSocket,
    /// Where the datagrams have to come from: any port, if the server told none.
    from: (IpAddr, Option<u16>),
}

/// The sockets of all tracks.
#[derive(Debug)]
pub(super) struct Datagrams {
    /// Of media and of RTCP, in turn.
    ports: Vec<Port>,
    buffer: Vec<u8>,
    /// The socket that is asked first, so that a busy one does not silence the others.
    turn: usize,
    /// Datagrams from elsewhere, dropped.
    pub(super) foreign: u64,
}

impl Datagrams {
    pub(super) fn new() -> Self {
        Self {
            ports: Vec::new(),
            buffer: Vec::new(),
            turn: 0,
            foreign: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// Binds a pair at our end of the connection, for datagrams from `server`: its first port.
    pub(super) fn bind(&mut self, local: IpAddr, server: IpAddr) -> io::Result<u16> {
        let (media, reports) = pair(local)?;
        let port = media.local_addr()?.port();
        let from = (server, None);
        self.ports
            .extend([media, reports].map(|socket| Port { socket, from }));
        self.buffer.resize(LARGEST, 0);
        Ok(port)
    }

    /// The ports that the server told for the pair of a track. A first datagram to each opens the way
    /// back through a NAT or a firewall.
    pub(super) fn expect(&mut self, track: usize, server: Option<(u16, u16)>) {
        let Some((media, reports)) = server else {
            return;
        };
        for (at, number) in [(track * 2, media), (track * 2 + 1, reports)] {
            if let Some(port) = self.ports.get_mut(at) {
                port.from.1 = Some(number);
            }
        }
        // An RTP header without payload, and a receiver report about nobody.
        self.send(track * 2, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        self.send(track * 2 + 1, &[0x80, 201, 0, 1, 0, 0, 0, 0]);
    }

    /// Sends a report about a track. What does not go at once is lost, as datagrams are.
    pub(super) fn report(&self, track: usize, packet: &[u8]) {
        self.send(track * 2 + 1, packet);
    }

    fn send(&self, at: usize, packet: &[u8]) {
        if let Some(Port { socket, from }) = self.ports.get(at)
            && let (address, Some(number)) = *from
        {
            // Past tokio, which takes a new socket for full until it has looked at it.
            let address = SocketAddr::new(address, number).into();
            let _ = SockRef::from(socket).send_to(packet, &address);
        }
    }

    /// The next datagram: the number of its track, and whether it is RTCP. Cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<(usize, bool, Bytes)> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(usize, bool, Bytes)>> {
        let count = self.ports.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            let Port { socket, from } = &self.ports[at];
            for looked in 1.. {
                let mut read = ReadBuf::new(&mut self.buffer);
                let Poll::Ready(came) = socket.poll_recv_from(context, &mut read) else {
                    break;
                };
                let came = came?;
                let expected = came.ip().to_canonical() == from.0.to_canonical()
                    && from.1.is_none_or(|number| number == came.port());
                if expected {
                    self.turn = at + 1;
                    let data = Bytes::copy_from_slice(read.filled());
                    return Poll::Ready(Ok((at / 2, at % 2 == 1, data)));
                }
                self.foreign += 1;
                if looked == IN_A_ROW {
                    context.waker().wake_by_ref();
                    break;
                }
            }
        }
        Poll::Pending
    }
}

/// Two sockets on an even port and the one after it.
fn pair(local: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..ATTEMPTS {
        let first = bound(local, 0)?;
        let port = first.local_addr()?.port();
        if let Ok(second) = bound(local, port ^ 1) {
            let (media, reports) = if port % 2 == 0 {
                (first, second)
            } else {
                (second, first)
            };
            return Ok((media, reports));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn bound(local: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(local, port);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    // As much of it as the system allows.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn only_what_the_server_sends_is_taken() {
        let home = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut datagrams = Datagrams::new();
        let port = datagrams.bind(home, home).unwrap();
        assert_eq!(port % 2, 0);
        let (server, stranger) = (UdpSocket::bind((home, 0)), UdpSocket::bind((home, 0)));
        let (server, stranger) = (server.await.unwrap(), stranger.await.unwrap());
        let number = server.local_addr().unwrap().port();
        datagrams.expect(0, Some((number, number)));
        let mut punch = [0; 100];
        assert_eq!(server.recv(&mut punch).await.unwrap(), 12);
        assert_eq!(server.recv(&mut punch).await.unwrap(), 8);
        for _ in 0..2 * IN_A_ROW {
            stranger.send_to(b"evil", (home, port)).await.unwrap();
        }
        server.send_to(b"report", (home, port + 1)).await.unwrap();
        server.send_to(b"media", (home, port)).await.unwrap();
        let mut came = [
            datagrams.next().await.unwrap(),
            datagrams.next().await.unwrap(),
        ];
        came.sort_by_key(|(_, rtcp, _)| *rtcp);
        assert_eq!(came[0], (0, false, Bytes::from_static(b"media")));
        assert_eq!(came[1], (0, true, Bytes::from_static(b"report")));
        assert_eq!(datagrams.foreign, 2 * IN_A_ROW as u64);
    }
}
