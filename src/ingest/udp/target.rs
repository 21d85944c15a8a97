//! What a `udp://` or `rtp://` URL asks for, in the ways that players write it. Pure.
//!
//! ```text
//! udp://@239.1.2.3:1234            a group (VLC); the @ may be left out (ffmpeg)
//! udp://192.0.2.9@232.1.2.3:1234   a group, from this sender only (source-specific)
//! udp://@:1234                     whatever is sent to this port
//! udp://10.0.0.5:1234              whatever is sent to this address of ours
//! ?iface=eth1  ?localaddr=10.0.0.5 the interface that joins the group
//! ```

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::Url;

use super::super::error::{Cause, IngestError, Stage};

/// Ports that players take where a URL names none.
const UDP_PORT: u16 = 1234;
const RTP_PORT: u16 = 5004;
/// `IFNAMSIZ` of Linux, less the closing NUL.
const NAME_MAX: usize = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The group, or an address of ours; a name in rare cases.
    pub(super) host: String,
    pub(super) port: u16,
    /// The only sender that is listened to.
    pub(super) sender: Option<String>,
    pub(super) interface: Option<Interface>,
    /// Datagrams are RTP until they show otherwise.
    pub(super) rtp: bool,
}

/// The interface that joins a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// By its name, such as `eth1`.
    Name(String),
    /// By an address that it has.
    Address(IpAddr),
}

impl Target {
    /// # Errors
    /// When the interface or the sender cannot be read. Query options that are not ours are ignored.
    pub(super) fn of(url: &Url) -> Result<Self, IngestError> {
        let rtp = url.scheme() == "rtp";
        let mut sender = user(url)?;
        let mut interface = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "iface" | "localaddr" | "multicast-iface" => {
                    interface = Some(Interface::read(&value)?);
                }
                // ffmpeg's way; several would need several memberships
                "sources" if !value.contains(',') => sender = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port().unwrap_or(if rtp { RTP_PORT } else { UDP_PORT }),
            sender: sender.filter(|sender| !sender.is_empty()),
            interface,
            rtp,
        })
    }
}

impl Interface {
    fn read(text: &str) -> Result<Self, IngestError> {
        if let Ok(address) = bare(text).parse() {
            return Ok(Self::Address(address));
        }
        let named = (1..=NAME_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if named {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(unreadable(
                "iface is neither the name of an interface nor an address",
            ))
        }
    }
}

/// What stands before the `@`. The colons of an IPv6 address make it look like a user name and a password.
fn user(url: &Url) -> Result<Option<String>, IngestError> {
    let mut text = url.username().to_owned();
    if let Some(rest) = url.password() {
        text = format!("{text}:{rest}");
    }
    if text.is_empty() {
        return Ok(None);
    }
    match percent_decode_str(&text).decode_utf8() {
        Ok(text) => Ok(Some(bare(&text).to_owned())),
        Err(_) => Err(unreadable("what stands before the @ is no sender")),
    }
}

/// Without the brackets of an IPv6 address.
fn bare(text: &str) -> &str {
    text.trim_start_matches('[').trim_end_matches(']')
}

fn unreadable(text: &str) -> IngestError {
    IngestError::new(Stage::Request, Cause::NotFound, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::SourceUrl;

    fn target(text: &str) -> Target {
        let url = SourceUrl::parse(text).expect("a source URL");
        Target::of(url.as_url()).expect("a target")
    }

    fn read(text: &str) -> (String, u16, Option<String>) {
        let target = target(text);
        (target.host, target.port, target.sender)
    }

    #[test]
    fn what_players_write() {
        let of = |host: &str, port, sender: Option<&str>| {
            (host.to_owned(), port, sender.map(str::to_owned))
        };
        for (text, read_as) in [
            ("udp://@239.1.2.3:1234", of("239.1.2.3", 1234, None)),
            (
                "udp://239.1.2.3:5000?pkt_size=1316",
                of("239.1.2.3", 5000, None),
            ),
            ("rtp://@239.1.2.3", of("239.1.2.3", 5004, None)),
            ("udp://@239.1.2.3", of("239.1.2.3", 1234, None)),
            ("udp://@:1234", of("0.0.0.0", 1234, None)),
            (
                "udp://10.0.0.9@232.1.1.1:1",
                of("232.1.1.1", 1, Some("10.0.0.9")),
            ),
            (
                "udp://@232.1.1.1:1?sources=10.0.0.9",
                of("232.1.1.1", 1, Some("10.0.0.9")),
            ),
            ("udp://@[ff15::1]:1234", of("[ff15::1]", 1234, None)),
            (
                "rtp://[2001:db8::1]@[ff3e::1]:7",
                of("[ff3e::1]", 7, Some("2001:db8::1")),
            ),
        ] {
            assert_eq!(read(text), read_as, "{text}");
        }
    }

    #[test]
    fn interfaces_by_name_and_address() {
        let interface = |query: &str| target(&format!("udp://@239.1.2.3:1?{query}")).interface;
        let address = |text: &str| Interface::Address(text.parse().expect("an address"));
        assert_eq!(
            interface("iface=eth1.7"),
            Some(Interface::Name("eth1.7".to_owned()))
        );
        assert_eq!(interface("localaddr=10.0.0.5"), Some(address("10.0.0.5")));
        assert_eq!(
            interface("localaddr=fe80::1&ttl=3"),
            Some(address("fe80::1"))
        );
        assert_eq!(interface("buffer_size=9"), None);
        for bad in [
            "iface=",
            "iface=../etc",
            "iface=a%20b",
            "iface=waytoolongforaname",
        ] {
            let url = SourceUrl::parse(&format!("udp://@239.1.2.3:1?{bad}")).expect("a URL");
            assert!(Target::of(url.as_url()).is_err(), "{bad}");
        }
    }
}
