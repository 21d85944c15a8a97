//! Bad input.

use super::*;

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
async fn what_is_not_there_is_told() {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_and_methods_are_told() {
    let server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
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
        "/playlist.m3u?secrets=true",
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
    assert!(metrics.sum("sightglass_http_requests_total", &[("status", "4xx")]) > 30.0);
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
