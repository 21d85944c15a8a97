//! What reverse proxies tell of the client: `X-Forwarded-*`, or `Forwarded` (RFC 7239).
//!
//! Each proxy adds what it has seen at the right end. So the chain is read from there, and only as far as the one who has
//! written the next word is trusted: what stands to the left of that was sent by the client, whatever it says.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::ProxyHeaders;

/// Proxies in a row that are looked through at most.
const HOPS: usize = 16;

/// Whose word is taken.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    /// The proxies.
    pub(super) proxies: Vec<IpNet>,
    /// What they tell by.
    pub(super) headers: ProxyHeaders,
}

/// The client as proxies saw it. What they did not tell is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) address: IpAddr,
    pub(super) https: Option<bool>,
    pub(super) host: Option<String>,
}

impl Trust {
    /// Whether this is a proxy whose word is taken.
    pub(super) fn covers(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|net| net.contains(&address))
    }

    /// The client behind `peer`, if that is a trusted proxy.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Told> {
        if !self.covers(peer) {
            return None;
        }
        let told = match self.headers {
            ProxyHeaders::XForwarded => self.x_forwarded(peer, headers),
            ProxyHeaders::Forwarded => self.forwarded(peer, headers),
        };
        Some(told)
    }

    fn x_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Told {
        let chain = values(headers, "x-forwarded-for");
        let (address, hop) = self.walk(peer, chain.iter().map(|text| node(text)));
        // Some proxies add to these two, others replace them: the word of the outermost that is trusted, if there are as
        // many, else the last one that is.
        let of_hop = |name| {
            let all = values(headers, name);
            all.get(hop.min(all.len().checked_sub(1)?)).copied()
        };
        Told {
            address,
            https: of_hop("x-forwarded-proto").and_then(is_https),
            host: of_hop("x-forwarded-host").and_then(authority),
        }
    }

    fn forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Told {
        let lines = headers.get_all("forwarded").iter().rev();
        let elements = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| {
                // A quote that a client has left open would swallow what the proxy has added: nothing of it is taken.
                let mut elements = split(line, b',').unwrap_or_else(|| vec![""]);
                elements.reverse();
                elements
            });
        let elements: Vec<_> = elements.take(HOPS).map(Element::read).collect();
        let nodes = elements.iter().map(|it| it.node.as_deref().and_then(node));
        let (address, hop) = self.walk(peer, nodes);
        let element = elements.get(hop);
        Told {
            address,
            https: element.and_then(|it| it.proto.as_deref().and_then(is_https)),
            host: element.and_then(|it| it.host.as_deref().and_then(authority)),
        }
    }

    /// From the peer outwards, to the first that is not trusted or not told of: it, and the place in the chain of the word
    /// about it.
    fn walk(&self, peer: IpAddr, chain: impl Iterator<Item = Option<IpAddr>>) -> (IpAddr, usize) {
        let (mut address, mut hop) = (peer, 0);
        for (at, next) in chain.enumerate().take(HOPS) {
            // `unknown` and hidden names (RFC 7239, 6.2 and 6.3): the proxy that says so is all there is.
            let Some(next) = next else { break };
            (address, hop) = (next, at);
            if !self.covers(next) {
                break;
            }
        }
        (address, hop)
    }
}

/// The items of a list that may be spread over several lines, from the right; no more than are looked at.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().rev();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts
        .flat_map(|text| text.rsplit(','))
        .map(str::trim)
        .take(HOPS)
        .collect()
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    let address = address.or_else(|| {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse().ok().map(IpAddr::V6)
    });
    address.map(|address| address.to_canonical())
}

fn is_https(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("https") || text.eq_ignore_ascii_case("wss") {
        return Some(true);
    }
    let plain = text.eq_ignore_ascii_case("http") || text.eq_ignore_ascii_case("ws");
    plain.then_some(false)
}

/// What can be the authority of a URL, in lower case: a host and perhaps a port, and nothing that would end it (header
/// injection).
pub(super) fn authority(text: &str) -> Option<String> {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    let good = !text.is_empty() && text.len() <= 255 && text.chars().all(plain);
    good.then(|| text.to_ascii_lowercase())
}

/// One proxy's word (RFC 7239, section 4).
#[derive(Debug, Default)]
struct Element<'a> {
    node: Option<Cow<'a, str>>,
    proto: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
}

impl<'a> Element<'a> {
    fn read(text: &'a str) -> Self {
        let mut element = Self::default();
        for pair in split(text, b';').unwrap_or_default() {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let value = Some(unquote(value));
            match name.to_ascii_lowercase().as_str() {
                "for" => element.node = value,
                "proto" => element.proto = value,
                "host" => element.host = value,
                _ => {}
            }
        }
        element
    }
}

/// The parts between these marks, but for marks in quotes; `None` where a quote is left open.
fn split(text: &str, mark: u8) -> Option<Vec<&str>> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == mark && !quoted => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    (!quoted).then_some(parts)
}

/// The text of a token or a quoted string.
fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
