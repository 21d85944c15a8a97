use super::*;
use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

fn trust(headers: ProxyHeaders) -> Trust {
    let proxies = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a range"));
    let proxies = proxies.to_vec();
    Trust { proxies, headers }
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::try_from(*name).expect("a name");
        map.append(name, HeaderValue::try_from(*value).expect("a value"));
    }
    map
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn x(peer: &str, lines: &[(&str, &str)]) -> Option<Told> {
    trust(ProxyHeaders::XForwarded).client(ip(peer), &map(lines))
}

fn rfc(peer: &str, line: &str) -> Told {
    let trust = trust(ProxyHeaders::Forwarded);
    let told = trust.client(ip(peer), &map(&[("forwarded", line)]));
    told.expect("a trusted peer")
}

#[test]
fn strangers_are_not_believed() {
    let lies = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(x("192.0.2.1", &lies), None);
    // Nor by the header that is not configured.
    let told = x("10.0.0.1", &[("forwarded", "for=127.0.0.1")]);
    assert_eq!(told.map(|it| it.address), Some(ip("10.0.0.1")));
    assert_eq!(rfc("10.0.0.1", "").address, ip("10.0.0.1"));
}

#[test]
fn the_chain_is_read_from_the_right_up_to_the_first_stranger() {
    for (chain, client) in [
        ("192.0.2.1", "192.0.2.1"),
        // The client has put the left ones there itself.
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.9, 192.0.2.1, 10.0.0.2, 10.0.0.3", "192.0.2.1"),
        // All of them ours: the outermost.
        ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("192.0.2.1, unknown", "10.0.0.1"),
        ("192.0.2.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("", "10.0.0.1"),
        (",,,", "10.0.0.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("192.0.2.1:4711, fd00::1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ] {
        let told = x("10.0.0.1", &[("x-forwarded-for", chain)]).expect("trusted");
        assert_eq!(told.address, ip(client), "{chain}");
    }
    // Several lines are one list (RFC 9110, 5.3).
    let lines = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.2"),
    ];
    assert_eq!(
        x("10.0.0.1", &lines).expect("trusted").address,
        ip("192.0.2.2")
    );
}

#[test]
fn scheme_and_host_are_those_of_the_same_proxy() {
    let told = |lines: &[(&str, &str)]| {
        let told = x("10.0.0.1", lines).expect("trusted");
        (told.https, told.host)
    };
    let (chain, proto, host) = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host");
    let both = told(&[
        (chain, "192.0.2.1"),
        (proto, "https"),
        (host, "TV.example:8443"),
    ]);
    assert_eq!(both, (Some(true), Some("tv.example:8443".to_owned())));
    // The inner proxy speaks plain HTTP to us; the outer one, which has added its word too, took https.
    let lines = [(chain, "192.0.2.1, 10.0.0.2"), (proto, "https, http")];
    assert_eq!(told(&lines).0, Some(true));
    // What stands further left came from the client.
    let lines = [
        (chain, "192.0.2.1"),
        (proto, "https, http"),
        (host, "evil.example, tv.example"),
    ];
    assert_eq!(told(&lines), (Some(false), Some("tv.example".to_owned())));
    // Nothing that would end the authority.
    for text in ["a/b", "a@b", "a b", "a\"", ""] {
        assert_eq!(told(&[(host, text)]).1, None, "{text}");
    }
}

#[test]
fn the_standard_header() {
    // The examples of RFC 7239, section 4, and what is odd about quoting.
    for (line, client) in [
        ("for=192.0.2.43", "192.0.2.43"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("for=198.51.100.17, for=\"10.0.0.7:1\"", "198.51.100.17"),
        ("for=_hidden", "10.0.0.1"),
        ("for=\"_a,for=192.0.2.1\"", "10.0.0.1"),
        (r#"for="192.0.2\.9""#, "192.0.2.9"),
        ("proto=https", "10.0.0.1"),
    ] {
        assert_eq!(rfc("10.0.0.1", line).address, ip(client), "{line}");
    }
    let told = rfc(
        "10.0.0.1",
        "for=1.1.1.1;host=evil, for=192.0.2.1; proto=https; host=\"tv:1\"",
    );
    assert_eq!(
        (told.https, told.host.as_deref()),
        (Some(true), Some("tv:1"))
    );
}

proptest! {
    /// Whatever a client sends, one trusted proxy in front makes it out rightly.
    #[test]
    fn nobody_can_forge_an_address(junk in "[ -~]{0,60}", host in 1u8..255) {
        let client = format!("192.0.2.{host}");
        let chain = format!("{junk}, {client}");
        let told = x("10.0.0.1", &[("x-forwarded-for", &chain)]).expect("trusted");
        prop_assert_eq!(told.address, ip(&client));
        // As a line of its own, which is how it is when the proxy adds one.
        let lines = [("x-forwarded-for", junk.as_str()), ("x-forwarded-for", client.as_str())];
        prop_assert_eq!(x("10.0.0.1", &lines).expect("trusted").address, ip(&client));
        let trust = trust(ProxyHeaders::Forwarded);
        let own = format!("for={client}");
        let lines = [("forwarded", junk.as_str()), ("forwarded", own.as_str())];
        let told = trust.client(ip("10.0.0.1"), &map(&lines)).expect("trusted");
        prop_assert_eq!(told.address, ip(&client));
        // In the same line a quote may be left open: then it is the proxy, but never whom the client says.
        for own in [own, format!("for=\"{client}:1\"")] {
            let line = format!("for=203.0.113.1;{junk}, {own}");
            let address = rfc("10.0.0.1", &line).address;
            prop_assert!(address == ip(&client) || address == ip("10.0.0.1"), "{} as {}", line, address);
        }
    }
}
