//! Which addresses a source may be pulled from (SSRF). Pure.
//!
//! The check is made on addresses, after name resolution, for every connection: at each
//! redirect hop and for each URL found inside a playlist. The connection then goes to the
//! address that was checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::Url;

/// Why a source may not be pulled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The address belongs to a range that sources may not use.
    #[error(
        "sources may not use {what} addresses; the operator can allow a range with SOURCE_ALLOW_CIDRS"
    )]
    Address {
        /// What sort of address it is.
        what: &'static str,
    },
    /// The scheme is not one that can be pulled this way.
    #[error("sources may use http and https here, not {scheme:?}")]
    Scheme {
        /// The scheme of the URL, cut to 16 characters.
        scheme: String,
    },
    /// The URL has no host.
    #[error("the URL has no host")]
    NoHost,
}

/// The address policy for sources.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allow: Vec<IpNet>,
}

impl Policy {
    /// The default policy, and these ranges allowed beyond it.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Checks one address.
    ///
    /// # Errors
    /// [`Denied::Address`] with the sort of address that is refused.
    pub fn check(&self, address: IpAddr) -> Result<(), Denied> {
        let address = embedded_v4(address);
        if self.allow.iter().any(|net| net.contains(&address)) {
            return Ok(());
        }
        let what = match address {
            IpAddr::V4(v4) => denied_v4(v4),
            IpAddr::V6(v6) => denied_v6(v6),
        };
        what.map_or(Ok(()), |what| Err(Denied::Address { what }))
    }

    /// Checks what can be told from a URL before its name is resolved: the scheme, and the
    /// address where the host is one.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn check_url(&self, url: &Url) -> Result<(), Denied> {
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme().chars().take(16).collect();
            return Err(Denied::Scheme { scheme });
        }
        match url.host() {
            None => Err(Denied::NoHost),
            Some(url::Host::Domain(_)) => Ok(()),
            Some(url::Host::Ipv4(v4)) => self.check(v4.into()),
            Some(url::Host::Ipv6(v6)) => self.check(v6.into()),
        }
    }
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

fn denied_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, ..] = address.octets();
    if address.is_loopback() {
        Some("loopback")
    } else if address.is_unspecified() || a == 0 {
        Some("unspecified")
    } else if address.is_link_local() {
        // 169.254.169.254 and 169.254.170.2, the metadata services, are in here
        Some("link-local or metadata")
    } else if METADATA_V4.contains(&address) {
        Some("metadata")
    } else if address.is_multicast() || address.is_broadcast() {
        Some("multicast or broadcast")
    } else {
        None
    }
}

fn denied_v6(address: Ipv6Addr) -> Option<&'static str> {
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
        Some("multicast or broadcast")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &Policy, url: &str) -> Result<(), Denied> {
        policy.check_url(&url.parse().expect("a URL"))
    }

    #[test]
    fn loopback_link_local_and_metadata_are_denied_in_every_spelling() {
        let policy = Policy::default();
        for url in [
            "http://127.0.0.1/",
            "http://127.9.9.9:8080/x",
            "http://2130706433/", // decimal
            "http://0x7f.1/",     // hexadecimal, short
            "http://0177.0.0.1/", // octal
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[64:ff9b:1::7f00:1]/",
            "http://[::ffff:0:127.0.0.1]/",
            "http://168.63.129.16/",
            "http://[2002:7f00:1::]/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://169.254.169.254/latest/meta-data",
            "http://[::ffff:169.254.169.254]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://239.1.1.1/",
            "http://255.255.255.255/",
            "ftp://example.com/",
            "file:///etc/passwd",
        ] {
            assert!(check(&policy, url).is_err(), "{url} must be denied");
        }
        for url in [
            "http://example.com/",
            "https://192.0.2.1/",
            "http://192.168.1.10/",
            "http://[2001:db8::1]/",
        ] {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
    }

    #[test]
    fn an_allowed_range_opens_exactly_that_range() {
        let policy = Policy::new(vec!["127.0.0.0/8".parse().expect("CIDR")]);
        assert_eq!(check(&policy, "http://127.0.0.1/"), Ok(()));
        assert_eq!(check(&policy, "http://[::ffff:127.0.0.1]/"), Ok(()));
        assert!(check(&policy, "http://169.254.169.254/").is_err());
        assert!(check(&policy, "http://[::1]/").is_err());
    }
}
