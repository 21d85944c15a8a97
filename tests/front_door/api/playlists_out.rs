//! Playlists out.

use super::*;

async fn exported(server: &Server, query: &str) -> String {
    let (status, headers, text) = server.get(&format!("/playlist.m3u{query}")).await;
    assert_eq!(status, 200, "{query}: {text}");
    assert!(
        header(&headers, "content-type").starts_with(M3U),
        "{headers:?}"
    );
    text.as_str().expect("text").to_owned()
}

fn urls(playlist: &str) -> Vec<&str> {
    playlist
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_are_exported() {
    let server = Server::start(Options::new()).await;
    let list = "#EXTM3U
#EXTINF:-1 tvg-id=\"a.tv\" tvg-logo=\"http://logo.example/a.png\" group-title=\"News\" tvg-chno=\"7\",Alpha
http://provider.example/s3cr3t/a|X-Key=s3cr3t
#EXTINF:-1 group-title=\"Sport\" catchup-source=\"http://provider.example/s3cr3t\",Beta
http://provider.example/s3cr3t/b
#EXTINF:-1,Gamma
http://provider.example/s3cr3t/c
";
    import(&server, IMPORT, list).await;
    server
        .patch("/api/v1/streams/gamma", &json!({"enabled": false}))
        .await;
    let base = server.base();
    let text = exported(&server, "").await;
    let preview = |id: &str, rest: &str| format!("{base}/streams/preview/{id}{rest}");
    assert_eq!(urls(&text), [preview("alpha", ""), preview("beta", "")]);
    assert!(text.starts_with("#EXTM3U\n"), "{text}");
    for part in [
        "tvg-id=\"a.tv\"",
        "tvg-logo=\"http://logo.example/a.png\"",
        "group-title=\"News\"",
        "tvg-chno=\"7\"",
        ",Alpha\n",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(
        !text.contains("provider.example") && !text.contains("s3cr3t"),
        "{text}"
    );

    let text = exported(&server, "?quality=low").await;
    assert_eq!(
        urls(&text),
        [
            preview("alpha", "?quality=low"),
            preview("beta", "?quality=low")
        ]
    );
    let text = exported(&server, "?format=hls&quality=source&group=Sport").await;
    assert_eq!(urls(&text), [preview("beta", "/index.m3u8?quality=source")]);
    assert_eq!(exported(&server, "?group=None").await, "#EXTM3U\n");
    // Any page may read it.
    let (_, headers, _) = server
        .request(
            Method::GET,
            "/playlist.m3u",
            &[("origin", "http://page.example")],
            None,
        )
        .await;
    assert_eq!(header(&headers, "access-control-allow-origin"), "*");

    let public =
        Server::start(Options::new().env("PUBLIC_URL", "https://tv.example.org/sub/")).await;
    public.add(stream("a")).await;
    assert_eq!(
        urls(&exported(&public, "").await),
        ["https://tv.example.org/sub/streams/preview/a"]
    );
}

/// As the README's table of the API has it.
#[tokio::test(flavor = "multi_thread")]
async fn exported_previews_can_ask_for_conversion() {
    let server = Server::start(Options::new()).await;
    server.add(stream("a")).await;
    let text = exported(&server, "?transcode=true").await;
    assert_eq!(urls(&text), [server.preview("a", "transcode=true")]);
    let text = exported(&server, "?quality=low&transcode=true").await;
    assert_eq!(
        urls(&text),
        [server.preview("a", "quality=low&transcode=true")]
    );
    let reply = server.get("/playlist.m3u?transcode=maybe").await;
    assert_problem("transcode=maybe", &reply, 400, "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn exported_sources_come_back_the_same() {
    let (here, there) = (
        Server::start(Options::new()).await,
        Server::start(Options::new()).await,
    );
    for body in [
        json!({"id": "one", "name": "News, \"24\"", "group": "A \"B\"", "logo": "http://logo.example/x.png", "tvg_id": "one.tv",
            "attributes": {"tvg-chno": "7", "catchup": "default", "vlcopt.network-caching": "500", "kodiprop.inputstream": "x"},
            "sources": [{"url": "http://h.example/x.ts?a=1&b=2", "user_agent": "VLC 3",
                "credentials": {"type": "basic", "username": "b@b", "password": "p:w"},
                "headers": {"Referer": "http://r.example/", "Origin": "http://o.example", "X-Key": "a&b c"}}]}),
        json!({"id": "two", "name": "Zwei ü", "sources": [{"url": "https://h.example/2.m3u8", "headers": {},
            "credentials": {"type": "bearer", "token": "t0ken"}}]}),
        json!({"id": "my-id", "name": "News, \"24\"", "sources": [{"url": "test://ball?fps=30", "headers": {}}]}),
    ] {
        here.add(body).await;
    }
    let text = exported(&here, "?sources=true&secrets=true").await;
    assert_eq!(urls(&text).len(), 3, "{text}");
    let report = import(&there, IMPORT, &text).await;
    assert_eq!(counts(&report), [3, 0, 0, 0], "{report}\n{text}");
    for id in ["one", "two", "my-id"] {
        let path = format!("{STREAMS}/{id}");
        let (mut sent, mut came) = (here.get(&path).await.2, there.get(&path).await.2);
        for view in [&mut sent, &mut came] {
            for name in ["created_at", "updated_at"] {
                view[name].take();
            }
        }
        assert_eq!(came, sent, "{text}");
    }
    assert_eq!(exported(&there, "?sources=true&secrets=true").await, text);
    let again = import(&here, IMPORT, &text).await;
    assert_eq!(counts(&again), [0, 0, 3, 0], "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_header_cannot_write_into_a_playlist() {
    let server = Server::start(Options::new()).await;
    server.add(stream("a")).await;
    let with = async |host: &str| {
        let request =
            format!("GET /playlist.m3u HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw(&server, request.as_bytes(), "/streams/preview/a\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        (head.to_owned(), body.to_owned())
    };
    for good in ["tv.example:8080", "[::1]:80", "localhost"] {
        let (_, body) = with(good).await;
        assert!(
            body.contains(&format!("\nhttp://{good}/streams/preview/a\n")),
            "{good}: {body}"
        );
    }
    let own = format!("\n{}/streams/preview/a\n", server.base());
    for bad in [
        "evil.example/x?",
        "me@evil.example",
        "evil.example\"",
        "a b",
        "<script>",
        "evil.example#",
        "evil.example\\x",
        "evil.example\t#EXTINF:-1,Evil",
        "%0d%0aevil",
        "",
        &"a".repeat(300),
        "\u{e9}vil.example",
    ] {
        let (head, body) = with(bad).await;
        // Refused, or answered as if no host had been told.
        let refused = head.starts_with("HTTP/1.1 400 ");
        assert!(refused || body.contains(&own), "{bad:?}: {head}\n{body}");
        assert!(
            !body.contains("evil") && !body.contains("vil.example"),
            "{bad:?}: {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_over_http2_names_the_host_that_was_asked() {
    let server = Server::start(Options::new()).await;
    server.add(stream("a")).await;
    let client = crate::support::http_client()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let base = server.base().replace("127.0.0.1", "localhost");
    let answer = client
        .get(format!("{base}/playlist.m3u"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let text = answer.text().await.expect("text");
    assert_eq!(urls(&text), [format!("{base}/streams/preview/a")]);
}
