//! Definitions.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_lives_from_post_to_delete() {
    let server = Server::start(Options::new()).await;
    let minimal = json!({"id": "news", "name": "News", "sources": [{"url": NOWHERE}]});
    let (status, headers, made) = server.post(STREAMS, &minimal).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(header(&headers, "location"), "/api/v1/streams/news");
    let first = etag(&headers);
    assert_eq!(header(&headers, "content-type"), "application/json");
    // The whole, with what was left out filled in.
    assert_eq!(made["sources"], json!([{"url": NOWHERE, "headers": {}}]));
    assert_eq!(
        (&made["enabled"], &made["state"]),
        (&json!(true), &json!("idle"))
    );
    assert_eq!((&made["tags"], &made["revision"]), (&json!([]), &json!(1)));
    let at: jiff::Timestamp = made["created_at"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a time");
    assert!(at.as_second() > 1_700_000_000 && made["updated_at"] == made["created_at"]);

    let path = header(&headers, "location").to_owned();
    let (status, headers, read) = server.get(&path).await;
    assert_eq!((status, etag(&headers)), (200, first.clone()));
    assert_eq!(read, made);

    // What was read can be sent back as it is, changed or not.
    let mut changed = read.clone();
    changed["name"] = json!("News 24");
    changed["group"] = json!("Germany");
    let (status, headers, put) = server.put(&path, &changed).await;
    assert_eq!((status, &put["revision"]), (200, &json!(2)), "{put}");
    let second = etag(&headers);
    assert_ne!(second, first);
    assert_eq!(
        (&put["name"], &put["group"]),
        (&json!("News 24"), &json!("Germany"))
    );
    assert_eq!(put["created_at"], made["created_at"]);
    assert_ne!(put["updated_at"], made["updated_at"]);
    let (status, headers, _) = server.put(&path, &put).await;
    assert_eq!((status, etag(&headers)), (200, second), "nothing changed");
    // PUT replaces: what is not there is gone.
    let (_, _, put) = server.put(&path, &minimal).await;
    assert_eq!((&put["group"], &put["revision"]), (&Value::Null, &json!(3)));

    let (status, _, body) = server.delete(&path).await;
    assert_eq!((status, body), (204, Value::Null));
    for reply in [
        server.get(&path).await,
        server.delete(&path).await,
        server.put(&path, &minimal).await,
        server.patch(&path, &json!({})).await,
    ] {
        assert_problem("a removed stream", &reply, 404, "not_found");
    }
    assert_eq!(total(&server).await, 0);
    // Another stream of the same id is another one: a write that means the first must not hit it.
    let (_, headers, _) = server.post(STREAMS, &minimal).await;
    assert_ne!(etag(&headers), first);
    let old = [("if-match", first.as_str())];
    let reply = server.request(Method::DELETE, &path, &old, None).await;
    assert_problem(
        "the tag of a removed stream",
        &reply,
        412,
        "revision_conflict",
    );

    // Without an id, one is made from the name, and a second one does not take it.
    let nameless = json!({"name": "Das Érste", "sources": [{"url": NOWHERE}]});
    assert_eq!(server.add(nameless.clone()).await["id"], "das-erste");
    assert_eq!(server.add(nameless).await["id"], "das-erste-2");
}

