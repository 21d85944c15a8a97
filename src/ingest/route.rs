//! Whether this machine has a way to an address.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// A root name server: as public as an address can be.
const PUBLIC_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
const PUBLIC_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

/// Asks the kernel for a route to `address`, or to the public network when there is no address.
/// Sends nothing: it only tells a network of our own that is down from one that is elsewhere.
pub fn has_route(address: Option<IpAddr>) -> bool {
    let Some(address) = address else {
        return has_route(Some(PUBLIC_V4.into())) || has_route(Some(PUBLIC_V6.into()));
    };
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let connected = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, 9)));
    match connected {
        Ok(()) => true,
        Err(error) => !matches!(
            error.kind(),
            // no route; no such family of addresses here
            ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable | ErrorKind::Unsupported
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_way_to_oneself() {
        assert!(has_route(Some(Ipv4Addr::LOCALHOST.into())));
    }
}
