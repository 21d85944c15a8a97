//! Secrets and addresses.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_source_gives_nothing_away() {
    let origin = Origin::start();
    let server = Server::start(Options::new().env("LOG_LEVEL", "debug")).await;
    origin.status("secret-door", 403);
    let url = origin.url("secret-door/s3cr3t-path/7.ts?token=s3cr3t-query");
    let definition = json!({"id": "shut", "name": "Shut", "sources": [{
        "url": url, "user_agent": "s3cr3t-agent", "headers": {"X-Key": "s3cr3t-header"},
        "credentials": {"type": "basic", "username": "s3cr3t-user", "password": "s3cr3t-word"},
    }]});
    server.add(definition).await;
    let address = origin.address().to_string();
    let clean = |what: &str, text: &str| {
        for secret in ["s3cr3t", "secret-door", &address, "czNjcjN0"] {
            assert!(!text.contains(secret), "{secret} in {what}: {text}");
        }
    };
    for path in [
        "/streams/preview/shut?timeout=4000",
        "/streams/preview/shut/index.m3u8?timeout=4000&quality=low",
    ] {
        let reply = server.get(path).await;
        assert_problem(path, &reply, 502, "source_failed");
        assert_eq!(
            (&reply.2["stage"], &reply.2["cause"]),
            (&json!("request"), &json!("auth")),
            "{}",
            reply.2
        );
        clean(path, &reply.2.to_string());
    }
    // The source was really asked with all of them.
    let asked = origin.requests();
    assert_eq!(asked[0].header("x-key"), Some("s3cr3t-header"));
    assert!(
        asked[0]
            .header("authorization")
            .is_some_and(|value| value.starts_with("Basic czNjcjN0"))
    );
    // The list tells why, in the same words.
    let (_, _, view) = server.get("/api/v1/streams/shut").await;
    clean("the failure", &view["failure"].to_string());
    let (_, _, metrics) = server.get("/metrics").await;
    clean("the metrics", &metrics.to_string());
    // A mistake in a definition is told without its value.
    let reply = server
        .post(
            STREAMS,
            &json!({"sources": [{"url": "gopher://u:s3cr3t@h/"}]}),
        )
        .await;
    assert_problem("a bad URL", &reply, 422, "invalid_definition");
    clean("a bad URL", &reply.2.to_string());
    let lines = server.logs().lines();
    assert!(
        lines.iter().any(|line| line.contains("\"shut\"")),
        "the log tells of the stream"
    );
    for line in lines {
        // Libraries may tell the address that they connect to, at the level of debugging.
        let text = if line.contains("\"level\":\"DEBUG\"") {
            line.replace(&address, "")
        } else {
            line
        };
        clean("the log", &text);
    }
}

/// Secrets go in and are used, and no answer shows them but the backup that is asked for with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_definition_shows_no_secret_and_can_be_sent_back() {
    let origin = Origin::start();
    let gate = Gate::open()
        .basic("bob", "s3cr3t-word")
        .header("x-key", "s3cr3t-key");
    let live = origin.ts("tv", TsFile::new(media("bbb.ts")).gate(gate));
    let server = Server::start(Options::new()).await;
    let definition = json!({"id": "tv", "name": "TV", "sources": [{
        "url": live.url(), "headers": {"X-Key": "s3cr3t-key", "Referer": "http://r.example/"},
        "credentials": {"type": "basic", "username": "bob", "password": "s3cr3t-word"},
    }]});
    let made = server.add(definition).await;
    let path = "/api/v1/streams/tv";
    let (_, headers, read) = server.get(path).await;
    let (_, _, list) = server.get(STREAMS).await;
    assert_eq!((&read, &list["items"][0]), (&made, &made));
    let set = json!({"set": true});
    let source = &read["sources"][0];
    assert_eq!(
        (
            &source["headers"]["X-Key"],
            &source["credentials"]["password"]
        ),
        (&set, &set)
    );
    assert_eq!(source["headers"]["Referer"], "http://r.example/");
    let (_, _, plain) = server.get("/playlist.m3u?sources=true").await;
    for text in [made.to_string(), list.to_string(), plain.to_string()] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    let (_, _, backup) = server.get("/playlist.m3u?sources=true&secrets=true").await;
    let backup = backup.as_str().expect("text").to_owned();
    assert!(
        backup.contains("s3cr3t-word") && backup.contains("s3cr3t-key"),
        "{backup}"
    );
    // Each way back leaves the secrets as they are: nothing has changed, so the tag is the same.
    let first = etag(&headers);
    let sources = json!({"sources": read["sources"]});
    for (method, body) in [(Method::PUT, &read), (Method::PATCH, &sources)] {
        let (status, headers, body) = server.request(method, path, &[], Some(body)).await;
        assert_eq!((status, etag(&headers)), (200, first.clone()), "{body}");
    }
    for list in [plain.as_str().expect("text"), backup.as_str()] {
        assert_eq!(counts(&import(&server, IMPORT, list).await), [0, 0, 1, 0]);
    }
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(Duration::from_secs(20)).await;
    // Another server gets none of them.
    let mut moved = read.clone();
    moved["sources"][0]["url"] = json!("http://evil.example/");
    let reply = server.put(path, &moved).await;
    assert_problem("another server", &reply, 422, "invalid_definition");
    assert_eq!(
        reply.2["errors"].as_array().map(Vec::len),
        Some(2),
        "{}",
        reply.2
    );
}