/// The entity tag names the definition, for writes; how the stream is changes without it. So an
/// `If-None-Match` must not hide that a stream went down.
#[tokio::test(flavor = "multi_thread")]
async fn a_known_definition_hides_no_state() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    server
        .add_stream("shut", &origin.status("locked", 403))
        .await;
    let path = "/api/v1/streams/shut";
    let (_, headers, before) = server.get(path).await;
    let own = etag(&headers);
    assert_eq!(before["state"], "idle");
    let _ = server.get("/streams/preview/shut?timeout=3000").await;
    let known = [("if-none-match", own.as_str())];
    let (status, headers, after) = server.request(Method::GET, path, &known, None).await;
    assert_eq!((status, &after["state"]), (200, &json!("down")), "{after}");
    assert_eq!(etag(&headers), own, "the definition is the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_can_be_bound_to_a_revision() {
    let server = Server::start(Options::new()).await;
    let (path, first) = news(&server).await;
    let named = |name: &str| json!({"name": name, "sources": [{"url": NOWHERE}]});
    let write = async |method: Method, tag: &str, body: Option<Value>| {
        server
            .request(method, path, &[("if-match", tag)], body.as_ref())
            .await
    };
    let (status, headers, _) = write(Method::PUT, &first, Some(named("A"))).await;
    assert_eq!(status, 200);
    assert_ne!(etag(&headers), first);
    for (method, body) in [
        (Method::PUT, Some(named("B"))),
        (Method::PATCH, Some(json!({"name": "B"}))),
        (Method::DELETE, None),
    ] {
        let reply = write(method.clone(), &first, body).await;
        assert_problem(method.as_str(), &reply, 412, "revision_conflict");
    }
    let (_, _, kept) = server.get(path).await;
    assert_eq!((&kept["name"], &kept["revision"]), (&json!("A"), &json!(2)));

    let (status, headers, _) = write(Method::PATCH, "*", Some(json!({"name": "C"}))).await;
    assert_eq!(status, 200, "* is any revision");
    let newest = etag(&headers);
    for garbage in ["r3", "\"r3", "x", "3", ""] {
        let reply = write(Method::PATCH, garbage, Some(json!({"name": "D"}))).await;
        assert_problem(&format!("If-Match: {garbage}"), &reply, 400, "bad_request");
    }
    // Tags that are well-formed and not ours.
    for foreign in [
        "\"x\"",
        "\"\"",
        "\"r\"",
        "\"r99999999999999999999999\"",
        "\"r-3\"",
    ] {
        let reply = write(Method::PATCH, foreign, Some(json!({"name": "D"}))).await;
        assert_problem(
            &format!("If-Match: {foreign}"),
            &reply,
            412,
            "revision_conflict",
        );
    }
    let (_, _, kept) = server.get(path).await;
    assert_eq!((&kept["name"], &kept["revision"]), (&json!("C"), &json!(3)));
    assert_eq!(write(Method::DELETE, &newest, None).await.0, 204);
}

