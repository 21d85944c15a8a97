//! Where sources may be pulled from (SSRF): schemes, ports and addresses. Pure.
//!
//! The check is made on addresses, after name resolution, for every connection: at each
//! redirect hop and for each URL found inside a playlist. The connection then goes to the
//! address that was checked. Names are resolved once for each connection, in `resolve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use url::Url;

/// Why a source may not be pulled. Each says which setting would allow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The address belongs to a range that sources may not use.
    #[error(
        "sources may not use {what} addresses; the operator can allow {}",
        class_setting(what)
    )]
    Address {
        /// What sort of address it is.
        what: &'static str,
    },
    /// The operator has denied the address.
    #[error("sources may not use this address: it is in a range of SOURCE_DENY_CIDRS")]
    Listed,
    /// The scheme is not one that can be pulled this way.
    #[error("sources may use http and https here, not {scheme:?}")]
    Scheme {
        /// The scheme of the URL, cut to 16 characters.
        scheme: String,
    },
    /// The operator has not allowed the scheme.
    #[error("{scheme} sources are turned off; the operator can add {scheme} to SOURCE_SCHEMES")]
    SchemeOff {
        /// The scheme.
        scheme: String,
    },
    /// The port is one where no media is.
    #[error("sources may not use port {port}; the operator can take it out of SOURCE_DENY_PORTS")]
    Port {
        /// The port.
        port: u16,
    },
    /// The source would send to a port of this machine.
    #[error(
        "sources that send to a port of this server are turned off; the operator can allow them with SOURCE_ALLOW_LISTEN"
    )]
    Listen,
    /// The URL has no host.
    #[error("the URL has no host")]
    NoHost,
}

const PRIVATE: &str = "private";
const MULTICAST: &str = "multicast";

fn class_setting(what: &str) -> &'static str {
    match what {
        PRIVATE => "them with SOURCE_ALLOW_PRIVATE, or a range with SOURCE_ALLOW_CIDRS",
        MULTICAST => "them with SOURCE_ALLOW_MULTICAST, or a range with SOURCE_ALLOW_CIDRS",
        _ => "a range with SOURCE_ALLOW_CIDRS",
    }
}

/// What the operator has decided.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Ranges that are allowed whatever they are.
    pub allow: Vec<IpNet>,
    /// Ranges that are denied though they be in `allow`.
    pub deny: Vec<IpNet>,
    /// Whether private (RFC 1918), unique local (RFC 4193) and shared (RFC 6598) addresses are allowed.
    pub private: bool,
    /// Whether multicast groups are.
    pub multicast: bool,
    /// Whether a source may send to a port of this machine.
    pub listen: bool,
    /// Ports that are denied.
    pub deny_ports: Vec<u16>,
    /// Schemes that are allowed; `None` for all.
    pub schemes: Option<Vec<String>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            private: true,
            multicast: false,
            listen: false,
            deny_ports: Vec::new(),
            schemes: None,
        }
    }
}

/// The policy for sources.
///
/// An address is looked up in this order, and the first that knows it decides:
/// `deny`, `allow`, then what sort of address it is. Scheme and port are checked apart, before any
/// name is resolved; a range in `allow` opens neither.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Rules,
}

