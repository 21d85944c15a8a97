//! Below a path, behind nginx, which takes the path off or does not.

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_below_a_path_behind_nginx() {
    let origin = Origin::start();
    let tv = origin.ts("tv", TsFile::new(media("bbb.ts")).seamless());
    let server = Server::start(
        Options::new()
            .env("BASE_PATH", "/sub/tv/")
            .env("TRUSTED_PROXIES", "127.0.0.1"),
    )
    .await;
    server.add_stream("tv", &tv.url()).await;
    let back = server.base();
    let forwarded = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off;";
    // The first passes the path on as it is, the second takes it off.
    for location in [
        format!("location /sub/tv/ {{ proxy_pass {back}; {forwarded} }}"),
        format!("location /sub/tv/ {{ proxy_pass {back}/; {forwarded} }}"),
    ] {
        let proxy = Nginx::with(&location).await;
        let page = server
            .http()
            .get(proxy.url("sub/tv/playlist.m3u"))
            .send()
            .await;
        let text = page.expect("an answer").text().await.expect("text");
        let preview = proxy.url("sub/tv/streams/preview/tv");
        assert!(text.contains(&preview), "{text}");
        // Players follow relative URLs, and a redirect, on their own.
        let mut url: url::Url = format!("{preview}/index.m3u8?quality=source")
            .parse()
            .expect("a URL");
        for _ in 0..2 {
            let text = server
                .http()
                .get(url.clone())
                .send()
                .await
                .expect("an answer");
            let text = text.text().await.expect("a playlist");
            let next = text
                .lines()
                .find(|line| !line.starts_with('#'))
                .expect("a URI");
            url = url.join(next).expect("a URL");
            assert!(url.as_str().starts_with(&preview), "{url}");
        }
        let segment = server.http().get(url).send().await.expect("an answer");
        assert_eq!(segment.status(), 200);
        assert_eq!(segment.bytes().await.expect("a segment")[0], 0x47);
        let redirected = server
            .http()
            .get(format!("{preview}/source/index.m3u8"))
            .send()
            .await;
        let redirected = redirected.expect("an answer");
        let location = redirected.headers()["location"]
            .to_str()
            .expect("text")
            .to_owned();
        let next = redirected.url().join(&location).expect("a URL");
        assert!(next.as_str().starts_with(&preview), "{next}");
        let added = server
            .http()
            .post(proxy.url("sub/tv/api/v1/streams"))
            .body(r#"{"name":"b","sources":[{"url":"test://ball"}]}"#)
            .send()
            .await
            .expect("an answer");
        let location = added.headers()["location"].to_str().expect("text");
        assert!(
            location.starts_with("/sub/tv/api/v1/streams/"),
            "{location}"
        );
        let found = server
            .http()
            .get(proxy.url(&location[1..]))
            .send()
            .await
            .expect("an answer");
        assert_eq!(found.status(), 200);
    }
    // Described as it is shown, and reached without the path, too, as probes do.
    let (_, _, description) = server.get("/sub/tv/api/openapi.json").await;
    assert_eq!(description["servers"][0]["url"], "/sub/tv");
    assert_eq!(server.get("/livez").await.0, 200);
    assert_eq!(server.get("/sub/tv/livez").await.0, 200);
    assert_eq!(server.get("/sub/tvs/livez").await.0, 404);
}