/// RFC 9110, 13.1.1: a list, compared strongly; a tag is compared as text.
#[tokio::test(flavor = "multi_thread")]
async fn if_match_is_read_as_the_rfc_has_it() {
    let server = Server::start(Options::new()).await;
    let (path, own) = news(&server).await;
    let mut wrong = Vec::new();
    for (tag, wanted) in [
        (format!("\"r7\", {own}"), 200),
        (format!("{own},\"r7\""), 200),
        ("\"r7\",\"r8\"".to_owned(), 412),
        (format!("{own} {own}"), 400),
        (format!("W/{own}"), 412),
        (own.replacen('r', "r+", 1), 412),
        (own.replacen('r', "r0", 1), 412),
        (own.replacen('"', "\" ", 1), 412),
    ] {
        let tags = [("if-match", tag.as_str())];
        let body = json!({"name": "news"});
        let (status, _, _) = server
            .request(Method::PATCH, path, &tags, Some(&body))
            .await;
        if status != wanted {
            wrong.push(format!("If-Match: {tag} gives {status}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_names() {
    let server = Server::start(Options::new()).await;
    server
        .add(json!({
            "id": "news", "name": "News", "group": "A", "tags": ["hd", "de"], "enabled": false,
            "sources": [{"url": NOWHERE, "user_agent": "VLC", "headers": {"Referer": "http://r/"}}],
            "options": {"quality": "low", "linger_ms": 5}, "attributes": {"tvg-chno": "7"},
        }))
        .await;
    let path = "/api/v1/streams/news";
    let kind = [("content-type", "application/merge-patch+json")];
    let patch = json!({"name": "N", "group": null, "tags": ["sd"],
        "options": {"quality": null, "transcode": true}, "attributes": {"x": "1"}});
    let (status, headers, made) = server
        .request(Method::PATCH, path, &kind, Some(&patch))
        .await;
    assert_eq!(status, 200, "{made}");
    etag(&headers);
    let wanted = json!({
        "id": "news", "name": "N", "tags": ["sd"], "enabled": false, "state": "disabled", "revision": 2,
        "sources": [{"url": NOWHERE, "user_agent": "VLC", "headers": {"Referer": "http://r/"}}],
        "options": {"transcode": true, "linger_ms": 5}, "attributes": {"tvg-chno": "7", "x": "1"},
        "created_at": made["created_at"], "updated_at": made["updated_at"],
    });
    assert_eq!(made, wanted);
    let (status, _, same) = server.patch(path, &json!({})).await;
    assert_eq!(
        (status, same),
        (200, wanted.clone()),
        "an empty patch changes nothing"
    );

    for (patch, at) in [
        (json!([]), ""),
        (json!(null), ""),
        (json!({"id": "other"}), "/id"),
        (json!({"sources": null}), "/sources"),
        (json!({"colour": 1}), "/colour"),
        (json!({"options": {"quality": 5}}), "/options/quality"),
    ] {
        let reply = server.patch(path, &patch).await;
        assert_problem(&patch.to_string(), &reply, 422, "invalid_definition");
        assert_eq!(reply.2["errors"][0]["pointer"], at, "{patch}");
    }
    assert_eq!(server.get(path).await.2, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mistakes_are_told_where_they_are() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let reply = server.post(STREAMS, &stream("news")).await;
    assert_problem("a taken id", &reply, 409, "exists");

    let bad = json!({
        "id": "Bad Id", "name": 5, "enabled": "yes", "tags": ["ok", ""], "colour": 1, "a/b~c": 2,
        "logo": "javascript:alert(1)", "options": {"quality": "No!", "linger_ms": -1, "x": 1},
        "attributes": {"tvg-id": "1"},
        "sources": [
            {"url": "ftp://me:s3cr3t@h/x"},
            {"url": "http://h/", "headers": {"Host": "x", "X-A": "a\r\nX-B: b"}, "timeout_ms": 5},
            {}, 7,
        ],
    });
    let reply = server.post(STREAMS, &bad).await;
    assert_problem("many mistakes", &reply, 422, "invalid_definition");
    let errors = reply.2["errors"].as_array().expect("errors");
    let pointers: BTreeSet<_> = errors
        .iter()
        .filter_map(|e| e["pointer"].as_str())
        .collect();
    let wanted = BTreeSet::from([
        "/id",
        "/name",
        "/enabled",
        "/tags/1",
        "/colour",
        "/a~1b~0c",
        "/logo",
        "/options/quality",
        "/options/linger_ms",
        "/options/x",
        "/attributes/tvg-id",
        "/sources/0/url",
        "/sources/1/headers/Host",
        "/sources/1/headers/X-A",
        "/sources/1/timeout_ms",
        "/sources/2/url",
        "/sources/3",
    ]);
    assert_eq!(pointers, wanted, "{}", reply.2);
    for error in errors {
        let told = |member: &str| error[member].as_str().is_some_and(|text| !text.is_empty());
        assert!(told("problem") && told("allowed"), "{error}");
    }
    assert!(!reply.2.to_string().contains("s3cr3t"), "{}", reply.2);

    for (body, at) in [
        (json!({"name": "x"}), "/sources"),
        (json!({"sources": []}), "/sources"),
        (
            json!({"id": "import", "sources": [{"url": NOWHERE}]}),
            "/id",
        ),
        (
            json!({"name": "x".repeat(300), "sources": [{"url": NOWHERE}]}),
            "/name",
        ),
        (json!({"sources": [{"url": "ftp://h/x"}]}), "/sources/0/url"),
        (
            json!({"sources": [{"url": NOWHERE}, {"url": NOWHERE}]}),
            "/sources/1/url",
        ),
        (json!([]), ""),
        (json!("x"), ""),
        (json!(null), ""),
    ] {
        for reply in [
            server.post(STREAMS, &body).await,
            server.put("/api/v1/streams/news", &body).await,
        ] {
            assert_problem(&body.to_string(), &reply, 422, "invalid_definition");
            assert_eq!(reply.2["errors"][0]["pointer"], at, "{}", reply.2);
        }
    }
    assert_eq!(total(&server).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages_and_filters() {
    let server = Server::start(Options::new()).await;
    for (id, name, group, tags, enabled) in [
        ("ard", "Das Erste", "Germany", json!(["hd", "news"]), true),
        ("zdf", "ZDF", "Germany", json!(["hd"]), false),
        ("bbc1", "BBC Öne", "UK", json!([]), true),
        ("itv", "ITV", "UK", json!(["news"]), true),
        ("plain", "Plain", "", json!([]), true),
    ] {
        let body = json!({"id": id, "name": name, "group": group, "tags": tags, "enabled": enabled,
            "tvg_id": format!("{id}.tv"), "sources": [{"url": "http://secret.example/x"}]});
        server.add(body).await;
    }
    for (query, total, wanted) in [
        ("", 5, vec!["ard", "bbc1", "itv", "plain", "zdf"]),
        ("limit=2", 5, vec!["ard", "bbc1"]),
        ("limit=2&offset=3", 5, vec!["plain", "zdf"]),
        ("limit=1000&offset=4", 5, vec!["zdf"]),
        ("offset=99", 5, vec![]),
        ("group=UK", 2, vec!["bbc1", "itv"]),
        ("group=uk", 0, vec![]),
        ("tag=news", 2, vec!["ard", "itv"]),
        ("tag=new", 0, vec![]),
        ("text=%C3%B6NE", 1, vec!["bbc1"]),
        ("text=.tv&limit=1", 5, vec!["ard"]),
        ("text=secret", 0, vec![]),
        ("enabled=false", 1, vec!["zdf"]),
        ("state=disabled", 1, vec!["zdf"]),
        ("state=idle", 4, vec!["ard", "bbc1", "itv", "plain"]),
        ("state=up", 0, vec![]),
        (
            "group=Germany&tag=hd&enabled=true&text=erste&state=idle",
            1,
            vec!["ard"],
        ),
    ] {
        let (status, _, list) = server.get(&format!("{STREAMS}?{query}")).await;
        assert_eq!(status, 200, "{query}: {list}");
        assert_eq!(
            (ids(&list), &list["total"]),
            (wanted, &json!(total)),
            "{query}"
        );
    }
    let (_, _, list) = server.get(&format!("{STREAMS}?limit=2&offset=3")).await;
    assert_eq!((&list["limit"], &list["offset"]), (&json!(2), &json!(3)));
    let (_, _, one) = server.get("/api/v1/streams/plain").await;
    assert_eq!(list["items"][0], one, "a list shows what one GET shows");
}

/// Undo: with all that was never shown, and with its history; also when the server ended in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_removed_can_be_brought_back() {
    let mut server = Server::start(Options::new()).await;
    let definition = json!({
        "id": "news", "name": "News", "tags": ["hd"],
        "sources": [{
            "url": NOWHERE,
            "headers": {"X-Key": "k3y"},
            "credentials": {"type": "basic", "username": "me", "password": "s3cr3t"}
        }],
    });
    let (status, headers, before) = server.post(STREAMS, &definition).await;
    assert_eq!(status, 201, "{before}");
    let old = etag(&headers);
    let (path, restore) = ("/api/v1/streams/news", "/api/v1/streams/news/restore");
    let backup = "/playlist.m3u?sources=true&secrets=true";
    let (_, _, kept) = server.get(backup).await;
    let none = json!(null);

    // There is nothing to bring back while it is there, nor of what never was.
    assert_problem(restore, &server.post(restore, &none).await, 409, "exists");
    let never = "/api/v1/streams/never/restore";
    assert_problem(never, &server.post(never, &none).await, 404, "not_found");

    assert_eq!(server.delete(path).await.0, 204);
    assert_problem(path, &server.get(path).await, 404, "not_found");
    let (_, _, list) = server.get(backup).await;
    assert!(!list.to_string().contains("s3cr3t"), "{list}");
    server.kill9();
    let mut server = server.restart().await;
    let (status, headers, after) = server.post(restore, &none).await;
    assert_eq!(status, 200, "{after}");
    assert_ne!(etag(&headers), old, "it is not as if nothing had happened");
    for member in ["id", "name", "tags", "sources", "created_at"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(server.get(backup).await.2, kept, "its secrets, too");
    assert_problem(restore, &server.post(restore, &none).await, 409, "exists");

    // The name is taken by another.
    assert_eq!(server.delete(path).await.0, 204);
    server.add_stream("news", NOWHERE).await;
    assert_problem(restore, &server.post(restore, &none).await, 409, "exists");

    // Too late.
    server.terminate().await;
    let file = server.folder().join("sightglass.redb");
    let sightglass::store::Opened { store, closing, .. } =
        sightglass::store::Store::open(&file, &sightglass::store::Settings::default())
            .expect("the store opens");
    let long_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(20);
    let id = sightglass::stream::StreamId::parse("news").expect("an id");
    store.delete(vec![id], long_ago).await.expect("removed");
    drop(store);
    tokio::task::spawn_blocking(move || closing.wait())
        .await
        .expect("closed");
    let server = server.restart().await;
    assert_problem(restore, &server.post(restore, &none).await, 410, "gone");
}

/// What an account was needed for cannot come back without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_account_is_gone_stays_away() {
    let server = Server::start(Options::new()).await;
    let account = json!({"id": "a", "name": "A", "max_connections": 1});
    let (status, _, body) = server.post("/api/v1/accounts", &account).await;
    assert_eq!(status, 201, "{body}");
    let source = json!({"url": NOWHERE, "account": "a"});
    server
        .add(json!({"id": "news", "name": "News", "sources": [source]}))
        .await;
    assert_eq!(server.delete("/api/v1/streams/news").await.0, 204);
    assert_eq!(server.delete("/api/v1/accounts/a").await.0, 204);
    let restore = "/api/v1/streams/news/restore";
    let none = json!(null);
    assert_problem(restore, &server.post(restore, &none).await, 409, "conflict");
    server.post("/api/v1/accounts", &account).await;
    assert_eq!(server.post(restore, &none).await.0, 200);
}