impl Policy {
    /// The default policy, and these ranges allowed beyond it.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self::of(Rules {
            allow,
            ..Rules::default()
        })
    }

    /// The policy that an operator has decided.
    pub fn of(rules: Rules) -> Self {
        Self { rules }
    }

    /// Checks one address.
    ///
    /// # Errors
    /// [`Denied::Address`] with the sort of address that is refused, or [`Denied::Listed`].
    pub fn check(&self, address: IpAddr) -> Result<(), Denied> {
        let inner = embedded_v4(address);
        let in_list =
            |list: &[IpNet], address: IpAddr| list.iter().any(|net| net.contains(&address));
        // An IPv4 address in an IPv6 coat may be denied in either spelling, and is allowed by its own only.
        if in_list(&self.rules.deny, address) || in_list(&self.rules.deny, inner) {
            return Err(Denied::Listed);
        }
        if in_list(&self.rules.allow, inner) {
            return Ok(());
        }
        let what = match inner {
            IpAddr::V4(v4) => class_v4(v4),
            IpAddr::V6(v6) => class_v6(v6),
        };
        match what {
            None => Ok(()),
            Some(PRIVATE) if self.rules.private => Ok(()),
            Some(MULTICAST) if self.rules.multicast => Ok(()),
            Some(what) => Err(Denied::Address { what }),
        }
    }

    /// Checks a port.
    ///
    /// # Errors
    /// [`Denied::Port`].
    pub fn check_port(&self, port: u16) -> Result<(), Denied> {
        if self.rules.deny_ports.contains(&port) {
            return Err(Denied::Port { port });
        }
        Ok(())
    }

    /// Checks a scheme against those that the operator allows. Files are no matter of schemes: they have a folder.
    ///
    /// # Errors
    /// [`Denied::SchemeOff`].
    pub fn check_scheme(&self, scheme: &str) -> Result<(), Denied> {
        let allowed = self.rules.schemes.as_ref();
        if scheme == "file" || allowed.is_none_or(|allowed| allowed.iter().any(|s| s == scheme)) {
            return Ok(());
        }
        Err(Denied::SchemeOff {
            scheme: short(scheme),
        })
    }

    /// Checks that sources may send to a port of this machine.
    ///
    /// # Errors
    /// [`Denied::Listen`].
    pub fn check_listen(&self) -> Result<(), Denied> {
        if self.rules.listen {
            Ok(())
        } else {
            Err(Denied::Listen)
        }
    }

    /// Checks what can be told from a URL over HTTP before its name is resolved: the scheme, the port, and the
    /// address where the host is one.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn check_url(&self, url: &Url) -> Result<(), Denied> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Denied::Scheme {
                scheme: short(url.scheme()),
            });
        }
        self.check_scheme(url.scheme())?;
        url.port_or_known_default()
            .map_or(Ok(()), |port| self.check_port(port))?;
        match url.host() {
            None => Err(Denied::NoHost),
            Some(url::Host::Domain(_)) => Ok(()),
            Some(url::Host::Ipv4(v4)) => self.check(v4.into()),
            Some(url::Host::Ipv6(v6)) => self.check(v6.into()),
        }
    }

    /// Keeps of the addresses of a name those that sources may use.
    ///
    /// # Errors
    /// When there are some, and none is allowed.
    pub fn filter(
        &self,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Denied> {
        let mut denied = None;
        let allowed: Vec<_> = found
            .into_iter()
            .filter(|address| match self.check(address.ip()) {
                Ok(()) => true,
                Err(reason) => {
                    denied = Some(reason);
                    false
                }
            })
            .collect();
        match denied {
            Some(reason) if allowed.is_empty() => Err(reason),
            _ => Ok(allowed),
        }
    }
}

fn short(scheme: &str) -> String {
    scheme.chars().take(16).collect()
}

/// The IPv4 address inside an IPv4-mapped, IPv4-compatible, translated (SIIT), NAT64 or 6to4
/// address: each may end up at that address, so each is judged by it.
fn embedded_v4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let v4 = |high: u16, low: u16| {
        let bits = u32::from(high) << 16 | u32::from(low);
        IpAddr::V4(Ipv4Addr::from_bits(bits))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => address,
    }
}

/// Metadata services outside the link-local range, each of one large cloud.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The same inside the unique local range.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn class_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Some("loopback")
    } else if address.is_unspecified() || a == 0 {
        Some("unspecified")
    } else if address.is_link_local() {
        // 169.254.169.254 and 169.254.170.2, the metadata services, are in here
        Some("link-local or metadata")
    } else if METADATA_V4.contains(&address) {
        Some("metadata")
    } else if address.is_multicast() {
        Some(MULTICAST)
    } else if address.is_broadcast() {
        Some("broadcast")
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Some(PRIVATE)
    } else {
        None
    }
}

fn class_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        Some("loopback")
    } else if address.is_unspecified() {
        Some("unspecified")
    } else if address.segments()[..3] == [0x64, 0xff9b, 1] {
        Some("local translation")
    } else if (address.segments()[0] & 0xffc0) == 0xfe80 {
        Some("link-local or metadata")
    } else if METADATA_V6.contains(&address) {
        Some("metadata")
    } else if address.is_multicast() {
        Some(MULTICAST)
    } else if address.is_unique_local() {
        Some(PRIVATE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
