//! The API as its clients meet it: definitions, playlists, probes, mistakes of every sort, crashes,
//! configuration. All through the real process.

// Tests live in wall clock time.
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

const STREAMS: &str = "/api/v1/streams";
const IMPORT: &str = "/api/v1/streams/import";
const DRY: &str = "/api/v1/streams/import?dry_run=true";
const M3U: &str = "audio/x-mpegurl";
/// A port that nothing listens on.
const NOWHERE: &str = "http://127.0.0.1:9/x.ts";

// --- helpers -------------------------------------------------------------------------------------

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().expect("a plain header"))
}

/// The entity tag of an answer (RFC 9110, 8.8.3): strong, quoted, and opaque to clients.
fn etag(headers: &HeaderMap) -> String {
    let tag = header(headers, "etag");
    let inner = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    assert!(
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains('"')),
        "a strong entity tag, not {tag:?}"
    );
    tag.to_owned()
}

/// Adds a stream called `news`; its path and entity tag.
async fn news(server: &Server) -> (&'static str, String) {
    let (status, headers, body) = server.post(STREAMS, &stream("news")).await;
    assert_eq!(status, 201, "{body}");
    ("/api/v1/streams/news", etag(&headers))
}

/// Asserts that a reply is problem details (RFC 9457) of this status and code.
fn assert_problem(what: &str, (status, headers, body): &Reply, wanted: u16, code: &str) {
    assert_eq!(*status, wanted, "{what}: {body}");
    let kind = header(headers, "content-type");
    assert_eq!(kind, "application/problem+json", "{what}: {body}");
    assert_eq!(body["code"], code, "{what}: {body}");
    assert_eq!(body["status"], wanted, "{what}: {body}");
    assert_eq!(
        body["type"],
        format!("urn:sightglass:problem:{code}"),
        "{what}"
    );
    for member in ["title", "detail"] {
        let text = body[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{what}: no {member} in {body}");
    }
}

/// Any request, with a body that need not be JSON.
async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Reply {
    let mut request = server
        .http()
        .request(method.clone(), server.url(path))
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request
        .timeout(patience(Duration::from_secs(30)))
        .send()
        .await;
    let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.expect("a whole answer");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, headers, body)
}

/// Writes these bytes to the server's port and reads until it closes, or until `enough` was read.
async fn raw(server: &Server, request: &[u8], enough: &str) -> String {
    let address = server.base().trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    socket
        .write_all(request)
        .await
        .expect("the request can be written");
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&answer).contains(enough) {
            match socket.read(&mut buffer).await {
                Ok(length @ 1..) => answer.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
    };
    let limit = patience(Duration::from_secs(10));
    tokio::time::timeout(limit, read)
        .await
        .expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

fn stream(id: &str) -> Value {
    json!({ "id": id, "name": id, "sources": [{ "url": NOWHERE }] })
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect()
}

async fn total(server: &Server) -> u64 {
    let (status, _, list) = server.get("/api/v1/streams?limit=1").await;
    assert_eq!(status, 200, "{list}");
    list["total"].as_u64().expect("a total")
}

async fn import(server: &Server, path: &str, text: &str) -> Value {
    let (status, _, report) = server.post_text(path, M3U, text).await;
    assert_eq!(status, 200, "{report}");
    report
}

fn counts(report: &Value) -> [u64; 4] {
    ["added", "changed", "unchanged", "skipped"].map(|name| report[name].as_u64().expect("a count"))
}

/// `sightglass` with these arguments and variables, to its end: exit code and all output.
async fn program(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = clean_command(env!("CARGO_BIN_EXE_sightglass"));
    command.args(args).envs(env.iter().copied());
    let ended = run(command, Duration::from_secs(20)).await;
    let code = ended.status.and_then(|status| status.code());
    (code, format!("{}{}", ended.text(), ended.stderr))
}

// --- definitions ---------------------------------------------------------------------------------

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
        (
            json!({"sources": [{"url": "file:///etc/passwd"}]}),
            "/sources/0/url",
        ),
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

// --- bad input -----------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_told() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let one = "/api/v1/streams/news";
    let json = [("content-type", "application/json")];
    let deep = ["[".repeat(200_000), "{\"a\":".repeat(100_000)];
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"{\"id\": }",
        b"{\"id\": \"a\"} x",
        b"\xff\xfe{}",
        b"\0",
        b"<html>",
        deep[0].as_bytes(),
        deep[1].as_bytes(),
    ];
    for body in bodies {
        for (method, path) in [
            (Method::POST, STREAMS),
            (Method::PUT, one),
            (Method::PATCH, one),
        ] {
            let reply = ask(&server, method.clone(), path, &json, body.to_vec()).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(20)]);
            assert_problem(&format!("{method} {start:?}"), &reply, 400, "bad_request");
        }
    }
    // A valid body counts whatever the content type says, as `curl -d` sends it.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = ask(
        &server,
        Method::POST,
        STREAMS,
        &form,
        stream("curl").to_string(),
    )
    .await;
    assert_eq!(reply.0, 201, "{}", reply.2);

    // Larger than allowed, as is found out while it comes.
    for (method, path) in [("POST", STREAMS), ("PUT", one), ("PATCH", one)] {
        let mut chunked =
            format!("{method} {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                .into_bytes();
        chunked.extend_from_slice(b"100001\r\n");
        chunked.resize(chunked.len() + 0x10_0001, b' ');
        let answer = raw(&server, &chunked, "body_too_large").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{method}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{method}: {answer}"
        );
    }
    assert_eq!(total(&server).await, 2);
}

