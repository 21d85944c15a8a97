//! URLs of RTSP: what a source's URL asks for, and the control URLs of a description. Pure.

use url::Url;

/// What carries the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Interleaved in the RTSP connection (RFC 2326, 10.12).
    Tcp,
    /// Datagrams.
    Udp,
}

/// The URL to ask for, and the carrier that it demands.
///
/// There is no standard for the latter. As ffmpeg has it, a parameter `udp` or `tcp` in the query
/// (`rtsp://host/path?udp`), or `rtsp_transport=udp`, is for us and not sent to the server.
pub(super) fn target(url: &Url) -> (Url, Option<Carrier>) {
    let mut url = url.clone();
    url.set_fragment(None);
    let mut demanded = None;
    let query = url.query().map(|query| {
        let carrier = |part: &str| match part {
            "udp" | "rtsp_transport=udp" => Some(Carrier::Udp),
            "tcp" | "rtsp_transport=tcp" => Some(Carrier::Tcp),
            _ => None,
        };
        let (ours, theirs): (Vec<_>, Vec<_>) =
            query.split('&').partition(|part| carrier(part).is_some());
        demanded = ours.first().and_then(|part| carrier(part));
        theirs.join("&")
    });
    if demanded.is_some() {
        url.set_query(query.as_deref().filter(|query| !query.is_empty()));
    }
    (url, demanded)
}

/// Whether both have the same scheme, host and port, so that what is secret to one may be sent to the other.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    let host = |url: &Url| url.host_str().map(str::to_ascii_lowercase);
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

/// The port of an rtsp or rtsps URL.
pub(super) fn port(url: &Url) -> u16 {
    // `url` knows no default for these schemes.
    let default = if is_secure(url) { 322 } else { 554 };
    url.port().unwrap_or(default)
}

/// Whether it is reached over TLS.
pub(super) fn is_secure(url: &Url) -> bool {
    url.scheme() == "rtsps"
}

/// A URL that a server names, if it is one of ours.
pub(super) fn parse(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    let known = matches!(url.scheme(), "rtsp" | "rtsps") && url.has_host();
    if !known || url.set_username("").is_err() || url.set_password(None).is_err() {
        return None;
    }
    Some(url)
}

/// The URL of `a=control` below a base. RFC 2326, C.1.1 wants it resolved as any relative URL;
/// servers and clients agree on putting one behind the other, whatever the base ends with.
pub(super) fn control(base: &Url, control: Option<&str>) -> Url {
    let Some(control) = control.filter(|text| !matches!(*text, "" | "*")) else {
        return base.clone();
    };
    if let Some(absolute) = parse(control) {
        return absolute;
    }
    let base_text = base.as_str().trim_end_matches('/');
    let joined = format!("{base_text}/{}", control.trim_start_matches('/'));
    Url::parse(&joined).unwrap_or_else(|_| base.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_carrier_is_not_sent_to_the_server() {
        for (given, asked, carrier) in [
            ("rtsp://h/a", "rtsp://h/a", None),
            ("rtsp://h/a?udp", "rtsp://h/a", Some(Carrier::Udp)),
            (
                "rtsp://h/a?x=1&rtsp_transport=tcp&y=%20#z",
                "rtsp://h/a?x=1&y=%20",
                Some(Carrier::Tcp),
            ),
            ("rtsp://h/a?udpx=1&tcp=2", "rtsp://h/a?udpx=1&tcp=2", None),
        ] {
            assert_eq!(target(&url(given)), (url(asked), carrier), "{given}");
        }
    }

    #[test]
    fn control_urls() {
        for (base, name, whole) in [
            ("rtsp://h/a/", "stream=0", "rtsp://h/a/stream=0"),
            ("rtsp://h/a", "trackID=1", "rtsp://h/a/trackID=1"),
            ("rtsp://h/a?c=1", "trackID=1", "rtsp://h/a?c=1/trackID=1"),
            ("rtsp://h/a", "/t", "rtsp://h/a/t"),
            ("rtsp://h/a", "rtsp://other:99/t", "rtsp://other:99/t"),
            ("rtsp://h/a", "http://other/t", "rtsp://h/a/http://other/t"),
            ("rtsp://h/a/", "*", "rtsp://h/a/"),
            ("rtsp://h/a", "x\ry z", "rtsp://h/a/xy%20z"),
        ] {
            assert_eq!(control(&url(base), Some(name)), url(whole), "{base} {name}");
        }
        assert_eq!(control(&url("rtsp://h/a"), None), url("rtsp://h/a"));
    }

    #[test]
    fn origins_and_foreign_urls() {
        assert!(same_origin(
            &url("rtsp://Host/a"),
            &url("rtsp://host:554/b")
        ));
        assert!(!same_origin(&url("rtsp://host/a"), &url("rtsps://host/a")));
        assert!(!same_origin(
            &url("rtsp://host/a"),
            &url("rtsp://host:8554/a")
        ));
        assert_eq!(parse("file:///etc/passwd"), None);
        assert_eq!(parse("rtsp://u:p@h/x"), Some(url("rtsp://h/x")));
    }
}
