//! The page as files: who gets it, how it is kept, below a path. What it does is for a browser to find out: tests/page.

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};

use crate::support::*;

/// What a browser says that it wants.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn ask(server: &Server, path: &str, fields: &[(&str, &str)]) -> Response {
    let mut request = server.http().get(server.url(path));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

fn told<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().expect("text"))
}

/// The first file that a document loads, by the URL that it has in there.
fn script(document: &str) -> &str {
    let (_, rest) = document
        .split_once("assets/")
        .expect("the page loads something");
    rest.split('"').next().expect("a quoted URL")
}

/// Without a page the server tells how to come to one, and does everything else.
async fn is_there(server: &Server) -> bool {
    let answer = ask(server, "/ui/streams", &[("accept", BROWSER)]).await;
    if answer.status() == StatusCode::OK {
        return true;
    }
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.text().await.expect("text").contains("make web"));
    let root = ask(server, "/", &[("accept", BROWSER)]).await;
    assert!(root.text().await.expect("text").contains("make web"));
    println!("this program was built without its page: make web");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_get_the_page_and_programs_a_few_words() {
    let server = Server::start(Options::new()).await;
    let words = ask(&server, "/", &[]).await;
    assert_eq!(
        told(words.headers(), "content-type"),
        "text/plain; charset=utf-8"
    );
    assert!(told(words.headers(), "vary").contains("accept"));
    assert!(words.text().await.expect("text").contains("/playlist.m3u"));
    if !is_there(&server).await {
        return;
    }
    let mut tags = Vec::new();
    for path in ["/", "/ui", "/ui/", "/ui/watch/news", "/ui/a/b/c"] {
        let page = ask(&server, path, &[("accept", BROWSER)]).await;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        let head = page.headers().clone();
        assert_eq!(told(&head, "content-type"), "text/html; charset=utf-8");
        assert_eq!(told(&head, "cache-control"), "no-cache");
        let policy = told(&head, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("unsafe"), "{policy}");
        tags.push(told(&head, "etag").to_owned());
        assert!(
            page.text()
                .await
                .expect("text")
                .contains("<base href=\"/\"")
        );
    }
    tags.dedup();
    assert_eq!(tags.len(), 1, "one document: {tags:?}");
    let known = [("accept", BROWSER), ("if-none-match", tags[0].as_str())];
    let again = ask(&server, "/ui/streams", &known).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.bytes().await.expect("a body").is_empty());
    let head = server.http().head(server.url("/ui")).send().await;
    let head = head.expect("an answer");
    assert_eq!(head.status(), StatusCode::OK);
    assert_ne!(told(head.headers(), "etag"), "");
    assert!(head.bytes().await.expect("none").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_loads_is_kept_for_ever_and_compressed() {
    let server = Server::start(Options::new()).await;
    if !is_there(&server).await {
        return;
    }
    let page = ask(&server, "/ui", &[]).await.text().await.expect("text");
    let path = format!("/assets/{}", script(&page));
    let plain = ask(&server, &path, &[("accept-encoding", "identity")]).await;
    assert_eq!(plain.status(), StatusCode::OK, "{path}");
    let head = plain.headers().clone();
    assert_eq!(
        told(&head, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(told(&head, "content-encoding"), "");
    assert_eq!(told(&head, "x-content-type-options"), "nosniff");
    let plain = plain.bytes().await.expect("a body");
    let client = http_client().no_gzip().build().expect("a client");
    let gzip = client
        .get(server.url(&path))
        .header("accept-encoding", "gzip, br");
    let gzip = gzip.send().await.expect("an answer");
    assert_eq!(told(gzip.headers(), "content-encoding"), "gzip");
    assert!(told(gzip.headers(), "vary").contains("accept-encoding"));
    assert_ne!(told(gzip.headers(), "etag"), told(&head, "etag"));
    let gzip = gzip.bytes().await.expect("a body");
    assert!(gzip.len() < plain.len());
    let mut unpacked = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(gzip.as_ref());
    std::io::Read::read_to_end(&mut decoder, &mut unpacked).expect("gzip");
    assert_eq!(unpacked, plain);

    for path in [
        "/assets/none.js",
        "/assets/../index.html",
        "/assets/%2e%2e/Cargo.toml",
        "/index.html",
    ] {
        let none = ask(&server, path, &[]).await;
        assert_eq!(none.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(!told(none.headers(), "cache-control").contains("immutable"));
    }
    let icon = ask(&server, "/icon.svg", &[]).await;
    assert_eq!(told(icon.headers(), "content-type"), "image/svg+xml");
    let posted = server.http().post(server.url("/ui")).send().await;
    assert_eq!(
        posted.expect("an answer").status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}

/// Who has not logged in gets the page, which shows them how; it holds nothing of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_there_before_anybody_has_logged_in_and_below_a_path() {
    let options = Options::new()
        .env("AUTH", "required")
        .env("BASE_PATH", "/sub/tv");
    let server = Server::start(options).await;
    assert_eq!(
        ask(&server, "/api/v1/streams", &[]).await.status(),
        StatusCode::UNAUTHORIZED
    );
    if !is_there(&server).await {
        return;
    }
    for path in ["/sub/tv", "/sub/tv/", "/sub/tv/ui/login", "/ui/login"] {
        let page = ask(&server, path, &[("accept", BROWSER)]).await;
        let page = page.text().await.expect("text");
        assert!(page.contains("<base href=\"/sub/tv/\""), "{path}: {page}");
        let asset = format!("/sub/tv/assets/{}", script(&page));
        assert_eq!(ask(&server, &asset, &[]).await.status(), StatusCode::OK);
    }
}
