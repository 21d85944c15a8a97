//! What requests may bring along: traversal, injected lines, JSON without end or bottom, bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scene;
use crate::support::*;

/// The answer to these very bytes.
async fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // A server that has seen enough may close while we write.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(patience(crate::SOON), read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: &str, target: &str, more: &str) -> String {
    let text =
        format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\r\n");
    raw(address, text.as_bytes()).await
}

fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).unwrap_or_default();
    code.parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn traversal_injection_and_bombs_are_refused_and_cost_nothing() {
    let scene = Scene::set(Options::new().env("HTTP_MAX_BODY_BYTES", "8MiB")).await;
    let address = scene.address().to_owned();
    traversal(&address).await;
    injection(&scene, &address).await;
    json(&scene).await;
    bombs(&scene).await;
    scene.unhurt().await;
}

async fn traversal(address: &str) {
    for path in [
        "/../../../../etc/passwd",
        "/streams/preview/../../../../etc/passwd",
        "/streams/preview/tv/source/../../../../../etc/passwd",
        "/streams/preview/tv/source/..%2f..%2f..%2fetc%2fpasswd",
        "/streams/preview/%2e%2e/%2e%2e/etc/passwd",
        "/streams/preview/tv/source/%252e%252e%252fpasswd.ts",
        "/streams/preview/tv/source/..%5c..%5cpasswd.ts",
        "/streams/preview/tv/source/%00.ts",
        "/streams/preview/tv%00/index.m3u8",
        "/streams/preview/%c0%ae%c0%ae/index.m3u8",
        "/api/v1/streams/..%2f..%2fetc%2fpasswd",
        "/api/v1/streams/%2e%2e/thumbnail.jpg",
        "//etc/passwd",
        "/file:///etc/passwd",
    ] {
        let answer = get(address, path, "").await;
        assert!(matches!(status(&answer), 400 | 404), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}: {answer}");
    }
}

async fn injection(scene: &Scene, address: &str) {
    // Encoded line ends in all that could come back in a header or a playlist.
    let evil = "%0d%0aX-Evil:%201%0d%0a%0d%0a<html>";
    for target in [
        format!("/streams/preview/{evil}"),
        format!("/streams/preview/tv/source/index.m3u8?session={evil}"),
        format!("/playlist.m3u?quality={evil}"),
        format!("/playlist.m3u?group={evil}"),
        format!("/api/v1/streams?text={evil}"),
    ] {
        let answer = get(address, &target, "").await;
        let (head, _) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(
            !head.to_ascii_lowercase().contains("x-evil"),
            "{target}: {answer}"
        );
        assert!(!head.contains("text/html"), "{target}: {answer}");
    }
    // One request that two servers could take for two (RFC 9112, 6.3 and 11.2).
    for smuggled in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: +5\r\n",
    ] {
        let text = format!(
            "POST /api/v1/streams HTTP/1.1\r\nHost: {address}\r\n{smuggled}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(address, text.as_bytes()).await;
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(
            status(&answer) >= 400 && answers == 1,
            "{smuggled}: {answer}"
        );
    }
    let many: Vec<_> = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = many.concat();
    assert_eq!(status(&get(address, "/health", &many).await), 431);
    let long = format!("X-Long: {}\r\n", "a".repeat(100_000));
    assert_eq!(status(&get(address, "/health", &long).await), 431);
    let path = format!("/{}", "a".repeat(100_000));
    assert!(matches!(status(&get(address, &path, "").await), 414 | 431));
    // Nobody believes a stranger about whom it speaks for.
    let lies = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=evil.example"),
    ];
    let (_, _, body) = scene
        .server
        .request(Method::GET, "/playlist.m3u", &lies, None)
        .await;
    assert!(!body.to_string().contains("evil.example"), "{body}");
}

async fn json(scene: &Scene) {
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let wide = format!("{{\"name\":\"{}\"}}", "a".repeat(900_000));
    let numbers = format!("[{}1]", "1e999,".repeat(100_000));
    let keys: Vec<_> = (0..60_000).map(|n| format!("\"k{n}\":0,")).collect();
    let keys = keys.concat();
    for (what, text) in [
        ("deep arrays", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}")),
        (
            "a deep source",
            format!("{{\"name\":\"a\",\"sources\":{}}}", deep("[", "]")),
        ),
        ("a long name", wide),
        ("numbers", numbers),
        ("keys", format!("{{{keys}\"name\":\"a\"}}")),
        ("too much", " ".repeat(3 << 20)),
    ] {
        let url = scene.server.url("/api/v1/streams");
        let sent = scene.server.http().post(url).body(text).send().await;
        // One that is refused before it is sent may find the connection closed.
        let Ok(answer) = sent else { continue };
        let status = answer.status().as_u16();
        assert!(matches!(status, 400 | 413 | 422), "{what}: {status}");
    }
}

async fn bombs(scene: &Scene) {
    // 200 MB in less than one: bodies are never inflated.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![b' '; 1 << 20];
    for _ in 0..200 {
        gzip.write_all(&piece).expect("a buffer");
    }
    let bomb = gzip.finish().expect("a buffer");
    for path in ["/api/v1/streams", "/api/v1/streams/import"] {
        let request = scene.server.http().post(scene.server.url(path));
        let request = request
            .header("content-encoding", "gzip")
            .body(bomb.clone());
        let status = request.send().await.expect("an answer").status().as_u16();
        assert!(matches!(status, 200 | 400 | 413), "{path}: {status}");
    }
    // Nor is a playlist elsewhere inflated beyond what may be imported.
    let away = Origin::start();
    let url = away.hostile(Hostile::GzipBomb);
    let body = serde_json::json!({ "url": url });
    let (status, _, told) = scene.server.post("/api/v1/streams/import", &body).await;
    assert!(matches!(status, 400 | 413 | 422), "{status} {told}");
}