/// What a stream that is down shows of itself can be sent back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_down_can_be_edited() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    server
        .add_stream("shut", &origin.status("secret-door", 403))
        .await;
    let _ = server.get("/streams/preview/shut?timeout=3000").await;
    let (_, _, mut view) = server.get("/api/v1/streams/shut").await;
    assert_eq!(
        (&view["state"], &view["failure"]["cause"]),
        (&json!("down"), &json!("auth")),
        "{view}"
    );
    view["name"] = json!("Still shut");
    let (status, _, put) = server.put("/api/v1/streams/shut", &view).await;
    assert_eq!((status, &put["name"]), (200, &json!("Still shut")), "{put}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_or_playlist_leads_to_a_denied_address() {
    let (origin, inner) = (Origin::start(), Origin::start());
    let server = Server::start(Options::new().env("SOURCE_ALLOW_CIDRS", "127.0.0.1/32")).await;
    // The inner origin does not listen there, but an attempt would fail otherwise: refused, not denied.
    let denied = inner.url("x.ts").replace("127.0.0.1", "127.0.0.2");
    let hls =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{denied}\n#EXTINF:2,\n{denied}?2\n");
    let variant = format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{denied}\n");
    for (id, url) in [
        ("direct", denied.clone()),
        ("hop", origin.redirect("hop", &denied)),
        (
            "hops",
            origin.redirect("hops", &origin.redirect("hop2", &denied)),
        ),
        (
            "metadata",
            origin.redirect("metadata", "http://169.254.169.254/latest/"),
        ),
        (
            "mapped",
            origin.redirect("mapped", "http://[::ffff:7f00:2]/x"),
        ),
        ("file", origin.redirect("file", "file:///etc/passwd")),
        (
            "media",
            origin.content("media/x.m3u8", "application/vnd.apple.mpegurl", hls),
        ),
        (
            "variant",
            origin.content("variant/x.m3u8", "application/vnd.apple.mpegurl", variant),
        ),
    ] {
        server.add_stream(id, &url).await;
        let (status, headers, body) = server
            .get(&format!("/streams/preview/{id}?timeout=4000"))
            .await;
        assert_eq!(
            header(&headers, "content-type"),
            "application/problem+json",
            "{id}"
        );
        assert!(matches!(status, 502 | 504), "{id}: {body}");
        assert_eq!(body["stage"], "policy", "{id}: {body}");
        let told = body.to_string();
        assert!(
            !told.contains("127.0.0") && !told.contains("169.254") && !told.contains("passwd"),
            "{told}"
        );
    }
    let by_redirect = json!({"url": origin.url("hop")});
    let reply = server.post(IMPORT, &by_redirect).await;
    assert_problem("an import by redirect", &reply, 422, "source_failed");
    assert_eq!(reply.2["stage"], "policy");
    assert_eq!(inner.counters().accepted, 0);
}
