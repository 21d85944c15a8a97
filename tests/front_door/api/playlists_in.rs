//! Playlists in.

use super::*;

const LIST: &str = "#EXTM3U
#EXTINF:-1 tvg-id=\"cnn.us\" GROUP-TITLE=\"News\" tvg-chno=\"1\",CNN
http://h.example/1
#EXTINF:-1,Sport
#EXTGRP:Sports
http://h.example/2
#EXTINF:-1,CNN again
http://h.example/1
#EXTINF:-1,Plugin
plugin://x/y
#EXTINF:-1,No URL
";

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_each_line() {
    let server = Server::start(Options::new()).await;
    let rows = |report: &Value| -> Vec<(u64, String, String)> {
        let rows = report["rows"].as_array().expect("rows");
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        rows.iter()
            .map(|row| {
                (
                    row["line"].as_u64().expect("a line"),
                    text(row, "action"),
                    text(row, "id"),
                )
            })
            .collect()
    };
    let row = |line: u64, action: &str, id: &str| (line, action.to_owned(), id.to_owned());

    let dry = import(&server, DRY, LIST).await;
    let wanted = vec![
        row(2, "added", "cnn"),
        row(4, "added", "sport"),
        row(7, "skipped", ""),
        row(9, "skipped", ""),
        row(11, "skipped", ""),
    ];
    assert_eq!(
        (&dry["dry_run"], counts(&dry)),
        (&json!(true), [2, 0, 0, 3])
    );
    assert_eq!(rows(&dry), wanted);
    assert_eq!(total(&server).await, 0, "a dry run writes nothing");

    let first = import(&server, IMPORT, LIST).await;
    assert_eq!((&first["dry_run"], rows(&first)), (&json!(false), wanted));
    let reasons: Vec<_> = first["rows"].as_array().expect("rows")[2..]
        .iter()
        .map(|row| row["reason"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(reasons[0], "the same URL as the entry on line 2");
    assert!(reasons[1].contains("scheme"), "{reasons:?}");
    assert_eq!(reasons[2], "the entry has no URL");
    assert!(
        !first.to_string().contains("h.example"),
        "the answer names no URL"
    );
    let (_, _, cnn) = server.get("/api/v1/streams/cnn").await;
    assert_eq!(
        (&cnn["group"], &cnn["tvg_id"]),
        (&json!("News"), &json!("cnn.us"))
    );
    assert_eq!(
        cnn["attributes"]["tvg-chno"], "1",
        "unknown attributes are kept"
    );
    let (_, _, sport) = server.get("/api/v1/streams/sport").await;
    assert_eq!(sport["group"], "Sports");

    // The operator's own changes survive; the list's changes come through; the rest stays.
    server
        .patch(
            "/api/v1/streams/cnn",
            &json!({"tags": ["mine"], "enabled": false}),
        )
        .await;
    let moved = LIST
        .replace("http://h.example/2", "http://h.example/22")
        .replace("No URL", "New\nhttp://h.example/3");
    let dry = import(&server, DRY, &moved).await;
    assert_eq!(counts(&dry), [1, 1, 1, 2], "{dry}");
    assert_eq!(server.get("/api/v1/streams/sport").await.2["revision"], 1);
    let again = import(&server, IMPORT, &moved).await;
    assert_eq!(counts(&again), [1, 1, 1, 2], "{again}");
    let changed = rows(&again);
    assert!(
        changed.contains(&row(4, "changed", "sport"))
            && changed.contains(&row(2, "unchanged", "cnn"))
    );
    let (_, _, cnn) = server.get("/api/v1/streams/cnn").await;
    assert_eq!(
        (&cnn["tags"], &cnn["enabled"], &cnn["revision"]),
        (&json!(["mine"]), &json!(false), &json!(2))
    );
    let (_, _, sport) = server.get("/api/v1/streams/sport").await;
    assert_eq!(
        (&sport["sources"][0]["url"], &sport["revision"]),
        (&json!("http://h.example/22"), &json!(2))
    );
    assert_eq!(total(&server).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_headers_is_understood() {
    let server = Server::start(Options::new()).await;
    let list = "\u{feff}#extm3u
#EXTINF:-1,Vlc
#EXTVLCOPT:http-user-agent=VLC/3.0 (X; Y)
#extvlcopt:http-referrer=http://r.example/
#EXTVLCOPT:http-origin=http://o.example
#EXTVLCOPT:network-caching=500
http://h.example/vlc\r
#EXTINF:-1,Kodi
#KODIPROP:inputstream=inputstream.adaptive
#KODIPROP:inputstream.adaptive.stream_headers=X-Key=a%26b&User-Agent=Kodi%2F20
http://h.example/kodi
#EXTINF:-1,Pipe
http://h.example/pipe?a=1|User-Agent=Pipe 1&Referer=http%3A%2F%2Fr.example%2F&Cookie=a=b
#EXTINF:-1,User
http://me:pa%40ss@h.example/user
#EXTINF:-1,Evil
http://h.example/evil|Host=internal&X-A=a%0d%0aX-B:b&X-Good=1
";
    let report = import(&server, IMPORT, list).await;
    assert_eq!(counts(&report), [5, 0, 0, 0], "{report}");
    for (id, source) in [
        (
            "vlc",
            json!({"url": "http://h.example/vlc", "user_agent": "VLC/3.0 (X; Y)",
            "headers": {"Referer": "http://r.example/", "Origin": "http://o.example"}}),
        ),
        (
            "kodi",
            json!({"url": "http://h.example/kodi", "user_agent": "Kodi/20", "headers": {"X-Key": {"set": true}}}),
        ),
        (
            "pipe",
            json!({"url": "http://h.example/pipe?a=1", "user_agent": "Pipe 1",
            "headers": {"Referer": "http://r.example/", "Cookie": {"set": true}}}),
        ),
        (
            "user",
            json!({"url": "http://h.example/user", "headers": {},
            "credentials": {"type": "basic", "username": "me", "password": {"set": true}}}),
        ),
        (
            "evil",
            json!({"url": "http://h.example/evil", "headers": {"X-Good": {"set": true}}}),
        ),
    ] {
        let (_, _, made) = server.get(&format!("{STREAMS}/{id}")).await;
        assert_eq!(made["sources"], json!([source]), "{id}");
    }
    let (_, _, backup) = server.get("/playlist.m3u?sources=true&secrets=true").await;
    for secret in [
        "|X-Key=a%26b\n",
        "|Cookie=a%3Db\n",
        "me:pa%40ss@",
        "|X-Good=1\n",
    ] {
        assert!(
            backup.as_str().expect("text").contains(secret),
            "{secret} in {backup}"
        );
    }
    let (_, _, vlc) = server.get("/api/v1/streams/vlc").await;
    assert_eq!(vlc["attributes"], json!({"vlcopt.network-caching": "500"}));
    let (_, _, kodi) = server.get("/api/v1/streams/kodi").await;
    assert_eq!(
        kodi["attributes"],
        json!({"kodiprop.inputstream": "inputstream.adaptive"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_playlist_is_refused() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let deep = format!("{{\"url\":{}", "[".repeat(5000));
    let hls = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nhttp://h.example/1.ts\n";
    for body in [
        "",
        " \n",
        "<!DOCTYPE html><html><body>Login</body></html>",
        "{\"user_info\":{\"auth\":0}}{",
        &deep,
        "[1]",
        "hello",
        "#EXTM3U\n",
        "\u{1f}\u{0}binary",
        hls,
    ] {
        for path in [IMPORT, DRY] {
            let reply = server.post_text(path, M3U, body).await;
            let start: String = body.chars().take(30).collect();
            assert_problem(&format!("{start:?}"), &reply, 400, "bad_request");
        }
    }
    let page = origin.content("page", "text/html", "<html>Login</html>");
    let reply = server.post(IMPORT, &json!({"url": page})).await;
    assert_problem("a page behind a URL", &reply, 400, "bad_request");
    for body in [
        json!({}),
        json!({"url": 5}),
        json!({"url": "file:///etc/passwd"}),
        json!({"url": page, "colour": 1}),
    ] {
        let reply = server.post(IMPORT, &body).await;
        assert_problem(&body.to_string(), &reply, 422, "invalid_definition");
    }
    assert_eq!(total(&server).await, 0);
}

/// The pointers of an import's mistakes lead into what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_the_url_of_a_playlist_are_told_where_they_are() {
    let server = Server::start(Options::new()).await;
    let reply = server
        .post(IMPORT, &json!({"url": 5, "timeout_ms": 1, "colour": 1}))
        .await;
    assert_problem("a bad URL body", &reply, 422, "invalid_definition");
    let errors = reply.2["errors"].as_array().expect("errors");
    let pointers: BTreeSet<_> = errors
        .iter()
        .filter_map(|e| e["pointer"].as_str())
        .collect();
    assert_eq!(
        pointers,
        BTreeSet::from(["/url", "/timeout_ms", "/colour"]),
        "{}",
        reply.2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_is_fetched_under_the_rules_of_sources() {
    let origin = Origin::start();
    let list = origin.content("s3cr3t-list/get.php", M3U, LIST);
    let server = Server::start(Options::new()).await;
    let body = json!({"url": format!("{list}?password=s3cr3t"), "user_agent": "VLC/3.0", "headers": {"X-Key": "k"}});
    let (status, _, report) = server.post(DRY, &body).await;
    assert_eq!((status, counts(&report)), (200, [2, 0, 0, 3]), "{report}");
    assert_eq!(total(&server).await, 0);
    let (status, _, report) = server.post(IMPORT, &body).await;
    assert_eq!((status, counts(&report)), (200, [2, 0, 0, 3]), "{report}");
    assert_eq!(total(&server).await, 2);
    let asked = origin.requests();
    assert_eq!(
        (asked.len(), asked[0].query.as_str()),
        (2, "password=s3cr3t")
    );
    assert_eq!(
        (asked[0].header("user-agent"), asked[0].header("x-key")),
        (Some("VLC/3.0"), Some("k"))
    );

    let gone = origin.status("s3cr3t-gone", 404);
    let reply = server.post(IMPORT, &json!({"url": gone})).await;
    assert_problem("a playlist that is gone", &reply, 422, "source_failed");
    assert_eq!(
        (&reply.2["stage"], &reply.2["cause"]),
        (&json!("request"), &json!("not_found"))
    );
    assert!(!reply.2.to_string().contains("s3cr3t"), "{}", reply.2);

    // By default no source is on loopback: not by address, by name, or by a redirect.
    let strict = Server::start(Options::new().env("SOURCE_ALLOW_CIDRS", "")).await;
    let before = origin.counters().requests;
    let by_name = list.replace("127.0.0.1", "localhost");
    let mapped = list.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    for url in [&list, &by_name, &mapped] {
        let reply = strict.post(IMPORT, &json!({"url": url})).await;
        assert_problem(url, &reply, 422, "source_failed");
        assert_eq!(
            (&reply.2["stage"], &reply.2["cause"]),
            (&json!("policy"), &json!("policy"))
        );
        let told = reply.2.to_string();
        assert!(
            !told.contains("s3cr3t") && !told.contains("127.0.0.1"),
            "{told}"
        );
        assert!(
            !told.contains("localhost") && !told.contains("://"),
            "{told}"
        );
    }
    assert_eq!(origin.counters().requests, before, "nothing was asked");
    assert!(!strict.logs().contain("s3cr3t") && !server.logs().contain("s3cr3t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_channels_stop_nobody_and_survive_a_crash() {
    const MANY: usize = 20_000;
    use std::fmt::Write;
    let mut server = Server::start(Options::new()).await;
    let mut list = String::from("#EXTM3U\n");
    for n in 0..MANY {
        let _ = writeln!(
            list,
            "#EXTINF:-1 tvg-id=\"ch{n}.tv\" tvg-logo=\"http://logo.example/{n}.png\" group-title=\"G{}\",Channel {n}\n\
             http://h.example/live/{n}.ts|User-Agent=VLC",
            n % 50
        );
    }
    let request = server
        .http()
        .post(server.url(IMPORT))
        .body(list.clone())
        .send();
    let importing = tokio::spawn(async move { request.await?.text().await });
    let mut slowest = Duration::ZERO;
    let mut answers = 0;
    while !importing.is_finished() {
        let began = Instant::now();
        assert_eq!(server.get("/live").await.0, 200);
        slowest = slowest.max(began.elapsed());
        answers += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        answers > 0 && slowest < patience(Duration::from_secs(2)),
        "{answers} answers, {slowest:?}"
    );
    let report = importing.await.expect("no panic").expect("an answer");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(counts(&report), [MANY as u64, 0, 0, 0]);

    server.kill9();
    let server = server.restart().await;
    let mut seen = BTreeSet::new();
    for offset in (0..MANY).step_by(1000) {
        let (_, _, page) = server
            .get(&format!("{STREAMS}?limit=1000&offset={offset}"))
            .await;
        assert_eq!(page["total"], MANY);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
    }
    let wanted: BTreeSet<_> = (0..MANY).map(|n| format!("channel-{n}")).collect();
    assert!(seen == wanted, "{} of {MANY}", seen.len());
    let again = import(&server, DRY, &list).await;
    assert_eq!(counts(&again), [0, 0, MANY as u64, 0]);
    let (_, _, exported) = server.get("/playlist.m3u").await;
    let lines = exported.as_str().expect("text").lines();
    assert_eq!(
        lines.filter(|line| line.starts_with(server.base())).count(),
        MANY
    );
}
