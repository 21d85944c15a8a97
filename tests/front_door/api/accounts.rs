//! Accounts, whose secrets go in and never come out.

use super::*;

const ACCOUNTS: &str = "/api/v1/accounts";

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_from_post_to_delete() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("s.redb");
    let mut server = Server::start(Options::new().db(&db)).await;
    let body = json!({"id": "provider-a", "max_connections": 2,
        "credentials": {"type": "basic", "username": "bob", "password": "s3cret"}});
    let (status, headers, made) = server.post(ACCOUNTS, &body).await;
    assert_eq!(status, 201, "{made}");
    let path = header(&headers, "location").to_owned();
    assert_eq!(path, "/api/v1/accounts/provider-a");
    let first = etag(&headers);
    let wanted = json!({
        "id": "provider-a", "name": "provider-a", "max_connections": 2, "revision": 1,
        "credentials": {"type": "basic", "username": "bob", "password": {"set": true}},
        "connections": {"in_use": 0, "watched": 0, "waiting": 0, "limit": 2},
        "created_at": made["created_at"], "updated_at": made["created_at"],
    });
    assert_eq!(made, wanted);
    assert_problem("again", &server.post(ACCOUNTS, &body).await, 409, "exists");

    // What was read can be sent back as it is: nothing changes, the secret stays.
    let (_, headers, read) = server.get(&path).await;
    assert_eq!((&read, etag(&headers)), (&made, first.clone()));
    let (status, headers, put) = server.put(&path, &read).await;
    assert_eq!((status, etag(&headers)), (200, first.clone()), "{put}");
    // Other members change without the secret being sent again, in either way.
    let mut changed = read.clone();
    changed["max_connections"] = json!(3);
    let tag = [("if-match", first.as_str())];
    let (status, headers, put) = server
        .request(Method::PUT, &path, &tag, Some(&changed))
        .await;
    assert_eq!((status, &put["revision"]), (200, &json!(2)), "{put}");
    assert_eq!(put["connections"]["limit"], 3);
    let second = etag(&headers);
    let reply = server
        .request(Method::PUT, &path, &tag, Some(&changed))
        .await;
    assert_problem("an old tag", &reply, 412, "revision_conflict");
    let (status, _, put) = server
        .patch(&path, &json!({"name": "Provider A", "release_ms": 500}))
        .await;
    assert_eq!(
        (status, &put["credentials"]),
        (200, &wanted["credentials"]),
        "{put}"
    );
    let reply = server
        .request(Method::DELETE, &path, &[("if-match", &second)], None)
        .await;
    assert_problem("an old tag", &reply, 412, "revision_conflict");
    for (patch, at) in [
        (json!({"max_connections": 0}), "/max_connections"),
        (json!({"id": "b"}), "/id"),
        (
            json!({"credentials": {"type": "bearer"}}),
            "/credentials/token",
        ),
        (
            json!({"credentials": {"password_file": "../x"}}),
            "/credentials/password_file",
        ),
        (json!([]), ""),
    ] {
        let reply = server.patch(&path, &patch).await;
        assert_problem(&patch.to_string(), &reply, 422, "invalid_definition");
        assert_eq!(reply.2["errors"][0]["pointer"], at, "{}", reply.2);
    }

    // It outlives a crash.
    let (_, _, before) = server.get(&path).await;
    server.kill9();
    let server = server.restart().await;
    let (_, _, list) = server.get(ACCOUNTS).await;
    assert_eq!(
        list,
        json!({"total": 1, "offset": 0, "limit": 100, "items": [before]})
    );
    let (_, _, list) = server.get(&format!("{ACCOUNTS}?limit=1&offset=1")).await;
    assert_eq!((&list["total"], &list["items"]), (&json!(1), &json!([])));
    for query in ["limit=0", "limit=1001", "offset=-1"] {
        let reply = server.get(&format!("{ACCOUNTS}?{query}")).await;
        assert_problem(query, &reply, 400, "bad_request");
    }
    assert_eq!(server.delete(&path).await.0, 204);
    for reply in [
        server.get(&path).await,
        server.delete(&path).await,
        server.put(&path, &body).await,
        server.patch(&path, &json!({})).await,
        server.get("/api/v1/accounts/NOPE").await,
        server.get("/api/v1/accounts/%FF").await,
    ] {
        assert_problem("no such account", &reply, 404, "not_found");
    }
    assert!(!server.logs().contain("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_name_only_accounts_that_are_there_and_keep_them_there() {
    let server = Server::start(Options::new()).await;
    let named = |id: &str, account: &str| {
        json!({"id": id, "name": id, "sources": [{"url": "http://h.example/0"},
            {"url": NOWHERE, "account": account}]})
    };
    for (account, wanted) in [
        ("nope", "names an account that is not there"),
        ("No", "holds a character"),
    ] {
        for path in [STREAMS, "/api/v1/streams/validate"] {
            let reply = server.post(path, &named("news", account)).await;
            assert_problem(account, &reply, 422, "invalid_definition");
            let error = &reply.2["errors"][0];
            assert_eq!(error["pointer"], "/sources/1/account", "{path}: {error}");
            assert!(
                error["problem"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(wanted)),
                "{path}: {error}"
            );
        }
    }
    let account = json!({"name": "Provider Ä", "max_connections": 1});
    let (status, _, made) = server.post(ACCOUNTS, &account).await;
    assert_eq!((status, &made["id"]), (201, &json!("provider-a")), "{made}");
    for n in 0..12 {
        server.add(named(&format!("s{n:02}"), "provider-a")).await;
    }
    let patch = json!({"sources": [{"url": NOWHERE, "account": "nope"}]});
    let reply = server.patch("/api/v1/streams/s00", &patch).await;
    assert_problem("a patch", &reply, 422, "invalid_definition");
    let path = "/api/v1/accounts/provider-a";
    let reply = server.delete(path).await;
    assert_problem("an account in use", &reply, 409, "account_in_use");
    assert_eq!(
        reply.2["streams"].as_array().map(Vec::len),
        Some(10),
        "{}",
        reply.2
    );
    let detail = reply.2["detail"].as_str().expect("text");
    assert!(
        detail.contains("s00, s01") && detail.ends_with("and 2 more"),
        "{detail}"
    );
    // An M3U says nothing of accounts, and takes none away.
    let list = format!("#EXTM3U\n#EXTINF:-1 sightglass-id=\"s00\",New name\n{NOWHERE}\n");
    let (status, _, report) = server.post_text(IMPORT, M3U, &list).await;
    assert_eq!(status, 200, "{report}");
    for n in 0..12 {
        let path = format!("/api/v1/streams/s{n:02}");
        let (_, _, stream) = server.get(&path).await;
        assert_eq!(stream["sources"][1]["account"], "provider-a", "{stream}");
        assert_eq!(server.delete(&path).await.0, 204);
    }
    assert_eq!(server.delete(path).await.0, 204);
}
