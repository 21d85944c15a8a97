//! Addresses, address ranges, URLs and header values.

use super::parser::{Parser, Shape, quoted, whole};
use crate::stream::SourceUrl;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// An address and port to listen on. No names: resolving one is not for a parser.
pub(super) struct Listen;

impl Parser for Listen {
    type Value = SocketAddr;

    fn parse(&self, text: &str) -> Option<SocketAddr> {
        text.trim().parse().ok()
    }

    fn allowed(&self) -> String {
        "an IP address and port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080".to_owned()
    }

    fn show(&self, value: &SocketAddr) -> String {
        quoted(&value.to_string())
    }
}

/// Address ranges, comma-separated; a lone address is a range of one.
pub(super) struct Cidrs;

/// The most ranges in a list; each is compared with each address that a source resolves to.
const CIDRS_MAX: usize = 256;

impl Parser for Cidrs {
    type Value = Vec<IpNet>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<IpNet>> {
        list(text, CIDRS_MAX, cidr)
    }

    fn allowed(&self) -> String {
        format!(
            "up to {CIDRS_MAX} address ranges, comma-separated, such as 10.0.0.0/8,fd00::/8,192.0.2.7"
        )
    }

    fn show(&self, value: &Vec<IpNet>) -> String {
        array(value)
    }
}

/// Refuses a range with host bits (`10.0.0.7/8`): one of its two halves is not what its author meant.
fn cidr(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.into());
    }
    let net: IpNet = text.parse().ok()?;
    (net.trunc() == net).then_some(net)
}

/// Ports, comma-separated.
pub(super) struct Ports;

/// The most ports in a list.
const PORTS_MAX: usize = 1024;

impl Parser for Ports {
    type Value = Vec<u16>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<u16>> {
        let port = whole::<u16>(1, 65_535);
        list(text, PORTS_MAX, |item| port.parse(item))
    }

    fn allowed(&self) -> String {
        format!("up to {PORTS_MAX} ports from 1 to 65535, comma-separated, or empty for none")
    }

    fn show(&self, value: &Vec<u16>) -> String {
        array(value)
    }
}

/// Schemes that a source may have, comma-separated.
pub(super) struct Schemes;

impl Parser for Schemes {
    type Value = Vec<String>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<String>> {
        let known = SourceUrl::SCHEMES;
        let schemes = list(text, known.len(), |item| {
            let scheme = item.to_ascii_lowercase();
            known.contains(&scheme.as_str()).then_some(scheme)
        })?;
        (!schemes.is_empty()).then_some(schemes)
    }

    fn allowed(&self) -> String {
        format!("some of {}, comma-separated", SourceUrl::SCHEMES.join(","))
    }

    fn show(&self, value: &Vec<String>) -> String {
        array(value)
    }
}

/// At most `most` comma-separated items; none in an empty text.
pub(super) fn list<T>(text: &str, most: usize, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    if text.split(',').nth(most).is_some() {
        return None;
    }
    text.split(',').map(|text| item(text.trim())).collect()
}

/// A TOML array of strings.
pub(super) fn array<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// The URL at which clients reach this server, its path ending in `/` so that relative paths join below it.
pub(super) struct PublicUrl;

impl Parser for PublicUrl {
    type Value = Url;

    fn parse(&self, text: &str) -> Option<Url> {
        if text.len() > 2048 {
            return None;
        }
        let mut url = Url::parse(text.trim()).ok()?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return None;
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Some(url)
    }

    fn allowed(&self) -> String {
        "an http or https URL without credentials, query or fragment, such as https://tv.example.org/sightglass/".to_owned()
    }

    fn show(&self, value: &Url) -> String {
        quoted(value.as_str())
    }
}

/// The value of a header field (RFC 9110 clause 5.5, visible ASCII and single-line).
pub(super) struct HeaderText;

impl Parser for HeaderText {
    type Value = String;

    fn parse(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let good =
            (1..=256).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        good.then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        "1 to 256 printable ASCII characters".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for text in ["127.0.0.1:0", "0.0.0.0:65535", "[::1]:80"] {
            assert_eq!(
                Listen.parse(text).map(|a| a.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "",
            "8080",
            ":8080",
            "localhost:80",
            "127.0.0.1:65536",
            "::1:80/",
        ] {
            assert_eq!(Listen.parse(text), None, "{text}");
        }
    }

    #[test]
    fn ranges() {
        let nets = Cidrs.parse(" 10.0.0.0/8, fd00::/8 ,192.0.2.7").unwrap();
        let text: Vec<_> = nets.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"]);
        assert_eq!(
            Cidrs.show(&nets),
            r#"["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"]"#
        );
        assert_eq!(Cidrs.parse(""), Some(vec![]));
        for text in [
            ",",
            "10.0.0.0/8,",
            "10.0.0.0/33",
            "10.0.0.7/8",
            "example.org",
            "10/8",
        ] {
            assert_eq!(Cidrs.parse(text), None, "{text}");
        }
        assert!(Cidrs.parse(&["10.0.0.0/8"; 256].join(",")).is_some());
        assert!(Cidrs.parse(&["10.0.0.0/8"; 257].join(",")).is_none());
    }

    #[test]
    fn ports_and_schemes() {
        assert_eq!(Ports.parse(" 22, 6379"), Some(vec![22, 6379]));
        assert_eq!(Ports.parse(""), Some(vec![]));
        for text in ["0", "65536", "22,", "22-25", "ssh"] {
            assert_eq!(Ports.parse(text), None, "{text}");
        }
        let some = vec!["http".to_owned(), "udp".to_owned()];
        assert_eq!(Schemes.parse("HTTP, udp"), Some(some));
        for text in ["", "file", "http,ftp", "http,"] {
            assert_eq!(Schemes.parse(text), None, "{text}");
        }
    }

    #[test]
    fn public_urls_join_below_their_path() {
        let url = PublicUrl.parse("https://tv.example.org/sub").unwrap();
        assert_eq!(
            url.join("streams/preview/a").unwrap().as_str(),
            "https://tv.example.org/sub/streams/preview/a"
        );
        for text in [
            "",
            "tv.example.org",
            "ftp://a/",
            "http://u:p@a/",
            "http://a/?x",
            "http://a/#x",
            "http://",
        ] {
            assert_eq!(PublicUrl.parse(text), None, "{text}");
        }
    }

    #[test]
    fn header_text_holds_no_line_break() {
        assert!(HeaderText.parse("VLC/3.0 (x)").is_some());
        for text in ["", "a\r\nb", "ä", &"x".repeat(257)] {
            assert_eq!(HeaderText.parse(text), None, "{text:?}");
        }
    }
}
