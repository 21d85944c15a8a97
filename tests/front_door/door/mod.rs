//! The door: proxies, names, pages, limits for each client, TLS, and a path below which all is.

mod below;
mod limits;
mod tls;

use reqwest::Method;

use crate::support::*;

const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_believed_strangers_are_not_and_browsers_are_told() {
    let server = Server::start(
        Options::new()
            .env(PROXY.0, PROXY.1)
            .env("CORS_ORIGINS", "https://page.example"),
    )
    .await;
    server.add_stream("a", "test://ball").await;
    let told = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "tv.example"),
    ];
    let get = async |path: &str, headers: &[(&str, &str)]| {
        server.request(Method::GET, path, headers, None).await
    };
    let (_, headers, body) = get("/playlist.m3u", &told).await;
    assert!(
        body.to_string()
            .contains("https://tv.example/streams/preview/a"),
        "{body}"
    );
    assert_eq!(headers["strict-transport-security"], "max-age=15552000");
    // The other end of the connection is another machine as far as the server knows.
    let stranger = crate::support::http_client()
        .no_proxy()
        .local_address(std::net::IpAddr::from([127, 0, 0, 3]))
        .build()
        .expect("a client");
    let mut request = stranger.get(server.url("/playlist.m3u"));
    for (name, value) in told {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("an answer");
    assert!(!answer.headers().contains_key("strict-transport-security"));
    let body = answer.text().await.expect("text");
    assert!(body.contains(&server.preview("a", "")), "{body}");

    // By a name that is not known to be this server's there is media, but no API (DNS rebinding).
    let rebound = [("x-forwarded-host", "rebound.example")];
    let (status, _, body) = get("/api/v1/streams", &rebound).await;
    assert_eq!((status, &body["code"]), (421, &"unknown_host".into()));
    assert_eq!(get("/playlist.m3u?sources=true", &rebound).await.0, 421);
    assert_eq!(get("/playlist.m3u", &rebound).await.0, 200);

    // Of pages, the one that is named may call the API; others may not even read it.
    let (status, headers, _) = get("/api/v1/streams", &[("origin", "https://evil.example")]).await;
    assert_eq!(status, 200);
    assert!(!headers.contains_key("access-control-allow-origin"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(headers[name], value);
    }
    let policy = headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let page = ("origin", "https://page.example");
    let asks = [page, ("access-control-request-method", "DELETE")];
    let path = "/api/v1/streams/a";
    let (status, headers, _) = server.request(Method::OPTIONS, path, &asks, None).await;
    assert_eq!(status, 204);
    assert_eq!(
        headers["access-control-allow-origin"],
        "https://page.example"
    );
    let methods = headers["access-control-allow-methods"]
        .to_str()
        .expect("text");
    assert!(methods.contains("DELETE"));
    let cross = [page, ("sec-fetch-site", "cross-site")];
    assert_eq!(
        server.request(Method::DELETE, path, &cross, None).await.0,
        204
    );
    let evil = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "DELETE"),
    ];
    let (status, headers, _) = server.request(Method::OPTIONS, path, &evil, None).await;
    assert_eq!(status, 405);
    assert!(!headers.contains_key("access-control-allow-origin"));
}