/// Who says before sending that the body is too large need not send it (RFC 9110, 10.1.1).
#[tokio::test(flavor = "multi_thread")]
async fn a_body_announced_too_large_is_refused_at_once() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let one = "/api/v1/streams/news";
    for (method, path, length) in [
        ("POST", STREAMS, 2_000_000_u64),
        ("PUT", one, 2_000_000),
        ("PATCH", one, 2_000_000),
        ("POST", IMPORT, 99_999_999_999),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        );
        let answer = raw(&server, head.as_bytes(), "\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.1 413 "),
            "{method} {path}: {answer}"
        );
    }
}

/// A body that stops in the middle is given up, and its sender is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_given_up() {
    let server = Server::start(Options::new().env("HTTP_BODY_TIMEOUT", "1s")).await;
    for path in [STREAMS, IMPORT] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{{");
        let began = Instant::now();
        let answer = raw(&server, head.as_bytes(), "\"code\"").await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{path}: {answer}"
        );
        assert!(began.elapsed() < patience(Duration::from_secs(5)), "{path}");
    }
}

/// There is no such thing below the stream, as with any other path.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_rendition_is_not_found() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let path = "/streams/preview/news/bogus/index.m3u8";
    assert_problem(path, &server.get(path).await, 404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_told() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let long = format!("/api/v1/streams/{}", "a".repeat(5000));
    for path in [
        "/nope",
        "//",
        "/api",
        "/api/v1/streams/",
        "/api/v2/streams",
        "/streams/preview",
        "/streams/preview/",
        "/streams/preview/news/a/b/c",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/streams/NEWS",
        "/api/v1/streams/a..b",
        "/api/v1/streams/%00",
        "/api/v1/streams/%FF",
        "/api/v1/streams/..%2F..%2Fx",
        "/api/v1/streams/none",
        &long,
        "/streams/preview/none",
        "/streams/preview/%FF",
        "/streams/preview/NEWS/index.m3u8",
        "/streams/preview/none/index.m3u8",
        "/streams/preview/news/bogus/9.ts",
        "/streams/preview/news/source/9.ts",
        "/streams/preview/news/source/x.ts",
        "/streams/preview/news/source/-1.ts",
        "/streams/preview/news/source/99999999999999999999999.ts",
    ] {
        let reply = server.get(path).await;
        assert_problem(path, &reply, 404, "not_found");
    }
    for id in [
        "nope",
        "%00",
        "..",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
    ] {
        let reply = server
            .delete(&format!(
                "/api/v1/sessions/{}",
                id.replace("..", "%2e%2e%2f")
            ))
            .await;
        assert_problem(id, &reply, 404, "not_found");
    }
    for path in [
        "/api/v1/streams?limit=0",
        "/api/v1/streams?limit=1001",
        "/api/v1/streams?limit=-1",
        "/api/v1/streams?limit=x",
        "/api/v1/streams?limit=",
        "/api/v1/streams?offset=-1",
        "/api/v1/streams?offset=99999999999999999999999",
        "/api/v1/streams?state=bogus",
        "/api/v1/streams?enabled=maybe",
        "/api/v1/streams?limit=1&limit=2",
        "/playlist.m3u?quality=bogus",
        "/playlist.m3u?quality=",
        "/playlist.m3u?format=dash",
        "/playlist.m3u?sources=maybe",
        "/streams/preview/news?quality=bogus",
        "/streams/preview/news?timeout=0",
        "/streams/preview/news?timeout=-1",
        "/streams/preview/news?timeout=9999999999",
        "/streams/preview/news?timeout=soon",
        "/streams/preview/news?format=dash",
        "/streams/preview/news?transcode=maybe",
        "/streams/preview/news?transcode=true&quality=source",
        "/streams/preview/news/index.m3u8?quality=bogus",
        "/streams/preview/news/index.m3u8?timeout=0",
    ] {
        let reply = server.get(path).await;
        assert_problem(path, &reply, 400, "bad_request");
    }
    for path in [
        &format!("{IMPORT}?dry_run=maybe"),
        &format!("{IMPORT}?dry_run="),
    ] {
        let reply = server.post_text(path, M3U, "#EXTM3U\nhttp://h/1\n").await;
        assert_problem(path, &reply, 400, "bad_request");
    }
    for (method, path, allowed) in [
        (Method::DELETE, STREAMS, "POST"),
        (Method::POST, "/api/v1/streams/news", "PATCH"),
        (Method::GET, IMPORT, "POST"),
        (Method::GET, "/api/v1/sessions/x", "DELETE"),
        (Method::PUT, "/live", "GET"),
        (Method::POST, "/metrics", "GET"),
        (Method::DELETE, "/health", "GET"),
        (Method::POST, "/api/openapi.json", "GET"),
        (Method::POST, "/api/streams/transcoding/status", "GET"),
        (Method::PATCH, "/playlist.m3u", "GET"),
        (Method::POST, "/streams/preview/news", "GET"),
    ] {
        let reply = ask(&server, method.clone(), path, &[], "").await;
        assert_problem(
            &format!("{method} {path}"),
            &reply,
            405,
            "method_not_allowed",
        );
        let allow = header(&reply.1, "allow");
        assert!(
            allow.contains(allowed),
            "{method} {path}: Allow: {allow:?} (RFC 9110, 15.5.6)"
        );
    }
    let mut off = stream("off");
    off["enabled"] = json!(false);
    server.add(off).await;
    for path in ["/streams/preview/off", "/streams/preview/off/index.m3u8"] {
        assert_problem(path, &server.get(path).await, 409, "stream_disabled");
    }
    // What is no HTTP, or too much of it, costs its sender the connection and nobody else anything.
    for bad in [
        "GARBAGE\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000)),
    ] {
        let answer = raw(&server, bad.as_bytes(), "\r\n\r\n").await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(server.get("/live").await.0, 200);
    let metrics = server.metrics().await;
    assert!(metrics.sum("sightglass_http_requests_total", &[("status", "4xx")]) > 50.0);
    assert!(metrics.sum("sightglass_http_requests_total", &[("status", "5xx")]) == 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_text_is_a_problem_everywhere() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let mut wrong = Vec::new();
    for (method, path) in [
        (Method::DELETE, "/api/v1/sessions/%FF"),
        (Method::GET, "/streams/preview/news/%FF/index.m3u8"),
        (Method::GET, "/streams/preview/%FF/source/index.m3u8"),
        (Method::GET, "/streams/preview/news/source/%FF"),
    ] {
        let (status, headers, body) = ask(&server, method, path, &[], "").await;
        let kind = header(&headers, "content-type");
        if status != 404 || kind != "application/problem+json" {
            wrong.push(format!("{path}: {status} {kind} {body}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// --- playlists in --------------------------------------------------------------------------------

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
            json!({"url": "http://h.example/kodi", "user_agent": "Kodi/20", "headers": {"X-Key": "a&b"}}),
        ),
        (
            "pipe",
            json!({"url": "http://h.example/pipe?a=1", "user_agent": "Pipe 1",
            "headers": {"Referer": "http://r.example/", "Cookie": "a=b"}}),
        ),
        (
            "user",
            json!({"url": "http://h.example/user", "headers": {},
            "credentials": {"type": "basic", "username": "me", "password": "pa@ss"}}),
        ),
        (
            "evil",
            json!({"url": "http://h.example/evil", "headers": {"X-Good": "1"}}),
        ),
    ] {
        let (_, _, made) = server.get(&format!("{STREAMS}/{id}")).await;
        assert_eq!(made["sources"], json!([source]), "{id}");
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
    assert_problem("a playlist that is gone", &reply, 502, "source_failed");
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
        assert_problem(url, &reply, 502, "source_failed");
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

// --- playlists out -------------------------------------------------------------------------------

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
    let text = exported(&here, "?sources=true").await;
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
    assert_eq!(exported(&there, "?sources=true").await, text);
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
    let client = reqwest::Client::builder()
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

// --- crashes and ends ----------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    const WRITERS: usize = 12;
    const ENOUGH: usize = 150;
    let mut server = Server::start(Options::new()).await;
    // What was acknowledged for each id: its newest name, or none once it was removed.
    type Acknowledged = Arc<Mutex<BTreeMap<String, Option<String>>>>;
    let acknowledged = Acknowledged::default();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (http, base) = (server.http().clone(), server.base().to_owned());
        let acknowledged = Arc::clone(&acknowledged);
        writers.push(tokio::spawn(async move {
            let keep = |id: &str, name: Option<&str>| {
                let mut all = acknowledged.lock().expect("no poison");
                all.insert(id.to_owned(), name.map(str::to_owned));
            };
            for n in 0.. {
                let id = format!("w{writer}-{n}");
                let url = format!("{base}{STREAMS}/{id}");
                let post = http
                    .post(format!("{base}{STREAMS}"))
                    .body(stream(&id).to_string());
                match post.send().await {
                    Ok(answer) if answer.status() == 201 => keep(&id, Some(&id)),
                    Ok(answer) => panic!("POST: {}", answer.status()),
                    Err(_) => return,
                }
                // A write that is cut off may or may not have happened: then the id counts for nothing.
                let (sent, name) = match n % 4 {
                    0 => (
                        http.patch(&url).body("{\"name\":\"new\"}").send(),
                        Some("new"),
                    ),
                    1 => (http.delete(&url).send(), None),
                    _ => continue,
                };
                match sent.await {
                    Ok(answer) if answer.status().is_success() => keep(&id, name),
                    Ok(answer) => panic!("{}", answer.status()),
                    Err(_) => {
                        acknowledged.lock().expect("no poison").remove(&id);
                        return;
                    }
                }
            }
        }));
    }
    eventually(Duration::from_secs(20), "some writes", async || {
        (acknowledged.lock().expect("no poison").len() > ENOUGH).then_some(())
    })
    .await;
    server.kill9();
    for writer in writers {
        writer.await.expect("a writer ends with the server");
    }
    let server = server.restart().await;
    let (_, _, list) = server.get(&format!("{STREAMS}?limit=1000")).await;
    let items = list["items"].as_array().expect("items");
    let found: BTreeMap<_, _> = items
        .iter()
        .map(|s| (s["id"].as_str(), s["name"].as_str()))
        .collect();
    let acknowledged = acknowledged.lock().expect("no poison");
    // Those cut off in the middle were taken out again: at most one for each writer.
    assert!(
        acknowledged.len() > ENOUGH - WRITERS,
        "{}",
        acknowledged.len()
    );
    assert!(
        acknowledged.values().any(Option::is_none),
        "some were removed"
    );
    for (id, name) in acknowledged.iter() {
        let there = found.get(&Some(id.as_str())).copied().flatten();
        assert_eq!(there, name.as_deref(), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_revisions() {
    let mut server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let path = "/api/v1/streams/news";
    for name in ["A", "B"] {
        server.patch(path, &json!({ "name": name })).await;
    }
    let (_, headers, before) = server.get(path).await;
    assert_eq!(before["revision"], 3);
    let tag = etag(&headers);
    server.kill9();
    let mut server = server.restart().await;
    let (_, headers, after) = server.get(path).await;
    assert_eq!((&etag(&headers), &after), (&tag, &before));
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    let server = server.restart().await;
    let (status, _, changed) = server
        .request(
            Method::PATCH,
            path,
            &[("if-match", &tag)],
            Some(&json!({"name": "C"})),
        )
        .await;
    assert_eq!((status, &changed["revision"]), (200, &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_an_idle_server_at_once() {
    let mut server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    // A connection that is kept open, and one that never says anything.
    assert_eq!(server.get("/ready").await.0, 200);
    let address = server.base().trim_start_matches("http://").to_owned();
    let silent = tokio::net::TcpStream::connect(&address)
        .await
        .expect("a connection");
    let (status, took) = server.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(took < patience(Duration::from_secs(5)), "{took:?}");
    assert!(
        tokio::net::TcpStream::connect(&address).await.is_err(),
        "the port is closed"
    );
    drop(silent);
}

// --- probes, metrics, description ----------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told() {
    let server = Server::start(Options::new().env("ENVIRONMENT", "staging")).await;
    server.add(stream("news")).await;
    for path in ["/live", "/ready", "/livez", "/readyz"] {
        let (status, _, body) = server.get(path).await;
        assert_eq!((status, body), (200, json!("ok\n")), "{path}");
    }
    let (status, headers, health) = server.get("/health").await;
    assert_eq!(
        (status, header(&headers, "content-type")),
        (200, "application/json"),
        "{health}"
    );
    assert_eq!(health["status"], "healthy", "{health}");
    let at: jiff::Timestamp = health["timestamp"]
        .as_str()
        .expect("text")
        .parse()
        .expect("RFC 3339");
    let age = jiff::Timestamp::now().duration_since(at).as_secs();
    assert!((0..60).contains(&age), "{health}");
    assert!(
        health["uptime"]
            .as_f64()
            .is_some_and(|s| s > 0.0 && s < 120.0),
        "{health}"
    );
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        health["responseTime"]
            .as_f64()
            .is_some_and(|ms| (0.0..5000.0).contains(&ms)),
        "{health}"
    );
    assert!(health["environment"].is_string(), "{health}");
    let services = &health["services"];
    for part in ["database", "transcoding", "memory"] {
        assert_eq!(services[part]["status"], "healthy", "{health}");
    }
    assert_eq!(services["database"]["streams"], 1);
    assert!(
        services["database"]["latency"]
            .as_f64()
            .is_some_and(|ms| ms > 0.0),
        "{health}"
    );
    assert_eq!(
        (
            &services["transcoding"]["active"],
            &services["transcoding"]["maxConcurrent"]
        ),
        (&json!(0), &json!(3))
    );
    let memory = &services["memory"];
    assert!(
        memory["residentBytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1 << 20),
        "{health}"
    );
    let real = server.figures();
    let told = memory["threads"].as_u64().expect("threads");
    assert!(told.abs_diff(real.threads as u64) < 20, "{told}, {real:?}");

    let (status, _, pool) = server.get("/api/streams/transcoding/status").await;
    let idle = json!({"activeSessions": 0, "maxConcurrent": 3, "utilizationPercentage": 0.0, "queued": 0, "sessions": []});
    assert_eq!((status, pool), (200, idle));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_described_and_closed() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    server
        .add_stream("down", &origin.status("locked", 403))
        .await;
    let (status, _, _) = server.get("/streams/preview/down?timeout=3000").await;
    assert!(status >= 500);
    for path in [
        "/nope/127.0.0.1",
        "/api/v1/streams/nope",
        "/api/v1/streams/down",
    ] {
        server.get(path).await;
    }
    let (status, headers, text) = server.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(
        header(&headers, "content-type").starts_with("text/plain; version=0.0.4"),
        "{headers:?}"
    );
    let text = text.as_str().expect("text");
    let described = |mark: &str| -> BTreeMap<&str, &str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
        lines.filter_map(|line| line.split_once(' ')).collect()
    };
    let (help, kinds) = (described("# HELP "), described("# TYPE "));
    let mut names = BTreeSet::new();
    let samples = Metrics::parse(text);
    for sample in samples.0.keys() {
        let name = sample.split('{').next().unwrap_or_default();
        let parts = ["_bucket", "_sum", "_count"];
        let family = parts
            .iter()
            .filter_map(|part| name.strip_suffix(part))
            .find(|family| kinds.get(family) == Some(&"histogram"))
            .unwrap_or(name);
        let kind = kinds
            .get(family)
            .unwrap_or_else(|| panic!("{sample} has no TYPE"));
        assert!(
            help.get(family).is_some_and(|text| !text.is_empty()),
            "{sample} has no HELP"
        );
        assert!(family.starts_with("sightglass_"), "{sample}");
        assert_eq!(
            *kind == "counter",
            family.ends_with("_total"),
            "{sample} is a {kind}"
        );
        assert!(
            ["counter", "gauge", "histogram"].contains(kind),
            "{sample} is a {kind}"
        );
        names.insert(family);
    }
    for wanted in [
        "sightglass_build_info",
        "sightglass_uptime_seconds",
        "sightglass_streams",
        "sightglass_sessions",
        "sightglass_ingest_failures_total",
        "sightglass_preview_failures_total",
        "sightglass_pool_slots",
        "sightglass_http_requests_total",
        "sightglass_http_request_duration_seconds",
        "sightglass_process_open_fds",
        "sightglass_process_resident_memory_bytes",
        "sightglass_process_cpu_seconds_total",
        "sightglass_store_latency_seconds",
    ] {
        assert!(names.contains(wanted), "{wanted} is missing: {names:?}");
    }
    // Labels are closed: nothing that a client or a provider wrote.
    for open in ["127.0.0.1", "://", "nope", "locked"] {
        assert!(!text.contains(open), "{open} in the metrics");
    }
    let metrics = server.metrics().await;
    assert!(metrics.sum("sightglass_ingest_failures_total", &[("cause", "auth")]) >= 1.0);
    assert!(
        metrics.sum(
            "sightglass_http_requests_total",
            &[("route", "unmatched"), ("status", "4xx")]
        ) >= 1.0
    );
    let streams = metrics.sum("sightglass_streams", &[]);
    assert!((streams - 1.0).abs() < f64::EPSILON, "{streams}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself() {
    let server = Server::start(Options::new()).await;
    let (status, headers, api) = server.get("/api/openapi.json").await;
    assert_eq!(
        (status, header(&headers, "content-type")),
        (200, "application/json")
    );
    assert!(
        api["openapi"].as_str().is_some_and(|v| v.starts_with("3.")),
        "{}",
        api["openapi"]
    );
    assert_eq!(api["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut missing = Vec::new();
    for (path, methods) in [
        (STREAMS, &["get", "post"][..]),
        ("/api/v1/streams/{id}", &["get", "put", "patch", "delete"]),
        (IMPORT, &["post"]),
        ("/playlist.m3u", &["get"]),
        ("/streams/preview/{id}", &["get"]),
        ("/streams/preview/{id}/index.m3u8", &["get"]),
        ("/streams/preview/{id}/{rendition}/index.m3u8", &["get"]),
        ("/streams/preview/{id}/{rendition}/{segment}", &["get"]),
        ("/api/streams/transcoding/status", &["get"]),
        ("/api/v1/sessions/{sessionId}", &["delete"]),
        ("/live", &["get"]),
        ("/ready", &["get"]),
        ("/livez", &["get"]),
        ("/readyz", &["get"]),
        ("/health", &["get"]),
        ("/metrics", &["get"]),
    ] {
        for method in methods {
            if !api["paths"][path][method]["responses"].is_object() {
                missing.push(format!("{method} {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "not described: {missing:?}");
    let schemas = api["components"]["schemas"].as_object().expect("schemas");
    let problem = &schemas["Problem"]["properties"];
    for member in ["type", "title", "status", "detail", "code", "errors"] {
        assert!(
            problem[member].is_object(),
            "Problem has no {member}: {problem}"
        );
    }
    // Every reference leads somewhere.
    let mut open = vec![&api];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get("$ref") {
                    let pointer = target.strip_prefix('#').expect("a local reference");
                    assert!(api.pointer(pointer).is_some(), "{target} is missing");
                }
                open.extend(object.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
}

/// Problems come as `application/problem+json`, and the description says so.
#[tokio::test(flavor = "multi_thread")]
async fn problems_are_described_with_their_media_type() {
    let server = Server::start(Options::new()).await;
    let (_, _, api) = server.get("/api/openapi.json").await;
    let mut wrong = Vec::new();
    for (path, operations) in api["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                for (kind, content) in response["content"].as_object().into_iter().flatten() {
                    let is_problem = content.to_string().contains("schemas/Problem\"");
                    if is_problem && kind != "application/problem+json" {
                        wrong.push(format!("{method} {path} {status}: {kind}"));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} responses, such as {:?}",
        wrong.len(),
        wrong.first()
    );
}

// --- configuration -------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn check_config_tells_all_mistakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("s.toml");
    std::fs::write(
        &file,
        "lisen = 1\n[hls]\nwindow = 2\n[profiles.low]\nwidth = 3\n",
    )
    .expect("a file");
    let file = file.to_str().expect("a plain path");
    let env = [
        ("SOURCE_ALLOW_CIDRS", "10.0.0.0/8,nonsense"),
        ("TRANSCODE_THREADS", "x"),
        ("MAX_CONCURRENT_TRANSCODES", "-1"),
        ("TRANSCODE_QUALITY_PROFILE", "ultra"),
    ];
    let (code, told) = program(
        &["check-config", "--config", file, "--listen", "nowhere"],
        &env,
    )
    .await;
    assert_eq!(code, Some(2), "{told}");
    for wanted in [
        "lisen",
        "hls.window",
        "profiles.low.width",
        "SOURCE_ALLOW_CIDRS",
        "TRANSCODE_THREADS",
        "MAX_CONCURRENT_TRANSCODES",
        "--listen",
    ] {
        assert!(told.contains(wanted), "{wanted} is not told:\n{told}");
    }
    let (code, told) = program(&["check-config"], &[("TRANSCODE_QUALITY_PROFILE", "ultra")]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("low, medium") || told.contains("high, low, medium"),
        "{told}"
    );
    let (code, told) = program(&["check-config", "--config", "/nonexistent/s.toml"], &[]).await;
    assert_eq!(code, Some(2), "{told}");
    let (code, told) = program(&["check-config", "--print", "--hls-window", "9"], &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("window = 9 # flag --hls-window"), "{told}");
    let (code, told) = program(&["--version"], &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with(&format!("sightglass {}", env!("CARGO_PKG_VERSION"))),
        "{told}"
    );
    let (code, _) = program(&["serve", "--no-such-flag"], &[]).await;
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_binds_and_writes_nothing() {
    // The port is taken, so that a server that tried it would say so.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("x.redb");
    let args = [
        "serve",
        "--listen",
        &address,
        "--db",
        db.to_str().expect("plain"),
    ];
    let (code, told) = program(&args, &[("HLS_WINDOW", "x"), ("TRANSCODE_THREADS", "0")]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("hls.window") && told.contains("transcode.threads"),
        "{told}"
    );
    assert!(!told.contains("cannot listen") && !db.exists(), "{told}");

    let (code, told) = program(&args, &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("cannot listen") && told.contains(&address),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("shared.redb");
    let mut first = Server::start(Options::new().db(&db)).await;
    first.add(stream("news")).await;
    let Err(failure) = Server::try_start(Options::new().db(&db)).await else {
        panic!("two servers on one store");
    };
    assert_eq!(failure.status.code(), Some(1), "{}", failure.output);
    assert!(
        failure.output.contains("in use by another process"),
        "{}",
        failure.output
    );
    assert_eq!(
        first.get("/api/v1/streams/news").await.0,
        200,
        "the first one is unharmed"
    );
    first.terminate().await;
    let second = Server::start(Options::new().db(&db)).await;
    assert_eq!(total(&second).await, 1);

    let broken = folder.path().join("broken.redb");
    std::fs::write(&broken, "this is no store").expect("a file");
    let Err(failure) = Server::try_start(Options::new().db(&broken)).await else {
        panic!("a server on a broken store");
    };
    assert_eq!(failure.status.code(), Some(1), "{}", failure.output);
    assert_eq!(
        std::fs::read(&broken).expect("it is there"),
        b"this is no store"
    );
}

// --- secrets and addresses -----------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_source_gives_nothing_away() {
    let origin = Origin::start();
    let server = Server::start(Options::new().env("LOG_LEVEL", "debug")).await;
    origin.status("locked", 403);
    let url = origin.url("locked/s3cr3t-path/7.ts?token=s3cr3t-query");
    let definition = json!({"id": "shut", "name": "Shut", "sources": [{
        "url": url, "user_agent": "s3cr3t-agent", "headers": {"X-Key": "s3cr3t-header"},
        "credentials": {"type": "basic", "username": "s3cr3t-user", "password": "s3cr3t-word"},
    }]});
    server.add(definition).await;
    let address = origin.address().to_string();
    let clean = |what: &str, text: &str| {
        for secret in ["s3cr3t", "locked", &address, "czNjcjN0"] {
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

/// What a stream that is down shows of itself can be sent back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_down_can_be_edited() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    server
        .add_stream("shut", &origin.status("locked", 403))
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
    assert_problem("an import by redirect", &reply, 502, "source_failed");
    assert_eq!(reply.2["stage"], "policy");
    assert_eq!(inner.counters().accepted, 0);
}
