//! Where a source may lead: every trick that takes a URL elsewhere than it says.

use crate::support::*;

const HLS: &str = "application/vnd.apple.mpegurl";

/// What a stream of this URL fails with, in the first seconds: stage, cause, all of the answer.
async fn refusal(server: &Server, id: &str, url: &str) -> (String, String, String) {
    server.add_stream(id, url).await;
    let (status, _, body) = server
        .get(&format!("/streams/preview/{id}?timeout=6000"))
        .await;
    assert!(matches!(status, 502 | 504), "{id}: {status} {body}");
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    (text("stage"), text("cause"), body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_redirect_or_child_leads_to_a_denied_address() {
    let (origin, inner) = (Origin::start(), Origin::start());
    let server = Server::start(Options::new().env("SOURCE_ALLOW_CIDRS", "127.0.0.1/32")).await;
    let port = inner
        .url("")
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    let at = |host: &str| format!("http://{host}:{port}/x.ts");
    let ts = origin.content(
        "a.ts",
        "video/mp2t",
        std::fs::read(media("bbb.ts")).unwrap(),
    );
    let list =
        |lines: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{lines}\n#EXTINF:2,\n{ts}\n");
    let denied = at("127.0.0.2");
    let two = format!("#EXTINF:2,\n{denied}\n#EXTINF:2,\n{denied}?2\n#EXT-X-ENDLIST");
    let mut sources: Vec<(String, String)> = [
        "127.0.0.2",
        "2130706434",         // decimal
        "0177.0.0.2",         // octal
        "0x7f.0.0.2",         // hexadecimal
        "127.2",              // short
        "[::ffff:127.0.0.2]", // mapped
        "[::127.0.0.2]",      // compatible
        "[64:ff9b::7f00:2]",  // NAT64
        "[2002:7f00:2::]",    // 6to4
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
    ]
    .iter()
    .enumerate()
    .flat_map(|(n, host)| {
        let hop = origin.redirect(&format!("hop-{n}"), &at(host));
        [(format!("direct-{n}"), at(host)), (format!("hop-{n}"), hop)]
    })
    .collect();
    let playlist = |name: &str, text: String| {
        (
            name.to_owned(),
            origin.content(&format!("{name}/x.m3u8"), HLS, text),
        )
    };
    sources.extend([
        playlist(
            "segments",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{two}\n"),
        ),
        playlist(
            "key",
            list(&format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{denied}\"")),
        ),
        playlist(
            "variant",
            format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{denied}\n"),
        ),
    ]);
    // A name that resolves to an address that is denied, beside one that may not exist there.
    if let Ok(found) = tokio::net::lookup_host(("ip6-localhost", 1)).await
        && found.into_iter().all(|address| address.ip().is_ipv6())
    {
        sources.push(("name".to_owned(), at("ip6-localhost")));
    }
    for (id, url) in sources {
        let (stage, cause, text) = refusal(&server, &id, &url).await;
        assert_eq!((&*stage, &*cause), ("policy", "policy"), "{id}: {text}");
        assert!(text.contains("SOURCE_ALLOW_CIDRS"), "{id}: {text}");
    }
    assert_eq!(inner.counters().accepted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_or_playlist_leads_to_another_scheme() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    for (n, target) in [
        "file:///etc/hostname",
        "concat:/etc/hostname",
        "data:video/mp2t;base64,R0c=",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1:6379/_x",
        "udp://239.1.2.3:1234",
        "subfile,,start,0,end,9,,:/etc/hostname",
    ]
    .iter()
    .enumerate()
    {
        let url = origin.redirect(&format!("to-{n}"), target);
        let (stage, _, text) = refusal(&server, &format!("to-{n}"), &url).await;
        // The last is no URL at all, and so a path at the origin.
        let expected = if target.starts_with("subfile") {
            "request"
        } else {
            "policy"
        };
        assert_eq!(stage, expected, "{target}: {text}");
        let list =
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n");
        let name = format!("list-{n}");
        let url = origin.content(&format!("{name}/x.m3u8"), HLS, list);
        let (stage, _, text) = refusal(&server, &name, &url).await;
        assert!(
            matches!(&*stage, "policy" | "manifest" | "request" | "demux"),
            "{target}: {text}"
        );
        assert!(!text.contains("hostname"), "{target}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_decides_and_each_refusal_says_how() {
    let origin = Origin::start();
    let port = origin
        .url("")
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    for (setting, value, url) in [
        ("SOURCE_DENY_CIDRS", "127.0.0.0/16", origin.url("x.ts")),
        ("SOURCE_DENY_PORTS", port.as_str(), origin.url("x.ts")),
        ("SOURCE_SCHEMES", "https,udp", origin.url("x.ts")),
        (
            "SOURCE_ALLOW_PRIVATE",
            "false",
            "http://10.255.255.1/x.ts".to_owned(),
        ),
    ] {
        let server = Server::start(Options::new().env(setting, value)).await;
        let (stage, cause, text) = refusal(&server, "tv", &url).await;
        assert_eq!(
            (&*stage, &*cause),
            ("policy", "policy"),
            "{setting}: {text}"
        );
        assert!(text.contains(setting), "{setting}: {text}");
    }
    assert_eq!(origin.counters().accepted, 0);
    let server = Server::start(Options::new()).await;
    let (_, _, text) = refusal(&server, "redis", "http://127.0.0.1:6379/").await;
    assert!(text.contains("SOURCE_DENY_PORTS"), "{text}");
}
