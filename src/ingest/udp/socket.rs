//! Opens a socket for datagrams to a group or to an address of ours.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::super::error::{Cause, IngestError, Stage};
use super::system;
use super::target::Interface;

/// Asked for as receive buffer: two seconds of 16 Mbit/s. The system gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Binds to `address` and, if that is a group, joins it, for what `sender` sends alone if there is one. The group is
/// left when the socket is dropped.
///
/// Each socket gets only what is sent to its own group: it is bound to that, and `IP_MULTICAST_ALL` is off. A group
/// may be joined by many, an address of ours is taken by one.
pub(super) fn open(
    address: SocketAddr,
    sender: Option<IpAddr>,
    interface: Option<&Interface>,
) -> Result<UdpSocket, IngestError> {
    let group = address.ip().is_multicast();
    let index = match interface {
        Some(interface) if group => interface.index()?,
        _ => 0,
    };
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))
        .map_err(|error| of_bind(&error))?;
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    match address {
        SocketAddr::V4(_) => socket.set_multicast_all_v4(false),
        SocketAddr::V6(_) => socket.set_multicast_all_v6(false),
    }
    .map_err(|error| of_bind(&error))?;
    if group {
        socket
            .set_reuse_address(true)
            .map_err(|error| of_bind(&error))?;
    }
    socket
        .bind(&scoped(address, index).into())
        .map_err(|error| of_bind(&error))?;
    if group {
        join(&socket, address, sender, interface, index).map_err(|error| of_join(&error))?;
    }
    tracing::debug!(
        group,
        receive_buffer = socket.recv_buffer_size().unwrap_or_default(),
        "listens for datagrams"
    );
    UdpSocket::from_std(socket.into()).map_err(|error| of_bind(&error))
}

fn join(
    socket: &Socket,
    address: SocketAddr,
    sender: Option<IpAddr>,
    interface: Option<&Interface>,
    index: u32,
) -> io::Result<()> {
    match (address.ip(), sender, interface) {
        (IpAddr::V4(group), Some(IpAddr::V4(sender)), Some(Interface::Address(IpAddr::V4(at)))) => {
            socket.join_ssm_v4(&sender, &group, at)
        }
        (_, Some(sender), _) => {
            let sender = SocketAddr::new(sender, 0);
            system::join_source(socket, index, scoped(address, index), sender)
        }
        (IpAddr::V4(group), None, Some(Interface::Address(IpAddr::V4(at)))) => {
            socket.join_multicast_v4(&group, at)
        }
        (IpAddr::V4(group), None, _) if index == 0 => {
            socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)
        }
        (IpAddr::V4(group), None, _) => {
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))
        }
        (IpAddr::V6(group), None, _) => socket.join_multicast_v6(&group, index),
    }
}

/// A link-local group needs to know on which link.
fn scoped(address: SocketAddr, index: u32) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if index != 0 && v6.ip().is_multicast() => {
            SocketAddrV6::new(*v6.ip(), v6.port(), 0, index).into()
        }
        other => other,
    }
}

impl Interface {
    /// Its index; 0 where IPv4 finds it by its address.
    fn index(&self) -> Result<u32, IngestError> {
        let found = match self {
            Self::Name(name) => system::interface_index(name),
            Self::Address(IpAddr::V4(_)) => Some(0),
            Self::Address(IpAddr::V6(address)) => index_of(*address),
        };
        found.ok_or_else(|| {
            let text = "this server has no such network interface";
            IngestError::new(Stage::Connect, Cause::Unreachable, text)
        })
    }
}

fn index_of(address: Ipv6Addr) -> Option<u32> {
    let table = std::fs::read_to_string("/proc/self/net/if_inet6").ok()?;
    let wanted = format!("{:032x}", address.to_bits());
    table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let found = fields.next() == Some(&wanted);
        let index = u32::from_str_radix(fields.next()?, 16).ok()?;
        found.then_some(index)
    })
}

fn of_bind(error: &io::Error) -> IngestError {
    let (cause, text) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            Cause::Refused,
            "the port is in use on this server, by another stream or program",
        ),
        io::ErrorKind::AddrNotAvailable => (
            Cause::Unreachable,
            "the address is none of this server; udp://@:port listens on all of them",
        ),
        io::ErrorKind::PermissionDenied => (
            Cause::Refused,
            "this server may not listen on that port (those below 1024 need a privilege)",
        ),
        _ => (Cause::Internal, "no socket can be opened"),
    };
    IngestError::new(Stage::Connect, cause, text)
}

fn of_join(error: &io::Error) -> IngestError {
    let (cause, text) = match error.raw_os_error() {
        Some(libc::ENOBUFS) => (
            Cause::Limit,
            "the system lets this server join no more multicast groups: \
             raise net.ipv4.igmp_max_memberships (and net.core.optmem_max) with sysctl",
        ),
        Some(libc::ENODEV | libc::EADDRNOTAVAIL | libc::ENETUNREACH) => (
            Cause::Unreachable,
            "no network interface for the multicast group: add a route for it, or name one with ?iface=",
        ),
        _ => (Cause::Internal, "the multicast group cannot be joined"),
    };
    IngestError::new(Stage::Connect, cause, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_groups_are_told_with_the_setting_of_the_system() {
        let error = of_join(&io::Error::from_raw_os_error(libc::ENOBUFS));
        assert_eq!(error.cause, Cause::Limit);
        assert!(error.message.contains("net.ipv4.igmp_max_memberships"));
    }
}
